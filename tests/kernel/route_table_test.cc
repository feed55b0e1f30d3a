#include "kernel/route_table.h"

#include <gtest/gtest.h>

#include "rtnetlink_bytes.h"

namespace fairlead::kernel::route_table_test {
namespace {

constexpr unsigned kTwin = 3, kOtherTwin = 4, kStranger = 5;
using Hop = std::pair<unsigned, const char*>;  // interface and gateway; "": on link

struct Shape {
  uint32_t metric = 0;
  unsigned char protocol = RTPROT_STATIC;
  unsigned char type = RTN_UNICAST;
  unsigned char table = RT_TABLE_MAIN;
  uint16_t flags = 0;  // of the message
};

class RouteTableTest : public testing::Test {
 protected:
  static rtmsg HeaderOf(const Prefix& to, const Shape& shape) {
    rtmsg header{};
    header.rtm_family = to.address.is_v4() ? AF_INET : AF_INET6;
    header.rtm_dst_len = static_cast<unsigned char>(to.length);
    header.rtm_table = shape.table;
    header.rtm_protocol = shape.protocol;
    header.rtm_type = shape.type;
    return header;
  }
  static Bytes Message(uint16_t type, const char* to, const std::vector<Hop>& hops,
                       const Shape& shape) {
    const Prefix prefix = *Prefix::Parse(to);
    Bytes bytes = Bytes::Of(type, HeaderOf(prefix, shape));
    if (prefix.length > 0) bytes.Attribute(RTA_DST, Packed(prefix.address.ToString().c_str()));
    bytes.Attribute(RTA_PRIORITY, Packed(shape.metric));
    if (hops.size() == 1) {
      if (*hops[0].second != 0) bytes.Attribute(RTA_GATEWAY, Packed(hops[0].second));
      bytes.Attribute(RTA_OIF, Packed(hops[0].first));
    } else {
      std::string all;
      for (const Hop& hop : hops) {
        const std::string via = Packed(hop.second);
        const rtattr attribute{static_cast<uint16_t>(sizeof(rtattr) + via.size()), RTA_GATEWAY};
        rtnexthop next{};
        next.rtnh_len = static_cast<uint16_t>(sizeof next + attribute.rta_len);
        next.rtnh_ifindex = static_cast<int>(hop.first);
        all.append(reinterpret_cast<const char*>(&next), sizeof next);
        all.append(reinterpret_cast<const char*>(&attribute), sizeof attribute);
        all += via;
      }
      bytes.Attribute(RTA_MULTIPATH, all);
    }
    bytes.set_flags(shape.flags);
    return bytes;
  }
  void Add(const char* to, const std::vector<Hop>& hops, const Shape& shape = {}) {
    table_.Apply(Message(RTM_NEWROUTE, to, hops, shape).header());
  }
  void Remove(const char* to, const std::vector<Hop>& hops, const Shape& shape = {}) {
    table_.Apply(Message(RTM_DELROUTE, to, hops, shape).header());
  }
  // "10.0.0.0/8 3:192.0.2.9 4:10.0.0.9, …"
  [[nodiscard]] std::string All() const {
    std::string text;
    for (const RouteTable::Entry& entry : table_.entries()) {
      text += (text.empty() ? "" : ", ") + entry.to.ToString();
      for (const RouteTable::Hop& hop : entry.hops) {
        text += " " + std::to_string(hop.interface);
        if (!hop.via.is_unspecified()) text += ":" + hop.via.ToString();
      }
    }
    return text;
  }

