// What belongs to the life of a process: fork, its end, and the programs it starts; and the socket
// options by which old programs speak to the kernel's IPVS.
//
// `modprobe ip_vs` does nothing and succeeds. Programs ask for the module when they find no IPVS:
// it would give them the kernel's, which has nothing to do with the director. For the same reason
// IPVS's socket options have an answer: the one of a kernel without it.
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <spawn.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "preload/dumps.h"
#include "preload/link.h"
#include "preload/next.h"
#include "preload/setting_files.h"

namespace fairlead::preload {
namespace {

constexpr char kNothing[] = "/bin/true";

// Whether this is modprobe, asked for ip_vs or a module beside it (ip_vs_wrr).
bool LoadsIpvs(const char* program, char* const* words) {
  if (program == nullptr || words == nullptr || words[0] == nullptr) return false;
  const char* slash = strrchr(program, '/');
  if (strcmp(slash != nullptr ? slash + 1 : program, "modprobe") != 0) return false;
  for (size_t i = 1; words[i] != nullptr; ++i) {
    if (strncmp(words[i], "ip_vs", 5) == 0 || strncmp(words[i], "ip-vs", 5) == 0) return true;
  }
  return false;
}

const char* ProgramFor(const char* program, char* const* words) {
  return LoadsIpvs(program, words) ? kNothing : program;
}

// IP_VS_SO_SET_… and IP_VS_SO_GET_… of linux/ip_vs.h lie here.
bool IsIpvsOption(int level, int option) {
  constexpr int kFirst = 64 + 1024 + 64, kLast = kFirst + 15;
  return level == IPPROTO_IP && option >= kFirst && option <= kLast;
}

void InChild() {
  RenewSettingsLock();
  ForgetLinks();
  ForgetDumps();
}

__attribute__((constructor)) void AtStart() {
  RememberStandardError();
  pthread_atfork(nullptr, nullptr, InChild);
  AdoptSettings();
}
__attribute__((destructor)) void AtEnd() { SendUnsentSettings(); }

// The words of execl and its kin, without the environment.
constexpr size_t kWords = 256;

bool Collect(const char* first, va_list rest, char* words[kWords]) {
  size_t count = 0;
  for (const char* word = first; word != nullptr; word = va_arg(rest, const char*)) {
    if (count + 1 == kWords) {
      errno = E2BIG;
      return false;
    }
    words[count++] = const_cast<char*>(word);
  }
  words[count] = nullptr;
  return true;
}

}  // namespace
}  // namespace fairlead::preload

using namespace fairlead::preload;  // NOLINT: the hooks below stand outside of any namespace

FAIRLEAD_HOOK int execve(const char* program, char* const words[],
                         char* const variables[]) __THROW {
  return FAIRLEAD_NEXT(execve)(ProgramFor(program, words), words, variables);
}
FAIRLEAD_HOOK int execv(const char* program, char* const words[]) __THROW {
  return FAIRLEAD_NEXT(execv)(ProgramFor(program, words), words);
}
FAIRLEAD_HOOK int execvp(const char* program, char* const words[]) __THROW {
  return FAIRLEAD_NEXT(execvp)(ProgramFor(program, words), words);
}
FAIRLEAD_HOOK int execvpe(const char* program, char* const words[],
                          char* const variables[]) __THROW {
  return FAIRLEAD_NEXT(execvpe)(ProgramFor(program, words), words, variables);
}
FAIRLEAD_HOOK int execl(const char* program, const char* first, ...) __THROW {
  char* words[kWords];
  va_list rest;
  va_start(rest, first);
  const bool is_good = Collect(first, rest, words);
  va_end(rest);
  return is_good ? execv(program, words) : -1;
}
FAIRLEAD_HOOK int execlp(const char* program, const char* first, ...) __THROW {
  char* words[kWords];
  va_list rest;
  va_start(rest, first);
  const bool is_good = Collect(first, rest, words);
  va_end(rest);
  return is_good ? execvp(program, words) : -1;
}
FAIRLEAD_HOOK int execle(const char* program, const char* first, ...) __THROW {
  char* words[kWords];
  va_list rest;
  va_start(rest, first);
  const bool is_good = Collect(first, rest, words);
  char* const* variables = is_good ? va_arg(rest, char* const*) : nullptr;
  va_end(rest);
  return is_good ? execve(program, words, variables) : -1;
}
FAIRLEAD_HOOK int posix_spawn(pid_t* pid, const char* program,
                              const posix_spawn_file_actions_t* actions,
                              const posix_spawnattr_t* attributes, char* const words[],
                              char* const variables[]) {
  return FAIRLEAD_NEXT(posix_spawn)(pid, ProgramFor(program, words), actions, attributes, words,
                                    variables);
}
FAIRLEAD_HOOK int posix_spawnp(pid_t* pid, const char* program,
                               const posix_spawn_file_actions_t* actions,
                               const posix_spawnattr_t* attributes, char* const words[],
                               char* const variables[]) {
  return FAIRLEAD_NEXT(posix_spawnp)(pid, ProgramFor(program, words), actions, attributes, words,
                                     variables);
}

FAIRLEAD_HOOK int getsockopt(int fd, int level, int option, void* value, socklen_t* size) __THROW {
  if (!IsIpvsOption(level, option)) {
    return FAIRLEAD_NEXT(getsockopt)(fd, level, option, value, size);
  }
  errno = ENOPROTOOPT;
  return -1;
}
FAIRLEAD_HOOK int setsockopt(int fd, int level, int option, const void* value,
                             socklen_t size) __THROW {
  if (!IsIpvsOption(level, option)) {
    return FAIRLEAD_NEXT(setsockopt)(fd, level, option, value, size);
  }
  errno = ENOPROTOOPT;
  return -1;
}
