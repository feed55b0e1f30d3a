#include "control/model_diff.h"

#include <gmock/gmock.h>

#include "control/config/keys.h"
#include "director_fixture.h"

namespace fairlead::control::model_diff_test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* kBefore = R"(
services:
  - { name: web, address: 192.0.2.80, protocol: tcp, port: 80, scheduler: wlc,
      reals: [ { address: 10.0.0.11 }, { address: 10.0.0.12, weight: 1 } ] }
  - { name: mail, address: 192.0.2.80, protocol: tcp, port: 25, reals: [ { address: 10.0.0.11 } ] }
)";

TEST(ModelDiff, EqualModelsSayNothing) {
  EXPECT_THAT(DescribeChanges(ModelOf(kBefore), ModelOf(kBefore)), IsEmpty());
}

TEST(ModelDiff, NamesEveryChangeOfAService) {
  const ConfigModel after = ModelOf(R"(
services:
  - { name: web, address: 192.0.2.80, protocol: tcp, port: 80, scheduler: wrr, persistence: { timeout: 5m },
      reals: [ { address: 10.0.0.12, weight: 3 }, { address: 10.0.0.13, weight: 2 } ] }
  - { name: dns, address: 192.0.2.80, protocol: udp, port: 53, reals: [ { address: 10.0.0.11 } ] }
)");
  EXPECT_THAT(
      DescribeChanges(ModelOf(kBefore), after),
      ElementsAre("service web: scheduler wlc → wrr", "service web: persistence none → 300s",
                  "service web: real 10.0.0.11:80 removed",
                  "service web: real 10.0.0.12:80 weight 1 → 3",
                  "service web: real 10.0.0.13:80 added with weight 2",
                  "service dns: added with 1 real server", "service mail: removed"));
}

// A key that nobody has thought of here would change without a word.
TEST(ModelDiff, TellsOfEveryKeyOfPersistence) {
  const auto with = [](const std::string& persistence) {
    return ModelOf(
        "client_groups: [ { name: campus, source: 10.9.0.0/16 } ]\n"
        "services: [ { name: m, mark: 1, persistence: " +
        persistence + " } ]\n");
  };
  const ConfigModel before = with("{}");
  const ConfigModel other = with(
      "{ timeout: 7m, netmask: 24, netmask6: 64, renew: fixed, max_lifetime: 8h, rekey: 1h, "
      "netmasks: [ { source: 10.8.0.0/16, netmask: 20 } ], client_groups: [campus], group: web, "
      "spread: 2 }");
  for (const auto& key : kPersistenceKeys) {
    ConfigModel after = before;
    PersistenceConfig& persistence = *after.services.Edit(0).persistence;
    key.assign(*other.services[0].persistence, persistence);
    EXPECT_EQ(DescribeChanges(before, after).size(), 1u) << key.name;
  }
}

TEST(ModelDiff, SaysHowFullnatDiffers) {
  const auto with = [](const std::string& rest) {
    return ModelOf(
        "prefix_sets: { pool: [10.0.2.0/28] }\nservices: [ { name: m, mark: 1, forward: { "
        "method: fullnat, local_addresses: " +
        rest + " }, reals: [ { address: 10.0.0.11 } ] } ]\n");
  };
  EXPECT_THAT(DescribeChanges(with("[10.0.1.0/28, '@pool']"), with("[10.0.1.0/28, '@pool']")),
              IsEmpty());
  EXPECT_THAT(DescribeChanges(with("[10.0.1.0/28, '@pool']"), with("'@pool', client_address: toa")),
              ElementsAre("service m: real 10.0.0.11:0 forward fullnat:10.0.1.0/28,@pool:none → "
                          "fullnat:@pool:toa"));
}

TEST(ModelDiff, NamesEveryChangeOfTheStreamBetweenDirectors) {
  const auto at = [](const char* address) { return Endpoint{Ip(address), Be16::FromHost(8849)}; };
  ConfigModel before;
  StreamConfig& old = before.sync.stream;
  old.peers = {{"edge-2", at("10.255.0.2")}, {"edge-3", at("10.255.0.3")}};
  old.key_file = "/etc/fairlead/sync.key";
  ConfigModel after = before;
  StreamConfig& stream = after.sync.stream;
  stream.peers = {{"edge-2", at("10.255.0.9")}, {"edge-4", at("10.255.0.4")}};
  stream.name = "edge-1";
  stream.listen = at("10.255.0.1");
  stream.key_file.clear();
  stream.certificate = "c.pem";
  stream.key = "k.pem";
  stream.ca = "ca.pem";
  stream.ready_lag = std::chrono::seconds(2);
  stream.ready_timeout = std::chrono::seconds(60);
  EXPECT_THAT(
      DescribeChanges(before, after),
      ElementsAre("sync: peer edge-3 removed",
                  "sync: peer edge-2 address 10.255.0.2:8849 → 10.255.0.9:8849",
                  "sync: peer edge-4 added at 10.255.0.4:8849", "sync.name none → edge-1",
                  "sync.listen 0.0.0.0:8849 → 10.255.0.1:8849",
                  "sync.key_file /etc/fairlead/sync.key → none", "sync.certificate none → c.pem",
                  "sync.key none → k.pem", "sync.ca none → ca.pem", "sync.ready_lag 500ms → 2s",
                  "sync.ready_timeout 30s → 60s"));
  EXPECT_THAT(DescribeChanges(before, before), IsEmpty());
}

