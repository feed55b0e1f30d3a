#include "control/sync/intake.h"

#include <utility>

#include "sync/ipvs/datagram_reader.h"

namespace fairlead::control {

using dataplane::SyncAnswer;
using dataplane::SyncStep;
using dataplane::TakeSyncEntries;

Intake::Intake(size_t workers, Submit submit) : submit_(std::move(submit)) {
  for (size_t i = 0; i < workers; ++i) commands_.push_back(std::make_unique<TakeSyncEntries>());
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
  if (out_ > 0 || filling_.entries.empty()) return;
  std::swap(filling_, running_);
  for (const auto& command : commands_) {
    command->entries = running_.entries;
    command->threshold = settings_.threshold;
    command->answers.assign(running_.entries.size(), SyncAnswer{});
    command->is_second_round = false;
  }
  SendToAll();
}

void Intake::SendToAll() {
  out_ = commands_.size();
  for (size_t w = 0; w < commands_.size(); ++w) {
    commands_[w]->next = 0;
    commands_[w]->is_complete = false;
    submit_(w, commands_[w].get());
  }
}

void Intake::TakeBack(size_t worker) {
  TakeSyncEntries& command = *commands_[worker];
  if (!command.is_complete) return submit_(worker, &command);
  if (--out_ == 0) EndRound();
}

void Intake::EndRound() {
  if (!commands_[0]->is_second_round && BeginSecondRound()) return SendToAll();
  for (const auto& command : commands_) {
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

bool Intake::BeginSecondRound() {
  bool is_needed = false;
  for (size_t i = 0; i < running_.entries.size(); ++i) {
    dataplane::TemplateRef ref;
    TakeSyncEntries* granter = nullptr;
    TakeSyncEntries* waiting = nullptr;
    for (const auto& command : commands_) {
      const SyncAnswer answer = std::exchange(command->answers[i], {});
      if (answer.step == SyncStep::kGranted) {
        ref = answer.ref;
        granter = command.get();
      }
      if (answer.step == SyncStep::kWaits) waiting = command.get();
    }
    if (waiting != nullptr) {
      waiting->answers[i] = {SyncStep::kGranted, ref};
    } else if (granter != nullptr) {
      granter->answers[i] = {SyncStep::kGivenBack, ref};
    } else {
      continue;
    }
    is_needed = true;
  }
  for (const auto& command : commands_) command->is_second_round = is_needed;
  return is_needed;
}

}  // namespace fairlead::control
