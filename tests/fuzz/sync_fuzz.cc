// Any bytes as a datagram of the kernel's sync protocol: nothing outside them is read, what is
// taken says what there can be, and what is written of it reads the same.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "sync/ipvs/datagram_reader.h"
#include "sync/ipvs/datagram_writer.h"

namespace {

using namespace fairlead::sync;

void Require(bool claim) {
  if (!claim) std::abort();
}

bool IsInside(std::string_view text, const std::vector<uint8_t>& bytes) {
  if (text.empty()) return true;
  const auto* begin = reinterpret_cast<const uint8_t*>(text.data());
  return begin >= bytes.data() && begin + text.size() <= bytes.data() + bytes.size();
}

void ReadsTheSame(const SyncEntry& entry) {
  DatagramWriter writer({.syncid = 3});
  Require(writer.CanSay(entry) && writer.Fits(entry));
  writer.Add(entry);
  DatagramReader reader(writer.Take(), 3);
  SyncEntry again;
  Require(reader.Next(&again) && again == entry && !reader.Next(&again));
}

}  // namespace

// The first byte is the syncid of the receiver.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  // A copy of its exact size: ASan sees a read behind it.
  const std::vector<uint8_t> payload(data + 1, data + size);
  DatagramReader reader(payload, data[0]);
  SyncEntry entry;
  size_t taken = 0;
  while (reader.Next(&entry)) {
    ++taken;
    Require(IsInside(entry.engine_data, payload) && IsInside(entry.engine_name, payload));
    Require(entry.engine_data.size() <= kMostEngineDataBytes);
    Require(entry.is_template() || entry.state < StatesOf(entry.protocol));
    Require(entry.client.family() == entry.real.family());
    ReadsTheSame(entry);
  }
  size_t refused = 0;
  for (const uint16_t count : reader.refused()) refused += count;
  Require(taken + refused <= 255 && !reader.Next(&entry));
  return 0;
}
