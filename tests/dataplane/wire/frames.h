// Frames for tests: hex in and out, small builders, and a checksum judge that shares no code with
// the product.
//
//   auto syn = Ethernet(0x0800, Hex("4500…"));
//   EXPECT_EQ(ChecksumProblem(syn), "");
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "dataplane/wire/packet.h"
#include "dataplane/wire/parse.h"

namespace fairlead::dataplane::test {

using Bytes = std::vector<uint8_t>;

inline const MacAddress kClientMac{{2, 0, 0, 0, 0, 0xc}};
inline const MacAddress kOurMac{{2, 0, 0, 0, 0, 0xd}};

Bytes Hex(std::string_view text);  // blanks allowed
std::string ToHex(std::span<const uint8_t> bytes);
Bytes operator+(Bytes a, const Bytes& b);

Bytes Ethernet(uint16_t ethertype, const Bytes& rest, const MacAddress& source = kClientMac,
               const MacAddress& destination = kOurMac);

struct IpOptions {
  uint8_t protocol = 17;
  uint8_t ttl = 64;
  uint8_t tos = 0;
  uint16_t fragment = 0x4000;  // IPv4 flags and offset
  Bytes extensions = {};       // IPv4 options, or IPv6 extension headers…
  uint8_t next_header = 0;  // …and what the IPv6 header then says; 0 with extensions is hop-by-hop
};

// A frame with an IP packet of the addresses' family; all checksums right.
Bytes Ip(const IpAddress& source, const IpAddress& destination, const IpOptions& options,
         const Bytes& payload);
Bytes Udp(const Endpoint& source, const Endpoint& destination, const Bytes& data,
          IpOptions options = {});
Bytes Tcp(const Endpoint& source, const Endpoint& destination, uint8_t flags,
          const Bytes& data = {}, uint32_t sequence = 1000, uint32_t acknowledgement = 0,
          const Bytes& options = {});  // a multiple of four
// `rest`: the four bytes after the checksum.
Bytes Icmp(const IpAddress& source, const IpAddress& destination, uint8_t type, uint8_t code,
           uint32_t rest, const Bytes& data, uint8_t ttl = 64);

// Empty when the IPv4 header, TCP, UDP, ICMP and ICMPv6 checksums in the frame are right, and no
// UDP checksum that ought to be 0xFFFF is 0.
std::string ChecksumProblem(std::span<const uint8_t> frame);

inline Endpoint At(std::string_view text) { return *Endpoint::Parse(text); }
inline IpAddress Address(std::string_view text) { return *IpAddress::Parse(text); }
inline Be16 Port(uint16_t port) { return Be16::FromHost(port); }

// The bytes behind the Ethernet header, as hex.
inline std::string IpHex(const BytePacket& packet) { return ToHex(packet.frame().subspan(14)); }

}  // namespace fairlead::dataplane::test
