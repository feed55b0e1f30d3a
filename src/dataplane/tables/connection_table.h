// The connections of one worker and one address family.
//
//   auto table = ConnectionTable<Ipv4Address>::Create(1'000'000, hash, now);
//   FlowKey4 key = FlowKey4::Forward(kProtocolTcp, client, client_port, vip, vport);
//   uint64_t h = table->Hash(key);
//   FindOutcome found = table->Find(key, h, now);
//   if (!found.hit()) outcome = table->Insert(draft, h, now);
//   table->Touch(found.slot, now, timeout);
//
// A burst: HashBurst(keys, probes) hashes and prefetches, FindBurst(keys, probes, now, slots)
// compares tags, prefetches records and verifies. One lookup alone waits for two or three cache
// misses; 32 together share them.
//
// Both directions find one record: the hash covers {protocol, client endpoint}; a forward key is
// compared with the virtual endpoint, a reply key with the real one where replies are rewritten and
// with the virtual one otherwise (ipvs.md, connection lookup). A record whose deadline has passed
// is not found, although the wheel may collect it a little later: to the tick, it is gone.
//
// The price of that hash: all connections of one client endpoint share two buckets. A client that
// scans a service of all ports fills them, and with enough source ports whole regions of the index,
// where a stranger would find no room. So the poorer take from the richer: when there is no room
// for a connection, one of the endpoint that has most in its buckets moves aside, to a second index
// over whole flows in which one connection has two entries. Only look-ups that miss the first look
// there, and only while something is in it. An endpoint that has sixteen is refused the next.
//
// FULLNAT: a real answers to a local endpoint of the director's. AddLocal gives the record a second
// entry of the first index, under the hash of {protocol, local endpoint}, so the same look-up finds
// it: the reply's destination stands in the key where a client would. At most sixteen connections
// share a local endpoint; who is refused tries another port. Where the real is of the other family,
// the key is made of images (ImageOf): such a reply is looked for in the other family's table
// (path/mixed_family.h), which says by mixed_entries() whether that is worth while.
//
// Life of a slot: Insert → live and indexed → [Hide: live, not found any more] → Erase, or
// Detach … Free when something (a template release) must still be sent about it → free. The
// generation rises with each Insert and is never 0 in a live record. Free also gives back the side
// records; nobody else has to.
//
// Over memory that is given and not zeroed, every slot is settled (shard/take_up.h) before all
// else.
//
// Threads: one worker. Everything except Create is noexcept and allocates nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "base/clock.h"
#include "base/hash.h"
#include "base/result.h"
#include "dataplane/tables/bucket_index.h"
#include "dataplane/tables/connection_record.h"
#include "dataplane/tables/expiry_wheel.h"
#include "dataplane/tables/memory.h"
#include "dataplane/tables/side_table.h"
#include "dataplane/tables/slot.h"

namespace fairlead::dataplane {

// What a packet says about its connection. `other` is the end that is not the client.
template <typename Address>
struct FlowKey {
  Address client;
  Address other;
  Be16 client_port;
  Be16 other_port;
  uint8_t protocol = 0;
  Direction direction = Direction::kForward;

  // A packet from the client: its source is the client, its destination the virtual endpoint.
  static FlowKey Forward(uint8_t protocol, const Address& client, Be16 client_port,
                         const Address& virtual_address, Be16 virtual_port) noexcept {
    return {client, virtual_address, client_port, virtual_port, protocol, Direction::kForward};
  }
  // A packet to the client: its destination is the client.
  static FlowKey Reply(uint8_t protocol, const Address& client, Be16 client_port,
                       const Address& source_address, Be16 source_port) noexcept {
    return {client, source_address, client_port, source_port, protocol, Direction::kReply};
  }
};

using FlowKey4 = FlowKey<Ipv4Address>;
using FlowKey6 = FlowKey<Ipv6Address>;

// What becomes of a record whose time has come.
struct ExpiryDecision {
  enum class Action : uint8_t { kErase, kKeep, kDetach };
  Action action = Action::kErase;
  TickCount timeout = 0;

