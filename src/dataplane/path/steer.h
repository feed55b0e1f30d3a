// STEER and ADMIT over packets: what happens to a packet that no connection here claims.
//
//   Miss<Ipv4Address>(turn, packet, &parsed, RuledOut::kForward, is_mine);
//
// What becomes of it is decided in decide/admission.h; here the packet is its subject, and the
// outcome is carried out: the packet is forwarded, sent to the worker that must be asked, answered
// or dropped. docs/life_of_a_packet.md follows one through. Threads: the worker's. Ownership of the
// packet moves in.
#pragma once

#include "dataplane/path/claimed_address.h"
#include "dataplane/path/direct_flow.h"
#include "dataplane/path/mixed_family.h"
#include "dataplane/path/real_speaks.h"
#include "dataplane/path/snat.h"

namespace fairlead::dataplane {

// Which key of a packet is known to find no connection.
enum class RuledOut : uint8_t { kNone, kForward, kReply };

// A flow of the packet is here: forward or return it. False: there is none.
template <typename Address, Packet P>
bool FollowConnection(Turn<P>& t, P* packet, ParsedPacket* parsed, RuledOut ruled_out) noexcept {
  auto& table = t.shard.template Connections<Address>();
  const auto find = [&](const FlowKey<Address>& key) {
    return table.Find(key, table.Hash(key), t.now());
  };
  if (ruled_out != RuledOut::kForward) {
    const FindOutcome found = find(ForwardKey<Address>(packet->data(), *parsed));
    if (found.hit()) return ForwardToReal<Address>(t, packet, parsed, found.slot);
  }
  if (ruled_out != RuledOut::kReply) {
    const FindOutcome found = find(ReplyKey<Address>(packet->data(), *parsed));
    if (found.hit()) {
      ReturnToClient<Address>(t, packet, parsed, found.slot);
      return true;
    }
  }
  return false;
}

// Some NAT real server sends from this endpoint: the packet may be a reply.
inline bool MayBeReply(const Snapshot& snapshot, const FlowFields& flow) noexcept {
  const auto& from = flow.addresses;
  return IsOfNatReal(snapshot, from.source, from.source_port, from.protocol);
}

// The source is ours (Snapshot::IsForgedSource), and no connection here has such a reply. It may be
// another worker's: of a DR or TUN real server whose way to the client leads past the director. All
// else is forged.
template <typename Address, Packet P>
[[gnu::noinline]] void HandleForged(Turn<P>& t, P* packet, const ParsedPacket& parsed,
                                    const FlowFields& flow, bool is_mine) noexcept {
  const WorkerId owner = t.shard.fabric.steering.ConnectionOwner(
      parsed.Destination<Address>(packet->data()), parsed.destination_port);
  if (is_mine || owner == t.shard.me ||
      !MayBeDirectReply(t.snapshot, flow.addresses.source, flow.addresses.input_port)) {
    return t.Drop(packet, DropReason::kBadSource);
  }
  HandTo(t, packet, owner, HandOff::kSteered);
}

// Multicast and broadcast (IsToMany): the twin of the input port may want it (VRRP, routing
// protocols).
template <Packet P>
void HandleMulticast(Turn<P>& t, P* packet) noexcept {
  const PortId port = packet->meta().input_port;
  if (t.port(port).has_host) {
    t.out->Add(packet, Verdict::ToHost(port));
  } else {
    t.Drop(packet, DropReason::kMulticast);
  }
}

// A packet to a local endpoint of FULLNAT that no connection here has: it may be another worker's.
template <typename Address, Packet P>
[[gnu::noinline]] bool HandedToPortOwner(Turn<P>& t, P* packet,
                                         const ParsedPacket& parsed) noexcept {
  const WorkerId owner = t.shard.fabric.steering.ConnectionOwner(
      parsed.Destination<Address>(packet->data()), parsed.destination_port);
  if (owner == t.shard.me) return false;
  HandTo(t, packet, owner, HandOff::kSteered);
  return true;
}

// No service claims the destination: the host, another worker's reply, or plain routing.
template <typename Address, Packet P>
void NoService(Turn<P>& t, P* packet, ParsedPacket* parsed, const FlowFields& flow,
               bool is_mine) noexcept {
  if (t.snapshot.snat != nullptr) [[unlikely]] {
    const auto& from = flow.addresses;
    const bool is_real = MayAnswerClient(t.snapshot, from.source, from.source_port, from.protocol);
    if (TakeBySnat<Address>(t, packet, parsed, flow, is_real, is_mine)) return;
  }
  if (const LocalAddress* local = t.snapshot.FindLocal(flow.addresses.destination)) {
    if (local->has_local_ports && !is_mine && HandedToPortOwner<Address>(t, packet, *parsed)) {
      return;
    }
    if (!local->port.is_none() && t.port(local->port).has_host) {
      if (t.shard.fragment_fate != nullptr) [[unlikely]] {
        t.shard.fragment_fate->kind = FragmentFate::Kind::kToHost;
        t.shard.fragment_fate->port = local->port;
      }
      t.out->Add(packet, Verdict::ToHost(local->port));
      return;
    }
    return Refuse(t, packet, parsed, DropReason::kClosedPort);
  }
  if (IsToMany(*parsed, flow.addresses.destination)) return HandleMulticast(t, packet);
  if (MayBeReply(t.snapshot, flow)) {
    const WorkerId owner = t.shard.fabric.steering.ConnectionOwner(
        parsed->Destination<Address>(packet->data()), parsed->destination_port);
    if (owner != t.shard.me && !is_mine) {
      HandTo(t, packet, owner, HandOff::kSteered);
      return;
    }
    if (TakeDialog<Address>(t, packet, parsed, flow)) return;
    if (TakeOnePacketReply<Address>(t, packet, parsed, flow)) return;
    if (t.snapshot.policy.nat_icmp_send && (parsed->tcp_flags & kTcpRst) == 0) {
      return AnswerWithErrorOfOurs(t, packet, parsed, IcmpError::kPortUnreachable,
                                   DropReason::kClosedPort);
    }
  }
  if (MakesWayForDirect<Address>(t, packet, *parsed, flow, is_mine)) return;
  RouteUnlessClaimed(t, packet, parsed);
}

// To the kernel twin of the address's port, or a named drop.
template <Packet P>
void DeliverToHost(Turn<P>& t, P* packet, const LocalAddress& local,
                   DropReason otherwise) noexcept {
  if (!local.port.is_none() && t.port(local.port).has_host) {
    t.out->Add(packet, Verdict::ToHost(local.port));
  } else {
    t.Drop(packet, otherwise);
  }
}

// Sends the packet to the worker that `a` names.
template <Packet P>
void AskFor(Turn<P>& t, P* packet, const Admission& a) noexcept {
  packet->meta().service = a.service;
  packet->meta().asker = t.shard.me;
  HandTo(t, packet, a.ask, a.purpose);
}

// The real server is known: record the connection and forward its first packet.
template <typename Address, Packet P>
void FinishAdmission(Turn<P>& t, P* packet, ParsedPacket* parsed, const Admission& a) noexcept {
  const ServiceView& service = t.snapshot.services[a.service.index()];
  const RealView& real = t.snapshot.reals[a.real.index()];
  const FlowKey<Address> key = ForwardKey<Address>(packet->data(), *parsed);
  if (IsForgotten(service, real, parsed->protocol) &&
      HairpinOf(t.snapshot, key.client, real) == nullptr) {
    // Counted, forwarded and forgotten (ipvs.md, one packet).
    if (!a.ref.is_none()) t.shard.ReleaseGrant(a.ref);
    t.shard.fabric.stats.traffic(t.shard.me, a.real).connections.Add(1);
    CountIn(t, a.real, real, parsed->ip_length);
    return SendToReal<Address>(t, packet, parsed,
                               DraftConnection(key, service, a.real, real, TemplateRef{}), real);
  }
  const uint64_t hash = t.shard.template Connections<Address>().Hash(key);
  const AdmitOutcome admitted = Admit(t.shard, service, key, hash, a.real, a.ref);
  if (!admitted.ok()) return t.Drop(packet, admitted.refusal);
  CountIn(t, a.real, real, parsed->ip_length);
  t.shard.template Track<Address>(admitted.slot, Direction::kForward, parsed->tcp_flags, real);
  if (t.shard.tells != 0) [[unlikely]]
    TellOfNew<Address>(t.shard, admitted.slot, real);
  auto& table = t.shard.template Connections<Address>();
  if (real.client_address != ClientAddress::kNone) [[unlikely]]
    BeginTelling<Address>(t.shard, packet->data(), *parsed, admitted.slot, real);
  if (table.at(admitted.slot).Has(ConnectionFlag::kLongWay)) [[unlikely]]
    return SendTelling<Address>(t, packet, parsed, admitted.slot, real);
  SendToReal<Address>(t, packet, parsed, table.at(admitted.slot), real,
                      table.LocalEndpointOf(admitted.slot));
}

// The packet as the subject of a decision and of the hand-shake.
template <typename Address, Packet P>
struct FirstPacket {
  static constexpr bool kIsError = false;
  Turn<P>& t;
  P* packet;
  ParsedPacket* parsed;
  bool is_mine;  // this worker owns its connection

