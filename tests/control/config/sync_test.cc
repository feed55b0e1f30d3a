// The section `sync`: every key read and written, and what is refused.
#include <gtest/gtest.h>

#include "control/config/dump.h"
#include "control/config/yaml_loader.h"
#include "load_helpers.h"

namespace fairlead::control::sync_test {
namespace {

using namespace std::chrono_literals;

LoadResult Load(const std::string& ipvs) {
  return LoadConfigText(kBase + std::string("sync: { ipvs: ") + ipvs + " }\n", "t.yaml");
}
IpvsSyncConfig Good(const std::string& ipvs) {
  const LoadResult loaded = Load(ipvs);
  EXPECT_TRUE(loaded) << ToText(loaded.errors);
  return loaded ? loaded.model->sync.ipvs.value_or(IpvsSyncConfig{}) : IpvsSyncConfig{};
}
std::string Refusal(const std::string& ipvs) { return ToText(Load(ipvs).errors); }

TEST(Sync, IsOffUnlessItIsThere) {
  const LoadResult loaded = LoadConfigText(kBase, "t.yaml");
  ASSERT_TRUE(loaded) << ToText(loaded.errors);
  EXPECT_FALSE(loaded.model->sync.ipvs);
  EXPECT_EQ(Dump(*loaded.model).find("sync:"), std::string::npos);
}

TEST(Sync, HasTheKernelsDefaults) {
  const IpvsSyncConfig sync = Good("{ interface: eth2 }");
  EXPECT_EQ(sync.interface, "eth2");
  EXPECT_EQ(sync.role, SyncRole::kBackup);
  EXPECT_EQ(sync.group.ToString(), "224.0.0.81");
  EXPECT_EQ(sync.udp_port, 8848);
  EXPECT_EQ(sync.maxlen, 1472);
  EXPECT_EQ(sync.threshold, (SyncThreshold{3, 50}));
}

TEST(Sync, EveryKeyIsReadAndWritten) {
  const std::string all =
      "{ interface: eth2, role: both, syncid: 7, group: \"ff02::81\", udp_port: 9999, ports: 4, "
      "maxlen: 200, ttl: 5, "
      "version: 0, peers: [10.255.0.2, 10.255.0.3], threshold: [1, 5], refresh_period: 10s, "
      "retries: 2, "
      "persist_mode: true, unknown_service: refuse }";
  const IpvsSyncConfig sync = Good(all);
  IpvsSyncConfig expected;
  expected.interface = "eth2";
  expected.role = SyncRole::kBoth;
  expected.syncid = 7;
  expected.group = *IpAddress::Parse("ff02::81");
  expected.udp_port = 9999;
  expected.ports = 4;
  expected.maxlen = 200;
  expected.ttl = 5;
  expected.version = 0;
  expected.peers = {*IpAddress::Parse("10.255.0.2"), *IpAddress::Parse("10.255.0.3")};
  expected.threshold = {1, 5};
  expected.refresh_period = 10s;
  expected.retries = 2;
  expected.persist_mode = true;
  EXPECT_EQ(sync, expected);
  const LoadResult again = LoadConfigText(Dump(*Load(all).model), "again.yaml");
  ASSERT_TRUE(again) << ToText(again.errors);
  EXPECT_EQ(again.model->sync.ipvs, expected);
}

TEST(Sync, RefusesWhatCannotBe) {
  for (const auto& [text, sentence] : std::vector<std::pair<std::string, std::string>>{
           {"{ role: backup }", "interface"},
           {"{ interface: a/b }", "network interface"},
           {"{ interface: averyveryverylongname }", "network interface"},
           {"{ interface: eth2, group: 10.0.0.1 }", "multicast address"},
           {"{ interface: eth2, ports: 3 }", "1, 2, 4"},
           {"{ interface: eth2, ports: 128 }", "1, 2, 4"},
           {"{ interface: eth2, syncid: 256 }", "0 to 255"},
           {"{ interface: eth2, maxlen: 43 }", "44"},
           {"{ interface: eth2, threshold: [3, 3] }", "[N, PERIOD]"},
           {"{ interface: eth2, threshold: 3 }", "[N, PERIOD]"},
           {"{ interface: eth2, retries: 4 }", "0 to 3"},
           {"{ interface: eth2, unknown_service: as-kernel }", "not supported by this version"},
           {"{ interface: eth2, thresholds: [3, 50] }", "threshold"},
           {"{ interface: eth2, peers: [224.0.0.1] }", "peers"}}) {
    EXPECT_NE(Refusal(text).find(sentence), std::string::npos) << text << ": " << Refusal(text);
  }
}

TEST(Sync, OtherKeysAreStillToCome) {
  const LoadResult loaded = LoadConfigText(kBase + std::string("sync: { peers: [] }\n"), "t.yaml");
  EXPECT_NE(ToText(loaded.errors).find("not supported by this version"), std::string::npos);
}

}  // namespace
}  // namespace fairlead::control::sync_test
