// The parts of a configuration that only a start can bring into force, in the words of those who
// need them. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "control/api/listen_spec.h"
#include "control/config/model.h"
#include "dataplane/dpdk/edge_config.h"
#include "dataplane/shard/fabric.h"

namespace fairlead {

edge::EdgeConfig EdgeConfigOf(const control::ConfigModel& model);

// With fresh secrets: nobody outside can choose addresses that collide, or ports that all belong to
// one worker.
dataplane::FabricConfig FabricConfigOf(const control::ConfigModel& model, size_t workers);

// "unix:/run/fairlead/api.sock", "http://127.0.0.1:9480"
std::vector<api::ListenSpec> ApiListenersOf(const control::ConfigModel& model);

}  // namespace fairlead
