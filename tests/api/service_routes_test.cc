#include <sys/stat.h>
#include <unistd.h>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <filesystem>
#include <fstream>

#include "api_test.h"
#include "control/api/exact_weight.h"
#include "control/api/reload_path.h"
#include "control/api/service_health_json.h"
#include "control/view.h"

namespace fairlead::testing::service_routes_test {
namespace {

namespace json = boost::json;
using ServiceRoutesTest = ApiTest;

TEST_F(ServiceRoutesTest, ListsServicesWithLiveFigures) {
  Start();
  const Answer answer = peer->Ask("GET /v1/services");
  ASSERT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("etag"), "\"7\"");
  const json::object document = answer.json();
  const json::array& services = document.at("services").as_array();
  ASSERT_EQ(services.size(), 2u);
  const json::object& web = services[0].as_object();
  EXPECT_EQ(web.at("key").as_string(), "tcp 192.0.2.10:80");
  EXPECT_EQ(web.at("reals_total").as_int64(), 2);
  EXPECT_EQ(web.at("reals_up").as_int64(), 1);
  EXPECT_EQ(web.at("active_connections").as_int64(), 8);
  // 1000 of removed reals, real 0: 10 + 11 less 5 of the id's life before, real 1: 20 + 21.
  EXPECT_EQ(web.at("traffic").at("connections").as_int64(), 1000 + 16 + 41);
  const json::object& shop = services[1].as_object();
  EXPECT_EQ(shop.at("key").as_string(), "mark 2 ipv4");
  EXPECT_TRUE(shop.at("address").is_null());
  EXPECT_EQ(json::serialize(shop.at("persistence")), R"({"timeout_seconds":1800,"netmask":24})");
  EXPECT_EQ(shop.at("templates").as_int64(), 4);
  EXPECT_EQ(shop.at("reals_total").as_int64(), 1) << "neither the fallback nor the removed one";
}

TEST_F(ServiceRoutesTest, StatusNamesWhatKeepsClientsWaiting) {
  Start();
  const json::object healthy = peer->Ask("GET /v1/status").json();
  EXPECT_EQ(healthy.at("reals").as_int64(), 3);
  EXPECT_EQ(healthy.at("reals_up").as_int64(), 2);
  EXPECT_EQ(healthy.at("reals_unchecked").as_int64(), 1);
  ASSERT_EQ(healthy.at("reals_down").as_array().size(), 1u);
  const json::object& down = healthy.at("reals_down").at(0).as_object();
  EXPECT_EQ(down.at("service").as_string(), "web");
  EXPECT_EQ(down.at("real").as_string(), "10.0.0.12:80");
  EXPECT_EQ(down.at("detail").as_string(), "connection refused");
  EXPECT_TRUE(down.at("since").is_string());
  EXPECT_TRUE(healthy.at("idle_services").as_array().empty());
}

TEST_F(ServiceRoutesTest, StatusNamesServicesThatTakeNobody) {
  control::ControlView view;
  control::ServiceInfo service;
  service.name = "web";
  const auto sentence = [&] {
    view.services = {};
    view.services.push_back(service);
    json::object status;
    api::AddServiceHealth(view, &status);
    const json::array& idle = status.at("idle_services").as_array();
    return idle.empty() ? "" : std::string(idle[0].at("sentence").as_string());
  };
  EXPECT_EQ(sentence(), "Service web: no real server takes new clients (it has none)");
  control::RealInfo real;
  real.effective_weight = 0;
  service.reals = {real, real};
  EXPECT_EQ(sentence(), "Service web: no real server takes new clients (the weight of all is 0)");
  service.reals[0].health = control::HealthState::kDown;
  EXPECT_EQ(sentence(),
            "Service web: no real server takes new clients (each is down or has weight 0)");
  service.reals[1].admin = control::AdminState::kDown;
  EXPECT_EQ(sentence(), "Service web: no real server takes new clients (all are down)");
  real.is_fallback = true;
  real.effective_weight = 1;
  service.reals.push_back(real);
  EXPECT_EQ(sentence(), "") << "the fallback takes them";
}

TEST_F(ServiceRoutesTest, ShowsAServiceAndItsReals) {
  Start();
  const json::object service = peer->Ask("GET /v1/services/web").json();
  const json::object& down = service.at("reals").at(1).as_object();
  EXPECT_EQ(down.at("name").as_string(), "10.0.0.12:80");
  EXPECT_EQ(down.at("health").as_string(), "down");
  EXPECT_EQ(down.at("health_detail").as_string(), "connection refused");
  EXPECT_FALSE(down.at("up").as_bool());
  EXPECT_EQ(down.at("weight").as_int64(), 1);
  EXPECT_EQ(down.at("effective_weight").as_int64(), 0);
  EXPECT_EQ(down.at("exact_weight").as_int64(), 0);
  const json::object reals = peer->Ask("GET /v1/services/shop/reals").json();
  EXPECT_EQ(reals.at("reals").as_array().size(), 3u);
  EXPECT_TRUE(reals.at("reals").at(2).at("removed").as_bool());
  EXPECT_EQ(peer->Ask("GET /v1/services/web/reals/10.0.0.11:80").status, 200);
  // By the name it would have without one.
  EXPECT_EQ(peer->Ask("GET /v1/services/tcp-192.0.2.10-80").json().at("name").as_string(), "web");
  EXPECT_EQ(peer->Ask("GET /v1/services/mark-2-v4/reals/10.0.0.11:0").status, 200);
}

TEST(ExactWeight, HasTheHundredthsThatSlowStartAndAgentsLeave) {
  control::RealInfo real;
  real.effective_weight = 1;
  real.part = 0.05;
  EXPECT_EQ(api::WeightText(api::ExactWeight(real)), "0.05");
  EXPECT_EQ(api::WeightNumber(api::ExactWeight(real)), json::value(0.05));
  real.effective_weight = 3;
  real.part = 1;
  EXPECT_EQ(api::WeightText(api::ExactWeight(real)), "3");
  EXPECT_EQ(api::WeightNumber(api::ExactWeight(real)), json::value(3));
}

TEST_F(ServiceRoutesTest, UnknownNamesSuggestTheNearest) {
  Start();
  const Answer service = peer->Ask("GET /v1/services/shp");
  EXPECT_EQ(service.status, 404);
  EXPECT_EQ(ProblemOf(service), "unknown-service");
  EXPECT_EQ(service.json().at("detail").as_string(),
            "There is no service \"shp\"; did you mean \"shop\"?");
  const Answer real = peer->Ask("GET /v1/services/web/reals/10.0.0.13:80");
  EXPECT_EQ(real.status, 404);
  EXPECT_EQ(ProblemOf(real), "unknown-real");
}

TEST_F(ServiceRoutesTest, ChangesWeightAndState) {
  Start();
  const Answer answer =
      peer->Ask("PATCH /v1/services/web/reals/10.0.0.11", R"({"weight":5,"state":"drain"})");
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.json().at("weight").as_int64(), 5);
  EXPECT_EQ(answer.json().at("admin").as_string(), "drain");
  EXPECT_EQ(answer.header("etag"), "\"8\"");
}

