// A fake director with its API up, for tests of routes.
#pragma once

#include <gtest/gtest.h>

#include <memory>

#include "control/api/api_server.h"
#include "fake_director.h"
#include "http_peer.h"

namespace fairlead::testing {

class ApiTest : public ::testing::Test {
 protected:
  // Before this: fill director.connections and the like.
  void Start(api::PortStatsReader stats = {},
             std::chrono::milliseconds patience = api::kPulsePatience) {
    director.Start();
    server = std::make_unique<api::ApiServer>(
        director,
        api::ApiConfig{{director.socket(), "http://127.0.0.1:0"}, patience, upgrade, fleet},
        api::PortReaders{std::move(stats), [](PortId port) {
                           return std::vector<api::DriverCounter>{
                               {"rx_q0_packets", 40u + port.value()}, {"rx_q0_errors", 0}};
                         }});
    const Status started = server->Start();
    ASSERT_TRUE(started) << started.error().ToString();
    peer = std::make_unique<HttpPeer>(director.socket());
  }
  void TearDown() override {
    peer.reset();
    if (server) server->Stop();
    server.reset();
  }

  FakeDirector director;
  api::UpgradeApi* upgrade = nullptr;        // none
  const control::FleetApi* fleet = nullptr;  // none
  std::unique_ptr<api::ApiServer> server;
  std::unique_ptr<HttpPeer> peer;
};

// The last word of a problem's type.
inline std::string ProblemOf(const Answer& answer) {
  const std::string type(answer.json().at("type").as_string());
  return type.substr(type.rfind(':') + 1);
}

}  // namespace fairlead::testing
