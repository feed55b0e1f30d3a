// Frames with VLAN tags that no port takes off end here, each under its name.
#include <gtest/gtest.h>

#include <algorithm>

#include "byte_director.h"

namespace fairlead::dataplane::priority_tag_test {
namespace {

constexpr const char* kVip4 = "192.0.2.10";
constexpr const char* kVip6 = "2001:db8::10";
constexpr const char* kClient4 = "198.51.100.7";

Frame Padded(Frame frame) {
  frame.resize(std::max<size_t>(frame.size(), 60), 0xee);
  return frame;
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
  EXPECT_EQ(d.dropped(DropReason::kUnknownEthertype), 1u);
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
