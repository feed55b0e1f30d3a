// What a director takes over from the one before, what it keeps for the next, and when it may
// serve.
#include <utility>

#include "base/boot_id.h"
#include "base/log.h"
#include "control/director.h"
#include "control/model_diff.h"
#include "control/survival/replay.h"

namespace fairlead::control {

void Director::Restore(KeptState state, TimePoint now) {
  now_ = now;
  Restored restored;
  restored.problems = std::move(state.problems);
  if (state.names) {
    publication_.Restore(*state.names, now);
    ledger_.Restore(*state.names, publication_.ids(), fabric_.stats);
  }
  publication_.Recall(std::move(state.health));
  if (state.intent) {
    Replayed replayed = Replay(*state.intent, FileInForce(*state.intent, &restored),
                               {.now = now, .is_same_boot = state.intent->boot == BootId()});
    publication_.Want(std::move(replayed.intent), {});
    if (replayed.kept > 0) authors_ = std::move(state.intent->authors);
    restored.edits = replayed.kept;
    restored.dropped_edits = std::move(replayed.dropped);
  }
  for (const std::string& problem : restored.problems) {
    LogError("kept state cannot be used", {{"what", problem}});
  }
  for (const std::string& edit : restored.dropped_edits) {
    LogWarning("a change by hand is dropped: the file wins", {{"what", edit}});
  }
  if (state.intent) {
    LogInfo("changes by hand hold again", {{"file", path_in_force_},
                                           {"changed", restored.edits},
                                           {"dropped", restored.dropped_edits.size()}});
  }
  restored_ = std::make_shared<const Restored>(std::move(restored));
}

std::shared_ptr<const ConfigModel> Director::FileInForce(const StoredIntent& intent,
                                                         Restored* restored) {
  const std::shared_ptr<const ConfigModel>& start = publication_.wanted().model;
  if (intent.path == start_path_) return start;
  if (intent.start_path != start_path_ || MarkOf(start_path_) != intent.start_mark) {
    if (intent.path != intent.start_path) {
      LogInfo("the file of the start is another than it was, so it is in force",
              {{"file", start_path_}, {"before", intent.path}});
    }
    return start;
  }
  LoadResult loaded = loader_.Load(intent.path);
  std::vector<Error> errors = std::move(loaded.errors);
  if (loaded) {
    for (const std::string& sentence : KeepStartupKeys(*start, &*loaded.model)) {
      LogWarning("only the file of the start can say this", {{"what", sentence}});
    }
    errors = PortsWaitedFor(*loaded.model);
  }
  if (!errors.empty()) {
    restored->problems.push_back("the file in force, " + intent.path +
                                 ", cannot be loaded any more (" + errors.front().ToString() +
                                 "); " + start_path_ + " is in force");
    return start;
  }
  path_in_force_ = intent.path;
  return std::make_shared<const ConfigModel>(*std::move(loaded.model));
}

void Director::KeepIn(const std::string& directory) {
  keeper_ = std::make_unique<Keeper>(directory, start_path_);
  publication_.SetBeforePublish([this] {
    ledger_.Follow(publication_.ids(), fabric_.stats);
    keeper_->BeforePublish(StateToKeep(publication_.wanted()));
  });
}

Keeper::State Director::StateToKeep(const Intent& intent) {
  return {.intent = intent,
          .ids = publication_.ids(),
          .builder = publication_.builder(),
          .ledger = ledger_,
          .health = publication_.health(),
          .quorums = publication_.quorums(),
          .path = path_in_force_,
          .authors = authors_,
          .now = now_};
}

void Director::SetRestored(RestoredRecords records) {
  Restored next = restored_ ? *restored_ : Restored{};
  next.records = std::move(records);
  restored_ = std::make_shared<const Restored>(std::move(next));
}

namespace {

// No port towards clients has a line.
bool IsCutOff(const Publication& publication) {
  if (publication.in_force().model == nullptr) return false;
  const std::vector<PortConfig>& ports = publication.in_force().model->ports;
  bool has_one = false;
  for (size_t i = 0; i < ports.size(); ++i) {
    if (ports[i].role == PortRole::kInside) continue;
    if (publication.links().is_up(PortId(static_cast<uint8_t>(i)))) return false;
    has_one = true;
  }
  return has_one;
}

}  // namespace

// What it changes about addresses is published by the next turn.
bool Director::LookAtReadiness() {
  const ReadyPeers ready = peers_ ? peers_() : ReadyPeers{};
  const Readiness::Facts facts{.is_forwarding = is_ready(),
                               .is_cut_off = IsCutOff(publication_),
                               .peers = ready.peers,
                               .fleet_unheard_since = ready.fleet_unheard_since};
  const bool is_news = readiness_.Turn(now_, facts, ready.rule);
  publication_.SetReady(readiness_.is_ready());
  return is_news;
}

}  // namespace fairlead::control
