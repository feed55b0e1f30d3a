// PUT /v1/config, /v1/log, the lines in the log about changes, and /v1/events.
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <map>

#include "api_test.h"
#include "base/log_level.h"
#include "control/api/audit.h"
#include "control/api/events.h"
#include "control/config/json_schema.h"
#include "live_director.h"

namespace fairlead::testing::config_routes_test {
namespace {

namespace json = boost::json;

constexpr const char* kWeb =
    "services:\n"
    "  - { name: web, address: 192.0.2.10, port: 80, protocol: tcp, reals: [{ address: 10.0.0.11 "
    "}, "
    "{ address: 10.0.0.12 }] }\n"
    "  - { name: dns, address: 192.0.2.10, port: 53, protocol: udp, reals: [{ address: 10.0.0.13 "
    "}] "
    "}\n";

std::string Replaced(std::string text, const std::string& what, const std::string& with) {
  const size_t at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  if (at != std::string::npos) text.replace(at, what.size(), with);
  return text;
}

std::string Sentences(const Answer& answer) {
  std::string all;
  const json::object document = answer.json();
  for (const json::value& each : document.at("changes").as_array()) {
    all += std::string(each.as_string()) + "\n";
  }
  return all;
}

using PutConfig = LiveApiTest;

TEST_F(PutConfig, WhatGetShowsChangesNothing) {
  StartLive(kWeb);
  const Answer shown = peer->Ask("GET /v1/config");
  const Answer put = peer->Ask("PUT /v1/config", shown.body);
  ASSERT_EQ(put.status, 200) << put.body;
  EXPECT_EQ(Sentences(put), "");
  EXPECT_EQ(peer->Ask("GET /v1/config").body, shown.body);
  EXPECT_EQ(peer->Ask("GET /v1/diff").json().at("changes").as_array().size(), 0u);
}

TEST_F(PutConfig, ServicesPolicyAndTimeoutsAreOneChange) {
  StartLive(kWeb);
  const Answer shown = peer->Ask("GET /v1/config");
  std::string wanted = Replaced(shown.body, "    scheduler: wlc\n", "    scheduler: rr\n");
  wanted = Replaced(wanted, "nat_icmp_send: false", "nat_icmp_send: true");
  wanted.erase(wanted.find("  - name: dns"), wanted.find("snat:") - wanted.find("  - name: dns"));
  const Answer dry = peer->Ask("PUT /v1/config?dry_run=1", wanted);
  ASSERT_EQ(dry.status, 200) << dry.body;
  EXPECT_NE(Sentences(dry).find("service web: scheduler wlc → rr"), std::string::npos)
      << Sentences(dry);
  EXPECT_NE(Sentences(dry).find("service dns"), std::string::npos) << Sentences(dry);
  EXPECT_TRUE(dry.json().at("dry_run").as_bool());
  EXPECT_EQ(peer->Ask("GET /v1/config").body, shown.body) << "nothing was done";

  const Answer put = peer->Ask("PUT /v1/config", wanted,
                               "Host: localhost\r\nIf-Match: " + shown.header("etag") + "\r\n");
  ASSERT_EQ(put.status, 200) << put.body;
  EXPECT_EQ(Sentences(put), Sentences(dry));
  EXPECT_EQ(peer->Ask("GET /v1/config").body, wanted);
  EXPECT_EQ(peer->Ask("GET /v1/services/dns").status, 404);
  EXPECT_GT(peer->Ask("GET /v1/diff").json().at("changes").as_array().size(), 1u);
  const Answer late = peer->Ask("PUT /v1/config", shown.body,
                                "Host: localhost\r\nIf-Match: " + shown.header("etag") + "\r\n");
  EXPECT_EQ(late.status, 412);
  EXPECT_EQ(ProblemOf(late), "generation-changed");
}

TEST_F(PutConfig, WhatCannotBeChangedByHandIsNamed) {
  StartLive(kWeb);
  const std::string shown = peer->Ask("GET /v1/config").body;
  const Answer refused = peer->Ask(
      "PUT /v1/config", Replaced(Replaced(shown, "level: info", "level: debug"), "routes: []",
                                 "routes: [{ to: 0.0.0.0/0, via: 192.0.2.254 }]"));
  EXPECT_EQ(refused.status, 422);
  EXPECT_NE(refused.body.find("log.level is not as it is in force: PUT changes"), std::string::npos)
      << refused.body;
  EXPECT_NE(refused.body.find("routes is not as it is"), std::string::npos) << refused.body;
  EXPECT_EQ(peer->Ask("GET /v1/config").body, shown);

  const Answer file =
      peer->Ask("PUT /v1/config",
                Replaced(shown, "prefix_sets: {}", "prefix_sets: { a: { file: /etc/shadow } }"));
  EXPECT_EQ(file.status, 422) << file.body;
  EXPECT_NE(file.body.find("names a file"), std::string::npos) << file.body;
  EXPECT_EQ(file.body.find("root:"), std::string::npos);

  const Answer wrong = peer->Ask("PUT /v1/config", "version: 1\nservces: []\n");
  EXPECT_EQ(wrong.status, 422);
  EXPECT_NE(wrong.body.find("body:2:1: servces: unknown key"), std::string::npos) << wrong.body;
  EXPECT_EQ(peer->Ask("PUT /v1/config?dry_run=yes", shown).status, 400);
}

// Each section of a file but those that PUT changes: one that comes later has to be added here.
TEST_F(PutConfig, NoOtherSectionIsChanged) {
  StartLive(kWeb);
  const std::string shown = peer->Ask("GET /v1/config").body;
  const std::map<std::string, std::pair<std::string, std::string>> others = {
      {"director", {"  idle: poll", "  idle: sleep"}},
      {"ports", {"net_null0", "net_null1"}},
      {"routes", {"routes: []", "routes: [{ to: 0.0.0.0/0, via: 192.0.2.254 }]"}},
      {"prefix_sets", {"prefix_sets: {}", "prefix_sets: { office: [198.51.100.0/24] }"}},
      {"classifier", {"classifier: []", "classifier: [{ name: a, mark: 7 }]"}},
      {"client_groups", {"client_groups: []", "client_groups: [{ name: a, source: 10.0.0.0/8 }]"}},
      {"defaults", {"  scheduler: wlc\n  forward", "  scheduler: rr\n  forward"}},
      {"snat", {"snat: []", "snat: [{ source: 10.0.0.0/24, addresses: 192.0.2.3 }]"}},
      {"sync", {"log:", "sync: { ipvs: { interface: eth2, role: backup } }\nlog:"}},
      {"api", {"on_reload: undo", "on_reload: keep"}},
      {"log", {"level: info", "level: debug"}},
      {"mail",
       {"log:",
        "mail: { server: \"192.0.2.25:25\", from: a@example.com, to: [b@example.com], tls: "
        "starttls, user: a, password_file: /etc/shadow }\nlog:"}},
  };
  const json::value schema = json::parse(control::JsonSchema());
  for (const auto& section : schema.at("properties").as_object()) {
    const std::string key(section.key());
    if (key == "version" || key == "services" || key == "policy") continue;
    ASSERT_TRUE(others.contains(key)) << key << ": say how it is changed, and that PUT refuses it";
    const auto& [was, is] = others.at(key);
    const Answer refused = peer->Ask("PUT /v1/config", Replaced(shown, was, is));
    EXPECT_EQ(refused.status, 422) << key << refused.body;
    const std::string place = "\"place\":\"" + key;
    EXPECT_NE(refused.body.find(place), std::string::npos) << refused.body;
    EXPECT_NE(refused.body.find("is not as it is in force"), std::string::npos) << refused.body;
  }
  EXPECT_EQ(peer->Ask("GET /v1/config").body, shown);
}

// ---- the log ----------------------------------------------------------------------------------

using LogRoute = LiveApiTest;

TEST_F(LogRoute, TheLevelIsChangedUntilTheNextReload) {
  StartLive(kWeb);
  EXPECT_EQ(peer->Ask("GET /v1/log").json().at("level").as_string(), "info");
  const Answer put = peer->Ask("PUT /v1/log", R"({"level": "warning"})");
  EXPECT_EQ(put.status, 200);
  EXPECT_EQ(CurrentLogLevel(), LogLevel::kWarning);
  EXPECT_EQ(peer->Ask("PUT /v1/log", peer->Ask("GET /v1/log").body).status, 200);
  const Answer shown = peer->Ask("GET /v1/log");
  EXPECT_EQ(shown.json().at("level").as_string(), "warning");
  EXPECT_EQ(shown.json().at("configured").as_string(), "info");
  for (const char* body : {R"({"level": "loud"})", "{}", R"({"level": 3})", R"({"lvl": "info"})"}) {
    EXPECT_EQ(peer->Ask("PUT /v1/log", body).status, 422) << body;
  }
  EXPECT_EQ(peer->Ask("POST /v1/reload").status, 200);
  EXPECT_EQ(CurrentLogLevel(), LogLevel::kInfo);
}

// ---- who has changed what ---------------------------------------------------------------------

using AuditTest = ApiTest;

TEST_F(AuditTest, EachChangeLeavesALineWithWhoAndWhatBecameOfIt) {
  Start();
  ::testing::internal::CaptureStderr();
  peer->Ask("PATCH /v1/services/web/reals/10.0.0.11:80?x=%0a",
            R"({"weight": 3, "secret": "hunter2"})");
  peer->Ask("GET /v1/services");
  peer->Ask("DELETE /v1/connections?client=" + std::string(1000, 'x'));
  const std::string log = ::testing::internal::GetCapturedStderr();
  const std::string by = "by=\"uid " + std::to_string(::getuid()) + " pid " +
                         std::to_string(::getpid()) + "\" from=unix";
  EXPECT_NE(log.find("msg=\"API change\" " + by +
                     " what=\"PATCH /v1/services/web/reals/10.0.0.11:80?x=\\n\" status=200"),
            std::string::npos)
      << log;
  EXPECT_NE(log.find("problem=none"), std::string::npos) << log;
  EXPECT_NE(
      log.find("msg=\"API change refused\" " + by + " what=\"DELETE /v1/connections?client=xxx"),
      std::string::npos)
      << log;
  EXPECT_EQ(log.find("hunter2"), std::string::npos) << log;
  EXPECT_EQ(log.find("GET"), std::string::npos) << log;
  EXPECT_LT(log.size(), 2000u);
}

TEST(Audit, TextIsBounded) {
  api::HttpRequest request;
  request.method = api::Method::kDelete;
  request.path = "/v1/connections";
  request.query = {{"client", "198.51.100.7"}, {"service", std::string(5000, '\xff')}};
  const std::string what = api::WhatOf(request);
  EXPECT_TRUE(what.starts_with("DELETE /v1/connections?client=198.51.100.7&service="));
  EXPECT_LE(what.size(), 3 * api::kMostWhatBytes + 10);
}

// ---- events -----------------------------------------------------------------------------------

control::ServiceInfo Service(const std::string& name) {
  control::ServiceInfo service;
  service.name = name;
  control::RealInfo real;
  real.name = "10.0.0.11:80";
  service.reals = {real};
  return service;
}

std::string Told(const control::ControlView& before, const control::ControlView& after) {
  std::string text;
  for (const api::StateEvent& event : api::EventsBetween(before, after)) {
    text += event.kind + " " + event.data + "\n";
  }
  return text;
}

TEST(Events, AreTheDifferenceOfTwoViews) {
  control::ControlView before;
  before.services = {Service("web"), Service("old")};
  control::ControlView after = before;
  EXPECT_EQ(Told(before, after), "");
  control::ServiceInfo& web = after.services.Edit(0);
  web.has_quorum = false;
  web.reals[0].health = control::HealthState::kDown;
  web.reals[0].health_detail = "connection refused";
  after.services.Remove(1);
  after.generation = 7;
  after.is_ready = true;
  after.ended_drains = {{"web", "10.0.0.12:80", 3, 1, 0, true}};
  EXPECT_EQ(
      Told(before, after),
      "generation {\"generation\":7,\"was\":0}\n"
      "ready {\"ready\":true}\n"
      "quorum {\"service\":\"web\",\"has_quorum\":false,\"living_weight\":0,\"quorum\":1}\n"
      "real {\"service\":\"web\",\"real\":\"10.0.0.11:80\",\"state\":\"failed\",\"was\":\"up\","
      "\"detail\":\"connection refused\"}\n"
      "service {\"service\":\"old\",\"state\":\"removed\"}\n"
      "drain {\"service\":\"web\",\"real\":\"10.0.0.12:80\",\"finished\":3,\"cut\":1,\"left\":0,"
      "\"removed\":true}\n");
}

// The list of ended drains forgets the oldest.
TEST(Events, AnEndedDrainIsToldOnce) {
  const auto drain = [](uint64_t n) { return control::DrainOutcome{"web", "r", n, 0, 0, false}; };
  control::ControlView before, after;
  before.ended_drains = {drain(1), drain(2), drain(3)};
  after.ended_drains = {drain(2), drain(3), drain(4), drain(5)};
  EXPECT_EQ(api::EventsBetween(before, after).size(), 2u);
  EXPECT_EQ(api::EventsBetween(before, before).size(), 0u);
  EXPECT_EQ(api::EventsBetween(control::ControlView{}, before).size(), 3u);
}

TEST(Events, AFloodOfThemIsCutAndSaysSo) {
  control::ControlView before, after;
  for (int i = 0; i < 2000; ++i) after.services.push_back(Service(std::to_string(i)));
  const auto events = api::EventsBetween(before, after);
  ASSERT_EQ(events.size(), api::kMostEventsAtOnce + 1);
  EXPECT_EQ(events.back().kind, "missed");
}

class FollowTest : public LiveApiTest {
 protected:
  // What came until `words` were among it.
  static std::string Until(HttpPeer& follower, const std::string& words) {
    std::string text;
    while (text.find(words) == std::string::npos) {
      const std::string more = follower.ReadSome();
      if (more.empty()) break;
      text += more;
    }
    return text;
  }
  static void Follow(HttpPeer& follower) {
    follower.Send("GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  }
  // As many followers as there may be, each of which has its place.
  std::vector<std::unique_ptr<HttpPeer>> TakeAllPlaces() {
    std::vector<std::unique_ptr<HttpPeer>> followers;
    for (size_t i = 0; i < api::kMostFollowers; ++i) {
      followers.push_back(std::make_unique<HttpPeer>(server_->addresses()[0]));
      Follow(*followers.back());
      Until(*followers.back(), "event: generation");
    }
    return followers;
  }
};

TEST_F(FollowTest, AFollowerIsToldWhatHappens) {
  StartLive(kWeb);
  HttpPeer follower(server_->addresses()[0]);
  Follow(follower);
  const std::string begin =
      Until(follower, "event: generation\ndata: {\"generation\":1,\"was\":null}");
  EXPECT_NE(begin.find("Content-Type: text/event-stream"), std::string::npos) << begin;
  ASSERT_EQ(peer->Ask("PATCH /v1/services/web/reals/10.0.0.12", R"({"state": "drain"})").status,
            200);
  const std::string told = Until(follower, "\"state\":\"drain\"");
  EXPECT_NE(told.find("event: real\ndata: {\"service\":\"web\",\"real\":\"10.0.0.12:80\","
                      "\"state\":\"drain\",\"was\":\"up\""),
            std::string::npos)
      << told;
}

TEST_F(FollowTest, WhoseTokenIsTakenOutIsToldNothingMore) {
  const std::string tokens = path_ + ".tokens";
  const auto write = [&](const std::string& text) {
    std::ofstream(tokens) << text;
    std::filesystem::permissions(
        tokens, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  };
  write("read:a-token-of-sixteen-bytes ann\nread:another-token-of-the-test ben\n");
  listen_.push_back("http://127.0.0.1:0");
  listen_.back().tokens = tokens;
  StartLive(kWeb);
  HttpPeer ann(server_->addresses()[1]), ben(server_->addresses()[1]);
  const std::string ask = "GET /v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ";
  ann.Send(ask + "a-token-of-sixteen-bytes\r\n\r\n");
  ben.Send(ask + "another-token-of-the-test\r\n\r\n");
  Until(ann, "event: generation");
  Until(ben, "event: generation");
  write("read:another-token-of-the-test ben\n");
  ASSERT_EQ(peer->Ask("PATCH /v1/services/web/reals/10.0.0.12", R"({"state": "drain"})").status,
            200);
  const std::string drain = "\"state\":\"drain\"";
  EXPECT_NE(Until(ben, drain).find(drain), std::string::npos);
  EXPECT_EQ(Until(ann, drain).find(drain), std::string::npos) << "the connection ends before";
  std::filesystem::remove(tokens);
}

TEST_F(FollowTest, WhoGoesLeavesHisPlace) {
  StartLive(kWeb);
  std::vector<std::unique_ptr<HttpPeer>> followers = TakeAllPlaces();
  EXPECT_EQ(peer->Ask("HEAD /v1/events").status, 503);
  followers.pop_back();
  int status = 503;  // until the server has read that he has gone
  for (int i = 0; i < 100 && status == 503; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    status = peer->Ask("HEAD /v1/events").status;
  }
  EXPECT_EQ(status, 200);
}

// Two may have asked for the last place before either has it.
TEST_F(FollowTest, WhoFindsNoPlaceAnyMoreIsToldSo) {
  StartLive(kWeb);
  boost::asio::io_context io;
  api::EventHub hub(io, *core_);
  const auto stays = [](std::string_view) { return api::Pushed::kTaken; };
  EXPECT_FALSE(hub.Follow([](std::string_view) { return api::Pushed::kGone; }));
  EXPECT_EQ(hub.size(), 0u);
  for (size_t i = 0; i < api::kMostFollowers; ++i) EXPECT_TRUE(hub.Follow(stays));
  EXPECT_FALSE(hub.Follow(stays));
  EXPECT_EQ(hub.size(), api::kMostFollowers);
}

TEST_F(FollowTest, SeventeenAreTooMany) {
  StartLive(kWeb);
  std::vector<std::unique_ptr<HttpPeer>> followers = TakeAllPlaces();
  HttpPeer late(server_->addresses()[0]);
  EXPECT_EQ(late.Ask("GET /v1/events").status, 503);
  EXPECT_EQ(peer->Ask("HEAD /v1/events").status, 503);
}

}  // namespace
}  // namespace fairlead::testing::config_routes_test
