// Scheduling by ICMP: an error from a client about a flow that is not here, on a service with
// schedule_icmp, is scheduled as the client's own packet would be and follows, so that every
// director of an anycast address finds the same real server (ipvs.md, ICMP).
//
//   if (ScheduleByIcmp<Ipv4Address>(turn, packet, &parsed, quoted)) return;
//   AnswerErrorHandShake<Ipv4Address>(turn, packet, &parsed);      // at the owners of templates
//
// The flow is the quoted one; its hand-shake between the owners of connection and template is that
// of any first packet (hand_shake.h). Not where an engine names the client by what it says: an
// error does not quote that much. Threads: the worker's. Ownership of the packet moves in, unless
// ScheduleByIcmp says false.
#pragma once

#include "dataplane/path/hand_shake.h"
#include "dataplane/path/icmp_flow.h"

namespace fairlead::dataplane {

// What the client's own packet would say.
template <typename Address>
FlowFields QuotedFlow(const uint8_t* frame, const QuotedPacket& quoted,
                      PortId input_port) noexcept {
  return {{.source = quoted.Destination<Address>(frame),
           .destination = quoted.Source<Address>(frame),
           .source_port = quoted.destination_port.host(),
           .destination_port = quoted.source_port.host(),
           .protocol = quoted.protocol,
           .input_port = input_port}};
}

// At the connection's owner: the connection is made and the error follows it.
template <typename Address, Packet P>
void AdmitByError(Turn<P>& t, P* packet, ParsedPacket* parsed, const QuotedPacket& quoted,
                  const ServiceView& service, const Grant& grant) noexcept {
  if (grant.real.is_none()) return t.Drop(packet, grant.refusal);
  const uint8_t* frame = packet->data();
  const auto key = FlowKey<Address>::Forward(quoted.protocol, quoted.Destination<Address>(frame),
                                             quoted.destination_port, quoted.Source<Address>(frame),
                                             quoted.source_port);
  if (!CanAnswer(t.snapshot.reals[grant.real.index()], key.client, packet->meta().input_port)) {
    if (!grant.ref.is_none()) t.shard.ReleaseGrant(grant.ref);
    return t.Drop(packet, DropReason::kLinkLocalClient);
  }
  const uint64_t hash = t.shard.template Connections<Address>().Hash(key);
  const AdmitOutcome admitted = Admit(t.shard, service, key, hash, grant.real, grant.ref);
  if (!admitted.ok()) return t.Drop(packet, admitted.refusal);
  if (!FollowIcmpError<Address>(t, packet, parsed, quoted)) {
    t.Drop(packet, DropReason::kIcmpNoConnection);  // cannot be: the connection is there
  }
}

// At the connection's owner, with no connection. False: not scheduled.
template <typename Address, Packet P>
[[gnu::noinline]] bool ScheduleByIcmp(Turn<P>& t, P* packet, ParsedPacket* parsed,
                                      const QuotedPacket& quoted) noexcept {
  const FlowFields flow = QuotedFlow<Address>(packet->data(), quoted, packet->meta().input_port);
  NoTrace silent;
  const ServiceDecision decision = DecideService(t.snapshot, flow, silent);
  if (decision.kind != ServiceDecision::Kind::kService) return false;
  const ServiceView& service = t.snapshot.services[decision.service.index()];
  const bool has_engine =
      service.persistence.is_enabled && service.persistence.engine != PersistenceEngine::kNone;
  if (!service.policy.schedule_icmp || has_engine || IsFromFtpData(flow)) return false;
  if (t.shard.defence.DropsNext(service.policy.drop_packet)) {
    t.Drop(packet, DropReason::kDropPacket);
    return true;
  }
  if (!TakesPort(service, flow)) return false;
  Grant grant;
  if (!service.persistence.is_enabled) {
    grant.real = Schedule(t.shard, service, flow);
  } else {
    const WorkerId owner = t.shard.fabric.steering.TemplateOwner(
        t.shard.templates().Hash(IdentifyTemplate(service, flow).key));
    if (owner != t.shard.me) {
      packet->meta().service = service.id;
      HandTo(t, packet, owner, HandOff::kRequest);
      return true;
    }
    RealId known;
    if (AsksPreviousOwner(t, packet, service, flow, t.shard.me, &known)) return true;
    grant = GrantTemplate(t.shard, service, flow, known);
  }
  AdmitByError<Address>(t, packet, parsed, quoted, service, grant);
  return true;
}

// Back at the connection's owner. The client's own packet may have made the connection meanwhile.
template <typename Address, Packet P>
void TakeErrorGrant(Turn<P>& t, P* packet, ParsedPacket* parsed, const QuotedPacket& quoted,
                    const ServiceView* service) noexcept {
  const Grant grant{.real = packet->meta().real, .ref = packet->meta().template_ref};
  if (FollowIcmpError<Address>(t, packet, parsed, quoted)) return t.shard.ReleaseGrant(grant.ref);
  if (service == nullptr || grant.real.index() >= t.snapshot.reals.size() ||
      !t.snapshot.reals[grant.real.index()].is_available) {
    t.shard.ReleaseGrant(grant.ref);
    return t.Drop(packet, DropReason::kStaleGrant);
  }
  AdmitByError<Address>(t, packet, parsed, quoted, *service, grant);
}

// Any step of the hand-shake, for an error.
template <typename Address, Packet P>
void AnswerErrorHandShake(Turn<P>& t, P* packet, ParsedPacket* parsed) noexcept {
  QuotedPacket quoted;
  PacketMeta& meta = packet->meta();
  const ServiceView* service = ServiceOf(t.snapshot, meta.service);
  const bool is_error = ParseIcmpError(packet->data(), *parsed, &quoted) == IcmpErrorKind::kRelated;
  if (is_error && meta.hand_off == HandOff::kGrant) {
    return TakeErrorGrant<Address>(t, packet, parsed, quoted, service);
  }
  if (!is_error || service == nullptr || !service->persistence.is_enabled) {
    return t.Drop(packet, DropReason::kStaleGrant);
  }
  const FlowFields flow = QuotedFlow<Address>(packet->data(), quoted, meta.input_port);
  switch (meta.hand_off) {
    case HandOff::kRequest:
      return GrantFor(t, packet, *service, flow, meta.from);
    case HandOff::kRefusal:
      return t.Drop(packet, static_cast<DropReason>(meta.refusal));
    case HandOff::kRekey:
      meta.real = service->persistence.previous == nullptr ? RealId{}
                                                           : PreviousReal(t.shard, *service, flow);
      HandTo(t, packet, meta.from, HandOff::kRekeyed);
      return;
    case HandOff::kRekeyed: {
      const Grant grant = GrantTemplate(t.shard, *service, flow, meta.real);
      if (meta.asker != t.shard.me) return SendGrant(t, packet, grant, meta.asker);
      return AdmitByError<Address>(t, packet, parsed, quoted, *service, grant);
    }
    default:
      return t.Drop(packet, DropReason::kStaleGrant);
  }
}

}  // namespace fairlead::dataplane
