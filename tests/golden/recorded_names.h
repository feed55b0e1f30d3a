// The names of the recorded machine.
#pragma once

#include <optional>
#include <string>

#include "cli/ipvsadm/resolver.h"

namespace fairlead::golden {

// What services(5) of the recorded machine says about the ports in use there; hosts have no names.
class RecordedNames : public cli::ipvsadm::NoNames {
 public:
  std::optional<uint16_t> PortOf(const std::string& name, uint8_t protocol) override {
    for (const Known& known : kKnown) {
      if (name == known.name && (protocol != cli::ipvsadm::kUdp || known.is_udp_too)) {
        return known.port;
      }
    }
    return std::nullopt;
  }
  std::optional<std::string> PortName(uint16_t port, uint8_t protocol) override {
    for (const Known& known : kKnown) {
      if (port == known.port && (protocol != cli::ipvsadm::kUdp || known.is_udp_too)) {
        return known.name;
      }
    }
    return std::nullopt;
  }

 private:
  struct Known {
    uint16_t port;
    const char* name;
    bool is_udp_too;
  };
  static constexpr Known kKnown[] = {
      {21, "ftp", false},        {22, "ssh", false},     {23, "telnet", false}, {25, "smtp", false},
      {53, "domain", true},      {80, "http", false},    {443, "https", true},  {5060, "sip", true},
      {8080, "http-alt", false}, {8081, "tproxy", false}};
};

}  // namespace fairlead::golden
