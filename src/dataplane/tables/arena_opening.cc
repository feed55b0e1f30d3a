#include "dataplane/tables/arena_opening.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <ctime>

#include "base/boot_id.h"
#include "base/secret.h"

namespace fairlead::dataplane {
namespace {

constexpr std::string_view kSections = "sections-";
constexpr std::string_view kKept = "set-aside-";

uint64_t FreeNumber(const ArenaFolder& folder) {
  uint64_t last = 0;
  for (const std::string& name : folder.Names()) {
    if (!name.starts_with(kSections)) continue;
    uint64_t number = 0;
    std::from_chars(name.data() + kSections.size(), name.data() + name.size(), number);
    last = std::max(last, number);
  }
  return last + 1;
}

Status RemoveSections(const ArenaFolder& folder, const std::string& but) {
  for (const std::string& name : folder.Names()) {
    if (!name.starts_with(kSections) || name == but) continue;
    if (Status removed = folder.Remove(name); !removed) return removed;
  }
  return Done{};
}

ArenaSecrets DrawSecrets() {
  ArenaSecrets secrets;
  std::array<uint8_t, sizeof secrets.table_hash> bytes;
  DrawSecret(bytes);
  std::memcpy(secrets.table_hash.data(), bytes.data(), bytes.size());
  DrawSecret(secrets.toeplitz);
  return secrets;
}

std::string TimeText() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y%m%dT%H%M%SZ", &utc);
  return text.data();
}

// What files say, rather than what could not be done.
bool IsDamage(const Error& error) {
  return error.code == ErrorCode::kNotFound || error.code == ErrorCode::kInvalid;
}

}  // namespace

std::string SectionsName(uint64_t number) {
  return std::string(kSections) + std::to_string(number);
}

uint64_t BoottimeNs() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

Result<ArenaWitness> ReadWitness() {
  std::string id = BootId();
  if (!id.empty() && id.size() < sizeof(ArenaHeader::boot_id)) {
    return ArenaWitness{std::move(id), BoottimeNs()};
  }
  return Error{ErrorCode::kSystem,
               "cannot read /proc/sys/kernel/random/boot_id, so nobody can tell how old an arena "
               "is; mount /proc, or say director.arena: none",
               ""};
}

Status RemoveUnused(const ArenaFolder& folder, const ArenaFolder& records_folder,
                    const ArenaHeader& in_force) {
  if (Status removed = folder.Remove(kNewHeaderName); !removed) return removed;
  const std::string name = SectionsName(in_force.sections_number);
  const std::string_view place = ArenaText(in_force.sections_directory);
  for (const ArenaFolder* each : {&folder, &records_folder}) {
    const Status removed = RemoveSections(*each, each->directory() == place ? name : "");
    if (!removed) return removed;
  }
  const std::string former(ArenaText(in_force.former_directory));
  if (former.empty() || former == folder.directory() || former == records_folder.directory()) {
    return Done{};
  }
  // Gone, or somebody else's by now: then nothing of this arena is there.
  auto left = ArenaFolder::Open(former);
  if (!left || !left->Lock()) return Done{};
  return RemoveSections(*left, former == place ? name : "");
}

Result<Arena> ArenaOpening::Run() {
  if (Status opened = OpenFolders(); !opened) return opened.error();
  if (Status read = ReadHeader(); !read) return read.error();
  Status done = Done{};
  const bool is_moved =
      verdict_.start == ArenaStart::kReshaped || verdict_.start == ArenaStart::kConverted;
  const bool is_unused = verdict_.start == ArenaStart::kNew && has_header_;
  if (is_moved) {
    done = BesidePrevious();
  } else if (is_unused || HasRecords(verdict_.start)) {
    done = UseAgain();
  } else {
    done = StartEmpty();
  }
  if (!done) return done.error();
  BeginRun();
  return std::move(arena_);
}

Status ArenaOpening::OpenFolders() {
  auto witness = ReadWitness();
  if (!witness) return witness.error();
  witness_ = *std::move(witness);
  auto folder = ArenaFolder::Make(spec_.directory);
  if (!folder) return folder.error();
  if (folder->file_system() == "hugetlbfs") {
    return Error{ErrorCode::kInvalid,
                 "director.arena: " + spec_.directory +
                     " is on hugetlbfs, where no plain file can be written; say auto: the records "
                     "are put there when the tables use reserved huge pages",
                 ""};
  }
  arena_.folder_ = *std::move(folder);
  if (Status locked = arena_.folder_.Lock(&locks_); !locked) return locked;
  if (spec_.sections_directory == spec_.directory) return Done{};
  auto records = ArenaFolder::Make(spec_.sections_directory);
  if (!records) return records.error();
  arena_.records_folder_ = std::make_unique<ArenaFolder>(*std::move(records));
  return arena_.records_folder_->Lock(&locks_);
}

