// Any bytes as the stream between directors: nothing outside them is read, what is taken says what
// there can be, and what is written of it reads the same.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "sync/stream/entry_codec.h"
#include "sync/stream/frame.h"
#include "sync/stream/messages.h"

namespace {

using namespace fairlead::sync;

void Require(bool claim) {
  if (!claim) std::abort();
}

void ReadEntries(std::span<const uint8_t> bytes) {
  EntryReader reader(bytes);
  StreamEntry entry;
  for (;;) {
    const EntryStep step = reader.Next(&entry);
    if (step == EntryStep::kEnd || step == EntryStep::kBroken) break;
    if (step == EntryStep::kLeftOut) continue;
    Require(RangeOf(entry) < kStreamRanges);
    Require(entry.kind == StreamKind::kTemplate || entry.state < StatesOf(entry.protocol));
    Require(entry.client_bits <= entry.client.bit_length());
    std::vector<uint8_t> once, again;
    EncodeEntry(entry, &once);
    Require(once.size() <= kMostStreamEntryBytes);
    EntryReader second(once);
    StreamEntry read;
    Require(second.Next(&read) == EntryStep::kTaken);
    EncodeEntry(read, &again);
    Require(once == again && second.Next(&read) == EntryStep::kEnd);
  }
  Require(reader.Next(&entry) == EntryStep::kEnd);
}

void Handle(const Frame& frame, std::vector<RangeDigest>* digests) {
  Hello hello;
  EntriesHeader header;
  std::span<const uint8_t> entries;
  uint64_t sequence = 0;
  Heartbeat heartbeat;
  switch (static_cast<FrameType>(frame.type)) {
    case FrameType::kHello:
      if (!DecodeHello(frame.body, &hello)) Require(!hello.name.empty());
      break;
    case FrameType::kEntries:
      if (!DecodeEntries(frame.body, &header, &entries)) ReadEntries(entries);
      break;
    case FrameType::kAcknowledge:
      (void)DecodeAcknowledge(frame.body, &sequence);
      break;
    case FrameType::kDigests:
      (void)DecodeDigests(frame.body, digests);
      Require(digests->size() <= kStreamRanges);
      break;
    case FrameType::kHeartbeat:
      (void)DecodeHeartbeat(frame.body, &heartbeat);
      break;
    case FrameType::kGoodbye:
      Require(DecodeGoodbye(frame.body).size() <= 64);
      break;
  }
}

}  // namespace

// The first byte says in pieces of which size the others come.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const size_t piece = size_t{data[0]} + 1;
  FrameReader reader;
  std::vector<RangeDigest> digests;
  for (size_t at = 1; at < size; at += piece) {
    // A copy of its exact size: ASan sees a read behind it.
    const std::vector<uint8_t> bytes(data + at, data + std::min(size, at + piece));
    reader.Feed(bytes);
    Frame frame;
    while (reader.Next(&frame)) {
      const std::vector<uint8_t> body(frame.body.begin(), frame.body.end());
      frame.body = body;
      Handle(frame, &digests);
    }
  }
  return 0;
}
