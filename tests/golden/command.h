// The program golden_replay without main, so that tests can look at its exit codes.
//
//   golden_replay [--workers N] [--case TEXT] [--through-netlink] FILE…
//
// Plays recordings of a real IPVS (format 2; of format 3 those of the sync protocol) against the
// control and packet code and compares all that was observed (docs/testing.md). Exit code 0: all
// equal; 1: something differs, or a file cannot be read; 2: the command line is wrong.
#pragma once

#include <ostream>
#include <string>
#include <vector>

namespace fairlead::golden {

// `words` are the arguments after the program's name.
int RunGoldenReplay(const std::vector<std::string>& words, std::ostream& out, std::ostream& err);

}  // namespace fairlead::golden