// Judges it, and removes what a start that did not end has left.
Status ArenaOpening::ReadHeader() {
  const auto bytes = arena_.folder_.ReadStart(kHeaderName, kArenaHeaderBytes);
  if (!bytes) return bytes.error();
  has_header_ = bytes->has_value();
  if (!has_header_) {
    verdict_ = {ArenaStart::kNew, "there was no arena"};
    return RemoveOld();
  }
  verdict_ = JudgeHeader(**bytes, spec_, witness_);
  found_ = WholeHeader(**bytes, witness_);
  if (!found_) return arena_.folder_.Remove(kNewHeaderName);
  return RemoveUnused(arena_.folder_, arena_.records_folder(), *found_);
}

Status ArenaOpening::UseAgain() {
  auto records =
      arena_.records_folder().OpenMapped(SectionsName(found_->sections_number),
                                         found_->sections_bytes, MapMode::kReadWrite, spec_.pages);
  if (!records && IsDamage(records.error())) {
    verdict_ = {ArenaStart::kDamaged, "the arena is damaged: " + records.error().message};
    return StartEmpty();
  }
  if (!records) return records.error();
  auto header = arena_.folder_.OpenMapped(kHeaderName, kArenaHeaderBytes, MapMode::kReadWrite,
                                          HugePages::kOff);
  if (!header) return header.error();
  arena_.records_ = *std::move(records);
  arena_.header_ = *std::move(header);
  return Done{};
}

Status ArenaOpening::BesidePrevious() {
  auto previous = std::make_unique<PreviousArena>();
  if (Status opened = OpenPrevious(*previous); !opened) {
    if (!IsDamage(opened.error())) return opened;
    verdict_ = {ArenaStart::kDamaged, "the arena is damaged: " + opened.error().message};
    return StartEmpty();
  }
  if (Status converted = ConvertPrevious(*previous); !converted) return converted;
  if (Status made = MakeNew({found_->secrets, found_->epoch_ns}); !made) {
    Error error = made.error();
    error.message += "; the arena before stays as it is, and a start with --fresh discards it";
    return error;
  }
  arena_.previous_ = std::move(previous);
  verdict_.reason += "; its records are moved";
  return Done{};
}

Status ArenaOpening::OpenPrevious(PreviousArena& previous) {
  const std::string place(ArenaText(found_->sections_directory));
  const ArenaFolder* folder = &arena_.records_folder();
  if (place == spec_.directory) {
    folder = &arena_.folder_;
  } else if (place != spec_.sections_directory) {
    auto opened = ArenaFolder::Open(place);
    if (!opened) return Error{ErrorCode::kNotFound, opened.error().message, ""};
    previous.folder_ = *std::move(opened);
    if (Status locked = previous.folder_.Lock(); !locked) return locked;
    folder = &previous.folder_;
  }
  auto records = folder->OpenMapped(SectionsName(found_->sections_number), found_->sections_bytes,
                                    MapMode::kReadOnly, HugePages::kOff);
  if (!records) return records.error();
  auto header = arena_.folder_.OpenMapped(kHeaderName, kArenaHeaderBytes, MapMode::kReadWrite,
                                          HugePages::kOff);
  if (!header) return header.error();
  previous.records_ = *std::move(records);
  previous.header_ = *std::move(header);
  return Done{};
}

// Finds the sections of this version in the old ones. What needs a converter becomes a copy.
Status ArenaOpening::ConvertPrevious(PreviousArena& previous) const {
  const auto before = found_->SectionList();
  const auto map = SectionMap::Make(found_->workers, before);
  previous.workers_ = found_->workers;
  for (uint32_t worker = 0; worker < found_->workers; ++worker) {
    for (const ArenaSection& wanted : spec_.sections) {
      const auto old = std::ranges::find(before, wanted.name, &ArenaSection::name);
      if (old == before.end()) {
        previous.sections_.emplace_back();
        continue;
      }
      const auto index = static_cast<size_t>(old - before.begin());
      const std::byte* from = previous.records_.data() + map->offset(worker, index);
      if (old->layout == wanted.layout) {
        previous.sections_.emplace_back(from, map->bytes(index));
        continue;
      }
      const ArenaConverter* converter = FindConverter(spec_, *old, wanted);
      const size_t bytes = old->records * wanted.record_bytes;
      auto copy = MappedMemory::Create(bytes, HugePages::kOff, "converted records of the arena");
      if (!copy) return copy.error();
      auto* to = static_cast<std::byte*>(copy->data());
      for (uint64_t i = 0; i < old->records; ++i) {
        converter->convert(from + i * old->record_bytes, to + i * wanted.record_bytes);
      }
      previous.sections_.emplace_back(to, bytes);
      previous.converted_.push_back(*std::move(copy));
    }
  }
  return Done{};
}