TEST(ModelDiff, SaysThatTheStreamIsOff) {
  ConfigModel before;
  before.sync.stream.peers = {{"edge-2", {Ip("10.255.0.2"), Be16::FromHost(8849)}}};
  EXPECT_THAT(DescribeChanges(before, ConfigModel{}),
              ElementsAre("sync: peer edge-2 removed",
                          "sync: off; no director is told of connections any more"));
}

TEST(ModelDiff, SaysThatThePeersAreThoseOfTheFleet) {
  ConfigModel before, after;
  before.sync.stream.peers = {{"edge-2", {Ip("10.255.0.2"), Be16::FromHost(8849)}}};
  after.sync.stream.has_fleet_peers = true;
  EXPECT_THAT(DescribeChanges(before, after),
              ElementsAre("sync: peer edge-2 removed", "sync.peers listed → fleet"));
  EXPECT_THAT(DescribeChanges(after, ConfigModel{}),
              ElementsAre("sync.peers fleet → listed",
                          "sync: off; no director is told of connections any more"));
}

TEST(ModelDiff, ChangedOrderOfRealsIsAChange) {
  const ConfigModel after = ModelOf(R"(
services:
  - { name: web, address: 192.0.2.80, protocol: tcp, port: 80, scheduler: wlc,
      reals: [ { address: 10.0.0.12, weight: 1 }, { address: 10.0.0.11 } ] }
  - { name: mail, address: 192.0.2.80, protocol: tcp, port: 25, reals: [ { address: 10.0.0.11 } ] }
)");
  EXPECT_THAT(DescribeChanges(ModelOf(kBefore), after),
              ElementsAre("service web: order of its reals changed"));
}

TEST(ModelDiff, WordsAreGivenBeforeAndAfter) {
  const auto of = [](const std::string& keys, const std::string& more = "") {
    return ModelOf(
        "services:\n  - { name: web, address: 192.0.2.80, protocol: tcp, port: 80, reals: "
        "[ { address: 10.0.0.11 } ]" +
        keys + " }\n" + more);
  };
  EXPECT_THAT(
      DescribeChanges(of(", on_remove: hold, health: { type: tcp }"),
                      of(", on_remove: reset, announce: never, "
                         "policy: { sloppy_tcp: true, lblc_expiration: 1h }, "
                         "health: [ { type: tcp }, { type: http } ]")),
      ElementsAre("service web: policy.lblc_expiration 1d → 1h",
                  "service web: policy.sloppy_tcp false → true",
                  "service web: announce always → never", "service web: on_remove hold → reset",
                  "service web: health tcp → tcp,http"));
  EXPECT_THAT(DescribeChanges(of(", health: { type: tcp, fall: 3 }"),
                              of(", on_remove: drain, health: { type: tcp, fall: 2 }")),
              ElementsAre("service web: on_remove unset → drain", "service web: health changed"));
  EXPECT_THAT(DescribeChanges(of("", "policy: { am_droprate: 5 }\n"), of("")),
              ElementsAre("policy.am_droprate 5 → 10"));
}

TEST(ModelDiff, StartupKeysKeepTheirRunningValues) {
  const ConfigModel running = ModelOf("director: { workers: 1 }\n");
  ConfigModel loaded = ModelOf("director: { workers: 2, connections: 2M }\n");
  const auto waiting = KeepStartupKeys(running, &loaded);
  EXPECT_EQ(loaded.director, running.director);
  ASSERT_EQ(waiting.size(), 5u);  // three other capacities follow connections
  EXPECT_EQ(waiting[0],
            "director.side_records is 256k, and the file wants 512k: it takes effect at the next "
            "restart");
  EXPECT_EQ(waiting[1],
            "director.workers has changed in the file: it takes effect at the next restart");
  EXPECT_THAT(KeepStartupKeys(running, &loaded), IsEmpty());
}

