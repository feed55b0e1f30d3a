// Every way to a real server: method, families and protocol, with one worker and with two.
// docs/ways.md names these tests.
#include <gtest/gtest.h>

#include "byte_director.h"
#include "byte_fragments.h"

namespace fairlead::dataplane::ways_test {
namespace {

struct Way {
  const char* name;
  ForwardMethod method;
  Tunnel tunnel;
  bool inner_is_v4, outer_is_v4;
  uint8_t protocol;
  size_t workers;
};

std::vector<Way> Ways() {
  struct Method {
    const char* name;
    ForwardMethod method;
    Tunnel tunnel;
  };
  const Method methods[] = {
      {"nat", ForwardMethod::kNat, {}},
      {"dr", ForwardMethod::kDr, {}},
      {"ipip", ForwardMethod::kTun, {}},
      {"gue", ForwardMethod::kTun, {.type = TunnelType::kGue, .port = 6080}},
      {"gre", ForwardMethod::kTun, {.type = TunnelType::kGre}},
  };
  std::vector<Way> ways;
  for (const Method& m : methods) {
    for (const bool inner : {true, false}) {
      for (const bool outer : {true, false}) {
        if (!TraitsOf(m.method).may_mix_families && inner != outer) continue;
        for (const uint8_t protocol : {kProtocolTcp, kProtocolUdp}) {
          for (const size_t workers : {1u, 2u}) {
            ways.push_back({m.name, m.method, m.tunnel, inner, outer, protocol, workers});
          }
        }
      }
    }
  }
  return ways;
}
std::string NameOf(const testing::TestParamInfo<Way>& info) {
  const Way& w = info.param;
  return std::string(w.name) + (w.inner_is_v4 ? "_4" : "_6") +
         (IsTunnel(w.method) ? (w.outer_is_v4 ? "in4" : "in6") : "") +
         (w.protocol == kProtocolTcp ? "_tcp" : "_udp") + "_workers" + std::to_string(w.workers);
}

constexpr uint16_t kClientPort = 1234, kVirtualPort = 80, kRealPort = 8080;
constexpr uint16_t kNarrow = 1400;  // MTU of the link to the real

class WaysTest : public testing::TestWithParam<Way> {
 protected:
  WaysTest() : d_({.workers = GetParam().workers}) {
    const ServiceId service =
        d_.AddService({.address = vip_, .port = kVirtualPort, .protocol = GetParam().protocol});
    real_ = d_.AddReal(service, real_address_, is_nat() ? kRealPort : kVirtualPort,
                       {.method = GetParam().method, .tunnel = GetParam().tunnel});
    d_.Publish();
    EXPECT_EQ(
        d_.Send(kOutside, Whole(GetParam().protocol == kProtocolTcp ? kTcpSyn : 0, 60)).size(), 1u);
  }

  [[nodiscard]] bool is_nat() const { return GetParam().method == ForwardMethod::kNat; }
  [[nodiscard]] bool is_v4() const { return GetParam().inner_is_v4; }
  [[nodiscard]] uint32_t added() const {
    if (!IsTunnel(GetParam().method)) return 0;
    return TunnelHeaderBytes(GetParam().tunnel,
                             GetParam().outer_is_v4 ? Family::kIpv4 : Family::kIpv6);
  }
  // An IP packet of so many bytes of the client's connection.
  [[nodiscard]] Frame Whole(uint8_t flags, size_t bytes, bool dont_fragment = false) const {
    const size_t ip = is_v4() ? 20 : 40;
    if (GetParam().protocol == kProtocolTcp) {
      return Tcp(client_, kClientPort, vip_, kVirtualPort, flags, 64, bytes - ip - 20,
                 dont_fragment);
    }
    Frame frame =
        Datagram(client_, kClientPort, vip_, kVirtualPort, std::string(bytes - ip - 8, 'x'));
    if (dont_fragment && is_v4()) {
      auto* header = HeaderAt<Ipv4Header>(frame.data(), 14);
      header->fragment = Be16::FromHost(0x4000);
      header->checksum = Be16{};
      header->checksum = Checksum(header, sizeof *header);
    }
    return frame;
  }
  // What the real gets of it.
  [[nodiscard]] Frame AtReal(const Frame& frame) const {
    if (added() == 0) return frame;
    Frame inner(14);
    inner[12] = is_v4() ? 0x08 : 0x86;
    inner[13] = is_v4() ? 0x00 : 0xdd;
    inner.insert(inner.end(), frame.begin() + 14 + added(), frame.end());
    return inner;
  }
  [[nodiscard]] std::string At(const std::string& address, int port = 0) const {
    const std::string host = is_v4() ? address : "[" + address + "]";
    return port == 0 ? host : host + ":" + std::to_string(port);
  }
  // The line of a packet of the client's at the real, as far as the protocol's name.
  [[nodiscard]] std::string Expected() const {
    return At(is_nat() ? real_address_ : vip_, is_nat() ? kRealPort : kVirtualPort) + " <- " +
           At(client_, kClientPort) + (GetParam().protocol == kProtocolTcp ? " TCP A" : " UDP");
  }

