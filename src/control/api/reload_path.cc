#include "control/api/reload_path.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <optional>

#include "base/file_descriptor.h"

namespace fairlead::api {
namespace {

std::string DirectoryOf(const std::string& file) {
  const size_t slash = file.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : file.substr(0, slash);
}

// Without symbolic links; nothing when it is not there.
std::optional<std::string> RealPath(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr), &std::free);
  return real ? std::optional<std::string>(real.get()) : std::nullopt;
}

// The rest of `path` behind `directory`, which is not empty.
std::optional<std::string> Below(const std::string& directory, const std::string& path) {
  const std::string head = directory.ends_with('/') ? directory : directory + "/";
  if (!path.starts_with(head) || path.size() == head.size()) return std::nullopt;
  return path.substr(head.size());
}

bool IsConfigurationName(const std::string& path) {
  constexpr std::array<std::string_view, 3> kEndings{".yaml", ".yml", ".json"};
  return std::ranges::any_of(kEndings, [&](std::string_view end) { return path.ends_with(end); });
}

// By the mode alone. Of the groups of a user the kernel tells the first.
bool MayRead(const struct stat& file, const User& user) {
  if (user.uid == 0) return true;
  if (file.st_uid == user.uid) return (file.st_mode & S_IRUSR) != 0;
  if (file.st_gid == user.gid) return (file.st_mode & S_IRGRP) != 0;
  return (file.st_mode & S_IROTH) != 0;
}

}  // namespace

Status CheckReloadPath(const std::string& start, const std::string& path, const User& user) {
  if (path == start) return Done{};
  const std::string directory = DirectoryOf(start);
  const std::optional<std::string> real = RealPath(directory);
  const Error refusal{ErrorCode::kInvalid,
                      "Must be a .yaml, .yml or .json file below " + real.value_or(directory) +
                          ", where the director's configuration is, that you may read; nothing "
                          "was loaded",
                      "path"};
  if (!real || !IsConfigurationName(path) || path.find('\0') != std::string::npos) return refusal;
  std::optional<std::string> rest = Below(directory, path);
  if (!rest) rest = Below(*real, path);
  if (!rest) return refusal;
  const FileDescriptor root(::open(real->c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  const FileDescriptor file(
      static_cast<int>(::syscall(SYS_openat2, root.get(), rest->c_str(), &how, sizeof how)));
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0) return refusal;
  if (!S_ISREG(status.st_mode) || !MayRead(status, user)) return refusal;
  return Done{};
}

}  // namespace fairlead::api
