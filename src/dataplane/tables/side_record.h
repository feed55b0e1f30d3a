// What few records need beside their own fields: 64 bytes more, found through `side_slot`. The
// layout page is docs/connection_record.md.
//
//   SideRecord* side = table.AttachSide(slot, SideKind::kFlow);
//   if (side == nullptr) …                   // director.side_records is too small: drop, by name
//   side->flow.to_client.delta = 7;
//
// The side records of one connection or template are a list, each kind at most once (kText: as many
// as the text needs). Position-independent: slots and generations, never a pointer. `kind` is set
// last and cleared first, and the head names the owner with its generation, so a start after a
// crash can judge each side record by itself: it is kept if it is reached from a live owner of that
// generation. Bytes that nothing has been written to are zero.
// Threads: belongs to the worker that owns the table.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "base/byte_order.h"
#include "base/clock.h"
#include "base/ip_address.h"
#include "dataplane/wire/sequence_shift.h"

namespace fairlead::dataplane {

enum class SideKind : uint8_t {
  kFree = 0,  // the record belongs to nobody
  kFlow,      // FULLNAT's local endpoint; changed sequence numbers; TOA, PROXY and FTP
  kSync,      // what the kernel's sync protocol needs beyond the record
  kText,      // a piece of an engine's data (SIP Call-ID), or of a line of FTP
};

// Whose a side record is.
struct SideOwner {
  enum class Table : uint8_t { kNone, kConnections4, kConnections6, kTemplates };
  template <typename Address>
  static constexpr Table kConnections =
      std::is_same_v<Address, Ipv4Address> ? Table::kConnections4 : Table::kConnections6;

  Table table = Table::kNone;
  uint32_t slot = 0;
  uint16_t generation = 0;
};

// Parts of FlowSide::client_told: a ClientAddress, and whether the real has it.
inline constexpr uint8_t kClientToldHow = 0x0f;
inline constexpr uint8_t kClientTold = 0x80;

struct FlowSide {
  SequenceShift to_real;
  SequenceShift to_client;
  std::array<uint8_t, 16> local_address;  // FULLNAT; IPv4 in the first four bytes
  Be16 local_port;                        // 0: none, and no second index entry
  Family local_family;   // of the local address and the real; may differ from the client's
  uint8_t client_told;   // TOA and PROXY: which, and whether the real has acknowledged it
  uint8_t header_bytes;  // of the PROXY header in front of the client's first bytes
  uint8_t helper;        // FTP: what the client has asked for
  std::array<uint8_t, 2> reserved;
  uint32_t timestamp_shift;  // added to the client's TCP timestamps, taken from their echo
};

inline IpAddress LocalAddressOf(const FlowSide& flow) noexcept {
  if (flow.local_family == Family::kIpv4) return Ipv4Address::Load(flow.local_address.data());
  return Ipv6Address::Load(flow.local_address.data());
}

struct SyncSide {
  uint32_t mark;                         // of the packet that made it
  Tick sent_end;                         // the deadline when it was last sent (sync_refresh_period)
  std::array<uint8_t, 16> real_address;  // of a template whose real is not known here
  std::array<uint8_t, 28> reserved;
};

struct TextSide {
  static constexpr size_t kBytes = 51;
  uint8_t length;
  std::array<char, kBytes> text;
};

struct alignas(64) SideRecord {
  uint32_t next = 0;  // the owner's next one, or the next free one; kNoSlot at the end
  uint32_t owner_slot = 0;
  uint16_t owner_generation = 0;
  SideOwner::Table owner_table = SideOwner::Table::kNone;
  SideKind kind = SideKind::kFree;
  union {  // by kind; all bytes zero at first
    FlowSide flow{};
    SyncSide sync;
    TextSide text;
  };
};

static_assert(sizeof(SequenceShift) == 12);
static_assert(sizeof(FlowSide) == 52 && sizeof(SyncSide) == 52 && sizeof(TextSide) == 52);
static_assert(sizeof(SideRecord) == 64 && offsetof(SideRecord, flow) == 12);
static_assert(std::is_trivially_copyable_v<SideRecord> && std::is_standard_layout_v<SideRecord>);

}  // namespace fairlead::dataplane
