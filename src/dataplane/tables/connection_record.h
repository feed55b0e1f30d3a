// One connection: 64 bytes for IPv4, 128 for IPv6. The layout page is docs/connection_record.md.
//
//   Connection<Ipv4Address>& c = table.at(slot);
//   if (c.Has(ConnectionFlag::kNoOutput)) …
//   c.real_id                       // the service is reached through the real
//
// Position-independent: ids, slots and generations, never a pointer, so a table can be mapped
// elsewhere. What a lookup compares comes first and fits the first cache line in both families.
// Threads: the record belongs to the worker that owns the table. Who may write what:
//   ConnectionTable   endpoints, protocol, method, deadline, timeout, wheel links, generation,
//                     side_slot, kLive, kIndexed, kSideTable: through its functions only
//   everybody else    the other fields, directly
// kLive is set last and cleared first, so a start after a crash sees whole records only.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "base/clock.h"
#include "base/forward_method.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/ip_address.h"
#include "base/transport.h"
#include "dataplane/wire/packet.h"

namespace fairlead::dataplane {

// Which way a packet goes: towards the real server, or back to the client.
enum class Direction : uint8_t { kForward = 0, kReply = 1 };

// Where IPVS has the flag too (ipvs.md, flags), its meaning is that one. The values are our own.
enum class ConnectionFlag : uint16_t {
  kLive = 0x0001,            // the slot is in use
  kIndexed = 0x0002,         // lookups find it
  kNoOutput = 0x0004,        // no reply has been seen
  kInactive = 0x0008,        // counts as inactive (ipvs.md, connection counts)
  kOnePacket = 0x0010,       // one-packet scheduling
  kHasTemplate = 0x0020,     // template_ref counts as one child of that template
  kReleasePending = 0x0040,  // dead; waits until its template release could be queued
  kNoClientPort = 0x0080,    // client port 0 stands for any (passive FTP data)
  kSideTable = 0x0100,       // side_slot is valid
  kFromSync = 0x0200,        // a director told of it, and no packet has passed here since
  kOwesTemplate = 0x0400,    // when it is established, the template's owner is still to be told
  kAssuredOwed = 0x0800,     // it is, and the ring was full: if nothing else, the release says so
  kAside = 0x1000,           // its own client had crowded it out of the index: found by the second
  kLongWay = 0x2000,         // its packets need what the fast path does not do
  kHasParent = 0x4000,       // template_ref names the connection that controls this one (FTP data)
  kForced = 0x8000,          // ended by drop_entry: a template that is not assured goes with it
};

constexpr uint16_t FlagMask(std::same_as<ConnectionFlag> auto... flags) noexcept {
  return static_cast<uint16_t>((static_cast<unsigned>(flags) | ...));
}

// The one exit of the fast path (path/fast_path.h): a packet of a record that has any of these goes
// the long way, whatever its transport and direction. A feature that has more to do with a packet
// than the fast path does sets kLongWay, and adds no test there. A side record alone is no reason.
inline constexpr uint16_t kLeavesFastPath =
    FlagMask(ConnectionFlag::kOwesTemplate, ConnectionFlag::kNoClientPort,
             ConnectionFlag::kFromSync, ConnectionFlag::kLongWay);

// Parts of Connection::sync (docs/connection_record.md): what other directors were told last, and
// whether a message of theirs has brought the record. The latter stays.
inline constexpr uint8_t kSyncState = 0x0f;
inline constexpr uint8_t kSyncRetries = 0x30;
inline constexpr unsigned kSyncRetryShift = 4;
inline constexpr uint8_t kSyncSent = 0x40;
inline constexpr uint8_t kSyncLearnt = 0x80;

// What is left of the last cache line; zero.
template <typename Address>
struct ReservedBytes {};
template <>
struct ReservedBytes<Ipv6Address> {
  std::array<uint8_t, 28> bytes{};
};

template <typename Address>
struct alignas(64) Connection {
  Address client_address;
  Address virtual_address;
  Address real_address;  // what NAT writes
  Be16 client_port;
  Be16 virtual_port;
  Be16 real_port;
  uint8_t protocol = 0;  // a Transport
  ForwardMethod method = ForwardMethod::kNat;
  uint8_t state = 0;   // by protocol: TcpState; 0 with UDP
  uint8_t sync = 0;    // what the kernel's sync protocol needs: docs/connection_record.md
  uint16_t flags = 0;  // ConnectionFlag
  RealId real_id;
  uint32_t side_slot = 0;   // its first side record (side_record.h); with kSideTable only
  Tick deadline;            // expires at this tick
  TickCount timeout = 0;    // what the last Touch set
  uint32_t packets = 0;     // from the client; stays at its maximum
  uint32_t wheel_next = 0;  // next in the wheel's slot, or next free record
  uint32_t wheel_prev = 0;  // previous, or the wheel's slot with the high bit set
  uint16_t children = 0;    // connections this one controls (FTP data)
  uint16_t generation = 0;  // of the slot; 0 only before its first use
  TemplateRef template_ref;
  [[no_unique_address]] ReservedBytes<Address> reserved;

