// A bounded ring between exactly one producing and one consuming thread.
//
//   SpscRing<Message> ring(1024);
//   if (!ring.Push(m)) …full: count it and go on…
//   while (ring.Pop(&m)) …
//
//   for (…) if (!ring.Stage(m)) …full…      // the same for many items, at the price of one:
//   ring.Publish();                         // until here the other side sees none of them
//   n = ring.PopBurst(items);
//
// Each side writes one cache line, which the other reads: an index moves between two caches once a
// burst and not once an item. Threads: Stage, Publish, Push, PushFilled and HasRoom from one
// thread, Pop and PopBurst from one other. Neither waits, allocates or spins. Invariants: staged -
// tail ≤ capacity; a slot is written before head is released past it.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <memory>
#include <span>
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
    if (!Stage(item)) return false;
    Publish();
    return true;
  }

  // Puts the item in, unseen by the other side until Publish. False: the ring is full.
  bool Stage(const T& item) noexcept {
    if (!HasRoom()) return false;
    slots_[staged_ & mask_] = item;
    ++staged_;
    return true;
  }
  // The same, written where it will lie: a large item is not copied. fill(&slot) writes every
  // member, for the slot holds what it held before.
  template <typename Fill>
  bool PushFilled(const Fill& fill) noexcept {
    if (!HasRoom()) return false;
    fill(&slots_[staged_ & mask_]);
    ++staged_;
    Publish();
    return true;
  }
  // The producer's: the next Stage or Push will not be refused.
  bool HasRoom() noexcept {
    if (staged_ - tail_seen_ > mask_) {
      tail_seen_ = tail_.load(std::memory_order_acquire);
      if (staged_ - tail_seen_ > mask_) return false;
    }
    return true;
  }
  void Publish() noexcept { head_.store(staged_, std::memory_order_release); }

  bool Pop(T* item) noexcept { return PopBurst({item, 1}) == 1; }

  // As many as this side knows of and fit, oldest first; looks for new ones only when it knows of
  // none. Returns how many.
  size_t PopBurst(std::span<T> items) noexcept {
    const size_t count = Peek(items);
    if (count > 0)
      tail_.store(tail_.load(std::memory_order_relaxed) + count, std::memory_order_release);
    return count;
  }
  // The same items, which stay in the ring.
  size_t Peek(std::span<T> items) noexcept {
    const size_t tail = tail_.load(std::memory_order_relaxed);
    if (tail == head_seen_) head_seen_ = head_.load(std::memory_order_acquire);
    const size_t count = std::min(head_seen_ - tail, items.size());
    for (size_t i = 0; i < count; ++i) items[i] = slots_[(tail + i) & mask_];
    return count;
  }

  // Items in the ring, as either side sees it; exact only when both are at rest.
  [[nodiscard]] size_t size() const noexcept {
    return head_.load(std::memory_order_acquire) - tail_.load(std::memory_order_acquire);
  }
  [[nodiscard]] size_t capacity() const noexcept { return mask_ + 1; }

 private:
  const size_t mask_;
  const std::unique_ptr<T[]> slots_;
  // The producer's line, then the consumer's. A pair of lines apart: some processors fetch two.
  alignas(2 * kCacheLine) std::atomic<size_t> head_{0};
  size_t staged_ = 0;     // head_ and what is not yet published
  size_t tail_seen_ = 0;  // the producer's copy of tail_
  alignas(2 * kCacheLine) std::atomic<size_t> tail_{0};
  size_t head_seen_ = 0;  // the consumer's copy of head_
};
static_assert(sizeof(SpscRing<void*>) == 6 * kCacheLine);  // nothing else on either side's line

}  // namespace fairlead
