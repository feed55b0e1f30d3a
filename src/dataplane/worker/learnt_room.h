// How far records that peers tell of may fill a worker's tables (docs/sync.md, security).
//
//   if (!HasRoomForLearnt(shard.templates())) return Refuse(SyncFault::kTableFull);
//   identity.engine_text = LearntText(shard.side_records(), identity.engine_text);
//
// Where less than an eighth of a table would be left, they are refused: a flood of such messages,
// or a peer with larger tables, leaves room for clients that come here. What follows or ends a
// record that is here needs no room and is not asked; a template that takes another's place does.
// Invariant: taking in a new record leaves at least capacity / kReserveShare records free. Threads:
// the worker's, which owns the tables.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "dataplane/tables/side_table.h"

namespace fairlead::dataplane {

inline constexpr uint32_t kReserveShare = 8;  // of so many records one

// Range of records: those that are to be taken in at once, 1 or more.
template <typename Table>
[[nodiscard]] bool HasRoomForLearnt(const Table& table, size_t records = 1) noexcept {
  const size_t free = table.capacity() - table.size();
  return free >= table.capacity() / kReserveShare + records;
}

// What a learnt template can show of its engine's data: all, or nothing where there is no room.
[[nodiscard]] inline std::string_view LearntText(const SideTable& side,
                                                 std::string_view text) noexcept {
  const size_t pieces = (text.size() + TextSide::kBytes - 1) / TextSide::kBytes;
  return HasRoomForLearnt(side, pieces) ? text : std::string_view{};
}

}  // namespace fairlead::dataplane
