// The text of a configuration file with other values in it, and everything else as it was:
// comments, order, layout.
//
//   ConfigEdit edit = EditServices(text, *on_disk.model, *in_force.model);
//   edit.text, edit.changes     // {"12: weight: 1 → 5", "20: real 10.0.0.13 of service web added"}
//   edit.left                   // {"service web: real 10.0.0.11: health"}: what could not be said
//
// Values are changed where they stand; keys that the file leaves out are added to the map they
// belong to. Services and reals that are new come behind those that they follow, in the same
// layout; what is gone is cut out. What stands so that it cannot be changed alone is left. The
// caller loads the outcome before it trusts it. Threads: pure functions.
#pragma once

#include <string>
#include <vector>

#include "control/config/model.h"

namespace fairlead::cli {

struct ConfigEdit {
  std::string text;
  std::vector<std::string> changes{};  // "LINE: key: value that was → value"
  std::vector<std::string> left{};
};

// `from` is what `text` says. Only services are compared.
ConfigEdit EditServices(const std::string& text, const control::ConfigModel& from,
                        const control::ConfigModel& to);
// Only what services share and can be changed by hand: policy and defaults.timeouts.
ConfigEdit EditShared(const std::string& text, const control::ConfigModel& from,
                      const control::ConfigModel& to);

// Whether an entry of `left` speaks of the service of that name, or of all.
bool IsAbout(const std::string& left, const std::string& service);

}  // namespace fairlead::cli