TEST_F(ServiceRoutesTest, IfMatchGuardsAgainstLostUpdates) {
  Start();
  const std::string change = R"({"weight":3})";
  const std::string path = "PATCH /v1/services/web/reals/10.0.0.11:80";
  const Answer stale = peer->Ask(path, change, "Host: localhost\r\nIf-Match: \"6\"\r\n");
  EXPECT_EQ(stale.status, 412);
  EXPECT_EQ(ProblemOf(stale), "generation-changed");
  EXPECT_EQ(peer->Ask(path, change, "Host: localhost\r\nIf-Match: \"7\"\r\n").status, 200);
}

TEST_F(ServiceRoutesTest, ControlCoreMayRefuseOrStop) {
  Start();
  const std::string path = "PATCH /v1/services/web/reals/10.0.0.11:80";
  const Answer refused = peer->Ask(path, R"({"weight":65534})");
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.json().at("detail").as_string(), "Another change is being applied");
  const Answer stopping = peer->Ask(path, R"({"weight":65535})");
  EXPECT_EQ(stopping.status, 503);
  EXPECT_EQ(ProblemOf(stopping), "stopping");
}

TEST_F(ServiceRoutesTest, Reloads) {
  director.SetReloadOutcome({.ok = true,
                             .generation = 8,
                             .errors = {},
                             .changes = {"service web: real 10.0.0.12:80 weight 1 → 3"}});
  Start();
  const Answer answer = peer->Ask("POST /v1/reload");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.json().at("generation").as_int64(), 8);
  EXPECT_EQ(answer.json().at("changes").as_array().size(), 1u);
  EXPECT_EQ(director.last_reload_path(), "");
  const std::string other = director.directory() + "/other.yaml";
  std::ofstream(other) << "version: 1\n";
  EXPECT_EQ(peer->Ask("POST /v1/reload", R"({"path":")" + other + "\"}").status, 200);
  EXPECT_EQ(director.last_reload_path(), other);
  EXPECT_EQ(peer->Ask("POST /v1/reload", R"({"path":"other.yaml"})").status, 422);

  // Any local user reaches the loopback listener, and errors quote the file.
  HttpPeer tcp(server->addresses()[1]);
  const Answer shadow = tcp.Ask("POST /v1/reload", R"({"path":"/etc/shadow"})");
  EXPECT_EQ(shadow.status, 403);
  EXPECT_EQ(ProblemOf(shadow), "needs-socket");
  EXPECT_EQ(director.last_reload_path(), other);
  EXPECT_EQ(tcp.Ask("POST /v1/reload").status, 200);
}

