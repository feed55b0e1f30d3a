// ICMP about flows, in both directions and about our own tunnels (ipvs.md, path MTU and ICMP).
#include <gtest/gtest.h>

#include "byte_director.h"

namespace fairlead::dataplane::icmp_test {
namespace {

const std::string kClient = "198.51.100.7";
const std::string kVip = "192.0.2.10";

std::string Describe(const std::vector<Sent>& all) {
  std::string text;
  for (const Sent& sent : all) {
    text += (sent.port == kOutside ? "out " : "in ") + Text(sent.frame) + "\n";
  }
  return text;
}

uint32_t Get32(const Frame& f, size_t at) { return Be32::Load(&f[at]).host(); }

class Icmp : public testing::TestWithParam<size_t> {
 protected:
  Icmp() : d_({.workers = GetParam()}) {}
  void Serve(ForwardMethod method, ServiceSpec spec = {}, const char* real = "10.0.0.11") {
    web_ = d_.AddService(spec);
    real_ = d_.AddReal(web_, real, method == ForwardMethod::kNat ? 8080 : spec.port,
                       {.method = method});
    d_.Publish();
  }
  Frame Answer() { return Tcp("10.0.0.11", 8080, kClient, 1234, kTcpSyn | kTcpAck); }
  std::string Send(PortId port, const Frame& frame) { return Describe(d_.Send(port, frame)); }