  [[nodiscard]] bool Has(ConnectionFlag flag) const noexcept {
    return (flags & static_cast<uint16_t>(flag)) != 0;
  }
  void Set(ConnectionFlag flag) noexcept { flags |= static_cast<uint16_t>(flag); }
  void Clear(ConnectionFlag flag) noexcept {
    flags = static_cast<uint16_t>(flags & ~static_cast<unsigned>(flag));
  }
  [[nodiscard]] bool HasAny(unsigned mask) const noexcept { return (flags & mask) != 0; }
  [[nodiscard]] Transport transport() const noexcept { return static_cast<Transport>(protocol); }
  void CountPacket() noexcept { packets += packets != 0xffff'ffff ? 1u : 0u; }

  // The endpoint a reply comes from: the real server where replies are rewritten, else the virtual
  // service itself (ipvs.md, connection lookup).
  [[nodiscard]] const Address& reply_address() const noexcept {
    return RewritesReplies(method) ? real_address : virtual_address;
  }
  [[nodiscard]] Be16 reply_port() const noexcept {
    return RewritesReplies(method) ? real_port : virtual_port;
  }
};

// What a record has as its real_address (docs/connection_record.md, mixed families): an IPv4 real
// of an IPv6 client as ::ffff:a.b.c.d. An IPv6 real of an IPv4 client has no room, and is
// unspecified; the real itself says it.
template <typename Address>
Address AddressInRecord(const IpAddress& real) noexcept {
  if (real.family() == Address::kFamily) [[likely]]
    return real.As<Address>();
  Address address{};
  if constexpr (Address::kFamily == Family::kIpv6) {
    address.bytes[10] = address.bytes[11] = 0xff;
    real.v4().Store(address.bytes.data() + 12);
  }
  return address;
}

// What stands for an address in a record, and in a key, of this family (docs/connection_record.md,
// mixed families). IPv4 in IPv6 as AddressInRecord says. An IPv4 field has room for no more than a
// hash of an IPv6 address, in a range that no network has: whoever compares images compares the
// addresses as well.
template <typename Address>
Address ImageOf(const IpAddress& address) noexcept {
  if (Address::kFamily == Family::kIpv6 || address.is_v4()) [[likely]]
    return AddressInRecord<Address>(address);
  if constexpr (Address::kFamily == Family::kIpv4) {
    constexpr uint32_t kFirst = 0xf000'0000, kBits = 0x07ff'ffff;
    uint64_t high, low;
    std::memcpy(&high, address.bytes().data(), 8);
    std::memcpy(&low, address.bytes().data() + 8, 8);
    const uint64_t hash = MixMultiply(high ^ 0x9e37'79b9'7f4a'7c15, low ^ 0xc2b2'ae3d'27d4'eb4f);
    return Ipv4Address::FromHost(kFirst | (static_cast<uint32_t>(hash >> 32) & kBits));
  } else {
    return {};
  }
}

// The family of the packets to a client's real server, if that is not the client's.
template <typename Address>
using OtherFamily =
    std::conditional_t<std::is_same_v<Address, Ipv4Address>, Ipv6Address, Ipv4Address>;

// An address and a port of ours that a real server sees in place of its client's: of the real
// server's family, which need not be the client's. Unspecified: there is none. The port is 0 as
// well in what is known of a later fragment.
using LocalEndpoint = Endpoint;

using Connection4 = Connection<Ipv4Address>;
using Connection6 = Connection<Ipv6Address>;

static_assert(std::is_trivially_copyable_v<Connection4> && std::is_standard_layout_v<Connection4>);
static_assert(std::is_trivially_copyable_v<Connection6> && std::is_standard_layout_v<Connection6>);
static_assert(sizeof(TemplateRef) == 8);

static_assert(sizeof(Connection4) == 64);
static_assert(offsetof(Connection4, client_port) == 12);
static_assert(offsetof(Connection4, protocol) == 18);
static_assert(offsetof(Connection4, flags) == 22);
static_assert(offsetof(Connection4, real_id) == 24);
static_assert(offsetof(Connection4, deadline) == 32);
static_assert(offsetof(Connection4, wheel_next) == 44);
static_assert(offsetof(Connection4, generation) == 54);
static_assert(offsetof(Connection4, template_ref) == 56);

static_assert(sizeof(Connection6) == 128);
static_assert(offsetof(Connection6, client_port) == 48);
static_assert(offsetof(Connection6, protocol) == 54);
static_assert(offsetof(Connection6, flags) == 58);
static_assert(offsetof(Connection6, real_id) == 60);
static_assert(offsetof(Connection6, deadline) == 68);
static_assert(offsetof(Connection6, template_ref) == 92);
static_assert(offsetof(Connection6, reserved) == 100);

}  // namespace fairlead::dataplane
