#include "preload/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "preload/next.h"
#include "preload/wire.h"

namespace fairlead::preload {
namespace {

constexpr int kSilentMilliseconds = 30'000;

bool WriteAll(int to, const char* text, size_t size) {
  while (size > 0) {
    const long written = syscall(SYS_write, to, text, size);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text += written;
    size -= static_cast<size_t>(written);
  }
  return true;
}

// Descriptors of the relay.
constexpr int kBegun = 0, kText = 1, kLink = 2;

[[noreturn]] void End() {
  for (;;) syscall(SYS_exit_group, 0);
}

// The program reads the end of the file instead of an error.
[[noreturn]] void EndComplete() {
  char byte;
  while (syscall(SYS_read, kText, &byte, 1) < 0 && errno == EINTR) {
  }
  End();
}

void CopyBegun() {
  char text[4096];
  off_t at = 0;
  for (;;) {
    const long got = syscall(SYS_pread64, kBegun, text, sizeof text, at);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return;
    if (!WriteAll(kText, text, static_cast<size_t>(got))) End();
    at += got;
  }
}

[[noreturn]] void Relay() {
  CopyBegun();
  static char record[kRecordBytes];
  for (;;) {
    pollfd waited{kLink, POLLIN, 0};
    if (syscall(SYS_poll, &waited, 1, kSilentMilliseconds) == 0) End();
    const long got = syscall(SYS_read, kLink, record, sizeof record);
    if (got < 0 && errno == EINTR) continue;
    size_t length = 0;
    int error = 0;
    if (got <= 0) End();
    const TextState state = TextOf(record, static_cast<size_t>(got), kText, &length, &error);
    if (state == TextState::kComplete) EndComplete();
    if (state == TextState::kRefused) End();
  }
}

// In the relay's process: of the program's descriptors it keeps three.
[[noreturn]] void BecomeRelay(int begun, int text, int link) {
  constexpr int kAbove = 10;
  const long kept[] = {syscall(SYS_fcntl, begun, F_DUPFD, kAbove),
                       syscall(SYS_fcntl, text, F_DUPFD, kAbove),
                       syscall(SYS_fcntl, link, F_DUPFD, kAbove)};
  for (int i = 0; i < 3; ++i) {
    if (kept[i] < 0 || syscall(SYS_dup3, kept[i], i, 0) < 0) End();
  }
  if (syscall(SYS_close_range, 3U, ~0U, 0) != 0) {
    for (int fd = 3; fd < 65'536; ++fd) syscall(SYS_close, fd);
  }
  syscall(SYS_prctl, PR_SET_NAME, "fairlead-file", 0, 0, 0);
  Relay();
}

// fork without what the C library adds, and without a signal to the parent at the end.
long PlainFork() { return syscall(SYS_clone, 0UL, nullptr, nullptr, nullptr, 0UL); }

// The program's and the relay's, in which a byte lies.
bool MakeEnds(int ends[2]) {
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return false;
  const char byte = 0;
  if (FAIRLEAD_NEXT(send)(ends[0], &byte, 1, MSG_NOSIGNAL) == 1 &&
      shutdown(ends[0], SHUT_WR) == 0) {
    return true;
  }
  const ErrnoKeeper keep;
  FAIRLEAD_NEXT(close)(ends[0]);
  FAIRLEAD_NEXT(close)(ends[1]);
  return false;
}

}  // namespace

TextState TextOf(char* record, size_t size, int to, size_t* length, int* error) {
  for (MessageWalk walk(record, size); walk.is_valid(); walk.Next()) {
    const nlmsghdr& header = walk.header();
    if (header.nlmsg_type == NLMSG_DONE) return TextState::kComplete;
    if (header.nlmsg_type == NLMSG_ERROR) {
      *error = -ErrorOf(walk.data(), header);
      return *error == 0 ? TextState::kComplete : TextState::kRefused;
    }
    size_t text_size = 0;
    const char* text = FindAttribute(walk.data(), header.nlmsg_len, kFileText, &text_size);
    if (text == nullptr) continue;
    if (to >= 0 && !WriteAll(to, text, text_size)) {
      *error = errno;
      return TextState::kRefused;
    }
    *length += text_size;
  }
  return TextState::kMore;
}

int StartRelay(int begun, int link_fd, int flags) {
  int ends[2];
  if (!MakeEnds(ends)) return -1;
  // No handler of the program may run in the relay, and a reader who is gone is no signal.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const long first = PlainFork();
  if (first == 0) {
    if (PlainFork() == 0) BecomeRelay(begun, ends[1], link_fd);
    End();
  }
  const int error = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (first > 0) {
    while (waitpid(static_cast<pid_t>(first), nullptr, __WALL) < 0 && errno == EINTR) {
    }
  }
  FAIRLEAD_NEXT(close)(ends[1]);
  if (first < 0) {
    FAIRLEAD_NEXT(close)(ends[0]);
    errno = error;
    return -1;
  }
  if ((flags & O_CLOEXEC) == 0) fcntl(ends[0], F_SETFD, 0);
  if ((flags & O_NONBLOCK) != 0) fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return ends[0];
}

}  // namespace fairlead::preload
