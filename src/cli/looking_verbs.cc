#include "cli/looking_verbs.h"

#include <set>
#include <string>

#include "control/config/units.h"

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

// Verbs that change nothing, and those whose words are another program's.
bool OnlyLooks(const std::string& verb) {
  static const std::set<std::string> kLooks = {
      "status",          "service list",     "service show",  "real list",    "real show",
      "connection list", "connection count", "template list", "ipvsadm",      "ipvs-exec",
      "explain",         "port list",        "sync status",   "diff",         "check",
      "metrics",         "route list",       "top clients",   "top services", "neighbour list",
      "config show",     "config schema",    "doctor",        "ready",        "fleet status",
      "drops",           "snat list"};
  return kLooks.contains(verb);
}

void AddTop(CLI::App* app, Arguments* into) {
  CLI::App* group = AddGroup(app, "top", "Who has most");
  const auto add = [&](const char* name, const char* what, Verb verb) {
    CLI::App* top = AddLook(group, into, name, what, verb);
    top->add_option("--by", into->group_by,
                    "Compare packets, bytes, connections or new connections (default: packets)")
        ->check(CLI::IsMember({"packets", "bytes", "connections", "new"}));
    top->add_option("--count", into->top, "Show at most this many")
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();
    top->add_option_function<std::string>(
        "--interval",
        [into](const std::string& text) {
          const auto interval = control::ParseDuration(text);
          if (!interval || interval->count() < 100 || interval->count() > 60'000) {
            throw CLI::ValidationError("--interval", "takes 100ms to 60s, not " + text);
          }
          into->interval = *interval;
        },
        "Count for so long before each answer (default: 2s)");
    top->add_flag("--once", into->is_once, "Answer once; by default until it is interrupted");
  };
  add("clients", "Show the clients with most traffic", Verb::kTopClients);
  add("services", "Show the services with most traffic", Verb::kTopServices);
}

}  // namespace

void AddDryRuns(CLI::App* app, Arguments* into) {
  for (CLI::App* verb : app->get_subcommands([](CLI::App*) { return true; })) {
    if (!verb->get_subcommands([](CLI::App*) { return true; }).empty()) {
      AddDryRuns(verb, into);
      continue;
    }
    const CLI::App* group = verb->get_parent();
    const bool is_grouped = group->get_parent() != nullptr;
    const std::string name = (is_grouped ? group->get_name() + " " : "") + verb->get_name();
    if (OnlyLooks(name)) continue;
    verb->add_flag("--dry-run", into->is_dry_run,
                   "Say what would change, or why it would be refused, and change nothing");
  }
}

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
  AddLook(AddGroup(app, "snat", "Inside hosts that reach the world with our addresses"), into,
          "list", "List rules of source NAT with their flows and traffic", Verb::kSnatList);
  AddLook(AddGroup(app, "neighbour", "Hosts on the links of the director"), into, "list",
          "List next hops and other hosts, with their link addresses and whether they answer",
          Verb::kNeighbourList);
  AddTop(app, into);
  AddLook(app, into, "drops", "Show the last packets that were dropped: when, why, whose",
          Verb::kDrops)
      ->add_flag("--follow", into->is_following,
                 "Then show each that is dropped from now on, until it is interrupted; of each "
                 "reason at most eight a second");
  CLI::App* config = AddGroup(app, "config", "The configuration");
  AddLook(config, into, "show",
          "Print the configuration in force, with changes by hand and every default",
          Verb::kConfigShow);
  AddLook(config, into, "save",
          "Write changes by hand into the file, which keeps its comments and layout",
          Verb::kConfigSave);
  AddLook(config, into, "schema",
          "Print the JSON Schema of the configuration file, for editors; needs no director",
          Verb::kConfigSchema);
  AddDoctor(app, into);
}

}  // namespace fairlead::cli
