// The side records of one worker: one pool for its connections of both families and its templates.
//
//   auto table = SideTable::Create(250'000);
//   uint32_t first = kNoSlot;                            // the owner's list, kept in its side_slot
//   SideRecord* side = table->Attach({SideOwner::Table::kTemplates, slot, generation},
//                                    SideKind::kSync, &first);   // null: no free record
//   table->Find(first, SideKind::kSync)->sync.mark = 7;
//   table->Release(first);                               // all of the owner's
//
// Connections and templates do not call this themselves: ConnectionTable::AttachSide and
// TemplateTable::Insert do, and whoever frees a record there frees its side records with it, so
// none can leak. Nothing is indexed: a side record is reached from its owner only. Invariant:
// size() is the number of records in the lists of all owners. Over memory that is given and not
// zeroed, Rebuild comes before all else. Threads: one worker. Everything
// except Create is noexcept and allocates nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "dataplane/tables/memory.h"
#include "dataplane/tables/side_record.h"
#include "dataplane/tables/slot.h"

namespace fairlead::dataplane {

class SideTable {
 public:
  // Range of capacity: 1…2^30. `memory` is empty or has room for it (table_memory.h). Errors:
  // kInvalid for either, kSystem when there is no memory.
  static Result<SideTable> Create(uint32_t capacity, HugePages huge_pages = HugePages::kTransparent,
                                  std::span<SideRecord> memory = {});

  // A new record in front of the list that `*first` names (kNoSlot: an empty one). Null when none
  // is free; nothing changes then.
  SideRecord* Attach(const SideOwner& owner, SideKind kind, uint32_t* first) noexcept;
  // As many kText records as the text needs, in its order; all or none. Precondition: the list has
  // no kText.
  bool AttachText(const SideOwner& owner, std::string_view text, uint32_t* first) noexcept;
  // Frees the whole list.
  void Release(uint32_t first) noexcept;
  // Take-up (shard/take_up.h): the records that are marked are in the lists of live owners, which
  // are whole; all others are free. Precondition: a mark for each slot; nothing has been attached.
  void Rebuild(const std::vector<bool>& is_used) noexcept;

  // The first of this kind in the list, or null.
  [[nodiscard]] SideRecord* Find(uint32_t first, SideKind kind) noexcept {
    for (uint32_t slot = first; slot != kNoSlot; slot = records_[slot].next) {
      if (records_[slot].kind == kind) return &records_[slot];
    }
    return nullptr;
  }
  [[nodiscard]] const SideRecord* Find(uint32_t first, SideKind kind) const noexcept {
    return const_cast<SideTable*>(this)->Find(first, kind);
  }
  // The text of the list as far as it fits. Returns bytes written.
  size_t CopyText(uint32_t first, std::span<char> into) const noexcept;

  // All records, as they lie in memory.
  [[nodiscard]] std::span<SideRecord> records() const noexcept { return records_.span(); }
  [[nodiscard]] SideRecord& at(uint32_t slot) noexcept { return records_[slot]; }
  [[nodiscard]] const SideRecord& at(uint32_t slot) const noexcept { return records_[slot]; }
  // No slot at or above this one was ever used.
  [[nodiscard]] uint32_t high_water() const noexcept { return high_water_; }
  [[nodiscard]] uint32_t size() const noexcept { return size_; }
  [[nodiscard]] uint32_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] size_t memory_bytes() const noexcept { return records_.memory_bytes(); }

 private:
  MappedArray<SideRecord> records_;
  uint32_t free_head_ = kNoSlot;  // through next; last freed, first used
  uint32_t high_water_ = 0;
  uint32_t size_ = 0;
  uint32_t capacity_ = 0;
};

}  // namespace fairlead::dataplane
