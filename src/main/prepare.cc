#include "main/prepare.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/file_descriptor.h"
#include "dataplane/tables/arena_places.h"

namespace fairlead {
namespace {

Error Failure(const std::string& what, const std::string& path, int error) {
  return Error{ErrorCode::kSystem, "cannot " + what + " " + path + ": " + std::strerror(error), ""};
}

// The directory is opened, not named, so that a link in its place gives nothing away.
Status Give(const std::string& path, const passwd& to) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return Failure("make", path, errno);
  const FileDescriptor directory(
      ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!directory) return Failure("open the directory", path, errno);
  if (::fchown(directory.get(), to.pw_uid, to.pw_gid) != 0) {
    return Failure("give to " + std::string(to.pw_name) + " the directory", path, errno);
  }
  if (::fchmod(directory.get(), 0700) != 0) return Failure("set the mode of", path, errno);
  return Done{};
}

}  // namespace

Status PrepareFor(const std::string& user, const control::ConfigModel& model,
                  std::string_view mountinfo) {
  const control::DirectorConfig& director = model.director;
  if (director.hugepages != control::AutoOnOff::kOn || director.arena == "none") return Done{};
  const passwd* entry = ::getpwnam(user.c_str());
  if (entry == nullptr) {
    return Error{ErrorCode::kNotFound, "there is no user \"" + user + "\" on this machine", ""};
  }
  const auto places = dataplane::FindArenaPlaces(director.arena, director.name,
                                                 /*has_reserved_huge_pages=*/true, mountinfo);
  if (!places) return places.error();
  return Give(places->sections_directory, *entry);
}

}  // namespace fairlead