  const std::string client_ = GetParam().inner_is_v4 ? "198.51.100.7" : "2001:db8:1::7";
  const std::string vip_ = GetParam().inner_is_v4 ? "192.0.2.10" : "2001:db8::10";
  const std::string router_ = GetParam().inner_is_v4 ? "203.0.113.1" : "2001:db8:9::1";
  const std::string real_address_ = GetParam().outer_is_v4 ? "10.0.0.11" : "fd00::11";
  ByteDirector d_;
  RealId real_;
};
INSTANTIATE_TEST_SUITE_P(All, WaysTest, testing::ValuesIn(Ways()), NameOf);

TEST_P(WaysTest, APacketReachesTheReal) {
  const auto sent = d_.Send(kOutside, Whole(kTcpAck, 1000));
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].port, kInside);
  EXPECT_EQ(sent[0].frame.size(), 14 + 1000 + added());
  EXPECT_EQ(Text(AtReal(sent[0].frame)), Expected() + " ttl 63");
  EXPECT_EQ(d_.CheckConservation(), "");
}

TEST_P(WaysTest, WhatIsTooLongIsAnsweredWithWhatFits) {
  d_.real(real_).mtu_bytes = kNarrow;
  d_.Publish();
  const auto fits = d_.Send(kOutside, Whole(kTcpAck, kNarrow - added(), true));
  ASSERT_EQ(fits.size(), 1u);
  EXPECT_EQ(fits[0].port, kInside);
  EXPECT_EQ(fits[0].frame.size(), 14u + kNarrow);
  const auto more = d_.Send(kOutside, Whole(kTcpAck, kNarrow - added() + 1, true));
  ASSERT_EQ(more.size(), 1u);
  EXPECT_EQ(more[0].port, kOutside);
  EXPECT_NE(Text(more[0].frame).find(is_v4() ? "ICMP 3/4" : "ICMP 2/0"), std::string::npos);
  EXPECT_EQ(Be32::Load(&more[0].frame[is_v4() ? 38 : 58]).host(), kNarrow - added());
  EXPECT_EQ(d_.dropped(DropReason::kTooBig), 1u);
}

// A router on the client's side complains of what the client was sent.
TEST_P(WaysTest, AnErrorReachesTheReal) {
  const Frame seen = GetParam().protocol == kProtocolTcp
                         ? Tcp(vip_, kVirtualPort, client_, kClientPort, kTcpAck)
                         : Udp(vip_, kVirtualPort, client_, kClientPort);
  const auto sent = d_.Send(kOutside, is_v4() ? ErrorAbout(seen, router_, vip_, 3, 4, 1300)
                                              : ErrorAbout(seen, router_, vip_, 2, 0, 1300));
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].port, kInside);
  const Frame error = AtReal(sent[0].frame);
  EXPECT_EQ(Text(error), At(is_nat() ? real_address_ : vip_) + " <- " + At(router_) +
                             (is_v4() ? " ICMP 3/4" : " ICMP 2/0") + " ttl 63");
  EXPECT_EQ(Be32::Load(&error[is_v4() ? 38 : 58]).host(), 1300u);
}

// The last first, so that the others wait for it.
TEST_P(WaysTest, FragmentsReachTheReal) {
  std::vector<Frame> pieces = Cut(Whole(kTcpAck, 3000), 800, 77);
  ASSERT_GT(pieces.size(), 3u);
  for (size_t i = pieces.size(); i > 0; --i) d_.Inject(kOutside, pieces[i - 1]);
  std::vector<Frame> arrived;
  for (const Sent& sent : d_.Settle()) {
    EXPECT_EQ(sent.port, kInside);
    arrived.push_back(AtReal(sent.frame));
  }
  const Frame whole = Join(arrived);
  ASSERT_FALSE(whole.empty()) << arrived.size() << " frames";
  EXPECT_EQ(Text(whole), Expected() + " ttl 63");
  EXPECT_EQ(d_.CheckConservation(), "");
}

}  // namespace
}  // namespace fairlead::dataplane::ways_test
