#include "dataplane/tables/arena.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "dataplane/tables/arena_opening.h"

namespace fairlead::dataplane {
namespace {

// A process that is killed has done the stores before this one, and none after it: x86 keeps their
// order, and the files belong to the kernel.
void OrderStores() { std::atomic_signal_fence(std::memory_order_seq_cst); }

}  // namespace

std::span<const std::byte> PreviousArena::section(uint32_t worker, size_t index) const {
  return sections_[worker * (sections_.size() / workers_) + index];
}

Result<Arena> Arena::Open(ArenaSpec spec, std::vector<FileDescriptor> locks) {
  if (spec.sections_directory.empty()) spec.sections_directory = spec.directory;
  if (Status good = CheckArenaSpec(spec); !good) return good.error();
  return ArenaOpening(std::move(spec), std::move(locks)).Run();
}

ArenaHeader& Arena::header() const { return HeaderIn(header_); }

ArenaHeader& Arena::header_in_force() const {
  return previous_ ? HeaderIn(previous_->header_) : header();
}

std::span<std::byte> Arena::section(uint32_t worker, size_t index) const {
  return {records_.data() + map_.offset(worker, index), map_.bytes(index)};
}

Status Arena::DropPrevious() {
  if (!previous_) return Done{};
  header().take_ups_ns = header_in_force().take_ups_ns;
  OrderStores();
  if (Status renamed = folder_.Rename(kNewHeaderName, kHeaderName); !renamed) return renamed;
  previous_.reset();
  return RemoveUnused(folder_, records_folder(), header());
}

void Arena::BeginTakeUp() {
  const uint64_t now = BoottimeNs();
  auto& begun = header_in_force().take_ups_ns;
  if (const auto free = std::ranges::find(begun, uint64_t{0}); free != begun.end()) *free = now;
}

void Arena::EndTakeUp() { header_in_force().take_ups_ns.fill(0); }

void Arena::Beat() { header().heartbeat_ns = BoottimeNs(); }

std::vector<FileDescriptor> Arena::ReleaseLocks() {
  std::vector<FileDescriptor> locks;
  locks.push_back(folder_.ReleaseLock());
  if (records_folder_) locks.push_back(records_folder_->ReleaseLock());
  return locks;
}

void Arena::MarkStopped() {
  EndTakeUp();
  if (previous_) return;  // nothing has run: the records are as they were found
  header().stopped_ns = BoottimeNs();
  OrderStores();
  header().state = ArenaState::kStopped;
}

// The records of a new arena may have been begun, so it does not become an unused one again.
void Arena::Withdraw() {
  EndTakeUp();
  if (previous_ || found_.was_running) return;
  if (found_.was_stopped) {
    header().started_ns = found_.started_ns;
  } else {
    header().stopped_ns = BoottimeNs();
  }
  OrderStores();
  header().state = ArenaState::kStopped;
}

}  // namespace fairlead::dataplane
