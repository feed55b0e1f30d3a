// Changes by hand over HTTP, through a real control core.
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "api_test.h"
#include "control/model_diff.h"
#include "live_director.h"

namespace fairlead::testing::edit_routes_test {
namespace {

namespace json = boost::json;
using EditRoutesTest = LiveApiTest;

constexpr const char* kWeb =
    "services:\n  - { name: web, address: 192.0.2.10, protocol: tcp, port: 80, scheduler: wrr, "
    "reals: [ { address: 10.0.0.11, weight: 2 }, { address: 10.0.0.12 } ] }\n";

TEST_F(EditRoutesTest, AServiceIsAddedChangedAndRemoved) {
  StartLive("");
  const Answer added = peer->Ask(
      "POST /v1/services",
      R"({"address":"192.0.2.20","protocol":"tcp","port":443,"reals":[{"address":"10.0.0.21"}]})");
  ASSERT_EQ(added.status, 201) << added.body;
  EXPECT_EQ(added.header("etag"), "\"2\"");
  EXPECT_EQ(added.json().at("name").as_string(), "tcp-192.0.2.20-443");
  EXPECT_EQ(added.json().at("reals").at(0).at("name").as_string(), "10.0.0.21:443");
  // In force: the workers' index has it, and its address is ours.
  const dataplane::Snapshot& snapshot = *fabric_.publisher.current();
  EXPECT_EQ(snapshot.service_index.size(), 1u);
  EXPECT_NE(snapshot.FindLocal(*IpAddress::Parse("192.0.2.20")), nullptr);

  const Answer changed =
      peer->Ask("PATCH /v1/services/tcp-192.0.2.20-443", R"({"scheduler":"sh","name":"tls"})");
  ASSERT_EQ(changed.status, 200) << changed.body;
  EXPECT_EQ(changed.json().at("scheduler").as_string(), "sh");
  EXPECT_EQ(changed.json().at("name").as_string(), "tls");

  const Answer removed = peer->Ask("DELETE /v1/services/tls");
  ASSERT_EQ(removed.status, 200) << removed.body;
  EXPECT_EQ(json::serialize(removed.json()),
            R"({"generation":4,"changes":["service tls: removed"]})");
  EXPECT_EQ(fabric_.publisher.current()->FindLocal(*IpAddress::Parse("192.0.2.20")), nullptr);
  EXPECT_EQ(peer->Ask("DELETE /v1/services/tls").status, 404);
}

TEST_F(EditRoutesTest, RealsAreAddedChangedAndRemoved) {
  StartLive(kWeb);
  const Answer added =
      peer->Ask("POST /v1/services/web/reals", R"({"address":"10.0.0.13","weight":5})");
  ASSERT_EQ(added.status, 201) << added.body;
  EXPECT_EQ(added.json().at("weight").as_int64(), 5);
  const json::object web = peer->Ask("GET /v1/services/web").json();
  EXPECT_EQ(web.at("reals").at(0).at("name").as_string(), "10.0.0.13:80") << "the newest first";

  const Answer changed = peer->Ask("PATCH /v1/services/web/reals/10.0.0.13:80",
                                   R"({"admin":"quiesce","upper_threshold":10,"forward":"dr"})");
  ASSERT_EQ(changed.status, 200) << changed.body;
  EXPECT_EQ(changed.json().at("admin").as_string(), "quiesce");
  EXPECT_EQ(changed.json().at("forward").as_string(), "dr");
  EXPECT_EQ(changed.json().at("weight").as_int64(), 5);
  EXPECT_EQ(changed.json().at("effective_weight").as_int64(), 0);

  ASSERT_EQ(peer->Ask("DELETE /v1/services/web/reals/10.0.0.13:80").status, 200);
  // It is a ghost now: shown, but not to be changed. Added again it is the same real.
  const Answer ghost = peer->Ask("PATCH /v1/services/web/reals/10.0.0.13:80", R"({"weight":1})");
  EXPECT_EQ(ghost.status, 409);
  EXPECT_EQ(ProblemOf(ghost), "real-removed");
  const RealId id = core_->view()->services[0].reals.back().id;
  ASSERT_EQ(peer->Ask("POST /v1/services/web/reals", R"({"address":"10.0.0.13"})").status, 201);
  EXPECT_EQ(core_->view()->services[0].reals.front().id, id);
}

TEST_F(EditRoutesTest, ADrainIsAskedForShownAndTakenBack) {
  StartLive(kWeb);
  const std::string real = "/v1/services/web/reals/10.0.0.11:80";
  const Answer drained =
      peer->Ask("POST " + real + "/drain", R"({"deadline":"10m","then_remove":false})");
  ASSERT_EQ(drained.status, 200) << drained.body;
  EXPECT_EQ(drained.json().at("admin").as_string(), "drain");
  EXPECT_EQ(drained.json().at("connections_are").as_string(), "serve");
  EXPECT_EQ(drained.json().at("connections_left").as_int64(), 0);
  const json::object drain = drained.json().at("drain").as_object();
  EXPECT_GT(drain.at("remaining_seconds").as_int64(), 590);
  EXPECT_EQ(drain.at("is_over").as_bool(), false);
  const Answer enabled = peer->Ask("PATCH " + real, R"({"state":"up"})");
  EXPECT_TRUE(enabled.json().at("drain").is_null());

  const Answer wrong = peer->Ask("POST " + real + "/drain", R"({"deadline":"soon","wait":true})");
  EXPECT_EQ(wrong.status, 422);
  EXPECT_EQ(wrong.json().at("errors").as_array().size(), 2u) << wrong.body;
}

TEST_F(EditRoutesTest, RefusalsAreProblemsAndChangeNothing) {
  StartLive(kWeb);
  const Answer exists =
      peer->Ask("POST /v1/services", R"({"address":"192.0.2.10","protocol":"tcp","port":80})");
  EXPECT_EQ(exists.status, 409);
  EXPECT_EQ(ProblemOf(exists), "exists");
  EXPECT_EQ(peer->Ask("POST /v1/services/web/reals", R"({"address":"10.0.0.11"})").status, 409);
  EXPECT_EQ(peer->Ask("POST /v1/services/wbe/reals", R"({"address":"10.0.0.13"})").status, 404);
  EXPECT_EQ(peer->Ask("PATCH /v1/services/web/reals/10.0.0.14:80", "{}").status, 404);

  const Answer wrong = peer->Ask("PATCH /v1/services/web/reals/10.0.0.11:80",
                                 R"({"weight":70000,"state":"gone","wait":1})");
  EXPECT_EQ(wrong.status, 422);
  EXPECT_EQ(ProblemOf(wrong), "invalid-body");
  ASSERT_EQ(wrong.json().at("errors").as_array().size(), 3u) << wrong.body;
  EXPECT_EQ(wrong.json().at("errors").at(0).at("place").as_string(), "body:1:11: weight");
  for (const char* body : {"", "[1]", "{", R"({"weight":1.5})", R"({"weight":"1"})"}) {
    EXPECT_EQ(peer->Ask("PATCH /v1/services/web/reals/10.0.0.11:80", body).status, 422) << body;
  }
  EXPECT_EQ(core_->view()->generation, 1u);
}

// Who adds by hand what the file loader would warn of is warned as well.
TEST_F(EditRoutesTest, AnswersWarnAsTheFileLoaderDoes) {
  StartLive("classifier: [ { name: shop, mark: 7, destination: 192.0.2.10 } ]\n");
  const auto warnings = [](const Answer& answer) {
    EXPECT_LT(answer.status, 300) << answer.body;
    const json::object body = answer.json();
    const json::value* found = body.if_contains("warnings");
    return found == nullptr ? "" : json::serialize(*found);
  };
  EXPECT_EQ(warnings(peer->Ask("POST /v1/services", R"({"mark":21})")),
            R"([{"place":"mark","detail":"no classifier rule sets this mark"}])");
  EXPECT_EQ(warnings(peer->Ask("PATCH /v1/services/mark-21-v4", R"({"scheduler":"rr"})")),
            R"([{"place":"mark","detail":"no classifier rule sets this mark"}])");
  const std::string far = "no port's network and no route leads there";
  EXPECT_EQ(
      warnings(peer->Ask("POST /v1/services", R"({"mark":7,"reals":[{"address":"10.0.0.11"},)"
                                              R"({"address":"172.16.0.1","forward":"dr"}]})")),
      R"([{"place":"reals[1].address","detail":")" + far + "\"}]");
  EXPECT_EQ(warnings(peer->Ask("POST /v1/services/mark-7-v4/reals",
                               R"({"address":"172.16.0.2","forward":"dr"})")),
            R"([{"place":"address","detail":")" + far + "\"}]");
  EXPECT_EQ(warnings(peer->Ask("POST /v1/services/mark-7-v4/reals", R"({"address":"10.0.0.12"})")),
            "");
}

