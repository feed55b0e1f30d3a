#include "dataplane/tables/arena_header.h"

#include <algorithm>
#include <cstring>

#include "base/ids.h"
#include "base/siphash.h"
#include "dataplane/tables/memory.h"

namespace fairlead::dataplane {
namespace {

constexpr uint64_t kMaxRecordBytes = 65'536;
constexpr uint64_t kMaxRecords = uint64_t{1} << 32;

template <size_t N>
void SetText(std::array<char, N>& field, std::string_view text) {
  field.fill(0);
  text.copy(field.data(), N - 1);
}

bool HasEnd(std::span<const char> field) { return std::ranges::find(field, '\0') != field.end(); }

ArenaVerdict Damaged(std::string_view what) {
  return {ArenaStart::kDamaged, "the header of the arena is damaged: " + std::string(what)};
}

bool IsOurs(const ArenaHeader& header) {
  return header.magic == kArenaMagic && header.version == kArenaVersion &&
         header.header_bytes == kArenaHeaderBytes;
}

// Nothing when all that records depend on is in bounds.
std::string_view WhatIsBroken(const ArenaHeader& header, const ArenaWitness& witness) {
  if (header.checksum != ArenaChecksum(header)) return "its checksum is wrong";
  if (!HasEnd(header.boot_id) || !HasEnd(header.director) || !HasEnd(header.sections_directory) ||
      !HasEnd(header.former_directory)) {
    return "a text in it has no end";
  }
  if (header.section_count > kMaxArenaSections) return "it has too many sections";
  if (!std::ranges::all_of(header.sections, HasEnd, &ArenaHeaderSection::name)) {
    return "the name of a section has no end";
  }
  const auto map = SectionMap::Make(header.workers, header.SectionList());
  if (!map) return "its sections are out of bounds";
  if (map->file_bytes() != header.sections_bytes) return "its sections do not fill their file";
  // Of another boot it says nothing, and that is told by name.
  if (header.epoch_ns > witness.now_ns && ArenaText(header.boot_id) == witness.boot_id) {
    return "it begins in the future";
  }
  return {};
}

const ArenaSection* FindSection(std::span<const ArenaSection> sections, std::string_view name) {
  const auto found = std::ranges::find(sections, name, &ArenaSection::name);
  return found == sections.end() ? nullptr : &*found;
}

bool IsSameRecord(const ArenaSection& a, const ArenaSection& b) {
  return a.layout == b.layout && a.record_bytes == b.record_bytes;
}

ArenaVerdict JudgeShape(const ArenaHeader& header, const ArenaSpec& spec) {
  const auto before = header.SectionList();
  bool is_converted = false;
  for (const ArenaSection& section : before) {
    const ArenaSection* wanted = FindSection(spec.sections, section.name);
    if (wanted == nullptr) {
      return {ArenaStart::kOtherLayout, "the arena has records \"" + std::string(section.name) +
                                            "\", which this version does not know"};
    }
    if (IsSameRecord(section, *wanted)) continue;
    if (FindConverter(spec, section, *wanted) == nullptr) {
      return {ArenaStart::kOtherLayout,
              "the records \"" + std::string(section.name) +
                  "\" of the arena have another layout, and this version has no converter from it"};
    }
    is_converted = true;
  }
  if (is_converted) {
    return {ArenaStart::kConverted, "the records of the arena were written by another version"};
  }
  const auto is_same = [](const ArenaSection& a, const ArenaSection& b) {
    return a.name == b.name && a.records == b.records;
  };
  if (header.workers != spec.workers || !std::ranges::equal(before, spec.sections, is_same)) {
    return {ArenaStart::kReshaped, "the arena was made for " + std::to_string(header.workers) +
                                       " workers, or for other capacities"};
  }
  if (ArenaText(header.sections_directory) != spec.sections_directory) {
    return {ArenaStart::kReshaped,
            "the records of the arena are in " + std::string(ArenaText(header.sections_directory))};
  }
  switch (header.state) {
    case ArenaState::kMade:
      return {ArenaStart::kNew, "the arena was made, and never used"};
    case ArenaState::kStopped:
      return {ArenaStart::kAfterStop, "the last run stopped in order"};
    case ArenaState::kRunning:
      break;
  }
  return {ArenaStart::kAfterCrash, "the last run did not stop in order"};
}

Error InvalidSpec(std::string message) { return {ErrorCode::kInvalid, std::move(message), ""}; }

}  // namespace

std::string_view ArenaStartName(ArenaStart start) {
  switch (start) {
    case ArenaStart::kNew:
      return "new";
    case ArenaStart::kAfterStop:
      return "after-stop";
    case ArenaStart::kAfterCrash:
      return "after-crash";
    case ArenaStart::kReshaped:
      return "reshaped";
    case ArenaStart::kConverted:
      return "converted";
    case ArenaStart::kAskedFresh:
      return "asked-fresh";
    case ArenaStart::kOtherBoot:
      return "other-boot";
    case ArenaStart::kOtherLayout:
      return "other-layout";
    case ArenaStart::kOtherDirector:
      return "other-director";
    case ArenaStart::kDamaged:
      return "damaged";
    case ArenaStart::kSetAside:
      return "set-aside";
  }
  return "";
}

std::optional<SectionMap> SectionMap::Make(uint32_t workers,
                                           std::span<const ArenaSection> sections) {
  if (workers == 0 || workers > kMaxWorkers) return std::nullopt;
  if (sections.empty() || sections.size() > kMaxArenaSections) return std::nullopt;
  SectionMap map;
  for (const ArenaSection& section : sections) {
    if (section.record_bytes == 0 || section.record_bytes > kMaxRecordBytes) return std::nullopt;
    if (section.records > kMaxRecords) return std::nullopt;
    map.bytes_.push_back(section.record_bytes * section.records);
  }
  // At most 64 × 16 × 2⁴⁸ bytes: no sum wraps.
  uint64_t end = 0;
  for (uint32_t worker = 0; worker < workers; ++worker) {
    for (const uint64_t bytes : map.bytes_) {
      // A section that fills huge pages begins on one; a small one wastes none.
      end = RoundUpTo(bytes >= kHugePage ? kHugePage : kSmallPage, end);
      map.offsets_.push_back(end);
      end += bytes;
    }
  }
  map.file_bytes_ = RoundUpTo(kHugePage, std::max(end, uint64_t{1}));
  return map;
}

std::vector<ArenaSection> ArenaHeader::SectionList() const {
  std::vector<ArenaSection> list;
  for (size_t i = 0; i < std::min<size_t>(section_count, kMaxArenaSections); ++i) {
    const ArenaHeaderSection& s = sections[i];
    list.push_back({ArenaText(s.name), s.record_bytes, s.records, s.layout});
  }
  return list;
}

size_t ArenaHeader::unfinished_take_ups() const {
  return take_ups_ns.size() - static_cast<size_t>(std::ranges::count(take_ups_ns, uint64_t{0}));
}

uint64_t ArenaHeader::last_seen_ns() const {
  return std::max({started_ns, heartbeat_ns, stopped_ns});
}

std::string_view ArenaText(std::span<const char> field) {
  return {field.data(), static_cast<size_t>(std::ranges::find(field, '\0') - field.begin())};
}

uint64_t ArenaChecksum(const ArenaHeader& header) {
  std::array<std::byte, offsetof(ArenaHeader, state)> bytes;
  std::memcpy(bytes.data(), &header, bytes.size());
  std::memset(bytes.data() + offsetof(ArenaHeader, checksum), 0, sizeof header.checksum);
  return SipHash13({kArenaMagic, kArenaVersion}, bytes.data(), bytes.size());
}

ArenaHeader MakeArenaHeader(const ArenaSpec& spec, const ArenaWitness& witness,
                            const ArenaOrigin& origin, uint64_t sections_number) {
  ArenaHeader header{};
  header.magic = kArenaMagic;
  header.version = kArenaVersion;
  header.header_bytes = kArenaHeaderBytes;
  SetText(header.boot_id, witness.boot_id);
  SetText(header.director, spec.director);
  header.epoch_ns = origin.epoch_ns;
  header.secrets = origin.secrets;
  header.workers = spec.workers;
  header.section_count = static_cast<uint32_t>(spec.sections.size());
  header.sections_number = sections_number;
  header.sections_bytes = SectionMap::Make(spec.workers, spec.sections)->file_bytes();
  SetText(header.sections_directory, spec.sections_directory);
  for (size_t i = 0; i < spec.sections.size(); ++i) {
    ArenaHeaderSection& s = header.sections[i];
    SetText(s.name, spec.sections[i].name);
    s.record_bytes = spec.sections[i].record_bytes;
    s.records = spec.sections[i].records;
    s.layout = spec.sections[i].layout;
  }
  header.state = ArenaState::kMade;
  return header;
}

Status CheckArenaSpec(const ArenaSpec& spec) {
  if (spec.director.empty() || spec.director.size() >= sizeof(ArenaHeader::director)) {
    return InvalidSpec("the name of a director with an arena has 1 to 63 bytes; set director.name");
  }
  for (const std::string& directory : {spec.directory, spec.sections_directory}) {
    if (!directory.starts_with('/') || directory.size() >= sizeof(ArenaHeader::former_directory)) {
      return InvalidSpec(
          "director.arena: \"" + directory +
          "\" is no absolute path of at most 255 bytes; name one, or say auto or none");
    }
  }
  for (const ArenaSection& section : spec.sections) {
    const bool is_named =
        !section.name.empty() && section.name.size() < sizeof(ArenaHeaderSection::name);
    if (!is_named || FindSection(spec.sections, section.name) != &section) {
      return InvalidSpec("a section of an arena has a name of its own, of 1 to 23 bytes");
    }
  }
  if (!SectionMap::Make(spec.workers, spec.sections)) {
    return InvalidSpec("an arena for " + std::to_string(spec.workers) + " workers and " +
                       std::to_string(spec.sections.size()) +
                       " sections is out of bounds; lower director.workers or the capacities");
  }
  return Done{};
}

const ArenaConverter* FindConverter(const ArenaSpec& spec, const ArenaSection& from,
                                    const ArenaSection& to) {
  const auto found = std::ranges::find_if(spec.converters, [&](const ArenaConverter& c) {
    return c.section == to.name && c.from_layout == from.layout &&
           c.from_record_bytes == from.record_bytes && c.to_layout == to.layout;
  });
  return found == spec.converters.end() ? nullptr : &*found;
}

std::optional<ArenaHeader> WholeHeader(std::span<const std::byte> bytes,
                                       const ArenaWitness& witness) {
  if (bytes.size() < kArenaHeaderBytes) return std::nullopt;
  ArenaHeader header;
  std::memcpy(&header, bytes.data(), sizeof header);
  if (!IsOurs(header) || !WhatIsBroken(header, witness).empty()) return std::nullopt;
  return header;
}

ArenaVerdict JudgeHeader(std::span<const std::byte> bytes, const ArenaSpec& spec,
                         const ArenaWitness& witness) {
  if (spec.is_fresh) return {ArenaStart::kAskedFresh, "a fresh start was asked for"};
  if (bytes.size() < kArenaHeaderBytes) return Damaged("it is too short");
  ArenaHeader header;
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.magic != kArenaMagic) return Damaged("it does not begin as one");
  // Of another version nothing else is known, not even where its checksum is.
  if (!IsOurs(header)) {
    return {ArenaStart::kOtherLayout,
            "the header of the arena has version " + std::to_string(header.version) +
                ", and this program knows version " + std::to_string(kArenaVersion)};
  }
  if (const auto broken = WhatIsBroken(header, witness); !broken.empty()) return Damaged(broken);
  if (ArenaText(header.director) != spec.director) {
    return {ArenaStart::kOtherDirector, "the arena is of the director \"" +
                                            std::string(ArenaText(header.director)) +
                                            "\", not of \"" + spec.director + '"'};
  }
  if (ArenaText(header.boot_id) != witness.boot_id) {
    return {ArenaStart::kOtherBoot, "the arena was made before the machine was last started"};
  }
  if (header.unfinished_take_ups() == kMostUnfinishedTakeUps) {
    return {ArenaStart::kSetAside, "three runs in a row took up the arena and did not live long"};
  }
  return JudgeShape(header, spec);
}

}  // namespace fairlead::dataplane
