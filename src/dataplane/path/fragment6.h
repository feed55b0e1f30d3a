// Fragmentation of what the director itself sends in IPv6 (RFC 8200 section 4.5): the outer packet
// of an IPv4 client whose packet may be cut, when the tunnel's headers make it longer than the
// link; a datagram that a PROXY header has made longer than 1280 bytes. Packets of others are never
// cut in IPv6.
//
//   SendFragments6(turn, packet, parsed, mtu_bytes, port, neighbour_id, hop);
//
// As SendFragments (fragment.h): the first piece stays in the packet, and of a datagram all pieces
// are sent or none (kCannotFragment). Threads: the worker's. Ownership of the packet moves in.
#pragma once

#include "dataplane/path/fragment.h"

namespace fairlead::dataplane {

inline constexpr uint32_t kFragment6Front = kEthernetHeaderLength + sizeof(Ipv6Header);

// Makes the headers at the start of the packet those of one piece, a fragment header's room behind
// the IPv6 header. `offset`: bytes, a multiple of 8.
template <Packet P>
void WriteFragmentHeader6(P* packet, uint8_t protocol, uint32_t offset, bool is_last,
                          Be32 id) noexcept {
  auto* ip = HeaderAt<Ipv6Header>(packet->data(), kEthernetHeaderLength);
  ip->next_header = kProtocolFragment;
  ip->payload_length = Be16::FromHost(static_cast<uint16_t>(packet->length() - kFragment6Front));
  auto* fragment = HeaderAt<Ipv6FragmentHeader>(packet->data(), kFragment6Front);
  fragment->next_header = protocol;
  fragment->reserved = 0;
  fragment->fragment = Be16::FromHost(
      static_cast<uint16_t>(offset | (is_last ? 0 : Ipv6FragmentHeader::kMoreFragments)));
  fragment->id = id;
}

// Precondition: an IPv6 packet without extension headers, complete but for its Ethernet header,
// longer than mtu_bytes.
template <Packet P>
[[gnu::noinline]] void SendFragments6(Turn<P>& t, P* packet, const ParsedPacket& parsed,
                                      uint32_t mtu_bytes, PortId port, NeighbourId neighbour,
                                      const IpAddress& hop) noexcept {
  constexpr uint32_t kAdded = sizeof(Ipv6FragmentHeader);
  constexpr uint32_t kHeaders = sizeof(Ipv6Header) + kAdded;
  constexpr uint32_t kFront = kEthernetHeaderLength + kHeaders;
  const uint32_t payload = parsed.ip_length - static_cast<uint32_t>(sizeof(Ipv6Header));
  const uint32_t piece = mtu_bytes > kHeaders ? (mtu_bytes - kHeaders) & ~7u : 0;
  const size_t count = piece == 0 ? kMaxFragments + 1 : (payload + piece - 1) / piece;
  if (count > kMaxFragments || t.out->room() < 2 * kBurst + count) {
    return t.Drop(packet, DropReason::kCannotFragment);
  }
  if (packet->Prepend(kAdded) == nullptr) return t.Drop(packet, DropReason::kNoHeadroom);
  std::memmove(packet->data(), packet->data() + kAdded, kFragment6Front);
  std::array<P*, kMaxFragments> pieces{packet};
  for (size_t i = 1; i < count; ++i) {
    const auto offset = static_cast<uint32_t>(i) * piece;
    const uint32_t length = std::min(piece, payload - offset);
    P* next = t.Originate(packet->meta().input_port);
    if (next == nullptr || !next->Resize(kFront + length)) {
      if (next != nullptr) t.Drop(next, DropReason::kCannotFragment);
      for (size_t k = 0; k < i; ++k) t.Drop(pieces[k], DropReason::kCannotFragment);
      return;
    }
    std::memcpy(next->data(), packet->data(), kFragment6Front);
    std::memcpy(next->data() + kFront, packet->data() + kFront + offset, length);
    pieces[i] = next;
  }
  packet->Resize(kFront + piece);
  // The time in front: sixteen bits would come again within a receiver's minute.
  const Be32 id = Be32::FromHost(t.now().value << 16 | t.shard.TakeIpId());
  for (size_t i = 0; i < count; ++i) {
    const auto offset = static_cast<uint32_t>(i) * piece;
    WriteFragmentHeader6(pieces[i], parsed.protocol, offset, i + 1 == count, id);
    SendToNeighbour(t, pieces[i], parsed, port, neighbour, hop);
  }
}

}  // namespace fairlead::dataplane