  [[nodiscard]] FlowFields Flow() const noexcept {
    return FieldsOf(packet->data(), *parsed, packet->meta().input_port);
  }
  [[nodiscard]] WorkerId OtherOwner() const noexcept {
    const WorkerId owner = t.shard.fabric.steering.ConnectionOwner(
        parsed->Source<Address>(packet->data()), parsed->source_port);
    return is_mine || owner == t.shard.me ? WorkerId{} : owner;
  }
  [[nodiscard]] bool MayBegin(const ServiceView& service) const noexcept {
    return MayCreate(parsed->transport(), parsed->tcp_flags, service.policy);
  }
  bool ReadEngine(const ServiceView& service, FlowFields* flow) const noexcept {
    return ReadEngineData(t, packet, *parsed, service, flow);
  }
  // The connection has been made meanwhile: the packet goes its way. False: it has not.
  bool Follow() const noexcept {
    auto& table = t.shard.template Connections<Address>();
    const FlowKey<Address> key = ForwardKey<Address>(packet->data(), *parsed);
    const FindOutcome found = table.Find(key, table.Hash(key), t.now());
    if (!found.hit()) return false;
    if (!ForwardToReal<Address>(t, packet, parsed, found.slot)) {
      t.Drop(packet, DropReason::kStaleGrant);
    }
    return true;
  }
  void CarryOut(const Admission& a, const FlowFields& flow) const noexcept {
    switch (a.kind) {
      case Admission::Kind::kForward:
        return FinishAdmission<Address>(t, packet, parsed, a);
      case Admission::Kind::kAsk:
        return AskFor(t, packet, a);
      case Admission::Kind::kNoService:
        return NoService<Address>(t, packet, parsed, flow, is_mine);
      case Admission::Kind::kNotBalanced:
        return Refuse(t, packet, parsed, a.reason);
      case Admission::Kind::kNoReal:
        return AnswerWithError(t, packet, parsed, IcmpError::kPortUnreachable,
                               parsed->destination(packet->data()), a.reason);
      case Admission::Kind::kBypass:
        return ForwardRouted(t, packet, parsed);
      case Admission::Kind::kClassifierDrop:
      case Admission::Kind::kDrop:
        return t.Drop(packet, a.reason);
    }
  }
};

// `is_mine`: another worker has already found that this one owns the flow. What is not ruled out is
// looked up: the burst asks for one direction only, and an earlier packet of it may have made the
// connection since.
template <typename Address, Packet P>
[[gnu::noinline]] void Miss(Turn<P>& t, P* packet, ParsedPacket* parsed, RuledOut ruled_out,
                            bool is_mine) noexcept {
  if (FollowConnection<Address>(t, packet, parsed, ruled_out)) return;
  if (MayBeMixed<Address>(t)) [[unlikely]] {
    if (FollowMixedReply<Address>(t, packet, parsed)) return;
  }
  if (t.snapshot.snat != nullptr) [[unlikely]] {
    if (FollowSnat<Address>(t, packet, parsed)) return;
  }
  const FirstPacket<Address, P> subject{t, packet, parsed, is_mine};
  FlowFields flow = subject.Flow();
  if (t.snapshot.IsForgedSource(flow.addresses.source)) [[unlikely]] {
    return HandleForged<Address>(t, packet, *parsed, flow, is_mine);
  }
  Commit commit{t.shard, t.snapshot};
  NoTrace silent;
  subject.CarryOut(DecideAdmission(commit, subject, &flow, silent), flow);
}

// ---- whose it is, asked before any look-up

// The destination that a service was last found for. Its clients need not be judged one by one.
template <typename Address>
struct ServedDestination {
  Address address{};
  Be16 port;
  uint8_t protocol = 0;  // 0: none yet
  bool may_be_client =
      false;  // of a connection in this shard: as a client its owner is this worker

