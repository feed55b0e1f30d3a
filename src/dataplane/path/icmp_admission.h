// Scheduling by ICMP: an error from a client about a flow that is not here, on a service with
// schedule_icmp, is scheduled as the client's own packet would be and follows, so that every
// director of an anycast address finds the same real server (ipvs.md, ICMP).
//
//   AdmitByError<Ipv4Address>(turn, packet, &parsed, quoted);           // to a virtual address
//   AnswerErrorHandShake<Ipv4Address>(turn, packet, &parsed);           // between workers
//
// The flow is the quoted one; its admission and its hand-shake are those of any first packet, with
// the error as the subject. Not where an engine names the client by what it says: an error does not
// quote that much. Threads: the worker's. Ownership of the packet moves in.
#pragma once

#include "dataplane/path/hand_shake.h"
#include "dataplane/path/icmp_flow.h"

namespace fairlead::dataplane {

template <typename Address, Packet P>
struct QuotingError {
  static constexpr bool kIsError = true;
  Turn<P>& t;
  P* packet;
  ParsedPacket* parsed;
  const QuotedPacket& quoted;

  // What the client's own packet would say.
  [[nodiscard]] FlowFields Flow() const noexcept {
    const uint8_t* frame = packet->data();
    return {{.source = quoted.Destination<Address>(frame),
             .destination = quoted.Source<Address>(frame),
             .source_port = quoted.destination_port.host(),
             .destination_port = quoted.source_port.host(),
             .protocol = quoted.protocol,
             .input_port = packet->meta().input_port}};
  }
  // HandleFlowError has steered it.
  [[nodiscard]] static WorkerId OtherOwner() noexcept { return WorkerId{}; }
  [[nodiscard]] bool MayBegin(const ServiceView& service) const noexcept {
    FlowFields none;
    return service.policy.schedule_icmp &&
           (!service.persistence.is_enabled || ReadEngine(service, &none));
  }
  static bool ReadEngine(const ServiceView& service, FlowFields*) noexcept {
    return service.persistence.engine == PersistenceEngine::kNone;
  }
  bool Follow() const noexcept { return FollowIcmpError<Address>(t, packet, parsed, quoted); }

  // An error is never answered with another.
  void CarryOut(const Admission& a, const FlowFields&) const noexcept {
    switch (a.kind) {
      case Admission::Kind::kForward:
        return Forward(a);
      case Admission::Kind::kAsk:
        return AskFor(t, packet, a);
      case Admission::Kind::kNoService:
      case Admission::Kind::kNotBalanced:
      case Admission::Kind::kClassifierDrop:
      case Admission::Kind::kBypass:  // of no error
        return Decline();
      case Admission::Kind::kNoReal:
      case Admission::Kind::kDrop:
        return t.Drop(packet, a.reason);
    }
  }

 private:
  // The connection is made and the error follows it.
  void Forward(const Admission& a) const noexcept {
    const uint8_t* frame = packet->data();
    const ServiceView& service = t.snapshot.services[a.service.index()];
    const RealView& real = t.snapshot.reals[a.real.index()];
    const auto key = FlowKey<Address>::Forward(quoted.protocol, quoted.Destination<Address>(frame),
                                               quoted.destination_port,
                                               quoted.Source<Address>(frame), quoted.source_port);
    if (IsForgotten(service, real, quoted.protocol) &&
        HairpinOf(t.snapshot, key.client, real) == nullptr) {
      if (!a.ref.is_none()) t.shard.ReleaseGrant(a.ref);
      t.shard.fabric.stats.traffic(t.shard.me, a.real).connections.Add(1);
      return SendErrorToReal(t, packet, parsed, quoted,
                             DraftConnection(key, service, a.real, real, TemplateRef{}));
    }
    const uint64_t hash = t.shard.template Connections<Address>().Hash(key);
    const AdmitOutcome admitted = Admit(t.shard, service, key, hash, a.real, a.ref);
    if (!admitted.ok()) return t.Drop(packet, admitted.refusal);
    if (real.client_address != ClientAddress::kNone) {
      BeginTelling<Address>(t.shard, admitted.slot, real);
    }
    auto& table = t.shard.template Connections<Address>();
    SendErrorToReal(t, packet, parsed, quoted, table.at(admitted.slot),
                    table.LocalEndpointOf(admitted.slot));
  }
  // Not scheduled: the host's, or nobody's.
  void Decline() const noexcept {
    const LocalAddress* local = t.snapshot.FindLocal(parsed->destination(packet->data()));
    if (local == nullptr) return t.Drop(packet, DropReason::kIcmpNoConnection);
    DeliverToHost(t, packet, *local, DropReason::kIcmpNoConnection);
  }
};

// At the connection's owner, with no connection.
template <typename Address, Packet P>
[[gnu::noinline]] void AdmitByError(Turn<P>& t, P* packet, ParsedPacket* parsed,
                                    const QuotedPacket& quoted) noexcept {
  const QuotingError<Address, P> subject{t, packet, parsed, quoted};
  FlowFields flow = subject.Flow();
  Commit commit{t.shard, t.snapshot};
  NoTrace silent;
  subject.CarryOut(DecideAdmission(commit, subject, &flow, silent), flow);
}

template <typename Address, Packet P>
[[gnu::noinline]] void AnswerErrorHandShake(Turn<P>& t, P* packet, ParsedPacket* parsed) noexcept {
  QuotedPacket quoted;
  if (ParseIcmpError(packet->data(), *parsed, &quoted) != IcmpErrorKind::kRelated) {
    return t.Drop(packet, DropReason::kStaleGrant);
  }
  AnswerHandShake(QuotingError<Address, P>{t, packet, parsed, quoted});
}

}  // namespace fairlead::dataplane
