#include "control/api/http_server.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/system/error_code.hpp>
#include <cerrno>
#include <fstream>

#include "api_test.h"
#include "base/faults.h"
#include "base/utf8.h"
#include "control/api/http_session.h"
#include "control/api/loopback_host.h"
#include "control/api/session_budget.h"

namespace fairlead::testing::http_server_test {
namespace {

using HttpServerTest = ApiTest;

TEST_F(HttpServerTest, SocketHasItsDirectoryAndItsMode) {
  Start();
  struct stat s {};
  ASSERT_EQ(::stat(director.socket().substr(5).c_str(), &s), 0);
  EXPECT_EQ(s.st_mode & 0777, 0660u);
  server->Stop();
  EXPECT_NE(::stat(director.socket().substr(5).c_str(), &s), 0) << "removed at the end";
}

TEST_F(HttpServerTest, StaleSocketIsReplacedAndLiveOneRefused) {
  const std::string path = director.socket().substr(5);
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un where{};
  where.sun_family = AF_UNIX;
  path.copy(where.sun_path, sizeof where.sun_path - 1);
  ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&where), sizeof where), 0);
  ::close(fd);  // a director that was killed
  Start();
  EXPECT_EQ(peer->Ask("GET /healthz").status, 200);

  api::ApiServer second(director, {{director.socket()}});
  const Status status = second.Start();
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().ToString().find("another program answers"), std::string::npos);
  EXPECT_EQ(peer->Ask("GET /healthz").status, 200) << "the first is not disturbed";
}

TEST_F(HttpServerTest, RefusesWhatIsNoSocketAndNoLoopback) {
  const std::string file = director.directory() + "/file";
  std::ofstream(file) << "precious";
  for (const auto& [where, words] : std::vector<std::pair<std::string, std::string>>{
           {"unix:" + file, "is not a socket"},
           {"unix:relative", "absolute path"},
           {"http://192.0.2.1:80", "loopback address"},
           {"http://0.0.0.0:80", "loopback address"},
           {"https://127.0.0.1:80", "needs certificate and key"},
           {"ftp", "loopback address"}}) {
    api::ApiServer refused(director, {{where}});
    const Status status = refused.Start();
    ASSERT_FALSE(status) << where;
    EXPECT_NE(status.error().ToString().find(words), std::string::npos)
        << status.error().ToString();
  }
  EXPECT_TRUE(std::filesystem::exists(file));
}

TEST_F(HttpServerTest, KeepsAliveOverManyRequests) {
  Start();
  for (int i = 0; i < 50; ++i) {
    const Answer answer = peer->Ask("GET /healthz");
    ASSERT_EQ(answer.status, 200);
    ASSERT_EQ(answer.body, "ok\n");
  }
}

TEST_F(HttpServerTest, HeadHasTheLengthAndNoBody) {
  Start();
  const Answer get = peer->Ask("GET /v1/services");
  const Answer head = peer->Ask("HEAD /v1/services");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("content-length"), get.header("content-length"));
  EXPECT_EQ(peer->Ask("GET /healthz").body, "ok\n") << "nothing is left on the connection";
}

TEST_F(HttpServerTest, UnknownPathAndMethodAreProblems) {
  Start();
  const Answer missing = peer->Ask("GET /v2/nothing");
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(missing.header("content-type"), "application/problem+json");
  EXPECT_EQ(ProblemOf(missing), "no-such-resource");
  EXPECT_EQ(missing.json().at("status").as_int64(), 404);
  EXPECT_EQ(missing.json().at("title").as_string(), "Not Found");

  const Answer put = peer->Ask("PUT /v1/connections", "{}");
  EXPECT_EQ(put.status, 405);
  EXPECT_EQ(put.header("allow"), "GET, HEAD, DELETE");
  EXPECT_EQ(peer->Ask("OPTIONS /v1/reload").header("allow"), "POST");
}

TEST_F(HttpServerTest, LimitsBodyAndHeaders) {
  Start();
  const Answer body = peer->Ask("POST /v1/reload", std::string(api::kMaxBodyBytes + 1, ' '));
  EXPECT_EQ(body.status, 413);
  HttpPeer second(director.socket());
  const Answer headers =
      second.Ask("GET /healthz", "",
                 "Host: localhost\r\nX: " + std::string(api::kMaxHeaderBytes, 'x') + "\r\n");
  EXPECT_EQ(headers.status, 431);
  HttpPeer third(director.socket());
  EXPECT_EQ(third.Raw("this is not http\r\n\r\n").status, 400);
}