// What sh and mh hash under is of the service itself where there is no persistence to have it.
TEST_F(EditRoutesTest, AHashedNetmaskIsShown) {
  StartLive(kWeb);
  const char* const body = R"({"mark":31,"scheduler":"mh","scheduler_flags":["mh-netmask"],)"
                           R"("netmask":"255.0.255.0"})";
  ASSERT_EQ(peer->Ask("POST /v1/services", body).status, 201);
  const auto shown = [this] { return peer->Ask("GET /v1/services/mark-31-v4").json(); };
  EXPECT_EQ(shown().at("netmask").to_number<int>(), 16);
  EXPECT_EQ(shown().at("mask").as_string(), "255.0.255.0");
  ASSERT_EQ(peer->Ask("PATCH /v1/services/mark-31-v4", R"({"netmask":24})").status, 200);
  EXPECT_EQ(shown().at("netmask").to_number<int>(), 24);
  EXPECT_FALSE(shown().contains("mask"));
  ASSERT_EQ(peer->Ask("PATCH /v1/services/mark-31-v4", R"({"scheduler":"rr"})").status, 200);
  EXPECT_FALSE(shown().contains("netmask"));
}

TEST_F(EditRoutesTest, APatchToTheSameValuesIsAnEdit) {
  StartLive(kWeb);
  const auto edits = [this] { return fabric_.publisher.current()->services[0].plan.edit_count(); };
  const uint32_t before = edits();
  ASSERT_EQ(peer->Ask("PATCH /v1/services/web/reals/10.0.0.11:80", R"({"weight":2})").status, 200);
  EXPECT_EQ(edits(), before + 1);
  ASSERT_EQ(peer->Ask("PATCH /v1/services/web", R"({"scheduler":"wrr"})").status, 200);
  EXPECT_EQ(edits(), before + 1);
}

