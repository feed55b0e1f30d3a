// fairleadd's command line.
//
//   Options options = ParseOptions(argc, argv);
//   if (options.exit_code) return *options.exit_code;   // help, version or a mistake: all is said
#pragma once

#include <optional>
#include <string>

namespace fairlead {

inline constexpr const char* kDefaultConfigPath = "/etc/fairlead/fairlead.yaml";

struct Options {
  std::string config_path = kDefaultConfigPath;
  bool only_check = false;
  bool is_fresh = false;
  std::string name;              // of the director in its fleet
  std::string local_file;        // of a fleet; empty: where it is by default
  std::string prepare_for;       // a user: prepare the machine for that one's director, and exit
  int hand_over = -1;            // in an upgrade: a socket to the director that runs
  std::optional<int> exit_code;  // set: there is nothing more to do
};

Options ParseOptions(int argc, char** argv);

}  // namespace fairlead
