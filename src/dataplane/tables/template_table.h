// The persistence templates of one worker, both address families: which real a client sticks to.
//
//   auto table = TemplateTable::Create(WorkerId{0}, 250'000, hash, now);
//   TemplateKey key = TemplateKey::ForMark(masked_client, 7);
//   FindOutcome found = table->Find(key, now);
//   if (!found.hit()) inserted = table->Insert(key, {real, port, service_timeout}, now);
//   TemplateRef ref = table->RefOf(slot);
//   table->AddChild(ref); table->Renew(slot, now);        // one new connection
//   table->ReleaseChild(ref, now);                        // that connection is gone
//
// The timer (ipvs.md, template timer): it starts at the service's timeout; every new connection
// restarts it with the template's own timeout; when it fires while children exist, RenewMode says
// how it goes on (as Linux: 60 s from then on, for good); without children the template is deleted.
// A lifetime ends a template for lookups even while it has children. Firing counts from the
// deadline, not from the wheel's visit, so the results are exact.
//
// Invariants: children is the number of AddChild less the number of ReleaseChild; a reference whose
// generation is not the slot's is refused and changes nothing; an invalidated template is found by
// no lookup but is listed and keeps its timer and its children.
// Over memory that is given and not zeroed, every slot is settled (shard/take_up.h) before all
// else. Threads: one worker, the owner in every TemplateRef. Everything except Create is noexcept
// and allocates nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/clock.h"
#include "base/hash.h"
#include "base/ip_address.h"
#include "base/result.h"
#include "dataplane/tables/bucket_index.h"
#include "dataplane/tables/expiry_wheel.h"
#include "dataplane/tables/memory.h"
#include "dataplane/tables/side_table.h"
#include "dataplane/tables/slot.h"
#include "dataplane/tables/template_record.h"
#include "dataplane/wire/packet.h"

namespace fairlead::dataplane {

class TemplateTable {
 public:
  // After the timer fired with children (ipvs.md, template timer): now, and in old kernels.
  static constexpr TickCount kStickyTimeout = TicksFromSeconds(60);
  static constexpr TickCount kLegacyTimeout = TicksFromSeconds(120);
  // How far ahead the timer of a template stands that never ends: well inside what ticks can
  // compare.
  static constexpr TickCount kFarAhead = TicksFromSeconds(86'400 * 100);

  // Range of capacity: 1…2^28. `side` outlives the table; null: no template keeps an engine's data.
  // `memory` is empty or has room for the capacity (table_memory.h). Errors: kInvalid for range or
  // memory, kSystem when there is no memory.
  static Result<TemplateTable> Create(WorkerId owner, uint32_t capacity, TableHash hash, Tick now,
                                      HugePages huge_pages = HugePages::kTransparent,
                                      SideTable* side = nullptr,
                                      std::span<TemplateRecord> memory = {});

  // ---- lookup. A template whose time is over is not found. Whether the real it names is still
  // good (ipvs.md, template validity) is the caller's question.
  [[nodiscard]] uint64_t Hash(const TemplateKey& key) const noexcept {
    return HashTemplateKey(hash_, key);
  }
  [[gnu::always_inline]] void PrefetchBuckets(uint64_t hash) const noexcept {
    index_.PrefetchBoth(IndexHash(hash));
  }
  [[nodiscard]] FindOutcome Find(const TemplateKey& key, uint64_t hash, Tick now) const noexcept;
  [[nodiscard]] FindOutcome Find(const TemplateKey& key, Tick now) const noexcept {
    return Find(key, Hash(key), now);
  }

  // ---- life of a template. Precondition of all that take a slot: it is live.

  // Does not look for a template of the same key: the caller just missed. State kNone, no children.
  // Without a free side record it has no engine data to show (engine_length 0).
  InsertOutcome Insert(const TemplateKey& key, const TemplateBinding& binding, Tick now) noexcept;
  // A new connection: the timer restarts with the template's timeout, if its mode says so.
  void Renew(uint32_t slot, Tick now) noexcept;
  // Virtual and destination port become 65535 and no lookup finds it. Its timer is not touched,
  // unless it would never end: then 60 s are left.
  void Invalidate(uint32_t slot, Tick now) noexcept;
  // Pulls the timer to now (ipvs.md, expire now): without children it is not found from now on and
  // ExpireSome deletes it soon; with children the timer has fired once.
  void ExpireNow(uint32_t slot, Tick now) noexcept;
  // Made by hand: lasts `ttl` from now whatever happens, or kForever.
  void Pin(uint32_t slot, TickCount ttl, Tick now) noexcept;
  // The policy of a service that has changed, for a template that was made before. What is left of
  // its time never grows, except to no end. A pinned one is left alone.
  void Retime(uint32_t slot, const TemplateBinding& policy, Tick now) noexcept;
  // A peer renews it: its timer runs for `timeout` from now, and later renewals restart it with as
  // much. One that has no such end here (pinned, fixed, or without an end) keeps what it has.
  void Follow(uint32_t slot, TickCount timeout, Tick now) noexcept;
  // As a peer tells of it: so much is left of its time and, if it has a lifetime, of that. What was
  // here before is not made shorter. A pinned one is left alone.
  struct TimeLeft {
    TickCount timeout = 0;   // what renewals restart it with, or kForever
    TickCount left = 0;      // or kForever
    TickCount lifetime = 0;  // 0: it has none
  };
  void FollowPeer(uint32_t slot, const TimeLeft& told, bool is_new, Tick now) noexcept;
  // Forgets it with whatever children it has: their references are stale afterwards.
  void Erase(uint32_t slot) noexcept;

  // ---- by reference. False when the reference is stale; nothing changes then.
  [[nodiscard]] TemplateRef RefOf(uint32_t slot) const noexcept {
    return {slot, records_[slot].generation, owner_};
  }
  [[nodiscard]] bool IsCurrent(const TemplateRef& ref) const noexcept;
  bool AddChild(const TemplateRef& ref) noexcept;
  bool ReleaseChild(const TemplateRef& ref, Tick now) noexcept;
  // A direct child is established, or a reply was seen (ipvs.md, template state).
  bool SetAssured(const TemplateRef& ref) noexcept;

  // Lets timers fire; on_gone(slot) is called before a template is deleted. At most `budget` steps,
  // see ExpiryWheel::Advance. on_gone may Erase other templates, not this one.
  template <typename OnGone>
  uint32_t ExpireSome(Tick now, uint32_t budget, OnGone&& on_gone) noexcept;

  // ---- take-up (shard/take_up.h), before the first packet: Settle or Vacate for each slot once,
  // from the last to the first, over what lies in the memory given; or Carry into a new table

  // All records, as they lie in memory.
  [[nodiscard]] std::span<TemplateRecord> records() const noexcept { return records_.span(); }
  // For who asks about the reference soon. The slot may be any number.
  [[gnu::always_inline]] void PrefetchRecord(uint32_t slot) const noexcept {
    if (slot < capacity_) __builtin_prefetch(&records_[slot], 1, 3);
  }
  // A template that look-ups would find if its time were not over, or kNoSlot.
  [[nodiscard]] uint32_t SlotOf(const TemplateKey& key, uint64_t hash) const noexcept;
  // The record at `slot` has been judged; it is live and without children from now on, and found,
  // as Hash() says, if it was. False: there is no room in the index for it; it must be vacated.
  bool Settle(uint32_t slot, uint64_t hash) noexcept;
  // Nothing is there: the slot is free.
  void Vacate(uint32_t slot) noexcept;
  // A copy of a record that another table had, without children and side records.
  InsertOutcome Carry(const TemplateRecord& record, Tick now) noexcept;
  // The data of its engine, in the pieces that side records had. False: no side record is free.
  bool CarryEngineText(uint32_t slot, std::string_view text) noexcept;

  // ---- access
  // Deadline, timeout, wheel links, generation and flags: through the functions above only.
  [[nodiscard]] TemplateRecord& at(uint32_t slot) noexcept { return records_[slot]; }
  [[nodiscard]] const TemplateRecord& at(uint32_t slot) const noexcept { return records_[slot]; }
  // The engine's data as far as it fits. Returns bytes written.
  size_t CopyEngineText(uint32_t slot, std::span<char> into) const noexcept {
    const TemplateRecord& record = records_[slot];
    return record.engine_length == 0 ? 0 : side_->CopyText(record.side_slot, into);
  }
  [[nodiscard]] bool IsExpired(uint32_t slot, Tick now) const noexcept {
    return records_[slot].deadline.HasPassed(now) && IsOver(records_[slot], now);
  }
  // The first live slot in [from, from + span), or kNoSlot.
  [[nodiscard]] uint32_t NextLive(uint32_t from, uint32_t span) const noexcept;
  [[nodiscard]] uint32_t high_water() const noexcept { return high_water_; }
  [[nodiscard]] uint32_t size() const noexcept { return size_; }
  [[nodiscard]] uint32_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] WorkerId owner() const noexcept { return owner_; }
  [[nodiscard]] size_t memory_bytes() const noexcept {
    return records_.memory_bytes() + index_.memory_bytes();
  }

