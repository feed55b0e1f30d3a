// A bounded ring between exactly one producing and one consuming thread.
//
//   SpscRing<Message> ring(1024);
//   if (!ring.Push(m)) …full: count it and go on…
//   while (ring.Pop(&m)) …
//
// Threads: Push from one thread, Pop from one other. Neither waits, allocates or spins.
// Invariants: head - tail ≤ capacity; a slot is written before head is released past it.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <memory>
#include <type_traits>

namespace fairlead {

inline constexpr size_t kCacheLine = 64;

template <typename T>
class SpscRing {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  // Room for at least `capacity` items (rounded up to a power of two).
  explicit SpscRing(size_t capacity)
      : mask_(std::bit_ceil(capacity) - 1), slots_(std::make_unique<T[]>(mask_ + 1)) {}
  SpscRing(const SpscRing&) = delete;
  SpscRing& operator=(const SpscRing&) = delete;

  bool Push(const T& item) noexcept {
    const size_t head = head_.load(std::memory_order_relaxed);
    if (head - tail_seen_ > mask_) {
      tail_seen_ = tail_.load(std::memory_order_acquire);
      if (head - tail_seen_ > mask_) return false;
    }
    slots_[head & mask_] = item;
    head_.store(head + 1, std::memory_order_release);
    return true;
  }

  bool Pop(T* item) noexcept {
    const size_t tail = tail_.load(std::memory_order_relaxed);
    if (tail == head_seen_) {
      head_seen_ = head_.load(std::memory_order_acquire);
      if (tail == head_seen_) return false;
    }
    *item = slots_[tail & mask_];
    tail_.store(tail + 1, std::memory_order_release);
    return true;
  }

  // Items in the ring, as either side sees it; exact only when both are at rest.
  [[nodiscard]] size_t size() const noexcept {
    return head_.load(std::memory_order_acquire) - tail_.load(std::memory_order_acquire);
  }
  [[nodiscard]] size_t capacity() const noexcept { return mask_ + 1; }

 private:
  const size_t mask_;
  const std::unique_ptr<T[]> slots_;
  alignas(kCacheLine) std::atomic<size_t> head_{0};
  size_t tail_seen_ = 0;  // the producer's copy of tail_
  alignas(kCacheLine) std::atomic<size_t> tail_{0};
  size_t head_seen_ = 0;  // the consumer's copy of head_
};

}  // namespace fairlead
