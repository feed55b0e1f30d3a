// The index names the rule that a pass over all rules finds.
#include <gtest/gtest.h>

#include <random>

#include "dataplane/snapshot/classifier.h"

namespace fairlead::dataplane::classifier_index_test {
namespace {

// Random rules over few addresses and ports, so that many match, and packets that hit them.
class World {
 public:
  explicit World(uint32_t seed) : random_(seed) {}

  uint32_t Random(uint32_t below) { return static_cast<uint32_t>(random_() % below); }
  IpAddress Address() {
    uint8_t bytes[16] = {10};
    const bool is_v4 = Random(3) > 0;
    if (!is_v4) bytes[0] = 0x20;
    for (int i = 1; i < (is_v4 ? 4 : 16); ++i) {
      if (i < 4 || i > 13) bytes[i] = static_cast<uint8_t>(Random(4) * 0x41);
    }
    return is_v4 ? IpAddress(Ipv4Address::Load(bytes)) : IpAddress(Ipv6Address::Load(bytes));
  }
  std::vector<Prefix> Prefixes() {
    const uint32_t count = Random(8) == 0 ? Random(60) : 1 + Random(3);  // sometimes none
    std::vector<Prefix> prefixes;
    for (uint32_t i = 0; i < count; ++i) {
      const IpAddress a = Address();
      const auto bits = static_cast<uint32_t>(a.bit_length());
      const uint32_t length = Random(3) == 0 ? bits : Random(6) == 0 ? Random(bits + 1) : bits - 4;
      prefixes.push_back({a, static_cast<int>(length)});
    }
    return prefixes;
  }
  uint16_t Port() { return static_cast<uint16_t>(1000 + Random(30)); }
  std::vector<PortRange> Ports() {
    std::vector<PortRange> ranges;
    for (uint32_t n = Random(4); n > 0; --n) {
      const uint16_t first = Port();
      ranges.push_back(
          {first, static_cast<uint16_t>(first + (Random(3) == 0 ? Random(40) : Random(2)))});
    }
    return ranges;
  }
  ClassifierRule Rule(int sets) {
    ClassifierRule rule;
    if (Random(2) == 0) rule.protocol = Random(2) == 0 ? 6 : 17;
    if (Random(2) == 0) rule.source_set = static_cast<int>(Random(static_cast<uint32_t>(sets)));
    if (Random(3) > 0) rule.destination_set = static_cast<int>(Random(static_cast<uint32_t>(sets)));
    if (Random(2) == 0) rule.destination_ports = Ports();
    if (Random(6) == 0) rule.source_ports = Ports();
    if (Random(6) == 0) rule.input_port = PortId{static_cast<uint8_t>(Random(3))};
    rule.is_drop = Random(4) == 0;
    rule.mark = rule.is_drop ? 0 : 1 + Random(5);
    return rule;
  }
  ClassifierFields Fields() {
    ClassifierFields fields{.source = Address(),
                            .destination = Address(),
                            .source_port = Port(),
                            .destination_port = Port(),
                            .protocol = Random(2) == 0 ? uint8_t{6} : uint8_t{17},
                            .input_port = PortId{static_cast<uint8_t>(Random(3))}};
    while (fields.destination.family() != fields.source.family()) fields.destination = Address();
    return fields;
  }

