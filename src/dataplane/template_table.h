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
// The timer (spec section 3.4, the modern kernel's): it starts at the service's timeout; every new
// connection restarts it with the template's own timeout; when it fires while children exist, the
// template's timeout becomes 60 s, for good, and it runs again; without children the template is
// deleted. Firing counts from the deadline, not from the wheel's visit, so the results are exact.
//
// Invariants: children is the number of AddChild less the number of ReleaseChild; a reference whose
// generation is not the slot's is refused and changes nothing; an invalidated template is found by
// no lookup but is listed and keeps its timer and its children.
// Threads: one worker, the owner in every TemplateRef. Everything except Create is noexcept and
// allocates nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"
#include "base/hash.h"
#include "base/ip_address.h"
#include "base/result.h"
#include "dataplane/bucket_index.h"
#include "dataplane/expiry_wheel.h"
#include "dataplane/memory.h"
#include "dataplane/packet.h"
#include "dataplane/slot.h"

namespace fairlead::dataplane {

// What makes two clients' packets use one template (spec section 3.1). IPv4 addresses take the
// first four bytes, the rest is zero.
struct TemplateKey {
  std::array<uint8_t, 16> client{};           // masked
  std::array<uint8_t, 16> virtual_address{};  // or the mark as an IPv4 address
  Be16 virtual_port;                          // 0: the key covers all ports
  Family family = Family::kIpv4;              // the client's
  uint8_t protocol = 0;                       // 0: a mark service, any protocol

  static TemplateKey ForService(uint8_t protocol, const IpAddress& masked_client,
                                const IpAddress& virtual_address, Be16 virtual_port) noexcept {
    return {masked_client.bytes(), virtual_address.bytes(), virtual_port, masked_client.family(),
            protocol};
  }
  static TemplateKey ForMark(const IpAddress& masked_client, uint32_t mark) noexcept {
    return ForService(0, masked_client, Ipv4Address::FromHost(mark), Be16{});
  }
  friend bool operator==(const TemplateKey&, const TemplateKey&) = default;
};
static_assert(sizeof(TemplateKey) == 36);

// Names the same template in every worker that has the same secret; also what steering takes.
uint64_t HashTemplateKey(const TableHash& hash, const TemplateKey& key) noexcept;

enum class TemplateState : uint8_t { kNone = 0, kAssured = 1 };

enum class TemplateFlag : uint8_t {
  kLive = 0x01,
  kIndexed = 0x02,      // lookups find it
  kInvalidated = 0x04,  // renamed to port 65535 (spec section 3.5)
};

// Two cache lines; a lookup and a renewal touch only the first. Position-independent.
struct alignas(64) TemplateRecord {
  TemplateKey key;
  TemplateState state = TemplateState::kNone;
  uint8_t flags = 0;        // TemplateFlag
  uint16_t generation = 0;  // 0 only before the slot's first use
  Be16 destination_port;    // 0: a connection keeps its packet's port
  uint16_t reserved = 0;    // zero
  RealId real_id;
  uint32_t children = 0;          // live connections made through it, on all workers
  Tick deadline;                  // when the timer fires
  TickCount timeout = 0;          // what a new connection restarts the timer with
  TickCount service_timeout = 0;  // the service's at creation
  // ---- second line
  Tick created;
  uint32_t wheel_next = 0;  // see Connection
  uint32_t wheel_prev = 0;

  [[nodiscard]] bool Has(TemplateFlag flag) const noexcept {
    return (flags & static_cast<uint8_t>(flag)) != 0;
  }
  void Set(TemplateFlag flag) noexcept { flags |= static_cast<uint8_t>(flag); }
  void Clear(TemplateFlag flag) noexcept {
    flags = static_cast<uint8_t>(flags & ~static_cast<unsigned>(flag));
  }
  [[nodiscard]] IpAddress client() const noexcept { return AddressOf(key.client); }
  // The virtual address; for a mark service the mark as an IPv4 address.
  [[nodiscard]] IpAddress virtual_address() const noexcept {
    if (key.protocol == 0) return Ipv4Address::Load(key.virtual_address.data());
    return AddressOf(key.virtual_address);
  }

 private:
  [[nodiscard]] IpAddress AddressOf(const std::array<uint8_t, 16>& bytes) const noexcept {
    if (key.family == Family::kIpv4) return Ipv4Address::Load(bytes.data());
    return Ipv6Address{bytes};
  }
};
static_assert(sizeof(TemplateRecord) == 128 && std::is_trivially_copyable_v<TemplateRecord>);
static_assert(offsetof(TemplateRecord, state) == 36);
static_assert(offsetof(TemplateRecord, real_id) == 44);
static_assert(offsetof(TemplateRecord, timeout) == 56);
static_assert(offsetof(TemplateRecord, created) == 64);
static_assert(offsetof(TemplateRecord, wheel_next) == 68);

// What a new template remembers.
struct TemplateBinding {
  RealId real_id;
  Be16 destination_port;          // spec section 3.1, "stored dport"
  TickCount service_timeout = 0;  // range 1 s … 31 d
};

class TemplateTable {
 public:
  // After the timer fired with children (spec section 3.4).
  static constexpr TickCount kStickyTimeout = TicksFromSeconds(60);

