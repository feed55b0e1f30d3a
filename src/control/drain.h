// A drain that was asked for at run time: until when, what it waits for, and whether the real is
// removed after it.
//
//   overlay.SetDrain({service, real}, {.until = now + 10min, .then_remove = true});
//   for (const DrainStep& step : book.Due(intent, ids, loads, now)) …carry it out…
//   book.Find({service, real})->finished()      // connections that ended by themselves so far
//
// The life of one: `drain` (docs/draining.md) until the connections it waits for are gone or the
// deadline passes; then its remains are reset, and the real goes if that was wanted. Setting
// another state, a reload and removing the real end it. Threads: the control core.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "control/identity.h"
#include "control/time_point.h"

namespace fairlead::sched {
class LoadBoard;
}

namespace fairlead::control {

class IdMap;
struct Intent;

struct DrainPlan {
  std::optional<TimePoint> until{};  // none: as long as it takes
  bool then_remove = false;
  // Whether records of closed connections are waited for as well. UDP flows are always: they are
  // never in an active state.
  bool waits_for_all = false;
  bool is_over = false;  // the deadline has passed; what is left is reset
  friend bool operator==(const DrainPlan&, const DrainPlan&) = default;
};

// How far a drain is, in connections it waits for.
struct DrainCount {
  uint64_t begun = 0;    // at its start
  uint64_t awaited = 0;  // now
  uint64_t cut = 0;      // that were still awaited at the deadline
  uint64_t left = 0;     // records that are not waited for
  bool is_ended = false;

  [[nodiscard]] uint64_t finished() const {
    const uint64_t others = is_ended || cut > 0 ? cut : awaited;
    return begun > others ? begun - others : 0;
  }
};

// What a drain needs now.
struct DrainStep {
  enum class Kind : uint8_t {
    kFinish,  // nothing: none is waited for any more, which is to be said
    kReset,   // the deadline has passed
    kRemove,
  };
  Kind kind = Kind::kFinish;
  std::string service, real;  // names
  DrainCount count{};
};

// Counts while drains go on, and knows what is due.
class DrainBook {
 public:
  using Key = std::pair<ServiceIdentity, RealIdentity>;

  // Precondition: the intent is in force on every worker, so that the counts can only fall. Each
  // kFinish is given once; the others until the intent says that they are done.
  std::vector<DrainStep> Due(const Intent& intent, const IdMap& ids, const sched::LoadBoard& loads,
                             TimePoint now);
  // Null: not drained, or not looked at yet.
  [[nodiscard]] const DrainCount* Find(const Key& key) const {
    const auto it = entries_.find(key);
    return it == entries_.end() ? nullptr : &it->second.count;
  }

 private:
  struct Entry {
    DrainPlan plan;
    DrainCount count;
  };
  std::map<Key, Entry> entries_;
};

// What an edit changes, a sentence each: the model's changes, and of drains what comes after the
// state, as "service web: drain of real 10.0.0.11:80: after 10m each connection that is left …".
std::vector<std::string> DescribeEdit(const Intent& before, const Intent& after, TimePoint now);

// The intent with this drain's deadline passed.
Intent WithDrainOver(const Intent& intent, const DrainStep& step);

}  // namespace fairlead::control