 private:
  std::mt19937 random_;
};

TEST(ClassifierIndex, AgreesWithAPassOverAllRules) {
  size_t matched = 0, packets = 0;
  for (uint32_t seed = 1; seed <= 150; ++seed) {
    World world(seed);
    ClassifierBuilder builder;
    const int sets = static_cast<int>(2 + world.Random(40));
    for (int i = 0; i < sets; ++i) builder.AddSet(world.Prefixes());
    const uint32_t rules = 1 + world.Random(seed % 3 == 0 ? 20 : 400);
    // Hundreds of rules that match all are no test: most ask for something on both sides.
    for (uint32_t i = 0; i < rules; ++i) {
      ClassifierRule rule = world.Rule(sets);
      if (i < rules / 2 && rule.source_set < 0) rule.source_set = static_cast<int>(i) % sets;
      if (i < rules / 2 && rule.destination_ports.empty()) rule.destination_ports = {{1000, 1001}};
      builder.AddRule(rule);
    }
    const Classifier c = builder.Build();
    for (int i = 0; i < 400; ++i, ++packets) {
      const ClassifierFields fields = world.Fields();
      const Classification expected = c.Scan(fields);
      ASSERT_EQ(c.Classify(fields), expected)
          << "seed " << seed << " packet " << i << " rule " << expected.rule;
      matched += expected.kind != Classification::Kind::kNoRule;
    }
  }
  EXPECT_GT(matched, packets / 4);
  EXPECT_LT(matched, packets);
}

std::vector<ClassifierRule> ManyRules(uint32_t count, int sets) {
  std::vector<ClassifierRule> rules(count);
  for (uint32_t i = 0; i < count; ++i) {
    const auto port = static_cast<uint16_t>(1 + i % 60000);
    rules[i].protocol = 6;
    rules[i].destination_set = static_cast<int>(i % static_cast<uint32_t>(sets));
    rules[i].destination_ports = {{port, port}};
    rules[i].mark = i + 1;
  }
  return rules;
}

// How many rules are asked about a packet, and what is found when none of them matches.
size_t AskedOf(const ClassifierIndex& index, const ClassifierFields& fields) {
  size_t asked = 0;
  EXPECT_EQ(index.First(fields, [&](uint32_t) { return ++asked == 0; }), -1);
  return asked;
}

TEST(ClassifierIndex, AsksOnlyTheRulesThatShareThePacketsKey) {
  const std::vector<Prefix> vip = {*Prefix::Parse("192.0.2.80")};
  const std::vector<Prefix> net = {*Prefix::Parse("198.51.100.0/24"), *Prefix::Parse("10.0.0.0/9")};
  const auto prefixes_of = [&](int set) { return set == 0 ? &vip : set == 1 ? &net : nullptr; };
  std::vector<ClassifierRule> rules = ManyRules(100'000, 3);
  const ClassifierIndex index = ClassifierIndex::Build(rules, prefixes_of);
  EXPECT_EQ(index.tuple_count(), 4u);  // 192.0.2.80, 198.51.100, 10, and what has many prefixes
  ClassifierFields fields{.source = *IpAddress::Parse("203.0.113.7"),
                          .destination = *IpAddress::Parse("192.0.2.80"),
                          .destination_port = 60000,
                          .protocol = 6,
                          .input_port = PortId{}};
  // Port 60000 is asked for by rule 59,999 only, which has the big set.
  EXPECT_EQ(AskedOf(index, fields), 1u);
  fields.destination_port = 1;  // rules 0 (the VIP) and 60,000, of the VIP too
  EXPECT_EQ(AskedOf(index, fields), 2u);
  fields.destination = *IpAddress::Parse("10.200.0.1");  // outside the /9, but not of its bytes
  EXPECT_EQ(AskedOf(index, fields), 0u);
  fields.destination_port = 2;
  EXPECT_EQ(AskedOf(index, fields), 2u);
  fields.protocol = 17;
  EXPECT_EQ(AskedOf(index, fields), 0u);
}

TEST(ClassifierIndex, ALowerRuleEndsTheSearch) {
  std::vector<ClassifierRule> rules = ManyRules(1000, 1);
  rules[0] = {};  // matches everything
  const std::vector<Prefix> vip = {*Prefix::Parse("192.0.2.80")};
  const ClassifierIndex index = ClassifierIndex::Build(rules, [&](int) { return &vip; });
  const ClassifierFields fields{.source = {},
                                .destination = *IpAddress::Parse("192.0.2.80"),
                                .destination_port = 500,
                                .protocol = 6,
                                .input_port = PortId{}};
  std::vector<uint32_t> asked;
  const int32_t found = index.First(fields, [&](uint32_t number) {
    asked.push_back(number);
    return true;
  });
  EXPECT_EQ(found, 0);
  EXPECT_EQ(asked, std::vector<uint32_t>{0});
}

// A rule of a tuple of its own, a handful of them, is no look-up of its own.
TEST(ClassifierIndex, TuplesOfFewRulesAreAList) {
  std::vector<std::vector<Prefix>> sets;
  std::vector<ClassifierRule> rules;
  for (int length = 8; length <= 32; length += 8) {
    sets.push_back({Prefix{*IpAddress::Parse("10.1.2.3"), length}});
    for (size_t n = 1; n < ClassifierIndex::kFewRules; ++n) {
      rules.push_back({.destination_set = static_cast<int>(sets.size()) - 1});
    }
  }
  const ClassifierIndex index =
      ClassifierIndex::Build(rules, [&](int set) { return &sets[static_cast<size_t>(set)]; });
  EXPECT_EQ(index.tuple_count(), 1u);
  EXPECT_EQ(AskedOf(index, {}), rules.size());
}

TEST(ClassifierIndex, NothingToFind) {
  EXPECT_EQ(AskedOf(ClassifierIndex::Build({}, [](int) { return nullptr; }), {}), 0u);
  EXPECT_EQ(Classifier().Classify({}), Classification{});
  EXPECT_EQ(Classifier().Scan({}), Classification{});
  EXPECT_EQ(Classifier().rule_count(), 0u);
}

}  // namespace
}  // namespace fairlead::dataplane::classifier_index_test
