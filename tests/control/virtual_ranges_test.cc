#include "control/virtual_ranges.h"

#include "director_fixture.h"

namespace fairlead::control::virtual_ranges_test {
namespace {

// What is known of the address: "" nothing, "range /24", "gone /32".
std::string Say(const std::shared_ptr<const VirtualRanges::Map>& map, const char* address) {
  const dataplane::VirtualRange* range = map == nullptr ? nullptr : map->Find(Ip(address));
  if (range == nullptr) return "";
  return (range->is_gone ? "gone /" : "range /") + std::to_string(range->length);
}

constexpr const char* kWeb =
    "services:\n  - { name: web, address: 192.0.2.80, protocol: tcp, port: 80, "
    "reals: [{ address: 10.0.0.11 }] }\n";
constexpr const char* kNone = "services: []\n";

std::string Rules(const std::string& destination, const std::string& more = kNone) {
  return "prefix_sets:\n  sites: [198.51.100.0/24, 198.18.0.7]\n"
         "classifier:\n  - { mark: 7, protocol: tcp, destination: " +
         destination + " }\n" + more;
}

TEST(VirtualRanges, AreTheNetworksThatRulesWithAMarkName) {
  VirtualRanges ranges;
  const auto map =
      ranges.Build(ModelOf(Rules("[203.0.113.0/24, \"@sites\", \"2001:db8:9::/48\"]")), true);
  EXPECT_EQ(Say(map, "203.0.113.9"), "range /24");
  EXPECT_EQ(Say(map, "198.51.100.200"), "range /24");
  EXPECT_EQ(Say(map, "198.18.0.7"), "range /32");
  EXPECT_EQ(Say(map, "2001:db8:9::1"), "range /48");
  EXPECT_EQ(Say(map, "192.0.2.80"), "");
}

TEST(VirtualRanges, ARuleForAllAddressesNamesNone) {
  VirtualRanges ranges;
  EXPECT_EQ(ranges.Build(ModelOf(Rules("0.0.0.0/0")), true), nullptr);
  EXPECT_EQ(ranges.Build(ModelOf(kWeb), true), nullptr);
}

TEST(VirtualRanges, RememberWhatIsGoneUntilItIsBack) {
  VirtualRanges ranges;
  ranges.Build(ModelOf(Rules("203.0.113.0/24", kWeb)), true);
  auto map = ranges.Build(ModelOf(kNone), true);
  EXPECT_EQ(Say(map, "192.0.2.80"), "gone /32");
  EXPECT_EQ(Say(map, "203.0.113.9"), "gone /24");
  map = ranges.Build(ModelOf(Rules("203.0.113.0/25")), true);
  EXPECT_EQ(Say(map, "192.0.2.80"), "gone /32") << "it stays gone";
  EXPECT_EQ(Say(map, "203.0.113.9"), "range /25");
  EXPECT_EQ(Say(map, "203.0.113.200"), "gone /24");
  map = ranges.Build(ModelOf(Rules("203.0.113.0/24", kWeb)), true);
  EXPECT_EQ(Say(map, "192.0.2.80"), "");
  EXPECT_EQ(Say(map, "203.0.113.200"), "range /24");
}

TEST(VirtualRanges, AreMadeAnewOnlyForAChange) {
  VirtualRanges ranges;
  const ConfigModel model = ModelOf(Rules("203.0.113.0/24"));
  const auto first = ranges.Build(model, true);
  EXPECT_EQ(ranges.Build(model, false), first);
  ConfigModel other = model;
  other.prefix_sets.clear();
  EXPECT_NE(ranges.Build(other, false), first);
}

}  // namespace
}  // namespace fairlead::control::virtual_ranges_test
