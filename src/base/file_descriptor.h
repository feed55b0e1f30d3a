// A file descriptor that closes itself.
//
//   FileDescriptor file(::open(path, O_RDONLY | O_CLOEXEC));
//   if (!file) return …;                      // errno says why
//   ::fstat(file.get(), &status);
//
// Threads: a value; move it.
#pragma once

#include <unistd.h>

#include <string>
#include <utility>

namespace fairlead {

class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) noexcept : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept { std::swap(fd_, other.fd_); }
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }

  explicit operator bool() const noexcept { return fd_ >= 0; }
  [[nodiscard]] int get() const noexcept { return fd_; }
  // The descriptor, which is the caller's to close from now on.
  [[nodiscard]] int Release() noexcept { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

// One of several that are passed on.
struct NamedDescriptor {
  std::string name;
  FileDescriptor descriptor;
};

}  // namespace fairlead
