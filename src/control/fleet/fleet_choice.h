// Which documents of a fleet a director applies, and when.
//
//   FleetChoice choice;
//   choice.Begin(in_force, heard, now);                      // after the start
//   switch (choice.Next(now, heard, connections)) {          // each turn
//     case FleetChoice::Step::kAdopt: …keep choice.in_force()…
//     case FleetChoice::Step::kApply: …reload; OnReload and OnAttemptEnd say what became of it…
//   }
//
// One attempt at a time; what is heard meanwhile is next. The same texts under other revisions
// change nothing in the director, so they are taken over without a reload, which would take changes
// by hand back. What was refused is tried again every kRetry, and when the store is watched anew,
// since a refusal may be about what lies on the machine. Threads: one.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

#include "control/fleet/documents.h"
#include "control/time_point.h"

namespace fairlead::control {

class FleetChoice {
 public:
  static constexpr std::chrono::seconds kRetry{30}, kSoonestRetry{5};
  enum class Step : uint8_t { kNone, kAdopt, kApply };

  // `tried`: what a start has heard, if it has; when that is something else, it was refused.
  void Begin(Documents in_force, std::optional<Documents> tried, TimePoint now);
  // `connections`: watches that stood, so far.
  Step Next(TimePoint now, const Documents& heard, uint64_t connections);
  // A reload of `documents` is over, whoever has asked for it. True: they are in force now and were
  // not before.
  bool OnReload(const Documents& documents, bool is_ok);
  // That of Next is over, after its OnReload. False: a fault has ended it without one.
  bool OnAttemptEnd();

  [[nodiscard]] const Documents& in_force() const { return in_force_; }
  // What was tried last is not in force.
  [[nodiscard]] bool is_refused() const { return is_refused_; }

 private:
  Documents in_force_;
  std::optional<Documents> tried_;  // last
  TimePoint tried_at_{};
  uint64_t connections_ = 0;
  bool is_applying_ = false, is_told_ = false, is_refused_ = false;
};

}  // namespace fairlead::control
