// How this director tells others of its connections (docs/sync.md): Fairlead directors by a stream
// each, directors of the kernel by its protocol.
//
//   for (const SyncPeer& peer : model.sync.stream.peers) …
//   if (model.sync.ipvs) …
//
// Threads: a value.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "control/config/duration.h"

namespace fairlead::control {

inline constexpr uint16_t kStreamPort = 8849;
inline constexpr size_t kMostStreamPeers = 15;

// ---- the kernel's protocol

enum class SyncRole : uint8_t { kBackup, kMaster, kBoth };
enum class UnknownService : uint8_t { kRefuse, kAsKernel };

struct SyncThreshold {
  uint32_t threshold = 3, period = 50;  // which packet of each period; period 0: of all
  friend bool operator==(const SyncThreshold&, const SyncThreshold&) = default;
};

inline constexpr uint16_t kLeastSyncMaxlen = 44;  // one entry

struct IpvsSyncConfig {
  std::string interface {};
  SyncRole role = SyncRole::kBackup;
  uint8_t syncid = 0;  // 0: takes every sender's
  IpAddress group = Ipv4Address::FromHost(0xe000'0051);
  uint16_t udp_port = 8848;
  uint8_t ports = 1;       // a power of two, from udp_port on
  uint16_t maxlen = 1472;  // bytes of a datagram
  uint8_t ttl = 1;
  uint8_t version = 1;
  std::vector<IpAddress> peers{};  // empty: any sender
  SyncThreshold threshold{};
  Duration refresh_period{0};
  uint8_t retries = 0;
  bool persist_mode = false;
  UnknownService unknown_service = UnknownService::kRefuse;

  [[nodiscard]] bool receives() const { return role != SyncRole::kMaster; }
  [[nodiscard]] bool sends() const { return role != SyncRole::kBackup; }
  friend bool operator==(const IpvsSyncConfig&, const IpvsSyncConfig&) = default;
};

// ---- between Fairlead directors

struct SyncPeer {
  std::string name{};
  Endpoint address{};
  friend bool operator==(const SyncPeer&, const SyncPeer&) = default;
};

struct StreamConfig {
  std::string name{};  // of this director; empty: director.name
  std::vector<SyncPeer> peers{};
  bool has_fleet_peers = false;  // `peers: fleet`: those that etcd tells (docs/fleet.md)
  Endpoint listen{Ipv4Address{}, Be16::FromHost(kStreamPort)};
  std::string key_file{};                  // a secret that all of them share; or all of the next
  std::string certificate{}, key{}, ca{};  // PEM
  Duration ready_lag{500};
  Duration ready_timeout{30'000};

  [[nodiscard]] bool has_peers() const { return has_fleet_peers || !peers.empty(); }
  [[nodiscard]] bool is_secured() const { return !key_file.empty() || !certificate.empty(); }
  friend bool operator==(const StreamConfig&, const StreamConfig&) = default;
};

struct SyncConfig {
  StreamConfig stream{};
  std::optional<IpvsSyncConfig> ipvs{};
  friend bool operator==(const SyncConfig&, const SyncConfig&) = default;
};

}  // namespace fairlead::control
