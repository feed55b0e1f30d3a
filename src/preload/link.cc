#include "preload/link.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <atomic>

#include "preload/next.h"

namespace fairlead::preload {
namespace {

constexpr int kHighDescriptor = 200;  // where programs do not look for the lowest free one
constexpr size_t kIdleLinks = 4;
constexpr int kRetryMilliseconds = 50;

pthread_mutex_t g_mutex = PTHREAD_MUTEX_INITIALIZER;
Link g_idle[kIdleLinks];
std::atomic<bool> g_was_served{false};
std::atomic<bool> g_waited_in_vain{false};
std::atomic<bool> g_has_told{false};
dev_t g_error_device = 0;  // of descriptor 2 as it was at the start
ino_t g_error_inode = 0;   // 0: there was none

// Who has said how long waits for a director that was never seen, too.
bool HasPatienceOfItsOwn() { return getenv("FAIRLEAD_IPVS_PATIENCE") != nullptr; }

int64_t Now() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

// Waits until `events`; false when the time is over.
bool Wait(int fd, short events, Deadline deadline) {
  for (;;) {
    const int64_t left = deadline - Now();
    if (left <= 0) return false;
    pollfd waited{fd, events, 0};
    const int ready = poll(&waited, 1, static_cast<int>(left));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

ino_t InodeOf(int fd) {
  struct stat status;
  return FAIRLEAD_NEXT(fstat)(fd, &status) == 0 && S_ISSOCK(status.st_mode) ? status.st_ino : 0;
}

// A connected descriptor, or -1 with errno.
int ConnectOnce() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const char* path = SocketPath();
  if (strlen(path) >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return -1;
  }
  strcpy(address.sun_path, path);
  int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  const int high = fcntl(fd, F_DUPFD_CLOEXEC, kHighDescriptor);
  if (high >= 0) {
    FAIRLEAD_NEXT(close)(fd);
    fd = high;
  }
  // Behind a full backlog connect waits for so long only: then EAGAIN, and it is tried again.
  const timeval most{1, 0};
  FAIRLEAD_NEXT(setsockopt)(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  const int error = errno;
  FAIRLEAD_NEXT(close)(fd);
  errno = error;
  return -1;
}

// Once in an absence of the director: a program that stops makes hundreds of requests, one after
// the other, and must not wait for each.
int ConnectPatiently() {
  const Deadline deadline = DeadlineAfter(PatienceMilliseconds());
  for (;;) {
    const int fd = ConnectOnce();
    if (fd >= 0) {
      g_waited_in_vain = false;
      return fd;
    }
    const int error = errno;
    const bool may_come = error == ECONNREFUSED || error == EAGAIN || error == EINTR ||
                          (error == ENOENT && (g_was_served || HasPatienceOfItsOwn()));
    if (may_come && Now() >= deadline) g_waited_in_vain = true;
    if (!may_come || g_waited_in_vain) {
      errno = error;
      return -1;
    }
    poll(nullptr, 0, kRetryMilliseconds);
  }
}

}  // namespace

Deadline DeadlineAfter(int milliseconds) { return Now() + milliseconds; }

bool Link::is_open() const { return fd_ >= 0 && InodeOf(fd_) == inode_; }

// The director has judged who connected: whoever drops their rights begins anew.
bool Link::is_ours() const { return is_open() && user_ == geteuid(); }

bool Link::Send(const void* request, size_t size, Deadline deadline) {
  for (;;) {
    if (FAIRLEAD_NEXT(send)(fd_, request, size, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return true;
    if (errno == EINTR) continue;
    if (errno != EAGAIN || !Wait(fd_, POLLOUT, deadline)) return false;
  }
}

ssize_t Link::Receive(void* record, size_t room, Deadline deadline) {
  for (;;) {
    const ssize_t got = FAIRLEAD_NEXT(recv)(fd_, record, room, MSG_DONTWAIT | MSG_TRUNC);
    if (got >= 0) {
      if (got > 0) g_was_served.store(true, std::memory_order_relaxed);
      return static_cast<size_t>(got) <= room ? got : -1;
    }
    if (errno == EINTR) continue;
    if (errno == ECONNRESET || errno == EPIPE) return 0;
    if (errno != EAGAIN || !Wait(fd_, POLLIN, deadline)) return -1;
  }
}

void Link::Close() {
  if (is_open()) FAIRLEAD_NEXT(close)(fd_);
  *this = Link();
}

Link TakeLink(bool must_be_new) {
  pthread_mutex_lock(&g_mutex);
  for (Link& idle : g_idle) {
    if (idle.fd_ < 0) continue;
    Link taken = idle;
    idle = Link();
    if (must_be_new || !taken.is_ours()) {
      taken.Close();
      continue;
    }
    pthread_mutex_unlock(&g_mutex);
    return taken;
  }
  pthread_mutex_unlock(&g_mutex);
  Link made;
  made.fd_ = ConnectPatiently();
  if (made.fd_ >= 0) made.inode_ = InodeOf(made.fd_);
  made.user_ = geteuid();
  return made;
}

void GiveBack(Link* link) {
  link->is_used_ = true;
  pthread_mutex_lock(&g_mutex);
  for (Link& idle : g_idle) {
    if (idle.fd_ >= 0) continue;
    idle = *link;
    *link = Link();
    break;
  }
  pthread_mutex_unlock(&g_mutex);
  link->Close();
}

void ForgetLinks() {
  pthread_mutex_init(&g_mutex, nullptr);  // the thread that may have held it is not here
  for (Link& idle : g_idle) idle.Close();
}

int PatienceMilliseconds() {
  const char* text = getenv("FAIRLEAD_IPVS_PATIENCE");
  if (text == nullptr) return 5000;
  const long value = strtol(text, nullptr, 10);
  return value < 0 ? 0 : value > 60'000 ? 60'000 : static_cast<int>(value);
}

const char* SocketPath() {
  const char* path = getenv("FAIRLEAD_IPVS_SOCKET");
  return path != nullptr && *path != '\0' ? path : "/run/fairlead/ipvs.sock";
}

void RememberStandardError() {
  const ErrnoKeeper keep;
  struct stat status;
  if (FAIRLEAD_NEXT(fstat)(STDERR_FILENO, &status) != 0) return;
  g_error_device = status.st_dev;
  g_error_inode = status.st_ino;
}

void TellOnce(const char* what) {
  if (g_has_told.exchange(true)) return;
  const ErrnoKeeper keep;
  struct stat status;
  if (g_error_inode == 0 || FAIRLEAD_NEXT(fstat)(STDERR_FILENO, &status) != 0 ||
      status.st_dev != g_error_device || status.st_ino != g_error_inode) {
    return;
  }
  errno = keep.kept();
  char line[512];
  const int size = snprintf(line, sizeof line, "libfairlead-ipvs: %s (socket %s): %s\n", what,
                            SocketPath(), strerror(errno));
  if (size > 0) {
    const size_t length =
        static_cast<size_t>(size) < sizeof line ? static_cast<size_t>(size) : sizeof line - 1;
    [[maybe_unused]] const ssize_t written = FAIRLEAD_NEXT(write)(STDERR_FILENO, line, length);
  }
}

}  // namespace fairlead::preload
