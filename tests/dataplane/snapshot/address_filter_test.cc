#include "dataplane/snapshot/address_filter.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace fairlead::dataplane::address_filter_test {
namespace {

IpAddress Random(std::mt19937_64& random) {
  if (random() % 2 == 0) return Ipv4Address::FromHost(static_cast<uint32_t>(random()));
  Ipv6Address address;
  for (uint8_t& byte : address.bytes) byte = static_cast<uint8_t>(random());
  return address;
}

TEST(AddressFilter, NeverDeniesWhatWasAdded) {
  std::mt19937_64 random(1);
  AddressFilter filter;
  filter.Clear();
  std::vector<IpAddress> added;
  for (int i = 0; i < 5000; ++i) {
    added.push_back(Random(random));
    filter.Add(added.back());
    if (i % 100 != 0) continue;
    for (const IpAddress& address : added) ASSERT_TRUE(filter.MayContain(address));
  }
}

TEST(AddressFilter, KnowsMostStrangers) {
  AddressFilter filter;
  filter.Clear();
  for (uint32_t i = 0; i < 256; ++i) filter.Add(Ipv4Address::FromHost(0xc0000200u + i));
  int doubtful = 0;
  for (uint32_t i = 0; i < 10'000; ++i) {
    doubtful += filter.MayContain(Ipv4Address::FromHost(0x0b000000u + i * 7)) ? 1 : 0;
  }
  EXPECT_LT(doubtful, 1000);
  std::mt19937_64 random(2);
  doubtful = 0;
  for (int i = 0; i < 10'000; ++i) doubtful += filter.MayContain(Random(random)) ? 1 : 0;
  EXPECT_LT(doubtful, 1000);
}

TEST(AddressFilter, OneThatWasNeverBuiltAsksForALookUp) {
  EXPECT_TRUE(AddressFilter().MayContain(Ipv4Address::FromHost(1)));
}

}  // namespace
}  // namespace fairlead::dataplane::address_filter_test
