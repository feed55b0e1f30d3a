// Take-up of flows of source NAT (docs/take_up.md). They know no real server and no other record,
// so they are taken up beside the rest.
//
//   TakeUpSnat({previous, shards, judge, now, is_in_place}, &report);
//
// A worker whose flows are taken up has the tables of source NAT before a rule comes. Threads: as
// take_up.h, which calls it.
#pragma once

#include "dataplane/shard/take_up.h"

namespace fairlead::dataplane {

struct SnatTakeUp {
  std::span<const TableMemory> previous;
  std::span<Shard* const> shards;
  const RecordJudge& judge;
  Tick now;
  bool is_in_place;
};
void TakeUpSnat(const SnatTakeUp& take_up, TakeUpReport* report);

}  // namespace fairlead::dataplane
