// What the director answers by itself, made in place of the packet it answers: ICMP errors, TCP
// resets, echo replies.
//
//   if (!MayAnswerWithError(frame, parsed)) …just drop…
//   if (!BuildIcmpError(packet, &parsed, IcmpError::kPortUnreachable, vip)) …kNoHeadroom
//   …route `packet` by its new destination: parsed describes the answer now
//
// Call before any rewriting: errors quote the packet as it came. Rate limits are the caller's
// (rate_limit.h). The Ethernet addresses are swapped, so that the answer may leave by the input
// port as it is; a caller that routes writes them anew. All checksums are complete.
// Threads: pure functions over the caller's packet.
#pragma once

#include <algorithm>
#include <cstdint>

#include "dataplane/wire/icmp_error.h"
#include "dataplane/wire/ip_header.h"
#include "dataplane/wire/parse.h"

namespace fairlead::dataplane {

enum class IcmpError : uint8_t {  // IPv4 type/code · ICMPv6 type/code
  kPortUnreachable,               // 3/3  · 1/4
  kHostUnreachable,               // 3/1  · 1/3
  kNetUnreachable,                // 3/0  · 1/0
  kTooBig,                        // 3/4  · 2/0, with the MTU
  kTimeExceeded,                  // 11/0 · 3/0
  kProtocolUnreachable,           // 3/2  · 1/3
  kAdminProhibited,               // 3/13 · 1/1
};

// An error may answer it: not about an ICMP error or redirect, a multicast or broadcast (of either
// layer), a later fragment, or a packet from nobody (RFC 1122 section 3.2.2, RFC 4443 section
// 2.4 (e)).
bool MayAnswerWithError(const uint8_t* frame, const ParsedPacket& parsed) noexcept;

// A RST may answer it: a TCP segment to one host that is no RST itself.
bool MayAnswerWithReset(const uint8_t* frame, const ParsedPacket& parsed) noexcept;

// An echo request to one host. Whether that host is us is the caller's to know.
bool IsEchoRequest(const uint8_t* frame, const ParsedPacket& parsed) noexcept;

// Total length of an IPv4 error (RFC 1812 section 4.3.2.3) and of an ICMPv6 error (RFC 4443 section
// 2.4 (c)), bytes: as much of the offending packet as fits is quoted.
inline constexpr uint32_t kMaxIcmpErrorBytes = 576;
inline constexpr uint32_t kMaxIcmpv6ErrorBytes = 1280;

namespace internal {
// The packet has its final size and the quotation its place; writes everything before it.
void WriteIcmpError(uint8_t* frame, uint32_t length, const EthernetHeader& received,
                    const IpAddress& source, const IpAddress& destination, IcmpError error,
                    uint16_t mtu_bytes) noexcept;
// Overwrites headers from the start of the frame on; returns the frame's new length.
uint32_t WriteReset(uint8_t* frame, const ParsedPacket& parsed) noexcept;
uint32_t WriteResetOnwards(uint8_t* frame, const ParsedPacket& parsed) noexcept;
// `frame` begins so that the ICMP message follows a plain Ethernet and IP header.
void WriteEchoReply(uint8_t* frame, uint32_t length, const EthernetHeader& received,
                    const IpAddress& source, const IpAddress& destination, uint8_t tos) noexcept;
}  // namespace internal

// Makes `packet` an ICMP error to its sender. `source` is of the packet's family: the VIP, or the
// address of the port it came in by. `mtu_bytes`: with kTooBig, the next link's. False when the
// buffer has no room in front; the packet is then good for nothing.
// Precondition: MayAnswerWithError.
template <Packet P>
[[nodiscard]] bool BuildIcmpError(P& packet, ParsedPacket* parsed, IcmpError error,
                                  const IpAddress& source, uint16_t mtu_bytes = 0) noexcept {
  const uint32_t added = static_cast<uint32_t>(
      sizeof(IcmpHeader) + (parsed->is_v4() ? sizeof(Ipv4Header) : sizeof(Ipv6Header)));
  const uint32_t limit = parsed->is_v4() ? kMaxIcmpErrorBytes : kMaxIcmpv6ErrorBytes;
  const EthernetHeader received = *HeaderAt<EthernetHeader>(packet.data(), 0);
  const IpAddress sender = parsed->source(packet.data());
  packet.Resize(kEthernetHeaderLength + std::min(parsed->ip_length, limit - added));
  if (packet.Prepend(added) == nullptr) return false;
  internal::WriteIcmpError(packet.data(), packet.length(), received, source, sender, error,
                           mtu_bytes);
  packet.meta().wants_ip_checksum = false;
  ParseFrame(packet.data(), packet.length(), true, parsed);
  return true;
}

// Makes `packet` the RST that its segment asks for (RFC 9293 section 3.5.2, group 1).
// Precondition: MayAnswerWithReset.
template <Packet P>
void BuildReset(P& packet, ParsedPacket* parsed) noexcept {
  packet.Resize(internal::WriteReset(packet.data(), *parsed));
  packet.meta().wants_ip_checksum = false;
  ParseFrame(packet.data(), packet.length(), true, parsed);
}

// Makes `packet` a RST in its own direction: what its receiver takes as its sender giving up, since
// it carries the sequence number that is due.
// Precondition: MayAnswerWithReset.
template <Packet P>
void BuildResetOnwards(P& packet, ParsedPacket* parsed) noexcept {
  packet.Resize(internal::WriteResetOnwards(packet.data(), *parsed));
  packet.meta().wants_ip_checksum = false;
  ParseFrame(packet.data(), packet.length(), true, parsed);
}

// Makes `packet` the reply to its echo request; IP options and extension headers are left out.
// False when the request's ICMP checksum is wrong; the packet is then unchanged.
// Precondition: IsEchoRequest.
template <Packet P>
[[nodiscard]] bool BuildEchoReply(P& packet, ParsedPacket* parsed) noexcept {
  if (!HasGoodIcmpChecksum(packet.data(), *parsed)) return false;
  const EthernetHeader received = *HeaderAt<EthernetHeader>(packet.data(), 0);
  const IpAddress source = parsed->destination(packet.data());
  const IpAddress destination = parsed->source(packet.data());
  const uint32_t ip_header =
      static_cast<uint32_t>(parsed->is_v4() ? sizeof(Ipv4Header) : sizeof(Ipv6Header));
  packet.TrimFront(parsed->l4_offset - ip_header - kEthernetHeaderLength);
  internal::WriteEchoReply(packet.data(), packet.length(), received, source, destination,
                           parsed->tos);
  packet.meta().wants_ip_checksum = false;
  ParseFrame(packet.data(), packet.length(), true, parsed);
  return true;
}

}  // namespace fairlead::dataplane
