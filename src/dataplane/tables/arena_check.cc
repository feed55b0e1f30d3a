#include "dataplane/tables/arena_check.h"

#include <sys/statvfs.h>

#include <string>
#include <utility>

#include "dataplane/tables/arena_folder.h"
#include "dataplane/tables/arena_header.h"
#include "dataplane/tables/arena_opening.h"

namespace fairlead::dataplane {
namespace {

// Both files are there while records are moved.
Status CheckRoom(const ArenaSpec& spec) {
  const auto map = SectionMap::Make(spec.workers, spec.sections);
  struct statvfs status {};
  if (!map || ::statvfs(spec.sections_directory.c_str(), &status) != 0) return Done{};
  const uint64_t free = uint64_t{status.f_bavail} * status.f_frsize;
  if (free >= map->file_bytes()) return Done{};
  return Error{ErrorCode::kUnavailable,
               "the records of the arena have to be moved, for which " +
                   std::to_string(map->file_bytes()) + " bytes are needed in " +
                   spec.sections_directory + " and " + std::to_string(free) +
                   " are free; give it more space",
               ""};
}

}  // namespace

Status CheckTakeUp(ArenaSpec spec) {
  if (spec.sections_directory.empty()) spec.sections_directory = spec.directory;
  if (Status good = CheckArenaSpec(spec); !good) return good;
  const auto witness = ReadWitness();
  if (!witness) return witness.error();
  const auto folder = ArenaFolder::Open(spec.directory);
  if (!folder) return folder.error();
  const auto bytes = folder->ReadStart(kHeaderName, kArenaHeaderBytes);
  if (!bytes) return bytes.error();
  if (!bytes->has_value()) {
    return Error{ErrorCode::kNotFound, "there is no arena in " + spec.directory, ""};
  }
  const ArenaVerdict verdict = JudgeHeader(**bytes, spec, *witness);
  if (!HasRecords(verdict.start)) {
    return Error{ErrorCode::kInvalid, "the tables would start empty: " + verdict.reason, ""};
  }
  const auto header = WholeHeader(**bytes, *witness);
  const auto records = ArenaFolder::Open(std::string(ArenaText(header->sections_directory)));
  if (!records) return records.error();
  const auto mapped =
      records->OpenMapped(SectionsName(header->sections_number), header->sections_bytes,
                          MapMode::kReadOnly, HugePages::kOff);
  if (!mapped) return mapped.error();
  const bool is_moved =
      verdict.start == ArenaStart::kReshaped || verdict.start == ArenaStart::kConverted;
  return is_moved ? CheckRoom(spec) : Status(Done{});
}

}  // namespace fairlead::dataplane
