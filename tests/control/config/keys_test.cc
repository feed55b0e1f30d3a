// The keys that are declared in keys.h: all of them are read, written and inherited, and
// docs/configuration.md says of them what the declaration says.
#include "control/config/keys.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>
#include <vector>

#include "control/config/dump.h"
#include "control/config/health_keys.h"
#include "control/config/mail_keys.h"
#include "control/config/sync_keys.h"
#include "load_helpers.h"

namespace fairlead::control::keys_test {
namespace {

using Cells = std::vector<std::string>;

// The tables of the page, or of one of its sections: cells by the key of their row.
std::map<std::string, Cells> RowsUnder(const std::string& heading) {
  std::ifstream page(std::string(kSourceDir) + "/docs/configuration.md");
  std::map<std::string, Cells> rows;
  bool is_inside = false;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("#")) is_inside = line == heading;
    if (!is_inside || !line.starts_with("| `")) continue;
    Cells cells;
    std::string cell;
    for (size_t i = 2; i < line.size(); ++i) {
      if (line[i] != '|' || line[i - 1] == '\\') {
        cell += line[i];
        continue;
      }
      cells.push_back(cell.substr(0, cell.find_last_not_of(' ') + 1));
      cell.clear();
      ++i;  // the blank
    }
    rows[cells[0].substr(1, cells[0].size() - 2)] = cells;
  }
  return rows;
}

// `cell` says it, and may say more behind it.
bool Says(const std::string& cell, const std::string& what) {
  if (cell == what || cell == "`" + what + "`") return true;
  if (!cell.starts_with(what)) return false;
  return std::string_view(",.:; ").find(cell[what.size()]) != std::string_view::npos;
}

template <typename Config>
void ExpectDocumented(std::span<const ConfigKey<Config>> keys, const std::string& heading,
                      size_t effect = 3) {
  const auto rows = RowsUnder(heading);
  for (const ConfigKey<Config>& key : keys) {
    const auto row = rows.find(std::string(key.name));
    ASSERT_NE(row, rows.end()) << heading << " lacks " << key.name;
    const Cells& cells = row->second;
    ASSERT_GT(cells.size(), effect) << heading << " " << key.name;
    EXPECT_TRUE(Says(cells[1], RangeOf(key))) << key.name << " may be " << RangeOf(key);
    EXPECT_TRUE(Says(cells[2], DefaultOf(key))) << key.name << " is by default " << DefaultOf(key);
    EXPECT_TRUE(Says(cells[effect], std::string(key.effect))) << key.name << ": " << key.effect;
  }
}

TEST(Keys, TheDocumentationSaysWhatIsDeclared) {
  ExpectDocumented<TimeoutsConfig>(kTimeoutKeys, "### `timeouts`");
  const std::string policy = "## `policy`, and `policy` of a service";
  ExpectDocumented<ServicePolicy>(kServicePolicyKeys, policy, 4);
  ExpectDocumented<PolicyConfig>(kGlobalPolicyKeys, policy, 4);
  const auto rows = RowsUnder(policy);
  for (const auto& key : kServicePolicyKeys) EXPECT_EQ(rows.at(std::string(key.name))[3], "yes");
  for (const auto& key : kGlobalPolicyKeys) EXPECT_NE(rows.at(std::string(key.name))[3], "yes");
  ExpectDocumented<PersistenceConfig>(kPersistenceKeys, "### `persistence`");
  ExpectDocumented<HealthConfig>(kHealthKeys, "### `health`");
  ExpectDocumented<MailConfig>(kMailKeys, "## `mail`");
  ExpectDocumented<StreamConfig>(kStreamKeys, "## `sync`");
  ExpectDocumented<IpvsSyncConfig>(kIpvsSyncKeys, "### `sync.ipvs`");
}

// Every key, with another value than its default.
constexpr const char* kOtherValues = R"(
mail: { server: "10.0.0.25:465", from: lb@example.com, to: [ops@example.com, "1@2"], helo: lb,
  tls: starttls, sni: mail.example, verify: true, ca: /etc/ca.pem, user: "12",
  password_file: /etc/fairlead/mail.password }
client_groups: [ { name: campus, source: 10.9.0.0/16 } ]
sync: { name: one, peers: [ { name: two, address: 10.255.0.2 } ], listen: "10.255.0.1:9000",
  key_file: /etc/sync.key, ready_lag: 1s, ready_timeout: 1m }
defaults: { timeouts: { tcp: 16m, tcp_fin: 3m, udp: 6m, none: 3s, syn_sent: 3m, syn_recv: 2m,
  time_wait: 3m, close: 11s, close_wait: 2m, last_ack: 31s, listen: 3m, synack: 3m } }
policy: { am_droprate: 11, amemthresh: 11, announce: never, drop_entry: auto, no_listener: drop,
  kernel_routes: 11,
  cache_bypass: true, conn_reuse_mode: 2, drop_packet: always, expire_nodest_conn: true,
  expire_quiescent_template: true, lblc_expiration: 1h, lblcr_expiration: 2h, nat_icmp_send: true,
  pmtu_disc: false, schedule_icmp: true, secure_tcp: auto, sloppy_tcp: true,
  unknown_connections: schedule }