TEST_F(ServiceRoutesTest, ADryRunSaysWhatAReloadWouldTakeAway) {
  director.SetReloadOutcome(
      {.ok = true,
       .generation = 7,
       .errors = {},
       .changes = {"service web: removed"},
       .path = "/etc/a.yaml",
       .losses = {.edits = {"service web: scheduler rr → wrr"}, .services = {"web"}},
       .warnings = {"a.yaml:3:1: services: is empty"}});
  Start();
  const Answer dry = peer->Ask("POST /v1/reload?dry_run=1");
  EXPECT_EQ(dry.status, 200);
  EXPECT_TRUE(dry.json().at("dry_run").as_bool());
  EXPECT_EQ(dry.json().at("path").as_string(), "/etc/a.yaml");
  EXPECT_EQ(dry.json().at("takes_away").at("changes_by_hand").as_array().size(), 1u);
  EXPECT_EQ(dry.json().at("takes_away").at("services").at(0).as_string(), "web");
  EXPECT_EQ(dry.json().at("warnings").as_array().size(), 1u);
  EXPECT_EQ(director.reloads, 0u);
  EXPECT_EQ(peer->Ask("POST /v1/reload?dry_run=yes").status, 400);  // a slip is no reload
  EXPECT_EQ(director.reloads, 0u);
  EXPECT_FALSE(peer->Ask("POST /v1/reload?dry_run=0").json().at("dry_run").as_bool());
  EXPECT_EQ(director.reloads, 1u);
  EXPECT_EQ(director.previews, 1u);
}

// Over the socket too: the lines of a file that is none are quoted in the answer and in the log.
TEST_F(ServiceRoutesTest, AReloadReadsNothingButConfigurations) {
  const std::string dir = director.directory();
  std::filesystem::create_directory(dir + "/sub");
  for (const char* name : {"/token", "/sub/deep.yaml", "/secret.yaml"}) {
    std::ofstream(dir + name) << "hunter2\n";
  }
  std::filesystem::create_symlink("/etc/shadow", dir + "/shadow.yaml");
  std::filesystem::create_directory_symlink("/etc", dir + "/etc");
  std::filesystem::create_symlink("sub/deep.yaml", dir + "/near.yaml");
  Start();
  for (const std::string& path :
       {std::string("/etc/shadow"), std::string("/etc/no-such-file"), dir + "/token", dir,
        dir + "/shadow.yaml", dir + "/etc/passwd.yaml", dir + "/../x.yaml", dir + "/sub",
        dir + "/../../../etc/shadow.yaml", dir + "/missing.yaml", dir + "-beside/a.yaml",
        dir + "/token\\u0000.yaml", std::string("/proc/self/root/etc/shadow.yaml")}) {
    const Answer answer = peer->Ask("POST /v1/reload", R"({"path":")" + path + "\"}");
    EXPECT_EQ(answer.status, 403) << path;
    ASSERT_EQ(ProblemOf(answer), "path-not-allowed") << path;
    EXPECT_EQ(answer.json().at("detail").as_string(),
              "Must be a .yaml, .yml or .json file below " + dir +
                  ", where the director's configuration is, that you may read; nothing was loaded")
        << "the same whether it is there or not: " << path;
  }
  EXPECT_EQ(director.last_reload_path(), "(none)");
  for (const char* name : {"/sub/deep.yaml", "/near.yaml", "/sub/../near.yaml"}) {
    EXPECT_EQ(peer->Ask("POST /v1/reload", R"({"path":")" + dir + name + "\"}").status, 200);
    EXPECT_EQ(director.last_reload_path(), dir + name);
  }
}

