// Which commands a change by hand may name: those of director.scripts, and those that its service
// had already.
#include <algorithm>
#include <set>

#include "control/config/model.h"
#include "control/config/validate_util.h"
#include "control/editor.h"

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

void Editor::CheckCommands(const Service& service) {
  std::set<CommandLine> known;
  const auto earlier = std::ranges::find_if(
      before_.model->services,
      [&](const ServiceConfig& each) { return KeyOf(each) == KeyOf(*service); });
  if (earlier != before_.model->services.end()) {
    ForEachCommand(*earlier,
                   [&](const CommandLine& command, const std::string&) { known.insert(command); });
  }
  const std::vector<std::string>& allowed = model_.director.scripts;
  ForEachCommand(*service, [&](const CommandLine& command, const std::string& place) {
    if (known.contains(command)) return;
    if (std::ranges::find(allowed, command[0]) != allowed.end()) return;
    problems_.Add(PathOf(service) + place,
                  Quote(command[0]) +
                      " may not be named from here; add it to director.scripts of the file, and "
                      "restart");
  });
}

}  // namespace fairlead::control
