// TX of what leaves in the other IP version (wire/translate_family.h): length, cuts, next hop.
//
//   SendTranslated(turn, packet, &parsed, local, real, {output, next_hop, hop, mtu_bytes},
//                  NothingElse);
//   // By the routing table:
//   RouteTranslated(turn, packet, &parsed, virtual_endpoint, client, NothingElse);
//
// The headers differ by 20 bytes, so what is too long is answered in the sender's own version with
// the figure that holds there. IPv4 without DF is cut, each piece with a fragment header; IPv6 of
// 1280 bytes and less too, as IPv4, since its sender need not send shorter packets. What cannot be
// said in the other version is dropped as kCannotTranslate. Precondition: the TTL was looked at.
// Threads: the worker's. Ownership of the packet moves in.
#pragma once

#include "dataplane/path/fragment.h"
#include "dataplane/path/renumber.h"
#include "dataplane/wire/translate_family.h"
#include "dataplane/wire/tunnel_mtu.h"

namespace fairlead::dataplane {

// Where a packet leaves.
struct WayOut {
  PortId output;
  NeighbourId next_hop;
  IpAddress hop;  // the neighbour's address
  uint32_t mtu_bytes = 0;
  bool may_cut = false;  // a packet that its sender would not have cut
  uint32_t id = 0;       // of a later fragment: what its first has
};

inline constexpr auto NothingElse = [](auto&, ParsedPacket*) noexcept {};

// The longest packet of the sender's that is no longer than the link when it is translated.
inline uint32_t RoomBefore(const ParsedPacket& parsed, uint32_t mtu_bytes) noexcept {
  const uint32_t added = TranslatedHeaderBytes(parsed);
  const uint32_t header = parsed.l4_offset - parsed.l3_offset;
  if (parsed.is_v4()) return mtu_bytes + header - added;
  return std::max(mtu_bytes + static_cast<uint32_t>(sizeof(Ipv6Header)) - added, kLeastIpv6Mtu);
}

// What is cut here, not by who sent it.
inline bool MayCutTranslated(const ParsedPacket& parsed) noexcept {
  return parsed.is_v4() ? !parsed.dont_fragment : !HasDontFragment(parsed);
}

// It is too long for the link, and its sender has to hear of that.
inline bool IsTooLongTranslated(const ParsedPacket& parsed, uint32_t mtu_bytes) noexcept {
  return TranslatedLength(parsed) > mtu_bytes && !MayCutTranslated(parsed);
}

// A first fragment does not leave, so none of its datagram does.
template <Packet P>
void ForgetFate(Turn<P>& t) noexcept {
  if (t.shard.fragment_fate != nullptr)
    t.shard.fragment_fate->kind = FragmentFate::Kind::kUndecided;
}

// The identification in the other version, which the datagram's other fragments are to have too.
// IPv4 has one in each packet, and IPv6 in fragments alone; 0 where nobody reads it.
template <Packet P>
uint32_t TranslatedId(Turn<P>& t, const ParsedPacket& parsed, const IpAddress& source,
                      const IpAddress& destination, const WayOut& way) noexcept {
  if (way.id != 0) return way.id;
  const bool is_whole = parsed.is_v4() ? !parsed.is_fragment : HasDontFragment(parsed);
  if (is_whole && TranslatedLength(parsed) <= way.mtu_bytes) return 0;
  DatagramIds& ids = t.shard.datagram_ids;
  const uint32_t id = parsed.is_v4() ? ids.Take(source.v6(), destination.v6(), t.now())
                                     : ids.Take(source.v4(), destination.v4(), parsed.protocol);
  if (t.shard.fragment_fate != nullptr) t.shard.fragment_fate->id = id;
  return id;
}

// Cuts IPv4, whole or a fragment, and translates the pieces. Precondition: TranslateTransport; it
// is too long for way.mtu_bytes in IPv6.
template <Packet P>
[[gnu::noinline]] void SendTranslatedPieces(Turn<P>& t, P* packet, ParsedPacket* parsed,
                                            const IpAddress& source, const IpAddress& destination,
                                            uint32_t id, const WayOut& way) noexcept {
  constexpr uint32_t kHeaders = sizeof(Ipv6Header) + sizeof(Ipv6FragmentHeader);
  const uint32_t front = parsed->l4_offset;
  const uint32_t payload = parsed->l4_length();
  const uint32_t piece = way.mtu_bytes > kHeaders ? (way.mtu_bytes - kHeaders) & ~7u : 0;
  const size_t count = piece == 0 ? kMaxFragments + 1 : (payload + piece - 1) / piece;
  if (count > kMaxFragments || t.out->room() < 2 * kBurst + count) {
    ForgetFate(t);
    return t.Drop(packet, DropReason::kCannotFragment);
  }
  std::array<P*, kMaxFragments> pieces{packet};
  for (size_t i = 1; i < count; ++i) {
    const auto offset = static_cast<uint32_t>(i) * piece;
    const uint32_t length = std::min(piece, payload - offset);
    P* next = t.Originate(packet->meta().input_port);
    if (next == nullptr || !next->Resize(front + length)) {
      if (next != nullptr) t.Drop(next, DropReason::kCannotFragment);
      for (size_t k = 0; k < i; ++k) t.Drop(pieces[k], DropReason::kCannotFragment);
      ForgetFate(t);
      return;
    }
    std::memcpy(next->data(), packet->data(), front);
    std::memcpy(next->data() + front, packet->data() + front + offset, length);
    pieces[i] = next;
  }
  packet->Resize(front + piece);
  const uint16_t original =
      HeaderAt<Ipv4Header>(packet->data(), parsed->l3_offset)->fragment.get().host();
  for (size_t i = 0; i < count; ++i) {
    const bool has_more = i + 1 < count || (original & Ipv4Header::kMoreFragments) != 0;
    const auto units = static_cast<uint32_t>((original & Ipv4Header::kOffsetMask) + i * piece / 8);
    HeaderAt<Ipv4Header>(pieces[i]->data(), parsed->l3_offset)->fragment =
        Be16::FromHost(static_cast<uint16_t>(units | (has_more ? Ipv4Header::kMoreFragments : 0u)));
    ParsedPacket fields = *parsed;
    fields.is_fragment = true;
    fields.is_first_fragment = units == 0;
    fields.ip_length = pieces[i]->length() - parsed->l3_offset;
    if (!TranslateHeader(*pieces[i], &fields, source, destination, id)) {
      t.Drop(pieces[i], DropReason::kNoHeadroom);
      continue;
    }
    SendToNeighbour(t, pieces[i], fields, way.output, way.next_hop, way.hop);
  }
}

// `prepare(packet, &parsed)`: what else is changed, once it is known that the packet may leave.
template <Packet P, typename Prepare>
[[gnu::noinline]] void SendTranslated(Turn<P>& t, P* packet, ParsedPacket* parsed,
                                      const Endpoint& source, const Endpoint& destination,
                                      const WayOut& way, Prepare&& prepare) noexcept {
  const bool is_too_long = TranslatedLength(*parsed) > way.mtu_bytes;
  if (!way.may_cut && IsTooLongTranslated(*parsed, way.mtu_bytes)) {
    ForgetFate(t);
    return AnswerTooBig(t, packet, parsed, RoomBefore(*parsed, way.mtu_bytes));
  }
  prepare(*packet, parsed);
  if (!TranslateTransport(packet->data(), *parsed, source, destination)) {
    ForgetFate(t);
    return t.Drop(packet, DropReason::kCannotTranslate);
  }
  const uint32_t id = TranslatedId(t, *parsed, source.address, destination.address, way);
  if (is_too_long && parsed->is_v4()) {
    return SendTranslatedPieces(t, packet, parsed, source.address, destination.address, id, way);
  }
  if (!TranslateHeader(*packet, parsed, source.address, destination.address, id)) {
    ForgetFate(t);
    return t.Drop(packet, DropReason::kNoHeadroom);
  }
  parsed->source_port = source.port;
  parsed->destination_port = destination.port;
  if (is_too_long) {
    return SendFragments(t, packet, *parsed, way.mtu_bytes, way.output, way.next_hop, way.hop);
  }
  SendToNeighbour(t, packet, *parsed, way.output, way.next_hop, way.hop);
}

// By the routing table, as ForwardRouted. False: there is no way, and the packet has been answered.
template <Packet P>
bool FindWayOut(Turn<P>& t, P* packet, ParsedPacket* parsed, const IpAddress& destination,
                WayOut* way) noexcept {
  const RouteView* route = t.snapshot.routes.Find(destination);
  if (route == nullptr || destination.is_link_local()) {
    AnswerWithErrorOfOurs(t, packet, parsed, IcmpError::kNetUnreachable, DropReason::kNoRoute);
    return false;
  }
  if (HandledAsExpired(t, packet, parsed)) return false;
  const bool is_on_link = route->gateway.is_none();
  *way = {.output = route->output,
          .next_hop = is_on_link ? t.shard.fabric.neighbours.Find(route->output, destination)
                                 : route->gateway,
          .hop = is_on_link ? destination : route->gateway_address,
          .mtu_bytes = t.port(route->output).mtu_bytes};
  return true;
}

template <Packet P, typename Prepare>
void RouteTranslated(Turn<P>& t, P* packet, ParsedPacket* parsed, const Endpoint& source,
                     const Endpoint& destination, Prepare&& prepare, uint32_t id = 0) noexcept {
  WayOut way;
  if (!FindWayOut(t, packet, parsed, destination.address, &way)) return;
  way.id = id;
  if (t.shard.fragment_fate != nullptr) [[unlikely]] {
    t.shard.fragment_fate->kind = FragmentFate::Kind::kRouted;
    t.shard.fragment_fate->address = source.address;
    t.shard.fragment_fate->other = destination.address;
  }
  SendTranslated(t, packet, parsed, source, destination, way, std::forward<Prepare>(prepare));
}

}  // namespace fairlead::dataplane
