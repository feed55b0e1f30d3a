#include "kernel/address_table.h"

#include <gtest/gtest.h>
#include <linux/if_addr.h>

#include "rtnetlink_bytes.h"

namespace fairlead::kernel::address_table_test {
namespace {

constexpr unsigned kTwin = 3, kOtherTwin = 4, kStranger = 5;

class AddressTableTest : public testing::Test {
 protected:
  static Bytes Message(uint16_t type, const char* prefix, unsigned interface, uint32_t flags) {
    const Prefix p = *Prefix::Parse(prefix);
    ifaddrmsg header{};
    header.ifa_family = p.address.is_v4() ? AF_INET : AF_INET6;
    header.ifa_prefixlen = static_cast<unsigned char>(p.length);
    header.ifa_flags = static_cast<unsigned char>(flags);
    header.ifa_index = interface;
    Bytes bytes = Bytes::Of(type, header);
    bytes.Attribute(IFA_ADDRESS, Packed(p.address.ToString().c_str()));
    if (p.address.is_v4()) bytes.Attribute(IFA_LOCAL, Packed(p.address.ToString().c_str()));
    return bytes.Attribute(IFA_FLAGS, Packed(flags));
  }
  void Add(const char* prefix, unsigned interface = kTwin, uint32_t flags = 0) {
    table_.Apply(Message(RTM_NEWADDR, prefix, interface, flags).header());
  }
  void Remove(const char* prefix, unsigned interface = kTwin) {
    table_.Apply(Message(RTM_DELADDR, prefix, interface, 0).header());
  }
  // "3 192.0.2.1/24, 4 …"
  [[nodiscard]] std::string All() const {
    std::string text;
    for (const AddressTable::Entry& entry : table_.entries()) {
      if (!text.empty()) text += ", ";
      text += std::to_string(entry.interface) + " " + entry.prefix.ToString();
    }
    return text;
  }

  AddressTable table_{{kTwin, kOtherTwin}};
};

TEST_F(AddressTableTest, FollowsWhatComesAndGoes) {
  Add("192.0.2.1/24");
  Add("192.0.2.80/32");
  Add("2001:db8::80/64", kOtherTwin);
  EXPECT_EQ(All(), "3 192.0.2.1/24, 3 192.0.2.80/32, 4 2001:db8::80/64");
  Remove("192.0.2.80/32");
  Remove("2001:db8::80/64", kTwin);
  EXPECT_EQ(All(), "3 192.0.2.1/24, 4 2001:db8::80/64");
}

TEST_F(AddressTableTest, OneAddressWithTwoPrefixesIsTwo) {
  Add("10.0.0.1/24");
  Add("10.0.0.1/32");
  EXPECT_EQ(All(), "3 10.0.0.1/24, 3 10.0.0.1/32");
  Remove("10.0.0.1/24");
  EXPECT_EQ(All(), "3 10.0.0.1/32");
}

TEST_F(AddressTableTest, OtherInterfacesAndSpecialAddressesAreNothing) {
  Add("192.0.2.9/24", kStranger);
  Add("127.0.0.1/8");
  Add("224.0.0.18/32");
  Add("::1/128");
  EXPECT_EQ(All(), "");
  EXPECT_EQ(table_.revision(), 0u);
}

TEST_F(AddressTableTest, AnAddressUnderDuplicateDetectionIsNoneYet) {
  Add("2001:db8::80/64", kTwin, IFA_F_TENTATIVE);
  EXPECT_EQ(All(), "");
  Add("2001:db8::80/64");
  EXPECT_EQ(All(), "3 2001:db8::80/64");
  Add("2001:db8::80/64", kTwin, IFA_F_TENTATIVE | IFA_F_DADFAILED);
  EXPECT_EQ(All(), "") << "somebody else has it";
}

TEST_F(AddressTableTest, WithoutAWayToItsNetworkAnAddressIsAlone) {
  Add("192.0.2.80/24", kTwin, IFA_F_NOPREFIXROUTE);
  EXPECT_EQ(All(), "3 192.0.2.80/32");
  Remove("192.0.2.80/24");
  EXPECT_EQ(All(), "");
  ifaddrmsg header{};
  header.ifa_family = AF_INET;
  header.ifa_prefixlen = 30;
  header.ifa_index = kTwin;
  table_.Apply(Bytes::Of(RTM_NEWADDR, header)
                   .Attribute(IFA_ADDRESS, Packed("198.51.100.2"))
                   .Attribute(IFA_LOCAL, Packed("192.0.2.7"))
                   .header());
  EXPECT_EQ(All(), "3 192.0.2.7/32") << "the network is the peer's";
}

TEST_F(AddressTableTest, EachComingIsAnother) {
  Add("192.0.2.80/32");
  const uint64_t first = table_.entries()[0].arrival;
  Add("192.0.2.80/32");
  EXPECT_EQ(table_.entries()[0].arrival, first) << "it was there";
  Remove("192.0.2.80/32");
  Add("192.0.2.80/32");
  EXPECT_NE(table_.entries()[0].arrival, first);
}

TEST_F(AddressTableTest, AListRemovesWhatItDoesNotName) {
  Add("192.0.2.1/24");
  Add("192.0.2.80/32");
  const uint64_t revision = table_.revision();
  table_.BeginList();
  Add("192.0.2.1/24");
  Add("192.0.2.81/32");  // news in the middle of it
  EXPECT_EQ(All(), "3 192.0.2.1/24, 3 192.0.2.80/32, 3 192.0.2.81/32") << "not yet complete";
  table_.EndList();
  EXPECT_EQ(All(), "3 192.0.2.1/24, 3 192.0.2.81/32");
  EXPECT_EQ(table_.revision(), revision + 2);
  table_.BeginList();
  Add("192.0.2.1/24");
  Add("192.0.2.81/32");
  table_.EndList();
  EXPECT_EQ(table_.revision(), revision + 2) << "nothing is different";
}

TEST_F(AddressTableTest, BrokenMessagesAreNothing) {
  ifaddrmsg header{};
  header.ifa_family = AF_INET;
  header.ifa_prefixlen = 24;
  header.ifa_index = kTwin;
  table_.Apply(Bytes::Of(RTM_NEWADDR, header).header());
  table_.Apply(Bytes::Of(RTM_NEWADDR, header).Attribute(IFA_LOCAL, "abc").header());
  header.ifa_prefixlen = 33;
  table_.Apply(Bytes::Of(RTM_NEWADDR, header).Attribute(IFA_LOCAL, Packed("192.0.2.1")).header());
  table_.Apply(Bytes::Of(RTM_NEWADDR, uint32_t{0}).header());
  table_.Apply(Bytes::Of(RTM_NEWROUTE, header).header());
  EXPECT_EQ(All(), "");
}

TEST_F(AddressTableTest, IsBounded) {
  for (uint32_t i = 0; i < AddressTable::kMost + 3; ++i) {
    const IpAddress address(Ipv4Address::FromHost(0x0a000000u + i));
    Add((address.ToString() + "/32").c_str());
  }
  EXPECT_EQ(table_.entries().size(), AddressTable::kMost);
  EXPECT_EQ(table_.refused(), 3u);
  EXPECT_EQ(table_.revision(), AddressTable::kMost + 1) << "the first is told, so that it is said";
}

}  // namespace
}  // namespace fairlead::kernel::address_table_test
