#include "cli/looking_verbs.h"

#include <string>

namespace fairlead::cli {

namespace {

CLI::App* AddLook(CLI::App* parent, Arguments* into, const std::string& name,
                  const std::string& what, Verb verb) {
  CLI::App* command = parent->add_subcommand(name, what);
  command->callback([into, verb] { into->verb = verb; });
  return command;
}

CLI::App* AddGroup(CLI::App* app, const std::string& name, const std::string& what) {
  CLI::App* group = app->add_subcommand(name, what);
  group->require_subcommand(1);
  return group;
}

void AddDoctor(CLI::App* app, Arguments* into) {
  CLI::App* doctor = AddLook(app, into, "doctor",
                             "Look at this machine as the director's: what is wrong with it, and "
                             "the command that mends it; needs no director",
                             Verb::kDoctor);
  doctor->add_option(
      "file", into->file,
      "Configuration of the director (default: " + std::string(kDefaultConfig) + ")");
  doctor->add_option("--root", into->root,
                     "Directory with another machine's /proc, /sys, /etc and /dev, to be looked "
                     "at instead");
}

}  // namespace

void AddLookingVerbs(CLI::App* app, Arguments* into) {
  AddLook(app, into, "ready",
          "Exit with 0 when the director may serve: it forwards, and knows what its peers know; "
          "else say why not and exit with 1",
          Verb::kReady);
  AddLook(app->get_subcommand("real"), into, "show",
          "Show a real server in every service that has it", Verb::kRealShow)
      ->add_option("address", into->real, "ADDRESS, or ADDRESS:PORT")
      ->required();
  AddLook(AddGroup(app, "route", "Routes of the director"), into, "list",
          "List where packets go: networks of ports, and routes", Verb::kRouteList);
  CLI::App* config = AddGroup(app, "config", "The configuration");
  AddLook(config, into, "show",
          "Print the configuration in force, with changes by hand and every default",
          Verb::kConfigShow);
  AddLook(config, into, "save",
          "Write changes by hand of services into the file, which keeps its comments and layout",
          Verb::kConfigSave)
      ->add_flag("--dry-run", into->is_dry_run, "Say what would be written, and write nothing");
  AddLook(config, into, "schema",
          "Print the JSON Schema of the configuration file, for editors; needs no director",
          Verb::kConfigSchema);
  AddDoctor(app, into);
}

}  // namespace fairlead::cli