  // Range of capacity: 1…2^28. Errors: kInvalid for the range, kSystem when there is no memory.
  static Result<TemplateTable> Create(WorkerId owner, uint32_t capacity, TableHash hash, Tick now,
                                      HugePages huge_pages = HugePages::kTransparent);

  // ---- lookup. A template whose time is over is not found. Whether the real it names is still
  // good (spec section 3.5) is the caller's question.
  [[nodiscard]] uint64_t Hash(const TemplateKey& key) const noexcept {
    return HashTemplateKey(hash_, key);
  }
  void PrefetchBucket(uint64_t hash) const noexcept { index_.Prefetch(IndexHash(hash)); }
  [[nodiscard]] FindOutcome Find(const TemplateKey& key, uint64_t hash, Tick now) const noexcept;
  [[nodiscard]] FindOutcome Find(const TemplateKey& key, Tick now) const noexcept {
    return Find(key, Hash(key), now);
  }

  // ---- life of a template. Precondition of all that take a slot: it is live.

  // Does not look for a template of the same key: the caller just missed. State kNone, no children.
  InsertOutcome Insert(const TemplateKey& key, const TemplateBinding& binding, Tick now) noexcept;
  // A new connection: the timer restarts with the template's timeout.
  void Renew(uint32_t slot, Tick now) noexcept;
  // Virtual and destination port become 65535 and no lookup finds it; its timer is not touched.
  void Invalidate(uint32_t slot) noexcept;
  // Pulls the timer to now (spec section 4.8): without children it is not found from now on and
  // ExpireSome deletes it soon; with children the timer has fired once.
  void ExpireNow(uint32_t slot, Tick now) noexcept { wheel_.SetDeadline(slot, now); }
  // Forgets it with whatever children it has: their references are stale afterwards.
  void Erase(uint32_t slot) noexcept;

  // ---- by reference. False when the reference is stale; nothing changes then.
  [[nodiscard]] TemplateRef RefOf(uint32_t slot) const noexcept {
    return {slot, records_[slot].generation, owner_};
  }
  [[nodiscard]] bool IsCurrent(const TemplateRef& ref) const noexcept;
  bool AddChild(const TemplateRef& ref) noexcept;
  bool ReleaseChild(const TemplateRef& ref, Tick now) noexcept;
  // A direct child is established, or a reply was seen (spec section 3.6).
  bool SetAssured(const TemplateRef& ref) noexcept;

  // Lets timers fire; on_gone(slot) is called before a template is deleted. At most `budget` steps,
  // see ExpiryWheel::Advance. on_gone may Erase other templates, not this one.
  template <typename OnGone>
  uint32_t ExpireSome(Tick now, uint32_t budget, OnGone&& on_gone) noexcept;

  // ---- access
  // Deadline, timeout, wheel links, generation and flags: through the functions above only.
  [[nodiscard]] TemplateRecord& at(uint32_t slot) noexcept { return records_[slot]; }
  [[nodiscard]] const TemplateRecord& at(uint32_t slot) const noexcept { return records_[slot]; }
  [[nodiscard]] bool IsExpired(uint32_t slot, Tick now) const noexcept {
    return records_[slot].deadline.HasPassed(now) && records_[slot].children == 0;
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
  void FireWithChildren(uint32_t slot, Tick now) noexcept;
  void Hide(uint32_t slot) noexcept;
  void Free(uint32_t slot) noexcept;

  TableHash hash_;
  WorkerId owner_;
  MappedArray<TemplateRecord> records_;
  BucketIndex index_;
  ExpiryWheel<TemplateRecord> wheel_;
  uint32_t free_head_ = kNoSlot;  // through wheel_next
  uint32_t high_water_ = 0;
  uint32_t size_ = 0;
  uint32_t capacity_ = 0;
};

template <typename OnGone>
uint32_t TemplateTable::ExpireSome(Tick now, uint32_t budget, OnGone&& on_gone) noexcept {
  return wheel_.Advance(now, budget, [&](uint32_t slot) {
    if (records_[slot].children > 0) {
      FireWithChildren(slot, now);
      return WheelAction::kKeep;
    }
    on_gone(slot);
    Hide(slot);
    Free(slot);
    return WheelAction::kDrop;
  });
}

}  // namespace fairlead::dataplane
