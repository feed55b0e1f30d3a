#include "golden_director.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <stdexcept>

#include "control/config/yaml_loader.h"
#include "dataplane/tables/transport_state.h"
#include "dataplane/worker/commands.h"
#include "golden_control.h"

namespace fairlead::golden {
namespace {

using dataplane::BytePacket;
using dataplane::Output;

constexpr uint32_t kStartTick = 1000;
constexpr int kRounds = 64;  // turns of everybody before "it does not settle"

constexpr const char* kNetwork = R"(
version: 1
director: { name: golden }
log: { level: error }
)";
constexpr const char* kRoutes = R"(
routes:
  - { to: 10.9.0.0/16, via: 10.6.0.2 }
  - { to: 10.8.0.0/16, via: 10.6.0.2 }
  - { to: "fd09::/16", via: "fd06::2" }
)";

class NoProber : public control::Prober {
  void Start(const control::ProbeTarget&, std::function<void(control::ProbeResult)>) override {}
};

dataplane::FabricConfig FabricOf(size_t workers) {
  dataplane::FabricConfig config;
  config.workers = workers;
  config.connections = 1 << 14;
  config.connections6 = 1 << 12;
  config.templates = 1 << 12;
  config.reals = 1024;
  config.neighbours = 1024;
  config.ring_packets = 256;
  return config;
}

control::ConfigModel ModelOf(const std::string& yaml) {
  control::LoadResult loaded = control::LoadConfigText(yaml, "golden.yaml");
  if (loaded) return *std::move(loaded.model);
  std::string all;
  for (const Error& error : loaded.errors) all += error.ToString() + "\n";
  throw std::runtime_error("the bed's configuration is refused:\n" + all);
}

std::string PortsYaml(const std::vector<IpAddress>& vips) {
  std::string outside = "10.6.0.1/24, \"fd06::1/64\"";
  for (const IpAddress& vip : vips) {
    outside += ", \"" + vip.ToString() + (vip.is_v4() ? "/32\"" : "/128\"");
  }
  return "ports:\n  - { name: outside, device: net_null0, role: outside, addresses: [" + outside +
         "] }\n  - { name: inside, device: net_null1, role: inside, addresses: [10.1.0.1/24, "
         "10.7.255.254/16, \"fd01::1/64\"] }\n";
}

control::ClassifierRule RuleOf(const MarkRule& rule, size_t index) {
  control::ClassifierRule r;
  r.name = "recorded-" + std::to_string(index + 1);
  r.mark = rule.mark;
  if (rule.protocol == "tcp") {
    r.protocol = control::Protocol::kTcp;
  } else if (rule.protocol == "udp") {
    r.protocol = control::Protocol::kUdp;
  } else {
    throw std::invalid_argument("a rule for the protocol \"" + rule.protocol + "\"");
  }
  const auto destination = IpAddress::Parse(rule.destination);
  const auto prefix = Prefix::Parse(rule.destination);
  if (!destination && !prefix) {
    throw std::invalid_argument("a rule for the destination \"" + rule.destination + "\"");
  }
  r.destination.prefixes = {destination ? Prefix{*destination, destination->bit_length()}
                                        : *prefix};
  for (const uint16_t port : rule.ports) r.destination_ports.push_back({port, port});
  return r;
}

std::string ProtocolWord(uint8_t protocol) {
  if (protocol == 0) return "IP";
  return protocol == 6 ? "TCP" : protocol == 17 ? "UDP" : std::to_string(protocol);
}

TableRow RowOf(const dataplane::ConnectionRow& row) {
  return {ProtocolWord(row.protocol),
          row.client.ToString(),
          row.virtual_endpoint.ToString(),
          row.real_endpoint.ToString(),
          std::string(dataplane::NameOf(static_cast<Transport>(row.protocol), row.state)),
          row.remaining / kTicksPerSecond};
}

