// Records of ranges that are asked for next, read in one pass over the tables.
//
//   WalkAhead ahead;
//   ahead.Begin(first, count);   for (…entries of the pass…) ahead.Add(entry);   ahead.End();
//   ahead.Follow(news);                      // whatever has changed meanwhile, in its order
//   if (ahead.Has(range)) entries = ahead.Take(range);
//
// A pass looks at every record, so one pass for each range would look at all of them as often as
// there are ranges. What is read ahead follows the news, so that a range is given out as if it had
// been read now. While a pass runs, nobody knows whether a copy is older than the news that has
// come: news are kept, and followed at its end. An older one does no harm: the later ones of the
// same record are kept behind it. Threads: one. Bounded: by the ranges of a pass, which its caller
// chooses, and kMostKept.
#pragma once

#include <vector>

#include "control/sync/stream_tables.h"

namespace fairlead::control {

class WalkAhead {
 public:
  static constexpr size_t kMostKept = 8192;

  void Begin(uint32_t first, uint32_t count);
  void Add(const sync::StreamEntry& entry);
  // False: more news came than can be kept. Nothing is here; ask for fewer ranges.
  bool End();
  void Follow(const sync::StreamEntry& news);
  // What peers have told and workers have taken or refused: it makes no record.
  void FollowTaken(const sync::StreamEntry& entry);
  void Clear();

  [[nodiscard]] bool Has(uint32_t range) const {
    return !is_filling_ && range - first_ < ranges_.size() && ranges_[range - first_].is_here;
  }
  // Precondition: Has.
  std::vector<sync::StreamEntry> Take(uint32_t range);

 private:
  struct Range {
    bool is_here = false;
    std::vector<sync::StreamEntry> entries;
  };
  struct Kept {
    sync::StreamEntry entry;
    bool is_taken = false;
  };
  void Note(const sync::StreamEntry& entry, bool is_taken);
  void Apply(const sync::StreamEntry& entry, bool is_taken);

  uint32_t first_ = 0;
  std::vector<Range> ranges_;
  bool is_filling_ = false;
  std::vector<Kept> kept_;
};

}  // namespace fairlead::control
