#include "byte_director.h"

#include <algorithm>
#include <cstring>

#include "dataplane/decide/explain.h"

namespace fairlead::dataplane {
namespace {

IpAddress A(const std::string& text) { return *IpAddress::Parse(text); }

}  // namespace

ByteDirector::ByteDirector(const DirectorSpec& spec)
    : random_(spec.seed), has_fast_path_(spec.has_fast_path), now_(spec.start) {
  FabricConfig config;
  config.workers = spec.workers;
  config.ports = 2;
  config.connections = spec.connections;
  config.connections6 = 1024;
  config.templates = spec.templates;
  config.side_records = spec.side_records;
  config.reals = 256;
  config.ring_packets = spec.ring_packets;
  config.table_memory = spec.memory;
  fabric_ = std::make_unique<Fabric>(config);
  for (size_t i = 0; i < spec.workers; ++i) {
    workers_.push_back(
        std::make_unique<Worker<BytePacket>>(*fabric_, WorkerId{static_cast<uint8_t>(i)}, now_));
    workers_.back()->UsePool(pool_);
  }
  arrivals_.resize(spec.workers);
  draft_.ports = {{.mac = PortMac(kOutside), .mtu_bytes = 1500, .role = PortRole::kOutside},
                  {.mac = PortMac(kInside), .mtu_bytes = 1500, .role = PortRole::kInside}};
  const auto own = [&](const char* address, PortId port) {
    draft_.local_addresses[A(address)] = {.is_vip = false, .port = port, .is_announced = true};
  };
  own("192.0.2.2", kOutside);
  own("2001:db8::2", kOutside);
  own("10.0.0.1", kInside);
  own("fd00::1", kInside);
  AddRoute("192.0.2.0/24", kOutside, "", "192.0.2.2");
  AddRoute("2001:db8::/64", kOutside, "", "2001:db8::2");
  AddRoute("10.0.0.0/24", kInside, "", "10.0.0.1");
  AddRoute("fd00::/64", kInside, "", "fd00::1");
  AddRoute("0.0.0.0/0", kOutside, "192.0.2.1", "192.0.2.2");
  AddRoute("::/0", kOutside, "2001:db8::1", "2001:db8::2");
}

ByteDirector::~ByteDirector() = default;

std::vector<Shard*> ByteDirector::shards() {
  std::vector<Shard*> shards;
  for (const auto& worker : workers_) shards.push_back(&worker->shard());
  return shards;
}

NeighbourId ByteDirector::Neighbour(PortId port, const std::string& address) {
  const NeighbourId id = fabric_->neighbours.Intern(port, A(address));
  fabric_->neighbours.Set(id, {HostMac(address), port, NeighbourState::kReachable});
  return id;
}

void ByteDirector::SetNeighbour(PortId port, const std::string& address, NeighbourState state) {
  const NeighbourId id = fabric_->neighbours.Intern(port, A(address));
  fabric_->neighbours.Set(id, {HostMac(address), port, state});
}

void ByteDirector::AddRoute(const std::string& prefix, PortId port, const std::string& gateway,
                            const std::string& source) {
  const Prefix to = *Prefix::Parse(prefix);
  RouteView route{.output = port,
                  .length = static_cast<uint8_t>(to.length),
                  .gateway = {},
                  .gateway_address = {},
                  .source = A(source)};
  if (!gateway.empty()) {
    route.gateway = Neighbour(port, gateway);
    route.gateway_address = A(gateway);
  }
  routes_.emplace_back(to, route);
}

LocalPoolId ByteDirector::PoolOf(const RealSpec& spec, Family family) {
  LocalPool pool{
      .addresses = {}, .first_port = spec.first_local_port, .last_port = spec.last_local_port};
  for (const std::string& address : spec.local_addresses) pool.addresses.push_back(A(address));
  if (pool.addresses.empty()) {
    for (const char* last : {"201", "202"}) {
      pool.addresses.push_back(
          A(std::string(family == Family::kIpv4 ? "10.0.0." : "fd00::") + last));
    }
  }
  const LocalPoolId id{static_cast<uint16_t>(draft_.local_pools.size())};
  draft_.local_pools.push_back(std::move(pool));
  return id;
}

ServiceId ByteDirector::AddService(const ServiceSpec& spec) {
  const ServiceId id{static_cast<uint32_t>(draft_.services.size())};
  ServiceView view;
  view.id = id;
  view.address = A(spec.address);
  view.family = view.address.family();
  view.protocol = spec.mark != 0 ? uint8_t{0} : spec.protocol;
  view.port = Be16::FromHost(spec.mark != 0 ? uint16_t{0} : spec.port);
  view.mark = spec.mark;
  view.is_one_packet = spec.is_one_packet;
  view.persistence = {
      .is_enabled = spec.persistence_seconds != 0,
      .renew = spec.renew,
      .spread = spec.spread,
      .timeout = spec.persistence_seconds == kForever ? kForever
                                                      : TicksFromSeconds(spec.persistence_seconds),
      .step = TicksFromSeconds(spec.step_seconds),
      .max_lifetime = TicksFromSeconds(spec.max_lifetime_seconds),
      .group = {spec.group},
      .clients = {.mask4 = Be32::FromHost(spec.mask4), .prefix_length6 = spec.prefix_length6}};
  view.plan = sched::Plan::Build(spec.scheduler, spec.flags, {}, 0);
  if (spec.mark == 0) {
    draft_.service_index[{view.address, view.port, view.protocol}] = id;
    draft_.has_port0_service |= view.port.is_zero();
    draft_.has_ftp_service |= spec.port == 21;
  } else {
    draft_.mark_index[{spec.mark, view.family}] = id;
  }
  draft_.local_addresses[view.address] = {.is_vip = true, .port = {}, .is_announced = true};
  draft_.services.push_back(std::move(view));
  newest_first_.emplace_back();
  edits_.push_back(0);
  return id;
}

RealId ByteDirector::AddReal(ServiceId service, const std::string& address, uint16_t port,
                             RealSpec spec) {
  const RealId id{static_cast<uint32_t>(draft_.reals.size())};
  RealView real;
  real.service = service;
  real.address = A(address);
  real.port = Be16::FromHost(port);
  real.method = spec.method;
  real.tunnel = spec.tunnel;
  real.is_available = true;
  real.weight = spec.weight;
  real.upper_threshold = spec.upper;
  real.lower_threshold = spec.lower;
  real.next_hop = Neighbour(kInside, address);
  real.output = kInside;
  real.next_hop_address = real.address;
  real.tunnel_source = real.address.is_v4() ? A("10.0.0.1") : A("fd00::1");
  real.client_address = spec.client_address;
  if (TranslatesClient(spec.method)) real.local_pool = PoolOf(spec, real.address.family());
  draft_.reals.push_back(real);
  auto& list = newest_first_[service.index()];
  list.insert(list.begin(), id);
  ++edits_[service.index()];
  if (RewritesReplies(spec.method)) {
    const uint8_t protocol = draft_.services[service.index()].protocol;
    draft_.nat_addresses[real.address] |= port == 0;
    const ServiceView& view = draft_.services[service.index()];
    if (view.is_one_packet && view.mark == 0) {
      draft_.one_packet_sources[{real.address, view.port.is_zero() ? Be16{} : real.port,
                                 kProtocolUdp}] = id;
    }
    for (const uint8_t p : {kProtocolTcp, kProtocolUdp}) {
      if (protocol == 0 || protocol == p) draft_.nat_sources[{real.address, real.port, p}] = id;
    }
  }
  return id;
}

void ByteDirector::RemoveReal(RealId id, Remains remains) {
  RealView& real = draft_.reals[id.index()];
  real.remains = remains;
  real.templates_valid = false;
  real.is_available = false;
  std::erase(newest_first_[real.service.index()], id);
  ++edits_[real.service.index()];
}

void ByteDirector::RestoreReal(RealId id) {
  RealView& real = draft_.reals[id.index()];
  real.remains = Remains::kServe;
  real.templates_valid = true;
  real.is_available = true;
  auto& list = newest_first_[real.service.index()];
  list.insert(list.begin(), id);
  ++edits_[real.service.index()];
}

void ByteDirector::RunCommand(size_t worker, Command* command) {
  fabric_->api[worker]->Submit(command);
  Turn(worker, {});
  fabric_->api[worker]->TakeBack();
}

void ByteDirector::SetWeight(RealId id, int32_t weight) {
  draft_.reals[id.index()].weight = weight;
  ++edits_[draft_.reals[id.index()].service.index()];
}

void ByteDirector::Prepare() {
  for (ServiceView& service : draft_.services) {
    if (service.id.is_none()) continue;  // a test has taken it out of the configuration
    std::vector<sched::RealInput> inputs;
    for (const RealId id : newest_first_[service.id.index()]) {
      const RealView& real = draft_.reals[id.index()];
      inputs.push_back({.id = id,
                        .address = real.address,
                        .port = real.port,
                        .weight = real.weight,
                        .last_weight = real.weight});
    }
    service.plan = sched::Plan::Build(service.plan.kind(), service.plan.flags(), inputs,
                                      edits_[service.id.index()]);
  }
  draft_.routes = PrefixMap<RouteView>::Build(routes_);
  for (ServiceView& service : draft_.services) service.reals_by_address.clear();
  FinishSnapshot(&draft_);
  if (!has_fast_path_) {
    for (RealView& real : draft_.reals) real.egress = {};
  }
}

void ByteDirector::Publish() {
  ++draft_.generation;
  Prepare();
  fabric_->publisher.Publish(std::make_unique<const Snapshot>(draft_));
  for (size_t i = 0; i < workers_.size(); ++i) Turn(i, {});
  fabric_->publisher.RetireUnused();
}

BytePacket* ByteDirector::NewPacket() {
  if (free_packets_.empty()) {
    packets_.push_back(std::make_unique<BytePacket>());
    free_packets_.push_back(packets_.back().get());
  }
  BytePacket* packet = free_packets_.back();
  free_packets_.pop_back();
  packet->Assign({});
  return packet;
}

void ByteDirector::Collect(size_t index, Output<BytePacket>* out) {
  WorkerCounters& counters = workers_[index]->counters();
  for (size_t i = 0; i < out->count; ++i) {
    const auto& [packet, verdict] = out->items[i];
    const auto bytes = packet->frame();
    if (verdict.action == Action::kTransmit) {
      counters.sent.Add(1);
      collected_.push_back({verdict.port, Frame(bytes.begin(), bytes.end()), false});
    } else if (verdict.action == Action::kToHost) {
      counters.delivered_to_host.Add(1);
      collected_.push_back({verdict.port, Frame(bytes.begin(), bytes.end()), true});
    }
    free_packets_.push_back(packet);
  }
  out->Clear();
}

void ByteDirector::Arrive(BytePacket* packet, const Frame& frame, PortId port) const {
  packet->Assign(frame, port);
  const uint32_t length = packet->length();
  packet->Prepend(used_headroom_);
  std::memmove(packet->data(), packet->data() + used_headroom_, length);
  packet->Resize(length);
}

void ByteDirector::Turn(size_t index, std::span<BytePacket* const> burst) {
  Worker<BytePacket>& worker = *workers_[index];
  if (!worker.BeginTurn(now_)) return;
  auto out = std::make_unique<Output<BytePacket>>();
  worker.ProcessBurst(burst, out.get());
  Collect(index, out.get());
  worker.ProcessHandedIn(out.get());
  Collect(index, out.get());
  worker.RunCommands(pool_, out.get());
  worker.ReleaseHeld(out.get());
  Collect(index, out.get());
  worker.Expire();
}

void ByteDirector::Inject(PortId port, const Frame& frame) {
  arrivals_[random_() % workers_.size()].emplace_back(port, To(port, frame));
}

void ByteDirector::RandomTurn() {
  const size_t index = random_() % workers_.size();
  std::vector<BytePacket*> burst;
  auto& queue = arrivals_[index];
  for (size_t n = 1 + random_() % kBurst; n > 0 && !queue.empty(); --n) {
    BytePacket* packet = NewPacket();
    Arrive(packet, queue.front().second, queue.front().first);
    queue.pop_front();
    burst.push_back(packet);
  }
  Turn(index, burst);
}

std::vector<Sent> ByteDirector::Settle() {
  const auto is_busy = [&] {
    for (const auto& queue : arrivals_) {
      if (!queue.empty()) return true;
    }
    for (size_t a = 0; a < workers_.size(); ++a) {
      for (size_t b = 0; b < workers_.size(); ++b) {
        const WorkerId from{static_cast<uint8_t>(a)}, to{static_cast<uint8_t>(b)};
        if (fabric_->packets(from, to).size() + fabric_->messages(from, to).size() > 0) return true;
      }
    }
    return false;
  };
  while (is_busy()) RandomTurn();
  for (size_t i = 0; i < workers_.size(); ++i) Turn(i, {});
  return std::exchange(collected_, {});
}

std::vector<Sent> ByteDirector::Send(PortId port, const Frame& frame) {
  Inject(port, frame);
  return Settle();
}

std::vector<Sent> ByteDirector::SendBurstAt(size_t index, PortId port,
                                            std::span<const Frame> frames) {
  std::vector<BytePacket*> burst;
  for (const Frame& frame : frames) {
    burst.push_back(NewPacket());
    Arrive(burst.back(), To(port, frame), port);
  }
  Turn(index, burst);
  return std::exchange(collected_, {});
}

void ByteDirector::HandOver(size_t from, size_t to) {
  BytePacket* packet = NewPacket();
  packet->meta().hand_off = HandOff::kSteered;
  workers_[from]->counters().handed_off.Add(1);
  workers_[from]->counters().received.Add(1);
  fabric_->packets(WorkerId{static_cast<uint8_t>(from)}, WorkerId{static_cast<uint8_t>(to)})
      .Push(packet);
}

std::vector<Sent> ByteDirector::SendFromHost(PortId port, const Frame& frame) {
  BytePacket* packet = NewPacket();
  packet->Assign(frame, port);
  auto out = std::make_unique<Output<BytePacket>>();
  workers_[0]->BeginTurn(now_);
  workers_[0]->ProcessFromHost(std::span<BytePacket* const>(&packet, 1), out.get());
  Collect(0, out.get());
  return Settle();
}

void ByteDirector::Advance(double seconds) {
  // In steps, as a loop that runs would see it; many turns, so that every timer that is due fires.
  const Tick end = now_ + static_cast<TickCount>(seconds * kTicksPerSecond);
  while (!end.HasPassed(now_)) {
    now_ = now_ + std::min<TickCount>(kTicksPerSecond, end.value - now_.value);
    for (int i = 0; i < 3; ++i) {
      for (size_t w = 0; w < workers_.size(); ++w) Turn(w, {});
    }
  }
}

void ByteDirector::Sleep(uint32_t days) {
  now_ = now_ + TicksFromSeconds(days * 86'400);
  for (size_t w = 0; w < workers_.size(); ++w) Turn(w, {});
}

uint64_t ByteDirector::dropped(DropReason reason) const {
  uint64_t total = 0;
  for (const auto& worker : workers_) {
    total += worker->counters().dropped[static_cast<size_t>(reason)].value();
  }
  return total;
}

std::string ByteDirector::CheckConservation() const {
  std::string wrong;
  for (size_t i = 0; i < workers_.size(); ++i) {
    const WorkerCounters& c = workers_[i]->counters();
    const uint64_t in = c.received.value() + c.handed_in.value() + c.originated.value();
    const uint64_t out = c.sent.value() + c.handed_off.value() + c.delivered_to_host.value() +
                         c.dropped_total() + c.held.value();
    if (in != out) {
      wrong += "worker " + std::to_string(i) + ": in " + std::to_string(in) + " out " +
               std::to_string(out) + "; ";
    }
  }
  return wrong;
}

std::string ByteDirector::CheckNothingLeft() {
  std::string left;
  for (size_t i = 0; i < workers_.size(); ++i) {
    Shard& shard = workers_[i]->shard();
    const auto report = [&](const char* what, uint64_t n) {
      if (n != 0)
        left += "worker " + std::to_string(i) + ": " + std::to_string(n) + " " + what + "; ";
    };
    report("IPv4 connections", shard.Connections<Ipv4Address>().size());
    report("IPv6 connections", shard.Connections<Ipv6Address>().size());
    report("templates", shard.templates().size());
  }
  for (size_t r = 0; r < draft_.reals.size(); ++r) {
    const sched::Load load = fabric_->loads.Sum(RealId{static_cast<uint32_t>(r)});
    if (load != sched::Load{}) {
      left += "real " + std::to_string(r) + ": active " + std::to_string(load.active) +
              " inactive " + std::to_string(load.inactive) + " templates " +
              std::to_string(load.templates) + "; ";
    }
  }
  return left;
}

template <typename Ask>
ExplainAnswer ByteDirector::FollowQuestion(ExplainQuestion question, Ask ask) {
  const Steering& steering = fabric_->steering;
  const Endpoint& client = question.client;
  WorkerId worker = client.address.is_v4()
                        ? steering.ConnectionOwner(client.address.v4(), client.port)
                        : steering.ConnectionOwner(client.address.v6(), client.port);
  ExplainAnswer answer;
  for (;;) {
    ask(worker, question, &answer);
    if (answer.continue_at.is_none()) return answer;
    worker = answer.continue_at;
    question = Continued(question, answer);
  }
}

ExplainAnswer ByteDirector::Explain(const ExplainQuestion& question) {
  ExplainCommand command;
  return FollowQuestion(question,
                        [&](WorkerId worker, const ExplainQuestion& q, ExplainAnswer* answer) {
                          command.question = q;
                          RunCommand(worker.index(), &command);
                          *answer = command.answer;
                        });
}

ExplainAnswer ByteDirector::ExplainDraft(const ExplainQuestion& question) {
  return FollowQuestion(question,
                        [this](WorkerId worker, const ExplainQuestion& q, ExplainAnswer* answer) {
                          dataplane::Explain(workers_[worker.index()]->shard(), draft_, q, answer);
                        });
}

}  // namespace fairlead::dataplane
