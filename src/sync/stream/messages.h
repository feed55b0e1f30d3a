// What the frames of the stream between directors say, as values.
//
//   EncodeHello({.name = "edge-1", …}, &out);
//   Hello hello;
//   if (const auto why = DecodeHello(frame.body, &hello)) Refuse(*why);
//
// Decoders take any bytes; an error is the refusal that ends the session. Bytes behind the fixed
// part of a frame are a newer version's and are skipped. Threads: pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sync/stream/range.h"
#include "sync/stream/refusal.h"
#include "sync/stream/wire.h"

namespace fairlead::sync {

using MaybeRefusal = std::optional<StreamRefusal>;

// The first frame of each side.
struct Hello {
  uint8_t version = kStreamVersion;
  uint8_t least_version = kLeastStreamVersion;
  std::string name{};           // sync.name of who says it
  uint64_t incarnation = 0;     // drawn when the director started: another one knows nothing
  uint64_t first_sequence = 0;  // that the other's first entries must have, drawn for each session
  uint32_t ranges = kStreamRanges;
  uint32_t digest_kinds = kDigestOfEndpoints;
  uint32_t window = 0;  // entries that may be under way to who says it, not yet acknowledged
  friend bool operator==(const Hello&, const Hello&) = default;
};
void EncodeHello(const Hello& hello, std::vector<uint8_t>* out);
MaybeRefusal DecodeHello(std::span<const uint8_t> body, Hello* hello);
// The version that both speak; 0: there is none.
uint8_t CommonVersion(const Hello& one, const Hello& other) noexcept;

struct EntriesHeader {
  uint64_t sequence = 0;
  uint16_t count = 0;
  bool is_bulk = false;
  bool is_last_of_bulk = false;
};
// Entries are appended between BeginEntries and EndEntries.
size_t BeginEntries(std::vector<uint8_t>* out);
void EndEntries(size_t begin, const EntriesHeader& header, std::vector<uint8_t>* out);
// `entries`: what EntryReader reads.
MaybeRefusal DecodeEntries(std::span<const uint8_t> body, EntriesHeader* header,
                           std::span<const uint8_t>* entries) noexcept;

void EncodeAcknowledge(uint64_t sequence, std::vector<uint8_t>* out);
MaybeRefusal DecodeAcknowledge(std::span<const uint8_t> body, uint64_t* sequence) noexcept;

// All of them, in several frames.
void EncodeDigests(std::span<const RangeDigest> digests, std::vector<uint8_t>* out);
// Appends those of one frame. Precondition: digests->size() <= kStreamRanges. They come in order.
MaybeRefusal DecodeDigests(std::span<const uint8_t> body, std::vector<RangeDigest>* digests);

// How far the receiver is behind.
struct Heartbeat {
  uint32_t lag_ms = 0;       // age of the oldest entry that it has not acknowledged
  uint32_t ranges_left = 0;  // that it may lack, and that have not been sent yet
};
void EncodeHeartbeat(const Heartbeat& heartbeat, std::vector<uint8_t>* out);
MaybeRefusal DecodeHeartbeat(std::span<const uint8_t> body, Heartbeat* heartbeat) noexcept;

// Why the session ends. `why`: the name of a refusal.
void EncodeGoodbye(std::string_view why, std::vector<uint8_t>* out);
// What is no letter, digit or underscore becomes "?".
std::string DecodeGoodbye(std::span<const uint8_t> body);

}  // namespace fairlead::sync
