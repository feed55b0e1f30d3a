// What a NAT real server sends, that belongs to no connection, and still is to leave from a virtual
// address: calls that it begins (engine sip), and its replies to one-packet services.
//
//   if (TakeDialog<Address>(turn, packet, parsed, flow)) return;
//   if (TakeOnePacketReply<Address>(turn, packet, parsed, flow)) return;
//
// Threads: the worker's; the second at the owner of the packet's connection, if there could be one.
// Ownership of the packet moves in, unless the answer is false.
#pragma once

#include "dataplane/path/flow_fields.h"

namespace fairlead::dataplane {

// ---- calls that it begins (ipvs.md, SIP engine)

// The packet's flow as its answer will be: from the client to the service.
inline FlowFields AnswerFields(const ServiceView& service, const FlowFields& flow) noexcept {
  return {{.source = flow.addresses.destination,
           .destination = service.address,
           .source_port = flow.addresses.destination_port,
           .destination_port = service.port.host(),
           .protocol = flow.addresses.protocol,
           .input_port = flow.addresses.input_port}};
}

// The real whose service has an engine and takes the answers to this packet; none: it has not.
inline RealId DialogReal(const Snapshot& snapshot, const FlowFields& flow) noexcept {
  if (flow.addresses.protocol != kProtocolUdp) return RealId{};
  const auto found = snapshot.nat_sources.find(
      {flow.addresses.source, Be16::FromHost(flow.addresses.source_port), flow.addresses.protocol});
  if (found == snapshot.nat_sources.end()) return RealId{};
  const RealView& real = snapshot.reals[found->second.index()];
  if (!real.is_available || real.service.index() >= snapshot.services.size()) return RealId{};
  const ServiceView& service = snapshot.services[real.service.index()];
  const bool has_place = service.mark == 0 && !service.port.is_zero();
  const bool has_engine = service.persistence.engine != PersistenceEngine::kNone;
  return has_place && has_engine && service.persistence.is_enabled ? found->second : RealId{};
}

// At the template's owner: the call's template names the real that began it, and the message leaves
// from the service's address. No connection is made: the client's answer makes it.
template <typename Address, Packet P>
void BeginDialog(Turn<P>& t, P* packet, ParsedPacket* parsed, const ServiceView& service,
                 RealId real_id, const FlowFields& answer) noexcept {
  NoTrace silent;
  const TemplateIdentity identity = IdentifyTemplate(service, answer);
  TemplateIdentity looked_up = identity;
  const TemplateDecision found = DecideTemplate(t.shard, t.snapshot, service, &looked_up, silent);
  Commit commit{t.shard, t.snapshot};
  if (found.is_valid && found.real != real_id) commit.Invalidate(found.slot);
  const Grant grant = BindClient(commit, service, answer, identity, real_id, silent);
  if (!grant.real.is_none()) t.shard.ReleaseGrant(grant.ref);
  CountOut(t, real_id, t.snapshot.reals[real_id.index()], parsed->ip_length);
  ForwardRouted(t, packet, parsed, [&](P& p, ParsedPacket* fields) {
    RewriteNat<NatDirection::kReply>(p, fields, service.address.As<Address>(), service.port);
  });
}

// At any worker. False: the packet begins no call; it is still the caller's.
template <typename Address, Packet P>
bool TakeDialog(Turn<P>& t, P* packet, ParsedPacket* parsed, const FlowFields& flow) noexcept {
  const RealId real = DialogReal(t.snapshot, flow);
  if (real.is_none()) [[likely]]
    return false;
  const ServiceView& service = t.snapshot.services[t.snapshot.reals[real.index()].service.index()];
  FlowFields answer = AnswerFields(service, flow);
  if (!ReadEngineData(t, packet, *parsed, service, &answer)) return false;
  const WorkerId owner = t.shard.fabric.steering.TemplateOwner(
      t.shard.templates().Hash(IdentifyTemplate(service, answer).key));
  if (owner == t.shard.me) {
    BeginDialog<Address>(t, packet, parsed, service, real, answer);
  } else {
    HandTo(t, packet, owner, HandOff::kDialog);
  }
  return true;
}

// At the template's owner, from a worker that found the call. Snapshots may differ by one.
template <typename Address, Packet P>
void AnswerDialog(Turn<P>& t, P* packet, ParsedPacket* parsed) noexcept {
  const FlowFields flow = FieldsOf(packet->data(), *parsed, packet->meta().input_port);
  const RealId real = DialogReal(t.snapshot, flow);
  if (real.is_none()) return t.Drop(packet, DropReason::kStaleGrant);
  const ServiceView& service = t.snapshot.services[t.snapshot.reals[real.index()].service.index()];
  FlowFields answer = AnswerFields(service, flow);
  if (!ReadEngineData(t, packet, *parsed, service, &answer)) {
    return t.Drop(packet, DropReason::kNoCallId);
  }
  BeginDialog<Address>(t, packet, parsed, service, real, answer);
}

// ---- replies to one-packet services

// The one-packet service that the packet's source serves. None: nobody's reply.
inline RealId OnePacketReal(const Snapshot& snapshot, const FlowFields& flow) noexcept {
  if (snapshot.one_packet_sources.empty()) [[likely]]
    return RealId{};
  const auto& from = flow.addresses;
  auto found = snapshot.one_packet_sources.find(
      {from.source, Be16::FromHost(from.source_port), from.protocol});
  if (found == snapshot.one_packet_sources.end()) {
    // Of a service of all ports the real server's own port is only a name.
    found = snapshot.one_packet_sources.find({from.source, Be16{}, from.protocol});
  }
  return found == snapshot.one_packet_sources.end() ? RealId{} : found->second;
}

// Not with an engine, which tells replies from all else, nor a mark, which has no address.
inline bool IsTranslatedBySource(const ServiceView& service) noexcept {
  return service.is_one_packet && service.mark == 0 &&
         service.persistence.engine == PersistenceEngine::kNone;
}

// No connection remembers the packet that this answers, so the source says whose it is (IPVS lets
// such a reply go with the real server's address). With several services of one source the first
// counts; `fairleadd --check` says so. False: it is no such reply.
template <typename Address, Packet P>
bool TakeOnePacketReply(Turn<P>& t, P* packet, ParsedPacket* parsed,
                        const FlowFields& flow) noexcept {
  const RealId id = OnePacketReal(t.snapshot, flow);
  if (id.is_none()) [[likely]]
    return false;
  const RealView& real = t.snapshot.reals[id.index()];
  if (real.service.index() >= t.snapshot.services.size()) return false;
  const ServiceView& service = t.snapshot.services[real.service.index()];
  if (!IsTranslatedBySource(service) || service.address.family() != Address::kFamily) return false;
  const Be16 port = service.port.is_zero() ? parsed->source_port : service.port;
  CountOut(t, id, real, parsed->ip_length);
  ForwardRouted(t, packet, parsed, [&](P& p, ParsedPacket* fields) {
    RewriteNat<NatDirection::kReply>(p, fields, service.address.As<Address>(), port);
  });
  return true;
}

}  // namespace fairlead::dataplane
