// Frames with VLAN tags at ports that are no VLAN. With a tag of VLAN 0 the director does byte by
// byte what it does without: the same frames go into two directors, into one of them tagged.
#include <gtest/gtest.h>

#include <algorithm>

#include "byte_director.h"
#include "byte_fragments.h"

namespace fairlead::dataplane::priority_tag_test {
namespace {

struct Arrival {
  const char* what;
  PortId port;
  Frame frame;
  size_t leave = 1;  // so many frames leave in answer
};

constexpr const char* kVip4 = "192.0.2.10";
constexpr const char* kVip6 = "2001:db8::10";
constexpr const char* kClient4 = "198.51.100.7";
constexpr const char* kClient6 = "2001:db8:1::7";

Frame Padded(Frame frame) {
  frame.resize(std::max<size_t>(frame.size(), 60), 0xee);
  return frame;
}

Frame ArpRequest() {
  Frame frame(kArpFrameLength);
  BuildArpRequest(frame.data(), HostMac("192.0.2.1"), IpAddress::Parse("192.0.2.1")->v4(),
                  IpAddress::Parse(kVip4)->v4());
  return Padded(frame);
}

Frame Solicitation() {
  Frame frame(kNeighbourFrameLength);
  BuildNeighbourSolicitation(frame.data(), HostMac("2001:db8::1"),
                             IpAddress::Parse("2001:db8::1")->v6(), IpAddress::Parse(kVip6)->v6());
  return frame;
}

Frame Echo(const char* from, const char* to) {
  const Frame data = Udp(from, 1, to, 2);
  return ErrorAbout(data, from, to, IpAddress::Parse(to)->is_v4() ? 8 : 128, 0, 0x00010002);
}

std::vector<Arrival> EveryKind() {
  std::vector<Arrival> all{
      {"a question by ARP", kOutside, ArpRequest()},
      {"a solicitation", kOutside, Solicitation()},
      {"a SYN", kOutside, Padded(Tcp(kClient4, 1234, kVip4, 80, kTcpSyn))},
      {"its answer", kInside, Padded(Tcp("10.0.0.11", 8080, kClient4, 1234, kTcpSyn | kTcpAck))},
      {"an ACK", kOutside, Padded(Tcp(kClient4, 1234, kVip4, 80, kTcpAck))},
      {"data", kOutside, Tcp(kClient4, 1234, kVip4, 80, kTcpAck, 64, 700)},
      {"a SYN over IPv6", kOutside, Tcp(kClient6, 1234, kVip6, 80, kTcpSyn)},
      {"its answer", kInside, Tcp("fd00::11", 8080, kClient6, 1234, kTcpSyn | kTcpAck)},
      {"a port that nobody serves", kOutside, Padded(Tcp(kClient4, 9, kVip4, 81, kTcpSyn))},
      {"a ping", kOutside, Echo(kClient4, kVip4)},
      {"a ping over IPv6", kOutside, Echo(kClient6, kVip6)},
      {"routed", kOutside, Padded(Udp(kClient4, 5, "10.0.0.99", 6)), 0},
      {"a group", kOutside, Padded(Udp(kClient4, 5353, "224.0.0.251", 5353)), 0},
      {"a bad sum", kOutside, Padded(Tcp(kClient4, 1, kVip4, 80, kTcpSyn)), 0},
  };
  all.back().frame[24] ^= 1;
  for (const Frame& piece : Cut(Datagram(kClient4, 77, kVip4, 53, std::string(99, 'x')), 56, 5)) {
    all.push_back({"a fragment", kOutside, Padded(piece)});
  }
  return all;
}

class PriorityTag : public testing::TestWithParam<size_t> {
 protected:
  // Serves both families.
  static void Serve(ByteDirector& d) {
    for (const char* vip : {kVip4, kVip6}) {
      const bool v4 = vip == kVip4;
      for (const uint16_t port : {uint16_t{80}, uint16_t{53}}) {
        const uint8_t protocol = port == 80 ? kProtocolTcp : kProtocolUdp;
        d.AddReal(d.AddService({.address = vip, .port = port, .protocol = protocol}),
                  v4 ? "10.0.0.11" : "fd00::11", 8080);
      }
    }
    d.Publish();
  }
};
INSTANTIATE_TEST_SUITE_P(Workers, PriorityTag, testing::Values(1, 3));

TEST_P(PriorityTag, MakesNoDifference) {
  ByteDirector plain({.workers = GetParam()}), tagged({.workers = GetParam()});
  Serve(plain);
  Serve(tagged);
  for (const Arrival& a : EveryKind()) {
    const auto expected = plain.Send(a.port, a.frame);
    EXPECT_EQ(expected.size(), a.leave) << a.what;
    const auto sent = tagged.Send(a.port, Tagged(To(a.port, a.frame), 0xa000));
    ASSERT_EQ(sent.size(), expected.size()) << a.what;
    for (size_t i = 0; i < sent.size(); ++i) {
      EXPECT_EQ(sent[i].port, expected[i].port) << a.what;
      EXPECT_EQ(sent[i].frame, expected[i].frame) << a.what;
    }
  }
  for (size_t r = 0; r < kDropReasonCount; ++r) {
    const auto reason = static_cast<DropReason>(r);
    EXPECT_EQ(tagged.dropped(reason), plain.dropped(reason)) << TextOf(reason).label;
  }
  EXPECT_EQ(tagged.CheckConservation(), "");
}

TEST_P(PriorityTag, OthersEndHereByName) {
  ByteDirector d({.workers = GetParam()});
  Serve(d);
  const Frame syn = To(kOutside, Padded(Tcp(kClient4, 1234, kVip4, 80, kTcpSyn)));
  EXPECT_EQ(d.Send(kOutside, Tagged(syn, 120)).size(), 0u);
  EXPECT_EQ(d.dropped(DropReason::kUnknownVlan), 1u);
  EXPECT_EQ(d.Send(kOutside, Tagged(Tagged(syn, 0), 0)).size(), 0u);
  EXPECT_EQ(d.Send(kOutside, Tagged(Tagged(syn, 130), 0)).size(), 0u);
  EXPECT_EQ(d.Send(kOutside, Tagged(syn, 0, 0x88a8)).size(), 0u);
  EXPECT_EQ(d.dropped(DropReason::kSecondVlanTag), 3u);
  Frame discovery = syn;  // LLDP
  discovery[12] = 0x88;
  discovery[13] = 0xcc;
  EXPECT_EQ(d.Send(kOutside, discovery).size(), 0u);
  EXPECT_EQ(d.Send(kOutside, Tagged(discovery, 0)).size(), 0u);
  EXPECT_EQ(d.dropped(DropReason::kUnknownEthertype), 2u);
  Frame cut = Tagged(syn, 0);
  cut.resize(17);
  EXPECT_EQ(d.Send(kOutside, cut).size(), 0u);
  EXPECT_EQ(d.dropped(DropReason::kTruncated), 1u);
  EXPECT_EQ(d.CheckConservation(), "");
}

// The edge has taken one off whatever comes by such a device, also a priority alone.
TEST_P(PriorityTag, OnADeviceWithVlansItIsTheSecond) {
  ByteDirector d({.workers = GetParam()});
  d.draft().ports[kOutside.index()].has_vlans = true;
  Serve(d);
  const Frame syn = To(kOutside, Padded(Tcp(kClient4, 1234, kVip4, 80, kTcpSyn)));
  EXPECT_EQ(d.Send(kOutside, Tagged(syn, 0)).size(), 0u);
  EXPECT_EQ(d.Send(kOutside, Tagged(syn, 120)).size(), 0u);
  EXPECT_EQ(d.dropped(DropReason::kSecondVlanTag), 2u);
  EXPECT_EQ(d.Send(kOutside, syn).size(), 1u);
  EXPECT_EQ(d.CheckConservation(), "");
}

}  // namespace
}  // namespace fairlead::dataplane::priority_tag_test