  ByteDirector d_;
  ServiceId web_;
  RealId real_;
};
INSTANTIATE_TEST_SUITE_P(Workers, Icmp, testing::Values(1, 3));

// What the client got came from the VIP; the server must read that it was its own.
TEST_P(Icmp, FromTheClientToANatReal) {
  Serve(ForwardMethod::kNat);
  d_.Send(kOutside, Tcp(kClient, 1234, kVip, 80, kTcpSyn));
  const Frame seen = Tcp(kVip, 80, kClient, 1234, kTcpAck);
  const auto sent = d_.Send(kOutside, ErrorAbout(seen, "203.0.113.1", kVip, 3, 4, 1400));
  ASSERT_EQ(Describe(sent), "in 10.0.0.11 <- 203.0.113.1 ICMP 3/4 ttl 63\n");
  const Frame inner(sent[0].frame.begin() + 28, sent[0].frame.end());
  EXPECT_EQ(Text(inner).substr(0, 41), "198.51.100.7:1234 <- 10.0.0.11:8080 TCP A");
  EXPECT_EQ(Get32(sent[0].frame, 38), 1400u);
  EXPECT_EQ(d_.CheckConservation(), "");
}

TEST_P(Icmp, FromTheClientToANatReal6) {
  Serve(ForwardMethod::kNat, {.address = "2001:db8::10"}, "fd00::11");
  d_.Send(kOutside, Tcp("2001:db8:1::7", 1234, "2001:db8::10", 80, kTcpSyn));
  const Frame seen = Tcp("2001:db8::10", 80, "2001:db8:1::7", 1234, kTcpAck);
  const auto sent =
      d_.Send(kOutside, ErrorAbout(seen, "2001:db8:9::1", "2001:db8::10", 2, 0, 1400));
  ASSERT_EQ(Describe(sent), "in [fd00::11] <- [2001:db8:9::1] ICMP 2/0 ttl 63\n");
  const Frame inner(sent[0].frame.begin() + 48, sent[0].frame.end());
  EXPECT_EQ(Text(inner).substr(0, 46), "[2001:db8:1::7]:1234 <- [fd00::11]:8080 TCP A ");
}

// Whoever behind us complains, the client hears it from the VIP, about what it sent to the VIP.
TEST_P(Icmp, FromBehindANatReal) {
  Serve(ForwardMethod::kNat);
  d_.Send(kOutside, Tcp(kClient, 1234, kVip, 80, kTcpSyn));
  const Frame seen = Tcp(kClient, 1234, "10.0.0.11", 8080, kTcpAck);
  const uint64_t before = d_.fabric().stats.SumTraffic(real_).out_packets;
  const auto sent = d_.Send(kInside, ErrorAbout(seen, "10.0.0.200", kClient, 3, 1));
  ASSERT_EQ(Describe(sent), "out 198.51.100.7 <- 192.0.2.10 ICMP 3/1 ttl 63\n");
  const Frame inner(sent[0].frame.begin() + 28, sent[0].frame.end());
  EXPECT_EQ(Text(inner).substr(0, 41), "192.0.2.10:80 <- 198.51.100.7:1234 TCP A ");
  EXPECT_EQ(d_.fabric().stats.SumTraffic(real_).out_packets, before + 1);
}

TEST_P(Icmp, FromBehindANatReal6) {
  Serve(ForwardMethod::kNat, {.address = "2001:db8::10"}, "fd00::11");
  d_.Send(kOutside, Tcp("2001:db8:1::7", 1234, "2001:db8::10", 80, kTcpSyn));
  const Frame seen = Tcp("2001:db8:1::7", 1234, "fd00::11", 8080, kTcpAck);
  EXPECT_EQ(Send(kInside, ErrorAbout(seen, "fd00::200", "2001:db8:1::7", 1, 0)),
            "out [2001:db8:1::7] <- [2001:db8::10] ICMP 1/0 ttl 63\n");
}

// To a real that has the VIP itself the error goes like any packet of the connection.
TEST_P(Icmp, FromTheClientToDirectAndTunnelledReals) {
  Serve(ForwardMethod::kDr);
  d_.Send(kOutside, Tcp(kClient, 1234, kVip, 80, kTcpSyn));
  const Frame seen = Tcp(kVip, 80, kClient, 1234, kTcpAck);
  const Frame error = ErrorAbout(seen, "203.0.113.1", kVip, 3, 4, 1400);
  EXPECT_EQ(Send(kOutside, error), "in 192.0.2.10 <- 203.0.113.1 ICMP 3/4 ttl 63\n");
}

TEST_P(Icmp, FromTheClientThroughATunnel) {
  Serve(ForwardMethod::kTun);
  d_.Send(kOutside, Tcp(kClient, 1234, kVip, 80, kTcpSyn));
  const Frame seen = Tcp(kVip, 80, kClient, 1234, kTcpAck);
  EXPECT_EQ(Send(kOutside, ErrorAbout(seen, "203.0.113.1", kVip, 3, 4, 1400)),
            "in 10.0.0.11 <- 10.0.0.1 IPIP ttl 63 { 192.0.2.10 <- 203.0.113.1 ICMP 3/4 ttl 63 }\n");
}

// A damaged error is not made to look sound.
TEST_P(Icmp, ABadChecksumIsDroppedBeforeNat) {
  Serve(ForwardMethod::kNat);
  d_.Send(kOutside, Tcp(kClient, 1234, kVip, 80, kTcpSyn));
  Frame error = ErrorAbout(Tcp(kVip, 80, kClient, 1234, kTcpAck), "203.0.113.1", kVip, 3, 1);
  error[36] = static_cast<uint8_t>(error[36] ^ 0xff);
  EXPECT_EQ(Send(kOutside, error), "");
  EXPECT_EQ(d_.dropped(DropReason::kBadIcmp), 1u);
}

// ---- schedule_icmp

TEST_P(Icmp, AnUnknownFlowIsScheduledOnlyWhereThatIsWanted) {
  Serve(ForwardMethod::kNat);
  const Frame seen = Tcp(kVip, 80, kClient, 1234, kTcpAck);
  const Frame error = ErrorAbout(seen, "203.0.113.1", kVip, 3, 4, 1400);
  EXPECT_EQ(Send(kOutside, error), "");
  EXPECT_EQ(d_.dropped(DropReason::kIcmpNoConnection), 1u);
  d_.service(web_).policy.schedule_icmp = true;
  d_.Publish();
  EXPECT_EQ(Send(kOutside, error), "in 10.0.0.11 <- 203.0.113.1 ICMP 3/4 ttl 63\n");
  EXPECT_EQ(d_.fabric().stats.SumTraffic(real_).connections, 1u);
  d_.SetWeight(real_, 0);
  d_.Publish();
  const Frame other = ErrorAbout(Tcp(kVip, 80, kClient, 1235, kTcpAck), "203.0.113.1", kVip, 3, 4);
  EXPECT_EQ(Send(kOutside, other), "") << "no error about an error";
  EXPECT_EQ(d_.dropped(DropReason::kNoReal), 1u);
  EXPECT_EQ(d_.CheckConservation(), "");
}

TEST_P(Icmp, AnErrorMakesNoConnectionWhereTheClientsPacketWouldMakeNone) {
  Serve(ForwardMethod::kNat);
  PolicyView& policy = d_.service(web_).policy;
  policy.schedule_icmp = true;
  policy.drop_packet = kDefenceAlways;
  d_.draft().defence.am_droprate = 1;  // each
  d_.Publish();
  const Frame seen = Tcp(kVip, 80, kClient, 1234, kTcpAck);
  EXPECT_EQ(Send(kOutside, ErrorAbout(seen, "203.0.113.1", kVip, 3, 4, 1400)), "");
  EXPECT_EQ(d_.dropped(DropReason::kDropPacket), 1u);
  EXPECT_EQ(d_.fabric().stats.SumTraffic(real_).connections, 0u);
}

// The template of a call is found by its Call-ID, which an error does not show.
TEST_P(Icmp, AnErrorMakesNoConnectionOfAServiceWithAnEngine) {
  Serve(ForwardMethod::kNat, {.port = 5060, .protocol = kProtocolUdp, .persistence_seconds = 300});
  d_.service(web_).policy.schedule_icmp = true;
  d_.service(web_).persistence.engine = PersistenceEngine::kSip;
  d_.Publish();
  const Frame seen = Udp(kVip, 5060, kClient, 1234);
  EXPECT_EQ(Send(kOutside, ErrorAbout(seen, "203.0.113.1", kVip, 3, 4, 1400)), "");
  EXPECT_EQ(d_.dropped(DropReason::kIcmpNoConnection), 1u);
  EXPECT_EQ(d_.fabric().stats.SumTraffic(real_).connections, 0u);
}

// ---- our own tunnels

// What a router between us and the real says of the frame that we sent.
std::vector<Event> EventsOf(ByteDirector& d) {
  std::vector<Event> events;
  for (auto& ring : d.fabric().events) {
    Event event;
    while (ring->Pop(&event)) {
      if (event.kind == Event::Kind::kPathMtu) events.push_back(event);
    }
  }
  return events;
}

TEST_P(Icmp, ANarrowTunnelPathIsLearntAndTheClientToldWhatFits) {
  Serve(ForwardMethod::kTun);
  d_.Send(kOutside, Tcp(kClient, 1234, kVip, 80, kTcpSyn));
  const auto data = d_.Send(kOutside, Tcp(kClient, 1234, kVip, 80, kTcpAck, 64, 1400, true));
  ASSERT_EQ(data.size(), 1u);
  EXPECT_NE(data[0].frame[20] & 0x40, 0) << "the outer header has the inner DF";
  const auto sent =
      d_.Send(kInside, ErrorAbout(data[0].frame, "10.0.0.200", "10.0.0.1", 3, 4, 1300, 548));
  ASSERT_EQ(Describe(sent), "out 198.51.100.7 <- 192.0.2.2 ICMP 3/4 ttl 64\n");
  EXPECT_EQ(Get32(sent[0].frame, 38), 1280u);
  const Frame inner(sent[0].frame.begin() + 28, sent[0].frame.end());
  EXPECT_EQ(Be16::Load(&inner[14 + 2]).host(), 1440u) << "the client's packet as it sent it";
  const auto events = EventsOf(d_);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].address, *IpAddress::Parse("10.0.0.11"));
  EXPECT_EQ(events[0].mtu_bytes, 1300);
  EXPECT_EQ(d_.dropped(DropReason::kTunnelError), 1u);
  EXPECT_EQ(d_.fabric().stats.SumTraffic(real_).out_packets, 1u);
  EXPECT_EQ(d_.CheckConservation(), "");
}

