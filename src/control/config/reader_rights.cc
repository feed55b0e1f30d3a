#include "control/config/reader_rights.h"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

namespace fairlead::control {
namespace {

constexpr const char* kUnitUser = "fairlead";

bool MayDo(const FileRights& rights, const Reader& reader, mode_t wanted) {
  if (reader.user == 0) return true;
  if (rights.user == reader.user) return (rights.mode & (wanted << 6)) != 0;
  const bool is_member = std::ranges::find(reader.groups, rights.group) != reader.groups.end();
  return (rights.mode & (is_member ? wanted << 3 : wanted)) != 0;
}

// The directory on the way that is closed, or the file itself; empty: it may be read.
std::string FindClosed(const std::string& path, const Reader& reader,
                       const RightsReader& rights_of) {
  for (size_t end = path.find('/', 1); end != std::string::npos; end = path.find('/', end + 1)) {
    const std::string directory = path.substr(0, end);
    const auto rights = rights_of(directory);
    if (rights && !MayDo(*rights, reader, 1)) return directory;
  }
  const auto rights = rights_of(path);
  return !rights || MayDo(*rights, reader, 4) ? "" : path;
}

}  // namespace

std::optional<Reader> UserOfTheUnit() {
  if (geteuid() != 0) return std::nullopt;
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 16384> buffer;
  getpwnam_r(kUnitUser, &entry, buffer.data(), buffer.size(), &found);
  if (found == nullptr) return std::nullopt;
  Reader reader{kUnitUser, found->pw_uid, std::vector<gid_t>(256)};
  int count = static_cast<int>(reader.groups.size());
  if (getgrouplist(kUnitUser, found->pw_gid, reader.groups.data(), &count) < 0) count = 0;
  reader.groups.resize(static_cast<size_t>(count));
  reader.groups.push_back(found->pw_gid);
  return reader;
}

std::optional<FileRights> RightsOnThisMachine(const std::string& path) {
  struct stat about {};
  if (stat(path.c_str(), &about) != 0) return std::nullopt;
  return FileRights{about.st_mode, about.st_uid, about.st_gid};
}

std::vector<Unreadable> FindUnreadable(const ConfigModel& model, const Reader& reader,
                                       const RightsReader& rights_of) {
  std::vector<Unreadable> all;
  const auto look = [&](const std::string& place, const std::string& path) {
    if (path.empty()) return;
    const std::string closed = FindClosed(path, reader, rights_of);
    if (closed.empty()) return;
    const bool is_file = closed == path;
    all.push_back(
        {place,
         "the user " + reader.name + ", as whom the unit runs the director, may not " +
             (is_file ? "read " + path : "look into " + closed + ", where " + path + " is"),
         "chgrp " + reader.name + " " + closed + " && chmod g+" + (is_file ? "r " : "x ") +
             closed});
  };
  for (size_t i = 0; i < model.api.listen.size(); ++i) {
    const ApiListen& listen = model.api.listen[i];
    const std::string place = "api.listen[" + std::to_string(i) + "].";
    look(place + "certificate", listen.certificate);
    look(place + "key", listen.key);
    look(place + "client_ca", listen.client_ca);
    look(place + "crl", listen.crl);
    look(place + "tokens", listen.tokens);
  }
  const StreamConfig& stream = model.sync.stream;
  look("sync.key_file", stream.key_file);
  look("sync.certificate", stream.certificate);
  look("sync.key", stream.key);
  look("sync.ca", stream.ca);
  return all;
}

std::vector<Error> WarningsForUserOfTheUnit(const ConfigModel& model) {
  const std::optional<Reader> reader = UserOfTheUnit();
  std::vector<Error> warnings;
  if (!reader) return warnings;
  for (const Unreadable& each : FindUnreadable(model, *reader, RightsOnThisMachine)) {
    warnings.push_back({ErrorCode::kInvalid, each.sentence + ": " + each.mends, each.place});
  }
  return warnings;
}

}  // namespace fairlead::control
