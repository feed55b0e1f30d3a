// What one entry of the stream between Fairlead directors says: a connection or a template, there
// or gone, as values. It says all that the kernel's protocol says (sync/ipvs/entry.h), and what
// that one lacks: the time left, deletions, pins, the creator, shifted sequence numbers of both
// sides.
//
//   StreamEntry entry;
//   entry.kind = StreamKind::kTemplate;  entry.event = StreamEvent::kGone;  …
//
// A copy, so nobody else reads a live record. Numbers are the wire's: never renumber.
// Threads: a value; trivially copyable, so that a worker's ring can hold it.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>

#include "base/byte_order.h"
#include "base/ip_address.h"
#include "sync/ipvs/entry.h"

namespace fairlead::sync {

enum class StreamKind : uint8_t { kConnection = 0, kTemplate = 1 };
enum class StreamEvent : uint8_t {
  kIs = 0,    // the record is there and is as the entry says
  kGone = 1,  // it has ended, or was flushed: the endpoints say which
};

// A template's record beyond SyncFlag.
enum class StreamFlag : uint8_t {
  kAssured = 0x01,  // a connection of it has been established
  kPinned = 0x02,   // made by an operator
};

struct StreamEntry {
  StreamKind kind = StreamKind::kConnection;
  StreamEvent event = StreamEvent::kIs;
  uint8_t protocol = 0;  // 0: the template of a mark service or of a group
  uint8_t state = 0;
  uint32_t flags = 0;         // SyncFlag, and the method
  uint8_t stream_flags = 0;   // StreamFlag
  uint8_t scope = 0;          // TemplateKey::scope
  uint8_t spread = 0;         // TemplateKey::spread
  uint8_t client_bits = 0;    // of a template's netmask
  IpAddress client;           // masked in a template
  IpAddress virtual_address;  // of a mark service's template the mark as an IPv4 address
  IpAddress real;
  Be16 client_port;  // 0 in a template
  Be16 virtual_port;
  Be16 real_port;
  uint32_t mark = 0;
  uint64_t client_group = 0, service_group = 0;  // numbers of groups in a template's key; 0: none
  uint32_t timeout_ms = 0;                       // of the state or template; 0xffffffff: for ever
  uint32_t left_ms = 0;                          // until the deadline; 0xffffffff: for ever
  uint32_t lifetime_left_ms = 0;  // until a template's max_lifetime ends; 0: it has none
  uint32_t packets = 0;           // of the client
  uint64_t created_ms = 0;        // by the creator's wall clock, Unix ms; carried verbatim
  uint64_t creator = 0;           // CreatorNumber of its director's name; carried verbatim
  SyncSequence to_real;           // zeros: not shifted
  SyncSequence to_client;
  uint8_t engine_length = 0;  // bytes of an engine's data in a template's key (SIP Call-ID)
  std::array<char, kMostEngineDataBytes> engine_data{};
};
static_assert(std::is_trivially_copyable_v<StreamEntry>);

}  // namespace fairlead::sync
