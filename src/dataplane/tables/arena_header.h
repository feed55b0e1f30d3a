// The header of an arena: what its records are, and how far the run came that wrote them. The page
// with every byte is docs/arena.md.
//
//   ArenaVerdict verdict = JudgeHeader(bytes_of_the_file, spec, witness);
//   if (verdict.start == ArenaStart::kAfterCrash) …
//
// The first half is written once, before the header has its name, and has a checksum. The second
// half is written while the arena is in use, each field by one store of eight bytes at most.
// Threads: one process has it mapped, one thread writes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "dataplane/tables/arena_spec.h"

namespace fairlead::dataplane {

inline constexpr uint64_t kArenaMagic = 0x414e'4552'4144'4c46;  // "FLDARENA" as bytes
inline constexpr uint32_t kArenaVersion = 1;
inline constexpr size_t kMostUnfinishedTakeUps = 3;

// They differ in many bits, so no flipped bit makes one of them another.
enum class ArenaState : uint32_t {
  kMade = 0x6564'616d,     // "made": no run has begun
  kRunning = 0x206e'7572,  // "run "
  kStopped = 0x706f'7473,  // "stop": in order
};

struct ArenaHeaderSection {
  std::array<char, 24> name;  // zero behind the name
  uint64_t record_bytes;
  uint64_t records;
  uint64_t layout;
};

// An end of text is zero; all times are CLOCK_BOOTTIME in ns unless they say otherwise.
struct ArenaHeader {
  // ---- never changes
  uint64_t magic;
  uint32_t version;
  uint32_t header_bytes;
  uint64_t checksum;  // of the first half, with zero in its place
  std::array<char, 40> boot_id;
  std::array<char, 64> director;
  uint64_t epoch_ns;  // of tick 0
  ArenaSecrets secrets;
  uint32_t workers;
  uint32_t section_count;
  uint64_t sections_number;  // the records are in the file sections-NUMBER
  uint64_t sections_bytes;   // of that file, at least
  std::array<char, 256> sections_directory;
  std::array<char, 256> former_directory;  // where records were before; a file may be left there
  std::array<ArenaHeaderSection, kMaxArenaSections> sections;
  std::array<std::byte, 552> reserved;  // zero
  // ---- changes
  ArenaState state;
  uint32_t reserved_state;  // zero
  uint64_t started_ns;
  uint64_t heartbeat_ns;
  uint64_t stopped_ns;
  std::array<uint64_t, kMostUnfinishedTakeUps> take_ups_ns;  // begun and not ended; 0: a free place
  std::array<std::byte, 1992> reserved_changes;              // zero

  [[nodiscard]] std::vector<ArenaSection> SectionList() const;  // views into this header
  [[nodiscard]] size_t unfinished_take_ups() const;
  // The last sign of life.
  [[nodiscard]] uint64_t last_seen_ns() const;
};
inline constexpr size_t kArenaHeaderBytes = 4096;
static_assert(sizeof(ArenaHeader) == kArenaHeaderBytes && offsetof(ArenaHeader, state) == 2048);
static_assert(std::is_trivially_copyable_v<ArenaHeader> && std::is_standard_layout_v<ArenaHeader>);

// The text in a field that ends with a zero or with the field.
std::string_view ArenaText(std::span<const char> field);

// What this machine is and when it is now.
struct ArenaWitness {
  std::string boot_id;
  uint64_t now_ns = 0;
};

// What records keep when they move into another arena.
struct ArenaOrigin {
  ArenaSecrets secrets;
  uint64_t epoch_ns = 0;
};

// The header of an arena as `spec` asks for it, without a checksum; state: made. Precondition:
// CheckArenaSpec(spec).
ArenaHeader MakeArenaHeader(const ArenaSpec& spec, const ArenaWitness& witness,
                            const ArenaOrigin& origin, uint64_t sections_number);
uint64_t ArenaChecksum(const ArenaHeader& header);

// kInvalid with a sentence when it is out of bounds.
Status CheckArenaSpec(const ArenaSpec& spec);

struct ArenaVerdict {
  ArenaStart start = ArenaStart::kNew;
  std::string reason;  // a sentence
};

// What the bytes of a header are, to a start that wants `spec`. Pure, and good for any bytes.
// Whatever has records (HasRecords) has a header that is whole: its sections are in bounds
// (SectionMap::Make) and its texts end. kNew: a header that no run has used.
ArenaVerdict JudgeHeader(std::span<const std::byte> bytes, const ArenaSpec& spec,
                         const ArenaWitness& witness);
// The header in the bytes, when all that records depend on is in bounds, whoever wrote it. Pure.
std::optional<ArenaHeader> WholeHeader(std::span<const std::byte> bytes,
                                       const ArenaWitness& witness);
// The converter of a section as it was into one as it is to be; null: none.
const ArenaConverter* FindConverter(const ArenaSpec& spec, const ArenaSection& from,
                                    const ArenaSection& to);

}  // namespace fairlead::dataplane