  static ExpiryDecision Erase() noexcept { return {}; }
  // As Touch(slot, now, timeout). Range: at least one tick.
  static ExpiryDecision Keep(TickCount timeout) noexcept { return {Action::kKeep, timeout}; }
  // As Detach(slot): the caller will Free it.
  static ExpiryDecision Detach() noexcept { return {Action::kDetach, 0}; }
};

// What a table may have beside its records.
struct ConnectionExtras {
  SideTable* side = nullptr;    // outlives the table; null: no side records
  uint32_t second_entries = 0;  // the index has room for so many AddLocal
};

template <typename Address>
class ConnectionTable {
 public:
  using Record = Connection<Address>;
  using Key = FlowKey<Address>;
  // A connection that outlives its timer because it controls others (ipvs.md, connection timers).
  static constexpr TickCount kParentTimeout = TicksFromSeconds(60);

  // Range of capacity: 1…2^30. `memory` is empty or has room for it (table_memory.h). Errors:
  // kInvalid for either, kSystem when there is no memory.
  static Result<ConnectionTable> Create(uint32_t capacity, TableHash hash, Tick now,
                                        HugePages huge_pages = HugePages::kTransparent,
                                        const ConnectionExtras& extras = {},
                                        std::span<Record> memory = {});

  // ---- lookup

  [[nodiscard]] uint64_t Hash(const Key& key) const noexcept {
    return hash_(key.client, key.client_port, key.protocol);
  }
  [[gnu::always_inline]] void PrefetchBuckets(uint64_t hash) const noexcept {
    index_.PrefetchBoth(hash);
  }
  [[nodiscard]] FindOutcome Find(const Key& key, uint64_t hash, Tick now) const noexcept;

  // Where the look-up of a key begins.
  struct Probe {
    uint64_t hash;
    uint32_t bucket;  // the first of its two
    uint16_t tag;
  };
  // Precondition for both: sizes are equal. A slot is kNoSlot on a miss.
  void HashBurst(std::span<const Key> keys, std::span<Probe> probes) const noexcept;
  void FindBurst(std::span<const Key> keys, std::span<const Probe> probes, Tick now,
                 std::span<uint32_t> slots) const noexcept;

  // ---- life of a record

  // Connections that have moved aside.
  [[nodiscard]] uint32_t aside() const noexcept { return aside_count_; }

  // Copies the draft into a free slot; deadline = now + draft.timeout. Does not look for a record
  // of the same key: the caller just missed. `hash` is Hash() of the draft's key. Precondition: the
  // draft has no side record.
  InsertOutcome Insert(const Record& draft, uint64_t hash, Tick now) noexcept;
  // Precondition for all below: the slot is live.
  void Touch(uint32_t slot, Tick now, TickCount timeout) noexcept {
    records_[slot].timeout = timeout;
    wheel_.SetDeadline(slot, now + timeout);
  }
  // As Touch, for a deadline that is known not to come nearer.
  void Prolong(uint32_t slot, Tick now, TickCount timeout) noexcept {
    records_[slot].timeout = timeout;
    records_[slot].deadline = now + timeout;
  }
  // As Touch, of a record whose time has begun elsewhere: `left` of it is left.
  void Follow(uint32_t slot, Tick now, TickCount timeout, TickCount left) noexcept {
    records_[slot].timeout = timeout;
    wheel_.SetDeadline(slot, now + left);
  }
  // The record is gone for lookups now and the wheel hands it to ExpireSome soon
  // (ipvs.md, expire now).
  void ExpireNow(uint32_t slot, Tick now) noexcept { Touch(slot, now, 0); }
  // No lookup finds it any more; its timer runs on.
  void Hide(uint32_t slot) noexcept;
  // Hidden and without a timer. The caller may use wheel_next as its own link until Free.
  void Detach(uint32_t slot) noexcept;
  // Precondition: detached. Its side records go with it.
  void Free(uint32_t slot) noexcept;
  void Erase(uint32_t slot) noexcept {
    Detach(slot);
    Free(slot);
  }

  // Its time is over and it controls nothing.
  [[nodiscard]] bool IsExpired(uint32_t slot, Tick now) const noexcept {
    return records_[slot].deadline.HasPassed(now) && records_[slot].children == 0;
  }
  // on_expired(slot) → ExpiryDecision, for each record whose time is over. At most `budget` steps,
  // see ExpiryWheel::Advance. on_expired may Erase other records, not this one.
  template <typename OnExpired>
  uint32_t ExpireSome(Tick now, uint32_t budget, OnExpired&& on_expired) noexcept;

