// What a director tells the others of itself: a value of etcd, JSON.
//
//   std::string value = MemberToJson({.name = "edge-1", .address = "10.255.0.1", …});
//   Result<FleetMember> member = MemberFromJson("edge-1", value);
//
// Whoever may write to the store can write anything there, so all is bounded, and what cannot be
// read is an error. Keys that are not known are skipped, so versions may differ. Threads: values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace fairlead::control {

struct FleetMember {
  std::string name{};
  std::string address{};    // without a port; empty: not known
  uint16_t sync_port = 0;   // of sync.listen; 0: it has no sync.peers, or cannot say where
  uint64_t generation = 0;  // of the configuration in force
  uint64_t revision = 0;    // of the documents in force; 0: not known
  bool is_ready = false;
  std::string refused{};  // why a younger revision is not in force
  uint64_t refused_revision = 0;
  std::string version{};     // of the program
  uint64_t incarnation = 0;  // another one for each start
  friend bool operator==(const FleetMember&, const FleetMember&) = default;
};

inline constexpr size_t kMostMemberBytes = 4096;
inline constexpr size_t kMostRefusedBytes = 512;

std::string MemberToJson(const FleetMember& member);
Result<FleetMember> MemberFromJson(const std::string& name, std::string_view value);

}  // namespace fairlead::control