TEST_F(HttpServerTest, LoopbackRefusesForeignHostsAndOrigins) {
  Start();
  const std::string http = server->addresses()[1];
  HttpPeer tcp(http);
  EXPECT_EQ(tcp.Ask("GET /healthz", "", "Host: 127.0.0.1:9480\r\n").status, 200);
  EXPECT_EQ(tcp.Ask("GET /healthz", "", "Host: localhost\r\n").status, 200);
  EXPECT_EQ(tcp.Ask("GET /healthz", "", "Host: [::1]:9480\r\n").status, 200);
  const Answer rebound = tcp.Ask("GET /healthz", "", "Host: evil.example:9480\r\n");
  EXPECT_EQ(rebound.status, 421);
  EXPECT_EQ(ProblemOf(rebound), "foreign-host");
  const Answer forged =
      tcp.Ask("DELETE /v1/connections", "", "Host: localhost\r\nOrigin: http://evil.example\r\n");
  EXPECT_EQ(forged.status, 403);
  EXPECT_EQ(tcp.Ask("GET /healthz", "", "Host: localhost\r\nOrigin: http://localhost:1\r\n").status,
            200);
}

// A name in a path can be any bytes; what answers with it stays JSON.
TEST_F(HttpServerTest, WhatIsNoUtf8IsNotSentBack) {
  Start();
  for (const char* request :
       {"GET /v1/services/%ff%fe", "GET /v1/services/caf%e9/reals/1", "GET /v1/services/%c3",
        "GET /v1/connections?service=%ff", "GET /v2/%80", "GET /v1/connections?%ff=1"}) {
    const Answer answer = peer->Ask(request);
    EXPECT_GE(answer.status, 400) << request;
    EXPECT_TRUE(IsUtf8(answer.body)) << request;
    EXPECT_FALSE(answer.json().at("detail").as_string().empty()) << request;
  }
}

TEST(LoopbackHost, TheWholeTextIsTheHost) {
  for (const char* host : {"localhost", "LOCALHOST:9480", "127.0.0.1", "127.0.0.1:1", "127.8.7.6",
                           "[::1]", "[::1]:9480", "localhost:"}) {
    EXPECT_TRUE(api::IsLoopbackHost(host)) << host;
    EXPECT_TRUE(api::IsLoopbackOrigin("http://" + std::string(host))) << host;
  }
  for (const char* host :
       {"[::1].evil.example", "[::1]evil", "[::1", "[::2]", "localhost.evil.example",
        "evil.example:localhost", "127.0.0.1.evil.example", "localhost@evil.example",
        "localhost:99999", "localhost:http", "localhost/..", "localhost, evil.example", "",
        "127.0.0.1:80:90", "0.0.0.0", "%6cocalhost", " localhost"}) {
    EXPECT_FALSE(api::IsLoopbackHost(host)) << host;
    EXPECT_FALSE(api::IsLoopbackOrigin("http://" + std::string(host))) << host;
  }
  EXPECT_FALSE(api::IsLoopbackOrigin("https://localhost"));
  EXPECT_FALSE(api::IsLoopbackOrigin("null"));
}

TEST_F(HttpServerTest, ASecondHostIsNoHost) {
  Start();
  HttpPeer tcp(server->addresses()[1]);
  EXPECT_EQ(tcp.Ask("GET /healthz", "", "Host: [::1].evil.example\r\n").status, 421);
  EXPECT_EQ(tcp.Ask("GET /healthz", "", "Host: localhost\r\nHost: evil.example\r\n").status, 421);
  EXPECT_EQ(
      tcp.Ask("GET /healthz", "",
              "Host: localhost\r\nOrigin: http://localhost\r\nOrigin: http://evil.example\r\n")
          .status,
      403);
}

// ---- who keeps whom out -----------------------------------------------------------------------

class Seats : public ::testing::Test {
 protected:
  using TimePoint = api::Seat::TimePoint;

  void Sit(const std::string& peer, std::optional<int> waits_since) {
    auto& seat = seats_.emplace_back(std::make_unique<api::Seat>());
    seat->peer = peer;
    seat->leave = [this, name = peer + " " + std::to_string(waits_since.value_or(-1))] {
      left_.push_back(name);
    };
    if (waits_since) seat->waits_since = TimePoint(std::chrono::seconds(*waits_since));
    budget_.Add(seat.get());
  }

  api::SessionBudget budget_;
  std::vector<std::unique_ptr<api::Seat>> seats_;
  std::vector<std::string> left_;
};

TEST_F(Seats, TheGreediestMakesRoomWithWhatHasWaitedLongest) {
  for (int i = 0; i < 90; ++i) Sit("a", 1000 - i);
  for (int i = 0; i < 37; ++i) Sit("b", i);
  EXPECT_TRUE(budget_.MakeRoom("c"));
  EXPECT_TRUE(left_.empty());
  Sit("c", 2000);
  EXPECT_TRUE(budget_.MakeRoom("c"));
  EXPECT_EQ(left_, std::vector<std::string>{"a 911"});
  EXPECT_EQ(budget_.size(), api::kMaxSeats - 1);
}

TEST_F(Seats, WhoIsBeingAnsweredStays) {
  for (size_t i = 0; i < api::kMaxSeats; ++i) Sit(i % 2 == 0 ? "a" : "b", std::nullopt);
  EXPECT_FALSE(budget_.MakeRoom("c"));
  EXPECT_TRUE(left_.empty());
}

