// What one entry of the kernel's sync protocol says: a connection or a template, as values.
//
//   SyncEntry entry;
//   while (reader.Next(&entry)) {            // datagram_reader.h
//     if (entry.is_template()) …
//     if (entry.Has(SyncFlag::kInactive)) …
//   }
//
// Numbers of flags, states and protocols are the wire's, which every kernel and every Fairlead
// shares: never renumber. Threads: a value. `engine_data` and `engine_name` point into the datagram
// that the entry was read from, or to what the sender of it keeps.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/byte_order.h"
#include "base/ip_address.h"

namespace fairlead::sync {

inline constexpr uint8_t kProtocolOfMarks = 0;  // templates of mark services
inline constexpr uint8_t kProtocolTcp = 6;
inline constexpr uint8_t kProtocolUdp = 17;
inline constexpr uint8_t kProtocolSctp = 132;

// How many states a connection of this protocol has, counted from 0; 0: not a protocol of
// connections.
constexpr uint16_t StatesOf(uint8_t protocol) noexcept {
  switch (protocol) {
    case kProtocolTcp:
      return 11;
    case kProtocolUdp:
      return 1;
    case kProtocolSctp:
      return 14;
    default:
      return 0;
  }
}

// The low three bits of the flags are the forwarding method (MethodTraits::sync_number).
inline constexpr uint32_t kSyncMethodMask = 0x0007;

enum class SyncFlag : uint32_t {
  kFromSync = 0x0020,      // the sender has it from a message itself
  kNoOutput = 0x0080,      // no packets of the real server pass the sender
  kInactive = 0x0100,      // counts as inactive
  kOutSequence = 0x0200,   // sequence numbers of the real server are shifted
  kInSequence = 0x0400,    // those of the client are
  kNoClientPort = 0x0800,  // the client's port is not known yet
  kTemplate = 0x1000,
  kOnePacket = 0x2000,   // never sent
  kConntrack = 0x10000,  // the sender's connection tracking has it
};

// Sequence numbers of one direction: a number after `initial` is shifted by `delta`, an earlier one
// by `previous_delta`.
struct SyncSequence {
  uint32_t initial = 0;
  uint32_t delta = 0;
  uint32_t previous_delta = 0;
  friend bool operator==(const SyncSequence&, const SyncSequence&) = default;
};

inline constexpr size_t kMostEngineDataBytes = 255;
inline constexpr size_t kMostEngineNameBytes = 16;
inline constexpr std::string_view kEngineSip = "sip";

struct SyncEntry {
  uint8_t protocol = 0;
  uint16_t state = 0;
  uint32_t flags = 0;  // SyncFlag, and the method
  IpAddress client;    // all three are of one family
  IpAddress virtual_address;
  IpAddress real;
  Be16 client_port;  // 0 in a template
  Be16 virtual_port;
  Be16 real_port;
  uint32_t mark = 0;  // of the packet that made it
  uint32_t timeout_seconds =
      0;  // of its state, not what is left; 0: the receiver's own. Not in version 0
  bool has_sequences = false;
  SyncSequence to_real;          // with has_sequences
  SyncSequence to_client;        // with has_sequences
  std::string_view engine_name;  // empty: no engine. At most kMostEngineNameBytes
  std::string_view engine_data;  // at most kMostEngineDataBytes

  [[nodiscard]] bool Has(SyncFlag flag) const noexcept {
    return (flags & static_cast<uint32_t>(flag)) != 0;
  }
  void Set(SyncFlag flag) noexcept { flags |= static_cast<uint32_t>(flag); }
  [[nodiscard]] bool is_template() const noexcept { return Has(SyncFlag::kTemplate); }
  [[nodiscard]] uint8_t method_number() const noexcept {
    return static_cast<uint8_t>(flags & kSyncMethodMask);
  }
  friend bool operator==(const SyncEntry&, const SyncEntry&) = default;
};

}  // namespace fairlead::sync
