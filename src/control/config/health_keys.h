// The keys of a health check, each declared once (config_key.h).
//
//   ReadKeys(reader, kHealthKeys, &health);      // read_health.cc, which also says what goes
//   together
//
// `type` and `tls` stand first: they say which others there may be. Otherwise as keys.h.
// Threads: constants.
#pragma once

#include <string>
#include <string_view>

#include "control/config/config_key.h"
#include "control/config/keys.h"
#include "control/config/model.h"
#include "control/config/section_readers.h"

namespace fairlead::control {

inline constexpr TimeRange kCheckTimes{100ms, 24h};

using HealthKey = ConfigKey<HealthConfig>;

// read_health.cc and read_probe.cc
void ReadHealthPath(MapReader& reader, const HealthKey& key, HealthConfig& to);
void ReadHealthHost(MapReader& reader, const HealthKey& key, HealthConfig& to);
void ReadHealthExpect(MapReader& reader, const HealthKey& key, HealthConfig& to);
void ReadHealthBody(MapReader& reader, const HealthKey& key, HealthConfig& to);
void ReadHealthSend(MapReader& reader, const HealthKey& key, HealthConfig& to);
void ReadHealthReceive(MapReader& reader, const HealthKey& key, HealthConfig& to);
void ReadHealthSteps(MapReader& reader, const HealthKey& key, HealthConfig& to);
void ReadHealthHelo(MapReader& reader, const HealthKey& key, HealthConfig& to);
void ReadHealthDnsName(MapReader& reader, const HealthKey& key, HealthConfig& to);
void ReadHealthUser(MapReader& reader, const HealthKey& key, HealthConfig& to);
void ReadHealthSni(MapReader& reader, const HealthKey& key, HealthConfig& to);
void ReadHealthAddress(MapReader& reader, const HealthKey& key, HealthConfig& to);
void ReadHealthSource(MapReader& reader, const HealthKey& key, HealthConfig& to);
void ReadHealthCommand(MapReader& reader, const HealthKey& key, HealthConfig& to);
// A text.
void ReadPlainText(MapReader& reader, std::string_view key, std::string* to);
// dump_health.cc
std::string HealthAddressText(const HealthConfig& health);
std::string HealthSourceText(const HealthConfig& health);
std::string HealthCommandText(const HealthConfig& health);
std::string HealthExpectText(const HealthConfig& health);
std::string HealthBodyText(const HealthConfig& health);
std::string HealthSendText(const HealthConfig& health);
std::string HealthReceiveText(const HealthConfig& health);
std::string HealthStepsText(const HealthConfig& health);

template <HealthType... kTypes>
constexpr bool IsOfType(const HealthConfig& health) {
  return ((health.type == kTypes) || ...);
}
constexpr bool IsHttpCheck(const HealthConfig& health) {
  return IsOfType<HealthType::kHttp, HealthType::kHttps>(health);
}
constexpr bool HasHost(const HealthConfig& health) {
  return IsHttpCheck(health) || health.type == HealthType::kGrpc;
}
constexpr bool MaySayTls(const HealthConfig& health) {
  return IsOfType<HealthType::kTcp, HealthType::kSmtp, HealthType::kLdap, HealthType::kRedis,
                  HealthType::kAgent, HealthType::kGrpc>(health);
}
constexpr bool IsOverTls(const HealthConfig& health) {
  return health.type == HealthType::kHttps || health.tls;
}
constexpr bool MaySend(const HealthConfig& health) {
  return IsOfType<HealthType::kTcp, HealthType::kUdp, HealthType::kAgent>(health);
}
constexpr bool MayReceive(const HealthConfig& health) {
  return IsOfType<HealthType::kTcp, HealthType::kUdp>(health);
}
constexpr bool HasPassword(const HealthConfig& health) {
  return IsOfType<HealthType::kMysql, HealthType::kLdap, HealthType::kRedis>(health);
}
constexpr bool HasUser(const HealthConfig& health) {
  return IsOfType<HealthType::kMysql, HealthType::kRedis>(health);
}
constexpr bool IsNetworkCheck(const HealthConfig& health) {
  return health.type != HealthType::kScript;
}
constexpr bool HasPort(const HealthConfig& health) { return health.type != HealthType::kPing; }
constexpr bool IsCounted(const HealthConfig& health) { return health.type != HealthType::kAgent; }

inline constexpr std::string_view kHttpOnly = "only \"type: http\" and https have this key";
inline constexpr std::string_view kHostOnly = "only \"type: http\", https and grpc have this key";
inline constexpr std::string_view kScriptOnly = "only \"type: script\" has this key";
inline constexpr std::string_view kNotOfScripts =
    "\"type: script\" has no such key: the command asks whom it likes";
inline constexpr std::string_view kNoTlsHere =
    "is for tcp, smtp, ldap, redis, agent and grpc; HTTP over TLS is \"type: https\"";
inline constexpr std::string_view kTlsOnly =
    "only checks over TLS have this key: those of \"type: https\", and tcp, smtp, ldap, redis, "
    "agent and grpc with \"tls: true\"";
inline constexpr std::string_view kSendOnly = "only \"type: tcp\", udp and agent have this key";
inline constexpr std::string_view kReceiveOnly =
    "only \"type: tcp\" and udp have this key; of HTTP it is expect_body";
inline constexpr std::string_view kTcpOnly = "only \"type: tcp\" has this key";
inline constexpr std::string_view kUdpOnly = "only \"type: udp\" has this key";
inline constexpr std::string_view kSmtpOnly = "only \"type: smtp\" has this key";
inline constexpr std::string_view kDnsOnly = "only \"type: dns\" has this key";
inline constexpr std::string_view kGrpcOnly = "only \"type: grpc\" has this key";
inline constexpr std::string_view kUserOnly =
    "only \"type: mysql\" and redis have this key; of ldap it is bind_dn";
inline constexpr std::string_view kLdapOnly = "only \"type: ldap\" has this key";
inline constexpr std::string_view kPasswordOnly =
    "only \"type: mysql\", ldap and redis have this key";
inline constexpr std::string_view kBelievedAtOnce =
    "\"type: agent\" has no such key: what an agent says counts at once";

template <std::string HealthConfig::*kMember>
constexpr HealthKey TextKeyReadBy(std::string_view name, std::string_view range,
                                  void (*read)(MapReader&, const HealthKey&, HealthConfig&),
                                  std::string_view effect) {
  HealthKey key = TextKey<kMember, ReadPlainText>(name, range, effect);
  key.read = read;
  return key;
}
template <std::string HealthConfig::*kMember>
constexpr HealthKey FileKey(std::string_view name, std::string_view effect) {
  return TextKey<kMember, ReadFilePath>(name, "absolute path", effect);
}

inline constexpr HealthKey kHealthKeys[] = {
    WordKey<&HealthConfig::type>("type", "what is asked, and what counts as an answer")
        .Default("required"),
    BoolKey<&HealthConfig::tls>("tls",
                                "tcp, smtp, ldap, redis, agent, grpc: TLS from the first "
                                "byte on; `https` has it always")
        .OnlyWhen(MaySayTls, kNoTlsHere),
    WordKey<&HealthConfig::method>("method", "http, https").OnlyWhen(IsHttpCheck, kHttpOnly),
    TextKeyReadBy<&HealthConfig::path>("path", "text, begins with `/`", ReadHealthPath,
                                       "http, https")
        .OnlyWhen(IsHttpCheck, kHttpOnly),
    TextKeyReadBy<&HealthConfig::host>("host", "text, up to 255 bytes", ReadHealthHost,
                                       "http, https: the Host header; grpc: the authority")
        .Default("the address and port asked")
        .OnlyWhen(HasHost, kHostOnly),
    OwnKey<&HealthConfig::address>("address", "unicast address", ReadHealthAddress,
                                   HealthAddressText, "where to ask")
        .Default("the address of the real")
        .Schema(kTextSchema)
        .OnlyWhen(IsNetworkCheck, kNotOfScripts),
    NumberKey<&HealthConfig::port>("port", 1, 65535, "where to ask")
        .Default("the port of the real; where that is 0: that of the protocol, and required for "
                 "tcp, udp and grpc; always required for agent")
        .OnlyWhen(HasPort, "\"type: ping\" has no such key: ICMP has no ports"),
    OwnKey<&HealthConfig::source>("source", "unicast address", ReadHealthSource, HealthSourceText,
                                  "an address of this machine: where to ask from")
        .Default("as the machine routes")
        .Schema(kTextSchema)
        .OnlyWhen(IsNetworkCheck, kNotOfScripts),
    OwnKey<&HealthConfig::expect>("expect", "100–599, range or list", ReadHealthExpect,
                                  HealthExpectText, "http, https: statuses that mean up")
        .Default("200–399")
        .Schema(R"({"anyOf": [{"type": ["integer", "string"]}, )"
                R"({"type": "array", "items": {"type": ["integer", "string"]}}]})")
        .OnlyWhen(IsHttpCheck, kHttpOnly),
    OwnKey<&HealthConfig::expect_body>("expect_body", "`contains`, `matches` or `sha256`",
                                       ReadHealthBody, HealthBodyText,
                                       "http, https: what the body must be like")
        .Schema(R"({"$ref": "#/$defs/expect_body_or_text"})")
        .OnlyWhen(IsHttpCheck, kHttpOnly),
    OwnKey<&HealthConfig::send>("send", "bytes, up to 4096, with `\\r \\n \\t \\0 \\\\ \\xHH`",
                                ReadHealthSend, HealthSendText, "tcp, udp, agent: what is sent")
        .Schema(kTextSchema)
        .OnlyWhen(MaySend, kSendOnly),
    OwnKey<&HealthConfig::receive>("receive", "text, or `contains` or `matches`", ReadHealthReceive,
                                   HealthReceiveText, "tcp, udp: what the answer must be like")
        .Schema(R"({"$ref": "#/$defs/receive_or_text"})")
        .OnlyWhen(MayReceive, kReceiveOnly),
    OwnKey<&HealthConfig::steps>("steps", "list of up to 16 of `send`, `receive`", ReadHealthSteps,
                                 HealthStepsText, "tcp: a conversation of several steps")
        .Schema(
            R"({"type": "array", "items": {"$ref": "#/$defs/step"}, "minItems": 1, "maxItems": 16})")
        .OnlyWhen(IsOfType<HealthType::kTcp>, kTcpOnly),
    BoolKey<&HealthConfig::needs_answer>("needs_answer",
                                         "udp: true: silence means down. `receive` needs one too")
        .OnlyWhen(IsOfType<HealthType::kUdp>, kUdpOnly),
    TextKeyReadBy<&HealthConfig::helo>("helo", "text, up to 255 bytes", ReadHealthHelo,
                                       "smtp: the name in EHLO and HELO")
        .OnlyWhen(IsOfType<HealthType::kSmtp>, kSmtpOnly),
    TextKeyReadBy<&HealthConfig::name>("name", "name of the DNS", ReadHealthDnsName,
                                       "dns: what is asked for; `.` is the root")
        .Default(".")
        .OnlyWhen(IsOfType<HealthType::kDns>, kDnsOnly),
    WordKey<&HealthConfig::record>("record", "dns: the type of record asked for")
        .OnlyWhen(IsOfType<HealthType::kDns>, kDnsOnly),
    TextKeyReadBy<&HealthConfig::user>("user", "text, up to 128 bytes", ReadHealthUser,
                                       "mysql, redis: who logs in")
        .OnlyWhen(HasUser, kUserOnly),
    TextKey<&HealthConfig::bind_dn, ReadPlainText>("bind_dn", "text, up to 1024 bytes",
                                                   "ldap: who binds")
        .Default("none: an anonymous bind")
        .OnlyWhen(IsOfType<HealthType::kLdap>, kLdapOnly),
    FileKey<&HealthConfig::password_file>(
        "password_file", "mysql, ldap, redis: the password is its first line, read at each check")
        .OnlyWhen(HasPassword, kPasswordOnly),
    TextKey<&HealthConfig::service, ReadPlainText>("service", "text, up to 1024 bytes",
                                                   "grpc: the service whose health is asked for")
        .Default("none: the server as a whole")
        .OnlyWhen(IsOfType<HealthType::kGrpc>, kGrpcOnly),
    TextKeyReadBy<&HealthConfig::sni>("sni", "host name", ReadHealthSni,
                                      "TLS: the name that is asked for and must be in the "
                                      "certificate")
        .Default("`host`, when that is a name")
        .OnlyWhen(IsOverTls, kTlsOnly),
    BoolKey<&HealthConfig::verify>("verify", "TLS: false: any certificate will do")
        .OnlyWhen(IsOverTls, kTlsOnly),
    FileKey<&HealthConfig::ca>("ca", "TLS: PEM file of those who may have signed")
        .Default("those of the system")
        .OnlyWhen(IsOverTls, kTlsOnly),
    FileKey<&HealthConfig::certificate>("certificate", "TLS: PEM file, shown to the server")
        .OnlyWhen(IsOverTls, kTlsOnly),
    FileKey<&HealthConfig::key>("key", "TLS: PEM file, the key of `certificate`")
        .Default("in the file of `certificate`")
        .OnlyWhen(IsOverTls, kTlsOnly),
    WordKey<&HealthConfig::min_tls>("min_tls", "TLS: the oldest version that may be spoken")
        .Schema(R"({"enum": ["1.0", "1.1", "1.2", "1.3", 1.0, 1.1, 1.2, 1.3]})")
        .OnlyWhen(IsOverTls, kTlsOnly),
    OwnKey<&HealthConfig::command>("command", "`[/path, arguments…]`", ReadHealthCommand,
                                   HealthCommandText, "script: the program, run without a shell")
        .Default("required for script")
        .Schema(R"({"$ref": "#/$defs/command"})")
        .OnlyWhen(IsOfType<HealthType::kScript>, kScriptOnly),
    BoolKey<&HealthConfig::sets_weight>(
        "sets_weight", "script: exit statuses 2 to 255 mean up, with the weight status − 2")
        .OnlyWhen(IsOfType<HealthType::kScript>, kScriptOnly),
    TimeKey<&HealthConfig::interval>("interval", kCheckTimes, "from one check to the next"),
    TimeKey<&HealthConfig::retry_interval>(
        "retry_interval", kCheckTimes,
        "from a failure to the next check, while the real is not yet down")
        .Default("the interval")
        .OnlyWhen(IsCounted, kBelievedAtOnce),
    TimeKey<&HealthConfig::timeout>("timeout", kCheckTimes,
                                    "without an answer by then the check has failed"),
    NumberKey<&HealthConfig::fall>("fall", 1, 1000, "failures in a row until the real is down")
        .OnlyWhen(IsCounted, kBelievedAtOnce),
    NumberKey<&HealthConfig::rise>("rise", 1, 1000, "successes in a row until it is up again")
        .OnlyWhen(IsCounted, kBelievedAtOnce),
    WordKey<&HealthConfig::initial>(
        "initial",
        "what a real counts as before its first answer; after `down` one good answer is enough"),
    WordKey<&HealthConfig::on_fail>(
        "on_fail",
        "`drain`: no new connections, known clients move, connections stay; `quiesce`: known "
        "clients stay too; `remove`: as if it were not in the file"),
    TimeKey<&HealthConfig::slow_start>(
        "slow_start", kSecondToMonth,
        "the weight of a real that is up again grows to its whole over this time")};

}  // namespace fairlead::control