TEST_F(Seats, OnePeerCannotHaveThemAll) {
  for (size_t i = 0; i < api::kMaxSeatsOfPeer; ++i) Sit("a", std::nullopt);
  EXPECT_FALSE(budget_.MakeRoom("a"));
  EXPECT_TRUE(budget_.MakeRoom("b"));
  seats_[7]->waits_since = TimePoint(std::chrono::seconds(3));
  EXPECT_TRUE(budget_.MakeRoom("a"));
  EXPECT_EQ(left_.size(), 1u);
}

TEST_F(HttpServerTest, AThousandIdleAndSlowConnectionsKeepNobodyOut) {
  rlimit files{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &files), 0);
  files.rlim_cur = files.rlim_max;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &files), 0);
  Start();
  const std::string http = server->addresses()[1];
  std::vector<std::unique_ptr<HttpPeer>> crowd;
  for (int i = 0; i < 1000; ++i) {
    crowd.push_back(std::make_unique<HttpPeer>(http));
    if (i % 2 == 0) crowd.back()->Send("GET /v1/status HTTP/1.1\r\nHost: local");
  }
  HttpPeer socket(director.socket());
  EXPECT_EQ(socket.Ask("GET /v1/status").status, 200) << "a new one over the Unix socket";
  EXPECT_EQ(peer->Ask("GET /v1/status").status, 200) << "one that was there before";
  HttpPeer tcp(http);
  EXPECT_EQ(tcp.Ask("GET /v1/status").status, 200) << "and over the same listener";
  // Nor can users of the socket do it to each other, or to themselves.
  for (int i = 0; i < 1000; ++i) crowd.push_back(std::make_unique<HttpPeer>(director.socket()));
  HttpPeer another(director.socket());
  EXPECT_EQ(another.Ask("GET /v1/status").status, 200);
  size_t open = 0;
  for (const auto& each : crowd) open += each->IsOpen() ? 1 : 0;
  EXPECT_LE(open, 2 * api::kMaxSeats);
  EXPECT_GE(open, api::kMaxSeatsOfPeer);
}

// ---- what goes wrong inside -------------------------------------------------------------------

// In the handler itself, and in an answer that came back from the control core; with a text and
// without one.
TEST_F(HttpServerTest, WhatThrowsIsAnsweredAndTheConnectionGoesOn) {
  Start();
  const std::string patch = "PATCH /v1/services/web/reals/10.0.0.11:80";
  for (const auto fault : {FakeDirector::Fault::kException, FakeDirector::Fault::kOther}) {
    for (const auto& [request, body] : std::vector<std::pair<std::string, std::string>>{
             {"GET /v1/services", ""}, {patch, R"({"weight": 3})"}}) {
      const uint64_t faults = FaultCount(Thread::kApi);
      director.fault = fault;
      const Answer answer = peer->Ask(request, body);
      director.fault = FakeDirector::Fault::kNone;
      ASSERT_EQ(answer.status, 500) << request;
      EXPECT_EQ(answer.header("content-type"), "application/problem+json");
      EXPECT_EQ(ProblemOf(answer), "internal-error");
      ASSERT_TRUE(peer->IsOpen());
      EXPECT_EQ(peer->Ask("GET /healthz").body, "ok\n") << "the same connection";
      EXPECT_GT(FaultCount(Thread::kApi), faults);
    }
  }
}

// Ten tries a second, and one line.
TEST_F(HttpServerTest, WithoutDescriptorsAcceptWaitsAndSaysSoOnce) {
  rlimit files{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &files), 0);
  Start();
  ASSERT_EQ(peer->Ask("GET /healthz").status, 200);
  // UBSan looks at a class that it meets for the first time through a pipe, which will not be had.
  ASSERT_FALSE(
      boost::system::error_code(EMFILE, boost::system::system_category()).message().empty());
  ::testing::internal::CaptureStderr();
  const int lowest = ::dup(STDIN_FILENO);
  ::close(lowest);
  rlimit one_more = files;
  one_more.rlim_cur = static_cast<rlim_t>(lowest) + 1;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &one_more), 0);
  HttpPeer late(director.socket());  // takes the last one
  std::this_thread::sleep_for(std::chrono::milliseconds(450));
  EXPECT_EQ(peer->Ask("GET /healthz").status, 200) << "who is in stays in";
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &files), 0);
  EXPECT_EQ(late.Ask("GET /healthz").status, 200);
  const std::string log = ::testing::internal::GetCapturedStderr();
  const std::string words = "the API cannot accept connections";
  const size_t first = log.find(words);
  ASSERT_NE(first, std::string::npos) << log;
  EXPECT_EQ(log.find(words, first + 1), std::string::npos) << log;
}

TEST_F(HttpServerTest, DecodesPathsAndQueries) {
  Start();
  const Answer answer = peer->Ask("GET /v1/services/we%62/?x=1");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.json().at("name").as_string(), "web");
  EXPECT_EQ(peer->Ask("GET /v1/services/a%2Fb").status, 404);
}

}  // namespace
}  // namespace fairlead::testing::http_server_test