TEST_F(EditRoutesTest, IfMatchGuardsEveryChange) {
  StartLive(kWeb);
  const std::string stale = "Host: localhost\r\nIf-Match: \"9\"\r\n";
  for (const char* request :
       {"POST /v1/services", "DELETE /v1/services", "PATCH /v1/services/web",
        "DELETE /v1/services/web", "POST /v1/services/web/reals",
        "PATCH /v1/services/web/reals/10.0.0.11:80", "DELETE /v1/services/web/reals/10.0.0.11"}) {
    EXPECT_EQ(peer->Ask(request, "{}", stale).status, 412) << request;
  }
  EXPECT_EQ(peer->Ask("DELETE /v1/services", "", "Host: localhost\r\nIf-Match: \"1\"\r\n").status,
            200);
  EXPECT_TRUE(core_->view()->services.empty());
}

// Every key that a service can have, and names that look like numbers and words.
constexpr const char* kRich = R"(
prefix_sets: { proxies: [198.51.100.0/24, '2001:db8:1::/48'] }
client_groups: [ { name: "10", source: 203.0.113.0/24 }, { name: yes-men, source: "@proxies" } ]
classifier: [ { mark: 7, protocol: tcp, destination: 192.0.2.99 } ]
defaults: { scheduler: rr, timeouts: { tcp: 90s } }
policy: { drop_packet: auto, sloppy_tcp: true }
services:
  - { name: web, address: 192.0.2.10, protocol: tcp, port: 80, scheduler: mh,
      scheduler_flags: [mh-port, mh-fallback], forward: nat, announce: always, on_remove: drain,
      timeouts: { tcp: 1500ms, udp: 3d, syn_recv: 7s },
      policy: { expire_nodest_conn: true, conn_reuse_mode: 2, lblc_expiration: 6h },
      persistence: { timeout: 30m, netmask: 255.0.255.0, netmask6: 64, renew: step=90s,
        max_lifetime: 8h, rekey: 1m, spread: 2, client_groups: ["10", yes-men],
        netmasks: [ { source: ["@proxies", 10.9.0.0/16], netmask: 20 } ] },
      health: { type: http, path: /up, host: "007", expect: [200, 204-299], port: 8080,
        interval: 1500ms, timeout: 300ms, fall: 4, rise: 5, on_fail: quiesce },
      fallback: { address: 10.0.0.99, port: 8081 },
      reals: [ { address: 10.0.0.11, port: 8000, weight: 0, state: drain },
               { address: 10.0.0.12, upper_threshold: 9, lower_threshold: 3 } ] }
  - { name: "0123", mark: 7, family: ipv4, forward: tun, persistence: { timeout: infinite },
      reals: [ { address: 10.0.0.13 } ] }
  - { name: "true", address: 192.0.2.11, protocol: udp, port: 5060, engine: sip,
      persistence: {}, health: { type: tcp }, reals: [ { address: 10.0.0.14 } ] }
  - { address: 192.0.2.12, protocol: udp, port: 53, one_packet: true, reals: [] }
  - { name: any, address: 192.0.2.13, protocol: tcp, port: 0, allow_any_port: true,
      persistence: { group: "null" }, forward: dr, reals: [ { address: 10.0.0.15 } ] }
)";

