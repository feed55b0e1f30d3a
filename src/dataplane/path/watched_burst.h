// The flows of a burst as a look at clients counts them: before they are followed those that are
// known, and afterwards those that have become so.
//
//   WatchedBurst<Address> watched(shard, keys, slots);
//   watched.NoteFound(parsed);      // parsed[i] belongs to keys[i]
//   …                               // follow the burst
//   watched.NoteMissed();
//
// So the first packet of a connection counts, and a packet that no connection came of does not.
// Without NoteFound nothing is counted. Threads: the worker's, for one burst.
#pragma once

#include <array>
#include <span>

#include "dataplane/shard/shard.h"
#include "dataplane/shard/verdict.h"
#include "dataplane/wire/parse.h"

namespace fairlead::dataplane {

template <typename Address>
class WatchedBurst {
 public:
  using Key = FlowKey<Address>;

  WatchedBurst(Shard& shard, std::span<const Key> keys, std::span<const uint32_t> slots) noexcept
      : shard_(shard), keys_(keys), slots_(slots) {}

  void NoteFound(const ParsedPacket* parsed) noexcept {
    for (size_t i = 0; i < keys_.size(); ++i) {
      if (slots_[i] != kNoSlot) {
        Note(slots_[i], parsed[i].ip_length);
      } else {
        missed_[missed_count_++] = {static_cast<uint8_t>(i), parsed[i].ip_length};
      }
    }
  }

  // What was looked up in the wrong direction first is found in the other.
  void NoteMissed() noexcept {
    for (size_t n = 0; n < missed_count_; ++n) {
      const Key& key = keys_[missed_[n].index];
      uint32_t slot = Find(key);
      if (slot == kNoSlot) {
        slot = Find({key.other, key.client, key.other_port, key.client_port, key.protocol,
                     Reverse(key.direction)});
      }
      if (slot != kNoSlot) Note(slot, missed_[n].bytes);
    }
  }

 private:
  struct Missed {
    uint8_t index;
    uint32_t bytes;
  };

  static Direction Reverse(Direction direction) noexcept {
    return direction == Direction::kForward ? Direction::kReply : Direction::kForward;
  }
  [[nodiscard]] uint32_t Find(const Key& key) const noexcept {
    const auto& table = shard_.template Connections<Address>();
    return table.Find(key, table.Hash(key), shard_.now).slot;
  }
  void Note(uint32_t slot, uint32_t bytes) noexcept {
    shard_.watch.NotePacket(shard_.template Connections<Address>().at(slot).client_address, bytes);
  }

  Shard& shard_;
  const std::span<const Key> keys_;
  const std::span<const uint32_t> slots_;
  std::array<Missed, kBurst> missed_;
  size_t missed_count_ = 0;
};

}  // namespace fairlead::dataplane
