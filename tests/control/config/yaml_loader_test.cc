#include "control/config/yaml_loader.h"

#include <gtest/gtest.h>

#include "control/config/dump.h"
#include "control/config/names.h"
#include "load_helpers.h"

namespace fairlead::control::yaml_loader_test {
namespace {

ConfigModel Load(const std::string& yaml) {
  LoadResult result = LoadConfigText(yaml, "t.yaml");
  EXPECT_TRUE(result) << ToText(result.errors);
  return result.model.value_or(ConfigModel{});
}

TEST(YamlLoader, LeavesDefaultsWhereTheFileIsSilent) {
  const ConfigModel model = Load("version: 1\nports: [{ name: p, device: net_null0 }]\n");
  ConfigModel expected;
  expected.ports = {{.name = "p", .device = "net_null0"}};
  EXPECT_EQ(model, expected);
  EXPECT_EQ(model.api.listen[0].path, "/run/fairlead/api.sock");
}

// In JSON, which is YAML too, a size with its unit can only be written in quotes.
TEST(YamlLoader, TakesSizesInQuotesWhenTheyHaveAUnit) {
  const std::string begin = kBase + "director: { \"connections\": ";
  EXPECT_EQ(Load(begin + "\"64k\" }\n").director.connections, 65536u);
  EXPECT_EQ(ProblemsOf(begin + "\"65536\" }\n"),
            "t.yaml:5:28: director.connections: must be a number such as 64k or 4M from 1k to 1G, "
            "not \"65536\"; remove the quotes\n");
}

TEST(YamlLoader, ReadsTheDirector) {
  const DirectorConfig d =
      Load(kBase +
           "director: { name: edge-1, workers: [2, 3], idle: sleep, connections: 4M, templates: "
           "1M, hugepages: off, arena: none, telemetry: true, eal: [--no-pci] }\n")
          .director;
  EXPECT_EQ(d.name, "edge-1");
  EXPECT_EQ(d.workers.kind, WorkersConfig::Kind::kCores);
  EXPECT_EQ(d.workers.cores, (std::vector<uint32_t>{2, 3}));
  EXPECT_EQ(d.idle, IdlePolicy::kSleep);
  EXPECT_EQ(d.connections, 4u << 20);
  EXPECT_EQ(d.connections6, 1u << 20);  // a quarter
  EXPECT_EQ(d.templates, 1u << 20);
  EXPECT_EQ(d.side_records, 1u << 20);
  EXPECT_EQ(d.hugepages, AutoOnOff::kOff);
  EXPECT_TRUE(d.telemetry);
  EXPECT_EQ(d.eal, std::vector<std::string>{"--no-pci"});
  EXPECT_EQ(Load(kBase + "director: { workers: 2 }\n").director.workers.count, 2u);
  EXPECT_EQ(Load(kBase + "director: { workers: auto }\n").director.workers, WorkersConfig{});
}

TEST(YamlLoader, AServiceTakesDefaultsAndPolicyWhereverTheyStand) {
  const ConfigModel model =
      Load(kBase +
           "services:\n"
           "  - { address: 192.0.2.80, port: 80, protocol: tcp, reals: [{ address: 10.0.0.11 }] }\n"
           "  - address: 192.0.2.81\n"
           "    port: 53\n"
           "    protocol: udp\n"
           "    scheduler: sh\n"
           "    scheduler_flags: sh-port\n"
           "    forward: nat\n"
           "    timeouts: { udp: 30s }\n"
           "    policy: { sloppy_tcp: false, unknown_connections: schedule }\n"
           "    announce: always\n"
           "    reals: [{ address: 10.0.0.12, port: 5353, forward: nat }]\n"
           "defaults: { scheduler: mh, forward: dr, timeouts: { tcp: 1h } }\n"
           "policy: { sloppy_tcp: true, conn_reuse_mode: 2, announce: never, no_listener: drop,\n"
           "          unknown_connections: drop }\n");
  const ServiceConfig& web = model.services[0];
  EXPECT_EQ(web.name, "tcp-192.0.2.80-80");
  EXPECT_EQ(web.scheduler, SchedulerKind::kMh);
  EXPECT_EQ(web.forward, ForwardMethod::kDr);
  EXPECT_EQ(web.reals[0].forward, ForwardMethod::kDr);
  EXPECT_EQ(web.reals[0].port, 80);
  EXPECT_EQ(web.timeouts.tcp, 1h);
  EXPECT_TRUE(web.policy.sloppy_tcp);
  EXPECT_EQ(web.policy.unknown_connections, UnknownConnections::kDrop);
  EXPECT_EQ(web.announce, Announce::kNever);
  EXPECT_FALSE(web.persistence);
  const ServiceConfig& dns = model.services[1];
  EXPECT_EQ(dns.scheduler, SchedulerKind::kSh);
  EXPECT_TRUE(dns.scheduler_flags.port);
  EXPECT_EQ(dns.timeouts, (TimeoutsConfig{.tcp = 1h, .tcp_fin = 2min, .udp = 30s}));
  EXPECT_FALSE(dns.policy.sloppy_tcp);
  EXPECT_EQ(dns.policy.unknown_connections, UnknownConnections::kSchedule);
  EXPECT_EQ(dns.policy.conn_reuse_mode, 2);
  EXPECT_EQ(dns.announce, Announce::kAlways);
  EXPECT_EQ(dns.reals[0].port, 5353);
  EXPECT_EQ(model.policy.no_listener, NoListener::kDrop);
}

TEST(YamlLoader, ReadsUnderWhichNetmaskASchedulerHashes) {
  const ConfigModel model =
      Load(kBase +
           "services:\n"
           "  - { mark: 1, scheduler: mh, scheduler_flags: mh-netmask, netmask: 24 }\n"
           "  - { mark: 2, scheduler: sh, scheduler_flags: [sh-netmask, sh-fallback],\n"
           "      persistence: { netmask: 20 } }\n");
  EXPECT_TRUE(model.services[0].scheduler_flags.netmask);
  EXPECT_EQ(model.services[0].mask4, 0xffffff00u);
  EXPECT_TRUE(model.services[1].scheduler_flags.netmask);
  EXPECT_EQ(model.services[1].persistence->mask4, 0xfffff000u);
  EXPECT_EQ(Load(kBase + "services:\n  - { mark: 2 }\n").services[0].mask4, 0xffffffffu);
}

TEST(YamlLoader, ReadsTheEngine) {
  const ConfigModel model = Load(kBase +
                                 "services:\n"
                                 "  - { mark: 1, engine: sip, persistence: { timeout: 5m } }\n"
                                 "  - { mark: 2, engine: none }\n");
  EXPECT_EQ(model.services[0].engine, Engine::kSip);
  EXPECT_EQ(model.services[1].engine, Engine::kNone);
}

// The sysctl's number or the word; 2 is what Linux shows of an automatic mode that acts.
TEST(YamlLoader, ReadsDefenceModes) {
  const ConfigModel model = Load(
      kBase +
      "services:\n"
      "  - { mark: 1 }\n"
      "  - { mark: 2, policy: { drop_packet: always, secure_tcp: off, lblcr_expiration: 1h } }\n"
      "policy: { drop_entry: 3, drop_packet: 2, secure_tcp: auto, am_droprate: 4,"
      " amemthresh: 25 }\n");
  EXPECT_EQ(model.policy.drop_entry, DefenceMode::kAlways);
  EXPECT_EQ(model.policy.am_droprate, 4u);
  EXPECT_EQ(model.policy.amemthresh, 25);
  EXPECT_EQ(model.services[0].policy.drop_packet, DefenceMode::kAuto);
  EXPECT_EQ(model.services[0].policy.secure_tcp, DefenceMode::kAuto);
  EXPECT_EQ(model.services[0].policy.lblcr_expiration, 24h);
  EXPECT_EQ(model.services[1].policy.drop_packet, DefenceMode::kAlways);
  EXPECT_EQ(model.services[1].policy.secure_tcp, DefenceMode::kOff);
  EXPECT_EQ(model.services[1].policy.lblcr_expiration, 1h);
}

TEST(YamlLoader, ReadsAllOfPersistence) {
  const ConfigModel model = Load(kBase +
                                 "prefix_sets: { office: [203.0.113.0/24] }\n"
                                 "client_groups: [{ name: campus, source: '@office' }]\n"
                                 "services:\n"
                                 "  - mark: 1\n"
                                 "    timeouts: { syn_recv: 10s, last_ack: 5s }\n"
                                 "    persistence:\n"
                                 "      timeout: infinite\n"
                                 "      netmask: 24\n"
                                 "      renew: step=90s\n"
                                 "      max_lifetime: 12h\n"
                                 "      rekey: 10m\n"
                                 "      netmasks:\n"
                                 "        - { source: [10.0.0.0/8, '@office'], netmask: 32 }\n"
                                 "        - { source: 192.168.0.0/16, netmask6: 64 }\n"
                                 "      client_groups: campus\n"
                                 "      group: shop\n"
                                 "      spread: 3\n"
                                 "  - { mark: 2, persistence: { renew: after-last-close } }\n");
  const PersistenceConfig& p = *model.services[0].persistence;
  EXPECT_EQ(p.timeout, kInfinite);
  EXPECT_EQ(p.renew, Renew::kStep);
  EXPECT_EQ(p.step, 90s);
  EXPECT_EQ(p.max_lifetime, 12h);
  EXPECT_EQ(p.rekey, 10min);
  ASSERT_EQ(p.netmasks.size(), 2u);
  EXPECT_EQ(p.netmasks[0].source.sets, std::vector<std::string>{"office"});
  EXPECT_EQ(p.netmasks[0].mask4, 0xffffffffu);
  EXPECT_EQ(p.netmasks[1].mask4, 0xffffff00u) << "the service's";
  EXPECT_EQ(p.netmasks[1].prefix_length6, 64);
  EXPECT_EQ(p.client_groups, std::vector<std::string>{"campus"});
  EXPECT_EQ(p.group, "shop");
  EXPECT_EQ(p.spread, 3);
  EXPECT_EQ(model.services[0].timeouts.syn_recv, 10s);
  EXPECT_EQ(model.services[0].timeouts.last_ack, 5s);
  EXPECT_EQ(model.services[0].timeouts.close, 10s);
  EXPECT_EQ(model.services[1].persistence->renew, Renew::kAfterLastClose);
}

TEST(YamlLoader, ReadsMarkAndPortZeroServices) {
  const ConfigModel model =
      Load(kBase +
           "services:\n"
           "  - { mark: 2, persistence: { timeout: 30m, netmask: 24, netmask6: 64 }, forward: { "
           "method: tun, type: ipip }, reals: [{ address: 10.0.0.11 }] }\n"
           "  - { mark: 2, family: ipv6, reals: [{ address: '2001:db8::11' }] }\n"
           "  - { address: 192.0.2.81, port: 0, protocol: tcp, allow_any_port: true, persistence: "
           "{}, reals: [{ address: 10.0.0.21, weight: 0, state: drain }] }\n");
  EXPECT_EQ(model.services[0].name, "mark-2-v4");
  EXPECT_EQ(model.services[0].persistence,
            (PersistenceConfig{.timeout = 30min, .mask4 = 0xffffff00, .prefix_length6 = 64}));
  EXPECT_EQ(model.services[0].reals[0].forward, ForwardMethod::kTun);
  EXPECT_EQ(model.services[0].reals[0].port, 0);
  EXPECT_EQ(model.services[1].name, "mark-2-v6");
  EXPECT_EQ(model.services[2].name, "tcp-192.0.2.81-0");
  EXPECT_EQ(model.services[2].persistence, PersistenceConfig{});
  EXPECT_EQ(model.services[2].reals[0].state, AdminState::kDrain);
}

TEST(YamlLoader, ReadsRules) {
  const ConfigModel model = Load(
      kBase +
      "prefix_sets: { office: [198.51.100.0/24, '2001:db8:1::/48', 198.51.100.0/24] }\n"
      "classifier:\n"
      "  - { mark: 1, source: '@office', protocol: tcp, destination_port: [80, 8000-8999] }\n"
      "  - { name: scan, action: drop, destination: 192.0.2.80, source_port: 1-79, input_port: "
      "outside }\n");
  EXPECT_EQ(model.prefix_sets[0].prefixes.size(), 2u);
  const ClassifierRule& first = model.classifier[0];
  EXPECT_EQ(first.name, "rule-1");
  EXPECT_EQ(first.source.sets, std::vector<std::string>{"office"});
  EXPECT_TRUE(first.destination.is_any());
  EXPECT_EQ(first.destination_ports, (std::vector<PortRange>{{80, 80}, {8000, 8999}}));
  const ClassifierRule& scan = model.classifier[1];
  EXPECT_EQ(scan.action, RuleAction::kDrop);
  EXPECT_EQ(scan.mark, 0u);
  EXPECT_EQ(scan.destination.prefixes[0].ToString(), "192.0.2.80/32");
  EXPECT_EQ(scan.input_port, "outside");
}

TEST(YamlLoader, ReadsHealthAndFallback) {
  const ConfigModel model =
      Load(kBase +
           "services:\n"
           "  - address: 192.0.2.80\n"
           "    port: 80\n"
           "    protocol: tcp\n"
           "    health: { type: http, path: /health, host: a.example, expect: [200, 301-302], "
           "interval: 500ms, timeout: 500ms, fall: 1, rise: 1, on_fail: remove, port: 8080 }\n"
           "    fallback: { address: 10.0.0.99 }\n");
  const HealthConfig& health = model.services[0].health.at(0);
  EXPECT_EQ(health.expect, (std::vector<StatusRange>{{200, 200}, {301, 302}}));
  EXPECT_EQ(health.interval, 500ms);
  EXPECT_EQ(health.on_fail, OnFail::kRemove);
  EXPECT_EQ(health.port, 8080);
  EXPECT_EQ(model.services[0].fallback->port, 80);
}

TEST(YamlLoader, ReadsTheApiAndTheLog) {
  const ConfigModel model =
      Load(kBase +
           "api: { listen: ['unix:/tmp/x.sock', 'http://[::1]:9480'] }\nlog: { level: debug }\n");
  ASSERT_EQ(model.api.listen.size(), 2u);
  EXPECT_EQ(model.api.listen[0].path, "/tmp/x.sock");
  EXPECT_EQ(model.api.listen[1].endpoint.ToString(), "[::1]:9480");
  EXPECT_EQ(model.log.level, LogLevel::kDebug);
  EXPECT_TRUE(Load(kBase + "api: { listen: [] }\n").api.listen.empty());
}

TEST(YamlLoader, AListenerMayBeAMap) {
  const auto listen =
      Load(kBase +
           "api:\n"
           "  listen:\n"
           "    - { address: 'unix:/tmp/x.sock', group: www-data, mode: 0666, role: read }\n"
           "    - { address: 'http://127.0.0.1:1', tokens: /etc/t }\n"
           "    - { address: 'https://0.0.0.0:2', certificate: /etc/c, key: /etc/k, "
           "client_ca: /etc/a }\n"
           "    - 'https://[::]:2'\n"
           "  certificate: /etc/c1\n  key: /etc/k1\n  token_file: /etc/t1\n")
          .api.listen;
  ASSERT_EQ(listen.size(), 4u);
  EXPECT_EQ(listen[0].role, ApiRole::kRead);
  EXPECT_EQ(listen[0].group, "www-data");
  EXPECT_EQ(listen[0].mode, 0666);
  EXPECT_EQ(listen[1].kind, ApiListen::Kind::kHttp);
  EXPECT_EQ(listen[1].tokens, "/etc/t");
  EXPECT_EQ(listen[1].mode, 0660);
  EXPECT_EQ(listen[2].certificate, "/etc/c");
  EXPECT_EQ(listen[2].client_ca, "/etc/a");
  EXPECT_EQ(listen[2].tokens, "") << "one way in that a listener names keeps out the inherited one";
  EXPECT_EQ(listen[2].role, ApiRole::kAdmin);
  EXPECT_EQ(listen[3].kind, ApiListen::Kind::kHttps);
  EXPECT_EQ(listen[3].certificate, "/etc/c1");
  EXPECT_EQ(listen[3].key, "/etc/k1");
  EXPECT_EQ(listen[3].tokens, "/etc/t1");
}

TEST(YamlLoader, AListOfRevokedCertificatesGoesWithItsAuthority) {
  const auto listen =
      Load(kBase +
           "api:\n"
           "  listen:\n"
           "    - { address: 'https://[::]:1', client_ca: /etc/b, crl: /etc/r }\n"
           "    - { address: 'https://[::]:2', client_ca: /etc/b }\n"
           "    - { address: 'https://[::]:3', tokens: /etc/t }\n"
           "    - 'https://[::]:4'\n"
           "  certificate: /etc/c1\n  key: /etc/k1\n  client_ca: /etc/a1\n  crl: /etc/r1\n")
          .api.listen;
  ASSERT_EQ(listen.size(), 4u);
  EXPECT_EQ(listen[0].crl, "/etc/r");
  EXPECT_EQ(listen[1].crl, "") << "that of api is of another authority";
  EXPECT_EQ(listen[2].crl, "");
  EXPECT_EQ(listen[3].crl, "/etc/r1");
  EXPECT_NE(
      ProblemsOf(kBase + "api: { listen: [{ address: 'https://[::1]:2', certificate: /etc/c, key: "
                         "/etc/k, tokens: /etc/t, crl: /etc/r }] }\n")
          .find("api.listen[0]: crl names certificates that client_ca lets in no longer, and "
                "there is none"),
      std::string::npos);
}

TEST(YamlLoader, WhatIsDumpedOfAListenerLoadsAgain) {
  const ConfigModel model =
      Load(kBase +
           "api: { listen: [{ address: 'unix:/tmp/x.sock', group: a, mode: 0600, role: read }, "
           "{ address: 'https://[::1]:2', certificate: /etc/c, key: /etc/k, tokens: /etc/t }] }\n");
  const std::string text = Dump(model);
  EXPECT_NE(text.find("group: a, mode: \"0600\" }"), std::string::npos) << text;
  const LoadResult again = LoadConfigText(text, "again.yaml");
  ASSERT_TRUE(again) << ToText(again.errors);
  EXPECT_EQ(again.model->api, model.api);
}

TEST(YamlLoader, TheSocketOfIpvsMayBeAMap) {
  const ConfigModel model =
      Load(kBase + "api: { ipvs_socket: { path: /run/i.sock, group: lb, mode: 0666 } }\n");
  EXPECT_EQ(model.api.ipvs_socket.path, "/run/i.sock");
  EXPECT_EQ(model.api.ipvs_socket.group, "lb");
  EXPECT_EQ(model.api.ipvs_socket.mode, 0666);
  const std::string text = Dump(model);
  EXPECT_NE(text.find("ipvs_socket: { path: /run/i.sock, group: lb, mode: \"0666\" }"),
            std::string::npos)
      << text;
  const LoadResult again = LoadConfigText(text, "again.yaml");
  ASSERT_TRUE(again) << ToText(again.errors);
  EXPECT_EQ(again.model->api, model.api);
  EXPECT_EQ(Load(kBase + "api: { ipvs_socket: { path: /run/i.sock } }\n").api.ipvs_socket.mode,
            0660);
  EXPECT_EQ(ProblemsOf(kBase + "api: { ipvs_socket: { group: lb } }\n"),
            "t.yaml:5:21: api.ipvs_socket: the key \"path\" is missing\n");
  EXPECT_EQ(ProblemsOf(kBase + "api: { ipvs_socket: { path: i.sock, mode: 8, gruop: lb } }\n"),
            "t.yaml:5:29: api.ipvs_socket.path: must be an absolute path, or none, not \"i.sock\"\n"
            "t.yaml:5:43: api.ipvs_socket.mode: must be an octal mode such as 0660, at most 0777, "
            "not \"8\"\n"
            "t.yaml:5:46: api.ipvs_socket.gruop: unknown key; did you mean \"group\"?\n");
  EXPECT_EQ(
      ProblemsOf(kBase + "api: { ipvs_socket: { path: none, group: lb } }\n"),
      "t.yaml:5:42: api.ipvs_socket.group: is for a socket, and path: none means that there is "
      "none\n");
}

// A director with a socket of its own has the other beside it.
TEST(YamlLoader, TheSocketOfIpvsLiesBesideThatOfTheApi) {
  const auto socket = [](const std::string& api) { return Load(kBase + api).api.ipvs_socket.path; };
  EXPECT_EQ(socket(""), "/run/fairlead/ipvs.sock");
  EXPECT_EQ(socket("api: { listen: ['http://127.0.0.1:1', 'unix:/tmp/a/x.sock'] }\n"),
            "/tmp/a/ipvs.sock");
  EXPECT_EQ(socket("api: { listen: ['http://127.0.0.1:1'] }\n"), "");
  EXPECT_EQ(socket("api: { listen: ['unix:/tmp/ipvs.sock'] }\n"), "") << "that one is taken";
  EXPECT_EQ(socket("api: { listen: [], ipvs_socket: /tmp/i.sock }\n"), "/tmp/i.sock");
  EXPECT_EQ(socket("api: { ipvs_socket: none }\n"), "");
  EXPECT_EQ(Load(kBase).api.on_reload, OnReload::kUndo);
  EXPECT_EQ(Load(kBase + "api: { on_reload: keep }\n").api.on_reload, OnReload::kKeep);
  EXPECT_EQ(ProblemsOf(kBase + "api: { ipvs_socket: ipvs.sock }\n"),
            "t.yaml:5:21: api.ipvs_socket: must be an absolute path, or none, not \"ipvs.sock\"\n");
  EXPECT_NE(ProblemsOf(kBase + "api: { ipvs_socket: /" + std::string(107, 'x') + " }\n")
                .find("api.ipvs_socket: the socket path is longer than 107 bytes"),
            std::string::npos);
}

TEST(YamlLoader, WindowsLineEndsAreFine) {
  std::string text = kBase + "log: { level: debug }\n";
  for (size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += 2)
    text.insert(at, "\r");
  EXPECT_EQ(Load(text).log.level, LogLevel::kDebug);
}

TEST(Names, EveryWordGoesBothWays) {
  for (const auto& [kind, word] : kWords<SchedulerKind>) {
    EXPECT_EQ(ToWord(kind), word);
    EXPECT_EQ(FromWord<SchedulerKind>(word), kind);
  }
  EXPECT_EQ(FromWord<SchedulerKind>("WLC"), std::nullopt);
  EXPECT_EQ(WordList<PortRole>(), "outside, inside or both");
}

}  // namespace
}  // namespace fairlead::control::yaml_loader_test