TEST_F(EditRoutesTest, WhatIsReadCanBeWritten) {
  StartLive(kRich);
  const control::ConfigModel before = *core_->view()->model;
  ASSERT_EQ(before.services.size(), 5u);
  const auto model = [this] { return core_->view()->model; };
  const auto write_back = [this](const std::string& path) {
    const json::value config = peer->Ask("GET " + path).json().at("config");
    const Answer answer = peer->Ask("PATCH " + path, json::serialize(config));
    EXPECT_EQ(answer.status, 200) << path << answer.body;
    EXPECT_EQ(answer.json().at("config"), config) << path;
    return json::serialize(config);
  };
  for (const control::ServiceConfig& service : before.services) {
    const std::string path = "/v1/services/" + service.name;
    const std::string config = write_back(path);
    EXPECT_EQ(*model(), before) << config;
    for (const control::RealConfig& real : service.reals) {
      write_back(path + "/reals/" + control::NameOf(real));
      EXPECT_EQ(*model(), before) << service.name;
    }
    // The same makes the service anew.
    ASSERT_EQ(peer->Ask("DELETE " + path).status, 200);
    ASSERT_EQ(peer->Ask("POST /v1/services", config).status, 201) << config;
    EXPECT_EQ(model()->services.back(), service) << config;
    ASSERT_EQ(peer->Ask("POST /v1/reload").status, 200);
  }
  for (const char* path : {"/v1/timeouts", "/v1/policy"}) {
    const std::string shown = peer->Ask(std::string("GET ") + path).body;
    EXPECT_EQ(peer->Ask(std::string("PATCH ") + path, shown).status, 200) << shown;
    EXPECT_EQ(*model(), before) << path;
  }
}

// Every type of check, with texts that JSON could take for something else.
constexpr const char* kChecks = R"(
services:
  - name: web
    address: 192.0.2.10
    protocol: tcp
    port: 80
    health:
      - { type: https, method: OPTIONS, host: "007", expect_body: { contains: "12" }, sni: "1a",
          verify: false, certificate: /etc/own.pem, key: /etc/own.key, min_tls: 1.3 }
      - { type: http, expect_body: { matches: "true|\\d" } }
      - { type: tcp, send: 'PING\r\n\x00\xff', receive: "220" }
      - { type: tcp, tls: true, steps: [ { receive: { matches: "^2" } }, { send: "1" },
          { send: '\\ "', receive: null-ish } ] }
      - { type: smtp, helo: "25" }
      - { type: dns, name: "1.2", record: PTR }
      - { type: udp, send: "1", needs_answer: true }
      - { type: ping }
      - { type: mysql, user: "1", password_file: /etc/1 }
      - { type: ldap, bind_dn: "1", password_file: /etc/1 }
      - { type: redis, password_file: /etc/1 }
      - { type: agent, port: 9777, send: "true" }
      - { type: grpc, service: "1", host: "2" }
    reals: [ { address: 10.0.0.11 }, { address: 10.0.0.12, health: { type: tcp, send: "7" } } ]
)";

