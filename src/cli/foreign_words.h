// Words that are not ours to parse: ipvsadm's, and those of a program that is run.
//
//   fairlead -o json ipvsadm -Ln             three own words, then -Ln
//   fairlead ipvs-exec --socket S ipvsadm -Ln   three own words, then ipvsadm -Ln
//
// Threads: pure functions.
#pragma once

#include "cli/arguments.h"

namespace fairlead::cli {

// How many words of argv come before them, the name of the program included; argc when there are
// none.
int CountOwnWords(int argc, const char* const* argv);

// Whether the program was called by one of ipvsadm's names; the words are all its own then.
bool IsCalledIpvsadm(int argc, const char* const* argv, Arguments* into);

}  // namespace fairlead::cli
