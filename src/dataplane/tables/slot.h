// Places in a table, and what looking one up or taking one can end in.
//
//   FindOutcome found = table.Find(…);
//   if (found.hit()) Use(table.at(found.slot));
//
// A slot is an index, good until the record is freed; who keeps one longer keeps the record's
// generation beside it. Threads: values.
#pragma once

#include <cstdint>

namespace fairlead::dataplane {

// No such slot; also the end of every list of slots.
inline constexpr uint32_t kNoSlot = 0xffff'ffff;

struct FindOutcome {
  uint32_t slot = kNoSlot;
  [[nodiscard]] bool hit() const noexcept { return slot != kNoSlot; }
};

enum class InsertResult : uint8_t {
  kInserted,
  kTableFull,   // no free record
  kBucketFull,  // the key's two buckets are full and nothing in them could move
};

struct InsertOutcome {
  InsertResult result = InsertResult::kTableFull;
  uint32_t slot = kNoSlot;  // with kInserted
  [[nodiscard]] bool ok() const noexcept { return result == InsertResult::kInserted; }
};

}  // namespace fairlead::dataplane
