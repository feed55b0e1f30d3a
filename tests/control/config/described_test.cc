// The configuration knows every method and every transport that is described, by its word.
#include <gtest/gtest.h>

#include <algorithm>

#include "control/config/dump.h"
#include "control/config/names.h"
#include "control/config/schema.h"
#include "load_helpers.h"

namespace fairlead::control::described_test {
namespace {

std::string Service(std::string_view protocol, std::string_view forward, std::string_view port) {
  return kBase +
         "services:\n  - { address: 192.0.2.10, port: 80, protocol: " + std::string(protocol) +
         ", reals: [{ address: 10.0.0.11, port: " + std::string(port) +
         ", forward: " + std::string(forward) + " }] }\n";
}

// As a dump has it.
std::string Written(ForwardMethod method) {
  const std::string word(TraitsOf(method).word);
  if (!HasLocalAddresses(method)) return word;
  return "{ method: " + word + ", local_addresses: [10.0.1.0/28], client_address: none }";
}

TEST(Described, EveryMethodIsReadAndWritten) {
  for (const ForwardMethod method : kForwardMethods) {
    const std::string forward = Written(method);
    const LoadResult result = LoadConfigText(Service("tcp", forward, "80"), "t.yaml");
    ASSERT_TRUE(result) << ToText(result.errors);
    EXPECT_EQ(result.model->services[0].reals[0].forward.method, method);
    EXPECT_NE(Dump(*result.model).find("forward: " + forward), std::string::npos);
  }
  EXPECT_EQ(WordList<ForwardMethod>(), "nat, dr, tun or fullnat");
}

TEST(Described, OnlyAMethodThatChangesThePortMayHaveAnother) {
  for (const ForwardMethod method : kForwardMethods) {
    const std::string problems = ProblemsOf(Service("tcp", Written(method), "8080"));
    EXPECT_EQ(problems.empty(), TraitsOf(method).may_change_port) << problems;
  }
}

TEST(Described, EveryTransportIsReadAndHasATimeout) {
  for (const Transport transport : kTransports) {
    const std::string_view word = TraitsOf(transport).word;
    const LoadResult result = LoadConfigText(Service(word, "nat", "80"), "t.yaml");
    ASSERT_TRUE(result) << ToText(result.errors);
    EXPECT_EQ(static_cast<Transport>(result.model->services[0].protocol), transport);
    EXPECT_EQ(FromWord<Protocol>(word), static_cast<Protocol>(transport));
    EXPECT_TRUE(std::ranges::any_of(kTimeoutsSection.keys, [&](const KeyInfo& key) {
      return key.name == word && key.refusal.empty();
    })) << word;
  }
  EXPECT_EQ(TransportList(), "tcp or udp");
}

}  // namespace
}  // namespace fairlead::control::described_test