TEST_F(EditRoutesTest, ChecksThatAreReadCanBeWritten) {
  StartLive(kChecks);
  const control::ConfigModel before = *core_->view()->model;
  ASSERT_EQ(before.services.size(), 1u);
  ASSERT_EQ(before.services[0].health.size(), 13u);
  for (const char* path : {"/v1/services/web", "/v1/services/web/reals/10.0.0.12:80"}) {
    const json::value config = peer->Ask(std::string("GET ") + path).json().at("config");
    const Answer answer = peer->Ask(std::string("PATCH ") + path, json::serialize(config));
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(answer.json().at("config"), config);
    EXPECT_EQ(*core_->view()->model, before) << json::serialize(config);
  }
}

TEST_F(EditRoutesTest, TimeoutsAndPolicyReachTheServices) {
  StartLive(kWeb);
  ASSERT_EQ(peer->Ask("PATCH /v1/timeouts", R"({"tcp":"901s","udp":"30s"})").status, 200);
  const json::object timeouts = peer->Ask("GET /v1/timeouts").json();
  EXPECT_EQ(timeouts.at("tcp").as_string(), "901s");
  EXPECT_EQ(timeouts.at("tcp_fin").as_string(), "2m");
  EXPECT_EQ(timeouts.at("udp").as_string(), "30s");
  EXPECT_EQ(core_->view()->model->services[0].timeouts.udp, std::chrono::seconds(30));
  const Answer wrong = peer->Ask("PATCH /v1/timeouts", R"({"tcp":900})");
  EXPECT_EQ(wrong.status, 422);
  EXPECT_EQ(wrong.json().at("errors").at(0).at("place").as_string(), "body:1:8: tcp");

  ASSERT_EQ(peer->Ask("PATCH /v1/policy", R"({"expire_quiescent_template":true})").status, 200);
  const json::object policy = peer->Ask("GET /v1/policy").json();
  EXPECT_TRUE(policy.at("expire_quiescent_template").as_bool());
  EXPECT_EQ(policy.at("conn_reuse_mode").as_int64(), 1);
  EXPECT_EQ(policy.at("no_listener").as_string(), "rst");
  EXPECT_TRUE(fabric_.publisher.current()->services[0].policy.expire_quiescent_template);
  EXPECT_EQ(peer->Ask("PATCH /v1/policy", json::serialize(policy)).status, 200);
}

TEST_F(EditRoutesTest, DiffAndConfigShowWhatTheFileDoesNotSay) {
  StartLive(kWeb);
  EXPECT_TRUE(peer->Ask("GET /v1/diff").json().at("changes").as_array().empty());
  ASSERT_EQ(peer->Ask("PATCH /v1/services/web/reals/10.0.0.11", R"({"weight":7})").status, 200);
  const json::object diff = peer->Ask("GET /v1/diff").json();
  EXPECT_EQ(diff.at("file").as_string(), path_);
  EXPECT_EQ(json::serialize(diff.at("changes")),
            R"(["service web: real 10.0.0.11:80 weight 2 → 7"])");
  const Answer config = peer->Ask("GET /v1/config");
  const auto loaded = control::LoadConfigText(config.body, "config.yaml");
  ASSERT_TRUE(loaded) << config.body;
  EXPECT_EQ(*loaded.model, *core_->view()->model);
}

TEST_F(EditRoutesTest, ConfigOfTheFileIsThatWithoutChangesByHand) {
  StartLive(kWeb);
  const Answer before = peer->Ask("GET /v1/config");
  ASSERT_EQ(peer->Ask("PATCH /v1/services/web/reals/10.0.0.11", R"({"weight":7})").status, 200);
  EXPECT_NE(peer->Ask("GET /v1/config").body, before.body);
  const Answer of_file = peer->Ask("GET /v1/config?of=file");
  EXPECT_EQ(of_file.body, before.body);
  EXPECT_NE(of_file.header("etag"), before.header("etag"));
  EXPECT_EQ(peer->Ask("GET /v1/config?of=start").status, 400);
}