TEST_P(Icmp, ANarrowTunnelPathIsLearnt6) {
  Serve(ForwardMethod::kTun, {.address = "2001:db8::10"}, "fd00::11");
  d_.Send(kOutside, Tcp("2001:db8:1::7", 1234, "2001:db8::10", 80, kTcpSyn));
  const auto data =
      d_.Send(kOutside, Tcp("2001:db8:1::7", 1234, "2001:db8::10", 80, kTcpAck, 64, 1380));
  ASSERT_EQ(data.size(), 1u);
  const auto sent = d_.Send(kInside, ErrorAbout(data[0].frame, "fd00::200", "fd00::1", 2, 0, 1400));
  ASSERT_EQ(Describe(sent), "out [2001:db8:1::7] <- [2001:db8::2] ICMP 2/0 ttl 64\n");
  EXPECT_EQ(Get32(sent[0].frame, 58), 1360u);
  ASSERT_EQ(EventsOf(d_).size(), 1u);
}

TEST_P(Icmp, OtherErrorsAboutATunnelAreToldOn) {
  Serve(ForwardMethod::kTun);
  const auto syn = d_.Send(kOutside, Tcp(kClient, 1234, kVip, 80, kTcpSyn));
  ASSERT_EQ(syn.size(), 1u);
  const auto told = [&](uint8_t type, uint8_t code) {
    return Send(kInside, ErrorAbout(syn[0].frame, "10.0.0.11", "10.0.0.1", type, code));
  };
  EXPECT_EQ(told(3, 2), "out 198.51.100.7 <- 192.0.2.2 ICMP 3/2 ttl 64\n");
  EXPECT_EQ(told(3, 1), "out 198.51.100.7 <- 192.0.2.2 ICMP 3/1 ttl 64\n");
  EXPECT_EQ(told(11, 0), "out 198.51.100.7 <- 192.0.2.2 ICMP 11/0 ttl 64\n");
  EXPECT_TRUE(EventsOf(d_).empty());
}

