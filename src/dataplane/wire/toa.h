// TOA: the client's address in a TCP option, for real servers that see a local address of the
// director as their client (FULLNAT). The layout is that of DPVS and of the kernel modules that
// read it:
//
//   IPv4 client   254, 8,  port (2 bytes), address (4)
//   IPv6 client   254, 20, port (2 bytes), address (16)
//
//   BlankOption(packet.data(), parsed, kTcpOptionToa);   // a client may not say who it is
//   switch (AddToa(packet, &parsed, client.address, client.port, mtu)) …
//
// The modules read the segment with which the listening socket becomes a connection: mostly the
// handshake's third, an ACK without data; where that is lost, or the listener waits for data
// (TCP_DEFER_ACCEPT), one with data. Which it was nobody tells, so every segment of the client has
// the option until the real has acknowledged data of the client's, or has sent data itself. A SYN
// has none: the modules do not look there, and boxes on the way may dislike it.
// The option stands in front of the others, because the modules take the first that they find.
// A segment that fills the MTU cannot take it. The caller lowers the MSS in the real's SYN-ACK by
// kToaBytes (LowerMss), so that such a segment does not come; if one does, it goes without.
// Precondition: parsed is a kFlow of TCP. Threads: pure functions over the caller's packet.
#pragma once

#include <algorithm>
#include <cstring>

#include "dataplane/wire/tcp_edit.h"

namespace fairlead::dataplane {

inline constexpr uint8_t kTcpOptionToa = 254;  // experiments (RFC 4727); all who use TOA use it
template <typename Address>
inline constexpr uint32_t kToaBytes = 4 + sizeof(Address);
static_assert(kToaBytes<Ipv4Address> == 8 && kToaBytes<Ipv6Address> == 20);

enum class ToaOutcome : uint8_t {
  kAdded,
  // The packet is unchanged:
  kNoRoomInHeader,  // the options fill the TCP header
  kTooLong,         // the packet would exceed the MTU
  kNoRoomInBuffer,  // none in front of the packet
};

// The family of the client and that of the packet are independent. `mtu_bytes`: of the link to the
// real.
template <typename Address, Packet P>
[[nodiscard]] ToaOutcome AddToa(P& packet, ParsedPacket* parsed, const Address& client, Be16 port,
                                uint32_t mtu_bytes) noexcept {
  constexpr uint32_t kBytes = kToaBytes<Address>;
  const uint32_t header = parsed->payload_offset - parsed->l4_offset;
  if (header + kBytes > kMostTcpHeader) return ToaOutcome::kNoRoomInHeader;
  const uint32_t length = parsed->ip_length + kBytes;
  if (length > std::min(mtu_bytes, 0xffffu)) return ToaOutcome::kTooLong;
  uint8_t* frame = packet.Prepend(kBytes);
  if (frame == nullptr) return ToaOutcome::kNoRoomInBuffer;
  // What is in front of the options is shorter than what follows.
  const uint32_t front = parsed->l4_offset + sizeof(TcpHeader);
  std::memmove(frame, frame + kBytes, front);
  uint8_t* option = frame + front;
  std::memset(option, 0, kBytes);

  TcpEdit edit(frame, *parsed);
  const uint32_t l4_length = parsed->l4_length();
  edit.Replace(Be16::FromHost(static_cast<uint16_t>(l4_length)),
               Be16::FromHost(static_cast<uint16_t>(l4_length + kBytes)));
  auto* tcp = HeaderAt<TcpHeader>(frame, parsed->l4_offset);
  edit.Put8(&tcp->data_offset, static_cast<uint8_t>(tcp->data_offset + (kBytes / 4 << 4)));
  edit.Put8(option, kTcpOptionToa);
  edit.Put8(option + 1, kBytes);
  edit.Put16(option + 2, port.host());
  uint8_t address[sizeof(Address)];
  client.Store(address);
  for (uint32_t i = 0; i < sizeof address; i += 4) {
    edit.Put32(option + 4 + i, Be32::Load(address + i).host());
  }
  edit.Finish();
  parsed->payload_offset = static_cast<uint16_t>(parsed->payload_offset + kBytes);
  SetIpLength(frame, parsed, length);
  return ToaOutcome::kAdded;
}

}  // namespace fairlead::dataplane
