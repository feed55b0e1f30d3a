// The section `sync`.
#include <algorithm>
#include <bit>

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

void ReadIpvsSync(MapReader reader, IpvsSyncConfig& config) {
  reader.Require("interface", "the network interface that leads to the other director");
  ReadKeys(reader, kIpvsSyncKeys, &config);
}

void ReadSync(MapReader reader, SyncConfig& sync) {
  const YamlNode* const node = reader.Find("ipvs");
  if (node == nullptr) return;
  ReadIpvsSync(MapReader(reader.problems(), *node, reader.PathOf("ipvs"), kIpvsSyncSection),
               sync.ipvs.emplace());
}

}  // namespace fairlead::control
