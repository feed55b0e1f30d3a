// What a new configuration changes, in sentences, and what of it has to wait for a restart.
//
//   std::vector<std::string> waiting = KeepStartupKeys(running, &loaded);
//   for (const std::string& change : DescribeChanges(running, loaded)) …
//   // "service shop: real 10.0.0.12:80 weight 1 → 3"
//
// Services and reals are matched by key, not by name or place: what keeps its key keeps its
// connections, templates, counters and scheduler state (docs/reload.md). Pure functions.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace fairlead::control {

struct ConfigModel;
struct RealConfig;

// Puts the running values back into `loaded` where only a restart can change them, and returns a
// sentence for each that differed.
std::vector<std::string> KeepStartupKeys(const ConfigModel& running, ConfigModel* loaded);

// After KeepStartupKeys: rules that name a port of their file which is not there before a restart.
std::vector<Error> PortsWaitedFor(const ConfigModel& model);

// Empty when both are equal.
std::vector<std::string> DescribeChanges(const ConfigModel& before, const ConfigModel& after);

// What a reload takes away of what runs.
struct Losses {
  std::vector<std::string>
      edits{};  // changes by hand, in sentences, that the new file does not have
  std::vector<std::string> services{};  // names of services that it has no more

  [[nodiscard]] bool empty() const { return edits.empty() && services.empty(); }
};

// `file`: what runs, without the changes by hand. A change by hand that `loaded` has as well, or
// has brought to another value of its own, counts by what it is about: a key of a service or real.
Losses LossesOf(const ConfigModel& file, const ConfigModel& running, const ConfigModel& loaded);

// "10.0.0.11:80": how people name a real, everywhere.
std::string NameOf(const RealConfig& real);

}  // namespace fairlead::control
