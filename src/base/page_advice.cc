#include "base/page_advice.h"

#include <mntent.h>

#include <array>
#include <cstdio>
#include <memory>
#include <utility>

namespace fairlead {
namespace {

struct Mount {
  std::string place;
  std::string type;
  std::string options;
};

bool IsBelow(std::string_view directory, std::string_view place) {
  if (place == "/" || directory == place) return true;
  return directory.starts_with(place) && directory[place.size()] == '/';
}

// The innermost; of two in one place the later one hides the other.
Mount MountOf(std::string_view directory, std::string mounts) {
  Mount found;
  if (mounts.empty()) return found;
  const std::unique_ptr<FILE, int (*)(FILE*)> file(::fmemopen(mounts.data(), mounts.size(), "r"),
                                                   &std::fclose);
  if (!file) return found;
  std::array<char, 4096> buffer;
  for (mntent each; ::getmntent_r(file.get(), &each, buffer.data(), buffer.size()) != nullptr;) {
    const std::string_view place = each.mnt_dir;
    if (!IsBelow(directory, place) || place.size() < found.place.size()) continue;
    found = {each.mnt_dir, each.mnt_type, each.mnt_opts};
  }
  return found;
}

// With huge=never, the default, madvise(2) has no effect.
bool AllowsHugePages(const Mount& mount) {
  const std::string options = "," + mount.options + ",";
  for (const char* value : {"always", "within_size", "advise"}) {
    if (options.find(",huge=" + std::string(value) + ",") != std::string::npos) return true;
  }
  return false;
}

}  // namespace

std::optional<std::string> HugePageRemedy(std::string_view directory, std::string mounts,
                                          std::string_view shmem_enabled) {
  const Mount mount = MountOf(directory, std::move(mounts));
  if (mount.type.empty() || mount.type == "hugetlbfs") return std::nullopt;
  if (mount.type != "tmpfs") {
    return "the directory is on " + mount.type +
           ": set director.arena to auto, or to a directory on tmpfs";
  }
  if (shmem_enabled.find("[force]") != std::string_view::npos) return std::nullopt;
  std::string commands;
  if (shmem_enabled.find("[deny]") != std::string_view::npos) {
    commands.append("echo never > ").append(kShmemEnabled);
  }
  if (!AllowsHugePages(mount)) {
    if (!commands.empty()) commands.append(" && ");
    commands.append("mount -o remount,huge=advise ").append(mount.place);
  }
  if (commands.empty()) return std::nullopt;
  return commands;
}

}  // namespace fairlead