  // ---- what few records have

  // Null when no side record is free: the caller drops the packet with a reason of its own.
  // Precondition: the record has none of this kind.
  SideRecord* AttachSide(uint32_t slot, SideKind kind) noexcept;
  // Null when the record has none of this kind.
  [[nodiscard]] SideRecord* FindSide(uint32_t slot, SideKind kind) const noexcept {
    const Record& record = records_[slot];
    return record.Has(ConnectionFlag::kSideTable) ? side_->Find(record.side_slot, kind) : nullptr;
  }
  // Replies from the real to this endpoint find the record from now on. False: no room for it in
  // the index, nothing has changed. Preconditions: the record is indexed, has a kFlow side record
  // and no local endpoint yet; the port is not 0.
  bool AddLocal(uint32_t slot, const IpAddress& address, Be16 port) noexcept;
  // The same if no other record here has this endpoint towards the same real. `flow`: of its kFlow
  // side record.
  bool TakeLocal(uint32_t slot, FlowSide* flow, const Address& address, Be16 port,
                 Tick now) noexcept;
  bool TakeLocal(uint32_t slot, FlowSide* flow, const OtherFamily<Address>& address, Be16 port,
                 Tick now) noexcept;
  // That endpoint; none: the record has no second entry.
  [[nodiscard]] LocalEndpoint LocalEndpointOf(uint32_t slot) const noexcept {
    const FlowSide* flow = LocalOf(slot);
    if (flow == nullptr) [[likely]]
      return {};
    return {LocalAddressOf(*flow), flow->local_port};
  }
  // Where it is kept; null: the record has no second entry.
  [[nodiscard]] const FlowSide* LocalOf(uint32_t slot) const noexcept {
    const SideRecord* side = FindSide(slot, SideKind::kFlow);
    return side != nullptr && side->flow.local_port != Be16{} ? &side->flow : nullptr;
  }
  [[nodiscard]] uint32_t second_entries() const noexcept { return second_count_; }
  // Of those, local endpoints of the other family.
  [[nodiscard]] uint32_t mixed_entries() const noexcept { return mixed_count_; }

  // ---- take-up (shard/take_up.h), before the first packet: Settle or Vacate for each slot once,
  // from the last to the first, over what lies in the memory given; or Carry into a new table

  // All records, as they lie in memory.
  [[nodiscard]] std::span<Record> records() const noexcept { return records_.span(); }
  // The record at `slot` has been judged; it is live and indexed, and found from now on, as Hash()
  // says. Its side records, if it has some, are its own. False: there is no room in the index for
  // it; it must be vacated.
  bool Settle(uint32_t slot, uint64_t hash) noexcept;
  // Nothing is there: the slot is free.
  void Vacate(uint32_t slot) noexcept;
  // A copy of such a record of another table, without its side records.
  InsertOutcome Carry(const Record& from, uint64_t hash) noexcept;
  // A copy of one of its side records, in front of those that the copy has. False: there is no room
  // for it, or for its second index entry; it must be erased.
  bool CarrySide(uint32_t slot, const SideRecord& from) noexcept;

  // ---- access

  [[nodiscard]] Record& at(uint32_t slot) noexcept { return records_[slot]; }
  [[nodiscard]] const Record& at(uint32_t slot) const noexcept { return records_[slot]; }
  // The key under which a packet of this direction finds the record.
  [[nodiscard]] Key KeyOf(uint32_t slot, Direction direction = Direction::kForward) const noexcept;
  // The first live slot in [from, from + span), or kNoSlot: a listing in bounded slices.
  [[nodiscard]] uint32_t NextLive(uint32_t from, uint32_t span) const noexcept;
  // No slot at or above this one was ever used.
  [[nodiscard]] uint32_t high_water() const noexcept { return high_water_; }
  [[nodiscard]] uint32_t size() const noexcept { return size_; }
  [[nodiscard]] uint32_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] size_t memory_bytes() const noexcept {
    return records_.memory_bytes() + index_.memory_bytes() + aside_.memory_bytes();
  }

 private:
  // Of so many connections one may move aside.
  static constexpr uint32_t kAsideShare = 8;

  explicit ConnectionTable(TableHash hash) : hash_(hash) {}

