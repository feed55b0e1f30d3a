// The calls that open and look at files, as programs see them: names of IPVS's files under /proc
// are served, all others go on.
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "preload/delivery.h"
#include "preload/dumps.h"
#include "preload/files.h"
#include "preload/link.h"
#include "preload/next.h"
#include "preload/setting_files.h"

extern "C" {
int __open_2(const char*, int);
int __open64_2(const char*, int);
int __openat_2(int, const char*, int);
int __openat64_2(int, const char*, int);
int __xstat(int, const char*, struct stat*);
int __lxstat(int, const char*, struct stat*);
int __xstat64(int, const char*, struct stat64*);
int __lxstat64(int, const char*, struct stat64*);
char* __realpath_chk(const char*, char*, size_t);
}

namespace fairlead::preload {
namespace {

int OpenServed(FileKind kind, const char* path, int flags) {
  const bool writes = (flags & O_ACCMODE) != O_RDONLY;
  if (kind == FileKind::kProcNet && writes) {
    errno = EACCES;
    return -1;
  }
  return writes ? OpenSetting(path, flags) : OpenForReading(path, flags);
}

// Whether the name is of a file that is served, and then its descriptor.
bool Opened(const char* name, int flags, int* fd) {
  char path[kPathBytes];
  const FileKind kind = ServedPath(name, path);
  if (kind == FileKind::kNone || kind == FileKind::kSettingsFolder) return false;
  *fd = OpenServed(kind, path, flags);
  return true;
}

// For fopen's modes; -1 for one that is none.
int FlagsOf(const char* mode) {
  int flags = strchr(mode, '+') != nullptr ? O_RDWR : mode[0] == 'r' ? O_RDONLY : O_WRONLY;
  if (strchr(mode, 'e') != nullptr) flags |= O_CLOEXEC;
  return flags;
}

FILE* OpenedStream(const char* name, const char* mode, bool* is_served) {
  int fd = -1;
  *is_served = Opened(name, FlagsOf(mode), &fd);
  if (fd < 0) return nullptr;
  FILE* stream = fdopen(fd, mode);
  if (stream == nullptr) close(fd);
  return stream;
}

// Whether the name is served; *error is then 0 or why it is not there.
bool Checked(const char* name, FileKind* kind, char path[kPathBytes], int* error) {
  *kind = ServedPath(name, path);
  if (*kind == FileKind::kNone) return false;
  if (*kind != FileKind::kSettingsFolder) {
    *error = CheckExists(path);
    return true;
  }
  Link link = TakeLink();
  *error = link.is_open() ? 0 : ENOENT;
  if (*error == 0) GiveBack(&link);
  return true;
}

// 0 or -1 with errno.
int Result(int error) {
  if (error == 0) return 0;
  errno = error;
  return -1;
}

bool Accessible(const char* name, int mode, int* result) {
  FileKind kind;
  char path[kPathBytes];
  int error = 0;
  if (!Checked(name, &kind, path, &error)) return false;
  const bool may_write = kind == FileKind::kSetting && geteuid() == 0;
  if (error == 0 && (mode & X_OK) != 0 && kind != FileKind::kSettingsFolder) error = EACCES;
  if (error == 0 && (mode & W_OK) != 0 && !may_write) error = EACCES;
  *result = Result(error);
  return true;
}

template <typename Status>
bool Described(const char* name, Status* status, int* result) {
  FileKind kind;
  char path[kPathBytes];
  int error = 0;
  if (!Checked(name, &kind, path, &error)) return false;
  *result = Result(error);
  if (error != 0) return true;
  *status = Status{};
  status->st_mode = kind == FileKind::kProcNet   ? S_IFREG | 0440
                    : kind == FileKind::kSetting ? S_IFREG | 0644
                                                 : S_IFDIR | 0555;
  status->st_nlink = 1;
  status->st_ino = 1;
  status->st_blksize = 1024;
  return true;
}

// A name from malloc, or into `to`; as realpath.
bool Resolved(const char* name, char* to, char** result) {
  FileKind kind;
  char path[kPathBytes];
  int error = 0;
  if (!Checked(name, &kind, path, &error)) return false;
  *result = nullptr;
  if (Result(error) != 0) return true;
  constexpr size_t kLongest = kPathBytes + 16;
  if (to == nullptr) to = static_cast<char*>(malloc(kLongest));
  if (to == nullptr) return true;
  if (kind == FileKind::kProcNet) {
    snprintf(to, kLongest, "/proc/%d%s", getpid(), path + strlen("/proc"));
  } else {
    strcpy(to, path);
  }
  *result = to;
  return true;
}

bool MakesFile(int flags) { return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE; }

// The socket whose dump may end with this descriptor, or 0.
ino_t DumpingSocket(int fd) {
  if (!AnyDump()) return 0;
  const ErrnoKeeper keep;
  const ino_t inode = GenericNetlinkInode(fd);
  return inode != 0 && IsDumping(inode) ? inode : 0;
}

// Ends what goes on over a descriptor that is closed while this stands.
class Closing {
 public:
  explicit Closing(int fd) : socket_(DumpingSocket(fd)), error_(BeforeClose(fd)) {}
  ~Closing() {
    if (socket_ != 0) EndDumpUnlessHeld(socket_);
  }
  Closing(const Closing&) = delete;
  Closing& operator=(const Closing&) = delete;
  // 0, or why a setting that was written was not changed.
  [[nodiscard]] int error() const { return error_; }

