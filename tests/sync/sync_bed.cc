#include "sync_bed.h"

#include <algorithm>
#include <cmath>
#include <sstream>
#include <stdexcept>

#include "dataplane/tables/transport_state.h"

namespace fairlead::sync {

using namespace dataplane;

namespace {

control::TimePoint At(double seconds) {
  return control::TimePoint{} + std::chrono::milliseconds(std::llround(seconds * 1000));
}

Endpoint EndpointIn(const std::string& text) {
  if (const auto endpoint = Endpoint::Parse(text)) return *endpoint;
  if (const auto address = IpAddress::Parse(text)) return {*address, Be16{}};
  throw std::invalid_argument("no endpoint: " + text);
}

std::string ProtocolWord(uint8_t protocol) {
  return protocol == kProtocolTcp ? "TCP" : protocol == kProtocolUdp ? "UDP" : "IP";
}

std::string NameOf(uint8_t protocol, const Endpoint& client, const Endpoint& virtual_endpoint,
                   const Endpoint& real) {
  return ProtocolWord(protocol) + " " + client.ToString() + " " + virtual_endpoint.ToString() +
         " " + real.ToString();
}

Frame FrameOf(const Bytes& packet, PortId port) {
  const bool is_v4 = packet.at(0) >> 4 == 4;
  Frame frame(14, 0);
  PortMac(port).Store(frame.data());
  frame[6] = 2;  // the sender's MAC
  frame[12] = is_v4 ? 0x08 : 0x86;
  frame[13] = is_v4 ? 0x00 : 0xdd;
  frame.insert(frame.end(), packet.begin(), packet.end());
  return frame;
}

}  // namespace

// The words of a command line, taken one by one.
struct SyncBed::Words {
  std::istringstream in;
  std::string word;

