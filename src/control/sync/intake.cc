#include "control/sync/intake.h"

#include <utility>

#include "sync/ipvs/datagram_reader.h"

namespace fairlead::control {

using dataplane::SyncFault;
using dataplane::SyncStep;
using dataplane::TakeSyncEntries;

Intake::Intake(size_t workers, Submit submit) : rounds_(workers, std::move(submit)) {
  filling_.entries.reserve(kBatchEntries);
  running_.entries.reserve(kBatchEntries);
}

void Intake::Add(std::span<const uint8_t> payload) {
  ++counts_.datagrams;
  counts_.bytes += payload.size();
  filling_.payloads.emplace_back(payload.begin(), payload.end());
  sync::DatagramReader reader(filling_.payloads.back(), settings_.syncid);
  const size_t before = filling_.entries.size();
  sync::SyncEntry entry;
  while (reader.Next(&entry)) filling_.entries.push_back(entry);
  counts_.entries += filling_.entries.size() - before;
  for (size_t i = 0; i < sync::kSyncRefusalCount; ++i) counts_.refused[i] += reader.refused()[i];
  if (filling_.entries.size() == before) return filling_.payloads.pop_back();
  filling_.bytes += payload.size();
}

void Intake::Turn(bool are_ids_known) {
  if (rounds_.is_out()) return;
  if (are_ids_known && !named_.entries.empty()) {
    std::swap(named_, named_running_);
    is_named_out_ = true;
    Send(named_running_.entries, named_running_.ids);
  } else if (!filling_.entries.empty()) {
    std::swap(filling_, running_);
    Send(running_.entries, {});
  }
}

void Intake::Send(std::span<const sync::SyncEntry> entries, std::span<const RealId> ids) {
  rounds_.Begin(entries.size(), [&](TakeSyncEntries* command) {
    command->entries = entries;
    command->named = ids;
    command->threshold = settings_.threshold;
    command->keeps_unknown = ids.empty() && CanName();
  });
}

// Each was answered by one worker, its owner.
void Intake::CollectUnknown() {
  for (const auto& command : rounds_.commands()) {
    if (!command->keeps_unknown) return;
    for (size_t i = 0; i < running_.entries.size(); ++i) {
      if (command->answers[i].step == SyncStep::kUnknown) Name(running_.entries[i]);
    }
  }
}

void Intake::Name(const sync::SyncEntry& entry) {
  // An engine's data is in the datagram, which goes now.
  if (!entry.engine_data.empty()) return Refuse(SyncFault::kReal);
  if (named_.entries.size() == kBatchEntries) return Refuse(SyncFault::kUnknownFull);
  const auto outcome = namer_(entry);
  if (const auto* fault = std::get_if<SyncFault>(&outcome)) return Refuse(*fault);
  named_.entries.push_back(entry);
  named_.entries.back().engine_name = {};
  named_.ids.push_back(std::get<RealId>(outcome));
}

void Intake::TakeBack(size_t worker) {
  if (!rounds_.TakeBack(worker)) return;
  for (const auto& command : rounds_.commands()) {
    counts_.connections += std::exchange(command->connections, 0);
    counts_.templates += std::exchange(command->templates, 0);
    for (size_t i = 0; i < command->faults.size(); ++i) {
      counts_.faults[i] += std::exchange(command->faults[i], 0);
    }
  }
  if (std::exchange(is_named_out_, false)) {
    named_running_.entries.clear();
    named_running_.ids.clear();
    return;
  }
  CollectUnknown();
  running_.entries.clear();
  running_.payloads.clear();
  running_.bytes = 0;
}

}  // namespace fairlead::control
