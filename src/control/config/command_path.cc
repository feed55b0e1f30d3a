#include "control/config/command_path.h"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <optional>

namespace fairlead::control {
namespace {

constexpr int kMostLinks = 16;

// Without "." and "..", which may only stand behind a link: what is before them is a directory.
std::string Normal(const std::string& path) {
  std::string normal;
  for (size_t at = 0; at < path.size();) {
    const size_t end = std::min(path.find('/', at), path.size());
    const std::string part = path.substr(at, end - at);
    if (part == "..") {
      normal.erase(normal.empty() ? 0 : normal.rfind('/'));
    } else if (!part.empty() && part != ".") {
      normal += "/" + part;
    }
    at = end + 1;
  }
  return normal.empty() ? "/" : normal;
}

std::string FaultOfPart(const std::string& path, const struct stat& about) {
  if (about.st_uid != 0) return path + " is not root's";
  if (S_ISLNK(about.st_mode)) return "";  // its mode says nothing
  if ((about.st_mode & S_IWOTH) != 0) return path + " is writable by everybody";
  if ((about.st_mode & S_IWGRP) != 0) return path + " is writable by its group";
  return "";
}

std::string FaultOfFile(const std::string& path, const struct stat& about) {
  if (!S_ISREG(about.st_mode)) return path + " is not a file";
  if ((about.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) == 0) return path + " is not executable";
  return "";
}

// The path behind the first link, or none when there is none and *fault says the rest.
std::optional<std::string> Follow(const std::string& path, std::string* fault) {
  for (size_t end = 0; end != std::string::npos;) {
    end = end == 0 ? 1 : path.find('/', end + 1);
    if (path.size() == 1 && end == std::string::npos) break;
    const std::string part = path.substr(0, end);
    struct stat about {};
    if (lstat(part.c_str(), &about) != 0) {
      *fault = part + ": " + std::strerror(errno);
      return std::nullopt;
    }
    *fault = FaultOfPart(part, about);
    if (!fault->empty()) return std::nullopt;
    if (S_ISLNK(about.st_mode)) {
      char target[PATH_MAX];
      const ssize_t size = readlink(part.c_str(), target, sizeof target);
      if (size <= 0) {
        *fault = part + ": " + std::strerror(errno);
        return std::nullopt;
      }
      const std::string to(target, static_cast<size_t>(size));
      const std::string rest = end == std::string::npos ? "" : path.substr(end);
      return Normal((to[0] == '/' ? to : part.substr(0, part.rfind('/')) + "/" + to) + rest);
    }
    const bool is_last = end == std::string::npos || end == path.size();
    if (is_last && part.size() == path.size()) *fault = FaultOfFile(part, about);
  }
  return std::nullopt;
}

}  // namespace

std::string FaultOfCommand(const std::string& path) {
  std::string at = Normal(path), fault;
  for (int links = 0; links < kMostLinks; ++links) {
    std::optional<std::string> next = Follow(at, &fault);
    if (!next) return fault;
    at = *std::move(next);
  }
  return path + " goes through too many symbolic links";
}

std::string FaultForUser(const std::string& path, const std::string& script_user) {
  const bool is_root = geteuid() == 0;
  std::string who = "us";
  uid_t user = geteuid();
  gid_t group = getegid();
  if (is_root) {
    who = "the user " + script_user + " (director.script_user)";
    passwd entry{};
    passwd* found = nullptr;
    std::array<char, 16384> buffer;
    getpwnam_r(script_user.c_str(), &entry, buffer.data(), buffer.size(), &found);
    if (found == nullptr) return "there is no user " + script_user + " (director.script_user)";
    user = found->pw_uid;
    group = found->pw_gid;
  }
  if (user == 0) return "";
  for (size_t end = 0; end != std::string::npos;) {
    end = path.find('/', end + 1);
    const std::string part = path.substr(0, end);
    struct stat about {};
    if (stat(part.c_str(), &about) != 0) return part + ": " + std::strerror(errno);
    const mode_t bit = about.st_uid == user ? S_IXUSR : about.st_gid == group ? S_IXGRP : S_IXOTH;
    if ((about.st_mode & bit) != 0) continue;
    return part + (end == std::string::npos ? " is not executable for " : " is closed to ") + who;
  }
  return "";
}

}  // namespace fairlead::control