TableRow RowOf(const dataplane::TemplateRow& row, const dataplane::Snapshot& snapshot) {
  const IpAddress real = row.real.index() < snapshot.reals.size()
                             ? snapshot.reals[row.real.index()].address
                             : IpAddress{};
  return {ProtocolWord(row.protocol),
          Endpoint{row.client, Be16{}}.ToString(),
          Endpoint{row.virtual_address, row.virtual_port}.ToString(),
          Endpoint{real, row.real_port}.ToString(),
          row.is_assured ? "ASSURED" : "NONE",
          row.remaining / kTicksPerSecond};
}

template <typename List, typename Run, typename Take>
void ListAll(Run&& run, Take&& take) {
  List list;
  list.limit = 1024;
  do {
    list.rows.clear();
    list.rows.reserve(list.limit);
    run(&list);
    for (const auto& row : list.rows) take(row);
  } while (!list.is_complete);
}

}  // namespace

std::vector<control::ClassifierRule> RulesOf(const std::vector<MarkRule>& rules) {
  std::vector<control::ClassifierRule> all;
  for (const MarkRule& rule : rules) all.push_back(RuleOf(rule, all.size()));
  return all;
}

MacAddress PortMac(PortId port) { return MacAddress::FromNumber(0x020000000001u + port.value()); }

std::string TableRow::Name() const {
  return protocol + " " + source + " " + virtual_endpoint + " " + destination;
}
std::string TableRow::Key() const { return Name() + " " + state; }
std::string TableRow::ToString() const { return Key() + " " + std::to_string(expires) + " s"; }

GoldenDirector::GoldenDirector(const GoldenSpec& spec)
    : tick_{kStartTick},
      fabric_(std::make_unique<dataplane::Fabric>(FabricOf(spec.workers))),
      prober_(std::make_unique<NoProber>()),
      io_(std::make_shared<boost::asio::io_context>(1)),
      is_through_netlink_(spec.is_through_netlink) {
  for (size_t i = 0; i < spec.workers; ++i) {
    workers_.push_back(std::make_unique<dataplane::Worker<BytePacket>>(
        *fabric_, WorkerId{static_cast<uint8_t>(i)}, tick_));
    if (!spec.network.empty()) workers_.back()->UsePool(pool_);
  }
  control::ConfigModel model =
      ModelOf(kNetwork +
              (spec.network.empty() ? kRoutes + PortsYaml(spec.virtual_addresses) : spec.network));
  model.classifier = RulesOf(spec.rules);
  control_ = std::make_unique<Control>(*fabric_, std::move(model), *prober_, spec.inside_mtu);
  dispatcher_ = std::make_unique<ipvs::Dispatcher>(io_, *control_, nullptr);
  busy_ = std::make_unique<api::BusyMeter>(fabric_->stats);
  api_workers_ = std::make_unique<api::WorkerClient>(*io_, *fabric_);
  pulse_ = std::make_unique<api::Pulse>(*control_, api::kPulsePatience,
                                        std::chrono::steady_clock::now());
  context_ = std::make_unique<api::Context>(
      api::Context{io_, *control_, *api_workers_, *busy_, *pulse_, {}});
  AddStatusRoutes(&router_, *context_);
  AddServiceRoutes(&router_, *context_);
  AddEditRoutes(&router_, *context_);
  AddRecordRoutes(&router_, *context_);
  AddTemplateRoutes(&router_, *context_);
  AddExplainRoute(&router_, *context_);
  AddReloadRoute(&router_, *context_);
  AddRuntimeRoutes(&router_, *context_);
  if (Status first = control_->director.PublishFirst(time()); !first) {
    throw std::runtime_error("the bed's configuration is refused: " + first.error().ToString());
  }
  Settle();
}

GoldenDirector::~GoldenDirector() = default;

control::TimePoint GoldenDirector::time() const {
  return control::TimePoint{} + std::chrono::hours{1} +
         std::chrono::milliseconds{1000 / kTicksPerSecond} * (tick_.value - kStartTick);
}

double GoldenDirector::now() const {
  return static_cast<double>(tick_.value - kStartTick) / kTicksPerSecond;
}

// ---- frames and time

