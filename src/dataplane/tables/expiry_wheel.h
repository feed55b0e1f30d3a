// Timers of one table: a wheel of lists that run through the records themselves.
//
//   ExpiryWheel<Connection4> wheel(records, now);
//   wheel.Add(slot);                                   // by records[slot].deadline
//   wheel.SetDeadline(slot, now + timeout);
//   wheel.Advance(now, 64, [&](uint32_t slot) { …; return WheelAction::kDrop; });
//
// Theory of operation. The wheel has 8192 positions of 16 ticks (160 ms): one turn is 21 min 50 s,
// longer than the longest default timeout (900 s). A record sits in the position of its deadline,
// rounded up, so that a visit finds it due. Most packets only move a deadline further away; that
// costs one store: the visit finds the record not due and moves it on. A deadline that comes nearer
// moves the record at once. What lies beyond one turn waits at its far end and goes round again.
//
// Exactness: a visit comes up to 160 ms late, later when the budget is short. Whoever needs the
// tick asks the deadline itself (ConnectionTable::IsExpired).
//
// Invariants: a record is in at most one list; it is visited at or after its deadline and never
// lost, however long nobody calls Advance (less than 248 days) and over the wrap of the tick.
// Threads: belongs to the owner of the table. Nothing allocates after the constructor.
#pragma once

#include <cstdint>
#include <memory>

#include "base/clock.h"

namespace fairlead::dataplane {

enum class WheelAction : uint8_t {
  kKeep,  // the callback gave the record a later deadline: back into the wheel
  kDrop,  // the record is out of the wheel; its links belong to the callback's owner
};

// Record: has `Tick deadline` and `uint32_t wheel_next, wheel_prev`.
template <typename Record>
class ExpiryWheel {
 public:
  static constexpr uint32_t kPositions = 8192;
  static constexpr uint32_t kTicksPerPosition = 16;

  ExpiryWheel() = default;
  // `records` outlives the wheel and does not move. Control path: allocates 32 KiB.
  ExpiryWheel(Record* records, Tick now)
      : records_(records), heads_(std::make_unique<uint32_t[]>(kPositions)), next_(RoundUp(now)) {
    for (uint32_t i = 0; i < kPositions; ++i) heads_[i] = kEnd;
  }

  // Precondition: the record is in no list.
  void Add(uint32_t slot) noexcept { Link(slot, PositionOf(records_[slot].deadline, 0)); }

  // Precondition: the record is in the wheel.
  void Remove(uint32_t slot) noexcept {
    const Record& record = records_[slot];
    if ((record.wheel_prev & kHeadBit) != 0) {
      heads_[record.wheel_prev & ~kHeadBit] = record.wheel_next;
    } else {
      records_[record.wheel_prev].wheel_next = record.wheel_next;
    }
    if (record.wheel_next != kEnd) records_[record.wheel_next].wheel_prev = record.wheel_prev;
  }

  // Precondition: the record is in the wheel.
  void SetDeadline(uint32_t slot, Tick deadline) noexcept {
    Record& record = records_[slot];
    const bool is_earlier = static_cast<int32_t>(deadline.value - record.deadline.value) < 0;
    record.deadline = deadline;
    if (!is_earlier) [[likely]]
      return;
    Remove(slot);
    Add(slot);
  }

  // Visits what is due at `now`; on_due(slot) is called with the record already out of its list,
  // must not Add or Remove that record itself, and may do so with others. At most `budget` steps
  // (records looked at or positions passed); the next call goes on there. Returns the steps left:
  // not 0 means that the wheel has caught up.
  template <typename OnDue>
  uint32_t Advance(Tick now, uint32_t budget, OnDue&& on_due) noexcept {
    SkipWholeTurns(now);
    for (; next_.HasPassed(now) && budget > 0; --budget) {
      const uint32_t slot = heads_[CurrentPosition()];
      if (slot == kEnd) {
        next_ = next_ + kTicksPerPosition;
        continue;
      }
      Record& record = records_[slot];
      Remove(slot);
      if (record.deadline.HasPassed(now) && on_due(slot) == WheelAction::kDrop) continue;
      // At least one position ahead, so that a pass over a position always ends.
      Link(slot, PositionOf(record.deadline, 1));
    }
    return budget;
  }

 private:
  static constexpr uint32_t kHeadBit = 0x8000'0000;  // wheel_prev: the rest is a position
  static constexpr uint32_t kEnd = 0xffff'ffff;      // wheel_next: last of its list
  static constexpr uint32_t kTicksPerTurn = kPositions * kTicksPerPosition;
  static_assert((kPositions & (kPositions - 1)) == 0 && kTicksPerPosition == 16);

  static Tick RoundUp(Tick t) noexcept {
    return {(t.value + kTicksPerPosition - 1) & ~(kTicksPerPosition - 1)};
  }
  [[nodiscard]] uint32_t CurrentPosition() const noexcept {
    return next_.value / kTicksPerPosition % kPositions;
  }

  // One visit to each position is enough, however many turns nobody called.
  void SkipWholeTurns(Tick now) noexcept {
    const uint32_t lag = next_.HasPassed(now) ? now.value - next_.value : 0;
    if (lag >= 2 * kTicksPerTurn) [[unlikely]] {
      next_ = next_ + (lag / kTicksPerTurn - 1) * kTicksPerTurn;
    }
  }

  // The list for this deadline, at least `least` and less than one turn ahead of the next visit.
  [[nodiscard]] uint32_t PositionOf(Tick deadline, uint32_t least) const noexcept {
    // Signed: a deadline that has passed belongs to the nearest position.
    const auto ahead = static_cast<int32_t>(RoundUp(deadline).value - next_.value);
    uint32_t positions = ahead > 0 ? static_cast<uint32_t>(ahead) / kTicksPerPosition : 0;
    positions = positions < least ? least : positions;
    positions = positions >= kPositions ? kPositions - 1 : positions;
    return (CurrentPosition() + positions) % kPositions;
  }

  void Link(uint32_t slot, uint32_t position) noexcept {
    Record& record = records_[slot];
    record.wheel_next = heads_[position];
    record.wheel_prev = position | kHeadBit;
    if (record.wheel_next != kEnd) records_[record.wheel_next].wheel_prev = slot;
    heads_[position] = slot;
  }

  Record* records_ = nullptr;
  std::unique_ptr<uint32_t[]> heads_;
  Tick next_;  // the position visited next; a multiple of kTicksPerPosition
};

}  // namespace fairlead::dataplane
