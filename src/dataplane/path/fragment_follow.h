// A fragment goes the way its first one took.
//
//   FollowFirst(turn, packet, &parsed, fate);     // fate: what became of the first
//
// Threads: the worker's. Ownership of the packet moves in.
#pragma once

#include "dataplane/path/local_input.h"
#include "dataplane/wire/echo_fragment.h"

namespace fairlead::dataplane {

// The first fragment's connection has the method of its real, or is a hairpin: made as by FULLNAT
// to a real of NAT (docs/snat.md).
inline bool IsMethodOf(const RealView& real, const FragmentFate& fate) noexcept {
  return real.method == fate.method ||
         (fate.method == ForwardMethod::kFullnat && real.method == ForwardMethod::kNat);
}

// The short way of nearly all: to a real server in its place whose MAC is known, by DR or NAT.
// False: nothing has changed.
template <typename Address, Packet P>
bool FollowAtOnce(Turn<P>& t, P* packet, ParsedPacket* parsed, const FragmentFate& fate,
                  const Egress& egress) noexcept {
  if (parsed->ip_length > egress.mtu_bytes || parsed->ttl <= 1) return false;
  if (IsTunnel(fate.method) || fate.method == ForwardMethod::kFullnat) return false;
  const uint64_t neighbour = t.shard.fabric.neighbours.LoadWord(egress.next_hop);
  if (NeighbourTable::StateOf(neighbour) != NeighbourState::kReachable) return false;
  if (fate.method == ForwardMethod::kNat) {
    RewriteNatLater<NatDirection::kForward>(*packet, parsed, fate.address.As<Address>());
  } else {
    DecrementTtl(HeaderAt<IpHeader<Address>>(packet->data(), parsed->l3_offset));
  }
  WriteMacs(packet->data(), neighbour, egress.source_mac());
  t.out->Add(packet, Verdict::Transmit(egress.output));
  return true;
}

// The same to a real of the other IP version (translate.h).
template <Packet P>
void FollowToMixedReal(Turn<P>& t, P* packet, ParsedPacket* parsed, const FragmentFate& fate,
                       const RealView& real) noexcept {
  if (HandledAsExpired(t, packet, parsed)) return;
  if (real.next_hop.is_none()) return t.Drop(packet, DropReason::kNoRoute);
  SendTranslated(t, packet, parsed, {fate.other, Be16{}}, {fate.address, Be16{}},
                 {.output = real.output,
                  .next_hop = real.next_hop,
                  .hop = real.next_hop_address,
                  .mtu_bytes = real.mtu_bytes,
                  .id = fate.id},
                 NothingElse);
}

// To the real server that the first fragment went to, if it is still that one.
template <typename Address, Packet P>
void FollowToReal(Turn<P>& t, P* packet, ParsedPacket* parsed, const FragmentFate& fate) noexcept {
  const auto& reals = t.snapshot.reals;
  const RealView* real = fate.real.index() < reals.size() ? &reals[fate.real.index()] : nullptr;
  if (real == nullptr || !IsMethodOf(*real, fate) || real->address != fate.address) {
    return t.Drop(packet, DropReason::kConnectionNoReal);
  }
  CountIn(t, fate.real, *real, parsed->ip_length);
  if (real->address.family() != Address::kFamily && TranslatesClient(fate.method)) [[unlikely]]
    return FollowToMixedReal(t, packet, parsed, fate, *real);
  if (fate.id != 0) PutNewId(packet->data(), *parsed, fate.id);
  if (FollowAtOnce<Address>(t, packet, parsed, fate, real->egress)) return;
  Connection<Address> record{};
  record.method = fate.method;
  record.real_id = fate.real;
  record.real_address = AddressInRecord<Address>(fate.address);
  record.client_address = parsed->Source<Address>(packet->data());
  record.client_port = fate.client_port;
  const LocalEndpoint local{fate.other, Be16{}};
  SendToReal<Address>(t, packet, parsed, record, *real, local);
}

template <typename Address, Packet P>
void FollowRouted(Turn<P>& t, P* packet, ParsedPacket* parsed, const FragmentFate& fate) noexcept {
  if (!fate.real.is_none() && fate.real.index() < t.snapshot.reals.size()) {
    CountOut(t, fate.real, t.snapshot.reals[fate.real.index()], parsed->ip_length);
  }
  if (fate.other.family() != Address::kFamily) [[unlikely]] {
    return RouteTranslated(t, packet, parsed, {fate.address, Be16{}}, {fate.other, Be16{}},
                           NothingElse, fate.id);
  }
  if (parsed->destination(packet->data()) != fate.other) {
    return ForwardRouted(t, packet, parsed, fate.other, [&](P& p, ParsedPacket* fields) {
      RewriteFullnatLater(p, fields, fate.address.As<Address>(), fate.other.As<Address>());
    });
  }
  ForwardRouted(t, packet, parsed, [&](P& p, ParsedPacket* fields) {
    RewriteNatLater<NatDirection::kReply>(p, fields, fate.address.As<Address>());
    if (fate.id != 0) PutNewId(p.data(), *fields, fate.id);
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

}  // namespace fairlead::dataplane
