#include "dataplane/tables/template_table.h"

#include <algorithm>
#include <atomic>
#include <string>

#include "dataplane/tables/table_memory.h"

namespace fairlead::dataplane {
namespace {

constexpr Be16 kRenamedPort = Be16::FromHost(65535);

struct Extension {
  TickCount by;
  bool sticks;  // later connections renew by it too
};

Extension ExtensionOf(const TemplateRecord& record) noexcept {
  switch (record.renew) {
    case RenewMode::kLinux:
      return {TemplateTable::kStickyTimeout, true};
    case RenewMode::kLegacy120:
      return {TemplateTable::kLegacyTimeout, true};
    case RenewMode::kStep:
      return {record.step, false};
    case RenewMode::kFull:
    case RenewMode::kAfterLastClose:
    case RenewMode::kFixed:
      break;
  }
  return {record.service_timeout, false};
}

}  // namespace

// Covers the whole key, other than the kernel's hash: no lookup needs the client alone, and one
// client (or a netmask of 0) may have a template in any number of services.
uint64_t HashTemplateKey(const TableHash& hash, const TemplateKey& key) noexcept {
  const Ipv6Address client{key.client};
  const Ipv6Address virtual_address{key.virtual_address};
  const auto rest = static_cast<uint16_t>(key.scope << 8 | key.spread);
  return hash(client, key.virtual_port, key.protocol) ^
         MixMultiply(hash(virtual_address, Be16::FromHost(rest), static_cast<uint8_t>(key.family)),
                     0xc2b2'ae3d'27d4'eb4f);
}

Result<TemplateTable> TemplateTable::Create(WorkerId owner, uint32_t capacity, TableHash hash,
                                            Tick now, HugePages huge_pages, SideTable* side,
                                            std::span<TemplateRecord> memory) {
  if (capacity == 0 || capacity > (1u << 28)) {
    return Error{ErrorCode::kInvalid,
                 "a template table holds 1 to 268435456 templates, not " +
                     std::to_string(capacity) + "; change director.templates",
                 ""};
  }
  TemplateTable table(owner, hash);
  auto records = RecordsIn(memory, capacity, huge_pages, "template records");
  if (!records) return records.error();
  auto index = BucketIndex::Create(capacity, huge_pages, "the template index");
  if (!index) return index.error();
  table.records_ = *std::move(records);
  table.index_ = *std::move(index);
  table.wheel_ = ExpiryWheel<TemplateRecord>(table.records_.data(), now);
  table.capacity_ = capacity;
  table.side_ = side;
  return table;
}

BucketIndex::Tags TemplateTable::TagsOf(uint64_t hash) noexcept {
  // The halves of the hash choose buckets; a tag is another mixture of both.
  const auto tag = static_cast<uint16_t>(MixMultiply(hash, 0xd6e8'feb8'6659'fd93) >> 48 | 1);
  return {{tag, tag}};
}

FindOutcome TemplateTable::Find(const TemplateKey& key, uint64_t hash, Tick now) const noexcept {
  return {index_.Find(IndexHash(hash), 0, TagsOf(hash).column[0], [&](uint32_t slot) {
    return records_[slot].key == key && !IsExpired(slot, now);
  })};
}

InsertOutcome TemplateTable::Insert(const TemplateKey& key, const TemplateBinding& binding,
                                    Tick now) noexcept {
  const bool is_reused = free_head_ != kNoSlot;
  if (!is_reused && high_water_ == capacity_) return {InsertResult::kTableFull, kNoSlot};
  const uint32_t slot = is_reused ? free_head_ : high_water_;
  const uint64_t hash = Hash(key);
  const auto hash_of = [this](IndexEntry e) { return IndexHash(Hash(records_[e.slot].key)); };
  if (index_.Insert(IndexHash(hash), TagsOf(hash), slot, hash_of) == IndexResult::kFull) {
    return {InsertResult::kBucketFull, kNoSlot};
  }

  TemplateRecord& record = records_[slot];
  if (is_reused) {
    free_head_ = record.wheel_next;
  } else {
    ++high_water_;
  }
  const uint16_t last = record.generation;
  record = TemplateRecord{};
  record.key = key;
  record.generation = last == 0xffff ? uint16_t{1} : static_cast<uint16_t>(last + 1);
  record.real_id = binding.real_id;
  record.destination_port = binding.destination_port;
  record.client_prefix_length = binding.client_bits;
  record.client_mask = binding.client_mask;
  record.created = now;
  SetPolicy(&record, binding, now);
  record.deadline = DeadlineFrom(record, now);
  KeepEngineText(slot, binding.engine_text.substr(0, 255));
  wheel_.Add(slot);
  std::atomic_signal_fence(std::memory_order_release);  // whole, then live
  constexpr auto kBoth =
      static_cast<unsigned>(TemplateFlag::kLive) | static_cast<unsigned>(TemplateFlag::kIndexed);
  record.flags = static_cast<uint8_t>(record.flags | kBoth);
  ++size_;
  return {InsertResult::kInserted, slot};
}

uint32_t TemplateTable::SlotOf(const TemplateKey& key, uint64_t hash) const noexcept {
  return index_.Find(IndexHash(hash), 0, TagsOf(hash).column[0],
                     [&](uint32_t slot) { return records_[slot].key == key; });
}

bool TemplateTable::Settle(uint32_t slot, uint64_t hash) noexcept {
  TemplateRecord& record = records_[slot];
  const auto hash_of = [this](IndexEntry e) { return IndexHash(Hash(records_[e.slot].key)); };
  if (record.Has(TemplateFlag::kIndexed) &&
      index_.Insert(IndexHash(hash), TagsOf(hash), slot, hash_of) == IndexResult::kFull) {
    return false;
  }
  record.children = 0;
  high_water_ = std::max(high_water_, slot + 1);
  wheel_.Add(slot);
  ++size_;
  return true;
}

void TemplateTable::Vacate(uint32_t slot) noexcept {
  TemplateRecord& record = records_[slot];
  record.flags = 0;
  // A slot that was never used, and all after it: they are taken in their order.
  if (record.generation == 0 && slot >= high_water_) return;
  high_water_ = std::max(high_water_, slot + 1);
  record.wheel_next = free_head_;
  free_head_ = slot;
}

InsertOutcome TemplateTable::Carry(const TemplateRecord& from, Tick now) noexcept {
  const InsertOutcome inserted = Insert(from.key, {}, now);
  if (!inserted.ok()) return inserted;
  if (!from.Has(TemplateFlag::kIndexed)) Hide(inserted.slot);
  wheel_.Remove(inserted.slot);
  TemplateRecord& record = records_[inserted.slot];
  const uint16_t generation = record.generation;
  record = from;
  record.generation = generation;
  record.children = 0;
  record.Clear(TemplateFlag::kSideTable);
  record.engine_length = 0;
  wheel_.Add(inserted.slot);
  return inserted;
}

bool TemplateTable::CarryEngineText(uint32_t slot, std::string_view text) noexcept {
  KeepEngineText(slot, text);
  return records_[slot].engine_length == text.size();
}

void TemplateTable::KeepEngineText(uint32_t slot, std::string_view text) noexcept {
  TemplateRecord& record = records_[slot];
  uint32_t first = kNoSlot;
  if (text.empty() || side_ == nullptr ||
      !side_->AttachText({SideOwner::Table::kTemplates, slot, record.generation}, text, &first)) {
    return;
  }
  record.side_slot = first;
  record.engine_length = static_cast<uint8_t>(text.size());
  record.Set(TemplateFlag::kSideTable);
}

Tick TemplateTable::DeadlineFrom(const TemplateRecord& record, Tick now) noexcept {
  const Tick deadline = now + (record.timeout == kForever ? kFarAhead : record.timeout);
  const bool is_cut =
      record.Has(TemplateFlag::kHasLifetime) && record.lifetime_end.HasPassed(deadline);
  return is_cut ? record.lifetime_end : deadline;
}

// `from`: when a lifetime begins to count.
void TemplateTable::SetPolicy(TemplateRecord* record, const TemplateBinding& policy,
                              Tick from) noexcept {
  record->renew = policy.renew;
  record->step = policy.step;
  record->service_timeout = policy.service_timeout;
  record->timeout = policy.service_timeout;
  TickCount lifetime = policy.max_lifetime;
  if (policy.renew == RenewMode::kFixed && policy.service_timeout != kForever) {
    lifetime = lifetime == 0 ? policy.service_timeout : std::min(lifetime, policy.service_timeout);
  }
  record->Clear(TemplateFlag::kHasLifetime);
  if (lifetime == 0) return;
  record->lifetime_end = from + lifetime;
  std::atomic_signal_fence(std::memory_order_release);  // a crash must not find the old end
  record->Set(TemplateFlag::kHasLifetime);
}

// The timer has fired once or, when nobody looked for long, several times: ipvs.md, template timer.
void TemplateTable::Extend(uint32_t slot, Tick now) noexcept {
  TemplateRecord& record = records_[slot];
  // Its connections go on, and it stays for them; their client's next one is scheduled.
  if (record.IsLifetimeOver(now)) Rename(slot);
  const Extension extension = ExtensionOf(record);
  if (record.timeout == kForever) {
    record.deadline = DeadlineFrom(record, now);
    return;
  }
  if (extension.sticks) record.timeout = extension.by;
  const uint32_t late = now.value - record.deadline.value;
  record.deadline = record.deadline + (late / extension.by + 1) * extension.by;
  const bool is_cut =
      record.Has(TemplateFlag::kHasLifetime) && record.lifetime_end.HasPassed(record.deadline);
  if (is_cut) record.deadline = record.lifetime_end;
}

void TemplateTable::Renew(uint32_t slot, Tick now) noexcept {
  TemplateRecord& record = records_[slot];
  // The wheel may come later than the timer: what it would have done comes first.
  if (record.deadline.HasPassed(now) && record.children > 0) Extend(slot, now);
  if (record.renew == RenewMode::kFixed) return;
  wheel_.SetDeadline(slot, DeadlineFrom(record, now));
}

// Out of the index and marked; what is left of it waits for its children as Linux has it.
void TemplateTable::Rename(uint32_t slot) noexcept {
  Hide(slot);
  TemplateRecord& record = records_[slot];
  record.key.virtual_port = kRenamedPort;
  record.destination_port = kRenamedPort;
  record.Set(TemplateFlag::kInvalidated);
  record.Clear(TemplateFlag::kHasLifetime);
  record.Clear(TemplateFlag::kPinned);
  if (record.timeout == kForever) record.timeout = kStickyTimeout;
  if (record.renew != RenewMode::kLegacy120) record.renew = RenewMode::kLinux;
}

void TemplateTable::Invalidate(uint32_t slot, Tick now) noexcept {
  const TemplateRecord& record = records_[slot];
  const bool has_end = record.timeout != kForever && record.renew != RenewMode::kAfterLastClose;
  Rename(slot);
  if (!has_end) wheel_.SetDeadline(slot, now + kStickyTimeout);
}

void TemplateTable::ExpireNow(uint32_t slot, Tick now) noexcept {
  TemplateRecord& record = records_[slot];
  if (record.timeout == kForever) record.timeout = kStickyTimeout;
  wheel_.SetDeadline(slot, now);
}

void TemplateTable::Pin(uint32_t slot, TickCount ttl, Tick now) noexcept {
  TemplateRecord& record = records_[slot];
  record.Set(TemplateFlag::kPinned);
  SetPolicy(&record, {.service_timeout = ttl, .renew = RenewMode::kFixed}, now);
  wheel_.SetDeadline(slot, DeadlineFrom(record, now));
}

void TemplateTable::Retime(uint32_t slot, const TemplateBinding& policy, Tick now) noexcept {
  TemplateRecord& record = records_[slot];
  if (record.Has(TemplateFlag::kPinned) || record.Has(TemplateFlag::kInvalidated)) return;
  // What the wheel would have done comes first, under the old policy.
  if (record.deadline.HasPassed(now) && record.children > 0) Extend(slot, now);
  const bool was_endless = record.timeout == kForever;
  SetPolicy(&record, policy, record.created);
  // A lifetime that is over ends at once.
  if (record.IsLifetimeOver(now)) record.lifetime_end = now;
  const Tick latest = DeadlineFrom(record, now);
  const bool is_later = static_cast<int32_t>(record.deadline.value - latest.value) > 0;
  const bool is_endless_now = record.timeout == kForever;
  if (is_later || was_endless || is_endless_now) wheel_.SetDeadline(slot, latest);
}

void TemplateTable::Follow(uint32_t slot, TickCount timeout, Tick now) noexcept {
  TemplateRecord& record = records_[slot];
  if (record.timeout == kForever || record.renew == RenewMode::kFixed) return;
  record.timeout = timeout;
  wheel_.SetDeadline(slot, DeadlineFrom(record, now));
}

void TemplateTable::FollowPeer(uint32_t slot, const TimeLeft& told, bool is_new,
                               Tick now) noexcept {
  TemplateRecord& record = records_[slot];
  if (record.Has(TemplateFlag::kPinned)) return;
  if (record.Has(TemplateFlag::kHasLifetime) && told.lifetime != 0) {
    record.lifetime_end = now + told.lifetime;
  }
  // What has no end stays so; what a peer gives no end has the one of this director's policy.
  if (record.timeout != kForever && told.timeout != kForever && told.left != kForever &&
      (is_new || told.left >= record.deadline.Remaining(now))) {
    record.timeout = told.timeout;
    wheel_.SetDeadline(slot, now + told.left);
  }
  if (record.Has(TemplateFlag::kHasLifetime) && record.lifetime_end.HasPassed(record.deadline)) {
    wheel_.SetDeadline(slot, record.lifetime_end);
  }
}

void TemplateTable::Erase(uint32_t slot) noexcept {
  Hide(slot);
  wheel_.Remove(slot);
  Free(slot);
}

bool TemplateTable::IsCurrent(const TemplateRef& ref) const noexcept {
  return ref.generation != 0 && ref.owner == owner_ && ref.slot < high_water_ &&
         records_[ref.slot].generation == ref.generation &&
         records_[ref.slot].Has(TemplateFlag::kLive);
}

bool TemplateTable::AddChild(const TemplateRef& ref) noexcept {
  if (!IsCurrent(ref)) return false;
  ++records_[ref.slot].children;
  return true;
}

bool TemplateTable::ReleaseChild(const TemplateRef& ref, Tick now) noexcept {
  if (!IsCurrent(ref)) return false;
  TemplateRecord& record = records_[ref.slot];
  if (record.children == 0) return false;
  // The timer fired before this child went, even if the wheel has not been there yet.
  if (record.deadline.HasPassed(now)) Extend(ref.slot, now);
  --record.children;
  if (record.children == 0 && record.renew == RenewMode::kAfterLastClose) {
    wheel_.SetDeadline(ref.slot, DeadlineFrom(record, now));
  }
  return true;
}

bool TemplateTable::SetAssured(const TemplateRef& ref) noexcept {
  if (!IsCurrent(ref)) return false;
  records_[ref.slot].state = TemplateState::kAssured;
  return true;
}

void TemplateTable::Hide(uint32_t slot) noexcept {
  TemplateRecord& record = records_[slot];
  if (!record.Has(TemplateFlag::kIndexed)) return;
  index_.Erase(IndexHash(Hash(record.key)), {slot});
  record.Clear(TemplateFlag::kIndexed);
}

void TemplateTable::Free(uint32_t slot) noexcept {
  TemplateRecord& record = records_[slot];
  const bool has_side = record.Has(TemplateFlag::kSideTable);
  record.flags = 0;
  std::atomic_signal_fence(std::memory_order_release);  // dead, then the rest
  if (has_side) side_->Release(record.side_slot);
  record.wheel_next = free_head_;
  free_head_ = slot;
  --size_;
}

uint32_t TemplateTable::NextLive(uint32_t from, uint32_t span) const noexcept {
  const uint64_t end = std::min<uint64_t>(uint64_t{from} + span, high_water_);
  for (uint64_t slot = from; slot < end; ++slot) {
    if (records_[slot].Has(TemplateFlag::kLive)) return static_cast<uint32_t>(slot);
  }
  return kNoSlot;
}

}  // namespace fairlead::dataplane
