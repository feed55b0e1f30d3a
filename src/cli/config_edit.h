// The text of a configuration file with other values in it, and everything else as it was:
// comments, order, layout.
//
//   Result<ConfigEdit> edit = EditConfig(text, *on_disk.model, *in_force.model);
//   if (!edit) …a sentence: what cannot be said in place…
//   edit->text, edit->changes      // {"12: weight: 1 → 5"}
//
// Values of services and their reals are changed where they stand; keys that the file leaves out
// are added to the map they belong to. What would take a new service, a new real, or the end of
// one, is refused: where that belongs only its author knows. The caller loads the outcome before it
// trusts it. Threads: a pure function.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "control/config/model.h"

namespace fairlead::cli {

struct ConfigEdit {
  std::string text;
  std::vector<std::string> changes;  // "LINE: key: value that was → value"
};

// `from` is what `text` says. Only services are compared.
Result<ConfigEdit> EditConfig(const std::string& text, const control::ConfigModel& from,
                              const control::ConfigModel& to);

}  // namespace fairlead::cli
