// TX: from a finished IP packet to a frame for a port: route, MTU, neighbour, Ethernet header; and
// the director's own answers (ICMP errors, RST), which take the same way.
//
//   SendToNeighbour(turn, packet, parsed, port, neighbour_id, hop);   // the snapshot knows the hop
//   RouteOut(turn, packet, parsed);                                   // by destination address
//   AnswerWithError(turn, packet, &parsed, IcmpError::kPortUnreachable, vip, DropReason::kNoReal);
//
// A next hop that has not answered yet keeps the packet in the held queue and tells the control
// core, within the limits of neighbour_reports.h; a failed one drops. Threads: the worker's.
// Ownership of the packet moves into each of these functions.
#pragma once

#include <utility>

#include "dataplane/shard/turn.h"
#include "dataplane/wire/icmp_build.h"
#include "dataplane/wire/rewrite_dr.h"

namespace fairlead::dataplane {

// The control core answers by resolving. False: it was not told, for it would be too much.
template <Packet P>
bool WantNeighbour(Turn<P>& t, const IpAddress& source, PortId port, NeighbourId id,
                   const IpAddress& hop) noexcept {
  const TableHash& hash = t.shard.fabric.hash;
  NeighbourNeed need = t.need;
  if (need == NeighbourNeed::kRouted && t.snapshot.FindLocal(source) != nullptr) {
    need = NeighbourNeed::kReply;
  }
  return t.shard.neighbour_reports.Want(
      {.port = port,
       .hop = hop,
       .id = id,
       .need = need,
       .source = source.is_v4() ? hash(source.v4(), {}, 0) : hash(source.v6(), {}, 0)},
      t.now());
}

// Slow path: no MAC yet. A packet that waits for this hop already has asked for it.
template <Packet P>
[[gnu::noinline]] void SendToUnresolved(Turn<P>& t, P* packet, const IpAddress& source, PortId port,
                                        NeighbourId id, const IpAddress& hop) noexcept {
  NeighbourTable& neighbours = t.shard.fabric.neighbours;
  const bool is_known = !id.is_none();
  const bool is_asked = !is_known && t.held.Count(port, hop) > 0;
  if (!is_asked && !WantNeighbour(t, source, port, id, hop)) {
    return t.Drop(packet, DropReason::kNeighbourLimited);
  }
  const bool is_ours = t.need == NeighbourNeed::kHost || (is_known && neighbours.IsPinned(id));
  if (is_known && neighbours.Load(id).state == NeighbourState::kFailed) {
    t.Drop(packet, DropReason::kNeighbourUnresolved);
  } else if (t.held.Hold(packet, port, hop, is_ours, t.now())) {
    t.CountHeld();
  } else {
    t.Drop(packet, DropReason::kNeighbourQueueFull);
  }
}

// `id` none: not asked about yet. `hop` is the neighbour's address, of the packet's family.
template <Packet P>
void SendToNeighbour(Turn<P>& t, P* packet, const ParsedPacket& parsed, PortId port, NeighbourId id,
                     const IpAddress& hop) noexcept {
  const Neighbour neighbour = id.is_none() ? Neighbour{} : t.shard.fabric.neighbours.Load(id);
  // The Ethernet type is written now: a held packet is not parsed again.
  WriteEthernet(packet->data(), t.port(port).mac, neighbour.mac, EtherTypeOf(parsed.family));
  if (neighbour.is_reachable()) [[likely]] {
    t.out->Add(packet, Verdict::Transmit(port));
  } else {
    SendToUnresolved(t, packet, parsed.source(packet->data()), port, id, hop);
  }
}

// Sends by the destination address, as it is: no TTL, no MTU. For what the director itself made.
template <Packet P>
void RouteOut(Turn<P>& t, P* packet, const ParsedPacket& parsed) noexcept {
  const IpAddress destination = parsed.destination(packet->data());
  if (destination.is_link_local()) [[unlikely]] {
    // Of the link that the packet came in by, or whose twin made it.
    const PortId port = packet->meta().input_port;
    return SendToNeighbour(t, packet, parsed, port,
                           t.shard.fabric.neighbours.Find(port, destination), destination);
  }
  const RouteView* route = t.snapshot.routes.Find(destination);
  if (route == nullptr) return t.Drop(packet, DropReason::kNoRoute);
  if (!route->gateway.is_none()) {
    return SendToNeighbour(t, packet, parsed, route->output, route->gateway,
                           route->gateway_address);
  }
  SendToNeighbour(t, packet, parsed, route->output,
                  t.shard.fabric.neighbours.Find(route->output, destination), destination);
}

// An answer of our own, made of what came in.
template <Packet P>
void AnswerOut(Turn<P>& t, P* packet, const ParsedPacket& parsed) noexcept {
  const NeighbourNeed before = std::exchange(t.need, NeighbourNeed::kAnswer);
  RouteOut(t, packet, parsed);
  t.need = before;
}

// Our address on the way to the packet's sender: the source of errors that no VIP sends.
template <Packet P>
bool AddressTowards(Turn<P>& t, const IpAddress& destination, IpAddress* source) noexcept {
  const RouteView* route = t.snapshot.routes.Find(destination);
  if (route == nullptr || route->source.is_unspecified()) return false;
  *source = route->source;
  return true;
}

// Whom an answer goes to, for its budget.
template <Packet P>
uint64_t HashOfSender(Turn<P>& t, const uint8_t* frame, const ParsedPacket& parsed) noexcept {
  const TableHash& hash = t.shard.fabric.hash;
  return parsed.is_v4() ? hash(parsed.Source<Ipv4Address>(frame), {}, 0)
                        : hash(parsed.Source<Ipv6Address>(frame), {}, 0);
}

// Drops the packet for `reason` and tells its sender with an ICMP error from `source`, if it may be
// told.
template <Packet P>
[[gnu::noinline]] void AnswerWithError(Turn<P>& t, P* packet, ParsedPacket* parsed, IcmpError error,
                                       const IpAddress& source, DropReason reason,
                                       uint16_t mtu_bytes = 0) noexcept {
  if (!MayAnswerWithError(packet->data(), *parsed)) return t.Drop(packet, reason);
  const uint64_t sender = HashOfSender(t, packet->data(), *parsed);
  AnswerLimits& limits = t.shard.answer_limits;
  if (!(error == IcmpError::kTooBig ? limits.AllowTooBig(sender, t.now())
                                    : limits.AllowError(sender, t.now()))) {
    return t.Drop(packet, DropReason::kIcmpRateLimited);
  }
  t.CountDropped(packet, reason);
  if (!BuildIcmpError(*packet, parsed, error, source, mtu_bytes)) {
    // No room in front for the error. The drop is counted, and stays without an answer.
    return t.out->Add(packet, Verdict::Drop(reason));
  }
  t.shard.counters.originated.Add(1);
  AnswerOut(t, packet, *parsed);
}

// The same, from our own address towards the sender.
template <Packet P>
[[gnu::noinline]] void AnswerWithErrorOfOurs(Turn<P>& t, P* packet, ParsedPacket* parsed,
                                             IcmpError error, DropReason reason,
                                             uint16_t mtu_bytes = 0) noexcept {
  IpAddress source;
  if (!AddressTowards(t, parsed->source(packet->data()), &source)) return t.Drop(packet, reason);
  AnswerWithError(t, packet, parsed, error, source, reason, mtu_bytes);
}

template <Packet P>
void AnswerWithReset(Turn<P>& t, P* packet, ParsedPacket* parsed, DropReason reason) noexcept {
  if (!MayAnswerWithReset(packet->data(), *parsed)) return t.Drop(packet, reason);
  if (!t.shard.answer_limits.AllowReset(HashOfSender(t, packet->data(), *parsed), t.now())) {
    return t.Drop(packet, DropReason::kIcmpRateLimited);
  }
  t.CountDropped(packet, reason);
  BuildReset(*packet, parsed);
  t.shard.counters.originated.Add(1);
  AnswerOut(t, packet, *parsed);
}

// What a host answers on a port nobody serves: RST for TCP, port unreachable for UDP (ipvs.md,
// new connections).
template <Packet P>
[[gnu::noinline]] void Refuse(Turn<P>& t, P* packet, ParsedPacket* parsed,
                              DropReason reason) noexcept {
  if (!t.snapshot.policy.reset_without_listener) return t.Drop(packet, reason);
  switch (parsed->transport()) {
    case Transport::kTcp:
      return AnswerWithReset(t, packet, parsed, reason);
    case Transport::kUdp:
      return AnswerWithError(t, packet, parsed, IcmpError::kPortUnreachable,
                             parsed->destination(packet->data()), reason);
  }
  t.Drop(packet, reason);
}

// IPv6 is never cut on its way (RFC 8200 section 4.5).
inline bool MayFragment(const ParsedPacket& parsed) noexcept {
  return parsed.is_v4() && !parsed.dont_fragment;
}

// What is too long for the link and may not be cut: frag needed, with what fits, to the sender.
template <Packet P>
void AnswerTooBig(Turn<P>& t, P* packet, ParsedPacket* parsed, uint32_t mtu_bytes) noexcept {
  AnswerWithErrorOfOurs(t, packet, parsed, IcmpError::kTooBig, DropReason::kTooBig,
                        static_cast<uint16_t>(mtu_bytes));
}

// fragment.h
template <Packet P>
void SendFragments(Turn<P>& t, P* packet, const ParsedPacket& parsed, uint32_t mtu_bytes,
                   PortId port, NeighbourId id, const IpAddress& hop) noexcept;

// TTL or hop limit used up: time exceeded to the sender. False: it may go on.
template <Packet P>
bool HandledAsExpired(Turn<P>& t, P* packet, ParsedPacket* parsed) noexcept {
  if (parsed->ttl > 1) [[likely]]
    return false;
  AnswerWithErrorOfOurs(t, packet, parsed, IcmpError::kTimeExceeded, DropReason::kTtlExceeded);
  return true;
}

// Plain routing between ports: `rewrite(packet, &parsed)` lowers the TTL and changes what else must
// be. `destination` is what the packet has after that.
template <Packet P, typename Rewrite>
void ForwardRouted(Turn<P>& t, P* packet, ParsedPacket* parsed, const IpAddress& destination,
                   Rewrite&& rewrite) noexcept {
  // What a link keeps to itself is not routed (RFC 4291 section 2.5.6).
  if (destination.is_link_local() || parsed->source(packet->data()).is_link_local()) [[unlikely]] {
    return t.Drop(packet, DropReason::kNoRoute);
  }
  const RouteView* route = t.snapshot.routes.Find(destination);
  if (route == nullptr) {
    return AnswerWithErrorOfOurs(t, packet, parsed, IcmpError::kNetUnreachable,
                                 DropReason::kNoRoute);
  }
  if (HandledAsExpired(t, packet, parsed)) return;
  const uint32_t mtu_bytes = t.port(route->output).mtu_bytes;
  const bool is_too_long = parsed->ip_length > mtu_bytes;
  if (is_too_long && !MayFragment(*parsed)) [[unlikely]] {
    return AnswerTooBig(t, packet, parsed, mtu_bytes);
  }
  rewrite(*packet, parsed);
  if (t.shard.fragment_fate != nullptr) [[unlikely]] {
    t.shard.fragment_fate->kind = FragmentFate::Kind::kRouted;
    t.shard.fragment_fate->address = parsed->source(packet->data());
    t.shard.fragment_fate->other = destination;
  }
  const bool is_on_link = route->gateway.is_none();
  const NeighbourId id =
      is_on_link ? t.shard.fabric.neighbours.Find(route->output, destination) : route->gateway;
  const IpAddress& hop = is_on_link ? destination : route->gateway_address;
  if (is_too_long) [[unlikely]] {
    return SendFragments(t, packet, *parsed, mtu_bytes, route->output, id, hop);
  }
  SendToNeighbour(t, packet, *parsed, route->output, id, hop);
}

template <Packet P, typename Rewrite>
void ForwardRouted(Turn<P>& t, P* packet, ParsedPacket* parsed, Rewrite&& rewrite) noexcept {
  ForwardRouted(t, packet, parsed, parsed->destination(packet->data()),
                std::forward<Rewrite>(rewrite));
}

template <Packet P>
void ForwardRouted(Turn<P>& t, P* packet, ParsedPacket* parsed) noexcept {
  ForwardRouted(t, packet, parsed, [](P& p, ParsedPacket* fields) { RewriteDr(p, fields); });
}

}  // namespace fairlead::dataplane