 private:
  const ino_t socket_;
  const int error_;
};

}  // namespace
}  // namespace fairlead::preload

using namespace fairlead::preload;  // NOLINT: the hooks below stand outside of any namespace

#define FAIRLEAD_OPEN(name)                                         \
  FAIRLEAD_HOOK int name(const char* path, int flags, ...) {        \
    int fd;                                                         \
    if (Opened(path, flags, &fd)) return fd;                        \
    if (!MakesFile(flags)) return FAIRLEAD_NEXT(name)(path, flags); \
    va_list rest;                                                   \
    va_start(rest, flags);                                          \
    const mode_t mode = va_arg(rest, mode_t);                       \
    va_end(rest);                                                   \
    return FAIRLEAD_NEXT(name)(path, flags, mode);                  \
  }
#define FAIRLEAD_OPENAT(name)                                               \
  FAIRLEAD_HOOK int name(int folder, const char* path, int flags, ...) {    \
    int fd;                                                                 \
    if (Opened(path, flags, &fd)) return fd;                                \
    if (!MakesFile(flags)) return FAIRLEAD_NEXT(name)(folder, path, flags); \
    va_list rest;                                                           \
    va_start(rest, flags);                                                  \
    const mode_t mode = va_arg(rest, mode_t);                               \
    va_end(rest);                                                           \
    return FAIRLEAD_NEXT(name)(folder, path, flags, mode);                  \
  }
FAIRLEAD_OPEN(open)
FAIRLEAD_OPEN(open64)
FAIRLEAD_OPENAT(openat)
FAIRLEAD_OPENAT(openat64)

FAIRLEAD_HOOK int __open_2(const char* path, int flags) {
  int fd;
  return Opened(path, flags, &fd) ? fd : FAIRLEAD_NEXT(__open_2)(path, flags);
}
FAIRLEAD_HOOK int __open64_2(const char* path, int flags) {
  int fd;
  return Opened(path, flags, &fd) ? fd : FAIRLEAD_NEXT(__open64_2)(path, flags);
}
FAIRLEAD_HOOK int __openat_2(int folder, const char* path, int flags) {
  int fd;
  return Opened(path, flags, &fd) ? fd : FAIRLEAD_NEXT(__openat_2)(folder, path, flags);
}
FAIRLEAD_HOOK int __openat64_2(int folder, const char* path, int flags) {
  int fd;
  return Opened(path, flags, &fd) ? fd : FAIRLEAD_NEXT(__openat64_2)(folder, path, flags);
}

FAIRLEAD_HOOK FILE* fopen(const char* path, const char* mode) {
  bool is_served;
  FILE* stream = OpenedStream(path, mode, &is_served);
  return is_served ? stream : FAIRLEAD_NEXT(fopen)(path, mode);
}
FAIRLEAD_HOOK FILE* fopen64(const char* path, const char* mode) {
  bool is_served;
  FILE* stream = OpenedStream(path, mode, &is_served);
  return is_served ? stream : FAIRLEAD_NEXT(fopen64)(path, mode);
}

FAIRLEAD_HOOK int fclose(FILE* stream) {
  const int fd = fileno(stream);
  if (fd >= 0 && MayBeSetting(fd)) fflush(stream);
  const Closing closing(fd);
  const int result = FAIRLEAD_NEXT(fclose)(stream);
  if (closing.error() == 0) return result;
  errno = closing.error();
  return EOF;
}

FAIRLEAD_HOOK int close(int fd) {
  const Closing closing(fd);
  const int result = FAIRLEAD_NEXT(close)(fd);
  return closing.error() == 0 ? result : Result(closing.error());
}
FAIRLEAD_HOOK int dup2(int from, int to) __THROW {
  if (from == to) return FAIRLEAD_NEXT(dup2)(from, to);
  const Closing closing(to);
  return FAIRLEAD_NEXT(dup2)(from, to);
}
FAIRLEAD_HOOK int dup3(int from, int to, int flags) __THROW {
  const Closing closing(to);
  return FAIRLEAD_NEXT(dup3)(from, to, flags);
}
FAIRLEAD_HOOK int close_range(unsigned first, unsigned last, int flags) __THROW {
  const bool closes = (static_cast<unsigned>(flags) & CLOSE_RANGE_CLOEXEC) == 0;
  if (closes) BeforeCloseRange(first, last);
  const int result = FAIRLEAD_NEXT(close_range)(first, last, flags);
  if (closes) EndDumpsNotHeld();
  return result;
}
FAIRLEAD_HOOK void closefrom(int first) __THROW {
  BeforeCloseRange(first < 0 ? 0 : static_cast<unsigned>(first), ~0U);
  FAIRLEAD_NEXT(closefrom)(first);
  EndDumpsNotHeld();
}

