#include "dataplane/decide/explain.h"

#include "dataplane/decide/admission.h"
#include "dataplane/decide/reuse.h"
#include "dataplane/wire/parse.h"

namespace fairlead::dataplane {
namespace {

// The connection owner's first question: is there one already?
template <typename Address>
bool ExplainConnection(Shard& shard, const FlowFields& flow, ExplainAnswer* answer) {
  auto& table = shard.Connections<Address>();
  const auto key = FlowKey<Address>::Forward(
      flow.addresses.protocol, flow.addresses.source.template As<Address>(),
      Be16::FromHost(flow.addresses.source_port), flow.addresses.destination.template As<Address>(),
      Be16::FromHost(flow.addresses.destination_port));
  const FindOutcome found = table.Find(key, table.Hash(key), shard.now);
  if (!found.hit()) return false;
  const Connection<Address>& record = table.at(found.slot);
  const RealView& real = shard.snapshot->reals[record.real_id.index()];
  const bool has_states = HasStates(flow.transport());
  // A new connection begins with a SYN, which may replace this one.
  const bool gives_way =
      has_states && IsNewConnection(record, real, PolicyOf(*shard.snapshot, real));
  answer->Add({.kind = ExplainKind::kExistingConnection,
               .service = real.service,
               .real = record.real_id,
               .value = record.state,
               .remaining = record.deadline.Remaining(shard.now),
               .timeout = record.timeout});
  if (gives_way) return false;
  if (real.remains == Remains::kExpire || (real.remains == Remains::kMove && !has_states)) {
    return false;
  }
  answer->service = real.service;
  answer->real = record.real_id;
  answer->verdict = real.TakesTraffic()               ? ExplainVerdict::kForward
                    : real.remains == Remains::kReset ? ExplainVerdict::kRefused
                                                      : ExplainVerdict::kDropped;
  return true;
}

void ExplainNextHop(Shard& shard, ExplainAnswer* answer) {
  const RealView& real = shard.snapshot->reals[answer->real.index()];
  if (real.next_hop.is_none()) {
    answer->Add({.kind = ExplainKind::kNoRoute, .real = answer->real});
    answer->verdict = ExplainVerdict::kRefused;
    return;
  }
  const Neighbour neighbour = shard.fabric.neighbours.Load(real.next_hop);
  answer->Add({.kind = ExplainKind::kNextHop,
               .real = answer->real,
               .port = real.output,
               .value = static_cast<uint32_t>(neighbour.state)});
}

void SettleOn(Shard& shard, RealId real, ExplainAnswer* answer) {
  answer->real = real;
  if (real.is_none()) {
    answer->verdict = ExplainVerdict::kRefused;
    return;
  }
  answer->verdict = ExplainVerdict::kForward;
  ExplainNextHop(shard, answer);
}

// A netmask changed a while ago: the template from before names the real.
void SettleOnPrevious(Shard& shard, const ServiceView& service, RealId real,
                      ExplainAnswer* answer) {
  answer->Add({.kind = ExplainKind::kRekeyed, .service = service.id, .real = real});
  SettleOn(shard, real, answer);
}

RealId PreviewSchedule(Shard& shard, const ServiceView& service, const FlowFields& flow,
                       ExplainTrace& trace) {
  sched::State copy = sched::PreviewOf(shard.scheduler_states[service.id.index()]);
  return DecideReal(shard, service, flow, &copy, trace);
}

// RefuseWithoutReal's exception.
void NoteBypass(Shard& shard, const ServiceView& service, const FlowFields& flow,
                ExplainAnswer* answer) {
  if (answer->real.is_none() && MayBypass(*shard.snapshot, service, flow.addresses.destination)) {
    answer->verdict = ExplainVerdict::kNotOurs;
  }
}

// At the owner of the client's key.
void ExplainTemplate(Shard& shard, const ServiceView& service, const FlowFields& flow,
                     TemplateIdentity identity, ExplainAnswer* answer) {
  ExplainTrace trace{answer};
  const WorkerId previous = PreviousOwner(shard, service, flow);
  const TemplateDecision found = DecideTemplate(shard, service, &identity, trace);
  if (found.is_valid) return SettleOn(shard, found.real, answer);
  if (!previous.is_none() && previous == shard.me) {
    const RealId known = PreviousReal(shard, service, flow);
    if (!known.is_none()) return SettleOnPrevious(shard, service, known, answer);
  } else if (!previous.is_none()) {
    answer->continue_at = previous;  // its answer counts, if it has one
    answer->continue_as_previous = true;
  }
  SettleOn(shard, PreviewSchedule(shard, service, flow, trace), answer);
  NoteBypass(shard, service, flow, answer);
}

// No service: what NoService (steer.h) makes of the packet.
ExplainVerdict VerdictWithoutService(const Snapshot& snapshot, const FlowFields& flow) {
  if (const LocalAddress* local = snapshot.FindLocal(flow.addresses.destination)) {
    // The kernel gets what is for a port that has a twin.
    const bool is_for_host = !local->port.is_none() && snapshot.ports[local->port.index()].has_host;
    return is_for_host ? ExplainVerdict::kNotOurs : ExplainVerdict::kRefused;
  }
  switch (ClaimOn(snapshot, flow.addresses.destination, flow.addresses.input_port)) {
    case Claim::kAnswered:
      return ExplainVerdict::kRefused;
    case Claim::kGone:
      return ExplainVerdict::kDropped;
    case Claim::kNone:
      break;
  }
  return ExplainVerdict::kNotOurs;
}

bool IsBadSource(const Snapshot& snapshot, const IpAddress& client) {
  return (client.is_v4() ? IsNoHost(client.v4()) : IsNoHost(client.v6())) ||
         snapshot.IsForgedSource(client);
}

// CanAnswer's no, once the real is known.
void NoteLinkLocal(const Snapshot& snapshot, const FlowFields& flow, ExplainAnswer* answer) {
  const IpAddress& client = flow.addresses.source;
  if (answer->verdict != ExplainVerdict::kForward || client.is_v4()) return;
  const RealView& real = snapshot.reals[answer->real.index()];
  if (CanAnswer(real, client.v6(), flow.addresses.input_port)) return;
  answer->Add({.kind = ExplainKind::kLinkLocalClient, .real = answer->real});
  answer->verdict = ExplainVerdict::kDropped;
}

// A flow without a connection, at whichever worker the question has come to.
void ExplainAdmission(Shard& shard, const ExplainQuestion& q, const FlowFields& flow,
                      ExplainAnswer* answer) {
  const Snapshot& snapshot = *shard.snapshot;
  const bool is_later = q.is_at_template_owner || q.is_at_previous_owner;
  // At the template owner the steps of the connection owner are repeated silently.
  ExplainAnswer silent_steps;
  ExplainTrace trace{is_later ? &silent_steps : answer};
  const ServiceDecision decision = DecideService(snapshot, flow, trace);
  if (decision.kind != ServiceDecision::Kind::kService) {
    answer->verdict = decision.kind == ServiceDecision::Kind::kClassifierDrop
                          ? ExplainVerdict::kDropped
                          : VerdictWithoutService(snapshot, flow);
    return;
  }
  const ServiceView& service = snapshot.services[decision.service.index()];
  answer->service = service.id;
  if (IsFromFtpData(flow) || !TakesPort(service, flow)) {
    answer->Add({.kind = ExplainKind::kWrongPort, .service = service.id});
    answer->verdict = ExplainVerdict::kRefused;
    return;
  }
  if (!service.persistence.is_enabled) {
    ExplainTrace told{answer};
    SettleOn(shard, PreviewSchedule(shard, service, flow, told), answer);
    return NoteBypass(shard, service, flow, answer);
  }
  if (q.is_at_previous_owner) {
    const RealId known =
        service.persistence.previous != nullptr ? PreviousReal(shard, service, flow) : RealId{};
    if (!known.is_none()) SettleOnPrevious(shard, service, known, answer);
    return;
  }
  const TemplateIdentity identity =
      IdentifyTemplate(service, service.persistence.clients, flow, trace);
  const WorkerId owner = shard.fabric.steering.TemplateOwner(shard.templates().Hash(identity.key));
  if (owner != shard.me) {
    answer->continue_at = owner;
    return;
  }
  ExplainTemplate(shard, service, flow, identity, answer);
}

}  // namespace

void RunExplain(Shard& shard, ExplainCommand* command) noexcept {
  const ExplainQuestion& q = command->question;
  ExplainAnswer* answer = &command->answer;
  const Snapshot& snapshot = *shard.snapshot;
  answer->answered_by = shard.me;
  answer->continue_at = WorkerId{};
  answer->continue_as_previous = false;
  PortId input = q.input_port;
  for (size_t i = 0; i < snapshot.ports.size() && input.is_none(); ++i) {
    if (snapshot.ports[i].role != PortRole::kInside) input = PortId{static_cast<uint8_t>(i)};
  }
  if (input.is_none()) input = PortId{0};
  const FlowFields flow{{.source = q.client.address,
                         .destination = q.destination.address,
                         .source_port = q.client.port.host(),
                         .destination_port = q.destination.port.host(),
                         .protocol = q.protocol,
                         .input_port = input}};
  if (!q.is_at_template_owner && !q.is_at_previous_owner) {
    const bool is_v4 = q.client.address.is_v4();
    if (is_v4 ? ExplainConnection<Ipv4Address>(shard, flow, answer)
              : ExplainConnection<Ipv6Address>(shard, flow, answer)) {
      if (answer->verdict == ExplainVerdict::kForward) ExplainNextHop(shard, answer);
      return;
    }
    if (IsBadSource(snapshot, q.client.address)) {
      answer->Add({.kind = ExplainKind::kBadSource});
      answer->verdict = ExplainVerdict::kDropped;
      return;
    }
  }
  ExplainAdmission(shard, q, flow, answer);
  NoteLinkLocal(snapshot, flow, answer);
}

}  // namespace fairlead::dataplane
