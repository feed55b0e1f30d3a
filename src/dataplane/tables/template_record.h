// One persistence template: what it is found by, what it remembers, how its timer runs.
//
//   TemplateKey key = TemplateKey::ForMark(masked_client, 7);
//   TemplateBinding binding{real, port, service_timeout};              // renewed as Linux does
//   binding.renew = RenewMode::kFull;  binding.max_lifetime = TicksFromSeconds(3600);
//
// The policy of the service at the moment of creation is kept in the record, so its owner's timers
// need no snapshot and a change of the service affects later templates only (ipvs.md, template
// timer). Threads: values; a record belongs to the worker that owns its table.
// Position-independent.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

#include "base/clock.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/ip_address.h"

namespace fairlead::dataplane {

// What stands in a key in place of an address: its bits may be combined.
enum class TemplateScope : uint8_t {
  kClientGroup = 0x01,   // client: the number of a client group, no address
  kServiceGroup = 0x02,  // virtual_address: the number of a persistence group
  kOwn = 0x04,           // with kServiceGroup: for one service that lacks the group's real
  kEngine = 0x08,        // an engine's data (SIP Call-ID) is mixed into virtual_address
};

// Names a client group or a persistence group for good: the same name has the same number after a
// reload and in every worker. 0: no group.
struct GroupNumber {
  uint64_t value = 0;

  [[nodiscard]] constexpr bool is_none() const noexcept { return value == 0; }
  friend bool operator==(const GroupNumber&, const GroupNumber&) = default;
};

// What makes two clients' packets use one template (ipvs.md, template key). IPv4 addresses take the
// first four bytes, the rest is zero.
struct TemplateKey {
  std::array<uint8_t, 16> client{};           // masked, or the number of a client group
  std::array<uint8_t, 16> virtual_address{};  // or the mark as an IPv4 address, or a group's number
  Be16 virtual_port;                          // 0: the key covers all ports
  Family family = Family::kIpv4;              // the client's
  uint8_t protocol = 0;                       // 0: a mark service or a group, any protocol
  uint8_t scope = 0;                          // TemplateScope; 0 means plain addresses
  uint8_t spread = 0;                         // which of the keys a client is spread over

  static TemplateKey ForService(uint8_t protocol, const IpAddress& masked_client,
                                const IpAddress& virtual_address, Be16 virtual_port) noexcept {
    return {.client = masked_client.bytes(),
            .virtual_address = virtual_address.bytes(),
            .virtual_port = virtual_port,
            .family = masked_client.family(),
            .protocol = protocol};
  }
  static TemplateKey ForMark(const IpAddress& masked_client, uint32_t mark) noexcept {
    return ForService(0, masked_client, Ipv4Address::FromHost(mark), Be16{});
  }
  [[nodiscard]] bool Has(TemplateScope s) const noexcept {
    return (scope & static_cast<uint8_t>(s)) != 0;
  }
  void Set(TemplateScope s) noexcept { scope |= static_cast<uint8_t>(s); }

  static std::array<uint8_t, 16> BytesOf(GroupNumber group) noexcept {
    std::array<uint8_t, 16> bytes{};
    std::memcpy(bytes.data(), &group.value, sizeof group.value);
    return bytes;
  }
  // The groups in the key; none where it has addresses.
  [[nodiscard]] GroupNumber client_group() const noexcept {
    return Has(TemplateScope::kClientGroup) ? NumberIn(client) : GroupNumber{};
  }
  [[nodiscard]] GroupNumber service_group() const noexcept {
    return Has(TemplateScope::kServiceGroup) ? NumberIn(virtual_address) : GroupNumber{};
  }
  friend bool operator==(const TemplateKey&, const TemplateKey&) = default;

