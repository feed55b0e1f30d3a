#include "control/sync/intake.h"

#include <utility>

#include "sync/ipvs/datagram_reader.h"

namespace fairlead::control {

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

void Intake::Turn() {
  if (rounds_.is_out() || filling_.entries.empty()) return;
  std::swap(filling_, running_);
  rounds_.Begin(running_.entries.size(), [this](TakeSyncEntries* command) {
    command->entries = running_.entries;
    command->threshold = settings_.threshold;
  });
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
  running_.entries.clear();
  running_.payloads.clear();
  running_.bytes = 0;
}

}  // namespace fairlead::control
