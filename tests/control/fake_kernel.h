// Kernel twins played by a test.
#pragma once

#include <cstring>
#include <string>
#include <utility>

#include "control/kernel_network.h"
#include "director_fixture.h"

namespace fairlead::control {

// The ports of the fixture with a twin each, and what follows.
inline ConfigModel ModelWithTwins(const std::string& yaml) {
  std::string ports = kPorts;
  for (const char* const role : {"role: outside", "role: inside"}) {
    ports.replace(ports.find(role), std::strlen(role), std::string(role) + ", exception: tap");
  }
  LoadResult loaded = LoadConfigText(ports + yaml, "test.yaml");
  for (const Error& error : loaded.errors) ADD_FAILURE() << error.ToString();
  return loaded ? *std::move(loaded.model) : ConfigModel{};
}

class FakeKernel : public KernelWatch {
 public:
  void FollowRoutes(size_t most) override { most_routes = most; }
  bool Turn(TimePoint) override { return is_settled; }
  [[nodiscard]] uint64_t revision() const override { return revision_; }
  [[nodiscard]] KernelNetwork Read() const override { return network_; }

  void Add(const char* prefix, size_t port = 0) {
    network_.addresses.push_back(
        {PortId{static_cast<uint8_t>(port)}, *Prefix::Parse(prefix), ++revision_});
  }
  void Remove(const char* prefix) {
    ++revision_;
    std::erase_if(network_.addresses, [prefix](const KernelAddress& each) {
      return each.prefix == *Prefix::Parse(prefix);
    });
  }

  void Route(const char* to, const char* via, size_t port) {
    network_.routes.push_back({*Prefix::Parse(to), PortId{static_cast<uint8_t>(port)}, Ip(via)});
    network_.routes_revision = ++revision_;
  }
  void RemoveRoutes() {
    network_.routes.clear();
    network_.routes_revision = ++revision_;
  }

  bool is_settled = true;
  size_t most_routes = 0;

 private:
  KernelNetwork network_;
  uint64_t revision_ = 1;
};

}  // namespace fairlead::control
