// One snapshot pointer, published by the control core, with a grace period.
//
//   control:  publisher.Publish(std::move(next));            // workers see it at their next turn
//             …later…
//             publisher.RetireUnused();                      // frees what no worker can still hold
//   worker:   const Snapshot* s = publisher.Enter(me, adopt);  // once a turn, not kept over a turn
//
// A worker announces the generation it has adopted when it has stopped using the one before; a
// retired snapshot is freed when every worker has announced a later one. That is a grace period by
// epoch: nothing but one acquire load and, at a change, one release store in a worker's turn
// (docs/threads_and_ownership.md says why this and not rte_rcu_qsbr). Threads: Publish,
// RetireUnused and is_settled by the control core; Enter by each worker for itself. Invariants:
// generations rise; a worker adopts every generation at most once and in order; when the control
// core publishes only while is_settled(), every worker sees every generation.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/spsc_ring.h"

namespace fairlead::dataplane {

// `T` has a member `uint64_t generation`, at least 1 and rising.
template <typename T>
class Publisher {
 public:
  explicit Publisher(size_t workers) : workers_(workers) {}

  void Publish(std::unique_ptr<const T> next) {
    const T* raw = next.get();
    if (current_) retired_.push_back(std::move(current_));
    current_ = std::move(next);
    published_.store(raw, std::memory_order_release);
  }

  [[nodiscard]] const T* current() const { return current_.get(); }

  // True when every worker has adopted the newest snapshot.
  [[nodiscard]] bool is_settled() const {
    return current_ == nullptr || OldestAdopted() >= current_->generation;
  }

  // Frees snapshots that no worker can hold any more.
  void RetireUnused() {
    const uint64_t oldest = OldestAdopted();
    std::erase_if(retired_, [&](const auto& s) { return s->generation < oldest; });
  }
  [[nodiscard]] size_t retired_count() const { return retired_.size(); }

  // Worker. Calls `adopt(before, now)` once for each change (before is null the first time), then
  // tells the control core that `before` is no longer used. Null until the first Publish.
  template <typename Adopt>
  const T* Enter(WorkerId me, Adopt&& adopt) noexcept {
    Row& row = workers_[me.index()];
    const T* now = published_.load(std::memory_order_acquire);
    if (now != row.held) {
      adopt(row.held, now);
      row.held = now;
      row.adopted.store(now->generation, std::memory_order_release);
    }
    return now;
  }

 private:
  struct alignas(kCacheLine) Row {
    std::atomic<uint64_t> adopted{0};
    const T* held = nullptr;  // the worker's own
  };

  [[nodiscard]] uint64_t OldestAdopted() const {
    uint64_t oldest = ~uint64_t{0};
    for (const Row& row : workers_) {
      oldest = std::min(oldest, row.adopted.load(std::memory_order_acquire));
    }
    return oldest;
  }

  alignas(kCacheLine) std::atomic<const T*> published_{nullptr};
  std::vector<Row> workers_;
  std::unique_ptr<const T> current_;
  std::vector<std::unique_ptr<const T>> retired_;
};

}  // namespace fairlead::dataplane
