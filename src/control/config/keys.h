// The keys of `timeouts`, `policy` and `persistence`, each declared once (config_key.h); those of
// `health` are in health_keys.h.
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
  key.schema_words = R"({"enum": ["off", "auto", "always", 0, 1, 2, 3]})";
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

// Those that hold for the whole director.
inline constexpr ConfigKey<PolicyConfig> kGlobalPolicyKeys[] = {
    NumberKey<&PolicyConfig::am_droprate>(
        "am_droprate", 0, 1'000'000,
        "with `drop_packet: always` one new connection in so many is dropped; 0: none"),
    NumberKey<&PolicyConfig::amemthresh>(
        "amemthresh", 1, 100,
        "percent: modes `auto` act while less of a worker's connection table is free"),
    WordKey<&PolicyConfig::announce>("announce", "see `services[]`"),
    ModeKey<&PolicyConfig::drop_entry>(
        "drop_entry",
        "what a flood leaves in the tables is removed, and room is made in a full one"),
    NumberKey<&PolicyConfig::kernel_routes>(
        "kernel_routes", 0, 100'000,
        "so many routes of the kernel's main table that lead out of kernel twins are used for "
        "forwarding; 0: none"),
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
                                        "counted from the client's last new connection")
        .Schema(R"({"type": "string", "pattern": "^([0-9]+(ms|s|m|h|d)|infinite)$"})"),
    OwnKey<&PersistenceConfig::mask4>("netmask", "0–32, or a mask such as 255.255.255.0",
                                      ReadPersistenceMask, PersistenceMaskText,
                                      "IPv4 clients alike under it are one client")
        .Schema(R"({"$ref": "#/$defs/netmask"})"),
    NumberKey<&PersistenceConfig::prefix_length6>("netmask6", 1, 128, "the same for IPv6"),
    OwnKey<&PersistenceConfig::renew, &PersistenceConfig::step>(
        "renew",
        "`linux` \\| `legacy120` \\| `full` \\| `step=DURATION` \\| `after-last-close` \\| `fixed`",
        ReadRenew, RenewText, "how the time goes on")
        .Schema(
            R"({"anyOf": [{"enum": ["linux", "legacy120", "full", "after-last-close", "fixed"]}, )"
            R"({"type": "string", "pattern": "^step=[0-9]+(ms|s|m|h|d)$"}]})"),
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
        .Schema(R"({"type": "array", "items": {"$ref": "#/$defs/netmask_rule"}})")
        .DumpedBy(DumpNetmaskRules),
    OwnKey<&PersistenceConfig::client_groups>("client_groups", "names of `client_groups`",
                                              ReadClientGroupNames, ClientGroupNamesText,
                                              "each is one client, whatever the netmasks say")
        .Schema(R"({"type": "array", "items": {"$ref": "#/$defs/text"}})"),
    OwnKey<&PersistenceConfig::group>("group", "name", ReadPersistenceGroup, PersistenceGroupText,
                                      "services of one group share their clients' reals")
        .Schema(R"({"$ref": "#/$defs/text"})"),
    NumberKey<&PersistenceConfig::spread>(
        "spread", 1, 64, "templates, and so reals, that one client may have at once")};

}  // namespace fairlead::control
