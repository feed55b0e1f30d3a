// What the commands over tables share: bounded walks, the filter by real and service, full lists.
//
//   uint64_t budget = kSliceRecords;
//   bool ended = Walk(templates, &slot, &budget, [&](uint32_t s) { …; return true; });
//
// Threads: the worker's.
#pragma once

#include <algorithm>

#include "dataplane/shard/mailbox.h"
#include "dataplane/shard/shard.h"

namespace fairlead::dataplane {

inline bool MatchesReal(const Snapshot& snapshot, const RecordFilter& filter, RealId real) {
  if (!filter.real.is_none() && filter.real != real) return false;
  if (filter.service.is_none()) return true;
  return real.index() < snapshot.reals.size() &&
         snapshot.reals[real.index()].service == filter.service;
}

// A removed real whose connections expire with it (expire_nodest_conn).
inline bool IsExpiredWithReal(const Snapshot& snapshot, RealId real) {
  return real.index() < snapshot.reals.size() &&
         snapshot.reals[real.index()].remains == Remains::kExpire;
}

inline ServiceId ServiceOfReal(const Snapshot& snapshot, RealId real) {
  return real.index() < snapshot.reals.size() ? snapshot.reals[real.index()].service : ServiceId{};
}

// Visits live slots from `*slot` on until the budget is spent, visit() says stop, or the table
// ends. True: it ended.
template <typename Table, typename Visitor>
bool Walk(Table& table, uint32_t* slot, uint64_t* budget, Visitor&& visit) {
  while (*budget > 0) {
    const auto span = static_cast<uint32_t>(*budget);
    const uint32_t live = table.NextLive(*slot, span);
    if (live == kNoSlot) {
      const uint64_t left = table.high_water() > *slot ? table.high_water() - *slot : 0;
      *budget -= std::min<uint64_t>(span, left);
      *slot += static_cast<uint32_t>(std::min<uint64_t>(span, left));
      if (*slot >= table.high_water()) return true;
      continue;
    }
    *budget -= live - *slot + 1;
    if (!visit(live)) {
      *slot = live;
      return false;
    }
    *slot = live + 1;
  }
  return *slot >= table.high_water();
}

// A cursor over both families: the top bit names IPv6, the rest is the next slot.
inline constexpr uint64_t kInIpv6 = uint64_t{1} << 63;

// visit(table, slot) over the connections of both families, from the command's cursor on. True: all
// were seen.
template <typename Visitor>
bool WalkConnections(Shard& shard, uint64_t* cursor, Visitor&& visit) {
  uint64_t budget = kSliceRecords;
  if ((*cursor & kInIpv6) == 0) {
    auto slot = static_cast<uint32_t>(*cursor);
    auto& table = shard.Connections<Ipv4Address>();
    const bool ended = Walk(table, &slot, &budget, [&](uint32_t s) { return visit(table, s); });
    *cursor = ended ? kInIpv6 : slot;
    if (!ended) return false;
  }
  auto slot = static_cast<uint32_t>(*cursor & ~kInIpv6);
  auto& table = shard.Connections<Ipv6Address>();
  const bool ended = Walk(table, &slot, &budget, [&](uint32_t s) { return visit(table, s); });
  *cursor = kInIpv6 | slot;
  return ended;
}

// One slice of a command over the worker's templates: visit(templates, slot) from the cursor on.
// True: all were seen.
template <typename Visitor>
bool WalkTemplates(Shard& shard, uint64_t* cursor, Visitor&& visit) {
  uint64_t budget = kSliceRecords;
  auto slot = static_cast<uint32_t>(*cursor);
  TemplateTable& templates = shard.templates();
  const bool ended =
      Walk(templates, &slot, &budget, [&](uint32_t s) { return visit(templates, s); });
  *cursor = slot;
  return ended;
}

// Appends a row when it fits; false: the list is full.
template <typename List, typename Row>
bool AddRow(List* list, const Row& row) {
  if (list->rows.size() >= std::min<size_t>(list->limit, list->rows.capacity())) return false;
  list->rows.push_back(row);
  return true;
}

}  // namespace fairlead::dataplane
