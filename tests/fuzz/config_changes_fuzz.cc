// Two texts, the second after the first: a load of what has changed gives the model, the warnings
// and the errors of a load of the whole.
//
// The input is one file, 0x1e, the other; without it the file follows itself.
#include <cstdlib>
#include <string>

#include "control/config/config_loader.h"

using fairlead::Error;
using fairlead::control::ConfigLoader;
using fairlead::control::LoadConfigText;
using fairlead::control::LoadResult;

namespace {

std::string TextOf(const LoadResult& result) {
  std::string text;
  for (const Error& error : result.errors) text += error.ToString() + "\n";
  text += "--\n";
  for (const Error& warning : result.warnings) text += warning.ToString() + "\n";
  return text;
}

void LoadBothWays(ConfigLoader* loader, const std::string& text) {
  const LoadResult changes = loader->LoadText(text, "fuzz.yaml");
  const LoadResult whole = LoadConfigText(text, "fuzz.yaml");
  if (TextOf(changes) != TextOf(whole) || changes.model != whole.model) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (text.find("file") != std::string::npos) return -1;  // would open files of this machine
  const size_t cut = text.find('\x1e');
  ConfigLoader loader;
  LoadBothWays(&loader, text.substr(0, cut));
  LoadBothWays(&loader, cut == std::string::npos ? text : text.substr(cut + 1));
  LoadBothWays(&loader, text.substr(0, cut));
  return 0;
}
