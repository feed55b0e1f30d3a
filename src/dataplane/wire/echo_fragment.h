// A ping in fragments, answered fragment by fragment: each of the request becomes that of the reply
// with the same identification, place and size.
//
//   if (!IsFirstOfEcho(frame, parsed)) …
//   if (!BuildEchoFragment(packet, &parsed)) …not a fragment of ICMP   // the first and all others
//
// Nobody needs the whole datagram for it: type and addresses are what differs, and the checksum of
// the whole changes by the difference of the type (the sum of the addresses stays the same). So a
// request that came damaged gets a reply whose checksum is wrong, as it was.
//
// IPv4 options and IPv6 extension headers in front of the fragment header are left out, and DF is
// clear. The Ethernet addresses are swapped. Threads: pure functions over the caller's packet.
#pragma once

#include <cstdint>

#include "dataplane/wire/ip_header.h"
#include "dataplane/wire/parse.h"

namespace fairlead::dataplane {

// Begins an echo request from one host to one; whether that one is us is the caller's to know.
// Precondition, here and below: ParseFrame said kFragment.
bool IsFirstOfEcho(const uint8_t* frame, const ParsedPacket& parsed) noexcept;

namespace internal {
struct EchoFragment {
  EthernetHeader received;
  IpAddress source, destination;  // of the reply
  uint32_t data = 0;              // where the bytes of the datagram begin, from the frame's start
  uint16_t id = 0, field = 0;     // of the IPv4 header; field: place and "more"
  uint8_t tos = 0;
  bool is_first = false;
};
// False: what is behind the fragment header is not ICMP.
bool ReadEchoFragment(const uint8_t* frame, const ParsedPacket& parsed,
                      EchoFragment* fragment) noexcept;
uint32_t FrontOfEchoFragment(const EchoFragment& fragment) noexcept;
// `frame` begins so that its bytes of the datagram follow the headers of the reply.
void WriteEchoFragment(uint8_t* frame, uint32_t length, const EchoFragment& fragment) noexcept;
}  // namespace internal

// False: the packet is no fragment of ICMP, and unchanged.
template <Packet P>
[[nodiscard]] bool BuildEchoFragment(P& packet, ParsedPacket* parsed) noexcept {
  internal::EchoFragment fragment;
  if (!internal::ReadEchoFragment(packet.data(), *parsed, &fragment)) return false;
  packet.TrimFront(fragment.data - internal::FrontOfEchoFragment(fragment));
  internal::WriteEchoFragment(packet.data(), packet.length(), fragment);
  packet.meta().wants_ip_checksum = false;
  ParseFrame(packet.data(), packet.length(), true, parsed);
  return true;
}

}  // namespace fairlead::dataplane