  [[nodiscard]] bool Is(const Address& a, Be16 p, uint8_t proto) const noexcept {
    return protocol == proto && port == p && address == a;
  }
};

// For a worker that gets much of what others own on outside ports: a client's packet goes on to its
// owner without being looked up here, where its connection cannot be. False: it is this worker's,
// or no client's packet, or may be a reply; then it is still the caller's, and the usual way
// (look-up, Miss) finds out.
template <typename Address, Packet P>
[[gnu::noinline]] bool HandedToOwner(Turn<P>& t, P* packet, const ParsedPacket& parsed,
                                     ServedDestination<Address>* served) noexcept {
  if (t.port(packet->meta().input_port).role != PortRole::kOutside) return false;
  const uint8_t* frame = packet->data();
  const Steering& steering = t.shard.fabric.steering;
  const WorkerId owner =
      steering.ConnectionOwner(parsed.Source<Address>(frame), parsed.source_port);
  if (owner == t.shard.me) return false;
  const Address destination = parsed.Destination<Address>(frame);
  const Be16 port = parsed.destination_port;
  if (!served->Is(destination, port, parsed.protocol)) [[unlikely]] {
    NoTrace silent;
    const FlowFields flow = FieldsOf(frame, parsed, packet->meta().input_port);
    const bool is_served =
        DecideService(t.snapshot, flow, silent).kind == ServiceDecision::Kind::kService;
    if (!is_served) return false;
    // With rules another client may be judged otherwise: remembered as no protocol.
    const bool is_for_all = t.snapshot.classifier.rule_count() == 0;
    *served = {destination, port, is_for_all ? parsed.protocol : uint8_t{0},
               steering.ConnectionOwner(destination, port) == t.shard.me};
  }
  if (served->may_be_client) {
    const auto& table = t.shard.template Connections<Address>();
    const FlowKey<Address> reply = ReplyKey<Address>(frame, parsed);
    if (table.Find(reply, table.Hash(reply), t.now()).hit()) return false;
  }
  HandTo(t, packet, owner, HandOff::kSteered);
  return true;
}

}  // namespace fairlead::dataplane
