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
#include <initializer_list>

#include "preload/files.h"
#include "preload/link.h"
#include "preload/next.h"

namespace fairlead::preload {
namespace {

constexpr size_t kOpenSettings = 16;
constexpr size_t kValueBytes = 4096;

struct OpenFile {
  ino_t inode = 0;  // 0: free
  int fd = -1;      // as opened
  char path[kPathBytes] = {};
};

pthread_mutex_t g_mutex = PTHREAD_MUTEX_INITIALIZER;
OpenFile g_files[kOpenSettings];
size_t g_next = 0;
std::atomic<bool> g_any{false};

void Remember(int fd, ino_t inode, const char* path) {
  pthread_mutex_lock(&g_mutex);
  OpenFile& file = g_files[g_next++ % kOpenSettings];
  file = OpenFile();
  file.inode = inode;
  file.fd = fd;
  strncpy(file.path, path, kPathBytes - 1);
  g_any.store(true);
  pthread_mutex_unlock(&g_mutex);
}

// The name a memory file was made with; false for anything else.
bool MemoryName(int fd, char name[kPathBytes]) {
  constexpr char kBegin[] = "/memfd:", kEnd[] = " (deleted)";
  constexpr size_t kBeginLength = sizeof kBegin - 1, kEndLength = sizeof kEnd - 1;
  char link[32], target[kPathBytes + kBeginLength + kEndLength];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t size = readlink(link, target, sizeof target - 1);
  if (size < static_cast<ssize_t>(kBeginLength + kEndLength)) return false;
  target[size] = '\0';
  char* const end = target + size - kEndLength;
  if (strncmp(target, kBegin, kBeginLength) != 0 || strcmp(end, kEnd) != 0) return false;
  *end = '\0';
  strcpy(name, target + kBeginLength);
  return true;
}

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
  char name[kPathBytes];
  return MemoryName(fd, name) && strcmp(name, found->path) == 0;
}

}  // namespace

void RenewSettingsLock() { pthread_mutex_init(&g_mutex, nullptr); }

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
  Remember(fd, status.st_ino, path);
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
  const ssize_t got = pread(fd, text, sizeof text, 0);
  if (got <= 0) return 0;
  // Emptied, so that nobody sends it again: a shell and its child share the file.
  if (ftruncate(fd, 0) == 0) lseek(fd, 0, SEEK_SET);
  const int error = WriteText(file.path, text, static_cast<size_t>(got));
  if (error != 0) {
    errno = error;
    char what[kPathBytes + 64];
    snprintf(what, sizeof what, "%s was not changed", file.path);
    TellOnce(what);
  }
  return error;
}

void BeforeCloseRange(unsigned first, unsigned last) {
  if (!g_any.load(std::memory_order_relaxed)) return;
  for (const OpenFile& file : g_files) {
    const auto fd = static_cast<unsigned>(file.fd);
    if (file.inode != 0 && fd >= first && fd <= last) BeforeClose(file.fd);
  }
}

void AdoptSettings() {
  const ErrnoKeeper keep;
  for (const int fd : {STDOUT_FILENO, STDERR_FILENO}) {
    char name[kPathBytes], path[kPathBytes];
    struct stat status;
    if (MemoryName(fd, name) && ServedPath(name, path) == FileKind::kSetting &&
        FAIRLEAD_NEXT(fstat)(fd, &status) == 0) {
      Remember(fd, status.st_ino, path);
    }
  }
}

void SendUnsentSettings() {
  if (!g_any.load()) return;
  fflush(nullptr);  // the C library does it too, but later
  for (const OpenFile& file : g_files) {
    if (file.inode != 0) BeforeClose(file.fd);
  }
}

}  // namespace fairlead::preload
