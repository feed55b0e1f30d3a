// Rules of source NAT: what workers are given, which counters are whose, and who is told.
#include "control/snat_rules.h"

#include <gtest/gtest.h>

#include "control/snat_watch.h"
#include "director_fixture.h"

namespace fairlead::control::snat_rules_test {
namespace {

ConfigModel With(const std::string& rules) { return ModelOf("snat:\n" + rules); }

std::string SlotsOf(const dataplane::SnatView& view) {
  std::string text;
  for (const dataplane::SnatRule& rule : view.rules) {
    text += rule.source.ToString() + " " + std::to_string(rule.slot) + "\n";
    EXPECT_LT(rule.slot, dataplane::kSnatSlots);
  }
  return text;
}

TEST(SnatRules, NoneAreNoView) {
  SnatRules rules;
  EXPECT_EQ(rules.Build(ModelOf("")), nullptr);
}

TEST(SnatRules, AreWhatTheModelSays) {
  SnatRules rules;
  const auto view = rules.Build(
      With("  - { source: 10.0.0.0/24, output: inside, addresses: [192.0.2.8/31], ports: 5-9 }\n"
           "  - { source: 'fd00::/64', addresses: ['2001:db8::3'] }\n"));
  ASSERT_NE(view, nullptr);
  ASSERT_EQ(view->rules.size(), 2u);
  EXPECT_EQ(view->rules[0].output, PortId{1});
  EXPECT_EQ(view->rules[0].addresses.size(), 2u);
  EXPECT_EQ(view->rules[0].first_port, 5);
  EXPECT_EQ(view->rules[0].last_port, 9);
  EXPECT_TRUE(view->rules[1].output.is_none());
  EXPECT_EQ(view->addresses.size(), 3u);
}

TEST(SnatRules, KeepTheirCounters) {
  SnatRules rules;
  const std::string a = "  - { source: 10.0.0.0/24, addresses: [192.0.2.3] }\n";
  const std::string b = "  - { source: 10.0.1.0/24, addresses: [192.0.2.3] }\n";
  const std::string c = "  - { source: 10.0.2.0/24, addresses: [192.0.2.3] }\n";
  EXPECT_EQ(SlotsOf(*rules.Build(With(a + b))), "10.0.0.0/24 0\n10.0.1.0/24 1\n");
  EXPECT_EQ(SlotsOf(*rules.Build(With(c + b))), "10.0.2.0/24 2\n10.0.1.0/24 1\n");
  const auto last = rules.Build(With(a));
  EXPECT_EQ(SlotsOf(*last), "10.0.0.0/24 0\n");
  ASSERT_EQ(last->past_sources.size(), 2u);
  EXPECT_EQ(last->past_sources[0].ToString() + " " + last->past_sources[1].ToString(),
            "10.0.2.0/24 10.0.1.0/24");
  EXPECT_EQ(rules.SlotOf("10.0.2.0/24"), uint16_t{2});
}

// Those of a rule that is gone are used again once there are no others.
TEST(SnatRules, TakeTheLongestUnusedCounters) {
  SnatRules rules;
  for (size_t i = 0; i < dataplane::kSnatSlots + 3; ++i) {
    const auto view =
        rules.Build(With("  - { source: 10.1.0.0/16, addresses: [192.0.2.3] }\n"
                         "  - { source: 10.0." +
                         std::to_string(i) + ".0/24, addresses: [192.0.2.3] }\n"));
    EXPECT_EQ(view->rules[0].slot, 0);
    const size_t expected = i + 1 < dataplane::kSnatSlots ? i + 1 : i + 2 - dataplane::kSnatSlots;
    EXPECT_EQ(view->rules[1].slot, expected) << i;
    EXPECT_EQ(view->rules[0].use, 0u);
    EXPECT_EQ(view->rules[1].use, i + 1 < dataplane::kSnatSlots ? 0u : 1u) << i;
  }
}

TEST(SnatRules, ExhaustionIsSaidOnceInAWhile) {
  const ConfigModel model = With("  - { source: 10.0.0.0/24, addresses: [192.0.2.3] }\n");
  SnatRules rules;
  dataplane::Snapshot snapshot;
  snapshot.snat = rules.Build(model);
  dataplane::StatsBoard stats(2, 1, 1);
  SnatWatch watch;
  const TimePoint start{std::chrono::seconds(100)};
  EXPECT_EQ(watch.Look(model, snapshot, stats, start), 0u);
  stats.snat(WorkerId{1})[0].exhausted.Add(3);
  EXPECT_EQ(watch.Look(model, snapshot, stats, start), 1u);
  EXPECT_EQ(watch.Look(model, snapshot, stats, start + std::chrono::seconds(60)), 0u);
  stats.snat(WorkerId{0})[0].exhausted.Add(1);
  EXPECT_EQ(watch.Look(model, snapshot, stats, start + std::chrono::seconds(61)), 1u);
  stats.snat(WorkerId{0})[0].exhausted.Add(1);
  EXPECT_EQ(watch.Look(model, snapshot, stats, start + std::chrono::seconds(65)), 0u);
  EXPECT_EQ(watch.Look(model, snapshot, stats, start + std::chrono::seconds(71)), 1u);
  // Another rule has the counters, from 0.
  stats.snat(WorkerId{0})[0].exhausted.Set(0);
  stats.snat(WorkerId{1})[0].exhausted.Set(0);
  EXPECT_EQ(watch.Look(model, snapshot, stats, start + std::chrono::seconds(80)), 0u);
  stats.snat(WorkerId{0})[0].exhausted.Add(1);
  EXPECT_EQ(watch.Look(model, snapshot, stats, start + std::chrono::seconds(90)), 1u);
}

}  // namespace
}  // namespace fairlead::control::snat_rules_test
