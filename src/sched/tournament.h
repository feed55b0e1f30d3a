// The least loaded real of a service without looking at all of them: a winner tree over the reals
// in list order, kept by one worker.
//
//   auto tournament = Tournament::Create(plan.size());        // nullptr: no memory, or no reals
//   tournament->Touch(position);                              // I changed a count of that real
//   Choice c = tournament->Pick<WlcRule>(plan, board, now);   // as ScanLeast<WlcRule> would
//
// A leaf holds a real's key as it was seen last; an inner node names the better of its two
// children, of equals the left one, which stands earlier in the list. A change of one leaf is
// played again up to the root: O(log n). Counts that this worker changes are noted (Touch) and read
// before the next pick. What the rest of the world changes is found like this:
//   * the winner is read again before it is named, so a real that got worse never wins by old news;
//   * each pick also reads the next kLooksPerPick leaves, and n ÷ kTicksPerRound more for each tick
//     since the pick before, so no leaf is older than n ÷ kLooksPerPick picks or kTicksPerRound
//     ticks, whichever is shorter (several workers only);
//   * a new snapshot, which may have come with edited thresholds, makes the next pick read all
//     (Restart).
// Hence with one worker every choice is that of the scan. With several, the chosen real's key is at
// most what the best one's was at some moment since its leaf was read: docs/schedulers.md.
//
// Threads: one worker. Create allocates; all else is noexcept and does not.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "sched/scheduler.h"

namespace fairlead::sched {

// The fraction cost ÷ weight; less is better.
struct Key {
  uint64_t cost = 1;
  uint64_t weight = 0;

  // Infinite, for who is not eligible: worse than all others, no better than its like.
  static constexpr Key Never() noexcept { return {1, 0}; }
  [[nodiscard]] constexpr bool is_never() const noexcept { return weight == 0; }
  friend constexpr bool operator==(const Key&, const Key&) = default;
};

constexpr bool IsBetter(const Key& a, const Key& b) noexcept {
  return b.cost * a.weight > a.cost * b.weight;
}

template <typename Rule>
Key KeyOf(const Plan::Real& real, const LoadBoard& board) noexcept {
  if (!IsEligible(real, board)) return Key::Never();
  return Rule::Of(static_cast<uint64_t>(real.weight), board.Sum(real.id));
}

class Tournament {
 public:
  // Up to this many reals a scan is as fast (bench/sched_bench.cc).
  static constexpr size_t kScanned = 32;
  static constexpr uint32_t kLooksPerPick = 4;
  static constexpr TickCount kTicksPerRound = 8;

  // For a plan of this many reals.
  static std::unique_ptr<Tournament> Create(size_t reals) noexcept;

  // The real at this position of the plan has a new count or overload flag.
  void Touch(uint32_t position) noexcept {
    if (touched_ == touch_capacity_) {
      is_stale_ = true;
    } else {
      touches_[touched_++] = position;
    }
  }
  // The next pick reads all.
  void Restart() noexcept { is_stale_ = true; }

  // Precondition: the plan is the one it was created for, the rule always the same.
  template <typename Rule>
  Choice Pick(const Plan& plan, const LoadBoard& board, Tick now) noexcept {
    if (is_stale_) {
      Rebuild<Rule>(plan, board, now);
    } else {
      while (touched_ > 0) Look<Rule>(plan, board, touches_[--touched_]);
      if (board.worker_count() > 1) LookAround<Rule>(plan, board, now);
    }
    return Winner<Rule>(plan, board, now);
  }

 private:
  static constexpr int kCorrections = 16;

  Tournament() = default;
  void PlayAll() noexcept;
  void PlayUp(uint32_t position) noexcept;
  [[nodiscard]] uint32_t Better(uint32_t left, uint32_t right) const noexcept {
    return IsBetter(keys_[right], keys_[left]) ? right : left;
  }

  // True: nothing was new.
  template <typename Rule>
  bool Look(const Plan& plan, const LoadBoard& board, uint32_t position) noexcept {
    const Key key = KeyOf<Rule>(plan.real(position), board);
    if (key == keys_[position]) return true;
    keys_[position] = key;
    PlayUp(position);
    return false;
  }

  template <typename Rule>
  void Rebuild(const Plan& plan, const LoadBoard& board, Tick now) noexcept {
    for (uint32_t i = 0; i < size_; ++i) keys_[i] = KeyOf<Rule>(plan.real(i), board);
    PlayAll();
    is_stale_ = false;
    touched_ = 0;
    looked_at_ = rebuilt_at_ = now;
  }

  template <typename Rule>
  void LookAround(const Plan& plan, const LoadBoard& board, Tick now) noexcept {
    const TickCount idle = std::min(now.value - looked_at_.value, kTicksPerRound);
    if (idle == kTicksPerRound) return Rebuild<Rule>(plan, board, now);
    looked_at_ = now;
    const uint32_t per_tick = (size_ + kTicksPerRound - 1) / kTicksPerRound;
    for (uint32_t looks = std::min(kLooksPerPick + idle * per_tick, size_); looks > 0; --looks) {
      Look<Rule>(plan, board, next_look_);
      if (++next_look_ == size_) next_look_ = 0;
    }
  }

  // Who stands at the root, once that is no old news.
  template <typename Rule>
  Choice Winner(const Plan& plan, const LoadBoard& board, Tick now) noexcept {
    for (int left = kCorrections; !Look<Rule>(plan, board, winners_[1]); --left) {
      if (left > 0) continue;
      Rebuild<Rule>(plan, board, now);  // much has changed: one scan is cheaper
      break;
    }
    // Nobody; but a flag that another worker cleared should not wait for its turn.
    if (keys_[winners_[1]].is_never() && board.worker_count() > 1 && rebuilt_at_ != now) {
      Rebuild<Rule>(plan, board, now);
    }
    const uint32_t winner = winners_[1];
    return keys_[winner].is_never() ? Choice{} : Choice{plan.real(winner).id};
  }

  uint32_t size_ = 0;   // reals
  uint32_t width_ = 0;  // leaves: a power of two, those beyond the reals never win
  uint32_t touched_ = 0, touch_capacity_ = 0;
  uint32_t next_look_ = 0;
  bool is_stale_ = true;
  Tick looked_at_;                       // the last pick
  Tick rebuilt_at_;                      // the last time all was read
  std::unique_ptr<Key[]> keys_;          // by position; width_
  std::unique_ptr<uint32_t[]> winners_;  // [1] root, [2i] and [2i + 1] below i, [width_ + p] = p
  std::unique_ptr<uint32_t[]> touches_;  // positions, some of them twice
};

}  // namespace fairlead::sched
