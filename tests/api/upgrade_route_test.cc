// GET and POST /v1/upgrade, and listening sockets that one API passes to the next.
#include <sys/stat.h>
#include <unistd.h>

#include <stdexcept>

#include "api_test.h"
#include "fake_upgrade.h"

namespace fairlead::testing::upgrade_route_test {
namespace {

class UpgradeRouteTest : public ApiTest {
 protected:
  UpgradeRouteTest() { upgrade = &fake_; }
  FakeUpgrade fake_;
};

TEST_F(UpgradeRouteTest, BeginsAndSaysSo) {
  Start();
  const auto before = peer->Ask("GET /v1/upgrade").json();
  EXPECT_EQ(before.at("phase").as_string(), "none");
  EXPECT_EQ(before.at("pid").as_int64(), ::getpid());
  EXPECT_EQ(before.at("version").as_string(), FAIRLEAD_VERSION);
  const Answer begun = peer->Ask("POST /v1/upgrade");
  ASSERT_EQ(begun.status, 202) << begun.body;
  EXPECT_EQ(begun.json().at("phase").as_string(), "starting");
  EXPECT_EQ(begun.json().at("binary").as_string(), "/usr/local/sbin/fairleadd");
  const Answer second = peer->Ask("POST /v1/upgrade");
  EXPECT_EQ(second.status, 409);
  EXPECT_EQ(ProblemOf(second), "exists");
}

TEST_F(UpgradeRouteTest, SaysWhyItFailed) {
  fake_.fails = "it ended with status 127";
  Start();
  ASSERT_EQ(peer->Ask("POST /v1/upgrade").status, 202);
  const auto after = peer->Ask("GET /v1/upgrade").json();
  EXPECT_EQ(after.at("phase").as_string(), "failed");
  EXPECT_EQ(after.at("reason").as_string(), "it ended with status 127");
}

// The test runs as the user that the director would be.
TEST_F(UpgradeRouteTest, AProgramIsNamedOverTheUnixSocketAlone) {
  Start();
  HttpPeer loopback(server->addresses()[1]);
  const Answer refused = loopback.Ask("POST /v1/upgrade", R"({"binary": "/tmp/x"})");
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(ProblemOf(refused), "needs-owner");
  EXPECT_EQ(fake_.state().phase, api::UpgradeState::Phase::kNone);
  const Answer named = peer->Ask("POST /v1/upgrade", R"({"binary": "/opt/fairleadd"})");
  ASSERT_EQ(named.status, 202) << named.body;
  EXPECT_EQ(fake_.state().binary, "/opt/fairleadd");
}

TEST_F(UpgradeRouteTest, WithoutAProgramAnyListenerWillDo) {
  Start();
  HttpPeer loopback(server->addresses()[1]);
  EXPECT_EQ(loopback.Ask("POST /v1/upgrade").status, 202);
}

TEST_F(UpgradeRouteTest, BadBodiesBeginNothing) {
  Start();
  for (const char* body : {R"({"binary": "fairleadd"})", R"({"binary": 7})", R"({"bin": "/x"})"}) {
    EXPECT_EQ(peer->Ask("POST /v1/upgrade", body).status, 422) << body;
  }
  EXPECT_EQ(peer->Ask("POST /v1/upgrade", "{").status, 400);
  EXPECT_EQ(fake_.state().phase, api::UpgradeState::Phase::kNone);
}

TEST_F(UpgradeRouteTest, WhatCannotBeReplacedSaysSo) {
  upgrade = nullptr;
  Start();
  EXPECT_EQ(peer->Ask("GET /v1/upgrade").status, 503);
  EXPECT_EQ(ProblemOf(peer->Ask("POST /v1/upgrade")), "unavailable");
}

// Who connects between two directors is answered by the next one.
TEST_F(UpgradeRouteTest, ListenersArePassedOnWithoutARefusal) {
  Start();
  ASSERT_EQ(peer->Ask("GET /healthz").status, 200) << "so it is no longer one who only connects";
  const std::string port = server->addresses()[1];
  const std::string path = director.socket().substr(5);
  struct stat before {
  }, after{};
  ASSERT_EQ(::stat(path.c_str(), &before), 0);
  std::vector<NamedDescriptor> passed = server->StopAndRelease();
  ASSERT_EQ(passed.size(), 2u);
  EXPECT_EQ(passed[0].name, director.socket());
  EXPECT_EQ(passed[1].name, "http://127.0.0.1:0") << "as the configuration says it";
  server.reset();
  EXPECT_FALSE(peer->IsOpen());
  HttpPeer over_path(director.socket());
  HttpPeer over_port(port);

  api::ApiServer next(director, {.listen = {director.socket(), "http://127.0.0.1:0"}});
  const Status started = next.Start(std::move(passed));
  ASSERT_TRUE(started) << started.error().ToString();
  EXPECT_EQ(next.addresses()[1], port);
  EXPECT_EQ(over_path.Ask("GET /healthz").status, 200);
  EXPECT_EQ(over_port.Ask("GET /healthz").status, 200);
  ASSERT_EQ(::stat(path.c_str(), &after), 0);
  EXPECT_EQ(after.st_ino, before.st_ino);
  next.Stop();
  EXPECT_NE(::stat(path.c_str(), &after), 0) << "removed at the end";
}

TEST_F(UpgradeRouteTest, AListenerThatTheNextOneDoesNotWantIsClosed) {
  Start();
  const std::string port = server->addresses()[1];
  std::vector<NamedDescriptor> passed = server->StopAndRelease();
  api::ApiServer next(director, {.listen = {director.socket()}});
  ASSERT_TRUE(next.Start(std::move(passed)));
  EXPECT_EQ(HttpPeer(director.socket()).Ask("GET /healthz").status, 200);
  EXPECT_THROW(HttpPeer{port}, std::runtime_error);
  next.Stop();
}

TEST_F(UpgradeRouteTest, WhatDoesNotListenIsNotTaken) {
  director.Start();
  std::vector<NamedDescriptor> passed;
  passed.push_back({director.socket(), FileDescriptor(::dup(STDIN_FILENO))});
  api::ApiServer next(director, {.listen = {director.socket()}});
  const Status started = next.Start(std::move(passed));
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().message.find("does not listen there"), std::string::npos);
}

}  // namespace
}  // namespace fairlead::testing::upgrade_route_test
