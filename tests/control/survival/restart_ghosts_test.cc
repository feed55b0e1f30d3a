// Connections that outlive their real server go on over a restart as they did before it.
#include <gmock/gmock.h>

#include "machine.h"

namespace fairlead::control::restart_ghosts_test {
namespace {

constexpr const char* kTunnels = R"(
services:
  - { name: web, address: "2001:db8::80", protocol: tcp, port: 80, on_remove: drain,
      reals: [ { address: 10.0.0.11, forward: { method: tun, type: gue, port: 6081 } },
               { address: 10.0.0.12, forward: { method: tun, type: gre, checksum: true } },
               { address: 10.0.0.13, forward: tun } ] }
)";

// Of the removed real servers, and of what their packets are.
std::vector<std::string> GhostsOf(Machine* machine) {
  std::vector<std::string> lines;
  for (const dataplane::RealView& real : machine->snapshot().reals) {
    EXPECT_EQ(real.remains, dataplane::Remains::kContinue);
    const size_t shim = real.egress.tunnel.length - TunnelShimBytes(real.tunnel);
    EXPECT_EQ(shim, 20u);
    lines.push_back(real.address.ToString() + " " + std::string(ToWord(real.tunnel.type)) + " " +
                    std::string(ToWord(real.tunnel.checksum)) + " " +
                    std::to_string(real.tunnel.port) + " of IPv" +
                    (dataplane::FamilyOf(machine->snapshot(), real) == Family::kIpv4 ? "4" : "6"));
  }
  std::ranges::sort(lines);
  return lines;
}

TEST(RestartGhosts, KeepTheirTunnels) {
  SetLogLevel(LogLevel::kError);
  Machine machine("restart-ghosts");
  machine.Write("a.yaml", kTunnels);
  machine.Start();
  machine.Write("a.yaml", "services: []");
  machine.Reload("a.yaml");
  machine.Turn(3);
  const std::vector<std::string> before{"10.0.0.11 gue none 6081 of IPv6",
                                        "10.0.0.12 gre full 0 of IPv6",
                                        "10.0.0.13 ipip none 0 of IPv6"};
  EXPECT_EQ(GhostsOf(&machine), before);
  for (int times = 0; times < 2; ++times) {
    machine.Restart();
    EXPECT_EQ(GhostsOf(&machine), before);
  }
  SetLogLevel(LogLevel::kInfo);
}

// Removed while it was away.
TEST(RestartGhosts, KnowTheTunnelThatTheLastDirectorHadThem) {
  SetLogLevel(LogLevel::kError);
  Machine machine("restart-gone");
  machine.Write("a.yaml", kTunnels);
  machine.Start();
  machine.Write("a.yaml", "services: []");
  machine.Restart();
  EXPECT_THAT(GhostsOf(&machine), testing::ElementsAre("10.0.0.11 gue none 6081 of IPv6",
                                                       "10.0.0.12 gre full 0 of IPv6",
                                                       "10.0.0.13 ipip none 0 of IPv6"));
  SetLogLevel(LogLevel::kInfo);
}

}  // namespace
}  // namespace fairlead::control::restart_ghosts_test
