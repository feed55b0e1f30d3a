// The grammar of ipvsadm (ipvs.md, ipvsadm grammar): words into one typed command, or what is
// wrong.
//
//   Parsed parsed = ParseCommand({"-a", "-t", "192.0.2.10:80", "-r", "10.0.0.11", "-m"}, names);
//   if (!parsed.command) { puts(parsed.message); return parsed.exit_code; }
//   parsed.command->real;          // 10.0.0.11:80: the service's port, as none was given
//
// Pure but for the resolver. Defaults are filled in: a command says everything, because -E and -e
// replace everything (ipvs.md, editing).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/forward_method.h"
#include "base/tunnel.h"
#include "cli/ipvsadm/resolver.h"

namespace fairlead::cli::ipvsadm {

inline constexpr uint32_t kMostSeconds = 2'678'400;  // 31 days, the longest that ipvsadm can say

enum class Verb : uint8_t {
  kAddService,
  kEditService,
  kDeleteService,
  kClear,
  kRestore,
  kSave,
  kAddServer,
  kEditServer,
  kDeleteServer,
  kList,
  kZero,
  kSetTimeouts,
  kStartDaemon,
  kStopDaemon,
  kHelp,
  kVersion,
};

// What names a service: a mark and family, or (mark 0) protocol, address and port. The order is
// that of listings: addresses before marks, IPv4 before IPv6, TCP before UDP before SCTP.
struct ServiceKey {
  uint32_t mark = 0;
  Family family = Family::kIpv4;
  uint8_t protocol = kTcp;  // kAnyProtocol with a mark
  IpAddress address;
  uint16_t port = 0;
  friend auto operator<=>(const ServiceKey&, const ServiceKey&) = default;
};

struct ServiceOptions {
  std::string scheduler = "wlc";
  bool has_port_flag = false, has_fallback_flag = false;  // sh-port, sh-fallback …
  bool has_netmask_flag = false;
  std::optional<uint32_t> persistence_seconds;
  uint32_t netmask = 0xffffffff;  // IPv4, host order
  uint8_t netmask6 = 128;         // IPv6, bits
  std::string engine;             // --pe
  bool is_one_packet = false;
};

struct ServerOptions {
  ForwardMethod method = ForwardMethod::kDr;
  uint32_t weight = 1;
  uint32_t upper_threshold = 0, lower_threshold = 0;
  Tunnel tunnel;
};

enum class View : uint8_t { kPlain, kStats, kRate, kThresholds, kPersistent, kTunnel };
enum class ListWhat : uint8_t { kServices, kConnections, kTimeouts, kDaemons };

struct ListOptions {
  ListWhat what = ListWhat::kServices;
  View view = View::kPlain;
  bool with_engine_data = false;  // -c --persistent-conn
  bool is_numeric = false;
  bool is_exact = false;
  bool is_sorted = true;
};

// --start-daemon and --stop-daemon.
struct DaemonOptions {
  bool is_master = false;
  std::string interface = "eth0";
  uint32_t syncid = 0;
  uint32_t maxlen = 0;  // bytes; 0: the director's default, as the rest
  std::optional<IpAddress> group;
  uint32_t port = 0;
  uint32_t ttl = 0;
};

struct Command {
  Verb verb = Verb::kList;
  std::optional<ServiceKey> service;
  ServiceOptions service_options;
  Endpoint real;
  ServerOptions server_options;
  ListOptions list;
  DaemonOptions daemon;
  uint32_t tcp_seconds = 0, tcp_fin_seconds = 0, udp_seconds = 0;  // --set; 0: as it is
  // Words read as IPv6 addresses without a port that may have been meant with one: InBrackets.
  std::string service_in_brackets, real_in_brackets;
};

inline constexpr int kExitList = 1;     // a listing failed
inline constexpr int kExitUsage = 2;    // the command line is wrong
inline constexpr int kExitOther = 255;  // an unknown option; the director refused

struct Parsed {
  std::optional<Command> command;
  std::string message;  // when there is none
  int exit_code = 0;
};

Parsed ParseCommand(const std::vector<std::string>& arguments, Resolver& names);

// "-t 192.0.2.10:80", "-u [2001:db8::1]:53", "-f 7 -6": how the key is written in options.
std::string OptionOf(const ServiceKey& key, Resolver& names, bool is_numeric);

}  // namespace fairlead::cli::ipvsadm
