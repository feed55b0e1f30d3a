#include "control/health/look/password_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

namespace fairlead::control {
namespace {

struct Filler {
  std::optional<Error> operator()(MysqlProbe& mysql) const { return Fill(&mysql); }
  std::optional<Error> operator()(LdapProbe& ldap) const { return Fill(&ldap); }
  std::optional<Error> operator()(RedisProbe& redis) const { return Fill(&redis); }
  template <typename Probe>
  std::optional<Error> operator()(Probe&) const {
    return std::nullopt;
  }

  template <typename Probe>
  static std::optional<Error> Fill(Probe* probe) {
    if (probe->password_file.empty()) return std::nullopt;
    Result<std::string> line = ReadPassword(probe->password_file);
    if (!line) return line.error();
    probe->password = *std::move(line);
    return std::nullopt;
  }
};

}  // namespace

Result<std::string> ReadPassword(const std::string& path) {
  const auto fail = [&](const std::string& why) {
    return Error{ErrorCode::kSystem, "the password file " + path + " cannot be used: " + why, path};
  };
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return fail(std::strerror(errno));
  struct stat status {};
  const bool is_file = ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
  // Of the longest line also its end, CR LF.
  std::array<char, kMostPasswordBytes + 2> bytes;
  const ssize_t count = is_file ? ::read(fd, bytes.data(), bytes.size()) : 0;
  const int read_error = count < 0 ? errno : 0;
  ::close(fd);
  if (!is_file) return fail("it is not a regular file");
  if (count < 0) return fail(std::strerror(read_error));
  const std::string_view text(bytes.data(), static_cast<size_t>(count));
  std::string_view line = text.substr(0, text.find('\n'));
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.empty()) return fail("its first line is empty");
  if (line.size() > kMostPasswordBytes) {
    return fail("its first line is longer than " + std::to_string(kMostPasswordBytes) + " bytes");
  }
  return std::string(line);
}

std::optional<Error> FillPassword(ProbeQuestion* question) {
  return std::visit(Filler{}, *question);
}

}  // namespace fairlead::control