  bool Next() { return static_cast<bool>(in >> word); }
  std::string Value() {
    if (!Next()) throw std::invalid_argument("a value is missing");
    return word;
  }
};

SyncBed::SyncBed(size_t workers)
    : d_({.workers = workers}),
      unknown_(ids_, d_.fabric().stats),
      intake_(workers, [this](size_t w, Command* c) { commands_.emplace_back(w, c); }) {
  for (const char* network : {"10.8.0.0/16", "10.9.0.0/16"}) {
    d_.AddRoute(network, kOutside, "192.0.2.1", "192.0.2.2");
  }
  d_.AddRoute("10.1.0.0/16", kInside, "", "10.0.0.1");
  d_.AddRoute("fd09::/64", kOutside, "2001:db8::1", "2001:db8::2");
  d_.AddRoute("fd01::/64", kInside, "", "fd00::1");
  d_.Publish();
  intake_.SetNamer([this](const SyncEntry& entry) { return NameReal(entry); });
}

void SyncBed::Ipvsadm(const std::string& arguments) {
  Words words{std::istringstream(arguments), {}};
  if (!words.Next()) return;
  const std::string verb = words.word;
  if (verb == "-A") return AddService(words);
  if (verb == "-a") return AddReal(words);
  if (verb == "-d" || verb == "-e") return EndReal(words);
  if (verb == "--set") return SetTimeouts(words);
  if (verb == "--start-daemon") return StartDaemon(words);
  if (verb == "--stop-daemon") {
    (words.Value() == "master" ? has_master_ : has_backup_) = false;
    return Configure();
  }
  if (verb != "-L" && verb != "-D") throw std::invalid_argument("ipvsadm " + arguments);
}

void SyncBed::AddService(Words& words) {
  ServiceSpec spec;
  std::string key;
  while (words.Next()) {
    const std::string option = words.word;
    if (option == "-t" || option == "-u") {
      const Endpoint at = EndpointIn(words.Value());
      key = option + " " + words.word;
      spec.address = at.address.ToString();
      spec.port = at.port.host();
      spec.protocol = option == "-t" ? kProtocolTcp : kProtocolUdp;
    } else if (option == "-f") {
      spec.mark = static_cast<uint32_t>(std::stoul(words.Value()));
      key = "-f " + words.word;
      spec.address = "0.0.0.0";
    } else if (option == "-p") {
      spec.persistence_seconds = static_cast<uint32_t>(std::stoul(words.Value()));
    } else if (option == "-M") {
      const std::string mask = words.Value();
      if (const auto address = IpAddress::Parse(mask); address && address->is_v4()) {
        spec.mask4 = address->Fold();
      } else {
        spec.prefix_length6 = static_cast<uint8_t>(std::stoul(mask));
      }
    } else if (option == "-o") {
      spec.is_one_packet = true;
    } else if (option == "-s") {
      words.Value();
    } else {
      throw std::invalid_argument("-A " + option);
    }
  }
  services_[key] = ServiceOf(spec);
  SetTimes(&d_.service(services_[key]));
  d_.Publish();
}

// One that messages have named before is configured now.
ServiceId SyncBed::ServiceOf(const ServiceSpec& spec) {
  const IpAddress address = *IpAddress::Parse(spec.address);
  const control::ServiceIdentity key =
      spec.mark != 0 ? control::ServiceIdentity{.mark = spec.mark, .family = address.family()}
                     : control::ServiceIdentity{.family = address.family(),
                                                .protocol = spec.protocol,
                                                .address = address,
                                                .port = spec.port};
  const ServiceId id = ids_.BeginService(key);
  if (id.index() == d_.draft().services.size()) return d_.AddService(spec);
  ServiceView& view = d_.service(id);
  view.id = id;
  d_.draft().service_index[{view.address, view.port, view.protocol}] = id;
  return id;
}

// As the control core does: a ghost from the start, of a service that may be in no index.
control::UnknownReals::Outcome SyncBed::NameReal(const SyncEntry& entry) {
  const auto outcome = unknown_.Name(d_.draft(), entry, At(now_));
  const RealId* const id = std::get_if<RealId>(&outcome);
  if (id == nullptr || id->index() < d_.draft().reals.size()) return outcome;
  const control::IdMap::Real& real = ids_.reals()[id->index()];
  if (real.service.index() == d_.draft().services.size()) {
    const control::ServiceIdentity& key = ids_.services()[real.service.index()].key;
    const ServiceId made = d_.AddService(
        {.address = key.address.ToString(), .port = key.port, .protocol = key.protocol});
    ServiceView& view = d_.service(made);
    d_.draft().service_index.erase({view.address, view.port, view.protocol});
    view.id = ServiceId{};
    SetTimes(&view);
  }
  d_.AddReal(real.service, real.key.address.ToString(), real.key.port,
             {.method = *real.told_method});
  d_.RemoveReal(*id, Remains::kContinue);
  d_.Publish();
  return outcome;
}

void SyncBed::AddReal(Words& words) {
  RealSpec spec{.method = ForwardMethod::kDr};
  std::string key, real;
  while (words.Next()) {
    const std::string option = words.word;
    if (option == "-t" || option == "-u" || option == "-f") {
      key = option + " " + words.Value();
    } else if (option == "-r") {
      real = words.Value();
    } else if (option == "-w") {
      spec.weight = std::stoi(words.Value());
    } else {
      for (const ForwardMethod method : kForwardMethods) {
        if (TraitsOf(method).option == option) spec.method = method;
      }
    }
  }
  const ServiceId id = services_.at(key);
  Endpoint at = EndpointIn(real);
  // ipvsadm's default: the port of the service.
  if (at.port.is_zero()) at.port = d_.service(id).port;
  const RealId given = ids_.InternReal(id, {at.address, at.port.host()}, d_.fabric().stats);
  if (given.index() == d_.draft().reals.size()) {
    d_.AddReal(id, at.address.ToString(), at.port.host(), spec);
  } else {
    d_.RestoreReal(given);
  }
  reals_[at.ToString()].push_back(given);
  d_.Publish();
}

// -d and -e: what recordings do so to needs no more than the weight.
void SyncBed::EndReal(Words& words) {
  std::string key, real;
  while (words.Next()) {
    const std::string option = words.word;
    if (option == "-t" || option == "-u" || option == "-f") key = option + " " + words.Value();
    if (option == "-r") real = words.Value();
  }
  Endpoint at = EndpointIn(real);
  if (at.port.is_zero()) at.port = d_.service(services_.at(key)).port;
  for (const RealId id : reals_.at(at.ToString())) d_.SetWeight(id, 0);
  d_.Publish();
}

void SyncBed::SetTimeouts(Words& words) {
  timeouts_.emplace();
  for (uint32_t& seconds : *timeouts_) seconds = static_cast<uint32_t>(std::stoul(words.Value()));
  for (const auto& [key, id] : services_) SetTimes(&d_.service(id));
  d_.Publish();
}

void SyncBed::SetTimes(ServiceView* service) {
  if (!timeouts_) return;
  service->timeouts.set_tcp(TicksFromSeconds((*timeouts_)[0]));
  service->timeouts.set_tcp_fin(TicksFromSeconds((*timeouts_)[1]));
  service->timeouts.set_udp(TicksFromSeconds((*timeouts_)[2]));
}

void SyncBed::StartDaemon(Words& words) {
  const bool is_master = words.Value() == "master";
  uint8_t syncid = 0;
  uint16_t maxlen = 1472;
  while (words.Next()) {
    const std::string option = words.word;
    const std::string value = words.Value();
    if (option == "--syncid") syncid = static_cast<uint8_t>(std::stoul(value));
    if (option == "--sync-maxlen") maxlen = static_cast<uint16_t>(std::stoul(value));
  }
  if (is_master) {
    if (has_master_) return;
    config_.syncid = syncid;
    config_.maxlen = maxlen;
    has_master_ = true;
  } else {
    if (has_backup_) return;
    backup_id_ = syncid;
    has_backup_ = true;
  }
  Configure();
}

void SyncBed::Sysctl(const std::string& key, const std::string& value) {
  std::istringstream in(value);
  if (key == "sync_threshold") {
    in >> config_.threshold.threshold >> config_.threshold.period;
  } else if (key == "sync_refresh_period") {
    config_.refresh_period = std::chrono::seconds(std::stoul(value));
  } else if (key == "sync_retries") {
    config_.retries = static_cast<uint8_t>(std::stoul(value));
  } else if (key == "sync_persist_mode") {
    config_.persist_mode = value == "1";
  } else if (key == "sync_version") {
    config_.version = static_cast<uint8_t>(std::stoul(value));
  }
  Configure();
}

void SyncBed::Configure() {
  CollectNews();
  outgoing_.reset();
  if (has_master_) {
    outgoing_.emplace(config_, [this](size_t, std::span<const uint8_t> payload) {
      sent_.push_back({now_, Bytes(payload.begin(), payload.end())});
      return true;
    });
  }
  d_.draft().sync = {
      .is_on = has_master_,
      .templates_only = config_.persist_mode,
      .retries = config_.retries,
      .threshold = config_.threshold.threshold,
      .period = config_.threshold.period,
      .refresh = TicksFromMilliseconds(static_cast<uint64_t>(config_.refresh_period.count()))};
  intake_.Use(
      {.syncid = backup_id_, .threshold = config_.threshold.threshold, .keeps_unknown = true});
  d_.Publish();
}

void SyncBed::MarkRule(uint8_t protocol, const std::vector<uint16_t>& ports, uint32_t mark) {
  ClassifierBuilder builder;
  ClassifierRule rule{.protocol = protocol, .mark = mark};
  for (const uint16_t port : ports) rule.destination_ports.push_back({port, port});
  builder.AddRule(rule);
  d_.draft().classifier = builder.Build();
  d_.Publish();
}

void SyncBed::AdvanceTo(double at) {
  // A poll a second, as the kernel's daemon makes them: what it sends waits at least two.
  while (now_ < at) {
    const double step = std::min(0.5, at - now_);
    d_.Advance(step);
    now_ += step;
    CollectNews();
  }
}

void SyncBed::CollectNews() {
  for (const auto& ring : d_.fabric().sync_news) {
    SyncNews news;
    while (ring->Pop(&news)) {
      if (!outgoing_) continue;
      outgoing_->Add(news, At(now_));
      connections_sent_ += (news.flags & static_cast<uint32_t>(SyncFlag::kTemplate)) == 0 ? 1 : 0;
    }
  }
  if (outgoing_) outgoing_->Turn(At(now_));
}

std::vector<WireOut> SyncBed::Packet(const std::string& port, const Bytes& packet) {
  const PortId in = port == "client" ? kOutside : kInside;
  std::vector<WireOut> out;
  for (const Sent& sent : d_.Send(in, FrameOf(packet, in))) {
    out.push_back({sent.port == kOutside ? "client" : "server",
                   Bytes(sent.frame.begin() + 14, sent.frame.end())});
  }
  CollectNews();
  return out;
}

std::vector<SentDatagram> SyncBed::TakeDatagrams() { return std::exchange(sent_, {}); }

void SyncBed::Hear(const Bytes& payload) {
  if (!has_backup_) return;
  intake_.Add(payload);
  while (!intake_.is_idle()) {
    intake_.Turn();
    while (!commands_.empty()) {
      const auto [worker, command] = commands_.front();
      commands_.erase(commands_.begin());
      d_.RunCommand(worker, command);
      intake_.TakeBack(worker);
    }
  }
  ids_.ReleaseHeld();
  d_.Settle();
}

template <typename Address>
void SyncBed::AddRows(Shard& shard, std::vector<BedRow>* rows) {
  auto& table = shard.Connections<Address>();
  for (uint32_t slot = 0; slot < table.high_water(); ++slot) {
    const Connection<Address>& record = table.at(slot);
    if (!record.Has(ConnectionFlag::kLive) || table.IsExpired(slot, shard.now)) continue;
    rows->push_back({NameOf(record.protocol, {record.client_address, record.client_port},
                            {record.virtual_address, record.virtual_port},
                            {record.real_address, record.real_port}),
                     std::string(dataplane::NameOf(record.transport(), record.state)),
                     record.deadline.Remaining(shard.now) / kTicksPerSecond,
                     (record.sync & kSyncLearnt) != 0});
  }
}

void SyncBed::AddTemplateRows(Shard& shard, std::vector<BedRow>* rows) {
  TemplateTable& table = shard.templates();
  for (uint32_t slot = 0; slot < table.high_water(); ++slot) {
    const TemplateRecord& record = table.at(slot);
    if (!record.Has(TemplateFlag::kLive) || table.IsExpired(slot, shard.now)) continue;
    rows->push_back({NameOf(record.key.protocol, {record.client(), Be16{}},
                            {record.virtual_address(), record.key.virtual_port},
                            {d_.real(record.real_id).address, record.destination_port}),
                     record.state == TemplateState::kAssured ? "ASSURED" : "NONE",
                     record.deadline.Remaining(shard.now) / kTicksPerSecond,
                     record.Has(TemplateFlag::kFromSync)});
  }
}

std::vector<BedRow> SyncBed::Table() {
  std::vector<BedRow> rows;
  for (Shard* shard : d_.shards()) {
    AddRows<Ipv4Address>(*shard, &rows);
    AddRows<Ipv6Address>(*shard, &rows);
    AddTemplateRows(*shard, &rows);
  }
  std::ranges::sort(rows, {}, &BedRow::name);
  return rows;
}

std::pair<uint32_t, uint32_t> SyncBed::LoadOf(const std::string& real) {
  sched::Load sum;
  for (const RealId id : reals_.at(real)) {
    const sched::Load load = d_.fabric().loads.Sum(id);
    sum.active += load.active;
    sum.inactive += load.inactive;
  }
  return {sum.active, sum.inactive};
}

}  // namespace fairlead::sync
