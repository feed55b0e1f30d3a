// Starts a program with the rights of another user, without a shell and without a fork of this
// process's memory.
//
//   const Spawned child = Spawn({.arguments = {"/usr/lib/checks/web", "80"}, .environment = {}},
//                               user, output);
//   if (child.error != 0) …            // an errno; there is no child
//   kill(-child.process, SIGKILL);     // it leads a group of its own
//
// The program gets nothing of ours: no environment, no descriptors but /dev/null and `output`, no
// signal masks, handlers and capabilities, no core files, few open files. Threads: any; the calling
// one waits until the program runs, which takes no longer than to load it.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace fairlead::control {

struct CommandUser {
  bool is_known = false;
  std::string name{};
  uid_t user = 0;
  gid_t group = 0;
};
// Who has commands of a director whose file says `name`. A director that is not root's runs them
// with its own rights, for it has no others.
CommandUser FindCommandUser(const std::string& name);

struct Command {
  std::vector<std::string> arguments;    // the first is an absolute path
  std::vector<std::string> environment;  // "NAME=value"
  friend bool operator==(const Command&, const Command&) = default;
};

struct Spawned {
  pid_t process = -1;
  int error = 0;  // an errno; 0: it runs
};
// `output`: a descriptor for what it prints.
Spawned Spawn(const Command& command, const CommandUser& user, int output);

}  // namespace fairlead::control
