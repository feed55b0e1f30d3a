// What is said of a line of words that cannot be run.
//
//   try { app.parse(…); } catch (const CLI::ParseError& e) { return EndParsing(app, e, words); }
//
// In a sentence on standard error, or with -o json as a problem document. Threads: none.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/arguments.h"

namespace fairlead::cli {

// The exit code. Help and version end well; everything else is usage.
int EndParsing(const CLI::App& app, const CLI::ParseError& error,
               const std::vector<std::string>& words);

// What the API and our own JSON cannot carry is refused before it is sent. The file of `check` is
// opened here and may have any name.
std::optional<int> RefuseOtherThanUtf8(const std::vector<std::string>& words,
                                       const Arguments& arguments);

}  // namespace fairlead::cli
