#include "base/private_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "base/file_descriptor.h"

namespace fairlead {

namespace {

Error Refusal(const std::string& path, const std::string& why) {
  return {ErrorCode::kInvalid, why, path};
}

Result<FileDescriptor> OpenPrivate(const std::string& path) {
  // Without waiting for a writer, should it be a pipe.
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file) return Refusal(path, std::string("cannot be read: ") + std::strerror(errno));
  struct stat s {};
  if (::fstat(file.get(), &s) != 0) return Refusal(path, std::strerror(errno));
  if (!S_ISREG(s.st_mode)) return Refusal(path, "is not a regular file");
  if ((s.st_mode & (S_IROTH | S_IWOTH)) != 0) {
    return Refusal(path, "holds a secret and everybody may read or write it; chmod o= " + path);
  }
  return file;
}

}  // namespace

Result<std::string> ReadPrivateFile(const std::string& path, size_t most_bytes) {
  auto file = OpenPrivate(path);
  if (!file) return file.error();
  std::string text;
  char chunk[4096];
  for (;;) {
    const ssize_t n = ::read(file->get(), chunk, sizeof chunk);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Refusal(path, std::string("cannot be read: ") + std::strerror(errno));
    if (n == 0) return text;
    text.append(chunk, static_cast<size_t>(n));
    if (text.size() > most_bytes) {
      return Refusal(path, "has more than " + std::to_string(most_bytes) + " bytes");
    }
  }
}

Status CheckPrivateFile(const std::string& path) {
  const auto file = OpenPrivate(path);
  if (!file) return file.error();
  return Done{};
}

std::string StampOfFile(const std::string& path) {
  struct stat s {};
  if (::stat(path.c_str(), &s) != 0) return "none";
  const auto text = [](const timespec& t) {
    return std::to_string(t.tv_sec) + "." + std::to_string(t.tv_nsec);
  };
  return std::to_string(s.st_dev) + " " + std::to_string(s.st_ino) + " " +
         std::to_string(s.st_size) + " " + text(s.st_mtim) + " " + text(s.st_ctim);
}

}  // namespace fairlead
