#include <gtest/gtest.h>

#include "byte_director.h"

namespace fairlead::dataplane::local_input_test {
namespace {

const std::string kClient = "198.51.100.7";
const std::string kVip = "192.0.2.10";

Frame WithMac(const MacAddress& destination, Frame frame) {
  destination.Store(frame.data());
  return frame;
}

// A later fragment: offset 8, no more to come.
Frame AsFragment(Frame frame) {
  BytePacket packet(frame);
  auto* ip = HeaderAt<Ipv4Header>(packet.data(), kEthernetHeaderLength);
  ip->fragment = Be16::FromHost(1);
  ip->checksum = Be16{};
  ip->checksum = Checksum(ip, sizeof *ip);
  return {packet.frame().begin(), packet.frame().end()};
}

// An ICMP error from `from` to the sender of `about`.
Frame ErrorAbout(const Frame& about, const std::string& from) {
  BytePacket packet(To(kOutside, about));
  ParsedPacket parsed;
  Parse(packet, &parsed);
  EXPECT_TRUE(
      BuildIcmpError(packet, &parsed, IcmpError::kHostUnreachable, *IpAddress::Parse(from)));
  return WithMac(PortMac(kOutside), {packet.frame().begin(), packet.frame().end()});
}

// Not routed, although the default route would lead everywhere, and not balanced (ipvs.md, new
// connections).
TEST(LocalInput, WhatGoesToManyIsNotForwarded) {
  ByteDirector d;
  d.AddReal(d.AddService({}), "10.0.0.11", 80);
  d.Publish();
  const MacAddress group = MacAddress::FromNumber(0x01005e0000fbu);
  const Frame to_many[] = {
      Udp("192.0.2.77", 5353, "224.0.0.251", 5353),
      WithMac(group, Udp("192.0.2.77", 5353, "224.0.0.251", 5353)),
      WithMac(kBroadcastMac, Udp("192.0.2.77", 68, "255.255.255.255", 67)),
      WithMac(kBroadcastMac, Udp("192.0.2.77", 137, "203.0.113.255", 137)),
      WithMac(kBroadcastMac, Tcp(kClient, 1, kVip, 80, kTcpSyn)),
      WithMac(group, AsFragment(Udp("192.0.2.77", 5353, "224.0.0.251", 5353))),
      WithMac(kBroadcastMac, ErrorAbout(Tcp(kVip, 80, kClient, 1, kTcpAck), kClient)),
  };
  uint64_t count = 0;
  for (const Frame& frame : to_many) {
    EXPECT_EQ(d.Send(kOutside, frame).size(), 0u) << Text(frame);
    EXPECT_EQ(d.dropped(DropReason::kMulticast), ++count) << Text(frame);
  }
  EXPECT_EQ(d.CheckConservation(), "");
}

TEST(LocalInput, WhatGoesToManyReachesTheTwin) {
  ByteDirector d;
  d.draft().ports[0].has_host = true;
  d.Publish();
  const auto sent = d.Send(kOutside, WithMac(MacAddress::FromNumber(0x01005e0000fbu),
                                             Udp("192.0.2.77", 5353, "224.0.0.251", 5353)));
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_TRUE(sent[0].to_host);
}

// The route to the real has gone since the connection began.
TEST(LocalInput, AnIcmpErrorForARealWithoutRouteIsDropped) {
  ByteDirector d;
  const RealId real = d.AddReal(d.AddService({}), "10.0.0.11", 80);
  d.Publish();
  d.Send(kOutside, Tcp(kClient, 1, kVip, 80, kTcpSyn));
  d.real(real).next_hop = {};
  d.real(real).output = {};
  d.Publish();
  EXPECT_EQ(d.Send(kOutside, ErrorAbout(Tcp(kVip, 80, kClient, 1, kTcpAck), kClient)).size(), 0u);
  EXPECT_EQ(d.dropped(DropReason::kNoRoute), 1u);
  EXPECT_EQ(d.CheckConservation(), "");
}

}  // namespace
}  // namespace fairlead::dataplane::local_input_test
