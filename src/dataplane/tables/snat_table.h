// The flows of source NAT of one worker and one address family.
//
//   SnatTable<Ipv4Address> table = *SnatTable<Ipv4Address>::Create(65536, hash, now, pages);
//   uint32_t slot = table.Find<SnatWay::kOut>({protocol, client, remote}, now);    // from inside
//   slot = table.Find<SnatWay::kIn>({protocol, local, remote}, now);               // a reply
//   slot = table.Insert(flow, now);              // kNoSlot: the table is full
//   table.Touch(slot, now, timeout);
//
// A table of its own, beside that of connections, for three reasons. A socket of an inside host may
// speak with any number of hosts (DNS, WebRTC, fping), and the index of connections holds sixteen
// of one client endpoint. A flow has no real server, which everything else there is counted and
// judged by. And a ping is a flow here: `protocol` is 1 or 58 then, which is no Transport, the
// identifier stands where a port would, and the world's port is 0.
//
// Theory: records in one array, and two sets of chains through them, by a keyed hash of {protocol,
// client, remote} and of {protocol, local, remote}. As many heads as records, rounded up to a power
// of two, so a chain has one record or two; the key is secret, so nobody can make a long one. A
// flow whose deadline has passed is not found, although the wheel may collect it a little later.
//
// Threads: one worker. Nothing allocates after Create. Invariant: a record in use is in both chains
// and in the wheel; all others are in the list of free ones, or above high_water().
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <span>

#include "base/clock.h"
#include "base/hash.h"
#include "base/result.h"
#include "dataplane/tables/expiry_wheel.h"
#include "dataplane/tables/memory.h"
#include "dataplane/tables/slot.h"
#include "dataplane/tables/snat_record.h"
#include "dataplane/tables/table_memory.h"

namespace fairlead::dataplane {

enum class SnatWay : uint8_t { kOut, kIn };

// One end inside or here, the other in the world.
template <typename Address>
struct SnatKey {
  uint8_t protocol = 0;
  Address near;  // kOut: the client; kIn: the local address
  Be16 near_port;
  Address remote;
  Be16 remote_port;
};

template <typename Address>
class SnatTable {
 public:
  using Flow = SnatFlow<Address>;
  using Key = SnatKey<Address>;

  // Errors: kSystem when there is no memory. Range: 1…2^30. `memory` is empty or has room for that
  // many (table_memory.h); where it has flows, Rebuild comes before all else.
  static Result<SnatTable> Create(uint32_t capacity, const TableHash& hash, Tick now,
                                  HugePages pages, std::span<Flow> memory = {}) {
    SnatTable table(hash);
    auto flows = RecordsIn(memory, capacity, pages, "flows of source NAT");
    if (!flows) return flows.error();
    table.flows_ = *std::move(flows);
    const size_t heads = std::bit_ceil(size_t{capacity});
    for (auto& chains : table.heads_) {
      auto made = MappedArray<uint32_t>::Create(heads, pages, "index of source NAT");
      if (!made) return made.error();
      chains = *std::move(made);  // zero: an empty chain
    }
    table.mask_ = heads - 1;
    table.wheel_ = ExpiryWheel<Flow>(table.flows_.data(), now);
    return table;
  }

  template <SnatWay kWay>
  [[nodiscard]] uint32_t Find(const Key& key, Tick now) const noexcept {
    return Find<kWay>(key, HashOf(key), now);
  }
  // The same in three steps, each asking memory for what the next one reads, so that the flows of a
  // burst wait together.
  template <SnatWay kWay>
  void PrefetchHead(uint64_t hash) const noexcept {
    __builtin_prefetch(&heads_[static_cast<size_t>(kWay)][hash & mask_], 0, 3);
  }
  template <SnatWay kWay>
  void PrefetchFlow(uint64_t hash) const noexcept {
    const uint32_t link = heads_[static_cast<size_t>(kWay)][hash & mask_];
    if (link != 0) __builtin_prefetch(&flows_[link - 1], 1, 3);
  }
  template <SnatWay kWay>
  [[nodiscard]] uint32_t Find(const Key& key, uint64_t hash, Tick now) const noexcept {
    constexpr auto kChain = static_cast<size_t>(kWay);
    uint32_t link = heads_[kChain][hash & mask_];
    while (link != 0) {
      const Flow& flow = flows_[link - 1];
      if (Matches<kWay>(flow, key) && !flow.deadline.HasPassed(now)) return link - 1;
      link = flow.next[kChain];
    }
    return kNoSlot;
  }
  // deadline = now + flow.timeout. Does not look for one of the same key.
  uint32_t Insert(const Flow& flow, Tick now) noexcept {
    uint32_t slot = free_;
    if (slot != kNoSlot) {
      free_ = flows_[slot].wheel_next;
    } else if (high_water_ < flows_.size()) {
      slot = high_water_++;
    } else {
      return kNoSlot;
    }
    Flow made = flow;
    made.protocol = 0;
    made.deadline = now + flow.timeout;
    flows_[slot] = made;
    std::atomic_signal_fence(std::memory_order_release);  // whole, then in use
    flows_[slot].protocol = flow.protocol;
    File(slot);
    return slot;
  }
  // The same of one that was made earlier and keeps its deadline.
  uint32_t Carry(const Flow& flow, Tick now) noexcept {
    const uint32_t slot = Insert(flow, now);
    if (slot != kNoSlot) wheel_.SetDeadline(slot, flow.deadline);
    return slot;
  }
  // Take-up in place (shard/take_up_snat.h): files what lies in the memory given, from the last
  // record to the first, if keeps(slot). Precondition: nothing has been inserted.
  template <typename Keeps>
  void Rebuild(Keeps&& keeps) noexcept {
    high_water_ = capacity();
    while (high_water_ > 0 && flows_[high_water_ - 1].protocol == 0) --high_water_;
    for (uint32_t slot = high_water_; slot-- > 0;) {
      if (flows_[slot].protocol != 0 && keeps(slot)) {
        File(slot);
      } else {
        Free(slot);
      }
    }
  }
  void Touch(uint32_t slot, Tick now, TickCount timeout) noexcept {
    flows_[slot].timeout = timeout;
    wheel_.SetDeadline(slot, now + timeout);
  }
  // Frees what is over, at most `budget` steps; on_gone(flow) before each. Returns how many.
  template <typename OnGone>
  size_t ExpireSome(Tick now, uint32_t budget, OnGone&& on_gone) noexcept {
    size_t gone = 0;
    wheel_.Advance(now, budget, [&](uint32_t slot) {
      on_gone(static_cast<const Flow&>(flows_[slot]));
      Unlink<SnatWay::kOut>(slot);
      Unlink<SnatWay::kIn>(slot);
      Free(slot);
      --size_;
      ++gone;
      return WheelAction::kDrop;
    });
    return gone;
  }

