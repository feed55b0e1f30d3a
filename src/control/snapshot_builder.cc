#include "control/snapshot_builder.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "control/rules.h"

namespace fairlead::control {
namespace {

TickCount TicksFrom(Duration duration) {
  return TicksFromMilliseconds(static_cast<uint64_t>(duration.count()));
}

dataplane::Timeouts TimeoutsFrom(const TimeoutsConfig& config) {
  dataplane::Timeouts timeouts;
  timeouts.set_tcp(TicksFrom(config.tcp));
  timeouts.set_tcp_fin(TicksFrom(config.tcp_fin));
  timeouts.set_udp(TicksFrom(config.udp));
  using dataplane::TcpState;
  timeouts.Set(TcpState::kNone, TicksFrom(config.none));
  timeouts.Set(TcpState::kSynSent, TicksFrom(config.syn_sent));
  timeouts.Set(TcpState::kSynRecv, TicksFrom(config.syn_recv));
  timeouts.Set(TcpState::kTimeWait, TicksFrom(config.time_wait));
  timeouts.Set(TcpState::kClose, TicksFrom(config.close));
  timeouts.Set(TcpState::kCloseWait, TicksFrom(config.close_wait));
  timeouts.Set(TcpState::kLastAck, TicksFrom(config.last_ack));
  timeouts.Set(TcpState::kListen, TicksFrom(config.listen));
  timeouts.Set(TcpState::kSynAck, TicksFrom(config.synack));
  return timeouts;
}

dataplane::PolicyView PolicyFrom(const ServicePolicy& policy, NoListener no_listener) {
  return {.expire_quiescent_template = policy.expire_quiescent_template,
          .expire_nodest_conn = policy.expire_nodest_conn,
          .conn_reuse_mode = policy.conn_reuse_mode,
          .sloppy_tcp = policy.sloppy_tcp,
          .nat_icmp_send = policy.nat_icmp_send,
          .pmtu_disc = policy.pmtu_disc,
          .cache_bypass = policy.cache_bypass,
          .schedule_icmp = policy.schedule_icmp,
          .drop_packet = static_cast<uint8_t>(policy.drop_packet),
          .secure_tcp = static_cast<uint8_t>(policy.secure_tcp),
          .reset_without_listener = no_listener == NoListener::kRst};
}

dataplane::ServiceView ViewOf(ServiceId id, const ServiceConfig& config,
                              const PolicyConfig& policy) {
  dataplane::ServiceView view;
  view.id = id;
  view.family = config.family;
  view.protocol = config.is_mark() ? uint8_t{0} : static_cast<uint8_t>(config.protocol);
  view.address = config.address;
  view.port = Be16::FromHost(config.port);
  view.mark = config.mark;
  view.is_one_packet = config.one_packet;
  view.policy = PolicyFrom(config.policy, policy.no_listener);
  view.timeouts = TimeoutsFrom(config.timeouts);
  return view;
}

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

void SetNextHop(const NextHop& hop, const PathMtus* path_mtus, dataplane::RealView* view) {
  view->next_hop = hop.neighbour;
  view->output = hop.output;
  view->next_hop_address = hop.address;
  view->mtu_bytes = hop.mtu_bytes;
  if (path_mtus != nullptr && view->method == dataplane::ForwardMethod::kTun) {
    view->mtu_bytes = path_mtus->Limit(view->address, hop.mtu_bytes);
  }
  view->tunnel_source = hop.source;
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

dataplane::ForwardMethod MethodOf(ForwardMethod method) {
  switch (method) {
    case ForwardMethod::kNat:
      return dataplane::ForwardMethod::kNat;
    case ForwardMethod::kDr:
      return dataplane::ForwardMethod::kDr;
    case ForwardMethod::kTun:
      return dataplane::ForwardMethod::kTun;
  }
  return dataplane::ForwardMethod::kNat;
}

// Asked before anything is touched: what is refused must leave ids, ghosts and plans alone.
Status SnapshotBuilder::CheckRoom(const ConfigModel& model) const {
  size_t room = ids_.room();
  for (const ServiceConfig& service : model.services) {
    const ServiceId id = ids_.FindService(KeyOf(service));
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
  auto snapshot = std::make_unique<dataplane::Snapshot>();
  snapshot->generation = input.generation;
  snapshot->policy = PolicyFrom(input.model.policy.service, input.model.policy.no_listener);
  snapshot->defence = {.drop_entry = static_cast<uint8_t>(input.model.policy.drop_entry),
                       .am_droprate = input.model.policy.am_droprate,
                       .amemthresh_percent = input.model.policy.amemthresh};
  snapshot->timeouts = TimeoutsFrom(input.model.defaults.timeouts);
  FillNetwork(input.model, input.ports, input.intern_neighbour, snapshot.get());
  snapshot->classifier = ClassifierOf(input.model);

  ids_.BeginPass();
  persistence_.BeginPass(input.model);
  for (const ServiceConfig& service : input.model.services) {
    AddService(input, service, snapshot.get());
  }
  ids_.EndPass(now);
  AddGhosts(input, snapshot.get());
  dataplane::FinishSnapshot(snapshot.get());
  IndexReplies(snapshot.get());
  return snapshot;
}

void SnapshotBuilder::AddService(const BuildInput& input, const ServiceConfig& config,
                                 dataplane::Snapshot* snapshot) {
  const ServiceId id = ids_.InternService(KeyOf(config));
  if (snapshot->services.size() <= id.index()) snapshot->services.resize(id.index() + 1);
  snapshot->services[id.index()] = ViewOf(id, config, input.model.policy);
  if (config.persistence) {
    dataplane::PersistenceView& view = snapshot->services[id.index()].persistence;
    view = persistence_.Build(id, *config.persistence);
    if (config.engine == Engine::kSip) view.engine = dataplane::PersistenceEngine::kSip;
  }
  if (config.is_mark()) {
    snapshot->mark_index[{config.mark, config.family}] = id;
  } else {
    const auto protocol = static_cast<uint8_t>(config.protocol);
    snapshot->service_index[{config.address, Be16::FromHost(config.port), protocol}] = id;
    snapshot->has_port0_service |= config.port == 0;
    snapshot->has_ftp_service |= config.port == 21 && config.protocol == Protocol::kTcp;
  }
  on_remove_[id] = config.on_remove;
  AddReals(input, config, id, snapshot);
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
  snapshot->services[service.index()].plan = plans_[service].plan;
}

RealId SnapshotBuilder::AddReal(const BuildInput& input, const RealConfig& config,
                                ServiceId service, const RealState& state,
                                dataplane::Snapshot* snapshot) {
  const RealId id = ids_.InternReal(service, {config.address, config.port}, fabric_.stats);
  assert(!id.is_none());  // CheckRoom
  if (snapshot->reals.size() <= id.index()) snapshot->reals.resize(id.index() + 1);
  const NextHop hop = FindNextHop(*snapshot, config.address, input.intern_neighbour);
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
  snapshot->reals[id.index()] = view;
  last_views_[id] = {.view = view,
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
  const auto [it, is_new] = plans_.try_emplace(service);
  PlanMemory& memory = it->second;
  uint32_t edit_count = 0;
  if (!is_new) {
    // A reload sets the count of edits by hand to 0, which is no edit.
    const bool is_edited = !IsSame(memory.reals, newest_first) ||
                           (overlay_edits != memory.overlay_edits && overlay_edits != 0);
    memory.overlay_edits = overlay_edits;
    if (!is_edited && memory.kind == kind && memory.flags == flags) return;
    edit_count = memory.plan.edit_count() + (is_edited ? 1 : 0);
  }
  memory = {.kind = kind,
            .flags = flags,
            .reals = std::move(newest_first),
            .overlay_edits = overlay_edits,
            .plan = {}};
  memory.plan = sched::Plan::Build(kind, flags, memory.reals, edit_count);
}

dataplane::RealView SnapshotBuilder::GhostOf(const BuildInput& input, RealId id,
                                             const dataplane::Snapshot& snapshot) {
  LastView& last = last_views_[id];
  // Who drains first and removes then wants what is left to go on.
  if (!last.removed_by_hand) last.removed_by_hand = input.is_by_hand && !last.is_draining;
  dataplane::RealView ghost = last.view;
  const ServiceId service = ids_.reals()[id.index()].service;
  const dataplane::ServiceView& view = snapshot.services[service.index()];
  const bool expires = (view.id.is_none() ? snapshot.policy : view.policy).expire_nodest_conn;
  ghost.service = service;
  ghost.is_available = false;
  ghost.remains = last.is_drain_over
                      ? dataplane::Remains::kReset
                      : RemainsOfRemoved(on_remove_[service], expires, *last.removed_by_hand);
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
  for (size_t i = 0; i < ids_.reals().size(); ++i) {
    const IdMap::Real& real = ids_.reals()[i];
    const RealId id{static_cast<uint32_t>(i)};
    if (real.service.is_none()) {
      last_views_.erase(id);
      continue;
    }
    if (real.is_ghost) snapshot->reals[i] = GhostOf(input, id, *snapshot);
  }
  for (size_t i = 0; i < snapshot->services.size(); ++i) {
    dataplane::ServiceView& service = snapshot->services[i];
    if (!service.id.is_none()) continue;
    service.policy = snapshot->policy;  // for connections that outlive their service
    service.timeouts = snapshot->timeouts;
    plans_.erase(ServiceId{static_cast<uint32_t>(i)});
    if (!ids_.services()[i].is_in_use) persistence_.Forget(ServiceId{static_cast<uint32_t>(i)});
  }
}

// Where replies of NAT reals come from. Of several with one endpoint any will do: the entry only
// says that another worker may own the flow.
void SnapshotBuilder::IndexReplies(dataplane::Snapshot* snapshot) const {
  for (size_t i = 0; i < snapshot->reals.size(); ++i) {
    const dataplane::RealView& real = snapshot->reals[i];
    if (real.service.is_none() || real.method != dataplane::ForwardMethod::kNat) continue;
    const RealId id{static_cast<uint32_t>(i)};
    const ServiceIdentity& service = ids_.services()[real.service.index()].key;
    // Connections of port-0 and mark services may keep the client's port.
    snapshot->nat_addresses[real.address] |= real.port.is_zero() || service.port == 0;
    if (real.port.is_zero()) continue;
    const uint8_t protocol = service.protocol;
    for (const uint8_t each : {dataplane::kProtocolTcp, dataplane::kProtocolUdp}) {
      if (protocol != 0 && protocol != each) continue;
      snapshot->nat_sources.try_emplace({real.address, real.port, each}, id);
    }
  }
}

const dataplane::Classifier& SnapshotBuilder::ClassifierOf(const ConfigModel& model) {
  if (classifier_rules_ != model.classifier || classifier_sets_ != model.prefix_sets) {
    classifier_ = BuildClassifier(model);
    classifier_rules_ = model.classifier;
    classifier_sets_ = model.prefix_sets;
  }
  return classifier_;
}

}  // namespace fairlead::control
