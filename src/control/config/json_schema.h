// The JSON Schema (draft 2020-12) of a configuration file, for editors and for programs that write
// one: config/schema.json, and `fairlead config schema`.
//
//   std::string text = JsonSchema();
//
// It is made of the sections (schema.h) and of what their keys are declared to be (config_key.h);
// what the other keys are is in json_shapes.cc. It says which keys there are, their types, ranges
// and words, and which of a health check go with which type. What depends on other places of the
// file (names that exist, addresses, keys that are unique) is for the loader, which is the judge.
// Threads: pure.
#pragma once

#include <string>
#include <string_view>

#include "control/config/schema.h"

namespace fairlead::control {

std::string JsonSchema();

// The schema of a key that config_key.h does not declare, as JSON; empty: nobody has said it.
std::string ShapeOf(const Section& section, std::string_view key);

}  // namespace fairlead::control