TEST_F(EditRoutesTest, HalvesOfSynchronisationAreStartedAndStopped) {
  StartLive(kWeb);
  const std::string lo = R"({"interface":"lo","syncid":7})";
  EXPECT_EQ(peer->Ask("PUT /v1/sync/ipvs/both", lo).json().at("type").as_string(),
            "urn:fairlead:problem:unknown-half");
  EXPECT_EQ(peer->Ask("DELETE /v1/sync/ipvs/master").status, 404);
  const Answer missing = peer->Ask("PUT /v1/sync/ipvs/backup", R"({"interface":"nosuch"})");
  EXPECT_EQ(missing.status, 422);
  EXPECT_EQ(missing.json().at("detail").as_string(),
            "This machine has no network interface \"nosuch\"");
  EXPECT_EQ(peer->Ask("PUT /v1/sync/ipvs/backup", "{}").status, 422);
  const Answer started = peer->Ask("PUT /v1/sync/ipvs/backup", lo);
  ASSERT_EQ(started.status, 200) << started.body;
  EXPECT_EQ(json::serialize(started.json().at("changes")), R"(["sync.ipvs.role off → backup"])");
  EXPECT_EQ(peer->Ask("PUT /v1/sync/ipvs/backup", lo).status, 409);
  EXPECT_EQ(core_->view()->model->sync.ipvs->syncid, 7);
  EXPECT_EQ(peer->Ask("DELETE /v1/sync/ipvs/backup").status, 200);
  EXPECT_FALSE(core_->view()->model->sync.ipvs);
}

TEST_F(EditRoutesTest, ZeroStartsFiguresOverAndNoCounterFalls) {
  StartLive(kWeb);
  const RealId id = core_->view()->services[0].reals[0].id;
  fabric_.stats.traffic(WorkerId{0}, id).connections.Add(5);
  const auto figure = [&](const json::object& of, const char* kind) {
    return of.at(kind).at("connections").as_int64();
  };
  json::object web = peer->Ask("GET /v1/services/web").json();
  EXPECT_EQ(figure(web, "since_zero"), 5);
  EXPECT_EQ(peer->Ask("POST /v1/zero", R"({"service":"wbe"})").status, 404);
  ASSERT_EQ(peer->Ask("POST /v1/zero", R"({"service":"web"})").status, 200);
  fabric_.stats.traffic(WorkerId{0}, id).connections.Add(2);
  json::object all = peer->Ask("GET /v1/services?reals=true").json();
  web = all.at("services").at(0).as_object();
  EXPECT_EQ(figure(web, "since_zero"), 2);
  EXPECT_EQ(figure(web, "traffic"), 7);
  EXPECT_EQ(figure(web.at("reals").at(0).as_object(), "since_zero"), 2);
  EXPECT_EQ(figure(all.at("total").as_object(), "since_zero"), 7);
  ASSERT_EQ(peer->Ask("POST /v1/zero").status, 200);
  all = peer->Ask("GET /v1/services").json();
  EXPECT_EQ(figure(all.at("total").as_object(), "since_zero"), 0);
  EXPECT_EQ(figure(all.at("total").as_object(), "traffic"), 7);
  EXPECT_NE(
      peer->Ask("GET /metrics").body.find("fairlead_service_connections_total{service=\"web\"} 7"),
      std::string::npos);
}

TEST_F(EditRoutesTest, AReloadMakesTheFileTheWholeTruth) {
  StartLive(kWeb);
  ASSERT_EQ(peer->Ask("DELETE /v1/services/web/reals/10.0.0.12").status, 200);
  ASSERT_EQ(peer->Ask("POST /v1/services/web/reals", R"({"address":"10.0.0.13"})").status, 201);
  const Answer reload = peer->Ask("POST /v1/reload");
  ASSERT_EQ(reload.status, 200) << reload.body;
  EXPECT_EQ(reload.json().at("changes").as_array().size(), 2u) << reload.body;
  EXPECT_EQ(*core_->view()->model, *core_->view()->file_model);
  EXPECT_EQ(core_->view()->services[0].reals[0].name, "10.0.0.12:80");
}

}  // namespace
}  // namespace fairlead::testing::edit_routes_test
