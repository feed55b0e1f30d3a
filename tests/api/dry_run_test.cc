// ?dry_run=1: what would change is said, and nothing is.
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "api_test.h"
#include "base/log_level.h"
#include "control/api/router.h"
#include "fake_upgrade.h"

namespace fairlead::testing::dry_run_test {
namespace {

namespace json = boost::json;

class DryRunTest : public ApiTest {
 protected:
  // What the answer to a dry run says would change.
  std::string Try(const std::string& request, const std::string& body = "") {
    const Answer answer = peer->Ask(request, body);
    EXPECT_EQ(answer.status, 200) << request << ": " << answer.body;
    if (answer.status != 200) return answer.body;
    const json::object document = answer.json();
    EXPECT_TRUE(document.at("dry_run").as_bool()) << request;
    return json::serialize(document.at("changes"));
  }
};

TEST_F(DryRunTest, ChangesByHandAreWeighedByTheControlCore) {
  Start();
  const std::string said = "[\"service web: scheduler rr → wlc\"]";
  EXPECT_EQ(Try("POST /v1/services?dry_run=1", "{}"), said);
  EXPECT_EQ(Try("DELETE /v1/services?dry_run=1"), said);
  EXPECT_EQ(Try("PATCH /v1/services/web?dry_run=1", "{}"), said);
  EXPECT_EQ(Try("DELETE /v1/services/web?dry_run=1"), said);
  EXPECT_EQ(Try("POST /v1/services/web/reals?dry_run=1", "{}"), said);
  EXPECT_EQ(Try("PATCH /v1/services/web/reals/10.0.0.11:80?dry_run=1", R"({"weight":7})"), said);
  EXPECT_EQ(Try("POST /v1/services/web/reals/10.0.0.11:80/drain?dry_run=1"), said);
  EXPECT_EQ(Try("DELETE /v1/services/web/reals/10.0.0.11:80?dry_run=1"), said);
  EXPECT_EQ(Try("PATCH /v1/timeouts?dry_run=1", "{}"), said);
  EXPECT_EQ(Try("PATCH /v1/policy?dry_run=1", "{}"), said);
  EXPECT_EQ(director.changes, 0u);
  EXPECT_EQ(director.view()->generation, 7u);
  EXPECT_EQ(
      peer->Ask("PATCH /v1/services/web/reals/10.0.0.11:80?dry_run=0", R"({"weight":7})").status,
      200);
  EXPECT_EQ(director.changes, 1u);
}

TEST_F(DryRunTest, ARefusalIsTheOneThatTheChangeWouldGet) {
  Start();
  const std::string path = "PATCH /v1/services/web/reals/10.0.0.99";
  const Answer tried = peer->Ask(path + "?dry_run=1", R"({"weight":7})");
  const Answer done = peer->Ask(path, R"({"weight":7})");
  EXPECT_EQ(tried.status, 404);
  EXPECT_EQ(tried.status, done.status);
  EXPECT_EQ(tried.body, done.body);
  EXPECT_EQ(peer->Ask("DELETE /v1/connections?dry_run=1&service=shp").status, 400);
  EXPECT_EQ(peer->Ask("POST /v1/zero?dry_run=1", R"({"service":"shp"})").status, 404);
}

TEST_F(DryRunTest, IfMatchCounts) {
  Start();
  const std::string ask = "DELETE /v1/services/web?dry_run=1";
  EXPECT_EQ(peer->Ask(ask, "", "Host: localhost\r\nIf-Match: \"7\"\r\n").status, 200);
  EXPECT_EQ(peer->Ask(ask, "", "Host: localhost\r\nIf-Match: \"6\"\r\n").status, 412);
}

TEST_F(DryRunTest, FlushesCount) {
  for (int i = 0; i < 5; ++i) {
    dataplane::ConnectionRow row;
    row.protocol = 6;
    row.client = At("198.51.100.7:" + std::to_string(1000 + i));
    director.connections[i % 2].push_back(row);
  }
  director.templates[0].emplace_back();
  Start();
  EXPECT_EQ(Try("DELETE /v1/connections?dry_run=1"), "[\"5 connections flushed\"]");
  EXPECT_EQ(Try("DELETE /v1/connections?client=192.0.2.1&dry_run=1"), "[]");
  EXPECT_EQ(Try("DELETE /v1/templates?dry_run=1"), "[\"1 template flushed\"]");
  EXPECT_EQ(director.connections[0].size() + director.connections[1].size(), 5u);
  EXPECT_EQ(director.templates[0].size(), 1u);
  EXPECT_EQ(peer->Ask("DELETE /v1/connections").json().at("flushed").to_number<int>(), 5);
}

TEST_F(DryRunTest, PinsZeroesAndLogLevels) {
  Start();
  const std::string pin = R"({"service":"shop","client":"198.51.100.7","real":"10.0.0.11"})";
  EXPECT_EQ(Try("POST /v1/templates?dry_run=1", pin),
            "[\"service shop: client 198.51.100.0/24 is pinned to 10.0.0.11:0\"]");
  EXPECT_TRUE(director.templates[1].empty());
  EXPECT_EQ(Try("POST /v1/zero?dry_run=1", R"({"service":"shop"})"),
            "[\"figures since zero of service shop start over\"]");
  EXPECT_EQ(director.zeroes, 0u);
  const LogLevel before = CurrentLogLevel();
  EXPECT_NE(Try("PUT /v1/log?dry_run=1", R"({"level":"debug"})"), "[]");
  EXPECT_EQ(CurrentLogLevel(), before);
}

TEST_F(DryRunTest, UpgradesNameTheProgram) {
  FakeUpgrade fake;
  upgrade = &fake;
  Start();
  EXPECT_NE(Try("POST /v1/upgrade?dry_run=1").find("/usr/local/sbin/fairleadd takes over from"),
            std::string::npos);
  EXPECT_EQ(fake.state().phase, api::UpgradeState::Phase::kNone);
  server->Stop();
}

TEST(DryRunRouter, WhereNobodyLooksAtItItIsRefused) {
  api::Router router;
  bool is_done = false;
  router.Add(api::Method::kPost, "/v1/bomb", [&](const api::Call&, const api::Responder& respond) {
    is_done = true;
    respond({});
  });
  api::HttpRequest request;
  request.method = api::Method::kPost;
  request.path = "/v1/bomb";
  request.segments = {"v1", "bomb"};
  request.query = {{"dry_run", "1"}};
  request.caller.role = api::Role::kAdmin;
  int status = 0;
  std::string problem;
  router.Route(request, [&](const api::HttpResponse& response) {
    status = response.status;
    problem = response.problem;
  });
  EXPECT_EQ(status, 400);
  EXPECT_EQ(problem, "no-dry-run");
  EXPECT_FALSE(is_done);
}

TEST_F(DryRunTest, ASlipIsNoChange) {
  Start();
  EXPECT_EQ(peer->Ask("DELETE /v1/services/web?dry_run=yes").status, 400);
  EXPECT_EQ(peer->Ask("DELETE /v1/services/web?dry_run").status, 400);
  EXPECT_EQ(director.changes, 0u);
}

}  // namespace
}  // namespace fairlead::testing::dry_run_test