 private:
  static GroupNumber NumberIn(const std::array<uint8_t, 16>& bytes) noexcept {
    GroupNumber group;
    std::memcpy(&group.value, bytes.data(), sizeof group.value);
    return group;
  }
};
static_assert(sizeof(TemplateKey) == 38);

// Names the same template in every worker that has the same secret; also what steering takes.
uint64_t HashTemplateKey(const TableHash& hash, const TemplateKey& key) noexcept;

enum class TemplateState : uint8_t { kNone = 0, kAssured = 1 };

enum class TemplateFlag : uint8_t {
  kLive = 0x01,
  kIndexed = 0x02,      // lookups find it
  kInvalidated = 0x04,  // renamed to port 65535 (ipvs.md, template validity)
  kPinned = 0x08,       // made by hand; new connections do not move its timer
  kHasLifetime = 0x10,  // lookups find it until lifetime_end at the most
  kSideTable = 0x20,    // side_slot is valid
  kFromSync = 0x40,     // learnt from a peer; stays set
};

// What the timer does when it fires while connections made through the template exist, and what a
// new connection does to it (ipvs.md, template timer). P is the service's timeout at creation.
enum class RenewMode : uint8_t {
  kLinux,           // runs for 60 s, which stick: later connections renew by 60 s too
  kLegacy120,       // the same with 120 s
  kFull,            // runs for P again; nothing sticks
  kStep,            // runs for the step; nothing sticks
  kAfterLastClose,  // never fires while there are connections; P begins when the last has gone
  kFixed,           // P counts from creation; a new connection changes nothing
};

// A timeout that never ends.
inline constexpr TickCount kForever = 0xffff'ffff;

// Two cache lines; a lookup and a renewal touch only the first.
struct alignas(64) TemplateRecord {
  TemplateKey key;
  TemplateState state = TemplateState::kNone;
  uint8_t flags = 0;        // TemplateFlag
  uint16_t generation = 0;  // 0 only before the slot's first use
  Be16 destination_port;    // 0: a connection keeps its packet's port
  RealId real_id;
  uint32_t children = 0;  // live connections made through it, on all workers
  Tick deadline;          // when the timer fires
  TickCount timeout = 0;  // what a new connection restarts the timer with, or kForever
  RenewMode renew = RenewMode::kLinux;
  uint8_t client_prefix_length = 0;  // for listings
  uint16_t origin = 0;               // reserved: zero
  // ---- second line
  Tick created;
  uint32_t wheel_next = 0;  // see Connection
  uint32_t wheel_prev = 0;
  TickCount service_timeout = 0;       // the service's at creation, or kForever
  TickCount step = 0;                  // with RenewMode::kStep
  Tick lifetime_end;                   // with kHasLifetime
  Be32 client_mask;                    // IPv4: the netmask it was made with; for listings
  uint32_t side_slot = 0;              // its first side record; with kSideTable only
  uint64_t origin_created = 0;         // by its creator's wall clock, Unix ms; with creator only
  uint32_t creator = 0;                // sync::CreatorNumber of that director; 0: not known yet
  uint8_t sync = 0;                    // retries of the kernel's sync protocol
  uint8_t engine_length = 0;           // bytes of the engine's data, in kText side records; 0: none
  std::array<uint8_t, 18> reserved{};  // zero

  [[nodiscard]] bool Has(TemplateFlag flag) const noexcept {
    return (flags & static_cast<uint8_t>(flag)) != 0;
  }
  void Set(TemplateFlag flag) noexcept { flags |= static_cast<uint8_t>(flag); }
  void Clear(TemplateFlag flag) noexcept {
    flags = static_cast<uint8_t>(flags & ~static_cast<unsigned>(flag));
  }
  // Unspecified (0.0.0.0, ::) for a client group.
  [[nodiscard]] IpAddress client() const noexcept {
    if (key.Has(TemplateScope::kClientGroup)) return AddressOf({});
    return AddressOf(key.client);
  }
  // The virtual address; for a mark service the mark as an IPv4 address, for a group unspecified.
  [[nodiscard]] IpAddress virtual_address() const noexcept {
    if (key.Has(TemplateScope::kServiceGroup)) return AddressOf({});
    if (key.protocol == 0) return Ipv4Address::Load(key.virtual_address.data());
    return AddressOf(key.virtual_address);
  }
  // Until the timer fires, or kForever.
  [[nodiscard]] TickCount Remaining(Tick now) const noexcept {
    const bool never = timeout == kForever && !Has(TemplateFlag::kHasLifetime);
    return never ? kForever : deadline.Remaining(now);
  }
  [[nodiscard]] bool IsLifetimeOver(Tick now) const noexcept {
    return Has(TemplateFlag::kHasLifetime) && lifetime_end.HasPassed(now);
  }

 private:
  [[nodiscard]] IpAddress AddressOf(const std::array<uint8_t, 16>& bytes) const noexcept {
    if (key.family == Family::kIpv4) return Ipv4Address::Load(bytes.data());
    return Ipv6Address{bytes};
  }
};
static_assert(sizeof(TemplateRecord) == 128 && std::is_trivially_copyable_v<TemplateRecord>);
static_assert(offsetof(TemplateRecord, state) == 38);
static_assert(offsetof(TemplateRecord, real_id) == 44);
static_assert(offsetof(TemplateRecord, timeout) == 56);
static_assert(offsetof(TemplateRecord, created) == 64);
static_assert(offsetof(TemplateRecord, wheel_next) == 68);
static_assert(offsetof(TemplateRecord, side_slot) == 92);
static_assert(offsetof(TemplateRecord, reserved) == 110);

// What a new template remembers. Times: 1 s … 31 d or kForever.
struct TemplateBinding {
  RealId real_id = {};
  Be16 destination_port = {};     // ipvs.md, template key: the port kept
  TickCount service_timeout = 0;  // P
  RenewMode renew = RenewMode::kLinux;
  TickCount step = 0;          // with kStep
  TickCount max_lifetime = 0;  // 0: none; 1 s … 31 d
  uint8_t client_bits = 0;
  Be32 client_mask = {};
  std::string_view engine_text = {};  // at most 255 bytes; copied
};

}  // namespace fairlead::dataplane
