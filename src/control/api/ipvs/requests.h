// What a program asks of IPVS, as typed values (linux/ip_vs.h).
//
//   Attributes command;
//   if (Fault fault = ReadCommand(message, &command)) …
//   ServiceRequest service;
//   if (Fault fault = ReadService(command, Depth::kWhole, &service)) …EINVAL, and what is missing…
//
// What the kernel refuses while it reads a request is refused here with its number; whether the
// director can do what is asked is another question (dispatcher.h). Threads: pure.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/ip_address.h"
#include "control/api/ipvs/message.h"

namespace fairlead::ipvs {

// A mark and family, or (mark 0) protocol, address and port.
struct ServiceKey {
  Family family = Family::kIpv4;
  uint32_t mark = 0;
  uint16_t protocol = 0;  // 0 with a mark
  IpAddress address{};
  uint16_t port = 0;

  // "tcp 192.0.2.10:80", "mark 7 ipv6"
  [[nodiscard]] std::string ToString() const;
  friend bool operator==(const ServiceKey&, const ServiceKey&) = default;
};

struct ServiceKeyHash {
  size_t operator()(const ServiceKey& key) const {
    const size_t address = std::hash<IpAddress>{}(key.address);
    const size_t rest = size_t{key.mark} << 32 | size_t{key.protocol} << 16 | key.port;
    return address * 31 + rest * 0x9e3779b97f4a7c15 + static_cast<size_t>(key.family);
  }
};

struct ServiceRequest {
  ServiceKey key{};
  // The rest of a whole one.
  std::string scheduler{};
  std::string engine{};  // or empty
  uint32_t flags = 0, flags_mask = 0;
  uint32_t timeout_seconds = 0;
  // IPv4: a mask, host order. IPv6: a prefix length.
  uint32_t netmask = 0;
};

struct DestRequest {
  std::optional<Family> family{};  // none: the service's
  IpAddress address{};
  uint16_t port = 0;
  // The rest of a whole one.
  uint32_t method = 0;  // IP_VS_CONN_F_MASQ …
  int32_t weight = 0;
  uint32_t upper_threshold = 0, lower_threshold = 0;
  uint8_t tunnel_type = 0;
  uint16_t tunnel_port = 0;
  uint16_t tunnel_flags = 0;
};

struct TimeoutsRequest {
  uint32_t tcp_seconds = 0, tcp_fin_seconds = 0, udp_seconds = 0;  // 0: as it is
};

// A synchronisation daemon: one half of sync.ipvs.
struct DaemonRequest {
  bool is_master = false;
  // The rest of a whole one.
  std::string interface {};
  uint32_t syncid = 0;
  uint16_t maxlen = 0;               // bytes; 0: the default, as the rest
  std::optional<IpAddress> group{};  // multicast
  uint16_t port = 0;
  uint8_t ttl = 0;
};

struct FileRequest {
  std::string path{};
  std::string bytes{};
};

// Whether only what it is about is needed, or all that is said of it.
enum class Depth : uint8_t { kKey, kWhole };

Fault ReadCommand(const Message& message, Attributes* command);
Fault ReadService(const Attributes& command, Depth depth, ServiceRequest* service);
// `family`: of the service, which is the real server's where it says none.
Fault ReadDest(const Attributes& command, Depth depth, Family family, DestRequest* dest);
TimeoutsRequest ReadTimeouts(const Attributes& command);
Fault ReadDaemon(const Attributes& command, Depth depth, DaemonRequest* daemon);
// Which family is asked for: its name, or its number.
Fault ReadFamilyQuestion(const Message& message, std::string* name, uint16_t* id);
Fault ReadFile(const Message& message, FileRequest* file);

// The rules of what answers have, for those who read them.
extern const std::span<const AttributeRule> kServiceRules, kDestRules, kCommandRules;

}  // namespace fairlead::ipvs
