#include "base/checksum.h"

#include <gtest/gtest.h>

#include <random>

namespace fairlead::checksum_test {
namespace {

// RFC 1071 section 3: 00 01 f2 03 f4 f5 f6 f7 sums to ddf2.
TEST(Checksum, Rfc1071Example) {
  const uint8_t data[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
  EXPECT_EQ(Checksum(data, sizeof data).host(), static_cast<uint16_t>(~0xddf2));
}

// An independent sum, byte by byte, in host order.
uint16_t Slow(const std::vector<uint8_t>& data) {
  uint32_t sum = 0;
  for (size_t i = 0; i < data.size(); ++i)
    sum += i % 2 ? data[i] : static_cast<uint32_t>(data[i]) << 8;
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

TEST(Checksum, EqualsTheSlowSumAndTheIncrementalOne) {
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::vector<uint8_t> data(20 + random() % 60);
    for (auto& byte : data) byte = static_cast<uint8_t>(random());
    const Be16 before = Checksum(data.data(), data.size());
    ASSERT_EQ(before.host(), Slow(data));
    ChecksumDelta delta;
    const Be32 from = Be32::Load(&data[4]);
    const Be32 to = Be32::FromHost(static_cast<uint32_t>(random()));
    delta.Replace(from, to);
    to.Store(&data[4]);
    const Be16 port_from = Be16::Load(&data[8]);
    const Be16 port_to = Be16::FromHost(static_cast<uint16_t>(random()));
    delta.Replace(port_from, port_to);
    port_to.Store(&data[8]);
    ASSERT_EQ(delta.Apply(before), Checksum(data.data(), data.size()));
  }
}

}  // namespace
}  // namespace fairlead::checksum_test