TEST(ReloadPath, WhatTheUserCannotReadIsNotLoadedForHim) {
  const std::string dir = ::testing::TempDir() + "reload-path-" + std::to_string(::getpid());
  std::filesystem::create_directories(dir);
  const std::string start = dir + "/start.yaml", file = dir + "/next.yaml";
  std::ofstream(file) << "version: 1\n";
  const api::User root{0, 0}, owner{::getuid(), 4242}, member{4243, ::getgid()}, other{4244, 4244};
  const auto allowed = [&](const api::User& user) {
    return static_cast<bool>(api::CheckReloadPath(start, file, user));
  };
  ASSERT_EQ(::chmod(file.c_str(), 0640), 0);
  EXPECT_TRUE(allowed(root));
  EXPECT_TRUE(allowed(owner));
  EXPECT_TRUE(allowed(member));
  EXPECT_FALSE(allowed(other));
  ASSERT_EQ(::chmod(file.c_str(), 0600), 0);
  EXPECT_FALSE(allowed(member));
  ASSERT_EQ(::chmod(file.c_str(), 0604), 0);
  EXPECT_TRUE(allowed(other));
  EXPECT_FALSE(allowed(member)) << "as for the kernel, whose group has no right has none";
  EXPECT_TRUE(api::CheckReloadPath(start, start, other)) << "the director runs by it anyway";
  std::filesystem::remove_all(dir);
}

TEST_F(ServiceRoutesTest, RefusedReloadHasEveryError) {
  director.SetReloadOutcome({.ok = false,
                             .generation = 7,
                             .errors = {{ErrorCode::kInvalid, "must be a number", "a.yaml:3:5"},
                                        {ErrorCode::kInvalid, "unknown key", "a.yaml:9:1"}},
                             .changes = {}});
  Start();
  const Answer answer = peer->Ask("POST /v1/reload");
  EXPECT_EQ(answer.status, 422);
  EXPECT_EQ(ProblemOf(answer), "configuration-refused");
  const json::object problem = answer.json();
  ASSERT_EQ(problem.at("errors").as_array().size(), 2u);
  EXPECT_EQ(problem.at("errors").at(1).at("place").as_string(), "a.yaml:9:1");
}

// Links come and go on the control core while the API's thread writes its answer.
TEST_F(ServiceRoutesTest, PortsAreThoseOfOneViewWhateverIsPublishedMeanwhile) {
  Start([this](PortId) {
    control::ControlView next = MakeView();
    for (control::PortInfo& port : next.ports) port.name = "another";
    director.SetView(std::move(next));
    return std::nullopt;
  });
  const json::object answer = peer->Ask("GET /v1/ports").json();
  ASSERT_EQ(answer.at("ports").as_array().size(), 2u);
  EXPECT_EQ(answer.at("ports").at(0).at("name"), "outside");
  EXPECT_EQ(answer.at("ports").at(1).at("name"), "inside");
}

TEST_F(ServiceRoutesTest, PortsWithTheirLinksAndWhatTheirDriversCount) {
  Start();
  const json::object answer = peer->Ask("GET /v1/ports").json();
  ASSERT_EQ(answer.at("ports").as_array().size(), 2u);
  const json::value& outside = answer.at("ports").at(0);
  EXPECT_EQ(
      outside.at("link"),
      (json::value{{"up", false},
                   {"since", "2026-09-21T14:13:20Z"},
                   {"downs", 2},
                   {"speed_mbps", nullptr},
                   {"duplex", nullptr},
                   {"members", {{{"name", "net_af_packet0"}, {"up", false}, {"active", false}}}}}));
  EXPECT_EQ(outside.at("driver_counters").at("rx_q0_packets"), 40);
  const json::value& inside = answer.at("ports").at(1);
  EXPECT_EQ(inside.at("link").at("up"), true);
  EXPECT_EQ(inside.at("link").at("speed_mbps"), 10000);
  EXPECT_EQ(inside.at("link").at("duplex"), "full");
  EXPECT_EQ(inside.at("driver_counters").at("rx_q0_packets"), 41);
}

