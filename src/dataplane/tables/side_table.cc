#include "dataplane/tables/side_table.h"

#include <algorithm>
#include <atomic>
#include <string>

#include "dataplane/tables/table_memory.h"

namespace fairlead::dataplane {

Result<SideTable> SideTable::Create(uint32_t capacity, HugePages huge_pages,
                                    std::span<SideRecord> memory) {
  if (capacity == 0 || capacity > (1u << 30)) {
    return Error{ErrorCode::kInvalid,
                 "a side table holds 1 to 1073741824 records, not " + std::to_string(capacity) +
                     "; change director.side_records",
                 ""};
  }
  SideTable table;
  auto records = RecordsIn(memory, capacity, huge_pages, "side records");
  if (!records) return records.error();
  table.records_ = *std::move(records);
  table.capacity_ = capacity;
  return table;
}

SideRecord* SideTable::Attach(const SideOwner& owner, SideKind kind, uint32_t* first) noexcept {
  const bool is_reused = free_head_ != kNoSlot;
  if (!is_reused && high_water_ == capacity_) return nullptr;
  const uint32_t slot = is_reused ? free_head_ : high_water_++;
  SideRecord& record = records_[slot];
  if (is_reused) free_head_ = record.next;
  // Its next one is read when this one is taken.
  if (free_head_ != kNoSlot) __builtin_prefetch(&records_[free_head_], 1, 3);
  record = SideRecord{};
  record.next = *first;
  record.owner_slot = owner.slot;
  record.owner_generation = owner.generation;
  record.owner_table = owner.table;
  // A crash may fall between any two stores: only whole records have a kind.
  std::atomic_signal_fence(std::memory_order_release);
  record.kind = kind;
  *first = slot;
  ++size_;
  return &record;
}

bool SideTable::AttachText(const SideOwner& owner, std::string_view text,
                           uint32_t* first) noexcept {
  const size_t pieces = (text.size() + TextSide::kBytes - 1) / TextSide::kBytes;
  if (pieces > capacity_ - size_) return false;
  for (size_t piece = pieces; piece-- > 0;) {
    SideRecord* record = Attach(owner, SideKind::kText, first);
    const std::string_view part = text.substr(piece * TextSide::kBytes, TextSide::kBytes);
    record->text.length = static_cast<uint8_t>(part.copy(record->text.text.data(), part.size()));
  }
  return true;
}

void SideTable::Release(uint32_t first) noexcept {
  for (uint32_t slot = first; slot != kNoSlot;) {
    SideRecord& record = records_[slot];
    const uint32_t next = record.next;
    record.kind = SideKind::kFree;
    std::atomic_signal_fence(std::memory_order_release);
    record.next = free_head_;
    free_head_ = slot;
    slot = next;
    --size_;
  }
}

void SideTable::Rebuild(const std::vector<bool>& is_used) noexcept {
  for (uint32_t slot = capacity_; slot-- > 0;) {
    SideRecord& record = records_[slot];
    if (is_used[slot]) {
      high_water_ = std::max(high_water_, slot + 1);
      ++size_;
      continue;
    }
    record.kind = SideKind::kFree;
    if (slot >= high_water_) continue;  // none above is used: taken in their order
    record.next = free_head_;
    free_head_ = slot;
  }
}

size_t SideTable::CopyText(uint32_t first, std::span<char> into) const noexcept {
  size_t copied = 0;
  for (uint32_t slot = first; slot != kNoSlot; slot = records_[slot].next) {
    const SideRecord& record = records_[slot];
    if (record.kind != SideKind::kText) continue;
    const size_t length = std::min<size_t>(record.text.length, into.size() - copied);
    std::copy_n(record.text.text.data(), length, into.data() + copied);
    copied += length;
  }
  return copied;
}

}  // namespace fairlead::dataplane
