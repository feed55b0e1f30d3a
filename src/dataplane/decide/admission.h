// ADMIT: what becomes of a flow without a connection. The order rule → service → may it begin one →
// defence → port → template (the client's own, the previous netmask's, the group's) → pick stands
// here and nowhere else.
//
//   Commit commit{shard, snapshot};                              // or Preview: nothing is changed
//   const Admission a = DecideAdmission(commit, subject, &flow, silent);
//   switch (a.kind) …                                            // the caller carries it out
//
// Three policies say who asks. The *subject* knows the packet (below); the *effect* is what may be
// done: Commit (the defence counts, the scheduler moves on, templates are granted) or Preview
// (explain; on any snapshot, also one that is not in force); the *trace* notes down the steps
// (decision_trace.h). Where another worker must be asked, the outcome names it and for what:
// packets are sent there and continue with AnswerForTemplate, BindClient and Conclude
// (path/hand_shake.h), `explain` reports it and continues with the same functions.
//
//   struct Subject {
//     static constexpr bool kIsError;                // an ICMP error about the flow
//     WorkerId OtherOwner() const;                   // who owns the connection, if not this worker
//     bool MayBegin(const ServiceView&) const;       // the SYN rule (MayCreate); schedule_icmp
//     bool IsLater() const;                          // of a trace alone: no first packet
//     bool ReadEngine(const ServiceView&, FlowFields*) const;   // false: the engine finds nothing
//   };
//
// Every grant ends in exactly one release: that of the connection made with it, or
// Shard::ReleaseGrant. Threads: the worker that owns the shard.
#pragma once

#include "dataplane/decide/decision.h"

namespace fairlead::dataplane {

// What a template's owner gives: a real and one child of its template.
struct Grant {
  RealId real = {};  // none: refused
  TemplateRef ref = {};
  DropReason refusal = DropReason::kNoReal;
};

struct Admission {
  enum class Kind : uint8_t {
    kForward,         // to `real`, with a child of `ref`
    kAsk,             // worker `ask` decides, for `purpose`
    kNoService,       // nobody's: the host's, routed, or refused
    kNotBalanced,     // answered as on a port that nobody serves
    kNoReal,          // port unreachable from the virtual address
    kBypass,          // routed to where it was sent (cache_bypass)
    kClassifierDrop,  // a rule drops it
    kDrop,            // in silence, under `reason`
  };
  Kind kind = Kind::kNoService;
  DropReason reason = DropReason::kNoReal;  // kNotBalanced, kDrop
  HandOff purpose = HandOff::kNone;
  WorkerId ask = {};
  ServiceId service = {};  // unless kNoService or kClassifierDrop
  RealId real = {};        // kForward; of a kDrop: whom the client would have got
  TemplateRef ref = {};    // none: the service is not persistent
};

// What the template's owner says: a grant, or that the owner of the client's previous key must be
// asked first (HandOff::kRekey).
struct TemplateAnswer {
  WorkerId previous_owner = {};  // none: `grant` counts
  Grant grant = {};
};

// ---- effects

// The packet path's: what is decided is done.
struct Commit {
  Shard& shard;
  const Snapshot& snapshot;  // the shard's own

  bool DropsNext(uint8_t mode) noexcept { return shard.defence.DropsNext(mode); }
  bool IsInGrace(const ServiceView& service) noexcept { return shard.IsInGrace(service); }
  RealId Pick(const ServiceView& service, const FlowFields& flow, NoTrace& trace) noexcept;
  // One more child of this template.
  Grant Join(uint32_t slot, RealId real) noexcept;
  // A new template.
  Grant Bind(const ServiceView& service, const TemplateIdentity& identity, RealId real) noexcept;
  void Invalidate(uint32_t slot) noexcept;
  void GiveBack(const TemplateRef& ref) noexcept {
    if (!ref.is_none()) shard.ReleaseGrant(ref);
  }
};

// What would be done, if `snapshot` were in force. Grants hold a real alone.
struct Preview {
  Shard& shard;
  const Snapshot& snapshot;

