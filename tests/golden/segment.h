// IP packets as the hosts around the director see them: read from bytes with every checksum
// verified, and written.
//
//   Segment syn{.source = client, .destination = vip, .protocol = kTcp, .flags = kSyn};
//   std::vector<uint8_t> ip = Write(syn);
//   Segment back = Read(ip);                       // throws BadPacket, with a sentence
//
// Shares no code with the dataplane: what the director writes is read by somebody else. Threads:
// values.
#pragma once

#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/ip_address.h"

namespace fairlead::golden {

inline constexpr uint8_t kIcmp = 1, kIpip = 4, kTcp = 6, kUdp = 17, kIpv6 = 41, kIcmpv6 = 58;
inline constexpr uint8_t kFin = 1, kSyn = 2, kRst = 4, kPsh = 8, kAck = 16;

struct BadPacket : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Segment {
  Endpoint source, destination;
  uint8_t protocol = kTcp;
  uint8_t ttl = 64;
  // TCP
  uint8_t flags = 0;
  uint32_t sequence = 0, acknowledged = 0;
  std::string payload{};  // TCP, UDP
  // ICMP errors: what they are about, from its IP header on
  uint8_t icmp_type = 0, icmp_code = 0;
  std::vector<uint8_t> inner{};  // the packet an error quotes, or what a tunnel carries

  // Sequence numbers this segment takes.
  [[nodiscard]] uint32_t length() const {
    return static_cast<uint32_t>(payload.size()) + ((flags & kSyn) != 0 ? 1u : 0u) +
           ((flags & kFin) != 0 ? 1u : 0u);
  }
};

// TCP, UDP, ICMP, or IP in IP (`inner` is the packet inside). `quoted`: the packet stands in an
// ICMP error, so it may be cut off after the ports and its transport checksum is not looked at.
Segment Read(std::span<const uint8_t> ip, bool is_quoted = false);
// TCP, UDP and port unreachable (protocol kIcmp or kIcmpv6).
std::vector<uint8_t> Write(const Segment& segment);
// What a host says that has no socket for `ip`.
Segment PortUnreachable(const Segment& about, std::span<const uint8_t> ip);
// True for port unreachable of either family.
bool IsPortUnreachable(const Segment& icmp);

// "10.9.0.1:1234 > 10.100.0.1:80 TCP SA"
std::string Text(const Segment& segment);
// "SA" → flags. Throws std::invalid_argument for a letter that is none of S A F R P.
uint8_t FlagsOf(const std::string& letters);

}  // namespace fairlead::golden
