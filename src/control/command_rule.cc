#include "control/command_rule.h"

#include <algorithm>
#include <set>

#include "control/config/validate_util.h"

namespace fairlead::control {
namespace {

// Calls visit(command, place of it below the service) for each that there is.
template <typename Visit>
void ForEachCommand(const ServiceConfig& service, Visit visit) {
  const auto one = [&](const CommandLine& command, const std::string& place) {
    if (!command.empty()) visit(command, place);
  };
  const auto checks = [&](const std::vector<HealthConfig>& list, const std::string& place) {
    for (size_t i = 0; i < list.size(); ++i) {
      one(list[i].command, (list.size() == 1 ? place : ItemPath(place, i)) + ".command");
    }
  };
  checks(service.health, ".health");
  one(service.on_up, ".on_up");
  one(service.on_down, ".on_down");
  for (size_t i = 0; i < service.reals.size(); ++i) {
    const RealConfig& real = service.reals[i];
    const std::string place = ItemPath(".reals", i);
    if (real.health) checks(*real.health, place + ".health");
    one(real.on_up, place + ".on_up");
    one(real.on_down, place + ".on_down");
  }
}

}  // namespace

void CheckCommands(const ServiceConfig& service, const ServiceConfig* earlier,
                   const std::vector<std::string>& scripts, const std::string& path,
                   Problems& problems) {
  std::set<CommandLine> known;
  if (earlier != nullptr) {
    ForEachCommand(*earlier,
                   [&](const CommandLine& command, const std::string&) { known.insert(command); });
  }
  ForEachCommand(service, [&](const CommandLine& command, const std::string& place) {
    if (known.contains(command)) return;
    if (std::ranges::find(scripts, command[0]) != scripts.end()) return;
    problems.Add(path + place, Quote(command[0]) +
                                   " may not be named from here; add it to director.scripts of the "
                                   "file, and restart");
  });
}

}  // namespace fairlead::control
