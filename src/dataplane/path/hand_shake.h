// The hand-shake between the owner of a connection and the owner of its template: the packet goes
// there as a request and comes back as a grant or a refusal.
//
//   AnswerRequest(turn, packet, parsed);               // at the template's owner
//   TakeGrant<Ipv4Address>(turn, packet, &parsed);     // back at the connection's owner
//
// Every grant ends in exactly one release, also when the ring is full or the service is gone by
// then (admission.h). Threads: the worker's. Ownership of the packet moves in.
#pragma once

#include "dataplane/path/steer.h"

namespace fairlead::dataplane {

// The service a request names, if the snapshot still has it.
inline const ServiceView* ServiceOf(const Snapshot& snapshot, ServiceId id) noexcept {
  if (id.index() >= snapshot.services.size()) return nullptr;
  const ServiceView& service = snapshot.services[id.index()];
  return service.id == id ? &service : nullptr;
}

// The template owner's answer goes to the connection's owner.
template <Packet P>
void SendGrant(Turn<P>& t, P* packet, const Grant& grant, WorkerId asker) noexcept {
  PacketMeta& meta = packet->meta();
  meta.real = grant.real;
  meta.template_ref = grant.ref;
  meta.refusal = static_cast<uint8_t>(grant.refusal);
  const bool is_granted = !grant.real.is_none();
  if (!HandTo(t, packet, asker, is_granted ? HandOff::kGrant : HandOff::kRefusal) && is_granted) {
    t.shard.ReleaseGrant(grant.ref);
  }
}

// At the template's owner: decide and send the packet back to who asked.
template <Packet P>
void GrantFor(Turn<P>& t, P* packet, const ServiceView& service, const FlowFields& flow,
              WorkerId asker) noexcept {
  RealId known;
  if (AsksPreviousOwner(t, packet, service, flow, asker, &known)) return;
  SendGrant(t, packet, GrantTemplate(t.shard, service, flow, known), asker);
}

// The same, asked by the packet of a flow.
template <Packet P>
void AnswerRequest(Turn<P>& t, P* packet, const ParsedPacket& parsed) noexcept {
  PacketMeta& meta = packet->meta();
  const ServiceView* service = ServiceOf(t.snapshot, meta.service);
  if (service == nullptr || !service->persistence.is_enabled) {
    return t.Drop(packet, DropReason::kStaleGrant);
  }
  const WorkerId asker = meta.from;
  FlowFields flow = FieldsOf(packet->data(), parsed, meta.input_port);
  if (!ReadEngineData(t, packet, parsed, *service, &flow)) {
    return t.Drop(packet, DropReason::kNoCallId);
  }
  GrantFor(t, packet, *service, flow, asker);
}

// At the owner of a key from before a netmask change: name the real and send the packet back.
template <Packet P>
void AnswerRekey(Turn<P>& t, P* packet, const ParsedPacket& parsed) noexcept {
  PacketMeta& meta = packet->meta();
  const ServiceView* service = ServiceOf(t.snapshot, meta.service);
  meta.real = RealId{};
  if (service != nullptr && service->persistence.previous != nullptr) {
    FlowFields flow = FieldsOf(packet->data(), parsed, meta.input_port);
    if (ReadEngineData(t, packet, parsed, *service, &flow)) {
      meta.real = PreviousReal(t.shard, *service, flow);
    }
  }
  HandTo(t, packet, meta.from, HandOff::kRekeyed);
}

// Back at the connection's owner. A duplicate (retransmitted SYN) finds the connection made and
// releases its grant.
template <typename Address, Packet P>
void TakeGrant(Turn<P>& t, P* packet, ParsedPacket* parsed) noexcept {
  const PacketMeta meta = packet->meta();
  auto& table = t.shard.template Connections<Address>();
  const FlowKey<Address> key = ForwardKey<Address>(packet->data(), *parsed);
  if (const FindOutcome found = table.Find(key, table.Hash(key), t.now()); found.hit()) {
    t.shard.ReleaseGrant(meta.template_ref);
    if (!ForwardToReal<Address>(t, packet, parsed, found.slot)) {
      t.Drop(packet, DropReason::kStaleGrant);
    }
    return;
  }
  const bool is_known = meta.real.index() < t.snapshot.reals.size();
  const RealView* real = is_known ? &t.snapshot.reals[meta.real.index()] : nullptr;
  // The service that asked: the template, and so the real, may be another's (ipvs.md, template key,
  // key clash).
  const ServiceView* service = ServiceOf(t.snapshot, meta.service);
  if (service == nullptr || real == nullptr || !real->is_available) {
    t.shard.ReleaseGrant(meta.template_ref);
    return t.Drop(packet, DropReason::kStaleGrant);
  }
  FinishAdmission<Address>(t, packet, parsed, *service, meta.real, meta.template_ref);
}

template <Packet P>
void TakeRefusal(Turn<P>& t, P* packet, ParsedPacket* parsed) noexcept {
  const auto reason = static_cast<DropReason>(packet->meta().refusal);
  const ServiceView* service = ServiceOf(t.snapshot, packet->meta().service);
  if (reason != DropReason::kNoReal || service == nullptr) return t.Drop(packet, reason);
  RefuseWithoutReal(t, packet, parsed, *service);
}

// Back at the template's owner, with what the old key's owner knows. Meanwhile another packet of
// the client may have made the template; then that one counts.
template <typename Address, Packet P>
void TakeRekeyed(Turn<P>& t, P* packet, ParsedPacket* parsed) noexcept {
  PacketMeta& meta = packet->meta();
  const ServiceView* service = ServiceOf(t.snapshot, meta.service);
  if (service == nullptr || !service->persistence.is_enabled) {
    return t.Drop(packet, DropReason::kStaleGrant);
  }
  FlowFields flow = FieldsOf(packet->data(), *parsed, meta.input_port);
  if (!ReadEngineData(t, packet, *parsed, *service, &flow)) {
    return t.Drop(packet, DropReason::kNoCallId);
  }
  const Grant grant = GrantTemplate(t.shard, *service, flow, meta.real);
  if (meta.asker != t.shard.me) return SendGrant(t, packet, grant, meta.asker);
  meta.real = grant.real;
  meta.template_ref = grant.ref;
  meta.refusal = static_cast<uint8_t>(grant.refusal);
  if (grant.real.is_none()) return TakeRefusal(t, packet, parsed);
  TakeGrant<Address>(t, packet, parsed);
}

}  // namespace fairlead::dataplane
