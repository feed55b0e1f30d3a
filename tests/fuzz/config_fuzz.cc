// Any bytes as a configuration file: an answer, never a crash; and what loads is written and read
// back as the same model.
#include <cstdlib>
#include <string>

#include "control/config/dump.h"
#include "control/config/yaml_loader.h"

using fairlead::control::Dump;
using fairlead::control::LoadConfigText;
using fairlead::control::LoadResult;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (text.find("file") != std::string::npos) return -1;  // would open files of this machine
  const LoadResult loaded = LoadConfigText(text, "fuzz.yaml");
  if (loaded.model.has_value() == !loaded.errors.empty()) std::abort();
  if (!loaded.model) return 0;
  const LoadResult again = LoadConfigText(Dump(*loaded.model), "dump.yaml");
  if (!again.model || *again.model != *loaded.model) std::abort();
  return 0;
}
