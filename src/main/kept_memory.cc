#include "main/kept_memory.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <span>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/page_advice.h"
#include "dataplane/shard/kept_tables.h"
#include "dataplane/shard/take_up.h"
#include "dataplane/tables/arena_check.h"
#include "dataplane/tables/arena_places.h"

namespace fairlead {
namespace {

using dataplane::Arena;
using dataplane::ArenaSpec;
using dataplane::TableMemory;
using dataplane::TakeUpReport;

std::string ReadText(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Smaller tables are in the caches, more or less.
void WarnOfOrdinaryPages(const Arena& arena, dataplane::HugePages pages) {
  constexpr uint64_t kTolerable = uint64_t{64} << 20;
  if (pages == dataplane::HugePages::kOff || arena.memory_bytes() <= kTolerable) return;
  const auto remedy = HugePageRemedy(arena.sections_directory(), ReadText("/proc/self/mounts"),
                                     ReadText(kShmemEnabled));
  if (!remedy) return;
  LogWarning(
      "the arena lies on pages of 4 KiB, so a large table costs more CPU time per packet. After "
      "the remedy a new arena has huge pages (fairleadd --fresh makes one)",
      {{"directory", arena.sections_directory()},
       {"mib", arena.memory_bytes() >> 20},
       {"remedy", *remedy}});
}

std::vector<bool> KnownReals(const control::KeptState& state, size_t capacity) {
  std::vector<bool> known(state.names ? capacity : 0);
  if (!state.names) return known;
  for (const auto& real : state.names->reals) known[real.id.index()] = true;
  return known;
}

control::RestoredRecords Receipt(const Arena& arena, const TakeUpReport& report) {
  control::RestoredRecords receipt;
  receipt.when = std::chrono::system_clock::now();
  receipt.reason = dataplane::ArenaStartName(arena.start());
  receipt.down_milliseconds = arena.down_ms();
  receipt.kept = {{"connections", report.connections},
                  {"templates", report.templates},
                  {"side_records", report.side_records},
                  {"snat_flows", report.snat_flows}};
  for (size_t i = 0; i < dataplane::kTakeUpCauseCount; ++i) {
    const auto cause = static_cast<dataplane::TakeUpCause>(i);
    receipt.dropped.push_back({std::string(dataplane::CauseName(cause)), report.of(cause)});
  }
  receipt.dropped.push_back({"expired", report.expired});
  receipt.dropped.push_back({"ended", report.ended});
  return receipt;
}

std::string CausesOf(const control::RestoredRecords& receipt) {
  std::string causes;
  for (const auto& [name, records] : receipt.dropped) {
    if (records == 0) continue;
    causes += (causes.empty() ? "" : ",") + name + ":" + std::to_string(records);
  }
  return causes.empty() ? "none" : causes;
}

Result<ArenaSpec> SpecOf(const control::DirectorConfig& director,
                         const dataplane::FabricConfig& fabric, bool is_fresh) {
  auto places = dataplane::FindArenaPlaces(director.arena, director.name,
                                           fabric.table_pages == dataplane::HugePages::kReserved,
                                           ReadText("/proc/self/mountinfo"));
  if (!places) return places.error();
  return ArenaSpec{.directory = places->directory,
                   .sections_directory = places->sections_directory,
                   .director = director.name,
                   .workers = static_cast<uint32_t>(fabric.workers),
                   .sections = dataplane::KeptSections(fabric),
                   .pages = fabric.table_pages,
                   .is_fresh = is_fresh,
                   .converters = {}};
}

}  // namespace

Status KeptMemory::CheckTakeUp(const control::ConfigModel& model,
                               const dataplane::FabricConfig& fabric) {
  if (model.director.arena == "none") {
    return Error{ErrorCode::kInvalid,
                 "director.arena is none, so no connection would survive an upgrade; name an arena "
                 "and restart once, or restart instead of an upgrade",
                 ""};
  }
  auto spec = SpecOf(model.director, fabric, /*is_fresh=*/false);
  if (!spec) return spec.error();
  const std::string directory = spec->directory;
  if (Status s = dataplane::CheckTakeUp(*std::move(spec)); !s) return s;
  const control::KeptState state = control::ReadState(directory, fabric.reals);
  if (!state.problems.empty()) {
    return Error{ErrorCode::kInvalid, "not all would be taken over: " + state.problems.front(), ""};
  }
  if (state.names) return Done{};
  return Error{ErrorCode::kInvalid,
               "the tables would start empty: the names of services and real servers are not kept "
               "in " +
                   directory + "; fairlead status says why",
               ""};
}

Result<KeptMemory> KeptMemory::Open(const control::ConfigModel& model, bool is_fresh,
                                    dataplane::FabricConfig* fabric, edge::EdgeConfig* edge,
                                    std::vector<FileDescriptor> locks) {
  KeptMemory memory;
  if (model.director.arena == "none") return memory;
  auto spec = SpecOf(model.director, *fabric, is_fresh);
  if (!spec) return spec.error();
  auto arena = Arena::Open(*std::move(spec), std::move(locks));
  if (!arena) return arena.error();
  memory.arena_ = *std::move(arena);
  Arena& kept = *memory.arena_;
  LogInfo("arena", {{"directory", kept.directory()}, {"found", kept.start_reason()}});
  WarnOfOrdinaryPages(kept, fabric->table_pages);
  dataplane::KeepIn(kept, fabric);
  edge->epoch_boottime_ns = kept.epoch_boottime_ns();
  return memory;
}

void KeptMemory::BeginTakeUp() {
  if (!dataplane::HasRecords(arena_->start())) return;
  arena_->BeginTakeUp();
  is_on_trial_ = true;
  begin_ = Clock::now();
}

control::KeptState KeptMemory::ReadState(const dataplane::Fabric& fabric) const {
  control::KeptState state = control::ReadState(directory(), fabric.config.reals);
  control::SetAsideRefused(directory(), state);
  // Without records nothing has an id any more; changes by hand hold all the same.
  if (!dataplane::HasRecords(arena_->start())) state.names.reset();
  return state;
}

Result<control::RestoredRecords> KeptMemory::TakeUp(const control::KeptState& state,
                                                    edge::Edge& edge, dataplane::Fabric& fabric) {
  const std::vector<bool> known = KnownReals(state, fabric.config.reals);
  TakeUpReport report;
  if (const dataplane::PreviousArena* previous = arena_->previous()) {
    std::vector<TableMemory> tables;
    for (uint32_t w = 0; w < previous->workers(); ++w) {
      const dataplane::SectionBytes section = [&](size_t index) {
        const std::span<const std::byte> bytes = previous->section(w, index);
        return std::span<std::byte>(const_cast<std::byte*>(bytes.data()), bytes.size());
      };
      tables.push_back(dataplane::TablesIn(section));
      dataplane::TakeUpTraffic(dataplane::TrafficIn(section), fabric);
    }
    report = dataplane::TakeUpFrom(tables, edge.Shards(), known, edge.now());
    if (Status done = arena_->DropPrevious(); !done) return done.error();
  } else if (dataplane::HasRecords(arena_->start())) {
    report = dataplane::TakeUp(edge.Shards(), known, edge.now());
  }
  control::RestoredRecords receipt = Receipt(*arena_, report);
  if (dataplane::HasRecords(arena_->start())) {
    LogInfo("taken up", {{"restored", report.connections + report.templates + report.snat_flows},
                         {"dropped", report.dropped()},
                         {"causes", CausesOf(receipt)},
                         {"down_ms", receipt.down_milliseconds}});
  }
  return receipt;
}

void KeptMemory::EndTrial() {
  if (std::exchange(is_on_trial_, false)) arena_->EndTakeUp();
}

void KeptMemory::OnTurn(Clock::time_point now) {
  if (!is_on() || now < next_beat_) return;
  next_beat_ = now + std::chrono::seconds(1);
  arena_->Beat();
  if (now - begin_ >= kTrial) EndTrial();
}

void KeptMemory::MarkStopped() {
  if (!is_on()) return;
  arena_->MarkStopped();
}

void KeptMemory::Withdraw() {
  if (!is_on()) return;
  EndTrial();
  arena_->Withdraw();
}

std::vector<FileDescriptor> KeptMemory::ReleaseLocks() {
  if (!is_on()) return {};
  return arena_->ReleaseLocks();
}

}  // namespace fairlead