  static uint16_t TagOf(uint64_t hash, Ipv4Address address, Be16 port) noexcept {
    return FoldTag(hash ^ (uint64_t{address.value.raw()} << 16 | port.raw()));
  }
  static uint16_t TagOf(uint64_t hash, const Ipv6Address& address, Be16 port) noexcept {
    uint64_t hi, lo;
    std::memcpy(&hi, address.bytes.data(), 8);
    std::memcpy(&lo, address.bytes.data() + 8, 8);
    return FoldTag(hash ^ MixMultiply(hi ^ kTagOdd, lo ^ ~kTagOdd) ^ port.raw());
  }
  static uint16_t FoldTag(uint64_t word) noexcept {
    return static_cast<uint16_t>(MixMultiply(word, kTagOdd) >> 48 | 1);  // the index wants it odd
  }
  static uint16_t TagOf(const Key& key, uint64_t hash) noexcept {
    return TagOf(hash, key.other, key.other_port);
  }
  static uint32_t ColumnOf(const Key& key) noexcept { return static_cast<uint32_t>(key.direction); }

  [[nodiscard]] uint64_t HashOf(const Record& record) const noexcept {
    return hash_(record.client_address, record.client_port, record.protocol);
  }
  [[nodiscard]] uint64_t HashOf(IndexEntry entry) const noexcept {
    return entry.is_second ? LocalHashOf(entry.slot) : HashOf(records_[entry.slot]);
  }
  [[nodiscard]] bool Matches(uint32_t slot, const Key& key, Tick now) const noexcept {
    const Record& r = records_[slot];
    const bool is_virtual = key.direction == Direction::kForward || !RewritesReplies(r.method);
    const bool is_same = (is_virtual ? HasVirtualEndpoint(r, key) : HasRealEndpoint(r, key)) ||
                         HasLocalEndpoint(slot, key);
    return is_same && r.protocol == key.protocol && !IsExpired(slot, now);
  }
  // {client, virtual} address and {client, virtual} port lie side by side in records and keys
  // alike.
  static bool HasVirtualEndpoint(const Record& r, const Key& key) noexcept {
    static_assert(offsetof(Record, virtual_address) == sizeof(Address));
    static_assert(offsetof(Key, client) == 0 && offsetof(Key, other) == sizeof(Address));
    static_assert(offsetof(Record, virtual_port) == offsetof(Record, client_port) + 2);
    static_assert(offsetof(Key, other_port) == offsetof(Key, client_port) + 2);
    return IsSame<2 * sizeof(Address)>(&r.client_address, &key.client) &&
           IsSame<4>(&r.client_port, &key.client_port);
  }
  static bool HasRealEndpoint(const Record& r, const Key& key) noexcept {
    return r.client_address == key.client && r.real_address == key.other &&
           r.client_port == key.client_port && r.real_port == key.other_port &&
           !TranslatesClient(r.method);  // whose real speaks to the local endpoint alone
  }
  [[nodiscard]] bool HasLocalEndpoint(uint32_t slot, const Key& key) const noexcept {
    return key.direction == Direction::kReply && records_[slot].Has(ConnectionFlag::kSideTable) &&
           IsLocalEndpoint(slot, key);
  }
  // One compare where the compiler would make one of each field.
  template <size_t kBytes>
  static bool IsSame(const void* a, const void* b) noexcept {
    if constexpr (kBytes == 4) {
      return Load<uint32_t>(a) == Load<uint32_t>(b);
    } else {
      uint64_t differs = 0;
      for (size_t i = 0; i < kBytes; i += 8) {
        differs |= Load<uint64_t>(static_cast<const char*>(a) + i) ^
                   Load<uint64_t>(static_cast<const char*>(b) + i);
      }
      return differs == 0;
    }
  }
  template <typename Word>
  static Word Load(const void* from) noexcept {
    Word word;
    std::memcpy(&word, from, sizeof word);
    return word;
  }
  // The first side record of each: where FULLNAT's endpoints are.
  [[gnu::always_inline]] void PrefetchSides(std::span<const uint32_t> slots) const noexcept {
    for (const uint32_t slot : slots) {
      if (slot == kNoSlot || !records_[slot].Has(ConnectionFlag::kSideTable)) continue;
      __builtin_prefetch(&side_->at(records_[slot].side_slot), 0, 3);
    }
  }
  void PrefetchRecord(uint32_t slot) const noexcept {
    const auto* line = reinterpret_cast<const char*>(&records_[slot]);
    for (size_t at = 0; at < sizeof(Record); at += 64) __builtin_prefetch(line + at, 1, 3);
  }