services:
  - mark: 1
    persistence: { timeout: 7m, netmask: 24, netmask6: 64, renew: step=90s, max_lifetime: 8h,
      rekey: 1h, netmasks: [ { source: 10.8.0.0/16, netmask: 20 } ], client_groups: [campus],
      group: web, spread: 2 }
    health: [ { type: http, path: /up, host: web.example, address: 10.0.0.1, port: 81,
      source: 10.0.0.2, expect: [200, 204], interval: 3s, retry_interval: 1s, timeout: 4s, fall: 4,
      rise: 3, initial: down, on_fail: remove, slow_start: 1m },
      { type: script, command: [/bin/check, "{address}"], sets_weight: true },
      { type: https, method: OPTIONS, expect_body: { contains: "ready" }, sni: web.example,
        ca: /etc/ca.pem, certificate: /etc/own.pem, key: /etc/own.key, min_tls: 1.3 },
      { type: tcp, port: 6379, tls: true, verify: false, send: 'PING\r\n', receive: +PONG },
      { type: tcp, port: 110, steps: [ { receive: { matches: '^\+OK' } },
        { send: "QUIT\r\n", receive: +OK } ] },
      { type: udp, port: 5060, needs_answer: true },
      { type: smtp, helo: lb.example }, { type: dns, name: web.example, record: AAAA },
      { type: mysql, user: probe, password_file: /etc/fairlead/mysql.password },
      { type: ldap, bind_dn: 'cn=probe,dc=example', password_file: /etc/fairlead/ldap.password },
      { type: grpc, port: 50051, service: shop.Cart } ]
)";

// One key taken over makes that key's difference, and all of them all of it.
template <typename Config>
void ExpectKeysMakeTheConfig(std::span<const ConfigKey<Config>> keys, const Config& other) {
  Config all;
  for (const ConfigKey<Config>& key : keys) {
    EXPECT_FALSE(key.is_equal(Config{}, other)) << "kOtherValues lacks " << key.name;
    Config one;
    key.assign(other, one);
    EXPECT_FALSE(one == Config{}) << key.name;
    EXPECT_TRUE(key.is_equal(one, other)) << key.name;
    key.assign(other, all);
  }
  EXPECT_TRUE(all == other) << "a member has no key";
}

TEST(Keys, EveryKeyIsReadWrittenAndTakenOver) {
  const LoadResult loaded = LoadConfigText(kBase + kOtherValues, "t.yaml");
  ASSERT_TRUE(loaded) << ToText(loaded.errors);
  const ConfigModel& model = *loaded.model;
  const ServiceConfig& service = model.services[0];
  ExpectKeysMakeTheConfig<TimeoutsConfig>(kTimeoutKeys, model.defaults.timeouts);
  ExpectKeysMakeTheConfig<ServicePolicy>(kServicePolicyKeys, model.policy.service);
  ExpectKeysMakeTheConfig<PersistenceConfig>(kPersistenceKeys, *service.persistence);
  // No type has all of them.
  HealthConfig health;
  for (const HealthConfig& check : service.health) {
    for (const HealthKey& key : kHealthKeys) {
      if (!key.is_equal(HealthConfig{}, check)) key.assign(check, health);
    }
  }
  ExpectKeysMakeTheConfig<HealthConfig>(kHealthKeys, health);
  ASSERT_TRUE(model.mail.has_value());
  MailConfig mail = *model.mail;
  mail.verify = false;  // which does not go with a CA
  ExpectKeysMakeTheConfig<MailConfig>(kMailKeys, mail);
  StreamConfig stream = model.sync.stream;
  stream.certificate = stream.key = stream.ca = "/x";  // which do not go with a key
  ExpectKeysMakeTheConfig<StreamConfig>(kStreamKeys, stream);
  PolicyConfig global = model.policy;
  global.service = {};
  ExpectKeysMakeTheConfig<PolicyConfig>(kGlobalPolicyKeys, global);
  EXPECT_EQ(service.timeouts, model.defaults.timeouts);
  EXPECT_EQ(service.policy, model.policy.service);
  const std::string text = Dump(model);
  const LoadResult again = LoadConfigText(text, "dump.yaml");
  ASSERT_TRUE(again) << ToText(again.errors) << text;
  EXPECT_EQ(*again.model, model) << text;
}

TEST(Keys, AChangedDefaultReachesWhoHadIt) {
  TimeoutsConfig old, now, own;
  now.tcp = 1h;
  now.udp = 1min;
  own.udp = 9s;
  const TimeoutsConfig inherited = Inherit(kTimeoutKeys, own, old, now);
  EXPECT_EQ(inherited.tcp, 1h);
  EXPECT_EQ(inherited.udp, 9s);
}

}  // namespace
}  // namespace fairlead::control::keys_test
