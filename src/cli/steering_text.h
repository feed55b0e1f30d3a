// What ports say of steering, "rss: the port does not hash one side only": the word for a column,
// and the reason for a line below the table.
//
//   table.Add({…, SteeringWord(port)});
//   PrintSteeringReasons(ports);
//
// Threads: any.
#pragma once

#include <fmt/format.h>

#include <string>

#include "cli/text.h"

namespace fairlead::cli {

inline std::string SteeringWord(const boost::json::object& port) {
  const std::string steering = Text(port, "steering");
  return steering.substr(0, steering.find(':'));
}

inline void PrintSteeringReasons(const boost::json::array& ports) {
  for (const boost::json::value& item : ports) {
    const std::string steering = Text(item.as_object(), "steering");
    if (steering.find(':') == steering.npos || steering == "software: one worker") continue;
    fmt::print("port {}: steering {}\n", Text(item.as_object(), "name"), steering);
  }
}

}  // namespace fairlead::cli