TEST(ModelDiff, AFirstFullnatServiceWantsMoreSideRecordsAfterARestart) {
  const ConfigModel running = ModelOf("");
  ConfigModel loaded = ModelOf(
      "services: [{ address: 192.0.2.80, port: 80, protocol: tcp, forward: { method: fullnat, "
      "local_addresses: 10.0.0.64/30 }, reals: [{ address: 10.0.0.11 }] }]\n");
  EXPECT_EQ(KeepStartupKeys(running, &loaded),
            std::vector<std::string>{
                "director.side_records is 256k, and the file wants 1M, since each FULLNAT "
                "connection takes one: it takes effect at the next restart"});
  EXPECT_EQ(loaded.director, running.director);
  EXPECT_THAT(KeepStartupKeys(running, &loaded), IsEmpty());
}

TEST(ModelDiff, SideRecordsThatTheFileSaysHaveNoOtherReason) {
  const ConfigModel running = ModelOf("");
  ConfigModel loaded = ModelOf("director: { side_records: 1M }\n");
  EXPECT_EQ(KeepStartupKeys(running, &loaded),
            std::vector<std::string>{"director.side_records is 256k, and the file wants 1M: it "
                                     "takes effect at the next restart"});
  EXPECT_EQ(loaded.director, running.director);
}

constexpr const char* kTwo = R"(
services:
  - { name: web, address: 192.0.2.80, protocol: tcp, port: 80, scheduler: rr,
      reals: [ { address: 10.0.0.11 }, { address: 10.0.0.12 } ] }
  - { name: shop, address: 192.0.2.81, protocol: tcp, port: 80, reals: [ { address: 10.0.0.11 } ] }
)";

// `running` came of `file` by hand.
std::string Lost(const char* file, const char* running, const char* loaded) {
  const Losses losses = LossesOf(ModelOf(file), ModelOf(running), ModelOf(loaded));
  std::string text;
  for (const std::string& edit : losses.edits) text += edit + "; ";
  for (const std::string& service : losses.services) text += "- " + service + "; ";
  return text;
}

TEST(Losses, ChangesByHandThatTheFileDoesNotHave) {
  constexpr const char* kEdited = R"(
services:
  - { name: web, address: 192.0.2.80, protocol: tcp, port: 80, scheduler: wrr,
      reals: [ { address: 10.0.0.11, weight: 5 } ] }
  - { name: shop, address: 192.0.2.81, protocol: tcp, port: 80, reals: [ { address: 10.0.0.11 } ] }
  - { name: new, address: 192.0.2.82, protocol: tcp, port: 80 }
)";
  EXPECT_EQ(Lost(kTwo, kEdited, kTwo),
            "service web: scheduler rr → wrr; service web: real 10.0.0.12:80 removed; "
            "service web: real 10.0.0.11:80 weight 1 → 5; "
            "service new: added with 0 real servers; - new; ");
  EXPECT_EQ(Lost(kTwo, kEdited, kEdited), "");  // it has them all
  EXPECT_EQ(Lost(kTwo, kTwo, kEdited), "");     // it only brings
  // It has another weight of its own: what was done by hand is gone all the same.
  constexpr const char* kOther = R"(
services:
  - { name: web, address: 192.0.2.80, protocol: tcp, port: 80, scheduler: wrr,
      reals: [ { address: 10.0.0.11, weight: 9 } ] }
  - { name: new, address: 192.0.2.82, protocol: tcp, port: 80 }
)";
  EXPECT_EQ(Lost(kTwo, kEdited, kOther), "service web: real 10.0.0.11:80 weight 1 → 5; - shop; ");
}

TEST(ModelDiff, NamesRulesOfSourceNat) {
  const ConfigModel before = ModelOf(R"(
snat:
  - { source: 10.0.0.0/24, output: outside, addresses: [192.0.2.3] }
  - { source: 10.0.1.0/24, addresses: [192.0.2.3] }
)");
  const ConfigModel after = ModelOf(R"(
snat:
  - { source: 10.0.2.0/24, addresses: [192.0.2.3, 192.0.2.4] }
  - { source: 10.0.1.0/24, addresses: [192.0.2.4] }
)");
  EXPECT_THAT(DescribeChanges(before, after),
              ElementsAre("snat 10.0.0.0/24 output outside: removed",
                          "snat 10.0.2.0/24: added with 2 addresses",
                          "snat 10.0.1.0/24: new flows get other addresses or ports"));
  EXPECT_THAT(DescribeChanges(before, before), IsEmpty());
}

}  // namespace
}  // namespace fairlead::control::model_diff_test
