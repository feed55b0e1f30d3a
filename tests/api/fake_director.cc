#include "fake_director.h"

#include <stdexcept>

#include "control/api/name_index.h"
#include "control/config/merge_patch.h"
#include "control/config/names.h"

namespace fairlead::testing {

using namespace dataplane;
using control::AdminState;
using control::ControlView;
using control::HealthState;

namespace {

FabricConfig SmallFabric() {
  FabricConfig config;
  config.workers = kWorkers;
  config.reals = 64;
  config.neighbours = 64;
  config.ring_packets = 64;
  return config;
}

void SetTraffic(Fabric* fabric, uint8_t worker, uint32_t real, uint64_t connections) {
  TrafficCounters& t = fabric->stats.traffic(WorkerId{worker}, RealId{real});
  t.connections.Set(connections);
  t.in_packets.Set(connections * 7);
  t.out_packets.Set(connections * 5);
  t.in_bytes.Set(connections * 700);
  t.out_bytes.Set(connections * 5000);
}

void SetFigures(Fabric* fabric) {
  for (uint8_t w = 0; w < kWorkers; ++w) {
    WorkerCounters& c = fabric->stats.worker(WorkerId{w});
    c.received.Set(1000 + w);
    c.sent.Set(900 + w);
    c.handed_in.Set(10);
    c.handed_off.Set(10);
    c.originated.Set(3);
    c.polls.Set(4000);
    c.busy_polls.Set(1000);
    c.longest_turn_ns.Set(1'500'000);
    c.connections.Set(3);
    c.connection_capacity.Set(65536);
    c.templates.Set(2);
    c.template_capacity.Set(16384);
    c.side_record_capacity.Set(16384);
    c.toa_left_out.Set(7);
    c.dropped[static_cast<size_t>(DropReason::kNotASyn)].Set(100);
    c.dropped[static_cast<size_t>(DropReason::kNoReal)].Set(w);
    for (uint32_t real = 0; real < 5; ++real) SetTraffic(fabric, w, real, 10 * (real + 1) + w);
    fabric->loads.AddActive(WorkerId{w}, RealId{0}, 4);
    fabric->loads.AddInactive(WorkerId{w}, RealId{0}, 1);
    fabric->loads.AddTemplates(WorkerId{w}, RealId{2}, 2);
    fabric->stats.port(WorkerId{w}, PortId{0}).to_host.Set(20);
    fabric->stats.port(WorkerId{w}, PortId{0}).from_host.Set(30);
    fabric->stats.port(WorkerId{w}, PortId{1}).tx_missed.Set(4u + w);
  }
}

control::RealInfo MakeReal(uint32_t id, const std::string& name, int32_t weight,
                           const char* forward) {
  control::RealInfo real;
  real.id = RealId{id};
  real.name = name;
  real.endpoint = At(name);
  real.forward = forward;
  real.weight = real.effective_weight = weight;
  return real;
}

control::ServiceInfo MakeWeb() {
  control::ServiceInfo web;
  web.id = ServiceId{0};
  web.name = "web";
  web.protocol = 6;
  web.address = Ip("192.0.2.10");
  web.port = Be16::FromHost(80);
  web.scheduler = "wlc";
  web.reals = {MakeReal(0, "10.0.0.11:80", 2, "nat"), MakeReal(1, "10.0.0.12:80", 1, "nat")};
  web.reals[0].health = HealthState::kUp;
  web.reals[0].health_detail = "HTTP 200 in 3 ms";
  web.reals[0].baseline.connections = 5;  // the id was somebody else's before
  web.reals[1].health = HealthState::kDown;
  web.reals[1].health_detail = "connection refused";
  web.reals[1].effective_weight = 0;
  web.reals[0].checks = {{"tcp at=10.0.0.11:80", "tcp", {.detail = "connected"}}};
  web.reals[0].checks[0].facts.certificate_expires =
      std::chrono::system_clock::from_time_t(1'800'000'000);
  // Whose downtime is over, as far as its check is concerned: it does not grow while a test runs.
  web.reals[1].checks = {
      {"tcp at=10.0.0.12:80",
       "tcp",
       {.detail = "connection refused", .downs = 3, .downtime = control::Duration{90500}}}};
  web.living_weight = 2;
  web.health_checks = {{"10.0.0.11:80", {{0.001, 0.01, 0.1}, {5, 3, 0, 1}, 0.75}}};
  web.retired = {1000, 7000, 5000, 700000, 5000000};
  return web;
}

control::ServiceInfo MakeShop() {
  control::ServiceInfo shop;
  shop.id = ServiceId{1};
  shop.name = "shop";
  shop.mark = 2;
  shop.scheduler = "sh";
  shop.scheduler_flags = {"sh-port"};
  shop.is_persistent = true;
  shop.persistence_seconds = 1800;
  shop.prefix_length = 24;
  shop.living_weight = 1;
  shop.reals = {MakeReal(2, "10.0.0.11:0", 1, "dr"), MakeReal(3, "10.0.0.99:0", 1, "dr"),
                MakeReal(4, "10.0.0.13:0", 1, "dr")};
  shop.reals[1].is_fallback = true;
  shop.reals[1].effective_weight = 0;
  shop.reals[2].is_ghost = true;
  return shop;
}

std::vector<control::PortInfo> MakePorts() {
  control::PortInfo outside;
  outside.id = PortId{0};
  outside.name = "outside";
  outside.device = "net_af_packet0,iface=d0";
  outside.mac = *MacAddress::Parse("02:00:00:00:00:01");
  outside.mtu_bytes = 1500;
  outside.role = "outside";
  outside.host_interface = "fl-outside";
  outside.kernel_ingress = "closed";
  outside.multicast_groups = 3;
  outside.steering = "rss: the port does not hash one side only";
  outside.addresses = {*Prefix::Parse("192.0.2.2/24")};
  control::PortInfo inside = outside;
  inside.id = PortId{1};
  inside.name = inside.role = "inside";
  inside.host_interface = "";
  outside.link = {{.is_up = false, .members = {{"net_af_packet0", false, false}}},
                  2,
                  std::chrono::system_clock::from_time_t(1'790'000'000)};
  inside.link.link = {true, 10000, true};
  inside.addresses = {*Prefix::Parse("10.0.0.1/24"), *Prefix::Parse("2001:db8::1/64")};
  return {outside, inside};
}

}  // namespace

ControlView MakeView() {
  ControlView view;
  view.generation = 7;
  view.director_name = "edge-1";
  view.health = {.checks = 3,
                 .allowed_at_once = 768,
                 .interval_stretch = 1.5,
                 .script_interval_stretch = 2.5,
                 .stuck_scripts = 1,
                 .local_errors = {{"descriptors", 7}, {"memory", 0}},
                 .recent_local_errors = {{"descriptors", 2}, {"memory", 0}}};
  view.defence.drop_entry = control::DefenceMode::kAuto;
  view.config_path = "/etc/fairlead/fairlead.yaml";
  view.started = std::chrono::system_clock::now() - std::chrono::hours(3);
  view.last_reload = std::chrono::system_clock::from_time_t(1'790'000'000);
  view.is_ready = true;
  view.peers = {{"edge-2", true, false}};
  view.services = {MakeWeb(), MakeShop()};
  view.real_ids = 5;
  view.rules = {{"shop", "mark 2 tcp to 192.0.2.80 ports 80,443"},
                {"scan", "drop to 192.0.2.80 ports 1-79"}};
  view.ports = MakePorts();
  view.groups = {{{77}, "campus"}, {{78}, "bundle"}};
  view.snat = {{"10.0.0.0/24", "outside", {"192.0.2.3"}, 1024, 65535, 0}};
  control::SyncInfo sync;
  sync.config.interface = "eth2";
  sync.config.syncid = 7;
  sync.is_open = true;
  sync.received.datagrams = 3;
  sync.received.connections = 40;
  sync.received.templates = 2;
  sync.received.refused[static_cast<size_t>(sync::SyncRefusal::kSyncid)] = 5;
  sync.received.faults[static_cast<size_t>(dataplane::SyncFault::kReal)] = 6;
  sync.foreign = 1;
  view.sync = std::make_shared<const control::SyncInfo>(sync);
  control::StreamPeerInfo peer{.name = "edge-2",
                               .address = *Endpoint::Parse("10.255.0.2:8849"),
                               .state = control::StreamState::kBulk,
                               .calls = true,
                               .lag_out = std::chrono::milliseconds(250),
                               .is_bulk_in_done = true,
                               .ranges_left_out = 12,
                               .last_error = "the peer has closed the connection",
                               .since = view.last_reload};
  peer.counts.sessions = 2;
  peer.counts.entries_out = 90;
  peer.counts.entries_in = 33;
  peer.counts.connections_in = 30;
  peer.counts.templates_in = 2;
  peer.counts.refused[static_cast<size_t>(sync::StreamRefusal::kState)] = 1;
  view.stream = std::make_shared<const control::StreamInfo>(
      control::StreamInfo{.name = "edge-1",
                          .listen = *Endpoint::Parse("0.0.0.0:8849"),
                          .is_listening = true,
                          .is_encrypted = true,
                          .peers = {peer}});
  view.restored = std::make_shared<const control::Restored>(control::Restored{
      .records =
          {.when = view.last_reload,
           .reason = "after-crash",
           .down_milliseconds = 812,
           .kept = {{"connections", 41}, {"templates", 7}, {"side_records", 5}, {"snat_flows", 3}},
           .dropped = {{"deadline", 2}}},
      .edits = 1,
      .dropped_edits = {"service web: weight was changed in the file as well"}});
  view.memory = {{"connections", 8388608, 104857}, {"templates", 1048576, 7281}};
  return view;
}

FakeDirector::FakeDirector() : fabric_(SmallFabric()) {
  std::string name = std::filesystem::temp_directory_path() / "fairlead-test-XXXXXX";
  directory_ = ::mkdtemp(name.data());
  SetFigures(&fabric_);
  SetView(MakeView());
}

FakeDirector::~FakeDirector() {
  is_stopping_ = true;
  if (workers_.joinable()) workers_.join();
  std::filesystem::remove_all(directory_);
}

std::shared_ptr<const ControlView> FakeDirector::view() const {
  const std::lock_guard lock(mutex_);
  return view_;
}

dataplane::Fabric& FakeDirector::fabric() {
  switch (fault) {
    case Fault::kNone:
      break;
    case Fault::kException:
      throw std::runtime_error("no figures today");
    case Fault::kOther:
      throw 7;
  }
  return fabric_;
}

void FakeDirector::SetView(ControlView view) {
  view.start_path = directory_ + "/fairlead.yaml";
  auto next = std::make_shared<const ControlView>(std::move(view));
  const std::lock_guard lock(mutex_);
  view_ = std::move(next);
}

void FakeDirector::Reload(std::string path, std::function<void(control::ReloadOutcome)> done) {
  std::thread([this, path = std::move(path), done = std::move(done)] {
    control::ReloadOutcome outcome;
    {
      const std::lock_guard lock(mutex_);
      last_reload_path_ = path;
      outcome = reload_outcome_;
      ++reloads;
    }
    done(outcome);
  }).join();
}
void FakeDirector::PreviewReload(std::string path,
                                 std::function<void(control::ReloadOutcome)> done) {
  ++previews;
  std::thread([this, path = std::move(path), done = std::move(done)] {
    control::ReloadOutcome outcome;
    {
      const std::lock_guard lock(mutex_);
      last_reload_path_ = path;
      outcome = reload_outcome_;
    }
    done(outcome);
  }).join();
}

void FakeDirector::SetReloadOutcome(control::ReloadOutcome outcome) {
  const std::lock_guard lock(mutex_);
  reload_outcome_ = std::move(outcome);
}

std::string FakeDirector::last_reload_path() const {
  const std::lock_guard lock(mutex_);
  return last_reload_path_;
}

// Nothing is in line here: the view is what there is.
void FakeDirector::ChangeAt(uint64_t generation, control::Edit edit,
                            std::function<void(control::EditOutcome)> done) {
  if (view()->generation == generation) return Change(std::move(edit), std::move(done));
  control::EditOutcome stale;
  stale.is_stale = true;
  stale.generation = view()->generation;
  done(std::move(stale));
}

// What an edit makes of the view.
control::EditOutcome FakeDirector::OutcomeOf(const control::Edit& edit, ControlView* next) {
  control::EditOutcome outcome;
  outcome.generation = ++next->generation;
  if (refusal) {
    outcome.refusal = {refusal->code, {*refusal}};
    return outcome;
  }
  const auto* patch = std::get_if<control::PatchReal>(&edit);
  if (patch == nullptr) return outcome;
  const control::YamlNode body = control::TreeOf(patch->body.text());
  const auto* weight = control::FindKey(body, "weight");
  const auto* state = control::FindKey(body, "state");
  if (weight != nullptr && weight->text == "65534") {
    const Error busy{ErrorCode::kUnavailable, "Another change is being applied", ""};
    outcome.refusal = {busy.code, {busy}};
    return outcome;
  }
  outcome.service = patch->service;
  for (size_t i = 0; i < next->services.size(); ++i) {
    control::ServiceInfo& service = next->services.Edit(i);
    for (auto& real : service.reals) {
      if (service.name != patch->service || !real.name.starts_with(patch->real)) continue;
      outcome.real = real.name;
      if (weight != nullptr) real.weight = real.effective_weight = std::stoi(weight->text);
      if (state != nullptr) real.admin = *control::FromWord<AdminState>(state->text);
      if (real.admin != AdminState::kUp) real.effective_weight = 0;
    }
  }
  if (outcome.real.empty()) {
    const Error unknown = api::NameIndex(*next).FindReals(patch->service, patch->real).error();
    outcome.refusal = {unknown.code, {unknown}};
  }
  return outcome;
}

void FakeDirector::Change(control::Edit edit, std::function<void(control::EditOutcome)> done) {
  std::thread([this, edit = std::move(edit), done = std::move(done)] {
    if (const auto* patch = std::get_if<control::PatchReal>(&edit)) {
      const control::YamlNode body = control::TreeOf(patch->body.text());
      const auto* weight = control::FindKey(body, "weight");
      // A core that stops before it answers.
      if (weight != nullptr && weight->text == "65535") return;
    }
    ++changes;
    ControlView next = *view();
    control::EditOutcome outcome = OutcomeOf(edit, &next);
    if (!outcome.refusal) SetView(std::move(next));
    done(std::move(outcome));
  }).join();
}

void FakeDirector::PreviewChange(control::Edit edit,
                                 std::function<void(control::EditOutcome)> done) {
  std::thread([this, edit = std::move(edit), done = std::move(done)] {
    ControlView next = *view();
    control::EditOutcome outcome = OutcomeOf(edit, &next);
    outcome.generation = view()->generation;
    if (!outcome.refusal) outcome.changes = {"service web: scheduler rr → wlc"};
    done(std::move(outcome));
  }).join();
}

void FakeDirector::ListNeighbours(std::function<void(std::vector<control::NeighbourInfo>)> done) {
  std::thread([this, done = std::move(done)] { done(neighbours); }).join();
}

void FakeDirector::Zero(std::string, std::function<void(Status)> done) {
  ++zeroes;
  std::thread([done = std::move(done)] { done(Done{}); }).join();
}

void FakeDirector::Start() {
  workers_ = std::thread([this] {
    while (!is_stopping_) {
      for (uint8_t w = 0; w < kWorkers; ++w) {
        if (worker_turns[w]) fabric_.stats.worker(WorkerId{w}).polls.Add(1);
        const auto answer = [&](Command& command) { Answer(WorkerId{w}, &command); };
        commands += fabric_.api[w]->RunNext(answer) ? 1 : 0;
      }
      std::this_thread::sleep_for(std::chrono::microseconds(20));
    }
  });
}

namespace {

bool Matches(const RecordFilter& f, const IpAddress& client, ServiceId service, RealId real) {
  return (!f.has_client || f.client.Contains(client)) &&
         (f.service.is_none() || f.service == service) && (f.real.is_none() || f.real == real);
}
bool MatchesRow(const RecordFilter& f, const ConnectionRow& row) {
  return Matches(f, row.client.address, row.service, row.real) &&
         (f.state < 0 || (row.protocol == 6 && row.state == f.state));
}
bool MatchesRow(const RecordFilter& f, const TemplateRow& row) {
  return Matches(f, row.client, row.service, row.real) &&
         (!f.pinned || *f.pinned == row.is_pinned) &&
         (!f.assured || *f.assured == row.is_assured) && (!f.valid || *f.valid != row.is_invalid) &&
         (f.client_group.is_none() || f.client_group == row.client_group);
}

// A service whose netmask is /24, on worker 1.
void PinIn(std::vector<TemplateRow>* rows, WorkerId worker, dataplane::PinTemplate* pin) {
  pin->row.client = pin->client.Masked(24);
  pin->row.client_prefix_length = 24;
  pin->row.client_mask = Be32::FromHost(0xffffff00);
  if (pin->is_trial || worker.index() != 1) return;
  TemplateRow row = pin->row;
  row.service = pin->service;
  row.real = pin->real;
  row.is_pinned = true;
  row.remaining = row.timeout = pin->ttl;
  rows->push_back(row);
  ++pin->pinned;
}

}  // namespace

template <typename Row, typename Command>
void FakeDirector::List(const std::vector<Row>& rows, Command* command) {
  for (size_t i = 0; i < kSliceOfFake && command->cursor < rows.size(); ++i) {
    if (command->rows.size() >= command->limit) return;
    const Row& row = rows[command->cursor++];
    if (MatchesRow(command->filter, row)) command->rows.push_back(row);
  }
  command->is_complete = command->cursor >= rows.size();
}

template <typename Row, typename Command>
void FakeDirector::Flush(std::vector<Row>* rows, Command* command) {
  for (size_t i = 0; i < kSliceOfFake && command->cursor < rows->size(); ++i) {
    const bool is_match = MatchesRow(command->filter, (*rows)[command->cursor]);
    if (is_match && command->is_trial) {
      ++command->cursor;
      ++command->flushed;
    } else if (is_match) {
      rows->erase(rows->begin() + static_cast<ptrdiff_t>(command->cursor));
      ++command->flushed;
    } else {
      ++command->cursor;
    }
  }
  command->is_complete = command->cursor >= rows->size();
}

void FakeDirector::Answer(WorkerId worker, Command* command) {
  const size_t w = worker.index();
  switch (command->kind) {
    case CommandKind::kWatchClients: {
      auto* watch = static_cast<WatchClients*>(command);
      looks += (watch->sketch ? 1 : 0) - (sketches_[w][watch->place] ? 1 : 0);
      std::swap(sketches_[w][watch->place], watch->sketch);
      if (!sketches_[w][watch->place]) return;
      for (const auto& [client, amount] : amounts[w]) {
        sketches_[w][watch->place]->Add(client, amount);
      }
      return;
    }
    case CommandKind::kListDrops: {
      auto* list = static_cast<ListDrops*>(command);
      list->rows.insert(list->rows.end(), drops[w].begin(), drops[w].end());
      list->now = drops_now;
      return;
    }
    case CommandKind::kListConnections:
      return List(connections[w], static_cast<ListConnections*>(command));
    case CommandKind::kListTemplates:
      return List(templates[w], static_cast<ListTemplates*>(command));
    case CommandKind::kFlushConnections:
      return Flush(&connections[w], static_cast<FlushConnections*>(command));
    case CommandKind::kFlushTemplates:
      return Flush(&templates[w], static_cast<FlushTemplates*>(command));
    case CommandKind::kExplain: {
      auto* question = static_cast<ExplainCommand*>(command);
      question->answer.answered_by = worker;
      if (explain) explain(worker, question->question, &question->answer);
      return;
    }
    case CommandKind::kPinTemplate:
      return PinIn(&templates[w], worker, static_cast<dataplane::PinTemplate*>(command));
    case CommandKind::kRetimeTemplates: {
      auto* retime = static_cast<dataplane::RetimeTemplates*>(command);
      for (const TemplateRow& row : templates[w]) {
        retime->flushed += MatchesRow(retime->filter, row) ? 1 : 0;
      }
      retime->is_complete = true;
      return;
    }
    case CommandKind::kTransmitFrame:
    case CommandKind::kSweepConnections:
    case CommandKind::kSweepTemplates:
    case CommandKind::kTakeSyncEntries:
    case CommandKind::kTellStream:
    case CommandKind::kTakeStreamEntries:
    case CommandKind::kWalkStream:
    case CommandKind::kDigestStream:
      return;
  }
}

void FakeDirector::DropOne() {
  drops_now = Tick{1000};
  drops[0] = {{.number = 7,
               .at = Tick{900},
               .reason = DropReason::kNotASyn,
               .input_port = PortId{0},
               .protocol = 6,
               .ether_type = 0x0800,
               .service = ServiceId{0},
               .from = {*IpAddress::Parse("198.51.100.7"), Be16::FromHost(1234)},
               .to = {*IpAddress::Parse("192.0.2.10"), Be16::FromHost(80)}}};
}

}  // namespace fairlead::testing
