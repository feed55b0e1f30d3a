// A service or a real as a person would write it into the file: what it is called and what it has
// other than the file's defaults.
//
//   yaml.BlockItem(TreeOfNew(service, file), 2)   // "  - name: web\n    address: 192.0.2.80\n…"
//
// Threads: pure.
#pragma once

#include <string>

#include "control/config/model.h"
#include "control/config/yaml_tree.h"

namespace fairlead::cli {

// `file` gives what a service has that says nothing.
control::YamlNode TreeOfNew(const control::ServiceConfig& service,
                            const control::ConfigModel& file);
control::YamlNode TreeOfNew(const control::RealConfig& real, const control::ServiceConfig& service);

// The keys of `map` that `base` has not, or has otherwise; and those that say what a thing is.
control::YamlNode Differing(const control::YamlNode& map, const control::YamlNode& base);
// What stands in a dump (control/config/dump.h).
control::YamlNode TreeOfDump(const std::string& yaml);
bool IsSame(const control::YamlNode& a, const control::YamlNode& b);  // places apart

}  // namespace fairlead::cli
