// The manual page fairlead(1), made from the grammar of the command line: `fairlead manual` prints
// it when the program is built, so the page cannot name what the program does not take.
//
//   std::cout << ManualPage(app);   // roff, for man(7)
//
// Threads: a pure function.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace fairlead::cli {

std::string ManualPage(const CLI::App& app);

}  // namespace fairlead::cli
