// ARP for IPv4 over Ethernet (RFC 826, RFC 5227).
//
//   ArpMessage arp;
//   if (!ParseArp(frame, length, &arp)) …kBadArp
//   if (arp.is_request && snapshot.FindLocal(arp.target)) TurnIntoArpReply(packet, our_mac);
//
//   packet->Resize(BuildGratuitousArp(packet->data(), our_mac, vip));   // room for kArpFrameLength
//
// Threads: pure functions over the caller's bytes.
#pragma once

#include <cstdint>

#include "dataplane/wire/headers.h"
#include "dataplane/wire/packet.h"

namespace fairlead::dataplane {

inline constexpr uint32_t kArpFrameLength = kEthernetHeaderLength + sizeof(ArpHeader);

struct ArpMessage {
  bool is_request = false;  // else a reply
  MacAddress sender_mac;
  Ipv4Address sender;  // 0.0.0.0: a probe (RFC 5227); never learn from it
  Ipv4Address target;

  // Announces its own address and asks nothing.
  [[nodiscard]] bool is_gratuitous() const noexcept { return sender == target; }
};

// False: not ARP of IPv4 over Ethernet, not request or reply, or a sender that no host can be.
// Precondition: Parse said kArp.
bool ParseArp(const uint8_t* frame, uint32_t length, ArpMessage* arp) noexcept;

// Each writes a whole frame of kArpFrameLength bytes, Ethernet header included, and returns that
// length. A request asks by broadcast who has `target`; a gratuitous one announces `address`.
uint32_t BuildArpRequest(uint8_t* frame, const MacAddress& our_mac, Ipv4Address our_address,
                         Ipv4Address target) noexcept;
uint32_t BuildGratuitousArp(uint8_t* frame, const MacAddress& our_mac,
                            Ipv4Address address) noexcept;
// Overwrites the request in `frame` with its reply: `our_mac` has the target address.
uint32_t WriteArpReply(uint8_t* frame, const MacAddress& our_mac) noexcept;

// Makes `packet`, a request that ParseArp took, its reply: complete, to the asker's MAC, for the
// port it came in by.
template <Packet P>
void TurnIntoArpReply(P& packet, const MacAddress& our_mac) noexcept {
  packet.Resize(WriteArpReply(packet.data(), our_mac));
}

}  // namespace fairlead::dataplane
