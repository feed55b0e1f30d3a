// Bytes of the stream between Fairlead directors that its readers and writers share. docs/sync.md
// draws them.
//
// Numbers are big-endian. A newer version may add types of frames, options, and bytes behind the
// fixed part of a frame: who does not know them skips them, unless they are marked critical.
// Numbers are the protocol's: never renumber.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/byte_order.h"

namespace fairlead::sync {

inline constexpr uint8_t kStreamVersion = 1;
inline constexpr uint8_t kLeastStreamVersion = 1;  // that is understood; from 2 on one below

// Each frame: {size of the body, type, flags}, then the body.
inline constexpr size_t kFrameHeaderBytes = 4;
inline constexpr size_t kMostBodyBytes = 32 << 10;
inline constexpr uint8_t kCriticalFrame = 0x01;

enum class FrameType : uint8_t {
  kHello = 1,
  kEntries = 2,
  kAcknowledge = 3,
  kDigests = 4,
  kHeartbeat = 5,
  kGoodbye = 6,
};

// ---- hello: magic, version, least version, 0, 0, then options {type, length} of two bytes each
inline constexpr uint8_t kStreamMagic[4] = {'F', 'L', 'S', 'Y'};
inline constexpr size_t kHelloFixedBytes = 8;
inline constexpr size_t kHelloOptionHeaderBytes = 4;
inline constexpr uint16_t kCriticalHelloOption = 0x8000;
enum class HelloOption : uint16_t {
  kName = 1,
  kIncarnation = 2,
  kFirstSequence = 3,
  kRanges = 4,
  kDigestKinds = 5,
  kWindow = 6,
};
inline constexpr size_t kMostNameBytes = 64;
// How the sum of a digest is made.
inline constexpr uint32_t kDigestOfEndpoints = 0x1;

// ---- entries: sequence, count, flags, 0, then entries
inline constexpr size_t kEntriesFixedBytes = 12;
inline constexpr uint8_t kOfBulk = 0x01;      // what was there, not news
inline constexpr uint8_t kLastOfBulk = 0x02;  // all that the receiver lacked has been sent
inline constexpr size_t kMostEntriesOfFrame = 256;

// ---- digests: first range, count, then {sum, records}
inline constexpr size_t kDigestsFixedBytes = 4;
inline constexpr size_t kDigestBytes = 12;
inline constexpr size_t kMostDigestsOfFrame = 1024;

// ---- one entry: size, shape, protocol, state, stream flags, client bits, scope, flags, ports,
// spread, 0, timeout, left, created, creator, addresses, then options {type, length}
enum class EntryShape : uint8_t {
  kIpv6 = 0x01,
  kTemplate = 0x02,
  kGone = 0x04,
  kVirtualIsIpv4 = 0x08,  // a mark, in a template of IPv6 clients
};
inline constexpr uint8_t kKnownShapes = 0x0f;
inline constexpr size_t kEntryFixedBytes = 44;  // without addresses
inline constexpr size_t kEntryOptionHeaderBytes = 2;
inline constexpr uint8_t kCriticalEntryOption = 0x80;
enum class EntryOption : uint8_t {
  kSequences = 1,  // critical
  kEngine = 2,     // critical
  kGroups = 3,     // critical
  kMark = 4,       // critical
  kLifetime = 5,
  kPackets = 6,
};
inline constexpr size_t kSequencesOptionBytes = 24;
inline constexpr size_t kMostStreamEntryBytes =
    kEntryFixedBytes + 48 + (2 + 24) + (2 + 255) + (2 + 16) + 3 * (2 + 4);

inline void Append16(auto* to, size_t number) {
  const Be16 value = Be16::FromHost(static_cast<uint16_t>(number));
  const auto* bytes = reinterpret_cast<const uint8_t*>(&value);
  to->insert(to->end(), bytes, bytes + sizeof value);
}
inline void Append32(auto* to, uint32_t number) {
  const Be32 value = Be32::FromHost(number);
  const auto* bytes = reinterpret_cast<const uint8_t*>(&value);
  to->insert(to->end(), bytes, bytes + sizeof value);
}
inline void Append64(auto* to, uint64_t number) {
  const Be64 value = Be64::FromHost(number);
  const auto* bytes = reinterpret_cast<const uint8_t*>(&value);
  to->insert(to->end(), bytes, bytes + sizeof value);
}

}  // namespace fairlead::sync