  [[nodiscard]] Flow& at(uint32_t slot) noexcept { return flows_[slot]; }
  [[nodiscard]] const Flow& at(uint32_t slot) const noexcept { return flows_[slot]; }
  [[nodiscard]] uint32_t size() const noexcept { return size_; }
  [[nodiscard]] uint32_t capacity() const noexcept { return static_cast<uint32_t>(flows_.size()); }
  // No slot at or above it was ever used.
  [[nodiscard]] uint32_t high_water() const noexcept { return high_water_; }
  // Where a search for a port begins: the flow's own place, which nobody outside can foretell.
  [[nodiscard]] uint64_t HashOf(const Key& key) const noexcept {
    return MixMultiply(hash_(key.near, key.near_port, key.protocol),
                       hash_(key.remote, key.remote_port, static_cast<uint8_t>(~key.protocol)) | 1);
  }

 private:
  explicit SnatTable(const TableHash& hash) : hash_(hash) {}

  template <SnatWay kWay>
  static Key KeyOf(const Flow& flow) noexcept {
    constexpr bool kIsOut = kWay == SnatWay::kOut;
    return {flow.protocol, kIsOut ? flow.client : flow.local,
            kIsOut ? flow.client_port : flow.local_port, flow.remote, flow.remote_port};
  }
  template <SnatWay kWay>
  static bool Matches(const Flow& flow, const Key& key) noexcept {
    const Key own = KeyOf<kWay>(flow);
    return own.near_port == key.near_port && own.near == key.near && own.remote == key.remote &&
           own.remote_port == key.remote_port && own.protocol == key.protocol;
  }
  void File(uint32_t slot) noexcept {
    Link<SnatWay::kOut>(slot);
    Link<SnatWay::kIn>(slot);
    wheel_.Add(slot);
    ++size_;
  }
  // Precondition: it is in no chain and not in the wheel.
  void Free(uint32_t slot) noexcept {
    flows_[slot].protocol = 0;
    std::atomic_signal_fence(std::memory_order_release);  // free, then the rest
    flows_[slot] = Flow{};
    flows_[slot].wheel_next = free_;
    free_ = slot;
  }
  template <SnatWay kWay>
  uint32_t& HeadOf(uint32_t slot) noexcept {
    return heads_[static_cast<size_t>(kWay)][HashOf(KeyOf<kWay>(flows_[slot])) & mask_];
  }
  template <SnatWay kWay>
  void Link(uint32_t slot) noexcept {
    uint32_t& head = HeadOf<kWay>(slot);
    flows_[slot].next[static_cast<size_t>(kWay)] = head;
    head = slot + 1;
  }
  template <SnatWay kWay>
  void Unlink(uint32_t slot) noexcept {
    uint32_t* link = &HeadOf<kWay>(slot);
    while (*link != slot + 1) link = &flows_[*link - 1].next[static_cast<size_t>(kWay)];
    *link = flows_[slot].next[static_cast<size_t>(kWay)];
  }

  TableHash hash_;
  MappedArray<Flow> flows_;
  std::array<MappedArray<uint32_t>, 2> heads_;  // slot + 1; 0: none
  size_t mask_ = 0;
  ExpiryWheel<Flow> wheel_;
  uint32_t free_ = kNoSlot;  // through wheel_next
  uint32_t high_water_ = 0;
  uint32_t size_ = 0;
};

}  // namespace fairlead::dataplane
