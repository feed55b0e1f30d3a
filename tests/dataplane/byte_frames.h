// Frames as clients and reals send them, and a frame as one line of text; byte by byte, sharing no
// code with the product's rewriting and checksums.
//
//   Frame syn = Tcp("198.51.100.7", 1234, "192.0.2.10", 80, kTcpSyn);
//   EXPECT_EQ(Text(syn), "192.0.2.10:80 <- 198.51.100.7:1234 TCP S ttl 64");
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/ip_address.h"

namespace fairlead::dataplane {

using Frame = std::vector<uint8_t>;

// A TCP segment without options, or a UDP datagram of two bytes, from a client of port `outside`
// (or a real, inside).
Frame Tcp(const std::string& source, uint16_t source_port, const std::string& destination,
          uint16_t destination_port, uint8_t flags, uint8_t ttl = 64, size_t payload = 0,
          bool dont_fragment = false);
Frame Udp(const std::string& source, uint16_t source_port, const std::string& destination,
          uint16_t destination_port);
Frame Datagram(const std::string& source, uint16_t source_port, const std::string& destination,
               uint16_t destination_port, const std::string& payload);
// An ICMP message from → to that quotes the IP packet of `about`, of which `quoted` bytes are left.
Frame ErrorAbout(const Frame& about, const std::string& from, const std::string& to, uint8_t type,
                 uint8_t code, uint32_t rest = 0, size_t quoted = 128);
// Sets the destination MAC to that of the port it will arrive at, unless it has one.
Frame To(PortId port, Frame frame);
// With a VLAN tag in front of its Ethernet type; `word`: priority and VLAN.
Frame Tagged(Frame frame, uint16_t word, uint16_t ethertype = 0x8100);
// "10.0.0.11:80 <- 198.51.100.7:1234 TCP S ttl 63", checksums verified by a slow independent sum
// ("BAD SUM" if wrong).
std::string Text(const Frame& frame);
MacAddress PortMac(PortId port);
MacAddress HostMac(const std::string& address);

}  // namespace fairlead::dataplane