BytePacket* GoldenDirector::NewPacket() {
  if (free_packets_.empty()) {
    packets_.push_back(std::make_unique<BytePacket>());
    free_packets_.push_back(packets_.back().get());
  }
  BytePacket* packet = free_packets_.back();
  free_packets_.pop_back();
  packet->Assign({});
  return packet;
}

void GoldenDirector::Collect(size_t index, Output<BytePacket>* out) {
  dataplane::WorkerCounters& counters = workers_[index]->counters();
  for (size_t i = 0; i < out->count; ++i) {
    const auto& [packet, verdict] = out->items[i];
    const auto bytes = packet->frame();
    if (verdict.action == dataplane::Action::kTransmit) {
      counters.sent.Add(1);
      sent_.push_back({verdict.port, Frame(bytes.begin(), bytes.end())});
    } else if (verdict.action == dataplane::Action::kToHost) {
      counters.delivered_to_host.Add(1);
    }
    free_packets_.push_back(packet);
  }
  out->Clear();
}

void GoldenDirector::TurnWorker(size_t index, std::span<BytePacket* const> burst) {
  dataplane::Worker<BytePacket>& worker = *workers_[index];
  if (!worker.BeginTurn(tick_)) return;
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

void GoldenDirector::Settle() {
  const auto is_busy = [&] {
    for (size_t a = 0; a < workers_.size(); ++a) {
      const WorkerId from{static_cast<uint8_t>(a)};
      if (fabric_->control[a]->waiting() + fabric_->api[a]->waiting() > 0) {
        return true;
      }
      if (fabric_->events[a]->size() > 0) return true;
      for (size_t b = 0; b < workers_.size(); ++b) {
        const WorkerId to{static_cast<uint8_t>(b)};
        if (fabric_->packets(from, to).size() + fabric_->messages(from, to).size() > 0) return true;
      }
    }
    return !control_->director.is_ready();
  };
  for (int round = 0; round < kRounds; ++round) {
    for (size_t i = 0; i < workers_.size(); ++i) TurnWorker(i, {});
    const uint64_t neighbour_changes = fabric_->neighbours.changes();
    control_->director.Turn(time());
    // A worker that holds packets sees the change in its next turn.
    if (!is_busy() && fabric_->neighbours.changes() == neighbour_changes) return;
  }
  throw std::runtime_error("the director does not come to rest");
}

void GoldenDirector::Receive(PortId port, const Frame& frame) {
  BytePacket* packet = NewPacket();
  packet->Assign(frame, port);
  TurnWorker(random_() % workers_.size(), std::span<BytePacket* const>(&packet, 1));
  Settle();
}

std::vector<Sent> GoldenDirector::TakeSent() { return std::exchange(sent_, {}); }

void GoldenDirector::AdvanceTo(double seconds, const std::function<void(double)>& at_step) {
  const Tick end{kStartTick + static_cast<uint32_t>(std::lround(seconds * kTicksPerSecond))};
  while (!end.HasPassed(tick_)) {
    tick_ = tick_ + 1;
    Settle();
    at_step(now());
  }
}

// ---- what it looks like

std::vector<TableRow> GoldenDirector::Table() {
  std::vector<TableRow> rows;
  const dataplane::Snapshot& snapshot = *fabric_->publisher.current();
  for (auto& worker : workers_) {
    dataplane::Shard& shard = worker->shard();
    ListAll<dataplane::ListConnections>([&](auto* list) { RunListConnections(shard, list); },
                                        [&](const auto& row) { rows.push_back(RowOf(row)); });
    ListAll<dataplane::ListTemplates>(
        [&](auto* list) { RunListTemplates(shard, list); },
        [&](const auto& row) { rows.push_back(RowOf(row, snapshot)); });
  }
  return rows;
}

std::shared_ptr<const control::ControlView> GoldenDirector::view() const {
  return control_->view();
}

sched::Load GoldenDirector::LoadOf(RealId real) const { return fabric_->loads.Sum(real); }

std::string GoldenDirector::CheckConservation() const {
  std::string wrong;
  for (size_t i = 0; i < workers_.size(); ++i) {
    const dataplane::WorkerCounters& c = workers_[i]->counters();
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

}  // namespace fairlead::golden
