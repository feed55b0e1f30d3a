#include "control/command_rule.h"

#include <algorithm>
#include <set>

#include "control/config/validate_util.h"

namespace fairlead::control {
namespace {

// Calls visit(check, place of it below the service) for each that there is.
template <typename Visit>
void ForEachCheck(const ServiceConfig& service, Visit visit) {
  const auto list = [&](const std::vector<HealthConfig>& checks, const std::string& place) {
    for (size_t i = 0; i < checks.size(); ++i) {
      visit(checks[i], checks.size() == 1 ? place : ItemPath(place, i));
    }
  };
  list(service.health, ".health");
  for (size_t i = 0; i < service.reals.size(); ++i) {
    const auto& own = service.reals[i].health;
    if (own) list(*own, ItemPath(".reals", i) + ".health");
  }
}

// Calls visit(command, place of it below the service) for each that there is.
template <typename Visit>
void ForEachCommand(const ServiceConfig& service, Visit visit) {
  const auto one = [&](const CommandLine& command, const std::string& place) {
    if (!command.empty()) visit(command, place);
  };
  ForEachCheck(service, [&](const HealthConfig& check, const std::string& place) {
    one(check.command, place + ".command");
  });
  one(service.on_up, ".on_up");
  one(service.on_down, ".on_down");
  for (size_t i = 0; i < service.reals.size(); ++i) {
    const RealConfig& real = service.reals[i];
    const std::string place = ItemPath(".reals", i);
    one(real.on_up, place + ".on_up");
    one(real.on_down, place + ".on_down");
  }
}

// What is sent to a server whom the same change may choose.
void CheckPasswordFiles(const ServiceConfig& service, const ServiceConfig* earlier,
                        const CommandRights& rights, const std::string& path, Problems& problems) {
  std::set<std::string> known;
  if (earlier != nullptr) {
    ForEachCheck(*earlier, [&](const HealthConfig& check, const std::string&) {
      known.insert(check.password_file);
    });
  }
  ForEachCheck(service, [&](const HealthConfig& check, const std::string& place) {
    if (known.contains(check.password_file)) return;
    CheckPasswordFile(check.password_file, rights, path + place, problems);
  });
}

}  // namespace

void CheckPasswordFile(const std::string& file, const CommandRights& rights,
                       const std::string& path, Problems& problems) {
  if (file.empty() || std::ranges::find(rights.password_files, file) != rights.password_files.end())
    return;
  problems.Add(path + ".password_file",
               Quote(file) + " may not be named from here; " + rights.password_remedy);
}

void CheckCommands(const ServiceConfig& service, const ServiceConfig* earlier,
                   const std::vector<std::string>& scripts, const std::string& path,
                   Problems& problems) {
  CheckCommands(service, earlier,
                CommandRights{scripts,
                              {},
                              "add it to director.scripts of the file, and restart",
                              "write this check into the file, and reload"},
                path, problems);
}

void CheckCommands(const ServiceConfig& service, const ServiceConfig* earlier,
                   const CommandRights& rights, const std::string& path, Problems& problems) {
  CheckPasswordFiles(service, earlier, rights, path, problems);
  std::set<CommandLine> known;
  if (earlier != nullptr) {
    ForEachCommand(*earlier,
                   [&](const CommandLine& command, const std::string&) { known.insert(command); });
  }
  ForEachCommand(service, [&](const CommandLine& command, const std::string& place) {
    if (known.contains(command)) return;
    if (std::ranges::find(rights.scripts, command[0]) != rights.scripts.end()) return;
    problems.Add(path + place,
                 Quote(command[0]) + " may not be named from here; " + rights.script_remedy);
  });
}

}  // namespace fairlead::control
