// What a health check asks a server, and which answer it wants: one small struct for each type.
//
//   ProbeQuestion question = HttpProbe{.path = "/health", .expect = {{200, 299}}};
//   std::get<HttpProbe>(question).body = TextCondition{TextCondition::Kind::kContains, "ready"};
//
// A password stands in a file, of which the first line is read for each look (health/look/
// password_file.h): so no configuration and no log has it. `password` is empty until then.
// Where to ask, how long to wait and over what (TLS, a source address) is in ProbeTarget
// (prober.h). docs/health.md says what each type counts as an answer. Threads: values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace fairlead::control {

struct StatusRange {  // HTTP status codes, both ends included
  uint16_t first = 200;
  uint16_t last = 399;
  friend bool operator==(const StatusRange&, const StatusRange&) = default;
};

// What the text of an answer must be like.
struct TextCondition {
  enum class Kind : uint8_t {
    kContains,
    kMatches,  // a pattern that FaultOfPattern (health/pattern.h) has nothing against
    kSha256,   // of the whole text, 64 hex digits; HTTP bodies only
  };
  Kind kind = Kind::kContains;
  std::string text{};
  friend bool operator==(const TextCondition&, const TextCondition&) = default;
};

// A connection can be made; with TLS: and the handshake succeeds.
struct TcpProbe {
  friend bool operator==(const TcpProbe&, const TcpProbe&) = default;
};

enum class HttpMethod : uint8_t { kGet, kHead, kOptions };

// http, and https when the target has TLS.
struct HttpProbe {
  HttpMethod method = HttpMethod::kGet;
  std::string path = "/";
  std::string host{};  // Host header; empty: the address and port asked
  std::vector<StatusRange> expect = {StatusRange{}};
  std::optional<TextCondition> body{};
  friend bool operator==(const HttpProbe&, const HttpProbe&) = default;
};

// Any text protocol. Each step sends, then waits until what comes after that meets the condition;
// one that sends nothing goes on where the last ended, or, as the first, waits for a greeting.
struct TextProbe {
  struct Step {
    std::string send{};                      // bytes as they go out; may be empty
    std::optional<TextCondition> receive{};  // none: waits for nothing
    friend bool operator==(const Step&, const Step&) = default;
  };
  std::vector<Step> steps{};
  friend bool operator==(const TextProbe&, const TextProbe&) = default;
};

// 220, EHLO (HELO where that is not known) and 250, QUIT and 221.
struct SmtpProbe {
  std::string helo = "fairlead";
  friend bool operator==(const SmtpProbe&, const SmtpProbe&) = default;
};

enum class DnsType : uint16_t {  // numbers of RFC 1035 and later
  kA = 1,
  kNs = 2,
  kCname = 5,
  kSoa = 6,
  kPtr = 12,
  kMx = 15,
  kTxt = 16,
  kAaaa = 28,
  kSrv = 33
};

// Over UDP, and over TCP when the answer does not fit.
struct DnsProbe {
  std::string name = ".";  // with or without the last dot
  DnsType type = DnsType::kSoa;
  friend bool operator==(const DnsProbe&, const DnsProbe&) = default;
};

struct UdpProbe {
  std::string send{};  // the datagram's bytes; empty: an empty datagram
  // Without both: healthy when no ICMP error comes within the timeout.
  bool needs_answer = false;
  std::optional<TextCondition> receive{};  // kContains or kMatches; needs an answer too
  friend bool operator==(const UdpProbe&, const UdpProbe&) = default;
};

// An ICMP echo; the port plays no part.
struct PingProbe {
  friend bool operator==(const PingProbe&, const PingProbe&) = default;
};

// The handshake; with a user also the login (mysql_native_password, caching_sha2_password).
struct MysqlProbe {
  std::string user{};
  std::string password{};
  std::string password_file{};
  friend bool operator==(const MysqlProbe&, const MysqlProbe&) = default;
};

// A simple bind; without a name an anonymous one.
struct LdapProbe {
  std::string bind_dn{};
  std::string password{};
  std::string password_file{};
  friend bool operator==(const LdapProbe&, const LdapProbe&) = default;
};

// AUTH when there is a password, then PING.
struct RedisProbe {
  std::string user{};
  std::string password{};
  std::string password_file{};
  friend bool operator==(const RedisProbe&, const RedisProbe&) = default;
};

// HAProxy's agent-check: the server says in words how it is.
struct AgentProbe {
  std::string send{};  // first, when not empty
  friend bool operator==(const AgentProbe&, const AgentProbe&) = default;
};

// grpc.health.v1.Health/Check.
struct GrpcProbe {
  std::string service{};  // empty: the server as a whole
  std::string host{};     // :authority; empty: the address and port asked
  friend bool operator==(const GrpcProbe&, const GrpcProbe&) = default;
};

// A command that exits with 0, run without a shell (command_runner.h). It asks whom it likes: the
// endpoint is told to it.
struct ScriptProbe {
  std::vector<std::string> command{};  // a path and arguments
  bool sets_weight = false;            // 2…255 mean up too, with the weight status − 2
  friend bool operator==(const ScriptProbe&, const ScriptProbe&) = default;
};

using ProbeQuestion =
    std::variant<TcpProbe, HttpProbe, TextProbe, SmtpProbe, DnsProbe, UdpProbe, PingProbe,
                 MysqlProbe, LdapProbe, RedisProbe, AgentProbe, GrpcProbe, ScriptProbe>;

enum class TlsVersion : uint8_t { k10, k11, k12, k13 };

// TLS under any question that goes over TCP.
struct ProbeTls {
  // The name that the server is asked for and, where it is verified, must have; empty: the host of
  // HTTP and gRPC when that is a name, else none is asked for and the address must be named.
  std::string sni{};
  bool is_verified = true;
  std::string ca_file{};           // PEM; empty: the system's
  std::string certificate_file{};  // PEM, the client's own; empty: none
  std::string key_file{};          // PEM; empty: in certificate_file
  TlsVersion minimum = TlsVersion::k12;
  friend bool operator==(const ProbeTls&, const ProbeTls&) = default;
};

}  // namespace fairlead::control
