// ipvsadm as Debian has it, as far as a recording goes: its messages to the kernel, and what it
// shows of the answers. Grammar and columns are those of `fairlead ipvsadm`, which has its own
// tests for them.
//
//   const auto result = RunThroughNetlink({"-A", "-t", "10.100.0.1:80"}, ask, names);
//
// Threads: pure but for `ask`.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/ipvsadm/resolver.h"
#include "control/api/ipvs/replies.h"
#include "golden_director.h"

namespace fairlead::golden {

using AskIpvs = std::function<std::vector<ipvs::Record>(const ipvs::Record& request)>;

// None: it is no command of netlink (connections are a file).
std::optional<CommandResult> RunThroughNetlink(const std::vector<std::string>& words,
                                               const AskIpvs& ask, cli::ipvsadm::Resolver& names);

}  // namespace fairlead::golden
