#include "dataplane/decide/explain.h"

#include "dataplane/decide/admission.h"
#include "dataplane/decide/connection_draft.h"
#include "dataplane/decide/reuse.h"
#include "dataplane/decide/snat_decision.h"
#include "dataplane/wire/parse.h"

namespace fairlead::dataplane {
namespace {

// The packet of the flow that is asked about, at the worker that owns its connection: one that
// begins a connection, or a later one.
struct SupposedPacket {
  static constexpr bool kIsError = false;
  uint8_t protocol;
  bool is_later;

  static WorkerId OtherOwner() noexcept { return WorkerId{}; }
  [[nodiscard]] bool IsLater() const noexcept { return is_later; }
  [[nodiscard]] bool MayBegin(const ServiceView& service) const noexcept {
    return MayCreate(static_cast<Transport>(protocol), is_later ? kTcpAck : kTcpSyn,
                     service.policy);
  }
  // It is a new call's, so what it says is nobody's yet.
  bool ReadEngine(const ServiceView& service, FlowFields*) const noexcept {
    return service.persistence.engine == PersistenceEngine::kNone || protocol == kProtocolUdp;
  }
};

// A question on its way through one worker.
class Inquiry {
 public:
  Inquiry(Shard& shard, const Snapshot& snapshot, const ExplainQuestion& question,
          ExplainAnswer* answer)
      : shard_(shard),
        snapshot_(snapshot),
        question_(question),
        answer_(answer),
        trace_{answer},
        flow_{{.source = question.client.address,
               .destination = question.destination.address,
               .source_port = question.client.port.host(),
               .destination_port = question.destination.port.host(),
               .protocol = question.protocol,
               .input_port = InputPort()}} {}

  void Answer();

 private:
  PortId InputPort() const;
  template <typename Address>
  bool AnswerFromConnection();
  bool IsBadSource() const;
  void Continue();
  void AskNext(WorkerId worker, HandOff stage);
  void Settle(const Admission& admission);
  void SettleUnserved();
  template <typename Address>
  void AddSourceNat();
  // RST or port unreachable, as for a port that nobody serves, unless that is dropped.
  void RefuseAsClosed();
  // To the real, and back to the client when answers come through here.
  void AddWays(RealId real, ForwardMethod method);
  void AddNextHop(RealId real);
  void AddWayBack();
  void AddTranslation(const RealView& real);
  [[nodiscard]] SupposedPacket packet() const { return {flow_.addresses.protocol, IsLater()}; }
  // Only TCP tells a later packet from a first one.
  [[nodiscard]] bool IsLater() const { return question_.is_later && HasStates(flow_.transport()); }

