// The `fairlead` program, run as a user runs it, against a director that is not there, or fake.
#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <filesystem>
#include <fstream>

#include "dataplane/tables/tcp_state.h"
#include "run_cli.h"

namespace fairlead::testing::cli_test {
namespace {

namespace json = boost::json;

TEST_F(CliTest, UsageErrorsExitWith2) {
  for (const char* words :
       {"", "statsu", "real set web 10.0.0.11", "real set web", "connection flush",
        "template flush", "real set web 10.0.0.11 --weight 70000", "-o xml status",
        "explain 1.2.3.4", "--api ftp://x status", "connection count --by colour"}) {
    const Outcome outcome = RunAt(words);
    EXPECT_EQ(outcome.exit_code, 2) << words;
    EXPECT_NE(outcome.err, "") << words;
  }
}

TEST_F(CliTest, HelpAndVersion) {
  EXPECT_EQ(RunAt("--version").out, "fairlead " FAIRLEAD_VERSION "\n");
  const Outcome help = RunAt("--help");
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_NE(help.out.find("explain"), std::string::npos);
  EXPECT_NE(help.out.find("Exit codes: 0 done"), std::string::npos);
}

TEST_F(CliTest, UnreachableDirectorExitsWith3AndSaysWhere) {
  const std::string socket = "unix:" + director.directory() + "/nobody.sock";
  const Outcome outcome = RunAt("--api " + socket + " status");
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_EQ(outcome.err,
            "fairlead: The director cannot be reached at " + socket +
                ": No such file or directory. Is fairleadd running? Name another address with "
                "--api unix:PATH or --api http://HOST:PORT, or set FAIRLEAD_API\n");
  EXPECT_EQ(RunAt("--api http://127.0.0.1:1 status").exit_code, 3);
}

TEST_F(CliTest, AddressComesFromTheEnvironmentToo) {
  Start();
  ::setenv("FAIRLEAD_API", server->addresses()[1].c_str(), 1);
  const Outcome outcome = RunAt("service list");
  ::unsetenv("FAIRLEAD_API");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
}

TEST_F(CliTest, ServiceList) {
  Start();
  EXPECT_EQ(Good("service list"),
            "SERVICE  FOR                SCHEDULER   PERSISTENCE  REALS UP  ACTIVE  INACTIVE  "
            "TEMPLATES  CONNECTIONS         IN      OUT\n"
            "web      tcp 192.0.2.10:80  wlc         -                 1/2       8         2"
            "          0         1057  726.0 KiB  5.1 MiB\n"
            "shop     mark 2 ipv4        sh sh-port  30m00s /24        1/1       0         0"
            "          4          243  166.1 KiB  1.2 MiB\n");
}

TEST_F(CliTest, NeighbourList) {
  control::NeighbourInfo reachable{.port = PortId{1},
                                   .address = Ip("10.0.0.11"),
                                   .mac = *MacAddress::Parse("02:00:00:00:00:11"),
                                   .state = dataplane::NeighbourState::kReachable,
                                   .is_pinned = true,
                                   .is_seen_by_workers = true,
                                   .age = std::chrono::milliseconds(12'300)};
  control::NeighbourInfo silent{.port = PortId{0},
                                .address = Ip("2001:db8:1234:5678:9abc:def0:1234:5678"),
                                .mac = {},
                                .state = dataplane::NeighbourState::kFailed,
                                .is_seen_by_workers = true,
                                .age = {}};
  director.neighbours = {silent, reachable};
  Start();
  EXPECT_EQ(
      Good("neighbour list"),
      "PORT     ADDRESS                                 MAC                STATE      AGE  USE\n"
      "outside  2001:db8:1234:5678:9abc:def0:1234:5678  -                  failed       -  "
      "learned\n"
      "inside   10.0.0.11                               02:00:00:00:00:11  reachable  12s  next "
      "hop\n");
  const json::value answer = json::parse(Good("-o json neighbour list"));
  EXPECT_EQ(answer.at("neighbours").at(1).at("age_ms").to_number<int>(), 12'300);
  EXPECT_TRUE(answer.at("neighbours").at(0).at("mac").is_null());
  EXPECT_TRUE(answer.at("neighbours").at(1).at("workers_agree").as_bool());
}

TEST_F(CliTest, PortList) {
  Start([](PortId) { return api::PortStats{.rx_packets = 5, .rx_missed = 2, .tx_errors = 1}; });
  EXPECT_EQ(Good("port list"),
            "PORT     DEVICE             LINK                             DOWNS  ROLE     "
            "KERNEL TWIN   MTU  RECEIVED  SENT  LOST  STEERING\n"
            "outside  net_af_packet0 d0  DOWN since 2026-09-21T14:13:20Z      2  outside  "
            "fl-outside   1500         5     0     3  rss\n"
            "inside   net_af_packet0 d0  up 10000 full                        0  inside   "
            "-            1500         5     0    12  rss\n"
            "port outside: steering rss: the port does not hash one side only\n"
            "port inside: steering rss: the port does not hash one side only\n"
            "\n"
            "MEMBER OF  DEVICE          LINK  IN USE\n"
            "outside    net_af_packet0  DOWN  no\n");
  const std::string all = Good("port list --counters");
  EXPECT_NE(all.find("COUNTER OF inside  VALUE\nrx_q0_packets         41\n"), std::string::npos)
      << all;
  EXPECT_EQ(all.find("rx_q0_errors"), std::string::npos) << "a zero says nothing\n" << all;
}

TEST_F(CliTest, ServiceShow) {
  Start();
  const std::string text = Good("service show web");
  for (const char* words : {"web: tcp 192.0.2.10:80", "persistence  none", "DOWN",
                            "down: connection refused", "0 (1)", "up: HTTP 200 in 3 ms"}) {
    EXPECT_NE(text.find(words), std::string::npos) << words << " in\n" << text;
  }
  const std::string shop = Good("service show shop");
  EXPECT_NE(shop.find("10.0.0.99:0 (fallback)"), std::string::npos) << shop;
  EXPECT_NE(shop.find("standby"), std::string::npos) << shop;
  EXPECT_NE(shop.find("removed"), std::string::npos) << shop;
}

// What an operator must not take for well.
TEST_F(CliTest, ListsSayWhatTheStateAloneHides) {
  control::ControlView view = MakeView();
  control::ServiceInfo& web = view.services.Edit(0);
  web.has_quorum = false;
  web.living_weight = 0;
  web.reals[0].checks[0].facts.problem = "/etc/ca.pem: No such file or directory";
  web.reals[1].health = control::HealthState::kUp;
  web.reals[1].checks[0].facts.wanted = control::AdminState::kQuiesce;
  director.SetView(std::move(view));
  Start();
  EXPECT_NE(Good("service list").find("2/2 QUORUM LOST"), std::string::npos)
      << Good("service list");
  const std::string shown = Good("service show web");
  for (const char* words :
       {"QUORUM LOST: a weight of 0 is up, of a quorum of 1; new connections are refused",
        "; NOT ASKED: /etc/ca.pem: No such file or directory", "quiesce (agent)"}) {
    EXPECT_NE(shown.find(words), std::string::npos) << words << " in\n" << shown;
  }
}

TEST_F(CliTest, RealListAndChanges) {
  Start();
  EXPECT_NE(Good("real list").find("shop     10.0.0.11:0"), std::string::npos) << Good("real list");
  EXPECT_EQ(
      Good("real set web 10.0.0.11 --weight 9"),
      "10.0.0.11:80 of web: up, weight 9, 8 active and 2 inactive connections, 0 templates\n");
  EXPECT_EQ(Good("real quiesce web 10.0.0.11:80"),
            "10.0.0.11:80 of web: quiesce, weight 0 (9), 8 active and 2 inactive connections, 0 "
            "templates\n");
  EXPECT_EQ(Good("real enable web 10.0.0.11:80").substr(0, 24), "10.0.0.11:80 of web: up,");
  const Outcome wrong = Run("real disable web 10.0.0.77:80");
  EXPECT_EQ(wrong.exit_code, 1);
  EXPECT_EQ(wrong.err,
            "fairlead: There is no real \"10.0.0.77:80\" in service \"web\"; did you mean "
            "\"10.0.0.11:80\"?\n");
}

TEST_F(CliTest, ConnectionsAndTemplates) {
  dataplane::ConnectionRow row;
  row.protocol = 6;
  row.state = static_cast<uint8_t>(dataplane::TcpState::kEstablished);
  row.virtual_endpoint = At("192.0.2.10:80");
  row.real_endpoint = At("10.0.0.11:80");
  row.real = RealId{0};
  row.service = ServiceId{0};
  row.remaining = TicksFromSeconds(899);
  row.packets = 12;
  for (int i = 1; i <= 8; ++i) {
    row.client = At("198.51.100." + std::to_string(i) + ":40000");
    director.connections[i % 2].push_back(row);
  }
  dataplane::TemplateRow bound;
  bound.client = Ip("198.51.100.0");
  bound.service = ServiceId{1};
  bound.real = RealId{2};
  bound.children = 2;
  bound.is_assured = true;
  bound.client_prefix_length = 24;
  bound.client_mask = Be32::FromHost(0xffffff00);
  bound.remaining = TicksFromSeconds(100);
  bound.timeout = TicksFromSeconds(1800);
  director.templates[1].push_back(bound);
  Start();
  EXPECT_EQ(Good("connection list --client 198.51.100.2"),
            "PROTOCOL  STATE        CLIENT              VIRTUAL        REAL          SERVICE  "
            "FORWARD  PACKETS  EXPIRES\n"
            "tcp       ESTABLISHED  198.51.100.2:40000  192.0.2.10:80  10.0.0.11:80  web      "
            "nat           12   14m59s\n");
  EXPECT_EQ(
      Good("template list"),
      "CLIENT           FOR     SERVICE  REAL         CONNECTIONS  STATE    EXPIRES      OF\n"
      "198.51.100.0/24  mark 2  shop     10.0.0.11:0            2  assured    1m40s  30m00s\n");
  const json::value listed = json::parse(Good("-o json connection list"));
  EXPECT_EQ(listed.at("connections").as_array().size(), 8u);
  EXPECT_FALSE(listed.at("more").as_bool());
  const Outcome cut = Run("connection list --limit 3");
  EXPECT_EQ(cut.exit_code, 0);
  EXPECT_NE(cut.err.find("there are more than 3"), std::string::npos);
  EXPECT_EQ(
      Good("connection count --by real"),
      "REAL          OPEN  CLOSING\n10.0.0.11:80     8        0\n(all)            8        0\n");
  EXPECT_EQ(Good("connection flush --client 198.51.100.2"), "1 connection flushed\n");
  EXPECT_EQ(Good("connection flush --all"), "7 connections flushed\n");
  EXPECT_EQ(Good("template flush --service shop"), "1 template flushed\n");
}

// A client that opened and closed seven has one connection: what waits in TIME_WAIT is no use of
// the service.
TEST_F(CliTest, CountsAreOfOpenConnections) {
  using dataplane::TcpState;
  dataplane::ConnectionRow row;
  row.protocol = 6;
  row.real = RealId{0};
  row.service = ServiceId{0};
  const TcpState closing[] = {TcpState::kTimeWait, TcpState::kFinWait,   TcpState::kClose,
                              TcpState::kLastAck,  TcpState::kCloseWait, TcpState::kTimeWait,
                              TcpState::kTimeWait};
  row.client = At("198.51.100.1:40000");
  for (const TcpState state : closing) {
    row.state = static_cast<uint8_t>(state);
    director.connections[0].push_back(row);
  }
  for (const TcpState state : {TcpState::kEstablished, TcpState::kSynRecv}) {
    row.state = static_cast<uint8_t>(state);
    row.client = At("198.51.100.2:40000");
    director.connections[1].push_back(row);
  }
  row.protocol = 17;
  row.state = 0;
  row.client = At("198.51.100.1:53");
  director.connections[1].push_back(row);
  Start();
  EXPECT_EQ(Good("connection count"), "3\n");
  EXPECT_EQ(Good("connection count --all"), "10\n");
  EXPECT_EQ(Good("connection count --state time_wait"), "3\n");
  EXPECT_EQ(Good("connection count --by client"),
            "CLIENT        OPEN  CLOSING\n"
            "198.51.100.2     2        0\n"
            "198.51.100.1     1        7\n"
            "(all)            3        7\n");
  EXPECT_EQ(Good("connection count --by client --all --top 1"),
            "CLIENT        CONNECTIONS\n"
            "198.51.100.1            8\n"
            "(others)                2\n"
            "(all)                  10\n");
  EXPECT_NE(Good("connection count --by state").find("TIME_WAIT              3\n"),
            std::string::npos);
  const json::value document = json::parse(Good("-o json connection count --by client"));
  EXPECT_EQ(document.at("connections").as_int64(), 10);
  EXPECT_EQ(document.at("open").as_int64(), 3);
}

TEST_F(CliTest, TemplatesArePinnedAndUnpinned) {
  Start();
  EXPECT_EQ(Good("template pin shop 192.0.2.7 10.0.0.11"),
            "192.0.2.0/24 of service shop is pinned to 10.0.0.11:0 until it is unpinned\n");
  EXPECT_EQ(Good("template pin shop 192.0.3.0/24 10.0.0.11:0 --ttl 8h"),
            "192.0.3.0/24 of service shop is pinned to 10.0.0.11:0 for 8h00m\n");
  EXPECT_NE(Good("template list --pinned").find("pinned    never  never"), std::string::npos)
      << Good("template list --pinned");
  EXPECT_EQ(Good("template retime --service shop"), "2 templates retimed\n");
  EXPECT_EQ(Good("template flush --all"), "0 templates flushed\n");
  EXPECT_EQ(Good("template unpin --client 192.0.2.0/24"), "1 template unpinned\n");
  EXPECT_EQ(Good("template unpin --all"), "1 template unpinned\n");
  EXPECT_EQ(Run("template pin shop 192.0.0.0/16 10.0.0.11").exit_code, 1);
  const Outcome narrow = Run("template pin shop 192.0.2.9/32 10.0.0.11");
  EXPECT_EQ(narrow.exit_code, 1);
  EXPECT_EQ(narrow.err,
            "fairlead: client: service shop takes 192.0.2.0/24 for one client, not 192.0.2.9/32; "
            "give an address to pin the client that it belongs to\n");
  EXPECT_EQ(RunAt("template pin shop 192.0.2.7").exit_code, 2);
  EXPECT_EQ(RunAt("template unpin").exit_code, 2);
}

TEST_F(CliTest, Explain) {
  director.explain = [](WorkerId, const dataplane::ExplainQuestion& q,
                        dataplane::ExplainAnswer* answer) {
    EXPECT_EQ(q.protocol, 17);
    namespace step = dataplane::step;
    answer->Add(step::ServiceFound{.service = ServiceId{0},
                                   .found_by = dataplane::FoundBy::kAddressAndPort});
    answer->Add(step::Candidate{.real = RealId{0}, .weight = 2});
    answer->Add(step::Scheduled{.real = RealId{0}});
    answer->verdict = dataplane::ExplainVerdict::kForward;
    answer->service = ServiceId{0};
    answer->real = RealId{0};
  };
  Start();
  EXPECT_EQ(Good("explain 198.51.100.7:4242 192.0.2.10:80/udp"),
            "udp from 198.51.100.7:4242 to 192.0.2.10:80 goes to 10.0.0.11:80 of service web: the "
            "scheduler chooses it.\n\n"
            "  1.  Service web takes it: address, port and protocol are exactly its own.\n"
            "      10.0.0.11:80: weight 2, 0 active connections, 0 inactive: may be chosen.\n"
            "  2.  Scheduler wlc chooses 10.0.0.11:80.\n");
  const std::string fragments = Good("explain --fragments 198.51.100.7 192.0.2.10:80/udp");
  EXPECT_NE(fragments.find("chooses it.\nThe first fragment of a datagram goes this way by the "
                           "flow's owner."),
            std::string::npos)
      << fragments;
  EXPECT_EQ(Run("explain nonsense 192.0.2.10:80").exit_code, 1);
}

TEST_F(CliTest, ExplainOfALaterPacket) {
  director.explain = [](WorkerId, const dataplane::ExplainQuestion& q,
                        dataplane::ExplainAnswer* answer) {
    if (q.is_later) answer->Add(dataplane::step::UnknownConnection{});
    answer->is_reset = true;
    answer->verdict = dataplane::ExplainVerdict::kRefused;
  };
  Start();
  EXPECT_EQ(Good("explain --later 198.51.100.7:4242 192.0.2.10:80"),
            "tcp from 198.51.100.7:4242 to 192.0.2.10:80 is refused: the client is answered with a "
            "TCP RST.\n\n"
            "  1.  The packet is no SYN, and its connection is not here. As "
            "policy.unknown_connections is reset, it is answered as on a closed port "
            "(not_a_syn).\n");
}

TEST_F(CliTest, ReloadShowsChangesOrErrors) {
  director.SetReloadOutcome({.ok = true,
                             .generation = 8,
                             .errors = {},
                             .changes = {"service web: real 10.0.0.12:80 weight 1 → 3"}});
  Start();
  EXPECT_EQ(Good("reload"),
            "generation 8: 1 change\n  service web: real 10.0.0.12:80 weight 1 → 3\n");
  director.SetReloadOutcome({.ok = false,
                             .generation = 7,
                             .errors = {{ErrorCode::kInvalid, "unknown key", "a.yaml:9:1"}},
                             .changes = {}});
  std::ofstream(director.directory() + "/a.yaml") << "version: 1\n";
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(director.directory());
  const Outcome refused = Run("reload a.yaml");
  std::filesystem::current_path(before);
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_EQ(refused.err,
            "fairlead: The configuration has an error; what runs was not touched\n"
            "a.yaml:9:1: unknown key\n");
  EXPECT_EQ(director.last_reload_path(), director.directory() + "/a.yaml");
  EXPECT_EQ(director.reloads, 2u) << "the director has to know that it was refused";
  EXPECT_EQ(Run("reload --dry-run").exit_code, 1);
  EXPECT_EQ(director.reloads, 2u);
}

control::ReloadOutcome TakingShopAway() {
  return {.ok = true,
          .generation = 8,
          .errors = {},
          .changes = {"service shop: removed"},
          .path = "/etc/a.yaml",
          .losses = {.edits = {}, .services = {"shop"}},
          .warnings = {}};
}

// std::system gives the command no terminal for standard error.
TEST_F(CliTest, AReloadThatTakesAwayNeedsAYes) {
  control::ReloadOutcome outcome = TakingShopAway();
  outcome.changes.emplace_back("service web: scheduler wrr → rr");
  outcome.losses.edits = {"service web: scheduler rr → wrr"};
  director.SetReloadOutcome(outcome);
  Start();
  const Outcome refused = Run("reload");
  EXPECT_EQ(refused.exit_code, 4);
  EXPECT_EQ(
      refused.err,
      "fairlead: a reload of /etc/a.yaml takes away 1 change by hand and 1 service, which the "
      "file does not have. Nothing was done: add to the file what must stay, or "
      "api: { on_reload: keep }, or use --yes\n"
      "  by hand: service web: scheduler rr → wrr\n"
      "  service shop\n");
  EXPECT_EQ(director.reloads, 0u);
  EXPECT_EQ(Good("reload --dry-run").substr(0, 45),
            "a reload of /etc/a.yaml would make 2 changes\n");
  EXPECT_EQ(director.reloads, 0u);
  const std::string done = Good("reload --yes");
  EXPECT_NE(done.find("took away 1 change by hand and 1 service\n"), std::string::npos) << done;
  EXPECT_EQ(director.reloads, 1u);
}

// What systemd runs for `systemctl reload`: never asks, and fails when the file is refused.
TEST_F(CliTest, TheUnitsReloadSaysWhatBecameOfIt) {
  const std::string unit = ReadFile(FAIRLEAD_SOURCE "/packaging/fairleadd.service");
  constexpr std::string_view kKey = "\nExecReload=/usr/local/bin/fairlead ";
  const size_t at = unit.find(kKey);
  ASSERT_NE(at, std::string::npos) << "ExecReload is another command";
  const std::string words =
      unit.substr(at + kKey.size(), unit.find('\n', at + 1) - at - kKey.size());
  director.SetReloadOutcome(TakingShopAway());
  Start();
  EXPECT_EQ(Run(words).exit_code, 0);
  EXPECT_EQ(director.reloads, 1u);
  director.SetReloadOutcome({.ok = false,
                             .generation = 8,
                             .errors = {{ErrorCode::kInvalid, "unknown key", "a.yaml:9:1"}},
                             .changes = {}});
  EXPECT_EQ(Run(words).exit_code, 1);
}

// script(1) gives it a terminal.
TEST_F(CliTest, ATerminalIsAsked) {
  director.SetReloadOutcome(TakingShopAway());
  Start();
  const auto answered = [&](const std::string& answer) {
    const std::string command = "echo " + answer + " | script -qec '" + FAIRLEAD_CLI + " --api " +
                                director.socket() + " reload' /dev/null >" + director.directory() +
                                "/tty 2>&1";
    return WEXITSTATUS(std::system(command.c_str()));
  };
  EXPECT_EQ(answered("n"), 4);
  EXPECT_NE(ReadFile(director.directory() + "/tty").find("Go on? [y/N] "), std::string::npos)
      << ReadFile(director.directory() + "/tty");
  EXPECT_EQ(director.reloads, 0u);
  EXPECT_EQ(answered("y"), 0);
  EXPECT_EQ(director.reloads, 1u);
}

TEST_F(CliTest, StatusSaysReadyByItsExitCode) {
  Start();
  const std::string text = Good("status");
  for (const char* words :
       {"edge-1: ready, up 3h00m", "generation 7 of /etc/fairlead/fairlead.yaml",
        "2 services, 2 of 3 reals up, 1 of them unchecked",
        "  service web: real 10.0.0.12:80 is down since ", "(connection refused)", "not_a_syn",
        "fl-outside", "65536",
        "without a director): 41 connections, 7 templates, 5 side_records, 3 snat_flows; dropped: "
        "2 deadline",
        "1 part was changed by hand before the start", "the file wins: service web: weight"}) {
    EXPECT_NE(text.find(words), std::string::npos) << words << " in\n" << text;
  }
  EXPECT_TRUE(json::parse(Good("-o json status")).as_object().contains("workers"));
  control::ControlView view = MakeView();
  view.is_ready = false;
  view.restored = nullptr;
  view.keep_problem = "names: cannot write: No space left on device";
  director.SetView(view);
  const Outcome outcome = Run("status");
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_NE(outcome.out.find("FIND EVERYTHING AGAIN: names: cannot write"), std::string::npos);
  EXPECT_EQ(outcome.out.find("taken over"), std::string::npos);
}

TEST_F(CliTest, StatusSaysWhatWasTakenOverAndNoMore) {
  control::ControlView view = MakeView();
  const auto take = [&view](const std::string& reason, uint64_t templates, uint64_t late) {
    view.restored = std::make_shared<const control::Restored>(
        control::Restored{.records = {.when = view.last_reload,
                                      .reason = reason,
                                      .down_milliseconds = 812,
                                      .kept = {{"connections", 0}, {"templates", templates}},
                                      .dropped = {{"generation", 0}, {"deadline", late}}},
                          .edits = 0,
                          .dropped_edits = {}});
  };
  take("after-stop", 1, 2);
  director.SetView(view);
  Start();
  EXPECT_NE(Good("status").find("without a director): 1 template; dropped: 2 deadline\n"),
            std::string::npos);
  take("after-stop", 0, 0);
  director.SetView(view);
  EXPECT_NE(Good("status").find("without a director): nothing; dropped: nothing\n"),
            std::string::npos);
  take("new", 0, 0);
  director.SetView(view);
  EXPECT_EQ(Good("status").find("taken over"), std::string::npos);
}

TEST_F(CliTest, ReadySaysWhyNot) {
  Start();
  EXPECT_EQ(Good("ready"), "ready\n");
  EXPECT_EQ(json::parse(Good("-o json ready")), json::parse(R"({"ready":true,"reasons":[]})"));
  control::ControlView view = MakeView();
  view.is_ready = false;
  view.not_ready = {{control::NotReady::Kind::kPeerLags, "edge-2", "Peer edge-2 lags by 1.2 s"},
                    {control::NotReady::Kind::kPeerUnreachable, "edge-3", "Peer edge-3 is away"}};
  director.SetView(view);
  const Outcome outcome = Run("ready");
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.out, "Peer edge-2 lags by 1.2 s\nPeer edge-3 is away\n");
  EXPECT_EQ(outcome.err, "");
  const Outcome asked = Run("-o json ready");
  EXPECT_EQ(asked.exit_code, 1);
  EXPECT_EQ(json::parse(asked.out).at("reasons").at(0).at("reason").as_string(), "peer-lags");
  const Outcome status = Run("status");
  EXPECT_NE(status.out.find("NOT READY"), std::string::npos);
  EXPECT_NE(status.out.find("  Peer edge-3 is away\n"), std::string::npos) << status.out;
}

TEST_F(CliTest, ServicesThatAreNotAnnouncedAreCountedByReason) {
  Start();
  EXPECT_EQ(Good("service list").find("not announced"), std::string::npos);
  control::ControlView view = MakeView();
  view.silent = std::make_shared<const control::SilentAddresses>(
      control::SilentAddresses{{view.services[0].address, control::SilentAddress::Why::kNever}});
  view.peers = {{"edge-2", false, true}};
  director.SetView(view);
  EXPECT_NE(Good("service list").find("\nnot announced, 1 service: announce is never\n"),
            std::string::npos);
  EXPECT_NE(Good("service show web").find("  not announced: announce is never\n"),
            std::string::npos);
  EXPECT_NE(Good("status").find("\npeer edge-2 does not count, since it has been unreachable"),
            std::string::npos);
}

TEST_F(CliTest, CheckNeedsNoDirector) {
  const std::string file = director.directory() + "/bad.yaml";
  std::ofstream(file) << "version: 1\nservises: []\n";
  const Outcome bad = RunAt("check " + file);
  EXPECT_EQ(bad.exit_code, 1);
  EXPECT_NE(bad.err.find("bad.yaml:2:1: "), std::string::npos) << bad.err;
  EXPECT_EQ(RunAt("check /nonexistent.yaml").exit_code, 1);
}

TEST_F(CliTest, MetricsArePassedThrough) {
  Start();
  EXPECT_NE(Good("metrics").find("# TYPE fairlead_build_info gauge\n"), std::string::npos);
}

TEST_F(CliTest, IpvsadmHasItsOwnGrammarAndCodes) {
  Start();
  EXPECT_EQ(Good("ipvsadm -Ln"),
            "IP Virtual Server version 1.2.1 (size=4096)\n"
            "Prot LocalAddress:Port Scheduler Flags\n"
            "  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn\n"
            "TCP  192.0.2.10:80 wlc\n"
            "  -> 10.0.0.11:80                 Masq    2      8          2         \n"
            "  -> 10.0.0.12:80                 Masq    0      0          0         \n"
            "FWM  2 sh (sh-port) persistent 1800 mask 255.255.255.0\n"
            "  -> 10.0.0.11:0                  Route   1      0          0         \n");
  EXPECT_EQ(Run("ipvsadm -Sn -n").exit_code, 2) << "twice";
}

TEST_F(CliTest, IpvsadmByItsOwnName) {
  Start();
  const std::string link = director.directory() + "/ipvsadm";
  std::filesystem::create_symlink(FAIRLEAD_CLI, link);
  ::setenv("FAIRLEAD_API", director.socket().c_str(), 1);
  const auto run = [&](const std::string& words) {
    const std::string command = link + " " + words + " >" + director.directory() + "/out 2>&1";
    return WEXITSTATUS(std::system(command.c_str()));
  };
  EXPECT_EQ(run("-Ln -t 192.0.2.10:80"), 0);
  EXPECT_NE(ReadFile(director.directory() + "/out").find("TCP  192.0.2.10:80 wlc\n"),
            std::string::npos);
  EXPECT_EQ(run("--help"), 0);
  EXPECT_EQ(run("-Ln -t 192.0.2.99:80"), 1);
  EXPECT_EQ(run("-A -t 192.0.2.99:0"), 2);
  EXPECT_EQ(run("status"), 255);
  const std::string restore = director.directory() + "/ipvsadm-restore";
  std::filesystem::create_symlink(FAIRLEAD_CLI, restore);
  const uint64_t generation = director.view()->generation;
  EXPECT_EQ(WEXITSTATUS(std::system((restore + " -n </dev/null 2>/dev/null").c_str())), 2);
  EXPECT_EQ(director.view()->generation, generation) << "a wrong option clears nothing";
  EXPECT_EQ(WEXITSTATUS(std::system((restore + " </dev/null").c_str())), 0);
  EXPECT_EQ(director.view()->generation, generation + 1);
  ::unsetenv("FAIRLEAD_API");
  EXPECT_EQ(RunAt("--api unix:/nowhere ipvsadm -L").exit_code, 2) << "as without kernel support";
  EXPECT_EQ(RunAt("ipvsadm -q").exit_code, 255);
}

}  // namespace
}  // namespace fairlead::testing::cli_test
