// Verbs of the command line that look at what is, and the one that writes it down, as a part of its
// grammar (arguments.cc).
//
//   AddLookingVerbs(&app, &arguments);   // after the group `real`
//   AddDryRuns(&app, &arguments);        // at the end: --dry-run for every verb that does not only
//   look
//
// Threads: none; `into` outlives the parsing.
#pragma once

#include <CLI/CLI.hpp>

#include "cli/arguments.h"

namespace fairlead::cli {

void AddLookingVerbs(CLI::App* app, Arguments* into);
void AddDryRuns(CLI::App* app, Arguments* into);

}  // namespace fairlead::cli
