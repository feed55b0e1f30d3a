#include "control/persistence_builder.h"

#include <gtest/gtest.h>

#include <set>

namespace fairlead::control::persistence_builder_test {
namespace {

using dataplane::Identify;

const ServiceId kShop{3};

Prefix Net(const char* text) { return *Prefix::Parse(text); }
IpAddress Ip(const char* text) { return *IpAddress::Parse(text); }

ConfigModel Model() {
  ConfigModel model;
  model.prefix_sets = {{"proxies", {Net("10.0.0.0/8"), Net("2001:db8:9::/48")}}};
  model.client_groups = {{"provider", {{"proxies"}, {}}}, {"campus", {{}, {Net("10.1.0.0/16")}}}};
  return model;
}

PersistenceConfig Config() {
  PersistenceConfig config;
  config.mask4 = 0xffffff00;
  config.client_groups = {"provider", "campus"};
  config.netmasks = {{{{}, {Net("192.168.0.0/16")}}, 0xffffffff, 128},
                     {{{}, {Net("192.168.7.0/24"), Net("10.1.2.0/24")}}, 0xffff0000, 64}};
  return config;
}

TEST(GroupNumbers, ANameHasOneAndNoTwoShare) {
  std::set<uint64_t> numbers;
  for (int i = 0; i < 10'000; ++i) {
    const std::string name = "group-" + std::to_string(i);
    EXPECT_EQ(NumberOfGroup(name), NumberOfGroup(name));
    EXPECT_FALSE(NumberOfGroup(name).is_none());
    numbers.insert(NumberOfGroup(name).value);
  }
  EXPECT_EQ(numbers.size(), 10'000u);
}

TEST(PersistenceBuilder, GroupsWinOverNetmasksAndTheLongestPrefixDecides) {
  const ConfigModel model = Model();
  PersistenceBuilder builder;
  builder.BeginPass(model);
  const dataplane::ClientKeying keying = builder.Build(kShop, Config()).clients;
  const auto group_of = [&](const char* client) {
    const auto identity = Identify(keying, Ip(client));
    return identity.is_group ? identity.bytes : std::array<uint8_t, 16>{};
  };
  const auto provider = dataplane::TemplateKey::BytesOf(NumberOfGroup("provider"));
  const auto campus = dataplane::TemplateKey::BytesOf(NumberOfGroup("campus"));
  EXPECT_EQ(group_of("10.200.0.1"), provider);
  EXPECT_EQ(group_of("2001:db8:9::1"), provider);
  EXPECT_EQ(group_of("10.1.2.3"), campus) << "although a netmask rule has it too";
  EXPECT_EQ(Identify(keying, Ip("192.168.1.1")).prefix_length, 32);
  EXPECT_EQ(Identify(keying, Ip("192.168.1.1")).rule, 0);
  EXPECT_EQ(Identify(keying, Ip("192.168.7.1")).prefix_length, 16);
  EXPECT_EQ(Identify(keying, Ip("192.168.7.1")).rule, 1);
  EXPECT_EQ(Identify(keying, Ip("203.0.113.1")).prefix_length, 24);
  EXPECT_EQ(Identify(keying, Ip("203.0.113.1")).rule, -1);
}

TEST(PersistenceBuilder, WhatHasNotChangedIsSharedAndIsNoEdit) {
  const ConfigModel model = Model();
  PersistenceBuilder builder;
  builder.BeginPass(model);
  const auto first = builder.Build(kShop, Config());
  EXPECT_EQ(first.keying_edits, 0u);
  EXPECT_EQ(first.previous, nullptr);
  builder.BeginPass(model);
  PersistenceConfig other_time = Config();
  other_time.timeout = 1h;
  other_time.renew = Renew::kFull;
  const auto again = builder.Build(kShop, other_time);
  EXPECT_EQ(again.keying_edits, 0u);
  EXPECT_EQ(again.clients.groups, first.clients.groups) << "the map itself";
  EXPECT_EQ(again.timeout, TicksFromSeconds(3600));
  EXPECT_EQ(again.renew, dataplane::RenewMode::kFull);
}

TEST(PersistenceBuilder, AChangeKeepsWhatWasBefore) {
  ConfigModel model = Model();
  PersistenceBuilder builder;
  builder.BeginPass(model);
  builder.Build(kShop, Config());
  PersistenceConfig wider = Config();
  wider.mask4 = 0xffff0000;
  wider.rekey = 10min;
  builder.BeginPass(model);
  const auto changed = builder.Build(kShop, wider);
  EXPECT_EQ(changed.keying_edits, 1u);
  ASSERT_NE(changed.previous, nullptr);
  EXPECT_EQ(changed.previous->mask4, Be32::FromHost(0xffffff00));
  EXPECT_EQ(changed.rekey, TicksFromSeconds(600));
  // A new prefix in a file counts too, but not for those who use no lists.
  const ServiceId plain{4};
  builder.Build(plain, PersistenceConfig{});
  std::vector<Prefix> grown_set = model.prefix_sets[0].prefixes.vector();
  grown_set.push_back(Net("172.16.0.0/12"));
  model.prefix_sets[0].prefixes = grown_set;
  builder.BeginPass(model);
  const auto grown = builder.Build(kShop, wider);
  EXPECT_EQ(grown.keying_edits, 2u);
  EXPECT_FALSE(Identify(*grown.previous, Ip("172.16.0.1")).is_group);
  EXPECT_TRUE(Identify(grown.clients, Ip("172.16.0.1")).is_group);
  EXPECT_EQ(builder.Build(plain, PersistenceConfig{}).keying_edits, 0u);
  // The id goes to another service: nothing of before counts.
  builder.Forget(kShop);
  EXPECT_EQ(builder.Build(kShop, Config()).previous, nullptr);
}

TEST(PersistenceBuilder, TimesAndTheEndlessOne) {
  const ConfigModel model;
  PersistenceBuilder builder;
  builder.BeginPass(model);
  PersistenceConfig config;
  config.timeout = kInfinite;
  config.renew = Renew::kStep;
  config.step = 90s;
  config.max_lifetime = 12h;
  config.group = "shop";
  config.spread = 4;
  const auto view = builder.Build(kShop, config);
  EXPECT_EQ(view.timeout, dataplane::kForever);
  EXPECT_EQ(view.step, TicksFromSeconds(90));
  EXPECT_EQ(view.max_lifetime, TicksFromSeconds(43'200));
  EXPECT_EQ(view.group, NumberOfGroup("shop"));
  EXPECT_EQ(view.spread, 4);
  EXPECT_EQ(view.rekey, 0u);
}

}  // namespace
}  // namespace fairlead::control::persistence_builder_test
