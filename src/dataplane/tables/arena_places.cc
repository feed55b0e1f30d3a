#include "dataplane/tables/arena_places.h"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <sstream>
#include <vector>

namespace fairlead::dataplane {
namespace {

bool IsNameByte(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
         std::string_view("._-:").find(c) != std::string_view::npos;
}

bool IsOctal(char c) { return c >= '0' && c <= '7'; }

// mountinfo writes a blank as \040.
std::string Unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || text.size() - i < 4 ||
        !std::ranges::all_of(text.substr(i + 1, 3), IsOctal)) {
      out += text[i];
      continue;
    }
    out +=
        static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
    i += 3;
  }
  return out;
}

// O_NOFOLLOW follows "link/".
std::string WithoutLastSlashes(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  return std::string(path);
}

}  // namespace

std::string ArenaDirectoryName(std::string_view director) {
  std::string name = "fairlead-" + std::string(director);
  std::ranges::replace_if(
      name, [](char c) { return !IsNameByte(c); }, '_');
  return name;
}

std::optional<std::string> FindHugePageMount(std::string_view mountinfo) {
  std::istringstream lines{std::string(mountinfo)};
  for (std::string line; std::getline(lines, line);) {
    // ID PARENT MAJOR:MINOR ROOT MOUNT-POINT OPTIONS TAGS… - TYPE SOURCE SUPER-OPTIONS (proc(5))
    std::istringstream in(line);
    const std::vector<std::string> words{std::istream_iterator<std::string>(in), {}};
    const auto dash = std::ranges::find(words, "-");
    if (dash - words.begin() < 6 || words.end() - dash < 4 || dash[1] != "hugetlbfs") continue;
    const std::string options = "," + dash[3] + ",";
    if (options.find(",pagesize=2M,") == std::string::npos) continue;
    return Unescape(words[4]);
  }
  return std::nullopt;
}

Result<ArenaPlaces> FindArenaPlaces(std::string_view setting, std::string_view director,
                                    bool has_reserved_huge_pages, std::string_view mountinfo) {
  ArenaPlaces places;
  if (setting == "auto") {
    places.directory = "/dev/shm/" + ArenaDirectoryName(director);
  } else if (setting.starts_with('/')) {
    places.directory = WithoutLastSlashes(setting);
  } else {
    return Error{ErrorCode::kInvalid,
                 "director.arena: \"" + std::string(setting) +
                     "\" names no directory; say auto, or an absolute path",
                 ""};
  }
  places.sections_directory = places.directory;
  if (!has_reserved_huge_pages) return places;
  const auto mount = FindHugePageMount(mountinfo);
  if (!mount) {
    return Error{ErrorCode::kUnavailable,
                 "the arena needs hugetlbfs, since the tables use reserved huge pages, and it is "
                 "not mounted with pages of 2 MiB: mount -t hugetlbfs -o pagesize=2M none "
                 "/dev/hugepages; or say director.arena: none, or director.hugepages: off",
                 ""};
  }
  places.sections_directory = WithoutLastSlashes(*mount) + "/" + ArenaDirectoryName(director);
  return places;
}

}  // namespace fairlead::dataplane
