#include "base/hash.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/siphash.h"
#include "base/toeplitz.h"

namespace fairlead::hash_test {
namespace {

TEST(SipHash13, SpecVectors) {
  const uint8_t message[] = {0, 1, 2, 3};
  EXPECT_EQ(static_cast<uint32_t>(
                SipHash13({0x0706050403020100u, 0x0f0e0d0c0b0a0908u}, message, sizeof message)),
            0x88d38328u);
  const uint32_t zero = 0;
  EXPECT_EQ(static_cast<uint32_t>(SipHash13({2654435761u, 2654435761u}, &zero, 4)), 0x1d5a77c2u);
}

// Vectors of Microsoft's "Verifying the RSS hash calculation" with the default key.
TEST(Toeplitz, PublishedVectors) {
  const Toeplitz toeplitz(kDefaultToeplitzKey);
  // 66.9.149.187:2794 → 161.142.100.80:1766
  const uint8_t tuple[] = {66, 9, 149, 187, 161, 142, 100, 80, 0x0a, 0xea, 0x06, 0xe6};
  EXPECT_EQ(toeplitz.HashBytes(tuple, 12), 0x51ccc178u);
  EXPECT_EQ(toeplitz.HashBytes(tuple, 8), 0x323e8fc2u);
}

TEST(TableHash, SpreadsNeighboursAndDependsOnTheSecret) {
  const TableHash a(1, 2), b(3, 4);
  std::vector<int> buckets(256);
  for (uint32_t i = 0; i < 65536; ++i) {
    ++buckets[a(Ipv4Address::FromHost(0x0a000000 + i), Be16::FromHost(80), 6) >> 56];
  }
  for (const int n : buckets) EXPECT_NEAR(n, 256, 100);
  EXPECT_NE(a(Ipv4Address::FromHost(1), Be16{}, 6), b(Ipv4Address::FromHost(1), Be16{}, 6));
  EXPECT_NE(a(Ipv4Address::FromHost(1), Be16{}, 6), a(Ipv4Address::FromHost(1), Be16{}, 17));
}

}  // namespace
}  // namespace fairlead::hash_test
