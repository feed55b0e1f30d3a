#include "control/snapshot_builder.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "control/reply_index.h"
#include "control/worker_views.h"

namespace fairlead::control {
namespace {

bool IsSame(const std::vector<sched::RealInput>& a, const std::vector<sched::RealInput>& b) {
  return std::ranges::equal(a, b, [](const sched::RealInput& x, const sched::RealInput& y) {
    return x.id == y.id && x.address == y.address && x.port == y.port && x.weight == y.weight &&
           x.last_weight == y.last_weight;
  });
}

// The weight that mh builds its table from (spec section 6.4): what the file says, or the last
// weight above 0 before one was set by hand. A checker or an admin state never changes it.
int32_t LastWeight(const RealConfig& real, const Overlay& overlay, const ServiceIdentity& service) {
  if (real.weight > 0) return static_cast<int32_t>(real.weight);
  return overlay.last_weight({service, {real.address, real.port}});
}

// Nobody could take the flows of a dead real over: they stay, should it come back.
void KeepFlowsInPlace(const std::vector<RealId>& dead, dataplane::Snapshot* snapshot) {
  using dataplane::Remains;
  for (const RealId id : dead) {
    dataplane::RealView& real = snapshot->reals[id.index()];
    real.remains = real.is_available ? Remains::kServe : Remains::kContinue;
  }
}

}  // namespace

RealFacts FactsOf(const ServiceConfig& service, const RealConfig& real, const HealthOf& health) {
  RealFacts facts{.weight = static_cast<int32_t>(real.weight),
                  .admin = real.state,
                  .health = health(service, real)};
  if (service.health) facts.on_fail = service.health->on_fail;
  facts.on_remove = service.on_remove;
  facts.expires_nodest = service.policy.expire_nodest_conn;
  return facts;
}

ServiceId SnapshotBuilder::KnownAt(size_t place, const ServiceItem& item) const {
  if (place >= places_.size()) return {};
  const ServiceId id = places_[place];
  return services_[id.index()].config == item ? id : ServiceId{};
}

// Asked before anything is touched: what is refused must leave ids, ghosts and plans alone.
Status SnapshotBuilder::CheckRoom(const ConfigModel& model) const {
  size_t room = ids_.room();
  for (size_t i = 0; i < model.services.size(); ++i) {
    if (!KnownAt(i, model.services.item(i)).is_none()) continue;  // its reals have ids
    const ServiceConfig& service = model.services[i];
    const ServiceId id = ids_.FindService(KeyOf(service));
    const bool is_built = !id.is_none() && id.index() < services_.size() &&
                          services_[id.index()].config == model.services.item(i);
    if (is_built) continue;
    const auto is_fresh = [&](const auto& real) {
      return id.is_none() || ids_.FindReal(id, {real.address, real.port}).is_none();
    };
    auto fresh = static_cast<size_t>(std::ranges::count_if(service.reals, is_fresh));
    if (service.fallback && is_fresh(*service.fallback)) ++fresh;
    if (fresh > room) {
      return Error{ErrorCode::kUnavailable,
                   "no identifier is left for a real server: there is room for " +
                       std::to_string(fabric_.config.reals) +
                       ", and removed ones count while connections refer to them; remove some, or "
                       "wait until those have ended",
                   "service " + service.name};
    }
    room -= fresh;
  }
  return Done{};
}

Result<std::unique_ptr<dataplane::Snapshot>> SnapshotBuilder::Build(const BuildInput& input,
                                                                    TimePoint now) {
  if (Status room = CheckRoom(input.model); !room) return room.error();
  auto snapshot = Begin(input);
  snapshot->generation = input.generation;
  snapshot->policy = PolicyFrom(input.model.policy.service, input.model.policy.no_listener);
  snapshot->defence = {.drop_entry = static_cast<uint8_t>(input.model.policy.drop_entry),
                       .am_droprate = input.model.policy.am_droprate,
                       .amemthresh_percent = input.model.policy.amemthresh};
  snapshot->timeouts = TimeoutsFrom(input.model.defaults.timeouts);
  snapshot->classifier = classifiers_.Build(input.model);
  persistence_.BeginPass(input.model);
  AddServices(input, now, snapshot.get());
  AddGhosts(input, snapshot.get());
  IndexGroups(snapshot.get());
  FillFreeServices(snapshot.get());
  if (has_new_addresses_) FillLocalAddresses(input.model, snapshot.get());
  snapshot->virtual_ranges = ranges_.Build(input.model, has_new_addresses_);
  IndexReplies(snapshot.get());
  if (snapshot->changes_since != 0) LimitToPaths(input, snapshot.get());
  dataplane::WorkOutEgress(snapshot.get());
  overlay_ = input.overlay;
  last_generation_ = input.generation;
  return snapshot;
}

// With ports and routes: a copy of the last snapshot, or an empty one when all is to be made anew.
std::unique_ptr<dataplane::Snapshot> SnapshotBuilder::Begin(const BuildInput& input) {
  auto fresh = std::make_unique<dataplane::Snapshot>();
  Surroundings now{
      .policy = input.model.policy,
      .ports = input.model.ports,
      .routes = input.model.routes,
      .gateways = FillPorts(input.model, input.ports, input.intern_neighbour, fresh.get())};
  const bool is_as_before = input.before != nullptr &&
                            input.before->generation == last_generation_ && now == surroundings_;
  has_lost_replies_ = false;
  has_new_addresses_ = !is_as_before || rules_ != input.model.classifier;
  rules_ = input.model.classifier;
  surroundings_ = std::move(now);
  if (!is_as_before) return fresh;
  auto next = std::make_unique<dataplane::Snapshot>(*input.before);
  next->changes_since = input.before->generation;
  next->changed_services.clear();
  return next;
}

void SnapshotBuilder::AddServices(const BuildInput& input, TimePoint now,
                                  dataplane::Snapshot* snapshot) {
  std::set<ServiceIdentity> touched = overlay_.Differences(input.overlay);
  touched.insert(input.health_changed.begin(), input.health_changed.end());
  snapshot->has_ftp_service = snapshot->has_port0_service = false;
  const SharedList<ServiceConfig>& services = input.model.services;
  std::vector<ServiceId> places;
  places.reserve(services.size());
  for (size_t i = 0; i < services.size(); ++i) {
    const ServiceConfig& config = services[i];
    if (!config.is_mark()) {
      snapshot->has_port0_service |= config.port == 0;
      snapshot->has_ftp_service |= config.port == 21 && config.protocol == Protocol::kTcp;
    }
    const ServiceIdentity key = KeyOf(config);
    const ServiceId known = KnownAt(i, services.item(i));
    const ServiceId id = known.is_none() ? ids_.FindService(key) : known;
    if (!id.is_none() && id.index() < services_.size()) {
      ServiceMemory& memory = services_[id.index()];
      memory.seen = input.generation;
      const bool is_as_before = snapshot->changes_since != 0 && memory.config == services.item(i) &&
                                !memory.lacks_neighbour &&
                                !(memory.has_lists && persistence_.has_changed()) &&
                                (touched.empty() || !touched.contains(key));
      if (is_as_before) {
        places.push_back(id);
        continue;
      }
    }
    places.push_back(AddService(input, services.item(i), now, snapshot));
  }
  places_ = std::move(places);
  for (size_t i = 0; i < services_.size(); ++i) {
    const bool is_gone = services_[i].config != nullptr && services_[i].seen != input.generation;
    if (is_gone) RemoveService(ServiceId{static_cast<uint32_t>(i)}, now, snapshot);
  }
}

ServiceId SnapshotBuilder::AddService(const BuildInput& input, const ServiceItem& item,
                                      TimePoint now, dataplane::Snapshot* snapshot) {
  const ServiceConfig& config = *item;
  const ServiceId id = ids_.BeginService(KeyOf(config));
  if (services_.size() <= id.index()) services_.resize(id.index() + 1);
  if (snapshot->services.size() <= id.index()) snapshot->services.resize(id.index() + 1);
  ServiceMemory& memory = services_[id.index()];
  // An address has its services' word for being announced; of a mark the rules name the addresses.
  has_new_addresses_ |= memory.config == nullptr || memory.config->announce != config.announce;
  memory.config = item;
  memory.seen = input.generation;
  memory.on_remove = config.on_remove;
  memory.lacks_neighbour = false;
  memory.has_lists = config.persistence && (!config.persistence->netmasks.empty() ||
                                            !config.persistence->client_groups.empty());
  dataplane::ServiceView& view = snapshot->services[id.index()];
  view = ViewOf(id, config, input.model.policy);
  if (config.persistence) {
    view.persistence = persistence_.Build(id, *config.persistence);
    if (config.engine == Engine::kSip) view.persistence.engine = dataplane::PersistenceEngine::kSip;
  }
  if (config.is_mark()) {
    snapshot->mark_index.try_emplace({config.mark, config.family}, id);
  } else {
    const auto protocol = static_cast<uint8_t>(config.protocol);
    snapshot->service_index.try_emplace({config.address, Be16::FromHost(config.port), protocol},
                                        id);
  }
  AddReals(input, config, id, snapshot);
  ids_.EndService(id, now);
  snapshot->changed_services.push_back(id);
  return id;
}

void SnapshotBuilder::RemoveService(ServiceId id, TimePoint now, dataplane::Snapshot* snapshot) {
  ServiceMemory& memory = services_[id.index()];
  const ServiceConfig& config = *memory.config;
  if (config.is_mark()) {
    snapshot->mark_index.erase({config.mark, config.family});
  } else {
    const auto protocol = static_cast<uint8_t>(config.protocol);
    snapshot->service_index.erase({config.address, Be16::FromHost(config.port), protocol});
  }
  if (id.index() < snapshot->services.size()) snapshot->services[id.index()] = {};
  ids_.RemoveService(id, now);
  memory.config = nullptr;
  memory.plan.reset();
  has_new_addresses_ = true;
  snapshot->changed_services.push_back(id);
}

void SnapshotBuilder::AddReals(const BuildInput& input, const ServiceConfig& config,
                               ServiceId service, dataplane::Snapshot* snapshot) {
  std::vector<sched::RealInput> plan;
  const ServiceIdentity key = KeyOf(config);
  std::vector<RealId> moving;
  bool is_anyone_up = false;
  bool is_fallback_listed = false;
  for (const RealConfig& real : config.reals) {
    RealFacts facts = FactsOf(config, real, input.health);
    const DrainPlan* drain = input.overlay.FindDrain({key, {real.address, real.port}});
    facts.is_drain_over = drain != nullptr && drain->is_over;
    const RealState state = StateOf(facts);
    const RealId id = AddReal(input, real, service, state, snapshot);
    is_anyone_up |= state.weight > 0;
    if (state.remains == dataplane::Remains::kMove) moving.push_back(id);
    is_fallback_listed |= config.fallback && config.fallback->address == real.address &&
                          config.fallback->port == real.port;
    if (!state.is_present) continue;
    plan.push_back({.id = id,
                    .address = real.address,
                    .port = Be16::FromHost(real.port),
                    .weight = state.weight,
                    .last_weight = LastWeight(real, input.overlay, key)});
  }
  if (config.fallback && !is_fallback_listed) {
    const RealConfig fallback{.address = config.fallback->address,
                              .port = config.fallback->port,
                              .forward = config.fallback->forward};
    // Its connections go on after the others are back; its clients do not.
    const RealState state{.weight = is_anyone_up ? 0 : 1, .templates_valid = !is_anyone_up};
    const RealId id = AddReal(input, fallback, service, state, snapshot);
    if (!is_anyone_up) {
      plan.push_back(
          {.id = id, .address = fallback.address, .port = Be16::FromHost(fallback.port)});
    }
  }
  if (!is_anyone_up && !config.fallback) KeepFlowsInPlace(moving, snapshot);
  std::ranges::reverse(plan);
  UpdatePlan(config, service, std::move(plan), input.overlay.edits(key));
  snapshot->services[service.index()].plan = services_[service.index()].plan->plan;
}

RealId SnapshotBuilder::AddReal(const BuildInput& input, const RealConfig& config,
                                ServiceId service, const RealState& state,
                                dataplane::Snapshot* snapshot) {
  const bool is_fresh = ids_.FindReal(service, {config.address, config.port}).is_none();
  const RealId id = ids_.InternReal(service, {config.address, config.port}, fabric_.stats);
  assert(!id.is_none());  // CheckRoom
  if (snapshot->reals.size() <= id.index()) snapshot->reals.resize(id.index() + 1);
  if (last_views_.size() <= id.index()) last_views_.resize(id.index() + 1);
  const NextHop hop = FindNextHop(*snapshot, config.address, input.intern_neighbour);
  services_[service.index()].lacks_neighbour |= hop.neighbour.is_none() && !hop.output.is_none();
  dataplane::RealView view;
  view.service = service;
  view.address = config.address;
  view.port = Be16::FromHost(config.port);
  view.method = MethodOf(config.forward);
  view.is_available = state.is_present;
  view.remains = state.remains;
  view.templates_valid = state.templates_valid;
  view.weight = state.weight;
  view.upper_threshold = config.upper_threshold;
  view.lower_threshold = config.lower_threshold;
  SetNextHop(hop, input.path_mtus, &view);
  const dataplane::RealView& last = snapshot->reals[id.index()];
  // Whoever had a fresh id before has left, whatever the two have in common.
  has_lost_replies_ |= IsReplySource(last) && (is_fresh || !IsReplySource(view));
  snapshot->reals[id.index()] = view;
  last_views_[id.index()] = {.view = view,
                             .is_draining = config.state == AdminState::kDrain,
                             .is_drain_over = state.remains == dataplane::Remains::kReset &&
                                              config.state == AdminState::kDrain};
  return id;
}

void SnapshotBuilder::UpdatePlan(const ServiceConfig& config, ServiceId service,
                                 std::vector<sched::RealInput> newest_first,
                                 uint32_t overlay_edits) {
  const sched::Kind kind = config.scheduler;
  const Duration lifetime =
      kind == sched::Kind::kLblcr ? config.policy.lblcr_expiration : config.policy.lblc_expiration;
  const sched::Flags flags{.fallback = config.scheduler_flags.fallback,
                           .port = config.scheduler_flags.port,
                           .destination_lifetime = TicksFrom(lifetime)};
  std::optional<PlanMemory>& last = services_[service.index()].plan;
  uint32_t edit_count = 0;
  if (last) {
    // A reload sets the count of edits by hand to 0, which is no edit.
    PlanMemory& memory = *last;
    const bool is_edited = !IsSame(memory.reals, newest_first) ||
                           (overlay_edits != memory.overlay_edits && overlay_edits != 0);
    memory.overlay_edits = overlay_edits;
    if (!is_edited && memory.kind == kind && memory.flags == flags) return;
    edit_count = memory.plan.edit_count() + (is_edited ? 1 : 0);
  }
  last = {.kind = kind,
          .flags = flags,
          .reals = std::move(newest_first),
          .overlay_edits = overlay_edits,
          .plan = {}};
  last->plan = sched::Plan::Build(kind, flags, last->reals, edit_count);
}

dataplane::RealView SnapshotBuilder::GhostOf(const BuildInput& input, RealId id,
                                             const dataplane::Snapshot& snapshot) {
  LastView& last = last_views_[id.index()];
  // Who drains first and removes then wants what is left to go on.
  if (!last.removed_by_hand) last.removed_by_hand = input.is_by_hand && !last.is_draining;
  dataplane::RealView ghost = last.view;
  const ServiceId service = ids_.reals()[id.index()].service;
  const dataplane::ServiceView& view = snapshot.services[service.index()];
  const bool expires = (view.id.is_none() ? snapshot.policy : view.policy).expire_nodest_conn;
  ghost.service = service;
  ghost.is_available = false;
  ghost.remains = last.is_drain_over ? dataplane::Remains::kReset
                                     : RemainsOfRemoved(services_[service.index()].on_remove,
                                                        expires, *last.removed_by_hand);
  ghost.templates_valid = false;
  ghost.weight = 0;
  ghost.next_hop = NeighbourId{};
  if (ghost.remains == dataplane::Remains::kContinue ||
      ghost.remains == dataplane::Remains::kReset) {
    SetNextHop(FindNextHop(snapshot, ghost.address, input.intern_neighbour), input.path_mtus,
               &ghost);
  }
  return ghost;
}

void SnapshotBuilder::AddGhosts(const BuildInput& input, dataplane::Snapshot* snapshot) {
  snapshot->services.resize(ids_.services().size());
  snapshot->reals.resize(ids_.reals().size());
  last_views_.resize(ids_.reals().size());
  for (const RealId id : ghosts_) {
    if (!ids_.reals()[id.index()].service.is_none()) continue;
    dataplane::RealView& freed = snapshot->reals[id.index()];
    has_lost_replies_ |= IsReplySource(freed);
    freed = {};
    last_views_[id.index()] = {};
  }
  for (const RealId id : ids_.ghosts()) {
    snapshot->reals[id.index()] = GhostOf(input, id, *snapshot);
  }
  ghosts_ = ids_.ghosts();
}

// Once all reals of the changed services are in, and the removed ones out.
void SnapshotBuilder::IndexGroups(dataplane::Snapshot* snapshot) const {
  for (const ServiceId service : snapshot->changed_services) {
    if (snapshot->services[service.index()].persistence.group.is_none()) continue;
    std::vector<RealId> by_id = ids_.services()[service.index()].reals;
    std::ranges::sort(by_id);
    for (const RealId id : by_id) dataplane::IndexGroup(id, snapshot);
  }
}

// Connections that outlive their service find the global settings there.
void SnapshotBuilder::FillFreeServices(dataplane::Snapshot* snapshot) {
  services_.resize(snapshot->services.size());
  for (size_t i = 0; i < services_.size(); ++i) {
    if (services_[i].config != nullptr) continue;
    snapshot->services[i].policy = snapshot->policy;
    snapshot->services[i].timeouts = snapshot->timeouts;
    if (!ids_.services()[i].is_in_use) persistence_.Forget(ServiceId{static_cast<uint32_t>(i)});
  }
}

// Where replies of NAT reals come from. Of several with one endpoint the lowest id stands for all.
void SnapshotBuilder::IndexReplies(dataplane::Snapshot* snapshot) const {
  if (snapshot->changes_since != 0 && !has_lost_replies_) {
    for (const ServiceId service : snapshot->changed_services) {
      for (const RealId id : ids_.services()[service.index()].reals) IndexReply(id, ids_, snapshot);
    }
    return;
  }
  snapshot->nat_sources.clear();
  snapshot->nat_addresses.clear();
  snapshot->one_packet_sources.clear();
  for (size_t i = 0; i < snapshot->reals.size(); ++i) {
    IndexReply(RealId{static_cast<uint32_t>(i)}, ids_, snapshot);
  }
}

// What routers say of a path is news for all reals behind it, changed or not.
void SnapshotBuilder::LimitToPaths(const BuildInput& input, dataplane::Snapshot* snapshot) {
  if (input.path_mtus == nullptr) return;
  for (dataplane::RealView& real : snapshot->reals) {
    if (real.method != dataplane::ForwardMethod::kTun || real.next_hop.is_none()) continue;
    const uint16_t link_mtu_bytes = snapshot->ports[real.output.index()].mtu_bytes;
    real.mtu_bytes = input.path_mtus->Limit(real.address, link_mtu_bytes);
  }
}

}  // namespace fairlead::control
