// What a start draws: secrets that nobody outside can know.
#include "main/start_config.h"

#include <gtest/gtest.h>

namespace fairlead::start_config_test {
namespace {

using dataplane::FabricConfig;
using dataplane::Steering;

TEST(StartConfig, EveryStartDrawsSecretsOfItsOwn) {
  const FabricConfig one = FabricConfigOf({}, 2), other = FabricConfigOf({}, 2);
  EXPECT_NE(one.steering_key, other.steering_key);
  EXPECT_NE(one.steering_key, kDefaultToeplitzKey);
  EXPECT_NE(one.hash_secret[0], other.hash_secret[0]);
  EXPECT_NE(one.hash_secret[1], other.hash_secret[1]);
}

// A neighbour's place follows from its address: who could tell it would crowd others out.
TEST(StartConfig, NobodyKnowsTheirNeighboursPlaces) {
  constexpr uint32_t kHosts = 100;
  FabricConfig config = FabricConfigOf({}, 1), again = FabricConfigOf({}, 1);
  config.reals = again.reals = 64;
  dataplane::Fabric one(config), other(again);
  uint32_t same = 0;
  for (uint32_t host = 0; host < kHosts; ++host) {
    const IpAddress address(Ipv4Address::FromHost(0x0a000000 + host));
    same += one.neighbours.Intern(PortId{0}, address) == other.neighbours.Intern(PortId{0}, address)
                ? 1u
                : 0u;
  }
  EXPECT_LT(same, kHosts / 20);
}

// Client endpoints that the key of every data sheet gives to worker 0: a flood that aims.
TEST(StartConfig, AFloodAimedByThePublishedKeyIsSpread) {
  constexpr uint32_t kFlood = 4000;
  const Steering published(2);
  const Steering drawn(2, FabricConfigOf({}, 2).steering_key);
  uint32_t aimed = 0, first = 0;
  for (uint32_t n = 0; aimed < kFlood; ++n) {
    const Ipv4Address client = Ipv4Address::FromHost(0x0b000000 + n * 2654435761u % 0x1000000);
    const Be16 port = Be16::FromHost(static_cast<uint16_t>(1024 + n % 60000));
    if (published.ConnectionOwner(client, port).index() != 0) continue;
    ++aimed;
    first += drawn.ConnectionOwner(client, port).index() == 0 ? 1u : 0u;
  }
  EXPECT_GT(first, kFlood / 3);
  EXPECT_LT(first, kFlood * 2 / 3);
}

}  // namespace
}  // namespace fairlead::start_config_test
