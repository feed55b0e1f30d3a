#include "control/config/read_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace fairlead::control {
namespace {

Error SystemError() { return {ErrorCode::kSystem, std::strerror(errno), ""}; }

using File = std::unique_ptr<FILE, int (*)(FILE*)>;

// Regular files only: a pipe, a terminal or a device may keep its reader waiting for ever, and on a
// reload that is the thread that checks the real servers.
Result<File> Open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return SystemError();
  File file(::fdopen(fd, "rb"), &std::fclose);
  if (!file) {
    ::close(fd);
    return SystemError();
  }
  struct stat status {};
  if (::fstat(fd, &status) != 0) return SystemError();
  if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) {
    return Error{ErrorCode::kInvalid, "it is not a regular file", ""};
  }
  return file;
}

}  // namespace

Result<std::string> ReadFile(const std::string& path, size_t max_bytes) {
  const auto file = Open(path);
  if (!file) return file.error();
  std::string text;
  constexpr size_t kChunk = 256 << 10;
  for (;;) {
    const size_t before = text.size();
    text.resize(before + kChunk);
    const size_t got = std::fread(text.data() + before, 1, kChunk, file->get());
    text.resize(before + got);
    if (std::ferror(file->get()) != 0) return SystemError();  // a directory, for one
    if (text.size() > max_bytes) {
      return Error{ErrorCode::kInvalid,
                   "it is larger than " + std::to_string(max_bytes >> 20) + " MiB", ""};
    }
    if (got < kChunk) return text;
  }
}

}  // namespace fairlead::control
