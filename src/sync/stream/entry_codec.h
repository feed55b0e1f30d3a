// An entry of the stream between directors as bytes, and back.
//
//   EncodeEntry(entry, &bytes);                       // appended
//   EntryReader reader(bytes);
//   StreamEntry entry;
//   while (reader.Next(&entry) == EntryStep::kTaken || …)
//
// Every field is checked: what is taken says what there can be, whoever wrote it. An entry that
// says what cannot be is left out alone, since its size says where the next one begins; a size that
// cannot be ends the reading. Threads: values for one thread; the reader allocates nothing.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sync/stream/entry.h"
#include "sync/stream/refusal.h"
#include "sync/stream/wire.h"

namespace fairlead::sync {

// What options say is written only where it is not zero. A flag of StreamEntry that the protocol
// does not have is not written.
void EncodeEntry(const StreamEntry& entry, std::vector<uint8_t>* to);

enum class EntryStep : uint8_t {
  kTaken,
  kLeftOut,  // `refusal` says why; the next one may be asked for
  kEnd,      // no bytes are left
  kBroken,   // `refusal` says why; nothing more is read
};

class EntryReader {
 public:
  explicit EntryReader(std::span<const uint8_t> bytes) noexcept : bytes_(bytes) {}

  EntryStep Next(StreamEntry* entry) noexcept;
  // Of the last kLeftOut or kBroken.
  [[nodiscard]] StreamRefusal refusal() const noexcept { return refusal_; }

 private:
  std::span<const uint8_t> bytes_;
  StreamRefusal refusal_ = StreamRefusal::kEntrySize;
};

}  // namespace fairlead::sync