// Nobody teaches us an MTU who has not seen a packet of ours.
TEST_P(Icmp, AForgedTunnelErrorTeachesNothing) {
  Serve(ForwardMethod::kTun);
  const auto syn = d_.Send(kOutside, Tcp(kClient, 1234, kVip, 80, kTcpSyn));
  const auto error = [&](Frame about, uint32_t mtu) {
    Send(kInside, ErrorAbout(about, "10.0.0.200", "10.0.0.1", 3, 4, mtu));
  };
  Frame other_port = syn[0].frame;
  other_port[14 + 20 + 20] ^= 1;
  error(other_port, 1300);
  Frame other_real = syn[0].frame;
  other_real[33] = 77;
  error(other_real, 1300);
  Frame other_source = syn[0].frame;
  other_source[29] ^= 2;
  error(other_source, 1300);
  EXPECT_EQ(d_.dropped(DropReason::kUnsupportedProtocol), 3u);
  Send(kOutside, ErrorAbout(syn[0].frame, kClient, kVip, 3, 4, 1300));  // no router sends it there
  EXPECT_EQ(d_.dropped(DropReason::kUnsupportedProtocol), 4u);
  error(syn[0].frame, 40);
  EXPECT_EQ(d_.dropped(DropReason::kBadIcmp), 1u);
  EXPECT_TRUE(EventsOf(d_).empty());
  EXPECT_EQ(d_.CheckConservation(), "");
}

// One forged error must not cut a real server off from everybody.
TEST_P(Icmp, NoErrorNarrowsATunnelBelowTheLeast) {
  Serve(ForwardMethod::kTun);
  d_.Send(kOutside, Tcp(kClient, 1234, kVip, 80, kTcpSyn));
  const auto data = d_.Send(kOutside, Tcp(kClient, 1234, kVip, 80, kTcpAck, 64, 1400, true));
  ASSERT_EQ(data.size(), 1u);
  const auto sent = d_.Send(kInside, ErrorAbout(data[0].frame, "10.0.0.200", "10.0.0.1", 3, 4, 68));
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(Get32(sent[0].frame, 38), 532u);
  const auto events = EventsOf(d_);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].mtu_bytes, 552);
}

TEST_P(Icmp, NoErrorNarrowsATunnelBelowWhatClientsNeed6) {
  Serve(ForwardMethod::kTun, {.address = "2001:db8::10"}, "fd00::11");
  const std::string client = "2001:db8:1::7";
  d_.Send(kOutside, Tcp(client, 1234, "2001:db8::10", 80, kTcpSyn));
  const auto data = d_.Send(kOutside, Tcp(client, 1234, "2001:db8::10", 80, kTcpAck, 64, 1380));
  ASSERT_EQ(data.size(), 1u);
  const auto told = [&](uint32_t mtu) {
    return d_.Send(kInside, ErrorAbout(data[0].frame, "fd00::200", "fd00::1", 2, 0, mtu)).size();
  };
  EXPECT_EQ(told(1280), 0u);
  EXPECT_EQ(told(1319), 0u);
  EXPECT_EQ(d_.dropped(DropReason::kTunnelError), 2u);
  EXPECT_TRUE(EventsOf(d_).empty());
  EXPECT_EQ(told(1320), 1u);
  EXPECT_EQ(EventsOf(d_).size(), 1u);
}

