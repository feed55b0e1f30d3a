// JSON Schema of the configuration file, for editors that complete and check while one types:
// `fairlead config schema`.
//
//   fmt::print("{}\n", Indented(ConfigSchema()));
//
// It follows from the list of keys (control/config/schema.h), so it has every key and refuses
// every other. What values may be it says where keys.h does; else any value passes, and
// `fairlead check` has the last word. Threads: a pure function.
#pragma once

#include <boost/json/object.hpp>

namespace fairlead::cli {

boost::json::object ConfigSchema();

}  // namespace fairlead::cli
