// The API over a real control core, whose workers only adopt what is published.
//
//   StartLive("services: […]");
//   peer->Ask("POST /v1/services", R"({…})");
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "control/api/api_server.h"
#include "control/config/yaml_loader.h"
#include "control/control_core.h"
#include "http_peer.h"

namespace fairlead::testing {

class LiveApiTest : public ::testing::Test {
 protected:
  void StartLive(const std::string& services) {
    Write(services);
    control::LoadResult loaded = control::LoadConfig(path_);
    ASSERT_TRUE(loaded) << loaded.errors.front().ToString();
    core_ = std::make_unique<control::ControlCore>(
        fabric_, *std::move(loaded.model), path_,
        std::vector<control::PortRuntime>{{MacAddress{{2, 0, 0, 0, 0, 1}}, 1500, ""}});
    ASSERT_TRUE(core_->PublishFirst());
    worker_ = std::thread([this] {
      while (!stop_) {
        fabric_.publisher.Enter(WorkerId{0}, [](auto*, auto*) {});
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    });
    thread_ = std::thread([this] { core_->Run(); });
    server_ = std::make_unique<api::ApiServer>(*core_, api::ApiConfig{listen_});
    ASSERT_TRUE(server_->Start());
    peer = std::make_unique<HttpPeer>(server_->addresses()[0]);
  }
  void Write(const std::string& services) {
    std::ofstream(path_)
        << "version: 1\nports:\n  - { name: outside, device: net_null0, addresses: "
           "[192.0.2.1/24, 10.0.0.1/24] }\n"
        << services;
  }
  void TearDown() override {
    peer.reset();
    if (server_) server_->Stop();
    server_.reset();
    if (core_) core_->Stop();
    if (thread_.joinable()) thread_.join();
    stop_ = true;
    if (worker_.joinable()) worker_.join();
    std::filesystem::remove(path_);
  }

  static dataplane::FabricConfig Small() {
    dataplane::FabricConfig config;
    config.reals = 64;
    config.neighbours = 64;
    config.ring_packets = 16;
    return config;
  }

  const std::string path_ = ::testing::TempDir() + "live-" + std::to_string(getpid()) + ".yaml";
  std::vector<api::ListenSpec> listen_ = {"http://127.0.0.1:0"};
  dataplane::Fabric fabric_{Small()};
  std::unique_ptr<control::ControlCore> core_;
  std::unique_ptr<api::ApiServer> server_;
  std::unique_ptr<HttpPeer> peer;
  std::atomic<bool> stop_{false};
  std::thread worker_, thread_;
};

}  // namespace fairlead::testing
