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

// The weight that mh builds its table from (ipvs.md, mh): what the file says, or the last
// weight above 0 before one was set by hand. A checker or an admin state never changes it.
int32_t LastWeight(const RealConfig& real, const Overlay& overlay, const ServiceIdentity& service) {
  if (real.weight > 0) return static_cast<int32_t>(real.weight);
  return overlay.last_weight({service, {real.address, real.port}});
}

// Parts of a weight have to show where all weights are 1 as well: then a scheduler that goes by
// weight sees hundredths of them.
int64_t ScaleOf(const ServiceConfig& config, std::span<const Judged> judged) {
  const bool has_parts = std::ranges::any_of(judged, [](const Judged& each) {
    return each.facts.percent != 100 || each.facts.warmth != 100;
  });
  return has_parts && GoesByWeight(config.scheduler) ? 100 : 1;
}

int32_t ShareOf(const RealFacts& facts, const RealState& state, int64_t scale) {
  if (scale == 1) return state.weight;
  const int64_t share = int64_t{facts.weight} * facts.percent * facts.warmth / 100;
  return static_cast<int32_t>(std::clamp<int64_t>(share, 1, INT32_MAX));
}

std::vector<bool> LinksOf(const PortLinks* links) {
  std::vector<bool> ups;
  if (links == nullptr) return ups;
  for (const PortLinks::State& state : links->states()) ups.push_back(state.link.is_up);
  return ups;
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

RealFacts FactsOf(const ServiceConfig& service, const RealConfig& real, const RealHealth& health) {
  RealFacts facts{.weight = static_cast<int32_t>(real.weight),
                  .percent = health.percent,
                  .warmth = health.warmth,
                  .admin = std::max(real.state, health.wanted),
                  .health = health.state,
                  .on_fail = health.on_fail};
  // A weight of 0 is the operator's word.
  if (real.weight > 0 && health.weight) facts.weight = static_cast<int32_t>(*health.weight);
  facts.on_remove = service.on_remove;
  facts.expires_nodest = service.policy.expire_nodest_conn;
  return facts;
}

std::unique_ptr<dataplane::Snapshot> SnapshotBuilder::Build(const BuildInput& input,
                                                            const PlannedIds& ids) {
  auto snapshot = std::make_unique<dataplane::Snapshot>();
  const PortAddresses addresses = AddressesOf(input.model, input.kernel);
  const NetworkInput network{input.model, addresses, input.kernel, input.links};
  Surroundings surroundings{.policy = input.model.policy,
                            .ports = input.model.ports,
                            .addresses = addresses,
                            .routes = input.model.routes,
                            .kernel_routes = input.kernel ? input.kernel->routes_revision : 0,
                            .gateways = InternGateways(network, input.intern_neighbour),
                            .links = LinksOf(input.links)};
  persistence_.BeginPass(input.model);
  const SnapshotChanges::Scope scope =
      changes_.Since(input, surroundings, ids.places(), persistence_.has_changed());
  if (scope.is_copy) {
    snapshot = std::make_unique<dataplane::Snapshot>(*input.before);
    snapshot->changes_since = input.before->generation;
    snapshot->changed_services.clear();
  } else {
    FillPorts(network, input.ports, input.intern_neighbour, snapshot.get());
  }
  has_lost_replies_ = false;
  has_new_addresses_ = scope.has_other_addresses;
  FillGlobals(input, snapshot.get());
  snapshot->classifier = classifiers_.Build(input.model);
  snapshot->snat = snat_.Build(input.model);
  local_pools_.Begin(input.model.prefix_sets);
  const Pass pass{input, ids, *snapshot};
  AddServices(pass, scope);
  AddGhosts(pass);
  IndexGroups(pass);
  FillFreeServices(pass);
  has_new_addresses_ |= local_pools_.Settle(snapshot.get());
  if (has_new_addresses_) {
    FillLocalAddresses(input.model, addresses, input.presence, snapshot.get());
  }
  snapshot->virtual_ranges = ranges_.Build(input.model, has_new_addresses_);
  IndexReplies(pass);
  if (snapshot->changes_since != 0) LimitToPaths(input, snapshot.get());
  dataplane::WorkOutEgress(snapshot.get());
  changes_.NoteBuilt(input, std::move(surroundings));
  return snapshot;
}

dataplane::SyncView SyncFrom(const SyncConfig& sync) {
  if (!sync.ipvs || !sync.ipvs->sends()) return {};
  const IpvsSyncConfig& ipvs = *sync.ipvs;
  return {.is_on = true,
          .templates_only = ipvs.persist_mode,
          .retries = ipvs.retries,
          .threshold = ipvs.threshold.threshold,
          .period = ipvs.threshold.period,
          .refresh = TicksFromMilliseconds(static_cast<uint64_t>(ipvs.refresh_period.count()))};
}

// What holds for the whole director.
void SnapshotBuilder::FillGlobals(const BuildInput& input, dataplane::Snapshot* snapshot) {
  const PolicyConfig& policy = input.model.policy;
  snapshot->generation = input.generation;
  snapshot->policy = PolicyFrom(policy.service, policy.no_listener);
  snapshot->defence = {.drop_entry = static_cast<uint8_t>(policy.drop_entry),
                       .am_droprate = policy.am_droprate,
                       .amemthresh_percent = policy.amemthresh};
  snapshot->sync = SyncFrom(input.model.sync);
  snapshot->timeouts = TimeoutsFrom(input.model.defaults.timeouts);
  snapshot->has_ftp_service = snapshot->has_port0_service = false;
  for (const ServiceConfig& config : input.model.services) {
    if (config.is_mark()) continue;
    snapshot->has_port0_service |= config.port == 0;
    snapshot->has_ftp_service |= config.port == 21 && config.protocol == Protocol::kTcp;
  }
}

void SnapshotBuilder::AddServices(const Pass& pass, const SnapshotChanges::Scope& scope) {
  for (const size_t place : scope.services) {
    AddService(pass, pass.ids.places()[place], pass.input.model.services.item(place));
  }
  for (const ServiceId id : scope.removed) RemoveService(id, &pass.snapshot);
}

void SnapshotBuilder::AddService(const Pass& pass, ServiceId id,
                                 const SnapshotChanges::ServiceItem& item) {
  const ServiceConfig& config = *item;
  dataplane::Snapshot& snapshot = pass.snapshot;
  if (services_.size() <= id.index()) services_.resize(id.index() + 1);
  if (snapshot.services.size() <= id.index()) snapshot.services.resize(id.index() + 1);
  // An address has its services' word for being announced; of a mark the rules name the addresses.
  const SnapshotChanges::ServiceItem& before = changes_.config(id);
  has_new_addresses_ |= before == nullptr || before->announce != config.announce;
  changes_.NoteService(id, item);
  if (std::exchange(services_[id.index()].on_remove, config.on_remove) != config.on_remove) {
    ++kept_revision_;
  }
  dataplane::ServiceView& view = snapshot.services[id.index()];
  view = ViewOf(id, config, pass.input.model.policy);
  if (config.persistence) {
    view.persistence = persistence_.Build(id, *config.persistence);
    if (config.engine == Engine::kSip) view.persistence.engine = dataplane::PersistenceEngine::kSip;
  }
  if (config.is_mark()) {
    snapshot.mark_index.try_emplace({config.mark, config.family}, id);
  } else {
    const auto protocol = static_cast<uint8_t>(config.protocol);
    snapshot.service_index.try_emplace({config.address, Be16::FromHost(config.port), protocol}, id);
  }
  AddReals(pass, config, id);
  snapshot.changed_services.push_back(id);
}

void SnapshotBuilder::RemoveService(ServiceId id, dataplane::Snapshot* snapshot) {
  const ServiceConfig& config = *changes_.config(id);
  if (config.is_mark()) {
    snapshot->mark_index.erase({config.mark, config.family});
  } else {
    const auto protocol = static_cast<uint8_t>(config.protocol);
    snapshot->service_index.erase({config.address, Be16::FromHost(config.port), protocol});
  }
  if (id.index() < snapshot->services.size()) snapshot->services[id.index()] = {};
  services_[id.index()].plan.reset();
  changes_.NoteRemoved(id);
  has_new_addresses_ = true;
  snapshot->changed_services.push_back(id);
}

void SnapshotBuilder::AddReals(const Pass& pass, const ServiceConfig& config, ServiceId service) {
  const BuildInput& input = pass.input;
  const ServiceIdentity key = KeyOf(config);
  std::vector<Judged> judged;
  judged.reserve(config.reals.size());
  LivingWeight weight;
  bool is_fallback_listed = false;
  for (const RealConfig& real : config.reals) {
    RealFacts facts = FactsOf(config, real, input.health(config, real));
    const DrainPlan* drain = input.overlay.FindDrain({key, {real.address, real.port}});
    facts.is_drain_over = drain != nullptr && drain->is_over;
    const RealState state = StateOf(facts);
    judged.push_back({real, facts, state});
    weight.all += real.weight;
    weight.living += static_cast<uint64_t>(state.weight);
    is_fallback_listed |= config.fallback && config.fallback->address == real.address &&
                          config.fallback->port == real.port;
  }
  const bool has_quorum =
      input.quorum ? input.quorum(config, weight) : HasQuorum(config, weight, true);
  const bool has_fallback = config.fallback && !is_fallback_listed;
  std::vector<sched::RealInput> plan =
      AddJudged(pass, config, service, judged, has_quorum || !has_fallback, weight.living > 0);
  if (has_fallback) {
    const RealConfig fallback{.address = config.fallback->address,
                              .port = config.fallback->port,
                              .forward = config.fallback->forward};
    // Its connections go on after the others are back; its clients do not.
    const RealState state{.weight = has_quorum ? 0 : 1, .templates_valid = !has_quorum};
    const RealId id = AddReal(pass, fallback, service, state);
    if (!has_quorum) {
      plan.push_back(
          {.id = id, .address = fallback.address, .port = Be16::FromHost(fallback.port)});
    }
  }
  std::ranges::reverse(plan);
  UpdatePlan(config, service, std::move(plan), input.overlay.edits(key));
  pass.snapshot.services[service.index()].plan = services_[service.index()].plan->plan;
}

// `may_take`: living ones take new connections; they do not while the fallback does.
std::vector<sched::RealInput> SnapshotBuilder::AddJudged(const Pass& pass,
                                                         const ServiceConfig& config,
                                                         ServiceId service,
                                                         std::span<const Judged> judged,
                                                         bool may_take, bool is_anyone_up) {
  std::vector<sched::RealInput> plan;
  std::vector<RealId> moving;
  const ServiceIdentity key = KeyOf(config);
  const int64_t scale = ScaleOf(config, judged);
  for (const auto& [real, facts, judgement] : judged) {
    RealState state = judgement;
    if (!may_take && state.weight > 0) {
      state.weight = 0;
      state.templates_valid = false;
    }
    const RealId id = AddReal(pass, real, service, state);
    if (state.remains == dataplane::Remains::kMove) moving.push_back(id);
    if (!state.is_present) continue;
    const int32_t last_weight = LastWeight(real, pass.input.overlay, key);
    plan.push_back({.id = id,
                    .address = real.address,
                    .port = Be16::FromHost(real.port),
                    .weight = state.weight == 0 ? 0 : ShareOf(facts, state, scale),
                    .last_weight = last_weight});
  }
  if (!is_anyone_up && !config.fallback) KeepFlowsInPlace(moving, &pass.snapshot);
  return plan;
}

RealId SnapshotBuilder::AddReal(const Pass& pass, const RealConfig& config, ServiceId service,
                                const RealState& state) {
  const BuildInput& input = pass.input;
  dataplane::Snapshot& snapshot = pass.snapshot;
  const RealId id = pass.ids.FindReal(service, {config.address, config.port});
  assert(!id.is_none());  // planned
  if (snapshot.reals.size() <= id.index()) snapshot.reals.resize(id.index() + 1);
  if (last_views_.size() <= id.index()) last_views_.resize(id.index() + 1);
  const NextHop hop = FindNextHop(snapshot, config.address, input.intern_neighbour);
  if (hop.neighbour.is_none() && !hop.output.is_none()) changes_.NoteLackOfNeighbour(service);
  dataplane::RealView view;
  view.service = service;
  view.address = config.address;
  view.port = Be16::FromHost(config.port);
  view.method = config.forward.method;
  view.tunnel = config.forward.tunnel;
  view.client_address = config.forward.client_address;
  if (HasLocalAddresses(view.method)) {
    view.local_pool = local_pools_.Intern(config.forward.local_addresses, config.address.family());
  }
  view.is_available = state.is_present;
  view.remains = state.remains;
  view.templates_valid = state.templates_valid;
  view.weight = state.weight;
  view.upper_threshold = config.upper_threshold;
  view.lower_threshold = config.lower_threshold;
  SetNextHop(hop, input.path_mtus, snapshot.services[service.index()].family, &view);
  const dataplane::RealView& last = snapshot.reals[id.index()];
  // Whoever had a fresh id before has left, whatever the two have in common.
  has_lost_replies_ |= LosesReplies(last, view) || (IsReplySource(last) && pass.ids.IsFresh(id));
  if (!last.local_pool.is_none() && last.local_pool != view.local_pool) local_pools_.NoteReleased();
  snapshot.reals[id.index()] = view;
  const KeptReal kept{.method = config.forward.method,
                      .tunnel = config.forward.tunnel,
                      .is_draining = config.state == AdminState::kDrain,
                      .is_drain_over = state.remains == dataplane::Remains::kReset &&
                                       config.state == AdminState::kDrain};
  if (last_views_[id.index()].kept != kept) ++kept_revision_;
  last_views_[id.index()] = {view, kept};
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
  const bool takes_new = std::ranges::any_of(
      newest_first, [](const sched::RealInput& real) { return real.weight > 0; });
  last = {.kind = kind,
          .flags = flags,
          .reals = std::move(newest_first),
          .overlay_edits = overlay_edits,
          .takes_new = takes_new,
          .plan = {}};
  last->plan = sched::Plan::Build(kind, flags, last->reals, edit_count);
}

// Once all reals of the changed services are in, and the removed ones out.
void SnapshotBuilder::IndexGroups(const Pass& pass) {
  for (const ServiceId service : pass.snapshot.changed_services) {
    if (pass.snapshot.services[service.index()].persistence.group.is_none()) continue;
    for (const RealId id : pass.ids.RealsOf(service)) dataplane::IndexGroup(id, &pass.snapshot);
  }
}

// Connections that outlive their service find the global settings there.
void SnapshotBuilder::FillFreeServices(const Pass& pass) {
  dataplane::Snapshot& snapshot = pass.snapshot;
  for (uint32_t i = 0; i < snapshot.services.size(); ++i) {
    if (changes_.config(ServiceId{i}) != nullptr) continue;
    snapshot.services[i].policy = snapshot.policy;
    snapshot.services[i].timeouts = snapshot.timeouts;
    if (pass.ids.IsInUse(ServiceId{i})) continue;
    snapshot.services[i].family = dataplane::ServiceView{}.family;  // no ghost asks any more
    persistence_.Forget(ServiceId{i});
  }
}

// Where replies of NAT reals come from.
void SnapshotBuilder::IndexReplies(const Pass& pass) const {
  dataplane::Snapshot& snapshot = pass.snapshot;
  if (snapshot.changes_since != 0 && !has_lost_replies_) {
    for (const ServiceId service : snapshot.changed_services) {
      for (const RealId id : pass.ids.RealsOf(service)) IndexReply(id, pass.ids, &snapshot);
    }
    return;
  }
  snapshot.nat_sources.clear();
  snapshot.nat_addresses.clear();
  snapshot.one_packet_sources.clear();
  for (size_t i = 0; i < snapshot.reals.size(); ++i) {
    IndexReply(RealId{static_cast<uint32_t>(i)}, pass.ids, &snapshot);
  }
}

// What routers say of a path is news for all reals behind it, changed or not.
void SnapshotBuilder::LimitToPaths(const BuildInput& input, dataplane::Snapshot* snapshot) {
  if (input.path_mtus == nullptr) return;
  for (dataplane::RealView& real : snapshot->reals) {
    if (!IsTunnel(real.method) || real.next_hop.is_none()) continue;
    const uint16_t link_mtu_bytes = snapshot->ports[real.output.index()].mtu_bytes;
    real.mtu_bytes =
        PathMtuOf(*input.path_mtus, link_mtu_bytes, dataplane::FamilyOf(*snapshot, real), real);
  }
}

}  // namespace fairlead::control
