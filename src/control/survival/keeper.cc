#include "control/survival/keeper.h"

#include <utility>

#include "base/boot_id.h"
#include "base/log.h"
#include "control/survival/stored_names.h"

namespace fairlead::control {
namespace {

constexpr size_t kMebibyte = size_t{1} << 20;

TimePoint::duration PauseAfter(size_t bytes) {
  return kPausePerMebibyte * static_cast<int64_t>(bytes / kMebibyte);
}

}  // namespace

Keeper::Keeper(std::string directory, std::string start_path)
    : directory_(std::move(directory)), start_path_(std::move(start_path)), boot_(BootId()) {}

void Keeper::BeforePublish(const State& state) {
  if (MarkOfNames(state) != names_) WriteNames(state);
  is_intent_due_ = is_intent_due_ || IsOtherIntent(state);
  KeepIntent(state);
}

void Keeper::Turn(const State& state) {
  if (state.now >= next_names_ && MarkOfNames(state) != names_) WriteNames(state);
  KeepIntent(state);
  if (state.now >= next_health_ && RevisionOf(state) != health_) WriteHealth(state);
}

void Keeper::KeepIntent(const State& state) {
  if ((is_intent_due_ || state.path != path_) && state.now >= next_intent_) WriteIntent(state);
}

std::string Keeper::problem() const {
  for (const std::string& problem : problems_) {
    if (!problem.empty()) return problem;
  }
  return "";
}

Keeper::NamesMark Keeper::MarkOfNames(const State& state) {
  return {state.ids.revision(), state.builder.kept_revision(), state.ledger.zeroes()};
}

bool Keeper::IsOtherIntent(const State& state) const {
  return state.intent.model != intent_.model || state.intent.file != intent_.file ||
         !(state.intent.overlay == intent_.overlay);
}

void Keeper::WriteNames(const State& state) {
  StoredNames names = state.ids.Names();
  state.builder.FillIn(&names);
  state.ledger.FillIn(&names);
  const std::string contents = EncodeNames(names);
  if (Write(kNamesFile, contents, state.now)) {
    names_ = MarkOfNames(state);
    return;
  }
  next_names_ = state.now + kRetryKeeping;
  if (!RemoveStored(directory_, kNamesFile)) {
    LogError(
        "cannot remove names that are no longer right; a restart may mistake connections, so "
        "start the next director with --fresh",
        {{"directory", directory_}});
  }
}

void Keeper::WriteIntent(const State& state) {
  if (state.path != path_) {
    start_mark_ = state.path == start_path_ ? FileMark{} : MarkOf(start_path_);
  }
  StoredIntent stored{
      .boot = boot_, .start_path = start_path_, .path = state.path, .start_mark = start_mark_};
  changes_.Describe(state.intent, &stored);
  stored.authors = state.authors;
  const std::string contents = EncodeIntent(stored);
  if (!Write(KindOf(stored), contents, state.now)) {
    next_intent_ = state.now + kRetryKeeping;
    return;
  }
  intent_ = state.intent;
  path_ = state.path;
  is_intent_due_ = false;
  next_intent_ = state.now + PauseAfter(contents.size());
}

void Keeper::WriteHealth(const State& state) {
  const std::string contents =
      EncodeHealth({.checks = state.health.Remembered(), .lost_quorums = state.quorums.Lost()});
  if (!Write(kHealthFile, contents, state.now)) {
    next_health_ = state.now + kRetryKeeping;
    return;
  }
  health_ = RevisionOf(state);
  next_health_ = state.now + kHealthPause + PauseAfter(contents.size());
}

bool Keeper::Write(const StoredKind& kind, const std::string& contents, TimePoint now) {
  const Status written = WriteStored(directory_, kind, contents);
  std::string& problem = problems_[kind.number];
  if (written) {
    if (!std::exchange(problem, "").empty()) {
      LogInfo("state for a restart is kept again", {{"file", kind.name}});
    }
    return true;
  }
  problem = written.error().ToString();
  if (const uint64_t times = pace_.Note(now); times != 0) {
    LogError("cannot keep state for a restart; will retry",
             {{"file", kind.name},
              {"reason", problem},
              {"times", times},
              {"remedy", "make room in the file system of director.arena"}});
  }
  return false;
}

}  // namespace fairlead::control
