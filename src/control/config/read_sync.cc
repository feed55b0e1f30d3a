// The section `sync`.
#include <algorithm>
#include <bit>

#include "base/loopback.h"
#include "control/config/section_readers.h"
#include "control/config/sync_keys.h"

namespace fairlead::control {
namespace {

constexpr size_t kMostInterfaceBytes = 15;  // IFNAMSIZ
constexpr uint16_t kAutoMaxlen = 1472;      // an Ethernet frame less IPv4 and UDP headers

Result<std::string> ReadInterface(const YamlNode& node) {
  auto name = ReadText(node);
  const bool is_one = name && name->size() <= kMostInterfaceBytes && *name != "." &&
                      *name != ".." && name->find_first_of("/ ") == std::string::npos;
  return is_one ? name : WrongValue(node, "the name of a network interface, as \"eth1\"");
}

Result<IpAddress> ReadGroup(const YamlNode& node) {
  auto address = ReadAddress(node);
  if (address && address->is_multicast()) return address;
  return WrongValue(node, "a multicast address, as 224.0.0.81 or ff02::81");
}

Result<uint64_t> ReadPowerOfTwo(const YamlNode& node) {
  const auto number = ReadNumber(node, 1, 64);
  return number && std::has_single_bit(*number) ? number
                                                : WrongValue(node, "1, 2, 4, 8, 16, 32 or 64");
}

Result<SyncThreshold> ReadThreshold(const YamlNode& node) {
  constexpr uint64_t kMost = 0x7fff'ffff;
  constexpr const char* kForm = "[N, PERIOD] with N below PERIOD, or PERIOD 0, as [3, 50]";
  if (!node.is_list() || node.items.size() != 2) return WrongValue(node, kForm);
  const auto threshold = ReadNumber(node.items[0], 0, kMost);
  const auto period = ReadNumber(node.items[1], 0, kMost);
  if (!threshold || !period || (*period != 0 && *threshold >= *period))
    return WrongValue(node, kForm);
  return SyncThreshold{static_cast<uint32_t>(*threshold), static_cast<uint32_t>(*period)};
}

}  // namespace

void ReadSyncInterface(MapReader& reader, const IpvsSyncKey& key, IpvsSyncConfig& config) {
  reader.Read(key.name, &config.interface, ReadInterface);
}
std::string SyncInterfaceText(const IpvsSyncConfig& config) {
  return config.interface.empty() ? std::string() : Scalar(config.interface);
}

void ReadSyncGroup(MapReader& reader, const IpvsSyncKey& key, IpvsSyncConfig& config) {
  reader.Read(key.name, &config.group, ReadGroup);
}
std::string SyncGroupText(const IpvsSyncConfig& config) { return Scalar(config.group.ToString()); }

void ReadSyncPorts(MapReader& reader, const IpvsSyncKey& key, IpvsSyncConfig& config) {
  reader.Read(key.name, &config.ports, ReadPowerOfTwo);
}
std::string SyncPortsText(const IpvsSyncConfig& config) { return std::to_string(config.ports); }

void ReadSyncMaxlen(MapReader& reader, const IpvsSyncKey& key, IpvsSyncConfig& config) {
  reader.Read(key.name, &config.maxlen, [](const YamlNode& node) -> Result<uint64_t> {
    if (node.is_scalar() && node.text == "auto") return uint64_t{kAutoMaxlen};
    return ReadNumber(node, kLeastSyncMaxlen, 65507);
  });
}
std::string SyncMaxlenText(const IpvsSyncConfig& config) {
  return config.maxlen == kAutoMaxlen ? "auto" : std::to_string(config.maxlen);
}

void ReadSyncPeers(MapReader& reader, const IpvsSyncKey& key, IpvsSyncConfig& config) {
  reader.ReadOneOrMany(key.name, &config.peers, ReadUnicast);
  if (config.peers.size() > kMostSyncPeers) {
    reader.problems().Add(reader.PathOf(key.name), "at most 64 peers are possible");
  }
}
std::string SyncPeersText(const IpvsSyncConfig& config) {
  if (config.peers.empty()) return {};
  return FlowList(config.peers, [](const IpAddress& a) { return Scalar(a.ToString()); });
}

void ReadSyncThreshold(MapReader& reader, const IpvsSyncKey& key, IpvsSyncConfig& config) {
  reader.Read(key.name, &config.threshold, ReadThreshold);
}
std::string SyncThresholdText(const IpvsSyncConfig& config) {
  return "[" + std::to_string(config.threshold.threshold) + ", " +
         std::to_string(config.threshold.period) + "]";
}

void ReadSyncRefresh(MapReader& reader, const IpvsSyncKey& key, IpvsSyncConfig& config) {
  reader.Read(key.name, &config.refresh_period, [](const YamlNode& node) -> Result<Duration> {
    if (node.is_scalar() && node.text == "0") return Duration{0};
    return ReadDuration(node, 1s, 1h);
  });
}
std::string SyncRefreshText(const IpvsSyncConfig& config) {
  return config.refresh_period == Duration{0} ? "0" : FormatDuration(config.refresh_period);
}

namespace {

constexpr std::string_view kFleetPeers = "fleet";

constexpr KeyInfo kSyncPeerKeys[] = {{"name"}, {"address"}};
constexpr Section kSyncPeerSection{"sync.peers[]", kSyncPeerKeys,
                                   "{ name: edge-2, address: 10.255.0.2 }"};

// The port may be left out.
Result<Endpoint> ReadStreamAddress(const YamlNode& node) {
  if (node.is_scalar()) {
    if (const auto endpoint = Endpoint::Parse(node.text); endpoint && !endpoint->port.is_zero()) {
      return *endpoint;
    }
    if (const auto address = IpAddress::Parse(node.text)) {
      return Endpoint{*address, Be16::FromHost(kStreamPort)};
    }
  }
  return WrongValue(node, "an address, with a port or without, as 10.255.0.2 or 10.255.0.2:8849");
}

bool IsHost(const IpAddress& address) {
  return !address.is_multicast() && !address.is_unspecified();
}

void ReadPeer(MapReader reader, const std::string& path, StreamConfig& config) {
  SyncPeer peer;
  const bool has_name = reader.Require("name");  // both are asked for, so both are said
  const bool has_address = reader.Require("address");
  if (!has_name || !has_address || !reader.Read("name", &peer.name, ReadName) ||
      !reader.Read("address", &peer.address, ReadStreamAddress)) {
    return;
  }
  if (!IsHost(peer.address.address)) {
    return reader.problems().Add(reader.PathOf("address"), "must be the address of one director");
  }
  for (const SyncPeer& other : config.peers) {
    if (other.name != peer.name && other.address != peer.address) continue;
    return reader.problems().Add(path, "has the name or the address of another peer");
  }
  config.peers.push_back(std::move(peer));
}

// Nothing goes over a network unencrypted. Members of a fleet that are not on loopback addresses
// are then left out as they come (fleet/fleet_peers.h).
void CheckSecured(MapReader& reader, const StreamConfig& config) {
  Problems& problems = reader.problems();
  if (!config.has_peers() || config.is_secured() || problems.IsBroken(reader.PathOf("key_file"))) {
    return;
  }
  const bool is_local = IsLoopback(config.listen.address) &&
                        std::ranges::all_of(config.peers, [](const SyncPeer& peer) {
                          return IsLoopback(peer.address.address);
                        });
  if (is_local || problems.IsBroken(reader.PathOf("certificate")) ||
      problems.IsBroken(reader.PathOf("listen"))) {
    return;
  }
  problems.Add(reader.PathOf("peers"),
               "need \"key_file\", or \"certificate\", \"key\" and \"ca\": without them a "
               "director listens on a loopback address to peers on loopback addresses alone");
}

// What goes together.
void CheckStream(MapReader& reader, const StreamConfig& config) {
  Problems& problems = reader.problems();
  for (const char* key : {"certificate", "key", "ca"}) {
    if (!reader.Has(key)) continue;
    if (reader.Has("key_file")) {
      problems.Add(reader.PathOf(key), "has no use with \"key_file\"; leave one of the two out");
    }
    for (const char* other : {"certificate", "key", "ca"}) {
      if (!reader.Has(other)) {
        problems.Add(reader.PathOf(key), std::string("needs the key \"") + other + "\" beside it");
      }
    }
  }
  if (config.has_fleet_peers && reader.Has("name")) {
    problems.Add(reader.PathOf("name"),
                 "has no use with \"peers: fleet\": the name is that of --name; leave it out");
  }
  CheckSecured(reader, config);
}

}  // namespace

void ReadStreamName(MapReader& reader, std::string_view key, std::string* to) {
  reader.Read(key, to, ReadName);
}

void ReadStreamPeers(MapReader& reader, const StreamKey& key, StreamConfig& config) {
  const YamlNode* const node = reader.Find(key.name);
  if (node != nullptr && node->is_scalar() && node->text == kFleetPeers) {
    config.has_fleet_peers = true;
    return;
  }
  reader.ForEach(key.name, [&](const YamlNode& item, const std::string& path) {
    ReadPeer(MapReader(reader.problems(), item, path, kSyncPeerSection), path, config);
  });
  if (config.peers.size() > kMostStreamPeers) {
    reader.problems().Add(reader.PathOf(key.name),
                          "at most " + std::to_string(kMostStreamPeers) + " peers are possible");
  }
}
std::string StreamPeersText(const StreamConfig& config) {
  if (config.has_fleet_peers) return std::string(kFleetPeers);
  if (config.peers.empty()) return {};
  return FlowList(config.peers, [](const SyncPeer& peer) {
    return "{ name: " + Scalar(peer.name) + ", address: " + Scalar(peer.address.ToString()) + " }";
  });
}

void ReadStreamListen(MapReader& reader, const StreamKey& key, StreamConfig& config) {
  reader.Read(key.name, &config.listen, ReadStreamAddress);
}
std::string StreamListenText(const StreamConfig& config) {
  return Scalar(config.listen.ToString());
}

void ReadIpvsSync(MapReader reader, IpvsSyncConfig& config) {
  reader.Require("interface", "the network interface that leads to the other director");
  ReadKeys(reader, kIpvsSyncKeys, &config);
}

void ReadSync(MapReader reader, SyncConfig& sync) {
  ReadKeys(reader, kStreamKeys, &sync.stream);
  CheckStream(reader, sync.stream);
  const YamlNode* const node = reader.Find("ipvs");
  if (node == nullptr) return;
  ReadIpvsSync(MapReader(reader.problems(), *node, reader.PathOf("ipvs"), kIpvsSyncSection),
               sync.ipvs.emplace());
}

}  // namespace fairlead::control
