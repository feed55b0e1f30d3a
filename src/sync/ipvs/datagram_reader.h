// Reads a datagram of the kernel's sync protocol, version 0 or 1, entry by entry.
//
//   DatagramReader reader(payload, kAnySyncid);
//   SyncEntry entry;
//   while (reader.Next(&entry)) Take(entry);
//   for (size_t i = 0; i < kSyncRefusalCount; ++i) counters[i] += reader.refused()[i];
//
// Nobody vouches for the bytes: the protocol has no key. Whatever they are, nothing outside them is
// read, there are at most 255 entries, and what is not taken is counted by its reason. As the
// kernel does, an entry of a protocol or a state that is not known is left out, while an entry
// whose bytes make no sense ends the datagram: nobody can say where the next one begins. Threads: a
// value for one thread; allocates nothing. An entry points into the payload, which must outlive it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "sync/ipvs/entry.h"
#include "sync/ipvs/refusal.h"

namespace fairlead::sync {

// The syncid of a receiver that takes every sender's.
inline constexpr uint8_t kAnySyncid = 0;

class DatagramReader {
 public:
  DatagramReader(std::span<const uint8_t> payload, uint8_t syncid) noexcept;

  // The next entry that can be taken; false at the end.
  bool Next(SyncEntry* entry) noexcept;

  // Of the format: 0 or 1. The header was refused: 1.
  [[nodiscard]] int version() const noexcept { return is_version_0_ ? 0 : 1; }
  // What was left out until now. A datagram whose header is wrong is one refusal.
  [[nodiscard]] const std::array<uint16_t, kSyncRefusalCount>& refused() const noexcept {
    return refused_;
  }

 private:
  enum class Step : uint8_t { kTaken, kLeftOut, kEnd };

  Step ReadVersion0(SyncEntry* entry) noexcept;
  Step ReadVersion1(SyncEntry* entry) noexcept;
  bool ReadOptions(std::span<const uint8_t> options, SyncEntry* entry) noexcept;
  bool ReadOption(uint8_t type, std::span<const uint8_t> value, SyncEntry* entry) noexcept;
  [[nodiscard]] Step Judge(const SyncEntry& entry) noexcept;
  void Refuse(SyncRefusal why) noexcept { ++refused_[static_cast<size_t>(why)]; }
  bool RefuseOption() noexcept {
    Refuse(SyncRefusal::kOption);
    return false;
  }
  // Refuses what is left of the datagram.
  Step End(SyncRefusal why) noexcept {
    Refuse(why);
    entries_left_ = 0;
    return Step::kEnd;
  }
  [[nodiscard]] size_t bytes_left() const noexcept { return payload_.size() - at_; }

  std::span<const uint8_t> payload_;
  size_t at_ = 0;
  size_t entries_left_ = 0;
  bool is_version_0_ = false;
  std::array<uint16_t, kSyncRefusalCount> refused_{};
};

}  // namespace fairlead::sync
