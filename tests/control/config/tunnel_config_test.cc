// Tunnels in the configuration: read, written, and what is refused (broken/48-tunnels has the
// sentences).
#include <gtest/gtest.h>

#include "control/config/dump.h"
#include "load_helpers.h"

namespace fairlead::control::tunnel_config_test {
namespace {

std::string Service(const std::string& address, const std::string& forward,
                    const std::string& real) {
  return kBase + "services:\n  - { address: \"" + address +
         "\", port: 80, protocol: tcp, forward: " + forward + ", reals: [{ address: \"" + real +
         "\" }] }\n";
}

TEST(TunnelConfig, EveryTunnelIsReadAndWritten) {
  struct Case {
    const char* text;
    Tunnel tunnel;
  };
  constexpr auto kGue = TunnelType::kGue;
  constexpr auto kGre = TunnelType::kGre;
  const Case cases[] = {
      {"tun", {}},
      {"{ method: tun, type: gue, port: 6080, checksum: none }", {.type = kGue, .port = 6080}},
      {"{ method: tun, type: gue, port: 1, checksum: full }",
       {.type = kGue, .checksum = TunnelChecksum::kFull, .port = 1}},
      {"{ method: tun, type: gue, port: 65535, checksum: remote }",
       {.type = kGue, .checksum = TunnelChecksum::kRemote, .port = 65535}},
      {"{ method: tun, type: gre, checksum: false }", {.type = kGre}},
      {"{ method: tun, type: gre, checksum: true }",
       {.type = kGre, .checksum = TunnelChecksum::kFull}},
  };
  for (const Case& c : cases) {
    const LoadResult result = LoadConfigText(Service("192.0.2.10", c.text, "10.0.0.11"), "t.yaml");
    ASSERT_TRUE(result) << ToText(result.errors);
    const Forwarding expected(ForwardMethod::kTun, c.tunnel);
    EXPECT_TRUE(result.model->services[0].forward == expected) << c.text;
    EXPECT_TRUE(result.model->services[0].reals[0].forward == expected) << c.text;
    const std::string dump = Dump(*result.model);
    EXPECT_NE(dump.find(std::string("forward: ") + c.text + "\n"), std::string::npos) << dump;
    const LoadResult again = LoadConfigText(dump, "dump.yaml");
    ASSERT_TRUE(again) << ToText(again.errors);
    EXPECT_TRUE(again.model->services[0] == result.model->services[0]);
  }
}

TEST(TunnelConfig, ARealThatSaysAWordHasNoTunnelOfItsService) {
  const LoadResult result = LoadConfigText(
      kBase +
          "services:\n  - { address: 192.0.2.10, port: 80, protocol: tcp, forward: { method: tun, "
          "type: gre }, reals: [{ address: 10.0.0.11, forward: tun }, { address: 10.0.0.12 }] }\n",
      "t.yaml");
  ASSERT_TRUE(result) << ToText(result.errors);
  const auto& reals = result.model->services[0].reals;
  EXPECT_EQ(reals[0].forward.tunnel.type, TunnelType::kIpip);
  EXPECT_EQ(reals[1].forward.tunnel.type, TunnelType::kGre);
}

TEST(TunnelConfig, ATunnelReachesTheOtherIpVersion) {
  EXPECT_EQ(ProblemsOf(Service("192.0.2.10", "tun", "fd00::11")), "");
  EXPECT_EQ(
      ProblemsOf(Service("2001:db8::10", "{ method: tun, type: gue, port: 6080 }", "10.0.0.11")),
      "");
  EXPECT_NE(ProblemsOf(Service("192.0.2.10", "dr", "fd00::11"))
                .find("only \"forward: tun\" and \"forward: fullnat\" reach a real server of the "
                      "other IP version"),
            std::string::npos);
}

TEST(TunnelConfig, TheKernelsProtocolCannotSayMixedFamilies) {
  const std::string problems =
      ProblemsOf(Service("192.0.2.10", "tun", "fd00::11") +
                 "sync: { ipvs: { interface: fl-sync, role: both, syncid: 7 } }\n");
  EXPECT_NE(problems.find("services[0].reals[0].address: is of the other IP version"),
            std::string::npos)
      << problems;
}

}  // namespace
}  // namespace fairlead::control::tunnel_config_test
