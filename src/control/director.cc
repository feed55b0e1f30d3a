#include "control/director.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <variant>

#include "base/log.h"
#include "control/apply_edit.h"
#include "control/inherited.h"
#include "control/model_diff.h"
#include "control/survival/replay.h"

namespace fairlead::control {
namespace {

// The view is made again for what health checks have seen: this often, but with many services not
// so often, and not of so many at once, that it costs more than a fiftieth of the thread.
constexpr std::chrono::seconds kViewRefresh{1};
constexpr std::chrono::milliseconds kDrainInterval{100};
constexpr std::chrono::seconds kDrainRetry{1};  // after a refusal
constexpr int kViewCostShare = 50;
constexpr size_t kDrainsShown = 64;  // that have ended
constexpr size_t kMostAuthors = 1 << 16;
// After a longer sleep the estimates have come to rest anyway.
constexpr int kMostMissedTicks = 64;

}  // namespace

Director::Director(dataplane::Fabric& fabric, ConfigModel model, std::string config_path,
                   std::vector<PortRuntime> ports, Prober& prober, uint32_t seed)
    : fabric_(fabric),
      start_path_(std::move(config_path)),
      path_in_force_(start_path_),
      ports_(std::move(ports)),
      publication_(fabric, std::make_shared<const ConfigModel>(std::move(model)), ports_, prober,
                   seed),
      view_(std::make_shared<const ControlView>()),
      view_refresh_(kViewRefresh) {}

Status Director::PublishFirst(TimePoint now) {
  now_ = now;
  next_rates_ = now + kRateInterval;
  std::optional<Error> refused;
  publication_.Want(publication_.wanted(), [&refused](const Result<uint64_t>& result) {
    if (!result) refused = result.error();
  });
  publication_.Turn(now);
  if (refused) return *refused;
  SetLogLevel(publication_.in_force().model->log.level);
  RefreshView();
  LogInfo("configuration published",
          {{"file", path_in_force_},
           {"generation", publication_.snapshot()->generation},
           {"services", publication_.in_force().model->services.size()}});
  return Done{};
}

void Director::Turn(TimePoint now) {
  turns_.fetch_add(1, std::memory_order_relaxed);
  now_ = now;
  bool is_news = CarryOutDrains();
  is_news |= publication_.Turn(now);
  if (now >= next_rates_) {
    TickRates();
    is_news |= view_refresh_ == kViewRefresh;  // not when making the view is costly
  }
  if (keeper_ && publication_.snapshot() != nullptr) {
    keeper_->Turn(StateToKeep(publication_.in_force()));
  }
  is_news |= LookAtReadiness();
  const bool is_time = now - view_made_ >= view_refresh_;
  if (is_news || is_time) RefreshView(is_time);
}

// One tick for each interval that has passed, so that rates do not depend on who turns how often.
void Director::TickRates() {
  ledger_.Follow(publication_.ids(), fabric_.stats);
  for (int i = 0; now_ >= next_rates_ && i < kMostMissedTicks; ++i) {
    ledger_.Tick(publication_.ids(), fabric_.stats);
    next_rates_ += kRateInterval;
  }
  next_rates_ = std::max(next_rates_, now_);
}

Status Director::Zero(const std::string& service) {
  ServiceId id;
  if (!service.empty()) {
    const ServiceConfig* const config = FindService(*publication_.in_force().model, service);
    if (config == nullptr) {
      return Error{ErrorCode::kNotFound, "There is no service \"" + service + "\"", ""};
    }
    id = publication_.ids().FindService(KeyOf(*config));
  }
  ledger_.Follow(publication_.ids(), fabric_.stats);
  ledger_.Zero(publication_.ids(), fabric_.stats, id);
  view_builder_.ForgetServices();
  RefreshView();
  return Done{};
}

std::shared_ptr<const ControlView> Director::view() const {
  const std::lock_guard lock(view_mutex_);
  return view_;
}

// ---- reload -----------------------------------------------------------------------------------

ReloadOutcome Director::PreviewReload(const std::string& wanted_path) {
  const std::string path = wanted_path.empty() ? path_in_force_ : wanted_path;
  return PreviewWith(path, loader_.Load(path));
}

ReloadOutcome Director::PreviewWith(const std::string& path, LoadResult loaded) const {
  Intent next;
  return Weigh(path, &loaded, &next);
}

ReloadOutcome Director::Weigh(const std::string& path, LoadResult* loaded, Intent* next) const {
  ReloadOutcome outcome;
  outcome.path = path;
  outcome.generation = publication_.snapshot()->generation;
  if (!*loaded) {
    outcome.errors = std::move(loaded->errors);
    return outcome;
  }
  const Intent& wanted = publication_.wanted();
  const ConfigModel& running = *wanted.model;
  for (const Error& warning : loaded->warnings) outcome.warnings.push_back(warning.ToString());
  outcome.waiting = KeepStartupKeys(running, &*loaded->model);
  outcome.errors = PortsWaitedFor(*loaded->model);
  if (!outcome.errors.empty()) return outcome;
  outcome.ok = true;
  auto file = std::make_shared<const ConfigModel>(*std::move(loaded->model));
  const bool is_kept = file->api.on_reload == OnReload::kKeep;
  std::vector<std::string> dropped;
  *next = is_kept ? OverFile(std::move(file), &dropped) : Intent{.model = std::move(file)};
  outcome.changes = DescribeChanges(running, *next->model);
  outcome.changes.insert(outcome.changes.end(), outcome.waiting.begin(), outcome.waiting.end());
  outcome.losses = LossesOf(*wanted.file_model(), running, *next->model);
  if (is_kept) outcome.losses.edits = dropped;
  for (const std::string& edit : dropped) {
    outcome.warnings.push_back("a change by hand is dropped, the file wins: " + edit);
  }
  return outcome;
}

Intent Director::OverFile(std::shared_ptr<const ConfigModel> file,
                          std::vector<std::string>* dropped) const {
  StoredIntent changes;
  ChangesByHand().Describe(publication_.wanted(), &changes);
  Replayed replayed = Replay(changes, std::move(file), {.now = now_, .is_same_boot = true});
  *dropped = std::move(replayed.dropped);
  Intent& next = replayed.intent;
  if (next.file_model() == next.model) return std::move(next);
  // Services that the file does not have follow what it says for all.
  std::set<ServiceIdentity> of_file;
  for (const ServiceConfig& service : next.file->services) of_file.insert(KeyOf(service));
  ConfigModel model = *next.model;
  const Inherited before = InheritedFrom(*publication_.wanted().model);
  for (size_t i = 0; i < model.services.size(); ++i) {
    if (!of_file.contains(KeyOf(model.services[i]))) Follow(before, &model, i);
  }
  next.model = std::make_shared<const ConfigModel>(std::move(model));
  return std::move(next);
}

void Director::Reload(const std::string& wanted_path, std::function<void(ReloadOutcome)> done) {
  const std::string path = wanted_path.empty() ? path_in_force_ : wanted_path;
  ReloadWith(path, loader_.Load(path), std::move(done));
}

void Director::ReloadWith(const std::string& path, LoadResult loaded,
                          std::function<void(ReloadOutcome)> done) {
  last_reload_ = std::chrono::system_clock::now();
  Intent next;
  ReloadOutcome outcome = Weigh(path, &loaded, &next);
  if (!outcome.ok) return RefuseReload(std::move(outcome), done);
  for (const std::string& warning : outcome.warnings) {
    LogWarning("configuration warning", {{"what", warning}});
  }
  for (const std::string& sentence : outcome.waiting) {
    LogWarning("needs a restart", {{"what", sentence}});
  }
  if (!outcome.losses.empty()) {
    LogWarning("this reload takes away what the file does not have",
               {{"file", path},
                {"changes_by_hand", outcome.losses.edits.size()},
                {"services", outcome.losses.services.size()}});
  }
  if (IsWanted(next)) {
    SetLogLevel(next.model->log.level);  // PUT /v1/log has changed it perhaps
    path_in_force_ = path;
    if (keeper_) keeper_->KeepIntent(StateToKeep(publication_.in_force()));
    NoteReload(true, "");
    LogInfo("configuration unchanged", {{"file", path}});
    return done(std::move(outcome));
  }
  Apply(path, std::move(next), std::move(outcome), std::move(done));
}

bool Director::IsWanted(const Intent& next) const {
  const Intent& wanted = publication_.wanted();
  if (*next.model != *wanted.model) return false;
  if (next.file_model() != next.model) return *next.file_model() == *wanted.file_model();
  return wanted.file_model() == wanted.model && !wanted.overlay.remembers_weights();
}

void Director::Apply(const std::string& path, Intent next, ReloadOutcome outcome,
                     std::function<void(ReloadOutcome)> done) {
  const auto level = next.model->log.level;
  const bool is_undone = next.file_model() == next.model;
  publication_.Want(std::move(next), [this, path, level, is_undone, outcome = std::move(outcome),
                                      done =
                                          std::move(done)](const Result<uint64_t>& result) mutable {
    if (!result) {
      outcome.errors = {result.error()};
      return RefuseReload(std::move(outcome), done);
    }
    SetLogLevel(level);
    path_in_force_ = path;
    if (is_undone) authors_.clear();
    if (keeper_) keeper_->KeepIntent(StateToKeep(publication_.in_force()));
    outcome.generation = *result;
    NoteReload(true, "");
    LogInfo(
        "configuration applied",
        {{"file", path}, {"generation", outcome.generation}, {"changes", outcome.changes.size()}});
    for (const std::string& change : outcome.changes) {
      LogInfo("configuration change", {{"what", change}});
    }
    done(std::move(outcome));
  });
}

void Director::RefuseReload(ReloadOutcome outcome, const std::function<void(ReloadOutcome)>& done) {
  outcome.ok = false;
  outcome.generation = publication_.snapshot()->generation;
  outcome.changes.clear();
  outcome.losses = {};
  NoteReload(false, outcome.errors.empty() ? "" : outcome.errors.front().ToString());
  LogError("configuration refused, nothing changed; correct the file and reload again",
           {{"file", outcome.path}, {"problems", outcome.errors.size()}});
  for (const Error& error : outcome.errors) {
    LogError("configuration problem", {{"what", error.ToString()}});
  }
  done(std::move(outcome));
}

void Director::NoteReload(bool ok, std::string error) {
  last_reload_ok_ = ok;
  last_reload_error_ = std::move(error);
  RefreshView();
}

// ---- changes by hand --------------------------------------------------------------------------

bool Director::WeighEdit(const Edit& edit, EditOutcome* outcome, Intent* next) const {
  const Intent& before = publication_.wanted();
  EditResult result = ApplyEdit(edit, before, now_);
  outcome->generation = publication_.snapshot()->generation;
  if (auto* refusal = std::get_if<EditRefusal>(&result)) {
    outcome->refusal = std::move(*refusal);
    return false;
  }
  Edited& edited = std::get<Edited>(result);
  outcome->service = std::move(edited.service);
  outcome->real = std::move(edited.real);
  outcome->changes = DescribeEdit(before, edited.intent, now_);
  *next = std::move(edited.intent);
  return true;
}

EditOutcome Director::PreviewChange(const Edit& edit) const {
  EditOutcome outcome;
  Intent next;
  (void)WeighEdit(edit, &outcome, &next);
  return outcome;
}

void Director::Change(const Edit& edit, std::function<void(EditOutcome)> done) {
  EditOutcome outcome;
  Intent next;
  if (!WeighEdit(edit, &outcome, &next)) return done(std::move(outcome));
  NoteAuthor(outcome.service, edit.author);
  publication_.Want(std::move(next),
                    [outcome = std::move(outcome), author = edit.author,
                     done = std::move(done)](const Result<uint64_t>& in_force) mutable {
                      if (in_force) {
                        outcome.generation = *in_force;
                        for (const std::string& change : outcome.changes) {
                          LogInfo("changed by hand",
                                  {{"what", change}, {"by", author.empty() ? "operator" : author}});
                        }
                      } else {
                        outcome.refusal = {in_force.error().code, {in_force.error()}};
                      }
                      done(std::move(outcome));
                    });
}

void Director::NoteAuthor(const std::string& service, const std::string& author) {
  if (service.empty()) return;  // of all services, or of none
  if (author.empty()) {
    authors_.erase(service);
  } else if (authors_.size() < kMostAuthors || authors_.contains(service)) {
    authors_[service] = author;
  }
}

std::vector<std::string> Director::WithAuthors(std::vector<std::string> sentences) const {
  constexpr std::string_view kService = "service ";
  for (std::string& sentence : sentences) {
    if (authors_.empty() || !sentence.starts_with(kService)) continue;
    const size_t colon = sentence.find(": ", kService.size());
    if (colon == std::string::npos) continue;
    const auto its = authors_.find(sentence.substr(kService.size(), colon - kService.size()));
    if (its != authors_.end()) sentence += " (by " + its->second + ")";
  }
  return sentences;
}

void Director::ChangeAt(uint64_t generation, const Edit& edit,
                        std::function<void(EditOutcome)> done) {
  const uint64_t current = publication_.snapshot()->generation;
  if (current == generation && !publication_.has_unpublished())
    return Change(edit, std::move(done));
  done({.is_stale = true, .refusal = {}, .generation = current});
}

bool Director::CarryOutDrains() {
  if (now_ < next_drain_look_ || !is_ready()) return false;
  next_drain_look_ = now_ + kDrainInterval;
  const Intent& intent = publication_.wanted();
  if (intent.model != publication_.in_force().model) return false;
  bool is_news = false;
  for (const DrainStep& step : drains_.Due(intent, publication_.ids(), fabric_.loads, now_)) {
    switch (step.kind) {
      case DrainStep::Kind::kFinish:
        NoteDrainStep(step, "");
        is_news = true;
        break;
      case DrainStep::Kind::kReset:
        publication_.Want(WithDrainOver(publication_.wanted(), step),
                          [this, step](const Result<uint64_t>& in_force) {
                            NoteDrainStep(step, in_force ? "" : in_force.error().ToString());
                          });
        break;
      case DrainStep::Kind::kRemove:
        Change(RemoveReal{step.service, step.real}, [this, step](const EditOutcome& outcome) {
          NoteDrainStep(step, outcome.refusal ? outcome.refusal->errors.front().ToString() : "");
        });
        break;
    }
  }
  return is_news;
}

// `refusal` is empty when the step is in force. A refused one is due again at each look.
void Director::NoteDrainStep(const DrainStep& step, const std::string& refusal) {
  if (!refusal.empty()) {
    LogError("cannot end the drain; will retry",
             {{"service", step.service}, {"real", step.real}, {"reason", refusal}});
    next_drain_look_ = now_ + kDrainRetry;
    return;
  }
  if (step.kind == DrainStep::Kind::kReset) {
    return LogInfo("drain deadline reached: the connections left are reset",
                   {{"service", step.service},
                    {"real", step.real},
                    {"finished", step.count.finished()},
                    {"cut", step.count.cut}});
  }
  const bool is_removed = step.kind == DrainStep::Kind::kRemove;
  const DrainOutcome& outcome = ended_drains_.emplace_back(DrainOutcome{
      step.service, step.real, step.count.finished(), step.count.cut, step.count.left, is_removed});
  LogInfo(is_removed ? "drained real is removed" : "real is drained",
          {{"service", outcome.service},
           {"real", outcome.real},
           {"finished", outcome.finished},
           {"cut", outcome.cut},
           {"left", outcome.left}});
  if (ended_drains_.size() > kDrainsShown) ended_drains_.erase(ended_drains_.begin());
}

// ---- the view ---------------------------------------------------------------------------------

void Director::RefreshView(bool is_time) {
  if (publication_.snapshot() == nullptr) return;
  const auto begun = std::chrono::steady_clock::now();
  const Intent& intent = publication_.in_force();
  ledger_.Follow(publication_.ids(), fabric_.stats);
  auto next =
      std::make_shared<ControlView>(view_builder_.Build({.model = *intent.model,
                                                         .ports = ports_,
                                                         .ids = publication_.ids(),
                                                         .health = publication_.health(),
                                                         .quorums = publication_.quorums(),
                                                         .snapshot = *publication_.snapshot(),
                                                         .overlay = intent.overlay,
                                                         .now = now_,
                                                         .drains = &drains_,
                                                         .ledger = &ledger_,
                                                         .groups = &publication_.groups(),
                                                         .links = &publication_.links(),
                                                         .kernel = publication_.kernel(),
                                                         .is_time = is_time}));
  next->model = intent.model;
  next->file_model = intent.file_model();
  if (view_->model == next->model && view_->file_model == next->file_model) {
    next->differences = view_->differences;
  } else {
    next->differences = std::make_shared<const std::vector<std::string>>(
        WithAuthors(DescribeChanges(*next->file_model, *next->model)));
  }
  next->config_path = path_in_force_;
  next->start_path = start_path_;
  next->started = started_;
  next->last_reload = last_reload_;
  next->last_reload_ok = last_reload_ok_;
  next->last_reload_error = last_reload_error_;
  next->memory = memory_;
  next->restored = restored_;
  if (keeper_) next->keep_problem = keeper_->problem();
  next->ended_drains = ended_drains_;
  next->health = publication_.health().summary();
  next->sync = publication_.sync_info();
  if (stream_info_) next->stream = stream_info_();
  next->is_ready = readiness_.is_ready();
  next->not_ready = readiness_.reasons();
  next->peers = readiness_.peers();
  next->silent = publication_.silent();
  // Of the services in turn each is to be seen once in kViewRefresh, when that is not too costly.
  const auto rounds = static_cast<TimePoint::rep>(view_builder_.rounds());
  if (is_time || rounds == 1) {
    view_made_ = now_;
    const auto cost = std::chrono::steady_clock::now() - begun;
    view_refresh_ = std::max<TimePoint::duration>(TimePoint::duration(kViewRefresh) / rounds,
                                                  kViewCostShare * cost);
  }
  const std::lock_guard lock(view_mutex_);
  view_ = std::move(next);
}

}  // namespace fairlead::control
