// What a director knows of a peer over all sessions with it: which ranges the peer may lack, and
// what has been counted.
//
//   ledger.MarkLacking(RangeOf(entry), now);    // what could not be told
//
// A session takes ranges out when it sends them, and puts back what it could not have acknowledged.
// So a session that goes on after a broken one sends what is missing and no more. Threads: the
// control core's.
#pragma once

#include <array>
#include <cstdint>

#include "control/sync/stream_tables.h"
#include "control/time_point.h"
#include "sync/stream/refusal.h"

namespace fairlead::control {

struct PeerCounts {
  uint64_t sessions = 0;
  uint64_t entries_out = 0, bulk_out = 0;  // sent; of these not as news
  uint64_t entries_in = 0;                 // received, whether they could be taken or not
  uint64_t connections_in = 0, templates_in = 0, gone_in = 0;  // taken by the workers
  uint64_t postponed = 0;  // news that found no room: their ranges are sent later
  sync::StreamRefusals refused{};
  std::array<uint64_t, dataplane::kSyncFaultCount> faults{};
};

struct PeerLedger {
  uint64_t incarnation = 0;  // of the peer when it was last met; 0: never
  StreamRanges lacking = StreamRanges().set();
  StreamRanges marked;  // since its session began to compare
  TimePoint lacking_since{};
  PeerCounts counts;

  void MarkLacking(uint32_t range, TimePoint now) {
    if (lacking.none()) lacking_since = now;
    lacking.set(range);
    marked.set(range);
  }
  void MarkLacking(const StreamRanges& ranges, TimePoint now) {
    if (lacking.none()) lacking_since = now;
    lacking |= ranges;
    marked |= ranges;
  }
};

}  // namespace fairlead::control
