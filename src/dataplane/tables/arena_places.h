// Where an arena is.
//
//   auto places = FindArenaPlaces("auto", "edge-1", false, mountinfo);  // /dev/shm/fairlead-edge-1
//   if (!places) return places.error();
//
// Threads: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace fairlead::dataplane {

struct ArenaPlaces {
  std::string directory;           // of the header, the lock, and what others keep beside them
  std::string sections_directory;  // of the records
};

// `setting`: director.arena, "auto" or an absolute path. With reserved huge pages the records are
// on hugetlbfs, whatever the setting; the rest never is, since write(2) fails there. `mountinfo`:
// the text of /proc/self/mountinfo.
// Errors: kInvalid for "none" and what is no path; kUnavailable when hugetlbfs is not mounted.
Result<ArenaPlaces> FindArenaPlaces(std::string_view setting, std::string_view director,
                                    bool has_reserved_huge_pages, std::string_view mountinfo);
// "fairlead-" and the name, with _ for bytes that no name of a director has.
std::string ArenaDirectoryName(std::string_view director);
// The first mount of hugetlbfs with pages of 2 MiB.
std::optional<std::string> FindHugePageMount(std::string_view mountinfo);

}  // namespace fairlead::dataplane
