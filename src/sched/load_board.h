// How busy each real server is: what lc, wlc, sed, nq and the thresholds look at.
//
//   LoadBoard board(worker_count, 1 << 17);
//   board.AddActive(worker, real, +1);                  // a connection became active
//   board.Sum(real).active;                             // over all workers
//   board.UpdateOverload(real, upper, lower);           // after a count of a real with thresholds
//   board.overloaded(real);                             // what schedulers skip
//
// One row for each worker, on cache lines of its own; a row is written by its worker only and read
// by everybody, relaxed. With one worker Sum is exact; with several it lags by what the others are
// doing at this instant.
//
// Memory is capacity x (16 bytes x workers + 4), untouched pages cost nothing. Invariants: capacity
// is fixed; an id is below it; a connection is counted as active or inactive, never both; a
// template as a template alone.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "base/ids.h"

namespace fairlead::sched {

struct Load {
  uint32_t active = 0;     // connections in an active protocol state
  uint32_t inactive = 0;   // all other connections
  uint32_t templates = 0;  // persistence templates; no threshold and no scheduler counts them

  friend constexpr bool operator==(const Load&, const Load&) = default;
};

class LoadBoard {
 public:
  // Preconditions: 1 ≤ worker_count ≤ kMaxWorkers. Throws std::bad_alloc.
  LoadBoard(size_t worker_count, size_t real_capacity);
  LoadBoard(const LoadBoard&) = delete;
  LoadBoard& operator=(const LoadBoard&) = delete;

  [[nodiscard]] size_t worker_count() const noexcept { return worker_count_; }
  [[nodiscard]] size_t real_capacity() const noexcept { return real_capacity_; }

  // Called by `worker` alone. Counts wrap, so a connection may be counted on one worker and, after
  // a re-sharding, uncounted on another: the sum stays right.
  void AddActive(WorkerId worker, RealId real, int32_t delta) noexcept {
    Add(&cell(worker.index(), real)->active, delta);
  }
  void AddInactive(WorkerId worker, RealId real, int32_t delta) noexcept {
    Add(&cell(worker.index(), real)->inactive, delta);
  }
  void AddTemplates(WorkerId worker, RealId real, int32_t delta) noexcept {
    Add(&cell(worker.index(), real)->templates, delta);
  }

  // Any thread.
  [[nodiscard]] Load Sum(RealId real) const noexcept {
    Load sum;
    for (size_t worker = 0; worker < worker_count_; ++worker) {
      Cell* c = cell(worker, real);
      sum.active += Read(&c->active);
      sum.inactive += Read(&c->inactive);
      sum.templates += Read(&c->templates);
    }
    return sum;
  }

  // Overloaded: takes no scheduled connection (templates, connections and FTP data go on).
  [[nodiscard]] bool overloaded(RealId real) const noexcept {
    return (Read(&marks_[real.index()]) & kOverloaded) != 0;
  }
  // Sets the flag by hand: before UpdateOverload where a raised threshold forgets it, and in tests.
  void SetOverloaded(RealId real, bool overloaded) noexcept;

  // The threshold rule (ipvs.md, thresholds): with C = active + inactive, set when C ≥ upper,
  // cleared when C < lower, or C < upper − upper/4 when lower is 0; unchanged in between; upper 0
  // clears.
  //
  // Called by the worker that has just changed a count of this real, and by anybody after an edit
  // of the thresholds. Exact with one worker. With several, connections admitted at the same
  // instant may pass `upper` by as many as there are other workers, but the flag never sticks: of
  // callers that meet, the last sees every count and decides.
  void UpdateOverload(RealId real, uint32_t upper, uint32_t lower) noexcept;

 private:
  struct Cell {
    uint32_t active, inactive, templates, unused;
  };
  static_assert(sizeof(Cell) == 16);

  // A mark is a version in the high 31 bits and the flag in bit 0; see UpdateOverload.
  static constexpr uint32_t kOverloaded = 1;
  static constexpr uint32_t kVersion = 2;

  struct Free {
    void operator()(void* memory) const noexcept { std::free(memory); }
  };

  [[nodiscard]] Cell* cell(size_t worker, RealId real) const noexcept {
    return cells_ + worker * row_cells_ + real.index();
  }
  static uint32_t Read(uint32_t* count) noexcept {
    return std::atomic_ref(*count).load(std::memory_order_relaxed);
  }
  // The only writer of this count, so no locked instruction.
  static void Add(uint32_t* count, int32_t delta) noexcept {
    std::atomic_ref(*count).store(Read(count) + static_cast<uint32_t>(delta),
                                  std::memory_order_relaxed);
  }

  size_t worker_count_;
  size_t real_capacity_;
  size_t row_cells_;  // real_capacity_, rounded up to whole cache lines
  std::unique_ptr<void, Free> cell_memory_;
  std::unique_ptr<void, Free> mark_memory_;
  Cell* cells_;      // worker-major, cache-line aligned, in cell_memory_
  uint32_t* marks_;  // one for each real, in mark_memory_
};

}  // namespace fairlead::sched
