#include "base/ip_address.h"

#include <gtest/gtest.h>

namespace fairlead::ip_address_test {
namespace {

TEST(IpAddress, TextRoundTrip) {
  for (const char* text :
       {"0.0.0.0", "192.0.2.1", "255.255.255.255", "::", "2001:db8::1", "fe80::1:2"}) {
    const auto a = IpAddress::Parse(text);
    ASSERT_TRUE(a) << text;
    EXPECT_EQ(a->ToString(), text);
  }
}

TEST(IpAddress, RefusesWhatIsNotAnAddress) {
  for (const char* text :
       {"", "1.2.3", "1.2.3.256", "01.2.3.4", "1.2.3.4 ", ":::", "2001:db8::1%eth0"}) {
    EXPECT_FALSE(IpAddress::Parse(text)) << text;
  }
}

TEST(IpAddress, MaskKeepsTheFirstBits) {
  EXPECT_EQ(IpAddress::Parse("192.0.2.131")->Masked(25).ToString(), "192.0.2.128");
  EXPECT_EQ(IpAddress::Parse("192.0.2.131")->Masked(0).ToString(), "0.0.0.0");
  EXPECT_EQ(IpAddress::Parse("192.0.2.131")->Masked(32).ToString(), "192.0.2.131");
  EXPECT_EQ(IpAddress::Parse("2001:db8:ffff::1")->Masked(33).ToString(), "2001:db8:8000::");
}

TEST(IpAddress, FoldIsTheSpecs) {
  EXPECT_EQ(IpAddress::Parse("192.0.2.1")->Fold(), 0xc0000201u);
  EXPECT_EQ(IpAddress::Parse("2001:db8::1")->Fold(), 0x20010db9u);
}

TEST(Prefix, ParsesAndContains) {
  EXPECT_TRUE(Prefix::Parse("10.0.0.0/8")->Contains(*IpAddress::Parse("10.255.0.1")));
  EXPECT_FALSE(Prefix::Parse("10.0.0.0/8")->Contains(*IpAddress::Parse("11.0.0.1")));
  EXPECT_EQ(Prefix::Parse("10.0.0.1")->length, 32);
  EXPECT_EQ(Prefix::Parse("192.0.2.2/24")->ToString(), "192.0.2.2/24");
  for (const char* text : {"10.0.0.0/33", "10.0.0.0/", "10.0.0.0/08", "::/129", "/8"}) {
    EXPECT_FALSE(Prefix::Parse(text)) << text;
  }
}

TEST(Endpoint, ParsesAndPrints) {
  EXPECT_EQ(Endpoint::Parse("192.0.2.1:80")->ToString(), "192.0.2.1:80");
  EXPECT_EQ(Endpoint::Parse("[2001:db8::1]:0")->ToString(), "[2001:db8::1]:0");
  for (const char* text :
       {"192.0.2.1", "[192.0.2.1]:80", "2001:db8::1:80", "1.2.3.4:65536", "1.2.3.4:"}) {
    EXPECT_FALSE(Endpoint::Parse(text)) << text;
  }
}

TEST(MacAddress, TextAndNumber) {
  const auto mac = MacAddress::Parse("02:00:5e:00:01:0a");
  ASSERT_TRUE(mac);
  EXPECT_EQ(mac->ToString(), "02:00:5e:00:01:0a");
  EXPECT_EQ(mac->ToNumber(), 0x02005e00010au);
  EXPECT_EQ(MacAddress::FromNumber(0x02005e00010au), *mac);
  EXPECT_FALSE(MacAddress::Parse("02:00:5e:00:01"));
  EXPECT_FALSE(MacAddress::Parse("02-00-5e-00-01-0a"));
}

}  // namespace
}  // namespace fairlead::ip_address_test
