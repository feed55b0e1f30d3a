#include "control/view_builder.h"

#include <algorithm>
#include <bit>
#include <set>
#include <utility>

#include "control/config/names.h"
#include "control/model_diff.h"
#include "control/network_view.h"
#include "control/persistence_builder.h"
#include "control/port_addresses.h"
#include "control/real_state.h"
#include "control/rules.h"
#include "control/snapshot_builder.h"

namespace fairlead::control {
namespace {

std::string RemainsWord(dataplane::Remains remains) {
  using dataplane::Remains;
  switch (remains) {
    case Remains::kServe:
      return "serve";
    case Remains::kMove:
    case Remains::kLeave:
      return "move";
    case Remains::kContinue:
      return "continue";
    case Remains::kHold:
      return "hold";
    case Remains::kExpire:
      return "expire";
    case Remains::kReset:
      return "reset";
  }
  return "serve";
}

std::optional<DrainInfo> DrainOf(const ViewInput& input, const Overlay::Key& key) {
  const DrainPlan* plan = input.overlay.FindDrain(key);
  if (plan == nullptr) return std::nullopt;
  DrainInfo info{.then_remove = plan->then_remove,
                 .waits_for_all = plan->waits_for_all,
                 .is_over = plan->is_over};
  const DrainCount* count = input.drains == nullptr ? nullptr : input.drains->Find(key);
  if (count != nullptr) info.is_ended = count->is_ended;
  if (plan->until) {
    const auto left = std::chrono::ceil<std::chrono::seconds>(*plan->until - input.now);
    info.remaining_seconds = std::max<int64_t>(0, left.count());
  }
  return info;
}

// Of the weight in force: the rest was rounded away, or slow_start keeps it back for now.
double PartOf(const ServiceConfig& service, const RealFacts& facts, int32_t weight) {
  if (weight == 0 || !GoesByWeight(service.scheduler)) return 1;
  return std::min(1.0, facts.weight * (facts.percent / 100.0) * (facts.warmth / 100.0) / weight);
}

// What the snapshot and the id map know of any real, configured or ghost.
RealInfo BasicInfo(const ViewInput& input, RealId id) {
  const IdMap::Real& known = input.ids.reals()[id.index()];
  const dataplane::RealView& view = input.snapshot.reals[id.index()];
  RealInfo info;
  info.id = id;
  info.endpoint = {known.key.address, Be16::FromHost(known.key.port)};
  info.name = info.endpoint.ToString();
  info.forward = ToWord(view.method);
  info.tunnel = view.tunnel;
  info.effective_weight = view.weight;
  info.connections_are = RemainsWord(view.remains);
  info.upper_threshold = view.upper_threshold;
  info.lower_threshold = view.lower_threshold;
  info.baseline = known.baseline;
  if (input.ledger != nullptr) {
    info.zero = input.ledger->real(id).zero;
    info.rate = input.ledger->real(id).rate.shown();
  }
  return info;
}

RealInfo InfoOf(const ViewInput& input, const ServiceConfig& service, const RealConfig& real,
                RealId id) {
  const std::vector<HealthCheck> checks = ChecksOf(service, real);
  const RealFacts facts = FactsOf(service, real, input.health.HealthOf(checks));
  RealInfo info = BasicInfo(input, id);
  info.local_addresses = real.forward.local_addresses;
  info.client_address = real.forward.client_address;
  info.part = PartOf(service, facts, info.effective_weight);
  info.weight = static_cast<int32_t>(real.weight);
  info.admin = real.state;
  info.drain = DrainOf(input, {KeyOf(service), {real.address, real.port}});
  info.health = facts.health;
  info.living_weight = StateOf(facts).weight;
  info.health_detail = input.health.DetailOf(checks);
  info.checks = input.health.InfosOf(checks);
  return info;
}

void AddReals(const ViewInput& input, const ServiceConfig& config, ServiceInfo* info) {
  for (const RealConfig& real : config.reals) {
    const RealId id = input.ids.FindReal(info->id, {real.address, real.port});
    if (!id.is_none()) info->reals.push_back(InfoOf(input, config, real, id));
  }
  if (config.fallback) {
    const RealIdentity key{config.fallback->address, config.fallback->port};
    const RealId id = input.ids.FindReal(info->id, key);
    const auto listed = std::ranges::find(info->reals, id, &RealInfo::id);
    if (!id.is_none() && listed == info->reals.end()) {
      RealInfo fallback = BasicInfo(input, id);
      fallback.is_fallback = true;
      fallback.weight = fallback.effective_weight;
      info->is_on_fallback = fallback.effective_weight > 0;
      info->reals.push_back(std::move(fallback));
    }
  }
  std::ranges::reverse(info->reals);
}

// `from`: a service or its persistence.
void SetNetmask(const auto& from, ServiceInfo* info) {
  info->prefix_length =
      info->family == Family::kIpv4 ? std::popcount(from.mask4) : from.prefix_length6;
  info->mask = from.mask4;
}

ServiceInfo InfoOf(const ServiceConfig& config, ServiceId id) {
  ServiceInfo info;
  info.id = id;
  info.name = config.name;
  info.family = config.family;
  info.protocol = config.is_mark() ? uint8_t{0} : static_cast<uint8_t>(config.protocol);
  info.address = config.address;
  info.port = Be16::FromHost(config.port);
  info.mark = config.mark;
  info.scheduler = ToWord(config.scheduler);
  const bool is_mh = config.scheduler == SchedulerKind::kMh;
  if (config.scheduler_flags.fallback) {
    info.scheduler_flags.emplace_back(is_mh ? "mh-fallback" : "sh-fallback");
  }
  if (config.scheduler_flags.port) info.scheduler_flags.emplace_back(is_mh ? "mh-port" : "sh-port");
  if (config.scheduler_flags.netmask) {
    info.scheduler_flags.emplace_back(is_mh ? "mh-netmask" : "sh-netmask");
  }
  if (config.persistence) {
    info.is_persistent = true;
    const Duration timeout = config.persistence->timeout;
    info.persistence_seconds =
        timeout == kInfinite ? UINT32_MAX : static_cast<uint32_t>(timeout / 1s);
    SetNetmask(*config.persistence, &info);
  } else {
    SetNetmask(config, &info);
  }
  if (config.engine != Engine::kNone) info.engine = ToWord(config.engine);
  info.is_one_packet = config.one_packet;
  return info;
}

void AddGhosts(const ViewInput& input, ServiceInfo* info) {
  std::vector<RealId> ghosts;
  for (const RealId id : input.ids.services()[info->id.index()].reals) {
    if (input.ids.reals()[id.index()].is_ghost) ghosts.push_back(id);
  }
  std::ranges::sort(ghosts);
  for (const RealId id : ghosts) {
    info->reals.push_back(BasicInfo(input, id));
    info->reals.back().is_ghost = true;
  }
}

void AddHealth(const ViewInput& input, const ServiceConfig& config, ServiceInfo* info) {
  for (const RealConfig& real : config.reals) {
    if (auto histogram = input.health.HistogramOf(ChecksOf(config, real))) {
      info->health_checks.push_back({NameOf(real), *std::move(histogram)});
    }
  }
}

std::shared_ptr<const ServiceInfo> InfoOf(const ViewInput& input, const ServiceConfig& config,
                                          ServiceId id) {
  ServiceInfo info = InfoOf(config, id);
  info.retired = input.ids.services()[id.index()].retired;
  if (input.ledger != nullptr) {
    info.zero = input.ledger->service(id).zero;
    info.rate = input.ledger->service(id).rate.shown();
  }
  AddReals(input, config, &info);
  for (const RealInfo& real : info.reals) {
    info.living_weight += static_cast<uint64_t>(real.living_weight);
  }
  info.quorum = config.quorum;
  info.hysteresis = config.hysteresis;
  info.has_quorum = input.quorums.has_quorum(KeyOf(config));
  AddGhosts(input, &info);
  AddHealth(input, config, &info);
  return std::make_shared<const ServiceInfo>(std::move(info));
}

size_t WorkOf(const ServiceConfig& config) {
  size_t work = ViewBuilder::kWorkOfService;
  for (const RealConfig& real : config.reals) work += config.ChecksFor(real).size();
  return work;
}

// Names of what template keys and explanations hold as numbers.
void AddGroups(const ConfigModel& model, ControlView* view) {
  std::set<std::string> names;
  for (const ClientGroup& group : model.client_groups) names.insert(group.name);
  for (const ServiceConfig& service : model.services) {
    if (service.persistence && !service.persistence->group.empty()) {
      names.insert(service.persistence->group);
    }
  }
  for (const std::string& name : names) view->groups.push_back({NumberOfGroup(name), name});
}

void AddPorts(const ViewInput& input, ControlView* view) {
  const PortAddresses all = AddressesOf(input.model, input.kernel);
  for (size_t i = 0; i < input.model.ports.size(); ++i) {
    const PortConfig& port = input.model.ports[i];
    const PortRuntime& runtime = input.ports[i];
    PortInfo info;
    info.id = PortId{static_cast<uint8_t>(i)};
    info.name = port.name;
    info.device = port.device;
    info.vlan = port.vlan.value_or(0);
    info.mac = runtime.mac;
    info.mtu_bytes = runtime.mtu_bytes;
    info.role = ToWord(port.role);
    info.host_interface = runtime.host_interface;
    info.steering = runtime.steering;
    info.kernel_ingress = runtime.kernel_ingress;
    info.multicast_groups = input.groups == nullptr ? 0 : input.groups->size(info.id);
    if (input.links != nullptr) info.link = input.links->states()[i];
    info.addresses = port.addresses;
    info.kernel_addresses.assign(all[i].begin() + static_cast<ptrdiff_t>(port.addresses.size()),
                                 all[i].end());
    view->ports.push_back(std::move(info));
  }
}

// A snapshot that is not yet of this model has other rules for a moment.
void AddSnat(const ViewInput& input, ControlView* view) {
  const dataplane::SnatView* rules = input.snapshot.snat.get();
  if (rules == nullptr || rules->rules.size() != input.model.snat.size()) return;
  for (size_t i = 0; i < input.model.snat.size(); ++i) {
    const SnatConfig& rule = input.model.snat[i];
    SnatInfo& info = view->snat.emplace_back();
    info.source = rule.source.ToString();
    info.output = rule.output;
    for (const Prefix& prefix : rule.addresses) info.addresses.push_back(prefix.ToString());
    info.first_port = rule.ports.first;
    info.last_port = rule.ports.last;
    info.slot = rules->rules[i].slot;
  }
}

}  // namespace

ControlView ViewBuilder::Build(const ViewInput& input) {
  ControlView view;
  view.generation = input.snapshot.generation;
  view.director_name = input.model.director.name;
  view.real_ids = input.ids.reals().size();
  if (input.ledger != nullptr) {
    view.total_zero = input.ledger->total().zero;
    view.total_rate = input.ledger->total().rate.shown();
  }
  view.defence = {.drop_entry = input.model.policy.drop_entry,
                  .drop_packet = input.model.policy.service.drop_packet,
                  .secure_tcp = input.model.policy.service.secure_tcp,
                  .amemthresh = input.model.policy.amemthresh};
  AddServices(input, &view);
  if (rules_ != input.model.classifier) {
    rules_ = input.model.classifier;
    std::vector<ClassifierRuleInfo> infos;
    for (const ClassifierRule& rule : rules_) infos.push_back({rule.name, DescribeRule(rule)});
    rule_infos_ = std::move(infos);
  }
  view.rules = rule_infos_;
  AddGroups(input.model, &view);
  AddPorts(input, &view);
  AddSnat(input, &view);
  AddRoutes(input, &view);
  return view;
}

// Routes are made anew with a snapshot that shares nothing with the one before.
void ViewBuilder::AddRoutes(const ViewInput& input, ControlView* view) {
  const bool is_new = input.snapshot.changes_since == 0 || routes_ == nullptr;
  if (is_new &&
      std::exchange(routes_generation_, input.snapshot.generation) != input.snapshot.generation) {
    const PortAddresses addresses = AddressesOf(input.model, input.kernel);
    auto routes = std::make_shared<std::vector<RouteInfo>>();
    for (const ListedRoute& route :
         ListRoutes({input.model, addresses, input.kernel, input.links})) {
      routes->push_back(
          {.to = route.to.ToString(),
           .via = route.via.is_unspecified() ? "" : route.via.ToString(),
           .port = route.port.is_none() ? "" : input.model.ports[route.port.index()].name,
           .source = std::string(ToWord(route.source)),
           .is_used = route.is_used});
    }
    routes_ = std::move(routes);
  }
  view->routes = routes_;
  if (input.kernel == nullptr) return;
  view->kernel_routes = input.kernel->routes.size();
  view->refused_kernel_routes = input.kernel->refused_routes;
}

void ViewBuilder::AddServices(const ViewInput& input, ControlView* view) {
  const SharedList<ServiceConfig>& configs = input.model.services;
  if (!configs.is_copy_of(configs_)) {
    work_ = 0;
    for (const ServiceConfig& config : configs) work_ += WorkOf(config);
  }
  const bool shows_all = rounds() == 1;
  const bool is_as_before = !shown_.empty() && generation_ == input.snapshot.generation &&
                            revision_ == input.ids.revision() && input.overlay.drains().empty() &&
                            configs.is_copy_of(configs_);
  if (is_as_before && !shows_all && !input.is_time) {
    view->services = services_;
    return;
  }
  const std::vector<bool> changed = ChangedServices(input);
  shown_.resize(input.ids.services().size());
  if (next_in_turn_ >= configs.size()) next_in_turn_ = 0;
  size_t end_of_turn = next_in_turn_;
  for (size_t work = 0; input.is_time && end_of_turn < configs.size() && work < kWorkAtOnce;) {
    work += WorkOf(configs[end_of_turn++]);
  }
  view->services.reserve(configs.size());
  // While no id has changed hands, the object that stood at a place has the id that stood there.
  const bool keeps_ids = revision_ == input.ids.revision();
  places_.resize(configs.size());
  for (size_t i = 0; i < configs.size(); ++i) {
    const bool is_known =
        keeps_ids && !places_[i].is_none() && shown_[places_[i].index()].config == configs.item(i);
    const ServiceId id = is_known ? places_[i] : input.ids.FindService(KeyOf(configs[i]));
    places_[i] = id;
    if (id.is_none()) continue;
    Shown& shown = shown_[id.index()];
    const bool is_in_turn = i >= next_in_turn_ && i < end_of_turn;
    if (shows_all || is_in_turn || changed[id.index()] || shown.config != configs.item(i)) {
      shown = {configs.item(i), InfoOf(input, configs[i], id)};
    }
    view->services.push_back(shown.info);
  }
  next_in_turn_ = end_of_turn;
  services_ = view->services;
  configs_ = configs;
  generation_ = input.snapshot.generation;
  revision_ = input.ids.revision();
}

std::vector<bool> ViewBuilder::ChangedServices(const ViewInput& input) const {
  const auto& services = input.ids.services();
  const dataplane::Snapshot& snapshot = input.snapshot;
  const bool is_next = generation_ != 0 && snapshot.changes_since == generation_;
  std::vector<bool> changed(services.size(), snapshot.generation != generation_ && !is_next);
  if (is_next) {
    for (const ServiceId id : snapshot.changed_services) changed[id.index()] = true;
  }
  for (const auto& [key, plan] : input.overlay.drains()) {  // their time runs out
    const ServiceId id = input.ids.FindService(key.first);
    if (!id.is_none()) changed[id.index()] = true;
  }
  // A ghost that was freed has left its figures to its service.
  for (size_t i = 0; i < std::min(shown_.size(), services.size()); ++i) {
    const Shown& shown = shown_[i];
    if (shown.info != nullptr && shown.info->reals.size() != services[i].reals.size()) {
      changed[i] = true;
    }
  }
  return changed;
}

}  // namespace fairlead::control
