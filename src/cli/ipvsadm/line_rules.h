// Which options go together: what is checked once the words of a line have been read.
//
//   const Rule* rule = RuleOf(Option::kAddServer);
//   std::string fault = FaultOf(*rule, seen, flags, &command);    // empty: nothing is wrong
//
// Every fault here ends with exit code 2 (ipvs.md, ipvsadm exit codes).
#pragma once

#include <bitset>
#include <string>
#include <vector>

#include "cli/ipvsadm/options.h"
#include "cli/ipvsadm/words.h"

namespace fairlead::cli::ipvsadm {

using OptionSet = std::bitset<64>;  // by number of Option

// What a command may have, and must have.
struct Rule {
  Option command;
  Verb verb;
  bool needs_service = false;
  OptionSet allowed;
};

// Null when the option is no command.
const Rule* RuleOf(Option command);

// Also settles in `command` what depends on several options: the real's port and the view.
// `flags` are the words of --sched-flags.
std::string FaultOf(const Rule& rule, const OptionSet& seen, const std::vector<std::string>& flags,
                    Command* command);

}  // namespace fairlead::cli::ipvsadm