TEST_F(ServiceRoutesTest, StatusAndReadiness) {
  Start([](PortId port) -> std::optional<api::PortStats> {
    if (port.value() != 0) return std::nullopt;
    return api::PortStats{.rx_packets = 5, .rx_missed = 1};
  });
  director.fabric().stats.port(WorkerId{1}, PortId{0}).tx_missed.Set(6);
  const json::object status = peer->Ask("GET /v1/status").json();
  EXPECT_EQ(status.at("director").as_string(), "edge-1");
  EXPECT_EQ(status.at("workers").as_array().size(), kWorkers);
  EXPECT_EQ(status.at("workers").at(1).at("received_packets").as_int64(), 1001);
  EXPECT_EQ(status.at("ports").at(0).at("kernel_ingress"), "closed");
  EXPECT_EQ(status.at("ports").at(0).at("multicast_groups"), 3);
  EXPECT_EQ(status.at("ports").at(0).at("steering"), "rss: the port does not hash one side only");
  EXPECT_EQ(status.at("ports").at(0).at("traffic").at("rx_missed").as_int64(), 1);
  EXPECT_EQ(status.at("ports").at(0).at("traffic").at("tx_missed").as_int64(), 6);
  EXPECT_FALSE(status.at("ports").at(1).as_object().contains("traffic"));
  ASSERT_EQ(status.at("dropped").as_array().size(), 2u) << "only reasons that happened";
  EXPECT_EQ(status.at("dropped").at(0).at("reason").as_string(), "not_a_syn");
  EXPECT_EQ(status.at("dropped").at(0).at("packets").as_int64(), 200);
  EXPECT_EQ(status.at("defence").at("drop_entry").as_string(), "auto");
  EXPECT_EQ(status.at("defence").at("secure_tcp").as_string(), "off");
  EXPECT_EQ(status.at("health").at("interval_stretch").as_double(), 1.5);
  EXPECT_EQ(status.at("health").at("script_interval_stretch").as_double(), 2.5);
  EXPECT_EQ(status.at("health").at("stuck_scripts").as_int64(), 1);
  EXPECT_EQ(status.at("health").at("local_errors").at("descriptors").as_int64(), 7);
  EXPECT_EQ(status.at("health").at("recent_local_errors").at("descriptors").as_int64(), 2);
  EXPECT_EQ(status.at("defence").at("low_workers").as_int64(), 0);

  EXPECT_EQ(peer->Ask("GET /readyz").status, 200);
  control::ControlView view = MakeView();
  view.is_ready = false;
  view.not_ready = {{control::NotReady::Kind::kPeerLags, "edge-2", "Peer edge-2 lags by 1.2 s"},
                    {control::NotReady::Kind::kPeerUnreachable, "edge-3", "Peer edge-3 is away"}};
  view.peers = {{"edge-2", false, false}, {"edge-3", false, true}};
  director.SetView(view);
  const Answer not_ready = peer->Ask("GET /readyz");
  EXPECT_EQ(not_ready.status, 503);
  const json::object why = not_ready.json();
  EXPECT_EQ(why.at("type").as_string(), "urn:fairlead:problem:not-ready");
  EXPECT_EQ(why.at("detail").as_string(), "Peer edge-2 lags by 1.2 s. Peer edge-3 is away");
  EXPECT_TRUE(why.at("forwarding").as_bool());
  EXPECT_EQ(why.at("reasons").at(0).at("reason").as_string(), "peer-lags");
  EXPECT_EQ(why.at("reasons").at(1).at("peer").as_string(), "edge-3");
  EXPECT_EQ(peer->Ask("GET /healthz").status, 200);

  const json::object waiting = peer->Ask("GET /v1/status").json();
  EXPECT_FALSE(waiting.at("ready").as_bool());
  EXPECT_TRUE(waiting.at("forwarding").as_bool());
  EXPECT_EQ(waiting.at("not_ready").at(1).at("sentence").as_string(), "Peer edge-3 is away");
  EXPECT_TRUE(waiting.at("peers").at(1).at("given_up").as_bool());
  EXPECT_FALSE(waiting.at("peers").at(0).at("in_sync").as_bool());
}

TEST_F(ServiceRoutesTest, ServicesAndExplainSayWhyAnAddressIsNotAnnounced) {
  Start();
  EXPECT_TRUE(peer->Ask("GET /v1/services/web").json().at("announced").as_bool());
  EXPECT_TRUE(peer->Ask("GET /v1/services/web").json().at("not_announced").is_null());
  EXPECT_TRUE(peer->Ask("GET /v1/services/shop").json().at("announced").is_null())
      << "a mark has no address";
  control::ControlView view = MakeView();
  const IpAddress address = view.services[0].address;
  view.silent = std::make_shared<const control::SilentAddresses>(
      control::SilentAddresses{{*IpAddress::Parse("10.1.1.1"), control::SilentAddress::Why::kNever},
                               {address, control::SilentAddress::Why::kNotReady}});
  director.SetView(view);
  const json::object web = peer->Ask("GET /v1/services/web").json();
  EXPECT_FALSE(web.at("announced").as_bool());
  EXPECT_EQ(web.at("not_announced").as_string(),
            "announce is when-ready, and the director is not ready; fairlead ready says why");
}

}  // namespace
}  // namespace fairlead::testing::service_routes_test