  bool DropsNext(uint8_t mode) const noexcept { return shard.defence.WouldDropNext(mode); }
  bool IsInGrace(const ServiceView& service) const noexcept;
  template <typename Trace>
  RealId Pick(const ServiceView& service, const FlowFields& flow, Trace& trace) const noexcept {
    sched::State copy = sched::PreviewOf(shard.StateFor(service));
    return DecideReal(shard, service, flow, &copy, trace);
  }
  Grant Join(uint32_t, RealId real) const noexcept { return {.real = real}; }
  Grant Bind(const ServiceView&, const TemplateIdentity&, RealId real) const noexcept {
    return {.real = real};
  }
  void Invalidate(uint32_t) const noexcept {}
  void GiveBack(const TemplateRef&) const noexcept {}
};

// ---- at the template's owner

// What a new template of this client remembers.
TemplateBinding BindingFor(const Snapshot& snapshot, const ServiceView& service,
                           const TemplateIdentity& identity, RealId real) noexcept;

// Who is to be asked before a client without a template is scheduled: the owner of the key it had
// before the netmask changed, while the grace of `rekey` runs. None: nobody.
template <typename Effect>
WorkerId PreviousOwner(Effect& effect, const ServiceView& service, const FlowFields& flow,
                       const TemplateIdentity& now) noexcept {
  if (!effect.IsInGrace(service)) [[likely]]
    return WorkerId{};
  NoTrace silent;
  Shard& shard = effect.shard;
  const TemplateIdentity previous =
      IdentifyTemplate(service, *service.persistence.previous, flow, silent);
  if (previous.key == now.key) return WorkerId{};
  TemplateIdentity identity = now;
  const TemplateDecision own = DecideTemplate(shard, effect.snapshot, service, &identity, silent);
  if (own.slot != kNoSlot) return WorkerId{};
  return shard.fabric.steering.TemplateOwner(shard.templates().Hash(previous.key));
}

// Finds or makes the client's template, counts one more child and restarts its timer (ipvs.md,
// scheduled connection). `known`: the real that a new template is to name, if it is good; none: the
// scheduler's choice.
template <typename Effect, typename Trace>
Grant BindClient(Effect& effect, const ServiceView& service, const FlowFields& flow,
                 TemplateIdentity identity, RealId known, Trace& trace) noexcept {
  const TemplateDecision found =
      DecideTemplate(effect.shard, effect.snapshot, service, &identity, trace);
  if (found.is_valid) return effect.Join(found.slot, found.real);
  if (found.slot != kNoSlot) effect.Invalidate(found.slot);
  TemplateFault fault{};
  if (!known.is_none() && IsTemplateValid(effect.snapshot, service, known, &fault)) {
    if constexpr (Trace::kIsOn) trace.Add(step::Rekeyed{.real = known});
    return effect.Bind(service, identity, known);
  }
  const RealId real = effect.Pick(service, flow, trace);
  return real.is_none() ? Grant{} : effect.Bind(service, identity, real);
}
extern template Grant BindClient(Commit&, const ServiceView&, const FlowFields&, TemplateIdentity,
                                 RealId, NoTrace&) noexcept;

template <typename Effect, typename Trace>
TemplateAnswer AnswerForTemplate(Effect& effect, const ServiceView& service, const FlowFields& flow,
                                 const TemplateIdentity& identity, Trace& trace) noexcept {
  RealId known;
  const WorkerId previous = PreviousOwner(effect, service, flow, identity);
  if (!previous.is_none()) [[unlikely]] {
    if (previous != effect.shard.me) return {.previous_owner = previous};
    known = PreviousReal(effect.shard, effect.snapshot, service, flow);
  }
  return {.grant = BindClient(effect, service, flow, identity, known, trace)};
}

// ---- at the connection's owner

// The service a packet of the hand-shake names, if the snapshot still has it.
inline const ServiceView* ServiceOf(const Snapshot& snapshot, ServiceId id) noexcept {
  if (id.index() >= snapshot.services.size()) return nullptr;
  const ServiceView& service = snapshot.services[id.index()];
  return service.id == id ? &service : nullptr;
}

// A link keeps its link-local addresses to itself (RFC 4291 section 2.5.6): such a client gets an
// answer only from a real server on its own link, and that without NAT.
inline bool CanAnswer(const RealView& real, const IpAddress& client, PortId input_port) noexcept {
  if (client.is_v4() || !client.is_link_local()) [[likely]]
    return true;
  return !RewritesReplies(real.method) && real.output == input_port &&
         real.next_hop_address == real.address;
}

// Not balanced, but perhaps let through to where it was sent. An error never is.
template <typename Subject>
Admission Unbalanced(const Snapshot& snapshot, const ServiceView& service, const FlowFields& flow,
                     DropReason reason) noexcept {
  const bool is_let_through =
      !Subject::kIsError && MayBypass(snapshot, service, flow.addresses.destination);
  return {.kind = is_let_through ? Admission::Kind::kBypass : Admission::Kind::kNotBalanced,
          .reason = reason,
          .service = service.id};
}

// (ipvs.md, new connections)
inline bool MayCreate(Transport transport, uint8_t tcp_flags, const PolicyView& policy) noexcept {
  switch (transport) {
    case Transport::kTcp:
      if ((tcp_flags & kTcpRst) != 0) return false;
      return (tcp_flags & kTcpSyn) != 0 || policy.sloppy_tcp ||
             policy.unknown_connections == UnknownConnections::kSchedule;
    case Transport::kUdp:
      return true;
  }
  return false;
}

// A packet that may not begin a connection. What cache_bypass has let through goes on: nothing here
// remembers such a flow, so all its packets are of this kind.
template <typename Subject>
Admission NotBegun(const Snapshot& snapshot, const ServiceView& service,
                   const FlowFields& flow) noexcept {
  Admission outcome = Unbalanced<Subject>(snapshot, service, flow, DropReason::kNotASyn);
  if (!Subject::kIsError && outcome.kind == Admission::Kind::kNotBalanced &&
      service.policy.unknown_connections == UnknownConnections::kDrop) {
    outcome.kind = Admission::Kind::kDrop;
    outcome.reason = DropReason::kUnknownConnection;
  }
  return outcome;
}

// Which policy has decided about a packet that begins no connection by itself.
inline LaterBy DecidedBy(Admission::Kind refused_as) noexcept {
  switch (refused_as) {
    case Admission::Kind::kBypass:
      return LaterBy::kCacheBypass;
    case Admission::Kind::kDrop:
      return LaterBy::kUnknownDrop;
    default:
      return LaterBy::kUnknownReset;
  }
}
inline LaterBy DecidedBy(const PolicyView& takes_it) noexcept {
  return takes_it.sloppy_tcp ? LaterBy::kSloppyTcp : LaterBy::kUnknownSchedule;
}

// The scheduler named nobody (ipvs.md, no real).
template <typename Subject>
Admission WithoutReal(const Snapshot& snapshot, const ServiceView& service,
                      const FlowFields& flow) noexcept {
  constexpr uint16_t kFtp = 21;
  const bool is_beside_ftp = service.port.host() == kFtp && flow.addresses.destination_port != kFtp;
  Admission outcome = Unbalanced<Subject>(snapshot, service, flow, DropReason::kClosedPort);
  if (outcome.kind == Admission::Kind::kNotBalanced && !is_beside_ftp) {
    outcome.kind = Admission::Kind::kNoReal;
    outcome.reason = DropReason::kNoReal;
  }
  return outcome;
}

// The last word, once a real is known or known not to be.
template <typename Subject, typename Effect>
Admission Conclude(Effect& effect, const Subject&, const ServiceView& service,
                   const FlowFields& flow, const Grant& grant) noexcept {
  using Kind = Admission::Kind;
  if (grant.real.is_none()) [[unlikely]] {
    if (grant.refusal == DropReason::kNoReal) {
      return WithoutReal<Subject>(effect.snapshot, service, flow);
    }
    return {.kind = Kind::kDrop, .reason = grant.refusal, .service = service.id};
  }
  const RealView& real = effect.snapshot.reals[grant.real.index()];
  if (!CanAnswer(real, flow.addresses.source, flow.addresses.input_port)) [[unlikely]] {
    effect.GiveBack(grant.ref);
    return {.kind = Kind::kDrop,
            .reason = DropReason::kLinkLocalClient,
            .service = service.id,
            .real = grant.real};
  }
  return {.kind = Kind::kForward, .service = service.id, .real = grant.real, .ref = grant.ref};
}

// The same for a grant that has come from another worker, whose snapshot may be another.
template <typename Subject, typename Effect>
Admission ConcludeGranted(Effect& effect, const Subject& subject, ServiceId service_id,
                          const FlowFields& flow, const Grant& grant) noexcept {
  const Snapshot& snapshot = effect.snapshot;
  // The service that asked: the template, and so the real, may be another's (ports 21 and 0 of one
  // address have the same key).
  const ServiceView* service = ServiceOf(snapshot, service_id);
  const bool is_refused = grant.real.is_none();
  const bool is_good = is_refused || (grant.real.index() < snapshot.reals.size() &&
                                      snapshot.reals[grant.real.index()].is_available);
  if (service == nullptr || !is_good) {
    effect.GiveBack(grant.ref);
    return {.kind = Admission::Kind::kDrop,
            .reason = is_refused ? grant.refusal : DropReason::kStaleGrant,
            .service = service_id};
  }
  return Conclude(effect, subject, *service, flow, grant);
}

// With the service found and its connection ours to make.
template <typename Subject, typename Effect, typename Trace>
Admission DecideForService(Effect& effect, const Subject& subject, const ServiceView& service,
                           FlowFields* flow, Trace& trace) noexcept {
  using Kind = Admission::Kind;
  const Snapshot& snapshot = effect.snapshot;
  if (!subject.MayBegin(service)) {
    const Admission refused = NotBegun<Subject>(snapshot, service, *flow);
    if constexpr (Trace::kIsOn) trace.Add(step::UnknownConnection{DecidedBy(refused.kind)});
    return refused;
  }
  if constexpr (Trace::kIsOn) {
    if (subject.IsLater()) trace.Add(step::UnknownConnection{DecidedBy(service.policy)});
  }
  if (IsFromFtpData(*flow)) {
    if constexpr (Trace::kIsOn) trace.Add(step::WrongPort{.service = service.id});
    return {.kind = Kind::kNotBalanced, .reason = DropReason::kClosedPort, .service = service.id};
  }
  if (effect.DropsNext(service.policy.drop_packet)) [[unlikely]] {
    if constexpr (Trace::kIsOn) trace.Add(step::DropPacket{.service = service.id});
    return {.kind = Kind::kDrop, .reason = DropReason::kDropPacket, .service = service.id};
  }
  if (!TakesPort(service, *flow)) {
    if constexpr (Trace::kIsOn) trace.Add(step::WrongPort{.service = service.id});
    return WithoutReal<Subject>(snapshot, service, *flow);
  }
  if (!service.persistence.is_enabled) {
    const Grant scheduled{.real = effect.Pick(service, *flow, trace)};
    return Conclude(effect, subject, service, *flow, scheduled);
  }
  if (!subject.ReadEngine(service, flow)) {
    if constexpr (Trace::kIsOn) trace.Add(step::NoCallId{});
    return {.kind = Kind::kDrop, .reason = DropReason::kNoCallId, .service = service.id};
  }
  const TemplateIdentity identity =
      IdentifyTemplate(service, service.persistence.clients, *flow, trace);
  Shard& shard = effect.shard;
  const WorkerId owner = shard.fabric.steering.TemplateOwner(shard.templates().Hash(identity.key));
  if (owner != shard.me) {
    return {.kind = Kind::kAsk, .purpose = HandOff::kRequest, .ask = owner, .service = service.id};
  }
  const TemplateAnswer answer = AnswerForTemplate(effect, service, *flow, identity, trace);
  if (!answer.previous_owner.is_none()) [[unlikely]] {
    return {.kind = Kind::kAsk,
            .purpose = HandOff::kRekey,
            .ask = answer.previous_owner,
            .service = service.id};
  }
  return Conclude(effect, subject, service, *flow, answer.grant);
}

// The whole of it, for a flow that no connection here claims. `flow` takes what the engine finds.
template <typename Subject, typename Effect, typename Trace>
Admission DecideAdmission(Effect& effect, const Subject& subject, FlowFields* flow,
                          Trace& trace) noexcept {
  using Kind = Admission::Kind;
  const ServiceDecision found = DecideService(effect.snapshot, *flow, trace);
  if (found.kind == ServiceDecision::Kind::kNoService) return {.kind = Kind::kNoService};
  if (found.kind == ServiceDecision::Kind::kClassifierDrop) {
    return {.kind = Kind::kClassifierDrop, .reason = DropReason::kClassifier};
  }
  const WorkerId owner = subject.OtherOwner();
  if (!owner.is_none()) {
    return {
        .kind = Kind::kAsk, .purpose = HandOff::kSteered, .ask = owner, .service = found.service};
  }
  return DecideForService(effect, subject, effect.snapshot.services[found.service.index()], flow,
                          trace);
}

}  // namespace fairlead::dataplane
