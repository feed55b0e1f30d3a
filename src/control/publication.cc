#include "control/publication.h"

#include <algorithm>
#include <utility>

#include "base/faults.h"
#include "base/log.h"
#include "sync/stream/creator.h"

namespace fairlead::control {
namespace {

constexpr std::chrono::milliseconds kSlowTurn{50};   // neighbours
constexpr std::chrono::milliseconds kHealthTurn{5};  // a few looks at a time
constexpr std::chrono::seconds kCollectInterval{5};  // ghosts
// From a removal to the sweep for its connections: as in Linux not within the command, so that a
// removal taken back at once costs nothing.
constexpr std::chrono::milliseconds kSweepDelay{10};
constexpr std::chrono::seconds kPathRebuildInterval{1};
constexpr std::chrono::seconds kLinkRebuildInterval{1};
constexpr size_t kEventsPerTurn = 1024;  // of one worker
constexpr std::chrono::seconds kRetryAfterFault{1};

// One that throws keeps no other from its answer.
void Answer(const IntentWaiter& waiter, Result<uint64_t> result) {
  try {
    waiter(std::move(result));
  } catch (...) {
    NoteFault(Thread::kControl);
  }
}

// For kernel twins, by all workers.
uint64_t LostFrames(dataplane::Fabric& fabric) {
  constexpr auto kReason = static_cast<size_t>(dataplane::DropReason::kHostQueueFull);
  uint64_t sum = 0;
  for (size_t w = 0; w < fabric.stats.worker_count(); ++w) {
    sum += fabric.stats.worker(WorkerId{static_cast<uint8_t>(w)}).dropped[kReason].value();
  }
  return sum;
}

// Of the name that peers know this director by.
uint64_t CreatorOf(const ConfigModel& model) {
  const std::string& name = model.sync.stream.name;
  return sync::CreatorNumber(name.empty() ? model.director.name : name);
}

std::vector<std::string> NamesOf(const std::vector<PortConfig>& ports) {
  std::vector<std::string> names;
  for (const PortConfig& port : ports) names.push_back(port.name);
  return names;
}

}  // namespace

Publication::Publication(dataplane::Fabric& fabric, std::shared_ptr<const ConfigModel> model,
                         const std::vector<PortRuntime>& ports, Prober& prober, uint32_t seed)
    : fabric_(fabric),
      ports_(ports),
      ids_(fabric.config.reals),
      mail_(fabric),
      unknown_reals_(ids_, fabric.stats),
      sync_(fabric, [this](size_t worker, dataplane::Command* c) { mail_.SubmitSync(worker, c); }),
      stream_tables_(fabric, CreatorOf(*model),
                     [this](size_t worker, dataplane::Command* c) { mail_.SubmitSync(worker, c); }),
      neighbours_(fabric, mail_, model->ports, ports_),
      announcer_(mail_, fabric.stats.neighbours(), ports_),
      groups_(mail_, model->ports, ports_, seed),
      links_(NamesOf(model->ports)),
      kernel_(NamesOf(model->ports)),
      health_(
          prober, [this] { Rebuild(); }, [&fabric] { return LostFrames(fabric); }, seed),
      wanted_{std::move(model), {}},
      in_force_(wanted_) {
  sync_.SetNamer([this](const sync::SyncEntry& entry) {
    return unknown_reals_.Name(*snapshot(), entry, now_);
  });
  mail_.SetSyncDone([this](size_t worker) { sync_.TakeBack(worker); });
  mail_.SetStreamDone(
      [this](size_t worker, dataplane::Command* c) { stream_tables_.TakeBack(worker, c); });
}

void Publication::Restore(const StoredNames& names, TimePoint now) {
  ids_.Restore(names, now, fabric_.stats);
  builder_.Restore(names);
  is_restored_ = true;
}

void Publication::Want(Intent intent, IntentWaiter waiter) {
  wanted_ = std::move(intent);
  is_dirty_ = true;
  if (waiter) unpublished_.push_back(std::move(waiter));
}

void Publication::SetReady(bool is_ready) {
  if (std::exchange(presence_.is_ready, is_ready) == is_ready || silent_ == nullptr) return;
  const std::vector<VirtualAddress> all = VirtualAddresses(*in_force_.model);
  const auto waits = [](const VirtualAddress& vip) { return vip.announce == Announce::kWhenReady; };
  if (std::ranges::any_of(all, waits)) Rebuild();
}

bool Publication::Turn(TimePoint now) {
  now_ = now;
  NoteGap(now);
  mail_.Poll();
  SynchroniseWithKernel(now);
  stream_tables_.Turn();
  ReadWorkerEvents(now);
  ApplyPathMtus(now);
  if (!threshold_edits_.empty() && is_in_force()) {
    ApplyThresholdEdits();
    threshold_edits_.clear();
  }
  bool is_news = AnswerWaiters();
  is_news |= ReadLinks(now);
  FollowKernel(now);
  StampKernelNews(now);
  fabric_.publisher.RetireUnused();  // takes its time with large ones, so after the answer
  if (fabric_.publisher.is_settled() && fabric_.publisher.retired_count() == 0 &&
      snapshot() != nullptr) {
    oldest_generation_ = snapshot()->generation;
  }
  if (now >= next_slow_turn_ && !is_catching_up()) {  // it would speak from addresses it has lost
    next_slow_turn_ = now + kSlowTurn;
    neighbours_.Tick(now, oldest_generation_);
    announcer_.Tick(now);
    groups_.Tick(now);
  }
  if (now >= next_health_turn_) {
    next_health_turn_ = now + kHealthTurn;
    health_.Tick(now);
  }
  if (sweep_at_ && now >= *sweep_at_ && is_in_force()) {
    sweep_at_.reset();
    mail_.Sweep();
  }
  if (is_dirty_ && now >= next_try_ && fabric_.publisher.is_settled()) is_news |= PublishNext(now);
  if (now >= next_collect_) {
    next_collect_ = now + kCollectInterval;
    if (snapshot() != nullptr) {
      snat_watch_.Look(*in_force_.model, *snapshot(), fabric_.stats, now);
    }
    if (path_mtus_.Expire(now)) Rebuild();
    is_news |= ids_.Collect(now, fabric_.loads, fabric_.stats) > 0;
  }
  return is_news;
}

bool Publication::is_in_force() const {
  return snapshot() != nullptr && fabric_.publisher.is_settled();
}

void Publication::ReadWorkerEvents(TimePoint now) {
  for (auto& ring : fabric_.events) {
    dataplane::Event event;
    for (size_t i = 0; i < kEventsPerTurn && ring->Pop(&event); ++i) {
      if (event.kind == dataplane::Event::Kind::kMulticastQuery) {
        groups_.OnQuery(event, now);
      } else if (event.kind != dataplane::Event::Kind::kPathMtu) {
        neighbours_.OnEvent(event, now);
      } else if (path_mtus_.Learn(event.address, event.mtu_bytes, now)) {
        path_news_ = {path_news_.count + 1, event.address, event.mtu_bytes};
      }
    }
  }
}

// Each report may be a client's doing, and a rebuild costs as much as a reload: they are collected.
void Publication::ApplyPathMtus(TimePoint now) {
  if (path_news_.count == 0 || now < next_path_rebuild_) return;
  LogInfo("path to a real server is narrower than its first link",
          {{"real", path_news_.last_real.ToString()},
           {"mtu_bytes", path_news_.last_mtu_bytes},
           {"reports", path_news_.count}});
  path_news_ = {};
  next_path_rebuild_ = now + kPathRebuildInterval;
  Rebuild();
}

// A port that is back is to be heard: whoever forgot its addresses meanwhile, or learnt them from
// another port, sends elsewhere.
bool Publication::ReadLinks(TimePoint now) {
  const std::vector<PortId> changed = links_.Tick(now);
  for (const PortId port : changed) {
    if (links_.is_up(port)) announcer_.AnnounceAgain(port);
  }
  has_other_links_ |= !changed.empty();
  // The first change counts at once, those of a line that trembles are collected: a rebuild costs
  // as much as a reload.
  if (has_other_links_ && now >= next_link_rebuild_) {
    has_other_links_ = false;
    next_link_rebuild_ = now + kLinkRebuildInterval;
    Rebuild();
  }
  return !changed.empty();
}

bool Publication::PublishNext(TimePoint now) {
  is_dirty_ = false;
  try {
    const Result<IdPlan> plan = PlanWanted();
    if (!plan) {
      LogError("configuration refused; the one in force stays",
               {{"reason", plan.error().ToString()}});
      GoBack(plan.error());
      return true;
    }
    Publish(*plan, now);
  } catch (...) {
    NoteFault(Thread::kControl);
    builder_.Forget();  // it may have stopped half way
    quorums_.Discard();
    real_events_.Discard();
    threshold_edits_.clear();
    next_try_ = now + kRetryAfterFault;
    GoBack({ErrorCode::kSystem,
            "out of memory, or an internal error; the log has it. The configuration in force stays",
            ""});
    if (snapshot() != nullptr) health_.SetChecks(ChecksOf(*in_force_.model), now);
  }
  return true;
}

Result<IdPlan> Publication::PlanWanted() {
  Result<IdPlan> plan = PlanIds(*wanted_.model, ids_);
  if (plan || ids_.Reclaim(fabric_.loads, fabric_.stats) == 0) return plan;
  return PlanIds(*wanted_.model, ids_);
}

// To what runs, which a check may want built anew.
void Publication::GoBack(const Error& why) {
  wanted_ = in_force_;
  is_dirty_ = snapshot() != nullptr;
  for (const IntentWaiter& waiter : std::exchange(unpublished_, {})) Answer(waiter, why);
}

// Until the snapshot is published anything may fail; from then on only what can be done without.
void Publication::Publish(const IdPlan& plan, TimePoint now) {
  const bool is_first = snapshot() == nullptr;
  const bool is_new_model = is_first || wanted_.model != in_force_.model;
  const bool is_first_mail = wanted_.model->mail.has_value() && !real_events_.tells_all();
  real_events_.set_tells_all(wanted_.model->mail.has_value());
  if (is_first_mail && !is_first) RememberReals();
  if (is_first || (is_new_model && HaveOtherChecks(*in_force_.model, *wanted_.model))) {
    health_.SetChecks(ChecksOf(*wanted_.model), now);
  }
  GiveOut(plan, fabric_.stats, now, &ids_);
  const auto begin = std::chrono::steady_clock::now();
  auto next = Build(wanted_, plan);
  unknown_reals_.NoteBuilt();
  if (has_other_kernel_) kernel_.NoteCost(std::chrono::steady_clock::now() - begin, now);
  const uint64_t generation = next->generation;
  RefreshOverload(snapshot(), *next);
  NoteExpiring(snapshot(), *next, now);
  std::optional<Speech> speech;
  if (builder_.has_new_addresses() || has_other_kernel_) {
    speech = SpeechOfWanted(*next);
  }
  Intent next_intent = wanted_;
  published_.reserve(published_.size() + unpublished_.size());
  if (before_publish_) before_publish_();
  fabric_.publisher.Publish(std::move(next));
  in_force_ = std::move(next_intent);
  stream_tables_.SetCreator(CreatorOf(*in_force_.model));
  for (IntentWaiter& waiter : std::exchange(unpublished_, {})) {
    published_.push_back({std::move(waiter), generation});
  }
  next_slow_turn_ = now;  // ask for new next hops at once
  TellOfEvents();
  if (is_new_model) {
    quorums_.Follow(*in_force_.model);
    real_events_.Follow(*in_force_.model);
  }
  if (speech) SpeakFor(*std::move(speech), now);
}

Publication::Speech Publication::SpeechOfWanted(const dataplane::Snapshot& next) const {
  const ConfigModel& model = *wanted_.model;
  PortAddresses addresses = AddressesOf(model, kernel_.network());
  std::vector<AnsweredVip> answers = AnswersOf(model, addresses, presence_);
  return {.silent = std::make_shared<const SilentAddresses>(SilentOf(answers)),
          .virtual_ones = std::move(answers),
          .announcements = AnnouncementsOf(model, addresses, presence_, next.local_pools),
          .groups = GroupsOf(model, addresses, presence_, next.local_pools),
          .addresses = std::move(addresses)};
}

void Publication::SpeakFor(Speech speech, TimePoint now) {
  has_other_kernel_ = false;
  silent_ = std::move(speech.silent);
  answer_log_.Note(std::move(speech.virtual_ones));
  announcer_.Announce(std::move(speech.announcements), now, kernel_.TakeArrived());
  groups_.Join(std::move(speech.groups));
  neighbours_.SetAddresses(std::move(speech.addresses));
}

std::unique_ptr<dataplane::Snapshot> Publication::Build(const Intent& intent, const IdPlan& plan) {
  const uint64_t generation = snapshot() == nullptr ? 1 : snapshot()->generation + 1;
  const HealthOf health = [this](const ServiceConfig& service, const RealConfig& real) {
    const std::vector<HealthCheck> checks = ChecksOf(service, real);
    const RealHealth found = health_.HealthOf(checks);
    real_events_.Note(service, real, found.state, health_.DetailOf(checks), !found.has_been_down);
    return found;
  };
  const InternNeighbour intern = [&](PortId port, const IpAddress& address) {
    return neighbours_.Intern(port, address, generation);
  };
  auto next = builder_.Build(
      {.model = *intent.model,
       .ports = ports_,
       .overlay = intent.overlay,
       .health = health,
       .intern_neighbour = intern,
       .generation = generation,
       // At the start only files have changed.
       .is_by_hand = intent.file != nullptr && snapshot() != nullptr,
       .path_mtus = &path_mtus_,
       .links = &links_,
       .kernel = kernel_.network(),
       .before = snapshot(),
       .health_changed = NextFlipped(),
       .presence = presence_,
       .quorum = [this](const ServiceConfig& service,
                        const LivingWeight& weight) { return quorums_.Decide(service, weight); }},
      PlannedIds(ids_, plan));
  neighbours_.Pin(next->reals, generation);
  return next;
}

// As the workers know them. Else each would be seen for the first time when it changes, which is no
// news. One that its checks think dead has been down only if the snapshot says so: others still
// wait in flipped_.
void Publication::RememberReals() {
  for (const ServiceConfig& service : in_force_.model->services) {
    const ServiceId id = ids_.FindService(KeyOf(service));
    if (id.is_none()) continue;
    for (const RealConfig& real : service.reals) {
      const RealId place = ids_.FindReal(id, {real.address, real.port});
      const bool takes_new = !place.is_none() && snapshot()->reals[place.index()].weight > 0;
      const bool is_dead = health_.StateOf(ChecksOf(service, real)) == HealthState::kDown;
      real_events_.Remember(service, real, is_dead && !takes_new);
    }
  }
}

// What was so from the start is no news, unless a director before us knew otherwise.
void Publication::TellOfEvents() {
  const std::vector<QuorumChange> changes = quorums_.Commit();
  std::vector<Notification> notices = real_events_.Commit();
  for (const QuorumChange& change : changes) {
    if (change.is_first) continue;
    LogChange(change);
    notices.push_back(NotificationOf(change));
  }
  if (!notify_) return;
  for (Notification& notice : notices) {
    const bool is_mailed = real_events_.tells_all() && !notice.title.empty();
    if (!notice.command.empty() || is_mailed) notify_(std::move(notice));
  }
}

std::set<ServiceIdentity> Publication::NextFlipped() {
  flipped_.merge(health_.TakeFlipped());
  std::set<ServiceIdentity> portion;
  while (!flipped_.empty() && portion.size() < kFlippedAtOnce) {
    portion.insert(flipped_.extract(flipped_.begin()));
  }
  if (!flipped_.empty()) is_dirty_ = true;
  return portion;
}

// An edited threshold counts from now on, not from the next connection (ipvs.md, thresholds).
// Twice: a worker that still has the snapshot before goes by its thresholds, and may set the flag
// anew until it has adopted this one.
void Publication::RefreshOverload(const dataplane::Snapshot* before,
                                  const dataplane::Snapshot& after) {
  ForEachChanged(after, [&](RealId id) {
    const size_t i = id.index();
    const dataplane::RealView& real = after.reals[i];
    const bool is_known =
        before != nullptr && i < before->reals.size() && !before->reals[i].service.is_none();
    if (is_known && before->reals[i].upper_threshold == real.upper_threshold &&
        before->reals[i].lower_threshold == real.lower_threshold) {
      return;
    }
    const uint32_t upper = real.upper_threshold;
    const bool is_raised = is_known && (upper == 0 || upper > before->reals[i].upper_threshold);
    threshold_edits_.push_back({id, upper, real.lower_threshold, is_raised});
  });
  ApplyThresholdEdits();
}

// With a higher upper threshold a real takes connections at once if it has fewer, as in Linux;
// else only when its connections fall below the lower one.
void Publication::ApplyThresholdEdits() {
  for (const ThresholdEdit& edit : threshold_edits_) {
    if (edit.is_raised) fabric_.loads.SetOverloaded(edit.real, false);
    fabric_.loads.UpdateOverload(edit.real, edit.upper, edit.lower);
  }
}

template <typename Visit>
void Publication::ForEachChanged(const dataplane::Snapshot& snapshot, Visit visit) const {
  for (const ServiceId service : snapshot.changed_services) {
    for (const RealId id : ids_.services()[service.index()].reals) visit(id);
  }
  for (const RealId id : ids_.ghosts()) visit(id);
}

// Some real's connections expire from now on: workers must look for those that no packet will
// visit.
void Publication::NoteExpiring(const dataplane::Snapshot* before, const dataplane::Snapshot& after,
                               TimePoint now) {
  using dataplane::Remains;
  if (before == nullptr && !is_restored_) return;
  ForEachChanged(after, [&](RealId id) {
    const size_t i = id.index();
    const bool did = before != nullptr && i < before->reals.size() &&
                     before->reals[i].remains == Remains::kExpire;
    if (after.reals[i].remains == Remains::kExpire && !did) sweep_at_ = now + kSweepDelay;
  });
}

bool Publication::AnswerWaiters() {
  if (published_.empty() || !is_in_force()) return false;
  for (const Waiting& waiting : std::exchange(published_, {})) {
    Answer(waiting.waiter, waiting.generation);
  }
  return true;
}

}  // namespace fairlead::control
