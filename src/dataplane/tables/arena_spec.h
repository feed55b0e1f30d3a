// What an arena is asked to be, and what a start can find instead. Values; arena.h has the picture.
//
// Threads: values.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/toeplitz.h"
#include "dataplane/tables/memory.h"

namespace fairlead::dataplane {

// Records of one kind, as many for each worker.
struct ArenaSection {
  std::string_view name;  // 1…23 bytes; what the section is found by in another version's arena
  uint64_t record_bytes = 0;  // 1…65,536
  uint64_t records = 0;       // for each worker; at most 2³²
  uint64_t layout = 0;        // what is where in a record: record_layout.h
};

// Makes a record of this version from one of an earlier version. `to` is zero before. Called for
// every record, in use or not, whatever is in it: it follows nothing and trusts nothing.
struct ArenaConverter {
  std::string_view section;
  uint64_t from_layout = 0;
  uint64_t from_record_bytes = 0;
  uint64_t to_layout = 0;
  void (*convert)(const std::byte* from, std::byte* to) noexcept = nullptr;
};

struct ArenaSpec {
  std::string directory;           // absolute; of the header, the lock and what others keep beside
  std::string sections_directory;  // of the records; empty: the same
  std::string director;            // 1…63 bytes
  uint32_t workers = 1;            // 1…kMaxWorkers
  std::vector<ArenaSection> sections;         // 1…kMaxArenaSections
  HugePages pages = HugePages::kTransparent;  // off: 4 KiB on purpose; hugetlbfs decides by itself
  bool is_fresh = false;                      // begin empty, whatever is found
  std::span<const ArenaConverter> converters;
};

inline constexpr size_t kMaxArenaSections = 16;

// What a start found, and so whether there is something to take up.
enum class ArenaStart : uint8_t {
  kNew,            // nothing was there
  kAfterStop,      // records of a run that stopped in order
  kAfterCrash,     // records of a run that ended somehow
  kReshaped,       // records for other workers or capacities: in previous()
  kConverted,      // records of an earlier version, converted: in previous()
  kAskedFresh,     // begun empty because that was asked for; and so all below, for their reasons
  kOtherBoot,      // the machine was started since, so ticks say nothing
  kOtherLayout,    // records as another version writes them, and no converter
  kOtherDirector,  // another director's records
  kDamaged,        // a header that no arena has, or a file that is too short
  kSetAside,       // three take-ups in a row did not end
};

// "after-crash", for logs, status and metrics.
std::string_view ArenaStartName(ArenaStart start);
// There are records to be taken up.
constexpr bool HasRecords(ArenaStart start) {
  return start >= ArenaStart::kAfterStop && start <= ArenaStart::kConverted;
}
// What was found is somebody's loss, and kept for a look.
constexpr bool IsLoss(ArenaStart start) { return start >= ArenaStart::kOtherLayout; }

// Drawn when the arena was made, and as old as its records: a flow has to find its bucket and its
// worker again.
struct ArenaSecrets {
  std::array<uint64_t, 2> table_hash{};
  ToeplitzKey toeplitz{};
};

// Where each section of each worker begins in the file of the records.
class SectionMap {
 public:
  // Nothing when a number is out of bounds (ArenaSection, ArenaSpec).
  static std::optional<SectionMap> Make(uint32_t workers, std::span<const ArenaSection> sections);

  [[nodiscard]] uint64_t file_bytes() const { return file_bytes_; }
  [[nodiscard]] uint64_t offset(uint32_t worker, size_t index) const {
    return offsets_[worker * bytes_.size() + index];
  }
  [[nodiscard]] uint64_t bytes(size_t index) const { return bytes_[index]; }

 private:
  uint64_t file_bytes_ = 0;
  std::vector<uint64_t> offsets_;  // worker by worker
  std::vector<uint64_t> bytes_;    // of a section
};

}  // namespace fairlead::dataplane
