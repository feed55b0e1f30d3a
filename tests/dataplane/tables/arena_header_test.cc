// A header with any bit changed is either as good as before or refused.
#include "dataplane/tables/arena_header.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace fairlead::dataplane::arena_header_test {
namespace {

const ArenaWitness kHere{"0b5e6f3c-2f5e-4d0a-9c3b-000000000001", 1'000'000};

ArenaSpec Wanted() {
  ArenaSpec spec;
  spec.directory = "/dev/shm/fairlead-edge-1";
  spec.sections_directory = spec.directory;
  spec.director = "edge-1";
  spec.workers = 2;
  spec.sections = {{"flows", 64, 1000, 0x11}, {"notes", 8, 10, 0x22}};
  return spec;
}

ArenaHeader Good() {
  ArenaHeader header = MakeArenaHeader(Wanted(), kHere, {{{1, 2}, {3}}, 500}, 7);
  header.state = ArenaState::kRunning;
  header.started_ns = 600;
  header.checksum = ArenaChecksum(header);
  return header;
}

ArenaVerdict Judge(const ArenaHeader& header, const ArenaSpec& spec = Wanted()) {
  return JudgeHeader(std::as_bytes(std::span(&header, 1)), spec, kHere);
}

ArenaHeader WithBit(ArenaHeader header, size_t bit) {
  std::array<unsigned char, kArenaHeaderBytes> bytes;
  std::memcpy(bytes.data(), &header, bytes.size());
  bytes[bit / 8] = static_cast<unsigned char>(bytes[bit / 8] ^ 1u << bit % 8);
  std::memcpy(&header, bytes.data(), bytes.size());
  return header;
}

constexpr size_t kConstantBits = offsetof(ArenaHeader, state) * 8;

TEST(ArenaHeader, IsTakenAsItWasWritten) {
  EXPECT_EQ(Judge(Good()).start, ArenaStart::kAfterCrash);
  ArenaHeader header = Good();
  header.state = ArenaState::kStopped;
  EXPECT_EQ(Judge(header).start, ArenaStart::kAfterStop);
  header.state = ArenaState::kMade;
  EXPECT_EQ(Judge(header).start, ArenaStart::kNew);
}

TEST(ArenaHeader, EachBitOfWhatNeverChangesIsLookedAt) {
  for (size_t bit = 0; bit < kConstantBits; ++bit) {
    const ArenaVerdict verdict = Judge(WithBit(Good(), bit));
    const bool is_version = bit / 8 >= 8 && bit / 8 < 16;
    EXPECT_EQ(verdict.start, is_version ? ArenaStart::kOtherLayout : ArenaStart::kDamaged) << bit;
    const ArenaHeader changed = WithBit(Good(), bit);
    EXPECT_FALSE(WholeHeader(std::as_bytes(std::span(&changed, 1)), kHere)) << bit;
  }
}

TEST(ArenaHeader, NoBitOfWhatChangesEndsInLoss) {
  for (const ArenaState state : {ArenaState::kRunning, ArenaState::kStopped}) {
    for (size_t bit = kConstantBits; bit < kArenaHeaderBytes * 8; ++bit) {
      ArenaHeader header = Good();
      header.state = state;
      const bool is_state = bit < kConstantBits + 32;
      const auto expected = state == ArenaState::kStopped && !is_state ? ArenaStart::kAfterStop
                                                                       : ArenaStart::kAfterCrash;
      EXPECT_EQ(Judge(WithBit(header, bit)).start, expected) << bit;
    }
  }
}

TEST(ArenaHeader, AnyOtherLengthThanItsOwnIsDamage) {
  const ArenaHeader header = Good();
  const auto bytes = std::as_bytes(std::span(&header, 1));
  for (size_t size = 0; size < bytes.size(); size += 61) {
    // A copy of its exact size, so that a sanitizer sees a read behind it.
    const std::vector<std::byte> part(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(size));
    EXPECT_EQ(JudgeHeader(part, Wanted(), kHere).start, ArenaStart::kDamaged) << size;
    EXPECT_FALSE(WholeHeader(part, kHere).has_value()) << size;
  }
}

// What a checksum that is right by accident, or by malice, cannot cause.
TEST(ArenaHeader, NumbersOutOfBoundsAreDamage) {
  using Change = void (*)(ArenaHeader&);
  constexpr Change kChanges[] = {
      [](ArenaHeader& h) { h.workers = 0; },
      [](ArenaHeader& h) { h.workers = 65; },
      [](ArenaHeader& h) { h.section_count = 0; },
      [](ArenaHeader& h) { h.section_count = 17; },
      [](ArenaHeader& h) { h.sections[0].record_bytes = 0; },
      [](ArenaHeader& h) { h.sections[1].record_bytes = ~uint64_t{0}; },
      [](ArenaHeader& h) { h.sections[0].records = uint64_t{1} << 33; },
      [](ArenaHeader& h) { h.sections_bytes -= 1; },
      [](ArenaHeader& h) { h.sections_bytes += 1; },
      [](ArenaHeader& h) { h.director.fill('x'); },
      [](ArenaHeader& h) { h.boot_id.fill('x'); },
      [](ArenaHeader& h) { h.sections_directory.fill('x'); },
      [](ArenaHeader& h) { h.former_directory.fill('x'); },
      [](ArenaHeader& h) { h.sections[15].name.fill('x'); },
      [](ArenaHeader& h) { h.epoch_ns = kHere.now_ns + 1; },
  };
  for (const Change& change : kChanges) {
    ArenaHeader header = Good();
    change(header);
    header.checksum = ArenaChecksum(header);
    EXPECT_EQ(Judge(header).start, ArenaStart::kDamaged) << &change - kChanges;
  }
}

TEST(ArenaHeader, SaysWhyInTheOrderOfTheReasons) {
  ArenaHeader header = Good();
  ArenaSpec spec = Wanted();
  spec.sections[0].layout = 0x99;
  const auto judge = [&] {
    header.checksum = ArenaChecksum(header);
    return Judge(header, spec).start;
  };
  EXPECT_EQ(judge(), ArenaStart::kOtherLayout);
  header.take_ups_ns.fill(1);
  EXPECT_EQ(judge(), ArenaStart::kSetAside);
  header.boot_id[0] = 'x';
  EXPECT_EQ(judge(), ArenaStart::kOtherBoot);
  spec.director = "edge-2";
  EXPECT_EQ(judge(), ArenaStart::kOtherDirector);
  header.workers = 0;
  EXPECT_EQ(judge(), ArenaStart::kDamaged);
  header.version = 2;
  EXPECT_EQ(judge(), ArenaStart::kOtherLayout);
  header.magic = 0;
  EXPECT_EQ(judge(), ArenaStart::kDamaged);
  spec.is_fresh = true;
  EXPECT_EQ(judge(), ArenaStart::kAskedFresh);
}

#define ROW(field) row(#field, offsetof(ArenaHeader, field), sizeof(ArenaHeader::field))

TEST(ArenaHeader, IsAsThePageSays) {
  std::string page;
  std::ifstream file(FAIRLEAD_SOURCE "/docs/arena.md");
  const std::regex cells(R"(\| (\d+) \| (\d+) \| `(\w+)` \|.*)");
  for (std::string line; std::getline(file, line);) {
    std::smatch match;
    if (!std::regex_match(line, match, cells)) continue;
    page += match[1].str() + " " + match[2].str() + " " + match[3].str() + "\n";
  }
  std::string compiled;
  size_t end = 0;
  const auto row = [&](const std::string& name, size_t at, size_t bytes) {
    EXPECT_EQ(at, end) << "a gap before " << name;
    end = at + bytes;
    compiled += std::to_string(at) + " " + std::to_string(bytes) + " " + name + "\n";
  };
  ROW(magic), ROW(version), ROW(header_bytes), ROW(checksum), ROW(boot_id), ROW(director);
  ROW(epoch_ns), ROW(secrets), ROW(workers), ROW(section_count), ROW(sections_number);
  ROW(sections_bytes), ROW(sections_directory), ROW(former_directory), ROW(sections);
  ROW(reserved), ROW(state), ROW(reserved_state), ROW(started_ns), ROW(heartbeat_ns);
  ROW(stopped_ns), ROW(take_ups_ns), ROW(reserved_changes);
  EXPECT_EQ(end, kArenaHeaderBytes);
  EXPECT_EQ(page, compiled);
}

TEST(ArenaHeader, EveryStartHasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (unsigned start = 0; start <= static_cast<unsigned>(ArenaStart::kSetAside); ++start) {
    names.insert(ArenaStartName(static_cast<ArenaStart>(start)));
  }
  EXPECT_EQ(names.size(), 11u);
  EXPECT_EQ(names.count(""), 0u);
}

TEST(SectionMap, LargeSectionsBeginOnHugePages) {
  constexpr uint64_t kHuge = uint64_t{2} << 20;
  const ArenaSection sections[] = {
      {"small", 8, 10, 0}, {"large", 64, 40'000, 0}, {"none", 8, 0, 0}, {"one", 1, 1, 0}};
  const auto map = SectionMap::Make(2, sections);
  ASSERT_TRUE(map.has_value());
  EXPECT_EQ(map->offset(0, 0), 0u);
  EXPECT_EQ(map->offset(0, 1), kHuge);
  EXPECT_EQ(map->offset(0, 2), kHuge + 2'560'000);  // 625 small pages
  EXPECT_EQ(map->offset(0, 3), kHuge + 2'560'000);
  EXPECT_EQ(map->offset(1, 0), kHuge + 2'560'000 + 4096);
  EXPECT_EQ(map->offset(1, 1), 3 * kHuge);
  EXPECT_EQ(map->file_bytes(), 5 * kHuge);
  EXPECT_EQ(map->bytes(1), 2'560'000u);
}

TEST(ArenaSpecCheck, RefusesWhatNoHeaderCanSay) {
  struct Case {
    void (*change)(ArenaSpec&);
    const char* sentence;
  };
  constexpr Case kCases[] = {
      {[](ArenaSpec& s) { s.director.clear(); }, "set director.name"},
      {[](ArenaSpec& s) { s.director = std::string(64, 'x'); }, "set director.name"},
      {[](ArenaSpec& s) { s.directory = "here"; }, "\"here\" is no absolute path"},
      {[](ArenaSpec& s) { s.sections_directory = "/" + std::string(255, 'x'); }, "255 bytes"},
      {[](ArenaSpec& s) { s.sections[0].name = ""; }, "a name of its own"},
      {[](ArenaSpec& s) { s.sections[0].name = "notes"; }, "a name of its own"},
      {[](ArenaSpec& s) { s.sections[0].name = "a-name-of-24-bytes-in-all"; }, "a name of its own"},
      {[](ArenaSpec& s) { s.sections.clear(); }, "lower director.workers or the capacities"},
      {[](ArenaSpec& s) { s.workers = 65; }, "an arena for 65 workers"},
      {[](ArenaSpec& s) { s.sections[0].records = uint64_t{1} << 33; }, "the capacities"},
  };
  ASSERT_TRUE(CheckArenaSpec(Wanted()).ok());
  for (const Case& c : kCases) {
    ArenaSpec spec = Wanted();
    c.change(spec);
    const Status checked = CheckArenaSpec(spec);
    ASSERT_FALSE(checked.ok()) << c.sentence;
    EXPECT_EQ(checked.error().code, ErrorCode::kInvalid);
    EXPECT_NE(checked.error().message.find(c.sentence), std::string::npos)
        << checked.error().message;
  }
}

}  // namespace
}  // namespace fairlead::dataplane::arena_header_test
