// One health check as the file has it: flat, with the keys of all types (docs/health.md).
//
//   HealthConfig health{.type = HealthType::kHttp, .path = "/up"};
//   health.PortFor(0);     // 80
//   health.uses_tls();     // false
//
// QuestionOf (health/health_check.cc) makes of it what is asked. A key that its type does not have
// keeps its default: the loader refuses it (health_keys.h). Threads: a value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "control/config/duration.h"
#include "control/config/probe_question.h"

namespace fairlead::control {

enum class HealthType : uint8_t {
  kTcp,
  kHttp,
  kHttps,
  kScript,
  kSmtp,
  kDns,
  kUdp,
  kPing,
  kMysql,
  kLdap,
  kRedis,
  kAgent,
  kGrpc
};
enum class OnFail : uint8_t { kDrain, kQuiesce, kRemove };
enum class InitialState : uint8_t { kUp, kDown };

// A program with its arguments, run without a shell; empty: none.
using CommandLine = std::vector<std::string>;

struct HealthConfig {
  HealthType type = HealthType::kTcp;
  bool tls = false;                      // of types over TCP; kHttps has it always
  HttpMethod method = HttpMethod::kGet;  // HTTP
  std::string path = "/";                // HTTP
  std::string host{};                    // HTTP, gRPC; empty: the address and port asked
  std::optional<IpAddress> address{};    // none: the real's
  std::optional<uint16_t> port{};        // none: the real's; where that is 0 see PortFor
  std::optional<IpAddress> source{};     // none: as the machine routes
  std::vector<StatusRange> expect = {StatusRange{}};  // HTTP
  std::optional<TextCondition> expect_body{};         // HTTP
  std::string send{};                                 // kTcp, kUdp, kAgent
  std::optional<TextCondition> receive{};             // kTcp, kUdp
  std::vector<TextProbe::Step> steps{};               // kTcp, instead of send and receive
  bool needs_answer = false;                          // kUdp
  std::string helo = SmtpProbe{}.helo;                // kSmtp
  std::string name = DnsProbe{}.name;                 // kDns
  DnsType record = DnsProbe{}.type;                   // kDns
  std::string user{};                                 // kMysql, kRedis
  std::string bind_dn{};                              // kLdap
  std::string password_file{};                        // kMysql, kLdap, kRedis: its first line
  std::string service{};                              // kGrpc; empty: the server as a whole
  std::string sni{};                                  // TLS; empty: the host, when that is a name
  bool verify = true;                                 // TLS
  std::string ca{}, certificate{}, key{};             // TLS: PEM files; see ProbeTls
  TlsVersion min_tls = TlsVersion::k12;
  CommandLine command{};     // kScript
  bool sets_weight = false;  // kScript: by its exit status
  Duration interval = 2s;
  Duration retry_interval{0};  // after a failure, until the real is down; 0: the interval
  Duration timeout = 1s;
  uint32_t fall = 3;  // consecutive failures until down; an agent's word counts at once
  uint32_t rise = 2;  // consecutive successes until up again
  InitialState initial = InitialState::kUp;
  OnFail on_fail = OnFail::kDrain;
  Duration slow_start{0};  // until a real that is back has its whole weight; 0: at once

  // Where to ask a real that has this port; 0: nowhere, which Validate refuses where a port is
  // needed.
  [[nodiscard]] uint16_t PortFor(uint16_t real_port) const {
    if (port) return *port;
    return real_port == 0 ? well_known_port() : real_port;
  }
  [[nodiscard]] bool needs_port() const {
    return type != HealthType::kScript && type != HealthType::kPing;
  }
  [[nodiscard]] bool uses_tls() const { return tls || type == HealthType::kHttps; }
  // Of its protocol; 0: none.
  [[nodiscard]] constexpr uint16_t well_known_port() const {
    switch (type) {
      case HealthType::kHttp:
        return 80;
      case HealthType::kHttps:
        return 443;
      case HealthType::kSmtp:
        return tls ? 465 : 25;
      case HealthType::kDns:
        return 53;
      case HealthType::kMysql:
        return 3306;
      case HealthType::kLdap:
        return tls ? 636 : 389;
      case HealthType::kRedis:
        return 6379;
      case HealthType::kTcp:
      case HealthType::kScript:
      case HealthType::kUdp:
      case HealthType::kPing:
      case HealthType::kAgent:
      case HealthType::kGrpc:
        break;
    }
    return 0;
  }
  friend bool operator==(const HealthConfig&, const HealthConfig&) = default;
};

}  // namespace fairlead::control
