// IPv4 fragmentation on the way out (RFC 791 section 3.2): for what is longer than the link and may
// be cut, DF being clear. A slow path; a tunnel with pmtu_disc off is the usual reason.
//
//   SendFragments(turn, packet, parsed, mtu_bytes, port, neighbour_id, hop);
//
// The first piece stays in the packet, the others are packets from the worker's pool; when there
// are not enough, none is sent (kCannotFragment): a datagram without one piece is of no use.
// Threads: the worker's. Ownership of the packet moves in.
#pragma once

#include <array>
#include <cstring>

#include "dataplane/path/transmit.h"

namespace fairlead::dataplane {

inline constexpr size_t kMaxFragments = 16;
inline constexpr size_t kMaxIpv4Header = 60;

// Makes the header at the start of the packet that of one piece. `offset`: bytes, a multiple of 8,
// from the start of the datagram this packet had.
template <Packet P>
void WriteFragmentHeader(P* packet, uint16_t original, uint32_t offset, bool is_last) noexcept {
  auto* ip = HeaderAt<Ipv4Header>(packet->data(), kEthernetHeaderLength);
  const auto units = static_cast<uint16_t>((original & Ipv4Header::kOffsetMask) + offset / 8);
  const bool has_more = !is_last || (original & Ipv4Header::kMoreFragments) != 0;
  ip->fragment =
      Be16::FromHost(static_cast<uint16_t>(units | (has_more ? Ipv4Header::kMoreFragments : 0)));
  ip->total_length =
      Be16::FromHost(static_cast<uint16_t>(packet->length() - kEthernetHeaderLength));
  ip->checksum = Be16{};
  ip->checksum = Checksum(ip, ip->header_length());
  packet->meta().wants_ip_checksum = false;
}

// The header of all pieces but the first at `to`, which has room for the original: only options
// with the copied flag are in it (RFC 791 section 3.1). Its length.
inline uint32_t WriteLaterHeader(const Ipv4Header& original, uint8_t* to) noexcept {
  constexpr uint8_t kEnd = 0, kNoOperation = 1, kCopied = 0x80;
  const auto* from = reinterpret_cast<const uint8_t*>(&original);
  const uint32_t end = original.header_length();
  uint32_t length = sizeof(Ipv4Header);
  std::memcpy(to, from, length);
  for (uint32_t at = length; at < end && from[at] != kEnd;) {
    if (from[at] == kNoOperation) {
      ++at;
      continue;
    }
    const uint32_t size = at + 1 < end ? from[at + 1] : 0;
    if (size < 2 || at + size > end) break;  // no option; who reads the first piece will see
    if ((from[at] & kCopied) != 0) {
      std::memcpy(to + length, from + at, size);
      length += size;
    }
    at += size;
  }
  while (length % 4 != 0) to[length++] = kEnd;
  to[0] = static_cast<uint8_t>(4u << 4 | length / 4);
  return length;
}

// Precondition: an IPv4 packet without DF, complete but for its Ethernet header, longer than
// mtu_bytes.
template <Packet P>
[[gnu::noinline]] void SendFragments(Turn<P>& t, P* packet, const ParsedPacket& parsed,
                                     uint32_t mtu_bytes, PortId port, NeighbourId id,
                                     const IpAddress& hop) noexcept {
  const auto* ip = HeaderAt<Ipv4Header>(packet->data(), kEthernetHeaderLength);
  const uint32_t header = ip->header_length();
  const uint32_t front = kEthernetHeaderLength + header;
  const uint16_t original = ip->fragment.get().host();
  const uint32_t payload = parsed.ip_length - header;
  const uint32_t piece = mtu_bytes > header ? (mtu_bytes - header) & ~7u : 0;
  const size_t count = piece == 0 ? kMaxFragments + 1 : (payload + piece - 1) / piece;
  // What else is in hand needs its room as well (turn.h, Originate).
  if (count > kMaxFragments || t.out->room() < 2 * kBurst + count) {
    return t.Drop(packet, DropReason::kCannotFragment);
  }
  std::array<P*, kMaxFragments> pieces{packet};
  std::array<uint8_t, kMaxIpv4Header> later_header;
  const uint32_t later = WriteLaterHeader(*ip, later_header.data());
  const uint32_t later_front = kEthernetHeaderLength + later;
  for (size_t i = 1; i < count; ++i) {
    const auto offset = static_cast<uint32_t>(i) * piece;
    const uint32_t length = std::min(piece, payload - offset);
    P* next = t.Originate(packet->meta().input_port);
    if (next == nullptr || !next->Resize(later_front + length)) {
      if (next != nullptr) t.Drop(next, DropReason::kCannotFragment);
      for (size_t k = 0; k < i; ++k) t.Drop(pieces[k], DropReason::kCannotFragment);
      return;
    }
    std::memcpy(next->data(), packet->data(), kEthernetHeaderLength);
    std::memcpy(next->data() + kEthernetHeaderLength, later_header.data(), later);
    std::memcpy(next->data() + later_front, packet->data() + front + offset, length);
    pieces[i] = next;
  }
  packet->Resize(front + piece);
  for (size_t i = 0; i < count; ++i) {
    WriteFragmentHeader(pieces[i], original, static_cast<uint32_t>(i) * piece, i + 1 == count);
    SendToNeighbour(t, pieces[i], parsed, port, id, hop);
  }
}

}  // namespace fairlead::dataplane
