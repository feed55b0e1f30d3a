// A model as canonical YAML: every key written out, in one order, one value a line where lists
// grow.
//
//   LoadConfigText(Dump(model), "dump.yaml").model == model
//
// For `fairlead diff`, for debugging and for tests. Prefix sets are written inline, whatever file
// they came from. Threads: pure.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "control/config/model.h"

namespace fairlead::control {

// Precondition: the model is valid.
std::string Dump(const ConfigModel& model);

// Its parts, each as the map that stands in the file. Runtime changes are merged over them.
std::string DumpOf(const ServiceConfig& service);
std::string DumpOf(const RealConfig& real);
std::string DumpOf(const TimeoutsConfig& timeouts);
std::string DumpOf(const PolicyConfig& policy);
std::string DumpOf(const IpvsSyncConfig& sync);
// The keys in which two models differ, at most two deep, as they stand in the file: {"log.level",
// "mail"}; a section that only one of them has is named alone. Services are not looked at. Empty:
// all that is ever shown of the two is equal. Of many the first.
inline constexpr size_t kMostDifferingKeys = 20;
std::vector<std::string> DifferingKeys(const ConfigModel& one, const ConfigModel& other);
// "https://0.0.0.0:9480"
std::string AddressText(const ApiListen& listen);

}  // namespace fairlead::control
