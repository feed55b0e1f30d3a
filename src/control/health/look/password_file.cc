#include "control/health/look/password_file.h"

#include <string>
#include <utility>

#include "control/config/read_file.h"

namespace fairlead::control {
namespace {

constexpr size_t kMostFileBytes = 1 << 20;

Result<std::string> FirstLineOf(const std::string& path) {
  const auto fail = [&](const std::string& why) {
    return Error{ErrorCode::kSystem, "the password file " + path + " cannot be used: " + why, path};
  };
  Result<std::string> text = ReadFile(path, kMostFileBytes);
  if (!text) return fail(text.error().message);
  std::string line = text->substr(0, text->find('\n'));
  if (line.ends_with('\r')) line.pop_back();
  if (line.empty()) return fail("its first line is empty");
  if (line.size() > kMostPasswordBytes) {
    return fail("its first line is longer than " + std::to_string(kMostPasswordBytes) + " bytes");
  }
  return line;
}

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
    Result<std::string> line = FirstLineOf(probe->password_file);
    if (!line) return line.error();
    probe->password = *std::move(line);
    return std::nullopt;
  }
};

}  // namespace

std::optional<Error> FillPassword(ProbeQuestion* question) {
  return std::visit(Filler{}, *question);
}

}  // namespace fairlead::control