  // ---- the second entries, by what the kFlow side record says
  [[nodiscard]] uint64_t LocalHashOf(uint32_t slot) const noexcept;
  [[nodiscard]] bool IsLocalTaken(uint32_t slot, const Address& image, Be16 port,
                                  Tick now) const noexcept;
  template <typename Local>
  bool TakeLocalAs(uint32_t slot, FlowSide* flow, const Address& image, const Local& address,
                   Be16 port, Tick now) noexcept;
  // The endpoint that stands in the side record, but for the port.
  bool IndexLocal(uint32_t slot, Be16 port) noexcept;
  void UnindexLocal(uint32_t slot) noexcept;
  // The second entry; false: no room. `hash`: of the endpoint, as it stands in keys.
  bool FileLocal(uint32_t slot, uint64_t hash) noexcept;
  // The endpoint is there, but for the port, which says so.
  void FinishLocal(FlowSide* flow, Be16 port) noexcept;
  [[nodiscard]] bool IsLocalEndpoint(uint32_t slot, const Key& key) const noexcept;

  // ---- the second index: entry 2·slot is found by the forward key, 2·slot + 1 by the reply key
  [[nodiscard]] uint64_t AsideHash(const Key& key) const noexcept {
    const auto side = static_cast<uint8_t>(key.protocol ^ (ColumnOf(key) << 7));
    return hash_(key.other, key.other_port, side) ^ MixMultiply(Hash(key), kTagOdd);
  }
  [[nodiscard]] uint64_t AsideHashOf(uint32_t entry) const noexcept {
    return AsideHash(KeyOf(entry / 2, static_cast<Direction>(entry & 1)));
  }
  [[nodiscard]] FindOutcome FindAside(const Key& key, Tick now) const noexcept;
  bool AddToIndex(const Record& record, uint64_t hash, uint32_t slot) noexcept;
  bool MoveAside(uint32_t slot) noexcept;
  bool AddAside(uint32_t entry) noexcept;

  static constexpr uint64_t kTagOdd = 0xd6e8'feb8'6659'fd93;

  TableHash hash_;
  MappedArray<Record> records_;
  BucketIndex index_;
  BucketIndex aside_;
  uint32_t aside_count_ = 0, aside_limit_ = 0;    // connections
  uint32_t second_count_ = 0, second_limit_ = 0;  // entries of index_
  uint32_t mixed_count_ = 0;                      // of those
  SideTable* side_ = nullptr;
  ExpiryWheel<Record> wheel_;
  uint32_t free_head_ = kNoSlot;  // through wheel_next; last freed, first used: still in the cache
  uint32_t high_water_ = 0;
  uint32_t size_ = 0;
  uint32_t capacity_ = 0;
};

template <typename Address>
inline FindOutcome ConnectionTable<Address>::Find(const Key& key, uint64_t hash,
                                                  Tick now) const noexcept {
  const uint32_t slot = index_.Find(hash, ColumnOf(key), TagOf(key, hash),
                                    [&](uint32_t s) { return Matches(s, key, now); });
  if (slot == kNoSlot && aside_count_ != 0) [[unlikely]]
    return FindAside(key, now);
  return {slot};
}

template <typename Address>
template <typename OnExpired>
uint32_t ConnectionTable<Address>::ExpireSome(Tick now, uint32_t budget,
                                              OnExpired&& on_expired) noexcept {
  return wheel_.Advance(now, budget, [&](uint32_t slot) {
    Record& record = records_[slot];
    ExpiryDecision decision = record.children > 0 ? ExpiryDecision::Keep(kParentTimeout)
                                                  : ExpiryDecision(on_expired(slot));
    if (decision.action == ExpiryDecision::Action::kKeep) {
      record.timeout = decision.timeout;
      record.deadline = now + decision.timeout;
      return WheelAction::kKeep;
    }
    Hide(slot);
    if (decision.action == ExpiryDecision::Action::kErase) Free(slot);
    return WheelAction::kDrop;
  });
}

extern template class ConnectionTable<Ipv4Address>;
extern template class ConnectionTable<Ipv6Address>;

}  // namespace fairlead::dataplane