  RouteTable table_{{kTwin, kOtherTwin}, 5};
};

TEST_F(RouteTableTest, FollowsWhatComesAndGoes) {
  Add("198.51.100.0/24", {{kTwin, "192.0.2.9"}});
  Add("0.0.0.0/0", {{kTwin, "192.0.2.8"}});
  Add("2001:db8:9::/48", {{kOtherTwin, "fd00::9"}});
  Add("203.0.113.0/24", {{kTwin, ""}});
  EXPECT_EQ(All(),
            "0.0.0.0/0 3:192.0.2.8, 198.51.100.0/24 3:192.0.2.9, 203.0.113.0/24 3, "
            "2001:db8:9::/48 4:fd00::9");
  Remove("0.0.0.0/0", {{kTwin, "192.0.2.8"}});
  Add("198.51.100.0/24", {{kTwin, "192.0.2.7"}}, {.flags = NLM_F_REPLACE});
  EXPECT_EQ(All(), "198.51.100.0/24 3:192.0.2.7, 203.0.113.0/24 3, 2001:db8:9::/48 4:fd00::9");
  EXPECT_FALSE(table_.is_doubtful());
}

TEST_F(RouteTableTest, WhatIsNotForUsIsNothing) {
  Add("198.51.100.0/24", {{kStranger, "192.0.2.9"}});
  Add("198.51.100.0/24", {{kTwin, "192.0.2.9"}}, {.protocol = 70});
  Add("198.51.100.0/24", {{kTwin, ""}}, {.protocol = RTPROT_KERNEL});
  Add("198.51.100.0/24", {{kTwin, "192.0.2.9"}}, {.type = RTN_BLACKHOLE});
  Add("198.51.100.0/24", {{kTwin, "192.0.2.9"}}, {.table = RT_TABLE_LOCAL});
  EXPECT_EQ(All(), "");
  EXPECT_EQ(table_.revision(), 0u);
}

TEST_F(RouteTableTest, OfSeveralNextHopsThoseOutOfTwins) {
  Add("198.51.100.0/24",
      {{kTwin, "192.0.2.9"}, {kStranger, "192.0.2.10"}, {kOtherTwin, "10.0.0.9"}});
  EXPECT_EQ(All(), "198.51.100.0/24 3:192.0.2.9 4:10.0.0.9");
}

TEST_F(RouteTableTest, Ipv6TellsOfOneOfSeveralNextHopsThatGoes) {
  Add("2001:db8:9::/48", {{kTwin, "fd00::8"}, {kTwin, "fd00::9"}});
  Remove("2001:db8:9::/48", {{kTwin, "fd00::8"}});
  EXPECT_EQ(All(), "2001:db8:9::/48 3:fd00::9");
}

TEST_F(RouteTableTest, TheBetterMetricGoesFirst) {
  Add("198.51.100.0/24", {{kTwin, "192.0.2.9"}}, {.metric = 200});
  Add("198.51.100.0/24", {{kTwin, "192.0.2.8"}}, {.metric = 100});
  EXPECT_EQ(All(), "198.51.100.0/24 3:192.0.2.8, 198.51.100.0/24 3:192.0.2.9");
}

TEST_F(RouteTableTest, TwoRoutesWithOneNameAskForAList) {
  Add("198.51.100.0/24", {{kTwin, "192.0.2.9"}});
  Add("198.51.100.0/24", {{kTwin, "192.0.2.8"}}, {.flags = NLM_F_APPEND});
  EXPECT_TRUE(table_.is_doubtful());
  table_.BeginList();
  EXPECT_FALSE(table_.is_doubtful());
  Add("198.51.100.0/24", {{kTwin, "192.0.2.8"}}, {.flags = NLM_F_MULTI});
  Add("198.51.100.0/24", {{kTwin, "192.0.2.9"}}, {.flags = NLM_F_MULTI});
  table_.EndList();
  EXPECT_EQ(All(), "198.51.100.0/24 3:192.0.2.8") << "the first of a list is the one in use";
}

// `ip route append … dev eth0` beside a twin's route: the kernel goes on with the first.
TEST_F(RouteTableTest, AnotherInterfacesRouteWithTheNameLeavesTheTwinsAlone) {
  Add("198.51.100.0/24", {{kTwin, "192.0.2.9"}});
  const uint64_t before = table_.revision();
  Add("198.51.100.0/24", {{kStranger, "192.0.2.8"}}, {.flags = NLM_F_APPEND});
  EXPECT_EQ(All(), "198.51.100.0/24 3:192.0.2.9");
  EXPECT_EQ(table_.revision(), before) << "nothing has changed";
  EXPECT_TRUE(table_.is_doubtful());
  Add("198.51.100.0/24", {{kStranger, "192.0.2.8"}}, {.flags = NLM_F_REPLACE});
  EXPECT_EQ(All(), "") << "that one has taken its place";
}

TEST_F(RouteTableTest, AListRemovesWhatItDoesNotName) {
  Add("198.51.100.0/24", {{kTwin, "192.0.2.9"}});
  Add("203.0.113.0/24", {{kTwin, "192.0.2.9"}});
  table_.BeginList();
  Add("203.0.113.0/24", {{kTwin, "192.0.2.9"}}, {.flags = NLM_F_MULTI});
  table_.EndList();
  EXPECT_EQ(All(), "203.0.113.0/24 3:192.0.2.9");
}

TEST_F(RouteTableTest, IsBoundedAndAsksAgainOnceThereIsRoom) {
  const char* const networks[] = {"10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16", "10.4.0.0/16",
                                  "10.5.0.0/16", "10.6.0.0/16", "10.7.0.0/16"};
  for (const char* const network : networks) Add(network, {{kTwin, "192.0.2.9"}});
  EXPECT_EQ(table_.size(), 5u);
  EXPECT_EQ(table_.refused(), 2u);
  EXPECT_FALSE(table_.is_doubtful());
  for (const char* const network : networks) Remove(network, {{kTwin, "192.0.2.9"}});
  EXPECT_TRUE(table_.is_doubtful()) << "the refused ones may be there still";
}

TEST_F(RouteTableTest, BrokenMessagesAreNothing) {
  rtmsg header = HeaderOf(*Prefix::Parse("198.51.100.0/24"), {});
  table_.Apply(Bytes::Of(RTM_NEWROUTE, header).Attribute(RTA_DST, "abc").header());
  table_.Apply(Bytes::Of(RTM_NEWROUTE, header)
                   .Attribute(RTA_DST, Packed("198.51.100.0"))
                   .Attribute(RTA_MULTIPATH, std::string(11, 1))
                   .header());
  header.rtm_dst_len = 33;
  table_.Apply(Bytes::Of(RTM_NEWROUTE, header)
                   .Attribute(RTA_DST, Packed("198.51.100.0"))
                   .Attribute(RTA_OIF, Packed(kTwin))
                   .header());
  table_.Apply(Bytes::Of(RTM_NEWROUTE, uint32_t{0}).header());
  EXPECT_EQ(All(), "");
}

}  // namespace
}  // namespace fairlead::kernel::route_table_test
