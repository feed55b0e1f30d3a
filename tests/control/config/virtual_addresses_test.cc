#include "control/config/virtual_addresses.h"

#include <gtest/gtest.h>

#include "control/config/names.h"
#include "load_helpers.h"

namespace fairlead::control::virtual_addresses_test {
namespace {

std::string Of(const std::string& yaml) {
  const LoadResult result = LoadConfigText(
      kBase + "  - { name: kernel, device: net_null2, exception: tap }\n" + yaml, "t.yaml");
  if (!result) return ToText(result.errors);
  std::string text;
  for (const VirtualAddress& v : VirtualAddresses(*result.model))
    text += v.address.ToString() + " " + std::string(ToWord(v.announce)) + "\n";
  return text;
}

TEST(VirtualAddresses, OfAddressServicesEachOnce) {
  EXPECT_EQ(Of("services:\n"
               "  - { address: 192.0.2.81, port: 80, protocol: tcp, announce: never }\n"
               "  - { address: 192.0.2.80, port: 80, protocol: tcp, announce: never }\n"
               "  - { address: 192.0.2.80, port: 53, protocol: udp }\n"),
            "192.0.2.80 always\n192.0.2.81 never\n");
}

TEST(VirtualAddresses, OfSeveralServicesTheOneThatSaysMostCounts) {
  EXPECT_EQ(Of("services:\n"
               "  - { address: 192.0.2.80, port: 80, protocol: tcp, announce: never }\n"
               "  - { address: 192.0.2.80, port: 81, protocol: tcp, announce: follow-kernel }\n"
               "  - { address: 192.0.2.81, port: 80, protocol: tcp, announce: follow-kernel }\n"
               "  - { address: 192.0.2.81, port: 81, protocol: tcp, announce: always }\n"),
            "192.0.2.80 follow-kernel\n192.0.2.81 always\n");
}

// The one that would rather be heard decides, whatever their order.
TEST(VirtualAddresses, SeveralServicesOnOneAddressAreMerged) {
  EXPECT_EQ(Of("policy: { announce: when-ready }\n"
               "services:\n"
               "  - { address: 192.0.2.80, port: 80, protocol: tcp, announce: never }\n"
               "  - { address: 192.0.2.80, port: 53, protocol: udp }\n"
               "  - { address: 192.0.2.81, port: 80, protocol: tcp, announce: always }\n"
               "  - { address: 192.0.2.81, port: 53, protocol: udp }\n"
               "  - { address: 192.0.2.81, port: 54, protocol: udp, announce: never }\n"),
            "192.0.2.80 when-ready\n192.0.2.81 always\n");
}

// Else a rule would make both directors of a pair answer for the service's address.
TEST(VirtualAddresses, OfASnatRulesAddressTheServiceHasTheWord) {
  EXPECT_EQ(Of("snat: [ { source: 10.0.0.0/24, addresses: [192.0.2.80, 192.0.2.82] } ]\n"
               "services:\n"
               "  - { address: 192.0.2.80, port: 80, protocol: tcp, announce: follow-kernel }\n"),
            "192.0.2.80 follow-kernel\n192.0.2.82 always\n");
}

TEST(VirtualAddresses, OfMarksTheSingleAddressesOfTheirRules) {
  EXPECT_EQ(
      Of("prefix_sets: { many: [198.51.100.1] }\n"
         "classifier:\n"
         "  - { mark: 1, destination: [192.0.2.80, 198.51.100.0/24, '2001:db8::80', '@many'] }\n"
         "  - { mark: 2, destination: 192.0.2.82 }\n"
         "  - { action: drop, destination: 192.0.2.83 }\n"
         "services: [{ mark: 1 }]\n"),
      "192.0.2.80 always\n");
}

}  // namespace
}  // namespace fairlead::control::virtual_addresses_test
