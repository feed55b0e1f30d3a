// Readers of kept state take any bytes: as a whole file, and as contents whose checksum is right.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "control/survival/stored_file.h"
#include "control/survival/stored_health.h"
#include "control/survival/stored_intent.h"
#include "control/survival/stored_names.h"

namespace {

using namespace fairlead::control;

// What is read and written again is read as the same.
void Check(bool is_same) {
  if (!is_same) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const StoredKind& kind : {kNamesFile, kIntentFile, kHealthFile}) {
    (void)OpenStored(kind, bytes, "fuzz").ok();
  }
  if (const auto names = DecodeNames(bytes, 1024)) {
    const std::string again = EncodeNames(*names);
    const auto read = DecodeNames(again, 1024);
    Check(read && EncodeNames(*read) == again);
  }
  for (uint32_t version = kIntentFile.oldest; version <= kIntentFile.version; ++version) {
    const auto intent = DecodeIntent(bytes, version);
    if (!intent) continue;
    const std::string again = EncodeIntent(*intent);
    const auto read = DecodeIntent(again, kIntentFile.version);
    Check(read && EncodeIntent(*read) == again);
  }
  if (const auto checks = DecodeHealth(bytes)) {
    const std::string again = EncodeHealth(*checks);
    const auto read = DecodeHealth(again);
    Check(read && EncodeHealth(*read) == again);
  }
  return 0;
}
