// Any bytes as the header of an arena. Those that are taken have all their sections inside their
// file, and texts that end; nothing else is asked of them. The checksum is made right first, or
// nearly nothing would come as far.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "dataplane/tables/arena_header.h"

namespace {

using namespace fairlead::dataplane;

void Require(bool claim) {
  if (!claim) std::abort();
}

ArenaSpec Wanted() {
  static const ArenaConverter kConverter{"flows", 0x10, 32, 0x11,
                                         [](const std::byte*, std::byte*) noexcept {}};
  ArenaSpec spec;
  spec.directory = spec.sections_directory = "/dev/shm/fairlead-edge-1";
  spec.director = "edge-1";
  spec.workers = 2;
  spec.sections = {{"flows", 64, 1000, 0x11}, {"notes", 8, 10, 0x22}};
  spec.converters = {&kConverter, 1};
  return spec;
}

void Judge(const std::vector<std::byte>& bytes) {
  const ArenaWitness here{"0b5e6f3c-2f5e-4d0a-9c3b-000000000001", 1'000'000};
  const ArenaSpec spec = Wanted();
  const ArenaVerdict verdict = JudgeHeader(bytes, spec, here);
  const auto header = WholeHeader(bytes, here);
  Require(!verdict.reason.empty());
  if (HasRecords(verdict.start) || verdict.start == ArenaStart::kNew) Require(header.has_value());
  if (!header) return;
  const auto sections = header->SectionList();
  const auto map = SectionMap::Make(header->workers, sections);
  Require(map.has_value() && map->file_bytes() == header->sections_bytes);
  for (uint32_t worker = 0; worker < header->workers; ++worker) {
    for (size_t i = 0; i < sections.size(); ++i) {
      Require(map->offset(worker, i) + map->bytes(i) <= header->sections_bytes);
    }
  }
  Require(ArenaText(header->director).size() < header->director.size());
  if (verdict.start == ArenaStart::kAfterStop || verdict.start == ArenaStart::kAfterCrash) {
    Require(header->workers == spec.workers && sections.size() == spec.sections.size());
    Require(sections[0].records == 1000 && sections[0].layout == 0x11);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // A copy of its exact size: ASan sees a read behind it.
  std::vector<std::byte> bytes(size);
  if (size > 0) std::memcpy(bytes.data(), data, size);
  Judge(bytes);
  if (size < kArenaHeaderBytes) return 0;
  ArenaHeader header;
  std::memcpy(&header, bytes.data(), sizeof header);
  header.checksum = ArenaChecksum(header);
  std::memcpy(bytes.data(), &header, sizeof header);
  Judge(bytes);
  return 0;
}
