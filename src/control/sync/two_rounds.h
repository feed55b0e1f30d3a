// One batch of a peer's entries with every worker, in up to two rounds
// (dataplane/shard/sync_mail.h).
//
//   TwoRounds<TakeSyncEntries> rounds(workers, submit);
//   rounds.Begin(entries.size(), [&](TakeSyncEntries* command) { command->entries = entries; });
//   if (rounds.TakeBack(worker)) …the batch is through: rounds.commands() say what became of it…
//
// Threads: one, the control core's. Allocates when it is made, and answers when a batch is longer
// than all before.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "dataplane/shard/sync_mail.h"

namespace fairlead::control {

template <typename Take>
class TwoRounds {
 public:
  using Submit = std::function<void(size_t worker, dataplane::Command* command)>;

  TwoRounds(size_t workers, Submit submit) : submit_(std::move(submit)) {
    for (size_t i = 0; i < workers; ++i) commands_.push_back(std::make_unique<Take>());
  }

  [[nodiscard]] bool is_out() const { return out_ > 0; }
  [[nodiscard]] std::span<const std::unique_ptr<Take>> commands() const { return commands_; }

  // prepare(command) for each worker's. Precondition: nothing is out.
  template <typename Prepare>
  void Begin(size_t entries, Prepare prepare) {
    count_ = entries;
    for (const auto& command : commands_) {
      command->answers.assign(entries, dataplane::SyncAnswer{});
      command->is_second_round = false;
      prepare(command.get());
    }
    SendToAll();
  }

  // The command of this worker has come back. True: the batch is through.
  bool TakeBack(size_t worker) {
    Take& command = *commands_[worker];
    if (!command.is_complete) {
      submit_(worker, &command);
      return false;
    }
    if (--out_ > 0) return false;
    if (commands_[0]->is_second_round || !BeginSecondRound()) return true;
    SendToAll();
    return false;
  }

 private:
  using SyncAnswer = dataplane::SyncAnswer;
  using SyncStep = dataplane::SyncStep;

  void SendToAll() {
    out_ = commands_.size();
    for (size_t w = 0; w < commands_.size(); ++w) {
      commands_[w]->next = 0;
      commands_[w]->is_complete = false;
      submit_(w, commands_[w].get());
    }
  }

  // Passes each grant on to the worker that waits for it, and gives an unused one back to the
  // worker that made it. False: there was no grant.
  bool BeginSecondRound() {
    bool is_needed = false;
    for (size_t i = 0; i < count_; ++i) {
      dataplane::TemplateRef ref;
      Take* granter = nullptr;
      Take* waiting = nullptr;
      for (const auto& command : commands_) {
        // The sender of the entry looks at it when the batch is through.
        if (command->answers[i].step == SyncStep::kUnknown) continue;
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

  Submit submit_;
  std::vector<std::unique_ptr<Take>> commands_;  // [worker]
  size_t count_ = 0;                             // entries of the batch
  size_t out_ = 0;                               // workers that have not finished the round
};

}  // namespace fairlead::control
