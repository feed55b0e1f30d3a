// A configuration file as a ConfigModel, or everything that is wrong with it.
//
//   LoadResult loaded = LoadConfig("/etc/fairlead/fairlead.yaml");
//   if (!loaded) for (const Error& e : loaded.errors) std::cerr << e.ToString() << '\n';
//   // fairlead.yaml:42:15: services[2].reals[0].weight: must be a whole number from 0 to 65535,
//   ...
//
// Every problem at once: what one part breaks is not repeated by the parts that depend on it. Needs
// no privilege and no EAL; reads the file and the prefix files it names, and changes nothing.
// Warnings are about configurations that load but will hardly do what was meant. Threads: any, no
// shared state.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "control/config/model.h"
#include "control/config/prefix_files.h"
#include "control/config/problems.h"
#include "control/config/yaml_tree.h"

namespace fairlead::control {

struct LoadResult {
  std::optional<ConfigModel> model;  // set exactly when there are no errors
  std::vector<Error> errors;         // in file order; ToString() is the line to show
  std::vector<Error> warnings;

  explicit operator bool() const { return model.has_value(); }
};

LoadResult LoadConfig(const std::string& path);

// The same from memory. `file` stands in the places of errors; files of prefix sets are relative to
// its directory.
LoadResult LoadConfigText(const std::string& text, const std::string& file);

// The same with what there was on the way, for who wants to do the next one faster
// (config_loader.h).
struct WholeFile {
  LoadResult result;
  Problems places;  // where each path stands; its problems are in the result
  std::optional<YamlNode> tree;
};
WholeFile ReadWholeFile(const std::string& text, const std::string& file, PrefixFiles& files);

// Refuses `sync.peers: fleet` in what the text has given: a file is of no fleet, whose documents
// alone may say it.
void RefuseFleetPeers(const std::string& text, const std::string& file, LoadResult* loaded);

// What a load says of a file that cannot be read.
Error CannotRead(const std::string& path, const Error& why);

}  // namespace fairlead::control
