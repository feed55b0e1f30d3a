// Where a table is going to be read: on a terminal, which has a width and perhaps colours, or by a
// program.
//
//   const Screen screen = Screen::OfStandardOutput();
//   if (screen.width > 0) …no line may be longer…
//
// A pipe and a file have neither. Colours are off with NO_COLOR (no-color.org) and on a terminal
// that calls itself dumb. Threads: a value.
#pragma once

#include <cstddef>

namespace fairlead::cli {

struct Screen {
  size_t width = 0;  // characters of a line; 0: as many as it takes
  bool has_colour = false;

  static Screen OfStandardOutput();
};

}  // namespace fairlead::cli