  Shard& shard_;
  const Snapshot& snapshot_;
  const ExplainQuestion& question_;
  ExplainAnswer* const answer_;
  ExplainTrace trace_;
  FlowFields flow_;
};

PortId Inquiry::InputPort() const {
  if (!question_.input_port.is_none()) return question_.input_port;
  for (size_t i = 0; i < snapshot_.ports.size(); ++i) {
    if (snapshot_.ports[i].role != PortRole::kInside) return PortId{static_cast<uint8_t>(i)};
  }
  return PortId{0};
}

bool Inquiry::IsBadSource() const {
  const IpAddress& client = question_.client.address;
  return (client.is_v4() ? IsNoHost(client.v4()) : IsNoHost(client.v6())) ||
         snapshot_.IsForgedSource(client);
}

// The connection owner's first question: is there one already? False: there is none that a new
// connection would not replace.
template <typename Address>
bool Inquiry::AnswerFromConnection() {
  auto& table = shard_.Connections<Address>();
  const auto key = FlowKey<Address>::Forward(flow_.addresses.protocol,
                                             flow_.addresses.source.template As<Address>(),
                                             Be16::FromHost(flow_.addresses.source_port),
                                             flow_.addresses.destination.template As<Address>(),
                                             Be16::FromHost(flow_.addresses.destination_port));
  const FindOutcome found = table.Find(key, table.Hash(key), shard_.now);
  if (!found.hit()) return false;
  const Connection<Address>& record = table.at(found.slot);
  const RealView& real = snapshot_.reals[record.real_id.index()];
  const bool has_states = HasStates(flow_.transport());
  const bool moves = MovesNow(real.remains, has_states);
  answer_->Add(step::ExistingConnection{.real = record.real_id,
                                        .state = record.state,
                                        .moves = moves,
                                        .remaining = record.deadline.Remaining(shard_.now)});
  // A new connection begins with a SYN, which may replace this one.
  if (has_states && !IsLater() && IsNewConnection(record, real, PolicyOf(snapshot_, real)))
    return false;
  if (moves) return false;
  answer_->service = real.service;
  answer_->real = record.real_id;
  answer_->is_reset = true;
  answer_->verdict = real.TakesTraffic()               ? ExplainVerdict::kForward
                     : real.remains == Remains::kReset ? ExplainVerdict::kRefused
                                                       : ExplainVerdict::kDropped;
  if (answer_->verdict == ExplainVerdict::kForward) {
    const LocalEndpoint local = table.LocalEndpointOf(found.slot);
    if (!local.port.is_zero()) answer_->Add(step::Translated{.local = local});
    AddWays(record.real_id, record.method);
  }
  return true;
}

void Inquiry::AddNextHop(RealId id) {
  const RealView& real = snapshot_.reals[id.index()];
  if (real.next_hop.is_none()) {
    answer_->Add(step::NoRoute{});
    answer_->verdict = ExplainVerdict::kRefused;
    return;
  }
  const Neighbour neighbour = shard_.fabric.neighbours.Load(real.next_hop);
  answer_->Add(step::NextHop{.port = real.output, .neighbour = neighbour.state});
}

// As RouteOut (path/transmit.h) sends an answer.
void Inquiry::AddWayBack() {
  const IpAddress& client = question_.client.address;
  const NeighbourTable& neighbours = shard_.fabric.neighbours;
  PortId port = InputPort();
  NeighbourId hop{};
  if (client.is_link_local()) {
    hop = neighbours.Find(port, client);
  } else {
    const RouteView* route = snapshot_.routes.Find(client);
    if (route == nullptr) return answer_->Add(step::NoWayBack{});
    port = route->output;
    hop = route->gateway.is_none() ? neighbours.Find(port, client) : route->gateway;
  }
  const Neighbour neighbour = hop.is_none() ? Neighbour{} : neighbours.Load(hop);
  answer_->Add(step::AnswersLeave{.port = port, .neighbour = neighbour.state});
}

// Of a connection that would be made.
void Inquiry::AddTranslation(const RealView& real) {
  if (const SnatRule* rule = HairpinOf(snapshot_, flow_.addresses.source, real)) {
    answer_->Add(step::Translated{.addresses = static_cast<uint16_t>(rule->addresses.size())});
    return;
  }
  if (!TranslatesClient(real.method)) return;
  const size_t pool = real.local_pool.index();
  const size_t addresses =
      pool < snapshot_.local_pools.size() ? snapshot_.local_pools[pool].addresses.size() : 0;
  answer_->Add(step::Translated{.addresses = static_cast<uint16_t>(addresses)});
  if (addresses == 0) answer_->verdict = ExplainVerdict::kDropped;
}

void Inquiry::AddWays(RealId real, ForwardMethod method) {
  AddNextHop(real);
  if (answer_->verdict == ExplainVerdict::kForward && RewritesReplies(method)) AddWayBack();
}

void Inquiry::RefuseAsClosed() {
  answer_->is_reset = true;
  answer_->verdict =
      snapshot_.policy.reset_without_listener ? ExplainVerdict::kRefused : ExplainVerdict::kDropped;
}

// What NoService (path/steer.h) makes of the packet.
void Inquiry::SettleUnserved() {
  answer_->verdict = ExplainVerdict::kNotOurs;
  switch (WhoseUnserved(snapshot_, flow_)) {
    case Unserved::kOwn: {
      // The kernel gets what is for a port that has a twin.
      const LocalAddress* local = snapshot_.FindLocal(flow_.addresses.destination);
      if (!local->port.is_none() && snapshot_.ports[local->port.index()].has_host) return;
      return RefuseAsClosed();
    }
    case Unserved::kMarkRange:
      return RefuseAsClosed();
    case Unserved::kGone:
      answer_->verdict = ExplainVerdict::kDropped;
      return;
    case Unserved::kOther:
      if (snapshot_.snat == nullptr) return;
      return flow_.addresses.source.is_v4() ? AddSourceNat<Ipv4Address>()
                                            : AddSourceNat<Ipv6Address>();
  }
}

// As TakeBySnat (path/snat.h), of what is no real server's.
template <typename Address>
void Inquiry::AddSourceNat() {
  const SnatRule* rule = DecideSnat(snapshot_, flow_.addresses.source, flow_.addresses.destination,
                                    flow_.addresses.input_port);
  if (rule == nullptr) return;
  // Who asks about a host behind the director seldom says by which port its packets come.
  if (!question_.input_port.is_none() &&
      IsForgedHost(snapshot_, flow_.addresses.source, question_.input_port)) {
    answer_->Add(step::BadSource{});
    answer_->verdict = ExplainVerdict::kDropped;
    return;
  }
  if (question_.stage == HandOff::kNone) {
    const WorkerId owner =
        shard_.fabric.steering.ConnectionOwner(flow_.addresses.destination.template As<Address>(),
                                               Be16::FromHost(flow_.addresses.destination_port));
    if (owner != shard_.me) return AskNext(owner, HandOff::kSteered);
  }
  const auto index = static_cast<uint32_t>(rule - snapshot_.snat->rules.data());
  step::SourceNat found{.rule = index};
  if (shard_.snat != nullptr && flow_.addresses.source_port != 0) {
    const SnatTable<Address>& table = shard_.snat->Table<Address>();
    const SnatKey<Address> key{flow_.addresses.protocol,
                               flow_.addresses.source.template As<Address>(),
                               Be16::FromHost(flow_.addresses.source_port),
                               flow_.addresses.destination.template As<Address>(),
                               Be16::FromHost(flow_.addresses.destination_port)};
    const SnatPlace place{snapshot_, shard_.now};
    SnatEndpoint<Address> local;
    if (const uint32_t slot = table.template Find<SnatWay::kOut>(key, shard_.now);
        slot != kNoSlot) {
      found.has_flow = true;
      local = {table.at(slot).local, table.at(slot).local_port};
    } else if (!shard_.snat->ChooseLocal(*rule, key, place, &local)) {
      answer_->Add(step::SourceNatExhausted{.rule = index});
      answer_->verdict = ExplainVerdict::kDropped;
      return;
    }
    found.local = {IpAddress(local.address), local.port};
  }
  answer_->Add(found);
}

void Inquiry::AskNext(WorkerId worker, HandOff stage) {
  answer_->continue_at = worker;
  answer_->continue_as = stage;
}

void Inquiry::Settle(const Admission& admission) {
  answer_->service = admission.service;
  answer_->real = admission.real;
  switch (admission.kind) {
    case Admission::Kind::kForward:
      answer_->verdict = ExplainVerdict::kForward;
      AddTranslation(snapshot_.reals[admission.real.index()]);
      if (answer_->verdict == ExplainVerdict::kDropped) return;
      return AddWays(admission.real, snapshot_.reals[admission.real.index()].method);
    case Admission::Kind::kAsk:
      return AskNext(admission.ask, admission.purpose);
    case Admission::Kind::kNoService:
      return SettleUnserved();
    case Admission::Kind::kNotBalanced:
      return RefuseAsClosed();
    case Admission::Kind::kNoReal:
      answer_->is_reset = false;
      answer_->verdict = ExplainVerdict::kRefused;
      return;
    case Admission::Kind::kBypass:
      answer_->verdict = ExplainVerdict::kNotOurs;
      return;
    case Admission::Kind::kClassifierDrop:
      answer_->verdict = ExplainVerdict::kDropped;
      return;
    case Admission::Kind::kDrop:
      if (admission.reason == DropReason::kLinkLocalClient) {
        AddNextHop(admission.real);
        answer_->Add(step::LinkLocalClient{.real = admission.real});
      }
      answer_->verdict = ExplainVerdict::kDropped;
      return;
  }
}

// At the owner of the client's template, or of the one under its previous netmask: what the
// packet's hand-shake does there (path/hand_shake.h).
void Inquiry::Continue() {
  answer_->service = question_.service;
  answer_->verdict = ExplainVerdict::kDropped;  // stale_grant
  const ServiceView* service = ServiceOf(snapshot_, question_.service);
  if (service == nullptr || !service->persistence.is_enabled) return;
  Preview preview{shard_, snapshot_};
  const TemplateIdentity identity = IdentifyTemplate(*service, flow_);
  if (question_.stage == HandOff::kRekey) {
    answer_->previous_real = PreviousReal(shard_, snapshot_, *service, flow_);
    const uint64_t hash = shard_.templates().Hash(identity.key);
    return AskNext(shard_.fabric.steering.TemplateOwner(hash), HandOff::kRekeyed);
  }
  TemplateAnswer told;
  if (question_.stage == HandOff::kRekeyed) {
    told.grant = BindClient(preview, *service, flow_, identity, question_.previous_real, trace_);
  } else {
    told = AnswerForTemplate(preview, *service, flow_, identity, trace_);
  }
  if (!told.previous_owner.is_none()) return AskNext(told.previous_owner, HandOff::kRekey);
  Settle(Conclude(preview, packet(), *service, flow_, told.grant));
}

void Inquiry::Answer() {
  answer_->answered_by = shard_.me;
  answer_->continue_at = WorkerId{};
  if (question_.stage == HandOff::kSteered) return SettleUnserved();
  if (question_.stage != HandOff::kNone) return Continue();
  const bool is_v4 = question_.client.address.is_v4();
  if (is_v4 ? AnswerFromConnection<Ipv4Address>() : AnswerFromConnection<Ipv6Address>()) return;
  if (IsBadSource()) {
    answer_->Add(step::BadSource{});
    answer_->verdict = ExplainVerdict::kDropped;
    return;
  }
  Preview preview{shard_, snapshot_};
  Settle(DecideAdmission(preview, packet(), &flow_, trace_));
}

}  // namespace

void Explain(Shard& shard, const Snapshot& snapshot, const ExplainQuestion& question,
             ExplainAnswer* answer) noexcept {
  Inquiry(shard, snapshot, question, answer).Answer();
}

void RunExplain(Shard& shard, ExplainCommand* command) noexcept {
  Explain(shard, *shard.snapshot, command->question, &command->answer);
}

}  // namespace fairlead::dataplane
