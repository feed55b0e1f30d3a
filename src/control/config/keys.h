// The keys of `timeouts`, `policy`, `persistence` and `health`, each declared once (config_key.h).
//
// A new one is a line here, the member it sets (model.h), its use, and its rows in
// docs/configuration.md and config/reference.yaml, which a test compares with these. Order: that in
// which an unknown key's sentence lists them and a dump writes them; the policy's is by name.
// Threads: constants.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "control/config/config_key.h"
#include "control/config/model.h"

namespace fairlead::control {

// What ipvsadm takes (ipvs.md, longest timeout and set timeouts).
inline constexpr TimeRange kSecondToMonth{1s, 24h * 31};
inline constexpr TimeRange kCheckTimes{100ms, 24h};

// ---- timeouts ---------------------------------------------------------------------------------

inline constexpr ConfigKey<TimeoutsConfig> kTimeoutKeys[] = {
    TimeKey<&TimeoutsConfig::tcp>("tcp", kSecondToMonth, "ESTABLISHED"),
    TimeKey<&TimeoutsConfig::tcp_fin>("tcp_fin", kSecondToMonth, "FIN_WAIT, after a FIN"),
    TimeKey<&TimeoutsConfig::udp>("udp", kSecondToMonth, "UDP"),
    TimeKey<&TimeoutsConfig::none>("none", kSecondToMonth, "NONE"),
    TimeKey<&TimeoutsConfig::syn_sent>("syn_sent", kSecondToMonth, "SYN_SENT"),
    TimeKey<&TimeoutsConfig::syn_recv>("syn_recv", kSecondToMonth, "SYN_RECV"),
    TimeKey<&TimeoutsConfig::time_wait>("time_wait", kSecondToMonth, "TIME_WAIT"),
    TimeKey<&TimeoutsConfig::close>("close", kSecondToMonth, "CLOSE"),
    TimeKey<&TimeoutsConfig::close_wait>("close_wait", kSecondToMonth, "CLOSE_WAIT"),
    TimeKey<&TimeoutsConfig::last_ack>("last_ack", kSecondToMonth, "LAST_ACK"),
    TimeKey<&TimeoutsConfig::listen>("listen", kSecondToMonth, "LISTEN"),
    TimeKey<&TimeoutsConfig::synack>("synack", kSecondToMonth, "SYNACK")};

// ---- policy -----------------------------------------------------------------------------------

// The word, or the number of the sysctl; 1 and 2 are one, for the second only reports the first.
Result<DefenceMode> ReadDefenceMode(const YamlNode& node);

template <auto kMember>
constexpr auto ModeKey(std::string_view name, std::string_view effect) {
  using Config = decltype(ConfigOf(kMember));
  auto key = WordKey<kMember>(name, effect);
  key.read = [](MapReader& reader, const ConfigKey<Config>& own, Config& config) {
    reader.Read(own.name, &(config.*kMember), ReadDefenceMode);
  };
  key.range = nullptr;
  key.range_words = "mode";
  return key;
}

// Those a service may set for itself.
inline constexpr ConfigKey<ServicePolicy> kServicePolicyKeys[] = {
    BoolKey<&ServicePolicy::cache_bypass>(
        "cache_bypass",
        "a mark service of which no real can take a connection (transparent caches) lets the "
        "packet go where it was sent, when that is not the director"),
    NumberKey<&ServicePolicy::conn_reuse_mode>(
        "conn_reuse_mode", 0, 3,
        "a SYN on an old connection in TIME_WAIT or CLOSE: 0: same real; 1: scheduled anew; 2, 3: "
        "in FIN_WAIT under DR and TUN too"),
    ModeKey<&ServicePolicy::drop_packet>("drop_packet",
                                         "some packets that would make a connection are dropped"),
    BoolKey<&ServicePolicy::expire_nodest_conn>(
        "expire_nodest_conn",
        "a packet of a connection whose real was removed: false: dropped; true: the connection "
        "ends and the packet starts anew"),
    BoolKey<&ServicePolicy::expire_quiescent_template>(
        "expire_quiescent_template",
        "true: a template to a real of weight 0 is not used; its client gets another real"),
    TimeKey<&ServicePolicy::lblc_expiration>(
        "lblc_expiration", kSecondToMonth,
        "`lblc` forgets a destination that was not used for so long"),
    TimeKey<&ServicePolicy::lblcr_expiration>(
        "lblcr_expiration", kSecondToMonth,
        "`lblcr` too, and a set of reals that did not change for so long loses its most loaded "
        "member"),
    BoolKey<&ServicePolicy::nat_icmp_send>(
        "nat_icmp_send", "true: port unreachable to a NAT real that sends for no known connection"),
    BoolKey<&ServicePolicy::pmtu_disc>(
        "pmtu_disc",
        "TUN: the outer packet takes the DF bit of the inner one; false: it may be fragmented"),
    BoolKey<&ServicePolicy::schedule_icmp>(
        "schedule_icmp",
        "an ICMP error from a client about a flow that is not here is scheduled as a packet of "
        "that client would be, and follows it: for anycast addresses"),
    ModeKey<&ServicePolicy::secure_tcp>(
        "secure_tcp", "a connection is established only once the server has acknowledged"),
    BoolKey<&ServicePolicy::sloppy_tcp>("sloppy_tcp",
                                        "true: any TCP packet but RST may open a connection"),
    WordKey<&ServicePolicy::unknown_connections>(
        "unknown_connections",
        "a TCP packet of no connection here that may not open one: `reset`: RST; `drop`: nothing; "
        "`schedule`: it opens one all the same, unless it is a RST")};

inline constexpr std::array<std::string_view, 1> kPlannedAnnounces{"when-the-kernel-has-it"};

// Those that hold for the whole director.
inline constexpr ConfigKey<PolicyConfig> kGlobalPolicyKeys[] = {
    NumberKey<&PolicyConfig::am_droprate>(
        "am_droprate", 0, 1'000'000,
        "with `drop_packet: always` one new connection in so many is dropped; 0: none"),
    NumberKey<&PolicyConfig::amemthresh>(
        "amemthresh", 1, 100,
        "percent: modes `auto` act while less of a worker's connection table is free"),
    WordKey<&PolicyConfig::announce, kPlannedAnnounces>("announce", "see `services[]`"),
    ModeKey<&PolicyConfig::drop_entry>(
        "drop_entry",
        "what a flood leaves in the tables is removed, and room is made in a full one"),
    WordKey<&PolicyConfig::no_listener>(
        "no_listener",
        "for a virtual address where no service listens: RST (TCP) and port unreachable (UDP), or "
        "nothing")};

static_assert(std::ranges::is_sorted(kServicePolicyKeys, {}, &ConfigKey<ServicePolicy>::name) &&
                  std::ranges::is_sorted(kGlobalPolicyKeys, {}, &ConfigKey<PolicyConfig>::name),
              "the policy's keys stand by name");

// ---- persistence ------------------------------------------------------------------------------

using PersistenceKey = ConfigKey<PersistenceConfig>;
void ReadPersistenceTimeout(MapReader& reader, const PersistenceKey& key, PersistenceConfig& to);
void ReadPersistenceMask(MapReader& reader, const PersistenceKey& key, PersistenceConfig& to);
void ReadRenew(MapReader& reader, const PersistenceKey& key, PersistenceConfig& to);
void ReadNetmaskRules(MapReader& reader, const PersistenceKey& key, PersistenceConfig& to);
void ReadClientGroupNames(MapReader& reader, const PersistenceKey& key, PersistenceConfig& to);
void ReadPersistenceGroup(MapReader& reader, const PersistenceKey& key, PersistenceConfig& to);
std::string PersistenceTimeoutText(const PersistenceConfig& persistence);
std::string PersistenceMaskText(const PersistenceConfig& persistence);
std::string RenewText(const PersistenceConfig& persistence);
void DumpNetmaskRules(Writer& w, const PersistenceConfig& persistence);
std::string ClientGroupNamesText(const PersistenceConfig& persistence);
std::string PersistenceGroupText(const PersistenceConfig& persistence);

inline constexpr PersistenceKey kPersistenceKeys[] = {
    OwnKey<&PersistenceConfig::timeout>("timeout", "duration, 1s–31d, or `infinite`",
                                        ReadPersistenceTimeout, PersistenceTimeoutText,
                                        "counted from the client's last new connection"),
    OwnKey<&PersistenceConfig::mask4>("netmask", "0–32, or a mask such as 255.255.255.0",
                                      ReadPersistenceMask, PersistenceMaskText,
                                      "IPv4 clients alike under it are one client"),
    NumberKey<&PersistenceConfig::prefix_length6>("netmask6", 1, 128, "the same for IPv6"),
    OwnKey<&PersistenceConfig::renew, &PersistenceConfig::step>(
        "renew",
        "`linux` \\| `legacy120` \\| `full` \\| `step=DURATION` \\| `after-last-close` \\| `fixed`",
        ReadRenew, RenewText, "how the time goes on"),
    TimeKey<&PersistenceConfig::max_lifetime>(
        "max_lifetime", kSecondToMonth, "after this the client is scheduled anew in any case"),
    TimeKey<&PersistenceConfig::rekey>(
        "rekey", kSecondToMonth,
        "when who counts as one client has changed, known clients that come back within this time "
        "keep their real"),
    OwnKey<&PersistenceConfig::netmasks>(
        "netmasks", "list of `source`, `netmask`, `netmask6`", ReadNetmaskRules, nullptr,
        "clients of these networks (`\"@set\"`, a prefix, or a list) have another netmask")
        .Default("[]")
        .DumpedBy(DumpNetmaskRules),
    OwnKey<&PersistenceConfig::client_groups>("client_groups", "names of `client_groups`",
                                              ReadClientGroupNames, ClientGroupNamesText,
                                              "each is one client, whatever the netmasks say"),
    OwnKey<&PersistenceConfig::group>("group", "name", ReadPersistenceGroup, PersistenceGroupText,
                                      "services of one group share their clients' reals"),
    NumberKey<&PersistenceConfig::spread>(
        "spread", 1, 64, "templates, and so reals, that one client may have at once")};

// ---- health -----------------------------------------------------------------------------------

using HealthKey = ConfigKey<HealthConfig>;
void ReadHealthPath(MapReader& reader, const HealthKey& key, HealthConfig& to);
void ReadHealthHost(MapReader& reader, const HealthKey& key, HealthConfig& to);
void ReadHealthExpect(MapReader& reader, const HealthKey& key, HealthConfig& to);
void ReadHealthAddress(MapReader& reader, const HealthKey& key, HealthConfig& to);
void ReadHealthSource(MapReader& reader, const HealthKey& key, HealthConfig& to);
void ReadHealthCommand(MapReader& reader, const HealthKey& key, HealthConfig& to);
std::string HealthAddressText(const HealthConfig& health);
std::string HealthSourceText(const HealthConfig& health);
std::string HealthCommandText(const HealthConfig& health);
std::string HealthPathText(const HealthConfig& health);
std::string HealthHostText(const HealthConfig& health);
std::string HealthExpectText(const HealthConfig& health);

inline constexpr std::array<std::string_view, 8> kPlannedChecks{"https", "smtp", "dns",  "misc",
                                                                "udp",   "ping", "file", "bfd"};
constexpr bool IsHttpCheck(const HealthConfig& health) { return health.type == HealthType::kHttp; }
inline constexpr std::string_view kHttpOnly = "only \"type: http\" has this key";
constexpr bool IsScriptCheck(const HealthConfig& health) {
  return health.type == HealthType::kScript;
}
constexpr bool IsNetworkCheck(const HealthConfig& health) { return !IsScriptCheck(health); }
inline constexpr std::string_view kScriptOnly = "only \"type: script\" has this key";
inline constexpr std::string_view kNotOfScripts =
    "\"type: script\" has no such key: the command asks whom it likes";

// The type stands first: it says which others there may be.
inline constexpr HealthKey kHealthKeys[] = {
    WordKey<&HealthConfig::type, kPlannedChecks>(
        "type",
        "`tcp`: a connection is accepted; `http`: a GET is answered with an expected status; "
        "`script`: a command exits with 0")
        .Default("required"),
    OwnKey<&HealthConfig::path>("path", "text, begins with `/`", ReadHealthPath, HealthPathText,
                                "http")
        .OnlyWhen(IsHttpCheck, kHttpOnly),
    OwnKey<&HealthConfig::host>("host", "text", ReadHealthHost, HealthHostText,
                                "http: the Host header")
        .Default("the address and port asked")
        .OnlyWhen(IsHttpCheck, kHttpOnly),
    OwnKey<&HealthConfig::address>("address", "unicast address", ReadHealthAddress,
                                   HealthAddressText, "where to ask")
        .Default("the address of the real")
        .OnlyWhen(IsNetworkCheck, kNotOfScripts),
    NumberKey<&HealthConfig::port>("port", 1, 65535, "where to ask")
        .Default("the port of the real; where that is 0: 80 for http, required for tcp"),
    OwnKey<&HealthConfig::source>("source", "unicast address", ReadHealthSource, HealthSourceText,
                                  "an address of this machine: where to ask from")
        .Default("as the machine routes")
        .OnlyWhen(IsNetworkCheck, kNotOfScripts),
    OwnKey<&HealthConfig::expect>("expect", "100–599, range or list", ReadHealthExpect,
                                  HealthExpectText, "http: statuses that mean up")
        .Default("200–399")
        .OnlyWhen(IsHttpCheck, kHttpOnly),
    OwnKey<&HealthConfig::command>("command", "`[/path, arguments…]`", ReadHealthCommand,
                                   HealthCommandText, "script: the program, run without a shell")
        .Default("required for script")
        .OnlyWhen(IsScriptCheck, kScriptOnly),
    BoolKey<&HealthConfig::sets_weight>(
        "sets_weight", "script: exit statuses 2 to 255 mean up, with the weight status − 2")
        .OnlyWhen(IsScriptCheck, kScriptOnly),
    TimeKey<&HealthConfig::interval>("interval", kCheckTimes, "from one check to the next"),
    TimeKey<&HealthConfig::retry_interval>(
        "retry_interval", kCheckTimes,
        "from a failure to the next check, while the real is not yet down")
        .Default("the interval"),
    TimeKey<&HealthConfig::timeout>("timeout", kCheckTimes,
                                    "without an answer by then the check has failed"),
    NumberKey<&HealthConfig::fall>("fall", 1, 1000, "failures in a row until the real is down"),
    NumberKey<&HealthConfig::rise>("rise", 1, 1000, "successes in a row until it is up again"),
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