FAIRLEAD_HOOK int access(const char* path, int mode) __THROW {
  int result;
  return Accessible(path, mode, &result) ? result : FAIRLEAD_NEXT(access)(path, mode);
}
FAIRLEAD_HOOK int eaccess(const char* path, int mode) __THROW {
  int result;
  return Accessible(path, mode, &result) ? result : FAIRLEAD_NEXT(eaccess)(path, mode);
}
FAIRLEAD_HOOK int faccessat(int folder, const char* path, int mode, int flags) __THROW {
  int result;
  return Accessible(path, mode, &result) ? result
                                         : FAIRLEAD_NEXT(faccessat)(folder, path, mode, flags);
}

FAIRLEAD_HOOK int stat(const char* path, struct stat* status) __THROW {
  int result;
  return Described(path, status, &result) ? result : FAIRLEAD_NEXT(stat)(path, status);
}
FAIRLEAD_HOOK int lstat(const char* path, struct stat* status) __THROW {
  int result;
  return Described(path, status, &result) ? result : FAIRLEAD_NEXT(lstat)(path, status);
}
FAIRLEAD_HOOK int stat64(const char* path, struct stat64* status) __THROW {
  int result;
  return Described(path, status, &result) ? result : FAIRLEAD_NEXT(stat64)(path, status);
}
FAIRLEAD_HOOK int lstat64(const char* path, struct stat64* status) __THROW {
  int result;
  return Described(path, status, &result) ? result : FAIRLEAD_NEXT(lstat64)(path, status);
}
FAIRLEAD_HOOK int fstatat(int folder, const char* path, struct stat* status, int flags) __THROW {
  int result;
  return Described(path, status, &result) ? result
                                          : FAIRLEAD_NEXT(fstatat)(folder, path, status, flags);
}
FAIRLEAD_HOOK int fstatat64(int folder, const char* path, struct stat64* status,
                            int flags) __THROW {
  int result;
  return Described(path, status, &result) ? result
                                          : FAIRLEAD_NEXT(fstatat64)(folder, path, status, flags);
}
// What programs built for a C library before 2.33 call.
FAIRLEAD_HOOK int __xstat(int version, const char* path, struct stat* status) {
  int result;
  return Described(path, status, &result) ? result : FAIRLEAD_NEXT(__xstat)(version, path, status);
}
FAIRLEAD_HOOK int __lxstat(int version, const char* path, struct stat* status) {
  int result;
  return Described(path, status, &result) ? result : FAIRLEAD_NEXT(__lxstat)(version, path, status);
}
FAIRLEAD_HOOK int __xstat64(int version, const char* path, struct stat64* status) {
  int result;
  return Described(path, status, &result) ? result
                                          : FAIRLEAD_NEXT(__xstat64)(version, path, status);
}
FAIRLEAD_HOOK int __lxstat64(int version, const char* path, struct stat64* status) {
  int result;
  return Described(path, status, &result) ? result
                                          : FAIRLEAD_NEXT(__lxstat64)(version, path, status);
}
FAIRLEAD_HOOK int statx(int folder, const char* path, int flags, unsigned mask,
                        struct statx* status) __THROW {
  struct stat plain;
  int result;
  if (!Described(path, &plain, &result)) {
    return FAIRLEAD_NEXT(statx)(folder, path, flags, mask, status);
  }
  if (result != 0) return result;
  memset(status, 0, sizeof *status);
  status->stx_mask = STATX_TYPE | STATX_MODE | STATX_NLINK | STATX_INO | STATX_SIZE;
  status->stx_mode = static_cast<uint16_t>(plain.st_mode);
  status->stx_nlink = 1;
  status->stx_ino = 1;
  status->stx_blksize = 1024;
  return 0;
}

FAIRLEAD_HOOK char* realpath(const char* path, char* to) __THROW {
  char* result;
  return Resolved(path, to, &result) ? result : FAIRLEAD_NEXT(realpath)(path, to);
}
FAIRLEAD_HOOK char* __realpath_chk(const char* path, char* to, size_t room) {
  char* result;
  return Resolved(path, to, &result) ? result : FAIRLEAD_NEXT(__realpath_chk)(path, to, room);
}
FAIRLEAD_HOOK char* canonicalize_file_name(const char* path) __THROW {
  char* result;
  return Resolved(path, nullptr, &result) ? result : FAIRLEAD_NEXT(canonicalize_file_name)(path);
}
