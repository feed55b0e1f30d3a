// Names of hosts and ports, for what is typed and for what is shown without -n.
//
//   SystemResolver names;                                    // hosts(5), DNS, services(5)
//   names.PortOf("http", kTcp);                              // 80
//   NoNames none;                                            // numbers only: the replay, tests
//
// Threads: as the C library's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/ip_address.h"
#include "cli/ipvsadm/protocols.h"

namespace fairlead::cli::ipvsadm {

class Resolver {
 public:
  virtual ~Resolver() = default;
  [[nodiscard]] virtual std::optional<IpAddress> AddressOf(const std::string& host,
                                                           Family family) = 0;
  [[nodiscard]] virtual std::optional<uint16_t> PortOf(const std::string& name,
                                                       uint8_t protocol) = 0;
  // Nothing when there is no name: the number is shown then.
  [[nodiscard]] virtual std::optional<std::string> NameOf(const IpAddress& address) = 0;
  [[nodiscard]] virtual std::optional<std::string> PortName(uint16_t port, uint8_t protocol) = 0;
};

class SystemResolver : public Resolver {
 public:
  std::optional<IpAddress> AddressOf(const std::string& host, Family family) override;
  std::optional<uint16_t> PortOf(const std::string& name, uint8_t protocol) override;
  std::optional<std::string> NameOf(const IpAddress& address) override;
  std::optional<std::string> PortName(uint16_t port, uint8_t protocol) override;

 private:
  // A table names the same servers again and again, and a name that is not there takes seconds.
  std::unordered_map<IpAddress, std::optional<std::string>> names_;
};

class NoNames : public Resolver {
 public:
  std::optional<IpAddress> AddressOf(const std::string&, Family) override { return std::nullopt; }
  std::optional<uint16_t> PortOf(const std::string&, uint8_t) override { return std::nullopt; }
  std::optional<std::string> NameOf(const IpAddress&) override { return std::nullopt; }
  std::optional<std::string> PortName(uint16_t, uint8_t) override { return std::nullopt; }
};

}  // namespace fairlead::cli::ipvsadm
