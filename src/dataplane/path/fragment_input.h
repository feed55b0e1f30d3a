// Fragments that come in. They are not put together: all of a datagram meet at one worker, wait
// there until the first is there, which alone has the ports, and then take the way it took, each
// with its own identification, place and size (docs/fragments.md). A ping to us is answered in the
// same manner, each fragment by one of the reply.
//
//   HandleFragment(turn, packet, &parsed, is_mine);       // any fragment, the first included
//   ResumeFragment(turn, packet, &parsed);                // a first one, in the hand-shake
//   ReleaseReadyFragments(turn);                          // once a turn
//
// Where they meet says a hash of {source, destination, identification}, any worker's the same. The
// first then goes the way of a packet of its flow (steer.h), which may lead it on to the flow's
// owner; that it went there is its fate here, and the others follow through the same ring, behind
// it. The owner keeps the datagram in its own table, with what it decided. So nobody is told
// anything, and with one worker there is one table and no ring.
//
// Threads: the worker's. Ownership of the packet moves in.
#pragma once

#include "dataplane/path/local_input.h"
#include "dataplane/wire/echo_fragment.h"
#include "dataplane/wire/fragment_fields.h"

namespace fairlead::dataplane {

// Whose way depends on ports: to a virtual address, or to one of ours that no kernel has; to where
// a rule may give a mark; back from a real server of NAT. Others go by their address.
template <Packet P>
bool MayBeBalanced(const Turn<P>& t, const ParsedPacket& parsed, const LocalAddress* local,
                   const IpAddress& source, const IpAddress& destination,
                   PortId input_port) noexcept {
  // Behind a later IPv6 fragment's header the transport need not come at once.
  const bool may_be_transport =
      IsTransport(parsed.protocol) || (!parsed.is_v4() && !parsed.is_first_fragment &&
                                       parsed.protocol == kProtocolDestinationOptions);
  if (!may_be_transport) return false;
  const bool is_ours =
      local != nullptr && (local->is_vip || local->port.is_none() || !t.port(local->port).has_host);
  return is_ours || t.snapshot.classifier.rule_count() > 0 || t.snapshot.IsNatAddress(source) ||
         ClaimOn(t.snapshot, destination, input_port) != Claim::kNone;
}

// ICMP to an address that we answer pings for, be it ours or one that seems to be; for addresses
// that a kernel has, it answers.
template <Packet P>
bool MayBePing(const Turn<P>& t, const ParsedPacket& parsed, const LocalAddress* local,
               const IpAddress& destination, PortId input_port) noexcept {
  if (parsed.protocol != (parsed.is_v4() ? kProtocolIcmp : kProtocolIcmpv6)) return false;
  if (local == nullptr) return ClaimOn(t.snapshot, destination, input_port) == Claim::kAnswered;
  return local->is_vip || local->port.is_none() || !t.port(local->port).has_host;
}

// Of a host of a source NAT rule, or a reply to one.
template <Packet P>
bool MayBeSnat(const Turn<P>& t, const ParsedPacket& parsed, const IpAddress& source,
               const IpAddress& destination, PortId input_port) noexcept {
  if (t.snapshot.snat == nullptr) [[likely]]
    return false;
  const bool has_port = IsTransport(parsed.protocol) || parsed.protocol == IcmpProtocolOf(parsed) ||
                        (!parsed.is_v4() && !parsed.is_first_fragment);
  return has_port && (t.snapshot.snat->addresses.contains(destination) ||
                      SnatRuleFor(t, source, destination, input_port) != nullptr);
}

// A fragment as the table knows it.
struct FragmentPlace {
  FragmentKey key;
  FragmentRange range;
  uint64_t hash = 0;
};

template <Packet P>
FragmentPlace PlaceOf(const Turn<P>& t, const uint8_t* frame, const ParsedPacket& parsed,
                      PortId input_port) noexcept {
  const FragmentFields fields = ReadFragment(frame, parsed);
  FragmentPlace place;
  place.range = fields.range;
  place.key = {.source = parsed.source(frame),
               .destination = parsed.destination(frame),
               .id = fields.id,
               .protocol = parsed.is_v4() ? parsed.protocol : uint8_t{0},
               .is_inside = t.port(input_port).role == PortRole::kInside};
  const TableHash& hash = t.shard.fabric.hash;
  const Be16 low = Be16::FromHost(static_cast<uint16_t>(fields.id));
  const Be16 high = Be16::FromHost(static_cast<uint16_t>(fields.id >> 16));
  const uint64_t from = parsed.is_v4() ? hash(parsed.Source<Ipv4Address>(frame), low, 0)
                                       : hash(parsed.Source<Ipv6Address>(frame), low, 0);
  const uint64_t to = parsed.is_v4()
                          ? hash(parsed.Destination<Ipv4Address>(frame), high, place.key.protocol)
                          : hash(parsed.Destination<Ipv6Address>(frame), high, 0);
  place.hash = MixMultiply(from, to | 1);
  return place;
}

// To the real server that the first fragment went to, if it is still that one.
template <typename Address, Packet P>
void FollowToReal(Turn<P>& t, P* packet, ParsedPacket* parsed, const FragmentFate& fate) noexcept {
  const auto& reals = t.snapshot.reals;
  const RealView* real = fate.real.index() < reals.size() ? &reals[fate.real.index()] : nullptr;
  if (real == nullptr || real->method != fate.method || real->address != fate.address) {
    return t.Drop(packet, DropReason::kConnectionNoReal);
  }
  CountIn(t, fate.real, *real, parsed->ip_length);
  Connection<Address> record{};
  record.method = fate.method;
  record.real_id = fate.real;
  record.real_address = AddressInRecord<Address>(fate.address);
  record.client_address = parsed->Source<Address>(packet->data());
  record.client_port = fate.client_port;
  SendToReal<Address>(t, packet, parsed, record, *real);
}

template <typename Address, Packet P>
void FollowRouted(Turn<P>& t, P* packet, ParsedPacket* parsed, const FragmentFate& fate) noexcept {
  if (!fate.real.is_none() && fate.real.index() < t.snapshot.reals.size()) {
    CountOut(t, fate.real, t.snapshot.reals[fate.real.index()], parsed->ip_length);
  }
  ForwardRouted(t, packet, parsed, [&](P& p, ParsedPacket* fields) {
    RewriteNatLater<NatDirection::kReply>(p, fields, fate.address.As<Address>());
  });
}

template <typename Address, Packet P>
void FollowInside(Turn<P>& t, P* packet, ParsedPacket* parsed, const FragmentFate& fate) noexcept {
  const Address client = fate.address.As<Address>();
  ForwardTo(t, packet, parsed, fate.address, [&](P& p, ParsedPacket* fields) {
    RewriteNatLater<NatDirection::kForward>(p, fields, client);
  });
}

template <Packet P>
void SendBackFragment(Turn<P>& t, P* packet, ParsedPacket* parsed) noexcept {
  if (!BuildEchoFragment(*packet, parsed)) return t.Drop(packet, DropReason::kFragmentRefused);
  AnswerOut(t, packet, *parsed);
}

// A fragment whose datagram is decided.
template <Packet P>
void FollowFirst(Turn<P>& t, P* packet, ParsedPacket* parsed, const FragmentFate& fate) noexcept {
  const bool is_v4 = parsed->is_v4();
  switch (fate.kind) {
    case FragmentFate::Kind::kToReal:
      return is_v4 ? FollowToReal<Ipv4Address>(t, packet, parsed, fate)
                   : FollowToReal<Ipv6Address>(t, packet, parsed, fate);
    case FragmentFate::Kind::kRouted:
      return is_v4 ? FollowRouted<Ipv4Address>(t, packet, parsed, fate)
                   : FollowRouted<Ipv6Address>(t, packet, parsed, fate);
    case FragmentFate::Kind::kToInside:
      return is_v4 ? FollowInside<Ipv4Address>(t, packet, parsed, fate)
                   : FollowInside<Ipv6Address>(t, packet, parsed, fate);
    case FragmentFate::Kind::kElsewhere:
      HandTo(t, packet, fate.worker, HandOff::kSteered);
      return;
    case FragmentFate::Kind::kToHost:
      t.out->Add(packet, Verdict::ToHost(fate.port));
      return;
    case FragmentFate::Kind::kEchoed:
      return SendBackFragment(t, packet, parsed);
    case FragmentFate::Kind::kUndecided:
    case FragmentFate::Kind::kAsked:
    case FragmentFate::Kind::kRefused:
      return t.Drop(packet, DropReason::kFragmentRefused);
  }
}

// Drops what the table has given up, as long as there is room for `reserve` more. Returns how many.
template <Packet P>
size_t DropGivenUp(Turn<P>& t, size_t reserve) noexcept {
  size_t count = 0;
  FragmentTable::Held held;
  while (t.out->room() > reserve && t.shard.fragments.TakeGivenUp(&held)) {
    t.Drop(static_cast<P*>(held.packet), held.reason);
    ++count;
  }
  return count;
}

// Sends what waited for the first fragment, in its order; what has no room now, in the next turn.
template <Packet P>
size_t ReleaseFragmentsOf(Turn<P>& t, uint32_t slot) noexcept {
  FragmentTable& table = t.shard.fragments;
  const FragmentFate fate = table.at(slot).fate;
  if (!fate.is_decided()) return 0;  // its identification has come again meanwhile
  size_t count = 0;
  FragmentTable::Held held;
  while (t.out->room() > 2 * kBurst && table.Pop(slot, &held)) {
    FollowFirst(t, static_cast<P*>(held.packet), &held.parsed, fate);
    ++count;
  }
  if (table.at(slot).held_count > 0) {
    table.MarkReady(slot);
  } else {
    table.FinishIfWhole(slot, t.now());
  }
  return count;
}

// The first fragment has been dealt with; `fate` is what became of it.
template <Packet P>
void SettleDatagram(Turn<P>& t, uint32_t slot, FragmentFate fate) noexcept {
  if (fate.kind == FragmentFate::Kind::kAsked) return t.shard.fragments.Ask(slot);
  // Nobody noted anything: it was dropped or answered.
  if (fate.kind == FragmentFate::Kind::kUndecided) fate.kind = FragmentFate::Kind::kRefused;
  t.shard.fragments.Settle(slot, fate, t.now());
  ReleaseFragmentsOf(t, slot);
}

// A long ping of an inside host, or the reply to one.
template <Packet P>
bool TookPingBySnat(Turn<P>& t, P* packet, ParsedPacket* parsed, FragmentFate* fate,
                    bool owns_flow) noexcept {
  EchoFields echo;
  if (!ReadEcho(packet->data(), *parsed, &echo)) return false;
  constexpr auto kNone = IcmpErrorKind::kNotRelated;
  t.shard.fragment_fate = fate;
  const bool is_taken = parsed->is_v4()
                            ? TakeIcmpBySnat<Ipv4Address>(t, packet, parsed, kNone, {}, owns_flow)
                            : TakeIcmpBySnat<Ipv6Address>(t, packet, parsed, kNone, {}, owns_flow);
  t.shard.fragment_fate = nullptr;
  return is_taken;
}

// A first fragment goes the way of a packet of its flow, or is a ping. `owns_flow`: another worker
// sent it here for that.
template <Packet P>
void HandleFirstFragment(Turn<P>& t, P* packet, ParsedPacket* parsed, uint32_t slot,
                         bool owns_flow) noexcept {
  FragmentFate fate;
  if (!IsTransport(parsed->protocol)) {
    if (t.snapshot.snat != nullptr && TookPingBySnat(t, packet, parsed, &fate, owns_flow)) {
      return SettleDatagram(t, slot, fate);
    }
    if (IsFirstOfEcho(packet->data(), *parsed)) {
      fate.kind = FragmentFate::Kind::kEchoed;
      SendBackFragment(t, packet, parsed);
    } else {
      t.Drop(packet, DropReason::kFragment);
    }
    return SettleDatagram(t, slot, fate);
  }
  t.shard.fragment_fate = &fate;
  parsed->is_v4() ? Miss<Ipv4Address>(t, packet, parsed, RuledOut::kNone, owns_flow)
                  : Miss<Ipv6Address>(t, packet, parsed, RuledOut::kNone, owns_flow);
  t.shard.fragment_fate = nullptr;
  SettleDatagram(t, slot, fate);
}

template <Packet P>
void HoldFragment(Turn<P>& t, P* packet, const ParsedPacket& parsed, uint32_t slot,
                  uint32_t begin) noexcept {
  FragmentTable& table = t.shard.fragments;
  if (table.Hold(slot, packet, parsed, begin)) return;
  if (table.MakeRoom(slot, parsed.ip_length)) {
    // The other packets of the burst need their room, and a burst begins with twice as much.
    DropGivenUp(t, kBurst);
    if (table.Hold(slot, packet, parsed, begin)) return;
  }
  table.Forget(slot);
  t.Drop(packet, DropReason::kFragmentLimit);
}

// A fragment at the worker where its datagram meets, or at its flow's owner.
template <Packet P>
void TakeFragment(Turn<P>& t, P* packet, ParsedPacket* parsed, const FragmentPlace& place,
                  bool owns_flow) noexcept {
  FragmentTable& table = t.shard.fragments;
  const uint32_t slot = table.FindOrAdd(place.key, place.hash, t.now());
  switch (table.Arrive(slot, place.range, t.now())) {
    case FragmentTable::Arrival::kDuplicate:
      return t.Drop(packet, DropReason::kFragmentDuplicate);
    case FragmentTable::Arrival::kOverlap:
      return t.Drop(packet, DropReason::kFragmentOverlap);
    case FragmentTable::Arrival::kScattered:
      return t.Drop(packet, DropReason::kFragmentLimit);
    case FragmentTable::Arrival::kNew:
      break;
  }
  const FragmentFate fate = table.at(slot).fate;
  if (parsed->is_first_fragment && fate.kind == FragmentFate::Kind::kUndecided) {
    return HandleFirstFragment(t, packet, parsed, slot, owns_flow);
  }
  if (!fate.is_decided()) return HoldFragment(t, packet, *parsed, slot, place.range.begin);
  FollowFirst(t, packet, parsed, fate);
  table.FinishIfWhole(slot, t.now());
}

// `is_mine`: another worker sent it here, to meet the others of its datagram, or to its flow's
// owner.
template <Packet P>
[[gnu::noinline]] void HandleFragment(Turn<P>& t, P* packet, ParsedPacket* parsed,
                                      bool is_mine) noexcept {
  const IpAddress destination = parsed->destination(packet->data());
  if (IsToMany(*parsed, destination)) return HandleMulticast(t, packet);
  const PortId input_port = packet->meta().input_port;
  const IpAddress source = parsed->source(packet->data());
  const LocalAddress* local = t.snapshot.FindLocal(destination);
  if (t.snapshot.IsForgedSource(source) &&
      (local != nullptr || !MayBeDirectReply(t.snapshot, source, input_port))) {
    return t.Drop(packet, DropReason::kBadSource);
  }
  if (!MayBeBalanced(t, *parsed, local, source, destination, input_port) &&
      !MayBeSnat(t, *parsed, source, destination, input_port) &&
      !MayBePing(t, *parsed, local, destination, input_port)) {
    if (local == nullptr) return RouteUnlessClaimed(t, packet, parsed);
    if (local->is_vip) return t.Drop(packet, DropReason::kFragment);
    return DeliverToHost(t, packet, *local, DropReason::kFragment);
  }
  const FragmentPlace place = PlaceOf(t, packet->data(), *parsed, input_port);
  const WorkerId meeting = t.shard.fabric.steering.FragmentOwner(place.hash);
  if (meeting != t.shard.me && !is_mine) {
    HandTo(t, packet, meeting, HandOff::kSteered);
    return;
  }
  TakeFragment(t, packet, parsed, place, is_mine && meeting != t.shard.me);
  DropGivenUp(t, 2 * kBurst);
  t.CountHeld();
}

// A first fragment in the hand-shake between its flow's owner and that of a template. Back at the
// former, or where a real server's call begins, its datagram is decided.
template <Packet P>
[[gnu::noinline]] void ResumeFragment(Turn<P>& t, P* packet, ParsedPacket* parsed) noexcept {
  if (!parsed->is_first_fragment || !IsTransport(parsed->protocol)) {
    return t.Drop(packet, DropReason::kStaleGrant);
  }
  const FragmentPlace place = PlaceOf(t, packet->data(), *parsed, packet->meta().input_port);
  FragmentFate fate;
  t.shard.fragment_fate = &fate;
  AnswerFlowHandShake(t, packet, parsed);
  t.shard.fragment_fate = nullptr;
  if (fate.kind == FragmentFate::Kind::kAsked) return;  // on its way back
  FragmentTable& table = t.shard.fragments;
  const uint32_t slot = table.FindOrAdd(place.key, place.hash, t.now());
  table.Arrive(slot, place.range, t.now());  // new where a call begins
  // An overlap may have refused it meanwhile (RFC 5722).
  if (table.at(slot).fate.kind != FragmentFate::Kind::kRefused) SettleDatagram(t, slot, fate);
  DropGivenUp(t, 2 * kBurst);
  t.CountHeld();
}

// What can go by now, and what has waited too long. Returns how many packets.
template <Packet P>
[[gnu::noinline]] size_t ReleaseReadyFragments(Turn<P>& t) noexcept {
  FragmentTable& table = t.shard.fragments;
  table.Expire(t.now());
  size_t count = DropGivenUp(t, 2 * kBurst);
  while (t.out->room() > 2 * kBurst) {
    const uint32_t slot = table.NextReady();
    if (slot == kNoSlot) break;
    count += ReleaseFragmentsOf(t, slot);
  }
  t.CountHeld();
  return count;
}

}  // namespace fairlead::dataplane
