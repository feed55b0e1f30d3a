#include "preload/setting_files.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>

#include "preload/files.h"
#include "preload/link.h"
#include "preload/next.h"

namespace fairlead::preload {
namespace {

constexpr size_t kOpenSettings = 16;
constexpr size_t kValueBytes = 4096;

struct OpenFile {
  ino_t inode = 0;  // 0: free
  off_t sent = 0;   // bytes of the memory file that the director has
  int fd = -1;      // as opened
  char path[kPathBytes] = {};
};

pthread_mutex_t g_mutex = PTHREAD_MUTEX_INITIALIZER;
OpenFile g_files[kOpenSettings];
size_t g_next = 0;
std::atomic<bool> g_any{false};

// A copy of what is known of fd's file; false when it is none.
bool Find(int fd, OpenFile* found) {
  if (!g_any.load(std::memory_order_relaxed)) return false;
  const ErrnoKeeper keep;
  struct stat status;
  if (FAIRLEAD_NEXT(fstat)(fd, &status) != 0 || !S_ISREG(status.st_mode)) return false;
  pthread_mutex_lock(&g_mutex);
  bool is_found = false;
  for (const OpenFile& file : g_files) {
    if (file.inode != status.st_ino) continue;
    *found = file;
    is_found = true;
  }
  pthread_mutex_unlock(&g_mutex);
  if (!is_found) return false;
  // Inodes are unique in one file system alone; the name tells.
  char link[32], target[kPathBytes + 32];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t size = readlink(link, target, sizeof target - 1);
  if (size <= 0) return true;
  target[size] = '\0';
  return strncmp(target, "/memfd:", 7) == 0 &&
         strncmp(target + 7, found->path, strlen(found->path)) == 0;
}

void MarkSent(ino_t inode, off_t size) {
  pthread_mutex_lock(&g_mutex);
  for (OpenFile& file : g_files) {
    if (file.inode == inode) file.sent = size;
  }
  pthread_mutex_unlock(&g_mutex);
}

}  // namespace

int OpenSetting(const char* path, int flags) {
  const int error = CheckExists(path);
  if (error != 0) {
    errno = error;
    return -1;
  }
  const unsigned close_on_exec = (flags & O_CLOEXEC) != 0 ? MFD_CLOEXEC : 0U;
  const int fd = memfd_create(path, close_on_exec);
  struct stat status;
  if (fd < 0 || FAIRLEAD_NEXT(fstat)(fd, &status) != 0) return fd;
  pthread_mutex_lock(&g_mutex);
  OpenFile& file = g_files[g_next++ % kOpenSettings];
  file = OpenFile();
  file.inode = status.st_ino;
  file.fd = fd;
  strncpy(file.path, path, kPathBytes - 1);
  g_any.store(true);
  pthread_mutex_unlock(&g_mutex);
  return fd;
}

bool WriteSetting(int fd, const void* data, size_t size, ssize_t* written) {
  OpenFile file;
  if (!Find(fd, &file)) return false;
  const int kept = errno;
  const int error = WriteText(file.path, data, size);
  *written = error == 0 ? static_cast<ssize_t>(size) : -1;
  errno = error == 0 ? kept : error;
  return true;
}

bool WriteSettingParts(int fd, const iovec* parts, size_t count, ssize_t* written) {
  OpenFile file;
  if (!Find(fd, &file)) return false;
  char text[kValueBytes];
  size_t size = 0;
  for (size_t i = 0; i < count; ++i) {
    if (parts[i].iov_len > sizeof text - size) {
      errno = EINVAL;
      *written = -1;
      return true;
    }
    memcpy(text + size, parts[i].iov_base, parts[i].iov_len);
    size += parts[i].iov_len;
  }
  return WriteSetting(fd, text, size, written);
}

bool MayBeSetting(int fd) {
  OpenFile file;
  return Find(fd, &file);
}

int BeforeClose(int fd) {
  OpenFile file;
  if (!Find(fd, &file)) return 0;
  const ErrnoKeeper keep;
  char text[kValueBytes];
  const ssize_t got = pread(fd, text, sizeof text, file.sent);
  if (got <= 0) return 0;
  MarkSent(file.inode, file.sent + got);
  const int error = WriteText(file.path, text, static_cast<size_t>(got));
  if (error != 0) {
    errno = error;
    char what[kPathBytes + 64];
    snprintf(what, sizeof what, "%s was not changed", file.path);
    TellOnce(what);
  }
  return error;
}

void SendUnsentSettings() {
  if (!g_any.load()) return;
  for (const OpenFile& file : g_files) {
    if (file.inode != 0) BeforeClose(file.fd);
  }
  BeforeClose(STDOUT_FILENO);
}

}  // namespace fairlead::preload
