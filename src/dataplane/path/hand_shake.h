// The hand-shake between the owner of a connection and the owner of its template: the packet goes
// there as a request and comes back as a grant or a refusal. While a changed netmask is new it may
// go on to the owner of the client's previous key (rekey) and back (rekeyed).
//
//   AnswerHandShake(FirstPacket<Ipv4Address, P>{turn, packet, &parsed, true});
//
// The subject is what travels: a flow's first packet (steer.h), or an ICMP error that quotes it
// (icmp_admission.h). Both take the same steps, which are those of decide/admission.h. Every grant
// ends in exactly one release, also when the ring is full or the service is gone by then. Threads:
// the worker's. Ownership of the packet moves in.
#pragma once

#include "dataplane/path/steer.h"

namespace fairlead::dataplane {

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

// The service the packet asks for and its flow, at an owner of templates. Null: the packet has been
// dropped.
template <typename Subject>
const ServiceView* AskedService(const Subject& subject, FlowFields* flow) noexcept {
  auto& t = subject.t;
  const ServiceView* service = ServiceOf(t.snapshot, subject.packet->meta().service);
  if (service == nullptr || !service->persistence.is_enabled) {
    t.Drop(subject.packet, DropReason::kStaleGrant);
    return nullptr;
  }
  *flow = subject.Flow();
  if (!subject.ReadEngine(*service, flow)) {
    t.Drop(subject.packet, DropReason::kNoCallId);
    return nullptr;
  }
  return service;
}

// At the template's owner: decide and send the packet back to who asked, or on to the owner of the
// client's previous key.
template <typename Subject>
void AnswerRequest(const Subject& subject) noexcept {
  auto& t = subject.t;
  PacketMeta& meta = subject.packet->meta();
  FlowFields flow;
  const ServiceView* service = AskedService(subject, &flow);
  if (service == nullptr) return;
  Commit commit{t.shard, t.snapshot};
  NoTrace silent;
  const TemplateAnswer answer =
      AnswerForTemplate(commit, *service, flow, IdentifyTemplate(*service, flow), silent);
  if (answer.previous_owner.is_none()) {
    return SendGrant(t, subject.packet, answer.grant, meta.from);
  }
  meta.asker = meta.from;
  HandTo(t, subject.packet, answer.previous_owner, HandOff::kRekey);
}

// At the owner of the key under the previous netmask: name the real and send the packet back. It
// goes back in any case: the template's owner decides.
template <typename Subject>
void AnswerRekey(const Subject& subject) noexcept {
  auto& t = subject.t;
  PacketMeta& meta = subject.packet->meta();
  const ServiceView* service = ServiceOf(t.snapshot, meta.service);
  FlowFields flow = subject.Flow();
  const bool is_known = service != nullptr && subject.ReadEngine(*service, &flow);
  meta.real = is_known ? PreviousReal(t.shard, t.snapshot, *service, flow) : RealId{};
  HandTo(t, subject.packet, meta.from, HandOff::kRekeyed);
}

// Back at the connection's owner. A duplicate (retransmitted SYN), or a packet beside an error
// about its flow, finds the connection made and releases its grant.
template <typename Subject>
void TakeGrant(const Subject& subject, const Grant& grant) noexcept {
  auto& t = subject.t;
  if (!grant.real.is_none() && subject.Follow()) return t.shard.ReleaseGrant(grant.ref);
  const FlowFields flow = subject.Flow();
  Commit commit{t.shard, t.snapshot};
  subject.CarryOut(ConcludeGranted(commit, subject, subject.packet->meta().service, flow, grant),
                   flow);
}

// Back at the template's owner, with what the previous key's owner knows. Meanwhile another packet
// of the client may have made the template; then that one counts.
template <typename Subject>
void TakeRekeyed(const Subject& subject) noexcept {
  auto& t = subject.t;
  const PacketMeta& meta = subject.packet->meta();
  FlowFields flow;
  const ServiceView* service = AskedService(subject, &flow);
  if (service == nullptr) return;
  Commit commit{t.shard, t.snapshot};
  NoTrace silent;
  const Grant grant =
      BindClient(commit, *service, flow, IdentifyTemplate(*service, flow), meta.real, silent);
  if (meta.asker != t.shard.me) return SendGrant(t, subject.packet, grant, meta.asker);
  TakeGrant(subject, grant);
}

// Any step. kDialog is no step of it (real_speaks.h).
template <typename Subject>
void AnswerHandShake(const Subject& subject) noexcept {
  const PacketMeta& meta = subject.packet->meta();
  switch (meta.hand_off) {
    case HandOff::kRequest:
      return AnswerRequest(subject);
    case HandOff::kGrant:
      return TakeGrant(subject, {.real = meta.real, .ref = meta.template_ref});
    case HandOff::kRefusal:
      return TakeGrant(subject, {.refusal = static_cast<DropReason>(meta.refusal)});
    case HandOff::kRekey:
      return AnswerRekey(subject);
    case HandOff::kRekeyed:
      return TakeRekeyed(subject);
    case HandOff::kDialog:
    case HandOff::kNone:
    case HandOff::kSteered:
      return subject.t.Drop(subject.packet, DropReason::kStaleGrant);
  }
}

// Any step, and kDialog: of a packet that holds its flow's ports.
template <Packet P>
void AnswerFlowHandShake(Turn<P>& t, P* packet, ParsedPacket* parsed) noexcept {
  if (packet->meta().hand_off == HandOff::kDialog) {
    return parsed->is_v4() ? AnswerDialog<Ipv4Address>(t, packet, parsed)
                           : AnswerDialog<Ipv6Address>(t, packet, parsed);
  }
  parsed->is_v4() ? AnswerHandShake(FirstPacket<Ipv4Address, P>{t, packet, parsed, true})
                  : AnswerHandShake(FirstPacket<Ipv6Address, P>{t, packet, parsed, true});
}

}  // namespace fairlead::dataplane