// ---- fragments

// Puts the pieces together again; the result must be `length` bytes of IP packet.
std::string Reassemble(const std::vector<Sent>& pieces, uint32_t mtu_bytes, Frame* whole) {
  whole->assign(pieces[0].frame.begin(), pieces[0].frame.begin() + 34);
  for (size_t i = 0; i < pieces.size(); ++i) {
    const Frame& f = pieces[i].frame;
    if (f.size() - 14 > mtu_bytes) return "a piece is too long";
    const uint16_t fragment = Be16::Load(&f[20]).host();
    if (((fragment & 0x2000) != 0) != (i + 1 < pieces.size())) return "wrong MF";
    if ((fragment & 0x1fffu) * 8 != whole->size() - 34) return "a gap";
    if (Be16::Load(&f[18]) != Be16::Load(&pieces[0].frame[18])) return "another id";
    if (!Checksum(&f[14], 20).is_zero()) return "bad sum";
    whole->insert(whole->end(), f.begin() + 34, f.end());
  }
  return "";
}

TEST_P(Icmp, ATunnelWithoutPmtuDiscCutsTheOuterPacket) {
  Serve(ForwardMethod::kTun);
  d_.service(web_).policy.pmtu_disc = false;
  d_.Publish();
  d_.Send(kOutside, Tcp(kClient, 1234, kVip, 80, kTcpSyn));
  for (const bool dont_fragment : {false, true}) {
    const auto sent =
        d_.Send(kOutside, Tcp(kClient, 1234, kVip, 80, kTcpAck, 64, 1460, dont_fragment));
    ASSERT_EQ(sent.size(), 2u);
    Frame whole;
    ASSERT_EQ(Reassemble(sent, 1500, &whole), "");
    ASSERT_EQ(whole.size(), 14u + 20 + 1500);
    const Frame inner(whole.begin() + 20, whole.end());
    EXPECT_EQ(Text(inner), "192.0.2.10:80 <- 198.51.100.7:1234 TCP A ttl 63");
  }
  EXPECT_EQ(d_.CheckConservation(), "");
}

// The rest of what a worker has in hand must find room in its output after the pieces.
TEST(Fragments, LeaveRoomForTheRestOfABurst) {
  ByteDirector d;
  const RealId real = d.AddReal(d.AddService({}), "10.0.0.11", 80, {.method = ForwardMethod::kDr});
  d.real(real).mtu_bytes = 576;
  d.Publish();
  d.Send(kOutside, Tcp("198.51.100.7", 1234, "192.0.2.10", 80, kTcpSyn));
  const Frame large = To(kOutside, Tcp("198.51.100.7", 1234, "192.0.2.10", 80, kTcpAck, 64, 1460));
  for (const size_t room : {2 * kBurst + 2, 2 * kBurst + 3}) {
    BytePacket packet(large, kOutside);
    BytePacket* const burst[] = {&packet};
    Output<BytePacket> out;
    out.count = out.kRoom - room;
    d.worker(0).ProcessBurst(burst, &out);
    EXPECT_GE(out.room(), 2 * kBurst);
    EXPECT_EQ(d.dropped(DropReason::kCannotFragment), 1u);
  }
}

TEST_P(Icmp, WhatMayBeCutIsCutForANarrowLink) {
  Serve(ForwardMethod::kNat);
  d_.real(real_).mtu_bytes = 576;
  d_.Publish();
  d_.Send(kOutside, Tcp(kClient, 1234, kVip, 80, kTcpSyn));
  const auto sent = d_.Send(kOutside, Tcp(kClient, 1234, kVip, 80, kTcpAck, 64, 1460));
  ASSERT_EQ(sent.size(), 3u);
  Frame whole;
  ASSERT_EQ(Reassemble(sent, 576, &whole), "");
  EXPECT_EQ(whole.size(), 1514u);
}

