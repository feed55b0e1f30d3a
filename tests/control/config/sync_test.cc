// The section `sync`: every key read and written, and what is refused.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "control/config/config_loader.h"
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
      "persist_mode: true, unknown_service: as-kernel }";
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
  expected.unknown_service = UnknownService::kAsKernel;
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
           {"{ interface: eth2, unknown_service: keep }", "refuse or as-kernel"},
           {"{ interface: eth2, thresholds: [3, 50] }", "threshold"},
           {"{ interface: eth2, peers: [224.0.0.1] }", "peers"}}) {
    EXPECT_NE(Refusal(text).find(sentence), std::string::npos) << text << ": " << Refusal(text);
  }
}

// ---- between Fairlead directors

LoadResult LoadStream(const std::string& stream) {
  return LoadConfigText(
      kBase + std::string("director: { name: edge-1 }\nsync: { ") + stream + " }\n", "t.yaml");
}

TEST(SyncStream, ReadsEveryKey) {
  const LoadResult loaded = LoadStream(
      "name: a, peers: [ { name: b, address: 10.255.0.2 }, { name: c, address: "
      "\"[2001:db8::3]:99\" "
      "} ], listen: 10.255.0.1, certificate: /c.pem, key: /k.pem, ca: /ca.pem, ready_lag: 1s, "
      "ready_timeout: 1m");
  ASSERT_TRUE(loaded) << ToText(loaded.errors);
  const StreamConfig& stream = loaded.model->sync.stream;
  ASSERT_EQ(stream.peers.size(), 2U);
  EXPECT_EQ(stream.peers[0].address.ToString(), "10.255.0.2:8849");
  EXPECT_EQ(stream.peers[1].address.ToString(), "[2001:db8::3]:99");
  EXPECT_EQ(stream.listen.ToString(), "10.255.0.1:8849");
  EXPECT_EQ(stream.ready_lag, 1s);
  EXPECT_EQ(stream.ready_timeout, 1min);
  EXPECT_FALSE(loaded.model->sync.ipvs);
  const LoadResult again = LoadConfigText(Dump(*loaded.model), "again.yaml");
  ASSERT_TRUE(again) << ToText(again.errors);
  EXPECT_EQ(again.model->sync, loaded.model->sync);
}

TEST(SyncStream, MayGoInTheClearOverLoopbackAlone) {
  EXPECT_TRUE(LoadStream("peers: [ { name: b, address: \"127.0.0.2:1\" } ], listen: 127.0.0.1"));
  EXPECT_TRUE(LoadStream("peers: [ { name: b, address: \"::1\" } ], listen: \"::1\""));
  EXPECT_TRUE(LoadStream("peers: [ { name: b, address: 10.0.0.2 } ], key_file: /k"));
}

TEST(SyncStream, AFileIsOfNoFleet) {
  const std::string text = kBase + std::string("sync: { peers: fleet, listen: 127.0.0.1 }\n");
  const LoadResult as_document = LoadConfigText(text, "body");  // of PUT: it may be of a fleet
  ASSERT_TRUE(as_document) << ToText(as_document.errors);
  EXPECT_TRUE(as_document.model->sync.stream.has_fleet_peers);
  EXPECT_NE(Dump(*as_document.model).find("peers: fleet"), std::string::npos);
  const std::string path = testing::TempDir() + "fleet_peers_of_a_file.yaml";
  std::ofstream(path) << text;
  ConfigLoader loader;
  for (const LoadResult& loaded : {LoadConfig(path), loader.Load(path), loader.Load(path)}) {
    ASSERT_EQ(loaded.errors.size(), 1u);
    const std::string said = loaded.errors[0].ToString();
    EXPECT_EQ(said.find(path + ":"), 0u) << said;
    EXPECT_NE(said.find("start it by -c etcd://HOST:2379/PREFIX --name NAME"), std::string::npos)
        << said;
  }
  std::filesystem::remove(path);
}

TEST(SyncStream, RefusesWhatCannotBe) {
  const std::string peer = "peers: [ { name: b, address: 10.255.0.2 } ]";
  for (const auto& [text, sentence] : std::vector<std::pair<std::string, std::string>>{
           {peer, "need \"key_file\", or \"certificate\""},
           {"peers: [ { name: b, address: 127.0.0.2 } ]", "listens on a loopback address"},
           {"listen: 127.0.0.1, " + peer, "peers on loopback addresses alone"},
           {peer + ", key_file: /k, certificate: /c, key: /k, ca: /a", "leave one of the two out"},
           {peer + ", certificate: /c, key: /k", "needs the key \"ca\" beside it"},
           {peer + ", key: /k", "needs the key \"certificate\" beside it"},
           {peer + ", key_file: sync.key", "key_file"},
           {"key_file: /k, peers: [ { name: b } ]", "address"},
           {"key_file: /k, peers: [ { address: 10.0.0.2 } ]", "name"},
           {"key_file: /k, peers: [ { name: b, address: b.example } ]", "10.255.0.2:8849"},
           {"key_file: /k, peers: [ { name: b, address: \"10.0.0.2:0\" } ]", "10.255.0.2:8849"},
           {"key_file: /k, peers: [ { name: b, address: 224.0.0.1 } ]", "one director"},
           {"key_file: /k, peers: [ { name: b, address: 0.0.0.0 } ]", "one director"},
           {"key_file: /k, peers: [ { name: b, adress: 10.0.0.2 } ]", "address"},
           {"key_file: /k, peers: [ { name: edge-1, address: 10.0.0.2 } ]", "own name"},
           {"name: b, key_file: /k, " + peer, "own name"},
           {"key_file: /k, peers: [ { name: b, address: 10.0.0.2 }, { name: b, address: 10.0.0.3 } "
            "]",
            "another peer"},
           {"key_file: /k, peers: [ { name: b, address: 10.0.0.2 }, { name: c, address: 10.0.0.2 } "
            "]",
            "another peer"},
           {"key_file: /k, peers: { name: b, address: 10.0.0.2 }", "a list"},
           {"ready_lag: 1ms", "10ms"},
           {"ready_timeout: 2h", "1h"},
           {"peer: []", "did you mean \"peers\"?"}}) {
    const std::string errors = ToText(LoadStream(text).errors);
    EXPECT_NE(errors.find(sentence), std::string::npos) << text << ": " << errors;
  }
  for (const char* text : {"peers: fleets, key_file: /k", "peers: { fleet: 1 }, key_file: /k"}) {
    EXPECT_FALSE(LoadStream(text)) << text;
  }
  EXPECT_NE(ToText(LoadStream("peers: fleet").errors).find("need \"key_file\""), std::string::npos);
  std::string many = "key_file: /k, peers: [ ";
  for (int i = 1; i <= 16; ++i) {
    const std::string n = std::to_string(i);
    many += "{ name: p" + n + ", address: 10.0.0." + n + " }, ";
  }
  EXPECT_NE(ToText(LoadStream(many + "]").errors).find("at most 15 peers"), std::string::npos);
}

}  // namespace
}  // namespace fairlead::control::sync_test
