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

// ---- addresses of kernel twins

uint64_t clock_ms = 0;

Frame ArpFor(const char* target) {
  Frame frame(kArpFrameLength);
  BuildArpRequest(frame.data(), HostMac("192.0.2.1"), IpAddress::Parse("192.0.2.1")->v4(),
                  IpAddress::Parse(target)->v4());
  return frame;
}

Frame SolicitationFor(const char* target) {
  const Ipv6Address address = IpAddress::Parse(target)->v6();
  Frame frame(kNeighbourFrameLength);
  BuildNeighbourSolicitation(frame.data(), HostMac("2001:db8::1"),
                             IpAddress::Parse("2001:db8::1")->v6(), address);
  return frame;
}

// A director that was stopped may have lost them meanwhile, and goes on with old questions.
TEST(LocalInput, AnAddressOfATwinIsAnsweredForWhileTheKernelIsHeard) {
  ByteDirector d;
  const auto put = [&d](const char* address, LocalAddress local) {
    d.draft().local_addresses[*IpAddress::Parse(address)] = local;
  };
  put("192.0.2.80", {.is_vip = true, .port = {}, .is_announced = true, .is_of_kernel = true});
  put("192.0.2.81", {.port = kOutside, .is_announced = true, .is_of_kernel = true});
  put("192.0.2.82", {.is_vip = true, .port = {}, .is_announced = true});
  put("2001:db8::80", {.is_vip = true, .port = {}, .is_announced = true, .is_of_kernel = true});
  d.Publish();
  KernelNews& news = d.fabric().kernel_news;
  clock_ms = 50'000;
  news.SetClock([]() noexcept { return clock_ms; });
  const Frame of_twin[] = {ArpFor("192.0.2.80"), ArpFor("192.0.2.81"),
                           SolicitationFor("2001:db8::80")};
  const auto answers = [&] {
    size_t count = 0;
    for (const Frame& frame : of_twin) count += d.Send(kOutside, frame).size();
    return count;
  };
  EXPECT_EQ(answers(), 0u) << "nobody has read anything yet";
  EXPECT_EQ(d.dropped(DropReason::kKernelUnheard), 3u);
  news.Stamp(clock_ms);
  EXPECT_EQ(answers(), 3u);
  clock_ms += KernelNews::kBoundMs - 1;
  EXPECT_EQ(answers(), 3u);
  clock_ms += 1;
  EXPECT_EQ(answers(), 0u);
  EXPECT_EQ(d.dropped(DropReason::kKernelUnheard), 6u);
  EXPECT_EQ(d.Send(kOutside, ArpFor("192.0.2.82")).size(), 1u) << "it is no twin's";
  EXPECT_EQ(d.Send(kOutside, ArpFor("192.0.2.99")).size(), 0u);
  EXPECT_EQ(d.dropped(DropReason::kArpIgnored), 1u) << "which is nobody's";
  news.Stamp(clock_ms);
  EXPECT_EQ(answers(), 3u);
  EXPECT_EQ(d.dropped(DropReason::kKernelUnheard), 6u);
  EXPECT_EQ(d.CheckConservation(), "");
}

}  // namespace
}  // namespace fairlead::dataplane::local_input_test