// RFC 791 section 3.1: an option says itself whether later pieces have it too.
TEST_P(Icmp, LaterPiecesHaveOnlyTheOptionsThatAreToBeCopied) {
  Serve(ForwardMethod::kNat);
  d_.real(real_).mtu_bytes = 576;
  d_.Publish();
  d_.Send(kOutside, Tcp(kClient, 1234, kVip, 80, kTcpSyn));
  Frame data = Tcp(kClient, 1234, kVip, 80, kTcpAck, 64, 1000);
  const Frame options{0x44, 4, 5, 0, 1, 0x94, 4, 0, 0, 1, 0, 0};  // timestamp, router alert
  data.insert(data.begin() + 34, options.begin(), options.end());
  auto* ip = HeaderAt<Ipv4Header>(data.data(), 14);
  ip->version_and_length = 0x48;
  ip->total_length = Be16::FromHost(static_cast<uint16_t>(data.size() - 14));
  ip->checksum = Be16{};
  ip->checksum = Checksum(ip, 32);
  const auto sent = d_.Send(kOutside, data);
  ASSERT_EQ(sent.size(), 2u);
  const Frame& first = sent[0].frame;
  EXPECT_EQ(first[14], 0x48);
  EXPECT_EQ(Frame(first.begin() + 34, first.begin() + 46), options);
  const Frame& later = sent[1].frame;
  EXPECT_EQ(later[14], 0x46);
  EXPECT_EQ(Frame(later.begin() + 34, later.begin() + 38), (Frame{0x94, 4, 0, 0}));
  EXPECT_TRUE(Checksum(&later[14], 24).is_zero());
  EXPECT_EQ(Be16::Load(&later[16]).host(), later.size() - 14);
  EXPECT_EQ((Be16::Load(&later[20]).host() & 0x1fffu) * 8, first.size() - 46);
  EXPECT_EQ(first.size() - 46 + later.size() - 38, 1020u);
  EXPECT_TRUE(
      std::equal(later.begin() + 38, later.end(), data.end() - (later.end() - later.begin() - 38)));
  EXPECT_EQ(d_.CheckConservation(), "");
}

TEST_P(Icmp, WithoutPacketsToSpareNothingIsSent) {
  Serve(ForwardMethod::kNat);
  d_.real(real_).mtu_bytes = 576;
  d_.Publish();
  d_.Send(kOutside, Tcp(kClient, 1234, kVip, 80, kTcpSyn));
  d_.DenyPackets();
  EXPECT_EQ(Send(kOutside, Tcp(kClient, 1234, kVip, 80, kTcpAck, 64, 1460)), "");
  EXPECT_EQ(d_.dropped(DropReason::kCannotFragment), 1u);
  EXPECT_EQ(d_.CheckConservation(), "");
}

// ---- cache_bypass

TEST_P(Icmp, ATransparentCacheIsPassedByWhileItIsAway) {
  ClassifierBuilder rules;
  rules.AddRule({.protocol = kProtocolTcp, .mark = 7});
  d_.draft().classifier = rules.Build();
  web_ = d_.AddService({.mark = 7});
  real_ = d_.AddReal(web_, "10.0.0.11", 0, {.method = ForwardMethod::kDr});
  d_.service(web_).policy.cache_bypass = true;
  d_.SetWeight(real_, 0);
  d_.Publish();
  const auto out = [&](uint16_t port, uint8_t flags) {
    return Send(kInside, Tcp("10.0.0.77", port, "203.0.113.9", 80, flags));
  };
  EXPECT_EQ(out(1, kTcpSyn), "out 203.0.113.9:80 <- 10.0.0.77:1 TCP S ttl 63\n");
  EXPECT_EQ(out(1, kTcpAck), "out 203.0.113.9:80 <- 10.0.0.77:1 TCP A ttl 63\n");
  d_.SetWeight(real_, 1);
  d_.Publish();
  EXPECT_EQ(out(1, kTcpAck), "out 203.0.113.9:80 <- 10.0.0.77:1 TCP A ttl 63\n");
  EXPECT_EQ(out(2, kTcpSyn), "in 203.0.113.9:80 <- 10.0.0.77:2 TCP S ttl 63\n");
  EXPECT_EQ(d_.CheckConservation(), "");
}

}  // namespace
}  // namespace fairlead::dataplane::icmp_test
