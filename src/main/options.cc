// The only file that includes CLI11 here: it costs a minute to compile.
#include "main/options.h"

#include <CLI/CLI.hpp>

namespace fairlead {

Options ParseOptions(int argc, char** argv) {
  Options options;
  std::string check_path;
  CLI::App app{"Fairlead: a layer-4 load-balancing director on DPDK", "fairleadd"};
  app.set_version_flag("--version", "fairleadd " FAIRLEAD_VERSION);
  auto* config = app.add_option("-c,--config", options.config_path,
                                "Run with this configuration: a file, or the store of a fleet, "
                                "etcd://HOST:2379/PREFIX")
                     ->capture_default_str();
  auto* check = app.add_option("--check", check_path,
                               "Check this configuration and exit: with 0 when it is valid, else "
                               "with 1. A file, or etcd://HOST:2379/PREFIX with --name. Needs no "
                               "privileges and touches no device");
  config->excludes(check);
  app.add_option("--name", options.name,
                 "Which director of the fleet this one is, with -c or --check etcd://…");
  app.add_option("--fleet", options.local_file,
                 "With etcd://…: the file with this machine's user, certificates and scripts; "
                 "/etc/fairlead/fleet.yaml by default, where it is there");
  app.add_flag("--fresh", options.is_fresh,
               "Begin with empty tables, whatever connections the director before has left")
      ->excludes(check);
  app.add_option("--prepare", options.prepare_for,
                 "Make what only root can make for a director that runs as this user (its "
                 "directory on hugetlbfs, with hugepages: on), and exit")
      ->excludes(check);
  // For an upgrade, in which a director starts its successor; no option of people.
  app.add_option("--hand-over", options.hand_over)->group("")->excludes(check);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    options.exit_code = app.exit(error);
    return options;
  }
  if (!check_path.empty()) {
    options.only_check = true;
    options.config_path = check_path;
  }
  return options;
}

}  // namespace fairlead
