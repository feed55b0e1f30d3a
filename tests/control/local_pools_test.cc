// Where FULLNAT's connections come from, as workers see it: pools that reals share, that follow the
// configuration, and that stay while a removed real may still have connections.
#include "control/local_pools.h"

#include "snapshot_builder_fixture.h"

namespace fairlead::control::local_pools_test {
namespace {

class LocalPoolsTest : public SnapshotBuilderTest {
 protected:
  // A service for each of these values of `forward`.
  ConfigModel ModelWith(const std::vector<std::string>& forwards, const std::string& set = "") {
    std::string text = set.empty() ? "" : "prefix_sets: { pool: [" + set + "] }\n";
    text += "services:\n";
    for (size_t i = 0; i < forwards.size(); ++i) {
      text += "  - { address: 192.0.2.8" + std::to_string(i) +
              ", port: 80, protocol: tcp, forward: " + forwards[i] +
              ", reals: [{ address: 10.0.0.11 }] }\n";
    }
    return ModelOf(text);
  }
  // By real: its pool's addresses, and how it is told; then the addresses that are answered for.
  static std::string TextOf(const dataplane::Snapshot& s) {
    std::string text;
    for (const dataplane::RealView& real : s.reals) {
      if (real.service.is_none()) continue;
      text += std::string(TraitsOf(real.method).word);
      if (!real.local_pool.is_none()) {
        for (const IpAddress& each : s.local_pools[real.local_pool.index()].addresses) {
          text += " " + each.ToString();
        }
      }
      text += " " + std::string(ToWord(real.client_address)) + "\n";
    }
    std::set<std::string> answered;
    for (const auto& [address, local] : s.local_addresses) {
      if (!local.has_local_ports) continue;
      EXPECT_TRUE(local.is_announced && !local.is_vip) << address.ToString();
      EXPECT_TRUE(s.own_addresses.MayContain(address)) << address.ToString();
      answered.insert(address.ToString());
    }
    for (const std::string& each : answered) text += each + " ";
    return text;
  }
};

std::string Of(const std::string& addresses, const std::string& told = "none") {
  return "{ method: fullnat, local_addresses: " + addresses + ", client_address: " + told + " }";
}

TEST_F(LocalPoolsTest, AreSharedByWhoHasTheSame) {
  const auto s = Build(ModelWith({Of("[10.0.1.0/31]", "toa"), "nat", Of("[10.0.1.1, 10.0.1.0]"),
                                  Of("[10.0.1.1, 'fd00:1::1']", "proxy-v2")}));
  EXPECT_EQ(TextOf(*s),
            "fullnat 10.0.1.0 10.0.1.1 toa\n"
            "nat none\n"
            "fullnat 10.0.1.0 10.0.1.1 none\n"
            "fullnat 10.0.1.1 proxy-v2\n"
            "10.0.1.0 10.0.1.1 ");
  EXPECT_EQ(s->local_pools.size(), 2u);
}

// Made anew each time, or from a copy of the one before.
TEST_F(LocalPoolsTest, FollowTheConfiguration) {
  for (const bool copies : {false, true}) {
    auto first = Build(ModelWith({Of("10.0.1.1"), "nat"}));
    before_ = copies ? first.get() : nullptr;
    auto second = Build(ModelWith({Of("10.0.1.2", "proxy-v1"), Of("10.0.1.3")}));
    EXPECT_EQ(TextOf(*second),
              "fullnat 10.0.1.2 proxy-v1\nfullnat 10.0.1.3 none\n10.0.1.2 10.0.1.3 ");
    before_ = copies ? second.get() : nullptr;
    auto third = Build(ModelWith({"nat", Of("10.0.1.3")}));
    EXPECT_EQ(TextOf(*third), "nat none\nfullnat 10.0.1.3 none\n10.0.1.3 ");
    before_ = copies ? third.get() : nullptr;
    EXPECT_EQ(TextOf(*Build(ModelWith({"nat", "dr"}))), "nat none\ndr none\n");
    before_ = nullptr;
  }
}

TEST_F(LocalPoolsTest, FollowAPrefixSet) {
  const std::vector<std::string> forwards{Of("'@pool'")};
  const ConfigModel model = ModelWith(forwards, "10.0.1.0/31");
  const auto first = Build(model);
  EXPECT_EQ(TextOf(*first), "fullnat 10.0.1.0 10.0.1.1 none\n10.0.1.0 10.0.1.1 ");
  ConfigModel other = model;  // the same services
  other.prefix_sets = ModelWith(forwards, "10.0.1.1, 10.0.1.4").prefix_sets;
  before_ = first.get();
  const auto second = Build(other);
  EXPECT_EQ(second->changes_since, first->generation);
  EXPECT_EQ(TextOf(*second), "fullnat 10.0.1.1 10.0.1.4 none\n10.0.1.1 10.0.1.4 ");
}

TEST_F(LocalPoolsTest, StayWhileARemovedRealIsRemembered) {
  Build(ModelWith({Of("10.0.1.1"), "nat"}));
  const ConfigModel without = ModelOf(
      "services:\n  - { address: 192.0.2.81, port: 80, protocol: tcp, reals: [{ address: "
      "10.0.0.11 }] }\n");
  const auto s = Build(without);
  EXPECT_NE(TextOf(*s).find("fullnat 10.0.1.1 none"), std::string::npos) << TextOf(*s);
  EXPECT_NE(TextOf(*s).find("\n10.0.1.1 "), std::string::npos) << "it is still answered for";
}

TEST_F(LocalPoolsTest, ANumberIsGivenAgainWhenItsPoolIsGone) {
  for (int i = 1; i < 30; ++i) {
    const auto s = Build(ModelWith({Of("10.0.1." + std::to_string(i))}));
    ASSERT_LE(s->local_pools.size(), 2u);
  }
}

LocalAddresses ListOf(uint32_t address, size_t count = 1) {
  std::vector<Prefix> prefixes;
  for (size_t i = 0; i < count; ++i) {
    prefixes.push_back(Prefix{Ipv4Address::FromHost(address + static_cast<uint32_t>(i)), 32});
  }
  return {.sets = {}, .prefixes = std::move(prefixes)};
}

// More lists than there are numbers, which removed reals may bring about: the rest have no pool,
// and what is free again is given again.
TEST(LocalPoolIds, AreNeverGivenTwice) {
  LocalPools pools;
  const auto intern = [&](size_t i) {
    return pools.Intern(ListOf(0x0a000000 + static_cast<uint32_t>(i)), Family::kIpv4);
  };
  for (size_t i = 0; i < LocalPools::kMostPools; ++i) ASSERT_EQ(intern(i).index(), i);
  EXPECT_TRUE(intern(LocalPools::kMostPools).is_none());
  EXPECT_EQ(intern(7).index(), 7u);
  dataplane::Snapshot snapshot;
  for (const size_t used : {size_t{1}, size_t{3}}) {
    snapshot.reals.emplace_back().local_pool = intern(used);
  }
  EXPECT_TRUE(pools.Settle(&snapshot));
  ASSERT_EQ(snapshot.local_pools.size(), 4u);
  EXPECT_EQ(snapshot.local_pools[3].addresses[0].ToString(), "10.0.0.3");
  EXPECT_EQ(intern(3).index(), 3u);
  EXPECT_EQ(intern(50).index(), 0u);
  EXPECT_EQ(intern(51).index(), 2u);
  EXPECT_EQ(intern(52).index(), 4u);
}

// A set that has changed is seen although the list that names it has not.
TEST(LocalPoolIds, FollowTheSets) {
  LocalPools pools;
  const LocalAddresses named{.sets = {"pool"}, .prefixes = {}};
  const auto with = [&](const char* prefix) {
    pools.Begin({{.name = "pool", .prefixes = {*Prefix::Parse(prefix)}}});
    return pools.Intern(named, Family::kIpv4).index();
  };
  EXPECT_EQ(with("10.0.0.1/32"), 0u);
  EXPECT_EQ(with("10.0.0.2/32"), 1u);
  EXPECT_EQ(with("10.0.0.1/32"), 0u);
  EXPECT_TRUE(pools.Intern(named, Family::kIpv6).is_none());
}

}  // namespace
}  // namespace fairlead::control::local_pools_test
