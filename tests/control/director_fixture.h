// A director without an edge: a fabric, a model from YAML, and workers that adopt when told to.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "control/config/yaml_loader.h"
#include "control/health/prober.h"
#include "control/port_runtime.h"
#include "control/time_point.h"
#include "dataplane/shard/fabric.h"

namespace fairlead::control {

inline constexpr const char* kPorts = R"(
version: 1
ports:
  - { name: outside, device: net_null0, role: outside, addresses: [192.0.2.1/24, "2001:db8::1/64"] }
  - { name: inside, device: net_null1, role: inside, addresses: [10.0.0.1/24] }
routes:
  - { to: 0.0.0.0/0, via: 192.0.2.254 }
)";

// The ports above and what follows.
inline ConfigModel ModelOf(const std::string& yaml) {
  LoadResult loaded = LoadConfigText(kPorts + yaml, "test.yaml");
  for (const Error& error : loaded.errors) ADD_FAILURE() << error.ToString();
  return loaded ? *std::move(loaded.model) : ConfigModel{};
}

inline std::shared_ptr<const ConfigModel> SharedModelOf(const std::string& yaml) {
  return std::make_shared<const ConfigModel>(ModelOf(yaml));
}

inline std::vector<PortRuntime> TwoPorts() {
  return {{MacAddress{{2, 0, 0, 0, 0, 1}}, 1500, ""}, {MacAddress{{2, 0, 0, 0, 0, 2}}, 1400, ""}};
}

inline dataplane::FabricConfig SmallFabric(size_t workers = 1) {
  dataplane::FabricConfig config;
  config.workers = workers;
  config.reals = 64;
  config.neighbours = 256;
  config.ring_packets = 16;
  return config;
}

// Looks at nobody: no check ever has an answer.
class SilentProber : public Prober {
 public:
  void Start(const ProbeTarget&, std::function<void(ProbeResult)>) override {}
};

// What workers do at the start of a turn.
inline void AdoptAll(dataplane::Fabric& fabric) {
  for (size_t w = 0; w < fabric.config.workers; ++w) {
    fabric.publisher.Enter(WorkerId{static_cast<uint8_t>(w)},
                           [](const dataplane::Snapshot*, const dataplane::Snapshot*) {});
  }
}

inline IpAddress Ip(const char* text) { return *IpAddress::Parse(text); }

inline TimePoint At(std::chrono::milliseconds since_start) {
  return TimePoint{} + std::chrono::hours{1} + since_start;
}

}  // namespace fairlead::control
