// The keys of `sync` and of `sync.ipvs`, each declared once (config_key.h). Threads: constants.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "control/config/config_key.h"
#include "control/config/model.h"
#include "control/config/section_readers.h"

namespace fairlead::control {

// read_sync.cc
using IpvsSyncKey = ConfigKey<IpvsSyncConfig>;
void ReadSyncInterface(MapReader& reader, const IpvsSyncKey& key, IpvsSyncConfig& config);
std::string SyncInterfaceText(const IpvsSyncConfig& config);
void ReadSyncGroup(MapReader& reader, const IpvsSyncKey& key, IpvsSyncConfig& config);
std::string SyncGroupText(const IpvsSyncConfig& config);
void ReadSyncPorts(MapReader& reader, const IpvsSyncKey& key, IpvsSyncConfig& config);
std::string SyncPortsText(const IpvsSyncConfig& config);
void ReadSyncMaxlen(MapReader& reader, const IpvsSyncKey& key, IpvsSyncConfig& config);
std::string SyncMaxlenText(const IpvsSyncConfig& config);
void ReadSyncPeers(MapReader& reader, const IpvsSyncKey& key, IpvsSyncConfig& config);
std::string SyncPeersText(const IpvsSyncConfig& config);
void ReadSyncThreshold(MapReader& reader, const IpvsSyncKey& key, IpvsSyncConfig& config);
std::string SyncThresholdText(const IpvsSyncConfig& config);
void ReadSyncRefresh(MapReader& reader, const IpvsSyncKey& key, IpvsSyncConfig& config);
std::string SyncRefreshText(const IpvsSyncConfig& config);

inline constexpr size_t kMostSyncPeers = 64;

inline constexpr IpvsSyncKey kIpvsSyncKeys[] = {
    OwnKey<&IpvsSyncConfig::interface>("interface", "text", ReadSyncInterface, SyncInterfaceText,
                                       "the interface of this machine that the other director is "
                                       "on")
        .Schema(R"({"$ref": "#/$defs/text"})")
        .Default("required"),
    WordKey<&IpvsSyncConfig::role>(
        "role",
        "`backup`: takes in what the other sends; `master`: sends; `both`: at the same time"),
    NumberKey<&IpvsSyncConfig::syncid>("syncid", 0, 255,
                                       "what is sent says it, and of other ids nothing is taken "
                                       "in; 0: takes in every sender's"),
    OwnKey<&IpvsSyncConfig::group>("group", "multicast address", ReadSyncGroup, SyncGroupText,
                                   "where datagrams are sent to")
        .Schema(R"({"type": "string"})"),
    NumberKey<&IpvsSyncConfig::udp_port>("udp_port", 1, 65535, "the first of their ports"),
    OwnKey<&IpvsSyncConfig::ports>("ports", "1, 2, 4 … 64", ReadSyncPorts, SyncPortsText,
                                   "how many ports connections are spread over; both directors "
                                   "say the same")
        .Schema(R"({"enum": [1, 2, 4, 8, 16, 32, 64]})"),
    OwnKey<&IpvsSyncConfig::maxlen>("maxlen", "`auto` \\| 44–65507", ReadSyncMaxlen, SyncMaxlenText,
                                    "bytes of a datagram at the most; `auto`: 1472")
        .Schema(
            R"({"anyOf": [{"const": "auto"}, {"type": "integer", "minimum": 44, "maximum": 65507}]})"),
    NumberKey<&IpvsSyncConfig::ttl>("ttl", 1, 255, "hops that a datagram may go"),
    NumberKey<&IpvsSyncConfig::version>("version", 0, 1,
                                        "what is sent; 0 has neither IPv6 nor timeouts. Both are "
                                        "taken in"),
    OwnKey<&IpvsSyncConfig::peers>("peers", "list of addresses, 64 at the most", ReadSyncPeers,
                                   SyncPeersText, "senders that are heard; empty: any")
        .Schema(R"({"type": "array", "items": {"type": "string"}, "maxItems": 64})"),
    OwnKey<&IpvsSyncConfig::threshold>("threshold", "[N, PERIOD]", ReadSyncThreshold,
                                       SyncThresholdText,
                                       "a connection is sent with the client's packet N of each "
                                       "PERIOD; PERIOD 0: with packet N alone")
        .Schema(
            R"({"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 2, "maxItems": 2})"),
    OwnKey<&IpvsSyncConfig::refresh_period>("refresh_period", "0 or duration, 1s–1h",
                                            ReadSyncRefresh, SyncRefreshText,
                                            "a connection that goes on as it was is sent once in "
                                            "this time; 0: at each threshold")
        .Schema(R"({"anyOf": [{"const": 0}, {"$ref": "#/$defs/duration"}]})"),
    NumberKey<&IpvsSyncConfig::retries>("retries", 0, 3,
                                        "with `refresh_period`: how often it is sent again in it"),
    BoolKey<&IpvsSyncConfig::persist_mode>("persist_mode",
                                           "true: of persistent services templates are sent and "
                                           "connections are not"),
    WordKey<&IpvsSyncConfig::unknown_service>(
        "unknown_service",
        "`refuse`: an entry of a service or a real server that is not here is left out, until it "
        "is here and the next message comes; `as-kernel`: its connection is taken in, and its "
        "packets go to the real server of the message")};

// ---- between Fairlead directors

using StreamKey = ConfigKey<StreamConfig>;
void ReadStreamName(MapReader& reader, std::string_view key, std::string* to);
void ReadStreamPeers(MapReader& reader, const StreamKey& key, StreamConfig& config);
std::string StreamPeersText(const StreamConfig& config);
void ReadStreamListen(MapReader& reader, const StreamKey& key, StreamConfig& config);
std::string StreamListenText(const StreamConfig& config);

inline constexpr StreamKey kStreamKeys[] = {
    TextKey<&StreamConfig::name, ReadStreamName>("name", "name",
                                                 "what the peers call this director")
        .Default("`director.name`"),
    OwnKey<&StreamConfig::peers>("peers", "list of `{name, address}`, 15 at the most, or `fleet`",
                                 ReadStreamPeers, StreamPeersText,
                                 "the Fairlead directors that know the same connections; `fleet`: "
                                 "those of the store that `-c etcd://…` names")
        .Schema(
            R"({"oneOf": [{"const": "fleet"}, {"type": "array", "maxItems": 15, "items": {"type": "object", "additionalProperties": false, "required": ["name", "address"], "properties": {"name": {"$ref": "#/$defs/text"}, "address": {"type": "string"}}}}]})"),
    OwnKey<&StreamConfig::listen>("listen", "`ADDRESS` or `ADDRESS:PORT`", ReadStreamListen,
                                  StreamListenText, "where peers connect to")
        .Default("0.0.0.0:8849")
        .Schema(R"({"type": "string"})"),
    TextKey<&StreamConfig::key_file, ReadFilePath>(
        "key_file", "absolute path",
        "a secret of 16 bytes or more that all of them share; their connections are encrypted with "
        "it"),
    TextKey<&StreamConfig::certificate, ReadFilePath>(
        "certificate", "absolute path",
        "instead of `key_file`: PEM, the chain behind it; it must be of `name`"),
    TextKey<&StreamConfig::key, ReadFilePath>("key", "absolute path",
                                              "PEM; nobody but its owner and group may read it"),
    TextKey<&StreamConfig::ca, ReadFilePath>("ca", "absolute path",
                                             "PEM; who may have signed the peers' certificates"),
    TimeKey<&StreamConfig::ready_lag>("ready_lag", {10ms, 1h},
                                      "a peer that is further behind is not in sync"),
    TimeKey<&StreamConfig::ready_timeout>(
        "ready_timeout", {1s, 1h},
        "a peer that cannot be reached for so long holds this director back no longer")};

}  // namespace fairlead::control
