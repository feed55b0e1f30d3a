// The socket as the API's thread serves it, beside HTTP.

#include "control/api/api_server.h"

#include <gtest/gtest.h>
#include <linux/ip_vs.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "client.h"
#include "fake_director.h"
#include "http_peer.h"

namespace fairlead::testing::api_server_test {
namespace {

using namespace ipvs;

class IpvsOfApi : public ::testing::Test {
 protected:
  void SetUp() override { director.Start(); }

  [[nodiscard]] api::ApiConfig Config() const {
    api::ApiConfig config;
    config.listen = {director.socket()};
    config.ipvs_socket = path;
    return config;
  }

  // The services of a list; none: nobody answers.
  [[nodiscard]] size_t CountServices() const {
    const FileDescriptor socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    const timeval patience{10, 0};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_un where{};
    where.sun_family = AF_UNIX;
    path.copy(where.sun_path, sizeof where.sun_path - 1);
    if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&where), sizeof where) != 0) return 0;
    const Record request = Plain(IPVS_CMD_GET_SERVICE, true);
    EXPECT_EQ(::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(request.size()));
    Record record(kMostAnswerBytes);
    const ssize_t length = ::recv(socket.get(), record.data(), record.size(), 0);
    if (length <= 0) return 0;
    record.resize(static_cast<size_t>(length));
    size_t services = 0;
    for (const Answered& one : ReadAnswers(record)) services += one.service ? 1u : 0u;
    return services;
  }

  FakeDirector director;
  const std::string path = director.directory() + "/run/ipvs.sock";
};

TEST_F(IpvsOfApi, ServesAndCounts) {
  api::ApiServer server(director, Config());
  const Status started = server.Start();
  ASSERT_TRUE(started) << started.error().ToString();
  EXPECT_EQ(CountServices(), 2u) << "web and shop";
  HttpPeer peer(director.socket());
  const std::string metrics = peer.Ask("GET /metrics").body;
  EXPECT_NE(metrics.find("fairlead_ipvs_requests_total 1\n"), std::string::npos);
  EXPECT_NE(metrics.find("fairlead_ipvs_refused_total 0\n"), std::string::npos);
  server.Stop();
  EXPECT_EQ(CountServices(), 0u);
}

TEST_F(IpvsOfApi, IsPassedOnToTheNextDirector) {
  api::ApiServer before(director, Config());
  ASSERT_TRUE(before.Start());
  std::vector<NamedDescriptor> passed = before.StopAndRelease();
  ASSERT_EQ(passed.size(), 2u);
  EXPECT_EQ(passed[1].name, "ipvs:" + path);
  api::ApiServer after(director, Config());
  const Status started = after.Start(std::move(passed));
  ASSERT_TRUE(started) << started.error().ToString();
  EXPECT_EQ(CountServices(), 2u);
}

TEST_F(IpvsOfApi, WhatCannotBeListenedOnIsNotStarted) {
  api::ApiConfig config = Config();
  config.ipvs_socket = director.directory();  // no socket
  api::ApiServer server(director, config);
  const Status refused = server.Start();
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().ToString().find("the path exists and is not a socket"),
            std::string::npos);
}

}  // namespace
}  // namespace fairlead::testing::api_server_test