Status ArenaOpening::StartEmpty() {
  verdict_.reason += "; the tables start empty";
  if (has_header_ && IsLoss(verdict_.start)) {
    if (Status kept = KeepForALook(); !kept) return kept;
  }
  const ArenaOrigin origin{DrawSecrets(), witness_.now_ns};
  Status made = MakeNew(origin);
  if (!made && made.error().code == ErrorCode::kUnavailable && has_header_) {
    // No room for both: what nobody takes up goes first.
    if (Status removed = RemoveKept(); !removed) return removed;
    if (Status removed = RemoveOld(); !removed) return removed;
    verdict_.reason += "; there was no room to keep the old files";
    made = MakeNew(origin);
  }
  if (!made) return made;
  if (Status named = arena_.folder_.Rename(kNewHeaderName, kHeaderName); !named) return named;
  return RemoveUnused(arena_.folder_, arena_.records_folder(), HeaderIn(arena_.header_));
}

Status ArenaOpening::MakeNew(const ArenaOrigin& origin) {
  const ArenaFolder& folder = arena_.records_folder();
  const uint64_t number = FreeNumber(folder);
  ArenaHeader header = MakeArenaHeader(spec_, witness_, origin, number);
  if (found_) {
    const bool is_moved = ArenaText(found_->sections_directory) != spec_.sections_directory;
    header.former_directory = is_moved ? found_->sections_directory : found_->former_directory;
  }
  header.checksum = ArenaChecksum(header);
  auto records = folder.CreateMapped(SectionsName(number), header.sections_bytes, spec_.pages);
  if (!records) return records.error();
  auto file = arena_.folder_.CreateMapped(kNewHeaderName, kArenaHeaderBytes, HugePages::kOff);
  if (!file) return file.error();
  HeaderIn(*file) = header;
  arena_.records_ = *std::move(records);
  arena_.header_ = *std::move(file);
  return Done{};
}

Status ArenaOpening::KeepForALook() {
  if (Status removed = RemoveKept(); !removed) return removed;
  const ArenaFolder& folder = arena_.folder_;
  const std::string kept = std::string(kKept) + TimeText();
  bool is_kept = folder.Link(kHeaderName, kept + ".header");
  bool has_records = false;
  for (const std::string& name : folder.Names()) {
    if (!name.starts_with(kSections)) continue;
    has_records = folder.Link(name, kept + "." + name);
    is_kept = is_kept && has_records;
  }
  if (!is_kept) {
    verdict_.reason += "; the old files could not be kept";
  } else {
    verdict_.reason += "; the old " + std::string(has_records ? "files are" : "header is") +
                       " kept as " + folder.directory() + "/" + kept + ".*";
  }
  return Done{};
}

Status ArenaOpening::RemoveKept() {
  for (const std::string& name : arena_.folder_.Names()) {
    if (!name.starts_with(kKept)) continue;
    if (Status removed = arena_.folder_.Remove(name); !removed) return removed;
  }
  return Done{};
}

// The header first: without it the files of records mean nothing.
Status ArenaOpening::RemoveOld() {
  for (const char* name : {kHeaderName, kNewHeaderName}) {
    if (Status removed = arena_.folder_.Remove(name); !removed) return removed;
  }
  if (Status removed = RemoveSections(arena_.folder_, ""); !removed) return removed;
  return RemoveSections(arena_.records_folder(), "");
}

void ArenaOpening::BeginRun() {
  ArenaHeader& header = HeaderIn(arena_.header_);
  const bool has_records = HasRecords(verdict_.start);
  const uint64_t now = BoottimeNs();
  if (has_records) {
    const uint64_t seen = std::min(found_->last_seen_ns(), now);
    arena_.down_ms_ = (now - seen) / 1'000'000;
  }
  arena_.found_ = {.was_running = header.state == ArenaState::kRunning,
                   .was_stopped = header.state == ArenaState::kStopped,
                   .started_ns = header.started_ns};
  header.started_ns = now;
  header.state = ArenaState::kRunning;
  arena_.map_ = *SectionMap::Make(spec_.workers, spec_.sections);
  arena_.start_ = verdict_.start;
  arena_.reason_ = std::move(verdict_.reason);
}

}  // namespace fairlead::dataplane
