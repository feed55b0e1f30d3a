#include "sched/load_board.h"

#include <new>

namespace fairlead::sched {
namespace {

constexpr size_t kCacheLine = 64;

constexpr size_t RoundUp(size_t n, size_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

// calloc, because the system hands out big zeroed blocks without touching their pages.
void* Zeroed(size_t bytes) {
  void* memory = std::calloc(bytes + 2 * kCacheLine, 1);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

// The first cache line that begins in a block of Zeroed.
template <typename T>
T* Aligned(void* memory) {
  size_t space = kCacheLine + kCacheLine;
  return static_cast<T*>(std::align(kCacheLine, kCacheLine, memory, space));
}

}  // namespace

LoadBoard::LoadBoard(size_t worker_count, size_t real_capacity)
    : worker_count_(worker_count),
      real_capacity_(real_capacity),
      row_cells_(RoundUp(real_capacity, kCacheLine / sizeof(Cell))),
      cell_memory_(Zeroed(worker_count * row_cells_ * sizeof(Cell))),
      mark_memory_(Zeroed(real_capacity * sizeof(uint32_t))),
      cells_(Aligned<Cell>(cell_memory_.get())),
      marks_(Aligned<uint32_t>(mark_memory_.get())) {}

void LoadBoard::SetOverloaded(RealId real, bool overloaded) noexcept {
  const std::atomic_ref mark(marks_[real.index()]);
  if (overloaded) {
    mark.fetch_or(kOverloaded, std::memory_order_relaxed);
  } else {
    mark.fetch_and(~kOverloaded, std::memory_order_relaxed);
  }
}

// Two workers that close a connection each at the same time could both read the other's old count
// and both leave the flag set, with nobody left to clear it. So every caller first raises the
// version of the mark, with acquire-release order: of two callers the later one sees the counts of
// the earlier, and the earlier one's compare-exchange fails. The last caller decides with every
// count in view.
void LoadBoard::UpdateOverload(RealId real, uint32_t upper, uint32_t lower) noexcept {
  const std::atomic_ref mark(marks_[real.index()]);
  uint32_t seen = mark.fetch_add(kVersion, std::memory_order_acq_rel) + kVersion;
  const bool is_set = (seen & kOverloaded) != 0;
  const Load load = Sum(real);
  const uint64_t connections = uint64_t{load.active} + load.inactive;
  const uint32_t clear_below = lower != 0 ? lower : upper - upper / 4;
  bool set = is_set;
  if (upper != 0 && connections >= upper) {
    set = true;
  } else if (upper == 0 || connections < clear_below) {
    set = false;
  }
  if (set == is_set) return;
  mark.compare_exchange_strong(seen, seen ^ kOverloaded, std::memory_order_acq_rel,
                               std::memory_order_relaxed);
}

}  // namespace fairlead::sched
