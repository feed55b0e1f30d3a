#include "control/commands/spawn.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <pthread.h>
#include <pwd.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "base/file_descriptor.h"

namespace fairlead::control {
namespace {

constexpr rlim_t kMostOpenFiles = 1024;  // what programs that use select() expect

// All that the child needs, made before it is: it shares our memory until it has become the
// program, and may call nothing that takes a lock or allocates.
struct Plan {
  char* const* arguments;
  char* const* environment;
  int null = -1, output = -1;
  bool changes_user = false;
  uid_t user = 0;
  gid_t group = 0;
  int error = 0;  // out
};

bool TakeRights(const Plan& plan) {
  // By the calls themselves: those of the library would change all threads of this process.
  if (syscall(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 &&
      errno != EINVAL) {
    return false;
  }
  if (!plan.changes_user) return true;
  return syscall(SYS_setgroups, 1, &plan.group) == 0 &&
         syscall(SYS_setresgid, plan.group, plan.group, plan.group) == 0 &&
         syscall(SYS_setresuid, plan.user, plan.user, plan.user) == 0;
}

bool TakeDescriptors(const Plan& plan) {
  return dup2(plan.null, STDIN_FILENO) >= 0 && dup2(plan.output, STDOUT_FILENO) >= 0 &&
         dup2(plan.output, STDERR_FILENO) >= 0 && syscall(SYS_close_range, 3u, ~0u, 0u) == 0;
}

[[noreturn]] void BecomeProgram(Plan* plan) {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) sigaction(signal, &action, nullptr);
  rlimit files{};
  const rlimit no_core{0, 0};
  getrlimit(RLIMIT_NOFILE, &files);
  if (files.rlim_cur > kMostOpenFiles) files.rlim_cur = kMostOpenFiles;
  setrlimit(RLIMIT_NOFILE, &files);
  setrlimit(RLIMIT_CORE, &no_core);
  umask(022);
  if (setsid() >= 0 && chdir("/") == 0 && TakeDescriptors(*plan) && TakeRights(*plan)) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    execve(plan->arguments[0], plan->arguments, plan->environment);
  }
  plan->error = errno;
  _exit(127);
}

// On a stack frame of its own, which the child does not leave.
[[gnu::noinline]] pid_t Start(Plan* plan) {
  const pid_t child = vfork();
  if (child == 0) BecomeProgram(plan);
  return child;
}

std::vector<char*> PointersTo(std::vector<std::string>* texts) {
  std::vector<char*> pointers;
  for (std::string& text : *texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

CommandUser FindCommandUser(const std::string& name) {
  if (geteuid() != 0) return {true, name, geteuid(), getegid()};
  CommandUser user{.name = name};
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 16384> buffer;
  if (getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0) return user;
  if (found == nullptr) return user;
  return {true, name, found->pw_uid, found->pw_gid};
}

Spawned Spawn(const Command& command, const CommandUser& user, int output) {
  std::vector<std::string> arguments = command.arguments, environment = command.environment;
  const std::vector<char*> argument_pointers = PointersTo(&arguments);
  const std::vector<char*> environment_pointers = PointersTo(&environment);
  const FileDescriptor null(open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!null) return {.error = errno};
  Plan plan{.arguments = argument_pointers.data(),
            .environment = environment_pointers.data(),
            .null = null.get(),
            .output = output,
            .changes_user = geteuid() == 0 && user.user != 0,
            .user = user.user,
            .group = user.group};
  // No handler of ours may run in the child, where it would write our memory.
  sigset_t all, before;
  const int dumpable = prctl(PR_GET_DUMPABLE);
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t child = Start(&plan);
  const int error = child < 0 ? errno : plan.error;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  // The child has our memory until it is the program, and the kernel marks memory whose user
  // changes as not to be dumped: this process would leave no core any more.
  if (dumpable == 1) prctl(PR_SET_DUMPABLE, 1);
  if (child < 0) return {.error = error};
  return {child, error};
}

}  // namespace fairlead::control