 private:
  TemplateTable(WorkerId owner, TableHash hash) : hash_(hash), owner_(owner) {}

  // Steering has chosen this worker by the hash's high bits, so they say nothing here any more: the
  // index gets another mixture.
  static uint64_t IndexHash(uint64_t hash) noexcept {
    return MixMultiply(hash, 0x9e37'79b9'7f4a'7c15);
  }
  static BucketIndex::Tags TagsOf(uint64_t hash) noexcept;
  // The timer has fired; is that the end for lookups?
  static bool IsOver(const TemplateRecord& record, Tick now) noexcept {
    if (record.children == 0 && record.timeout != kForever) return true;
    return record.IsLifetimeOver(now);
  }
  // When the timer fires next, if it starts now.
  static Tick DeadlineFrom(const TemplateRecord& record, Tick now) noexcept;
  static void SetPolicy(TemplateRecord* record, const TemplateBinding& policy, Tick from) noexcept;
  // The timer has fired and the template goes on.
  void Extend(uint32_t slot, Tick now) noexcept;
  void Rename(uint32_t slot) noexcept;
  void Hide(uint32_t slot) noexcept;
  void Free(uint32_t slot) noexcept;
  void KeepEngineText(uint32_t slot, std::string_view text) noexcept;

  TableHash hash_;
  WorkerId owner_;
  MappedArray<TemplateRecord> records_;
  BucketIndex index_;
  ExpiryWheel<TemplateRecord> wheel_;
  uint32_t free_head_ = kNoSlot;  // through wheel_next
  uint32_t high_water_ = 0;
  uint32_t size_ = 0;
  uint32_t capacity_ = 0;
  SideTable* side_ = nullptr;
};

template <typename OnGone>
uint32_t TemplateTable::ExpireSome(Tick now, uint32_t budget, OnGone&& on_gone) noexcept {
  return wheel_.Advance(now, budget, [&](uint32_t slot) {
    if (records_[slot].children > 0 || !IsOver(records_[slot], now)) {
      Extend(slot, now);
      return WheelAction::kKeep;
    }
    on_gone(slot);
    Hide(slot);
    Free(slot);
    return WheelAction::kDrop;
  });
}

}  // namespace fairlead::dataplane
