#include "dataplane/tables/connection_table.h"

#include <algorithm>
#include <atomic>
#include <string>
#include <type_traits>

#include "dataplane/tables/table_memory.h"

namespace fairlead::dataplane {
namespace {

// As it stands in keys.
template <typename Address>
Address LocalImageOf(const FlowSide& flow) noexcept {
  if (flow.local_family == Address::kFamily) [[likely]]
    return Address::Load(flow.local_address.data());
  return ImageOf<Address>(LocalAddressOf(flow));
}

}  // namespace

template <typename Address>
Result<ConnectionTable<Address>> ConnectionTable<Address>::Create(uint32_t capacity, TableHash hash,
                                                                  Tick now, HugePages huge_pages,
                                                                  const ConnectionExtras& extras,
                                                                  std::span<Record> memory) {
  if (capacity == 0 || capacity > (1u << 30)) {
    return Error{ErrorCode::kInvalid,
                 "a connection table holds 1 to 1073741824 connections, not " +
                     std::to_string(capacity) + "; change director.connections",
                 ""};
  }
  ConnectionTable table(hash);
  auto records = RecordsIn(memory, capacity, huge_pages, "connection records");
  if (!records) return records.error();
  // No more connections than the records can have second entries.
  table.second_limit_ = std::min(extras.second_entries, capacity);
  // Real servers share local endpoints, so second entries come in crowds, which need room to move.
  const uint32_t entries = capacity + table.second_limit_ + table.second_limit_ / 4;
  auto index = BucketIndex::Create(entries, huge_pages, "the connection index");
  if (!index) return index.error();
  table.aside_limit_ = capacity / kAsideShare + 1;
  auto aside = BucketIndex::Create(2 * table.aside_limit_, huge_pages, "the second index");
  if (!aside) return aside.error();
  table.aside_ = *std::move(aside);
  table.records_ = *std::move(records);
  table.index_ = *std::move(index);
  table.wheel_ = ExpiryWheel<Record>(table.records_.data(), now);
  table.capacity_ = capacity;
  table.side_ = extras.side;
  return table;
}

template <typename Address>
void ConnectionTable<Address>::HashBurst(std::span<const Key> keys,
                                         std::span<Probe> probes) const noexcept {
  const TableHash hash_of = hash_;  // its secrets in registers: the stores below might be to them
  const Key* key = keys.data();
  for (Probe& probe : probes) {
    const uint64_t hash = hash_of(key->client, key->client_port, key->protocol);
    const uint32_t bucket = index_.FirstBucket(hash);
    index_.PrefetchBucket(bucket);
    probe = {hash, bucket, TagOf(*key, hash)};
    ++key;
  }
}

template <typename Address>
void ConnectionTable<Address>::FindBurst(std::span<const Key> keys, std::span<const Probe> probes,
                                         Tick now, std::span<uint32_t> slots) const noexcept {
  // Three passes, each over lines that the pass before asked for.
  size_t seconds = 0;
  for (size_t i = 0; i < keys.size(); ++i) {
    const Probe& probe = probes[i];
    const uint32_t match = index_.Match(probe.bucket, ColumnOf(keys[i]), probe.tag);
    if (match != 0) [[likely]] {
      slots[i] = index_.SlotOf(probe.bucket, match);
      PrefetchRecord(slots[i]);
    } else {
      slots[i] = kNoSlot;
      index_.PrefetchBucket(index_.SecondBucket(probe.hash));
      ++seconds;
    }
  }
  for (size_t i = 0; seconds > 0; ++i) {
    if (slots[i] != kNoSlot) continue;
    --seconds;
    const uint32_t bucket = index_.SecondBucket(probes[i].hash);
    const uint32_t match = index_.Match(bucket, ColumnOf(keys[i]), probes[i].tag);
    if (match == 0) continue;
    slots[i] = index_.SlotOf(bucket, match);
    PrefetchRecord(slots[i]);
  }
  if (second_count_ != 0) [[unlikely]]
    PrefetchSides(slots);
  for (size_t i = 0; i < keys.size(); ++i) {
    if (slots[i] == kNoSlot || Matches(slots[i], keys[i], now)) [[likely]]
      continue;
    // Another flow's tag, or an expired record beside a live one: look at every candidate.
    slots[i] = Find(keys[i], probes[i].hash, now).slot;
  }
}

// The record may not yet be at its slot. False: there is no room, and nobody who could move aside.
template <typename Address>
[[gnu::always_inline]] inline bool ConnectionTable<Address>::AddToIndex(const Record& record,
                                                                        uint64_t hash,
                                                                        uint32_t slot) noexcept {
  const BucketIndex::Tags tags{{TagOf(hash, record.virtual_address, record.virtual_port),
                                TagOf(hash, record.reply_address(), record.reply_port())}};
  const auto hash_of = [this](IndexEntry entry) { return HashOf(entry); };
  if (index_.Insert(hash, tags, slot, hash_of) == IndexResult::kFull) [[unlikely]] {
    const uint32_t richest = index_.Richest(hash, hash_of);
    if (richest == kNoSlot || !MoveAside(richest) ||
        index_.Insert(hash, tags, slot, hash_of) == IndexResult::kFull) {
      return false;
    }
  }
  return true;
}

template <typename Address>
InsertOutcome ConnectionTable<Address>::Insert(const Record& draft, uint64_t hash,
                                               Tick now) noexcept {
  const bool is_reused = free_head_ != kNoSlot;
  if (!is_reused && high_water_ == capacity_) return {InsertResult::kTableFull, kNoSlot};
  const uint32_t slot = is_reused ? free_head_ : high_water_;
  if (!AddToIndex(draft, hash, slot)) return {InsertResult::kBucketFull, kNoSlot};

  Record& record = records_[slot];
  if (is_reused) {
    free_head_ = record.wheel_next;
  } else {
    ++high_water_;
  }
  const uint16_t last = record.generation;
  record = draft;
  record.generation = last == 0xffff ? uint16_t{1} : static_cast<uint16_t>(last + 1);
  record.deadline = now + draft.timeout;
  wheel_.Add(slot);
  std::atomic_signal_fence(std::memory_order_release);  // whole, then live
  constexpr auto kBoth = static_cast<uint16_t>(ConnectionFlag::kLive) |
                         static_cast<uint16_t>(ConnectionFlag::kIndexed);
  record.flags = static_cast<uint16_t>(draft.flags | kBoth);
  ++size_;
  return {InsertResult::kInserted, slot};
}

template <typename Address>
bool ConnectionTable<Address>::Settle(uint32_t slot, uint64_t hash) noexcept {
  Record& record = records_[slot];
  record.Clear(ConnectionFlag::kAside);
  const FlowSide* local = LocalOf(slot);
  if (local != nullptr && !IndexLocal(slot, local->local_port)) return false;
  // Records come in another order than at first: who finds no room any more may go aside itself.
  if (!AddToIndex(record, hash, slot) && !MoveAside(slot)) {
    if (local != nullptr) UnindexLocal(slot);
    return false;
  }
  high_water_ = std::max(high_water_, slot + 1);
  wheel_.Add(slot);
  ++size_;
  return true;
}

template <typename Address>
void ConnectionTable<Address>::Vacate(uint32_t slot) noexcept {
  Record& record = records_[slot];
  record.flags = 0;
  // A slot that was never used, and all after it: they are taken in their order.
  if (record.generation == 0 && slot >= high_water_) return;
  high_water_ = std::max(high_water_, slot + 1);
  record.wheel_next = free_head_;
  free_head_ = slot;
}

template <typename Address>
InsertOutcome ConnectionTable<Address>::Carry(const Record& from, uint64_t hash) noexcept {
  const bool is_reused = free_head_ != kNoSlot;
  if (!is_reused && high_water_ == capacity_) return {InsertResult::kTableFull, kNoSlot};
  const uint32_t slot = is_reused ? free_head_ : high_water_;
  Record& record = records_[slot];
  const uint32_t next_free = record.wheel_next;
  const uint16_t last = record.generation;
  record = from;
  record.Clear(ConnectionFlag::kSideTable);
  record.generation = last == 0xffff ? uint16_t{1} : static_cast<uint16_t>(last + 1);
  if (!Settle(slot, hash)) {
    record.flags = 0;
    record.wheel_next = next_free;
    return {InsertResult::kBucketFull, kNoSlot};
  }
  if (is_reused) free_head_ = next_free;
  return {InsertResult::kInserted, slot};
}

template <typename Address>
bool ConnectionTable<Address>::CarrySide(uint32_t slot, const SideRecord& from) noexcept {
  SideRecord* side = AttachSide(slot, from.kind);
  if (side == nullptr) return false;
  switch (from.kind) {
    case SideKind::kFlow: {
      side->flow = from.flow;
      side->flow.local_port = {};
      const Be16 port = from.flow.local_port;
      return port == Be16{} || IndexLocal(slot, port);
    }
    case SideKind::kSync:
      side->sync = from.sync;
      return true;
    case SideKind::kText:
      side->text = from.text;
      return true;
    case SideKind::kFree:
      break;
  }
  return false;
}

template <typename Address>
void ConnectionTable<Address>::Hide(uint32_t slot) noexcept {
  Record& record = records_[slot];
  if (!record.Has(ConnectionFlag::kIndexed)) return;
  record.Clear(ConnectionFlag::kIndexed);
  if (LocalOf(slot) != nullptr) [[unlikely]]
    UnindexLocal(slot);
  if (record.Has(ConnectionFlag::kAside)) [[unlikely]] {
    for (const uint32_t entry : {2 * slot, 2 * slot + 1}) aside_.Erase(AsideHashOf(entry), {entry});
    record.Clear(ConnectionFlag::kAside);
    --aside_count_;
    return;
  }
  index_.Erase(HashOf(record), {slot});
}

template <typename Address>
FindOutcome ConnectionTable<Address>::FindAside(const Key& key, Tick now) const noexcept {
  const uint64_t hash = AsideHash(key);
  const uint32_t entry = aside_.Find(hash, 0, FoldTag(hash), [&](uint32_t e) {
    return (e & 1) == ColumnOf(key) && Matches(e / 2, key, now);
  });
  return {entry == kNoSlot ? kNoSlot : entry / 2};
}

template <typename Address>
bool ConnectionTable<Address>::AddAside(uint32_t entry) noexcept {
  const uint64_t hash = AsideHashOf(entry);
  const uint16_t tag = FoldTag(hash);
  const auto hash_of = [this](IndexEntry other) { return AsideHashOf(other.slot); };
  return aside_.Insert(hash, {{tag, tag}}, entry, hash_of) == IndexResult::kDone;
}

// From the index to the second one; false: there is no room.
template <typename Address>
bool ConnectionTable<Address>::MoveAside(uint32_t slot) noexcept {
  if (aside_count_ == aside_limit_ || !AddAside(2 * slot)) return false;
  if (!AddAside(2 * slot + 1)) {
    aside_.Erase(AsideHashOf(2 * slot), {2 * slot});
    return false;
  }
  Record& record = records_[slot];
  index_.Erase(HashOf(record), {slot});
  record.Set(ConnectionFlag::kAside);
  ++aside_count_;
  return true;
}

template <typename Address>
SideRecord* ConnectionTable<Address>::AttachSide(uint32_t slot, SideKind kind) noexcept {
  if (side_ == nullptr) return nullptr;
  Record& record = records_[slot];
  uint32_t first = record.Has(ConnectionFlag::kSideTable) ? record.side_slot : kNoSlot;
  SideRecord* side =
      side_->Attach({SideOwner::kConnections<Address>, slot, record.generation}, kind, &first);
  if (side == nullptr) return nullptr;
  record.side_slot = first;
  std::atomic_signal_fence(std::memory_order_release);
  record.Set(ConnectionFlag::kSideTable);
  return side;
}

// Precondition: it has a local endpoint.
template <typename Address>
uint64_t ConnectionTable<Address>::LocalHashOf(uint32_t slot) const noexcept {
  const FlowSide& flow = *LocalOf(slot);
  return hash_(LocalImageOf<Address>(flow), flow.local_port, records_[slot].protocol);
}

template <typename Address>
bool ConnectionTable<Address>::IsLocalEndpoint(uint32_t slot, const Key& key) const noexcept {
  const Record& r = records_[slot];
  const FlowSide* flow = LocalOf(slot);
  return flow != nullptr && LocalImageOf<Address>(*flow) == key.client &&
         flow->local_port == key.client_port && r.real_address == key.other &&
         r.real_port == key.other_port;
}

template <typename Address>
bool ConnectionTable<Address>::AddLocal(uint32_t slot, const IpAddress& address,
                                        Be16 port) noexcept {
  const uint64_t hash = hash_(ImageOf<Address>(address), port, records_[slot].protocol);
  if (!FileLocal(slot, hash)) return false;
  FlowSide* flow = &FindSide(slot, SideKind::kFlow)->flow;
  flow->local_address = address.bytes();
  flow->local_family = address.family();
  FinishLocal(flow, port);
  return true;
}

template <typename Address>
bool ConnectionTable<Address>::IndexLocal(uint32_t slot, Be16 port) noexcept {
  FlowSide* flow = &FindSide(slot, SideKind::kFlow)->flow;
  const uint64_t hash = hash_(LocalImageOf<Address>(*flow), port, records_[slot].protocol);
  if (!FileLocal(slot, hash)) return false;
  FinishLocal(flow, port);
  return true;
}

template <typename Address>
bool ConnectionTable<Address>::TakeLocal(uint32_t slot, FlowSide* flow, const Address& address,
                                         Be16 port, Tick now) noexcept {
  return TakeLocalAs(slot, flow, address, address, port, now);
}

template <typename Address>
bool ConnectionTable<Address>::TakeLocal(uint32_t slot, FlowSide* flow,
                                         const OtherFamily<Address>& address, Be16 port,
                                         Tick now) noexcept {
  return TakeLocalAs(slot, flow, ImageOf<Address>(address), address, port, now);
}

template <typename Address>
template <typename Local>
[[gnu::always_inline]] inline bool ConnectionTable<Address>::TakeLocalAs(
    uint32_t slot, FlowSide* flow, const Address& image, const Local& address, Be16 port,
    Tick now) noexcept {
  const Record& record = records_[slot];
  const uint64_t hash = hash_(image, port, record.protocol);
  const uint16_t tag = TagOf(hash, record.real_address, record.real_port);
  // Nearly always nobody has this tag, and no key need be made.
  constexpr auto kReplies = static_cast<uint32_t>(Direction::kReply);
  const uint32_t match = index_.Match(index_.FirstBucket(hash), kReplies, tag) |
                         index_.Match(index_.SecondBucket(hash), kReplies, tag) | aside_count_;
  if (match != 0 && IsLocalTaken(slot, image, port, now)) [[unlikely]]
    return false;
  if (!FileLocal(slot, hash)) return false;
  address.Store(flow->local_address.data());
  flow->local_family = Local::kFamily;
  FinishLocal(flow, port);
  return true;
}

template <typename Address>
[[gnu::noinline]] bool ConnectionTable<Address>::IsLocalTaken(uint32_t slot, const Address& image,
                                                              Be16 port, Tick now) const noexcept {
  const Record& record = records_[slot];
  const Key key = Key::Reply(record.protocol, image, port, record.real_address, record.real_port);
  return Find(key, Hash(key), now).hit();
}

template <typename Address>
[[gnu::always_inline]] inline bool ConnectionTable<Address>::FileLocal(uint32_t slot,
                                                                       uint64_t hash) noexcept {
  if (second_count_ == second_limit_) return false;
  const Record& record = records_[slot];
  const uint16_t tag = TagOf(hash, record.real_address, record.real_port);
  const auto hash_of = [this](IndexEntry entry) { return HashOf(entry); };
  return index_.Insert(hash, BucketIndex::SecondTags(tag), slot, hash_of) != IndexResult::kFull;
}

template <typename Address>
[[gnu::always_inline]] inline void ConnectionTable<Address>::FinishLocal(FlowSide* flow,
                                                                         Be16 port) noexcept {
  std::atomic_signal_fence(std::memory_order_release);
  flow->local_port = port;  // says that there is one
  ++second_count_;
  if (flow->local_family != Address::kFamily) ++mixed_count_;
}

template <typename Address>
void ConnectionTable<Address>::UnindexLocal(uint32_t slot) noexcept {
  index_.Erase(LocalHashOf(slot), {slot, true});
  --second_count_;
  if (LocalOf(slot)->local_family != Address::kFamily) --mixed_count_;
}

template <typename Address>
void ConnectionTable<Address>::Detach(uint32_t slot) noexcept {
  Hide(slot);
  wheel_.Remove(slot);
}

template <typename Address>
void ConnectionTable<Address>::Free(uint32_t slot) noexcept {
  Record& record = records_[slot];
  const bool has_side = record.Has(ConnectionFlag::kSideTable);
  record.flags = 0;
  std::atomic_signal_fence(std::memory_order_release);  // dead, then the rest
  if (has_side) [[unlikely]]
    side_->Release(record.side_slot);
  record.wheel_next = free_head_;
  free_head_ = slot;
  --size_;
}

template <typename Address>
FlowKey<Address> ConnectionTable<Address>::KeyOf(uint32_t slot,
                                                 Direction direction) const noexcept {
  const Record& r = records_[slot];
  if (direction == Direction::kForward) {
    return Key::Forward(r.protocol, r.client_address, r.client_port, r.virtual_address,
                        r.virtual_port);
  }
  return Key::Reply(r.protocol, r.client_address, r.client_port, r.reply_address(), r.reply_port());
}

template <typename Address>
uint32_t ConnectionTable<Address>::NextLive(uint32_t from, uint32_t span) const noexcept {
  const uint64_t end = std::min<uint64_t>(uint64_t{from} + span, high_water_);
  for (uint64_t slot = from; slot < end; ++slot) {
    if (records_[slot].Has(ConnectionFlag::kLive)) return static_cast<uint32_t>(slot);
  }
  return kNoSlot;
}

template class ConnectionTable<Ipv4Address>;
template class ConnectionTable<Ipv6Address>;

}  // namespace fairlead::dataplane
