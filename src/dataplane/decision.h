// What would become of a new connection, and why: one set of functions for the packet path and for
// `explain`.
//
//   NoTrace silent;
//   ServiceDecision d = DecideService(snapshot, fields, silent);       // the packet path
//   ExplainTrace told{&answer};
//   ServiceDecision d = DecideService(snapshot, fields, told);         // the same code, noted down
//
// Nothing here changes anything but the scheduler state it is given; explain gives it a copy.
// Threads: the worker that owns the shard. The trace policy is a template parameter: NoTrace
// compiles to nothing.
#pragma once

#include "dataplane/explain.h"
#include "dataplane/shard.h"

namespace fairlead::dataplane {

struct NoTrace {
  static constexpr bool kIsOn = false;
  void Add(const ExplainStep&) noexcept {}
};

struct ExplainTrace {
  static constexpr bool kIsOn = true;
  ExplainAnswer* answer;
  void Add(const ExplainStep& step) noexcept { answer->Add(step); }
};

// The first packet of a flow, as the decision sees it.
struct FlowFields {
  ClassifierFields addresses;  // ports in host order
  bool is_tcp() const noexcept { return addresses.protocol == kProtocolTcp; }
  [[nodiscard]] ServiceKey Key() const noexcept {
    return {addresses.destination, Be16::FromHost(addresses.destination_port), addresses.protocol};
  }
};

struct ServiceDecision {
  enum class Kind : uint8_t { kService, kNoService, kClassifierDrop };
  Kind kind = Kind::kNoService;
  ServiceId service;
};

// CLASSIFY: rules → mark → service (spec section 2.3).
template <typename Trace>
ServiceDecision DecideService(const Snapshot& snapshot, const FlowFields& flow,
                              Trace& trace) noexcept {
  const Classification rule = snapshot.classifier.Classify(flow.addresses);
  if (rule.kind == Classification::Kind::kDrop) {
    if constexpr (Trace::kIsOn) {
      trace.Add({.kind = ExplainKind::kClassifierDrop, .value = static_cast<uint32_t>(rule.rule)});
    }
    return {ServiceDecision::Kind::kClassifierDrop, {}};
  }
  const ServiceId service = snapshot.FindService(rule.mark, flow.Key());
  if constexpr (Trace::kIsOn) {
    if (rule.kind == Classification::Kind::kMark) {
      trace.Add({.kind = ExplainKind::kClassifierRule,
                 .mark = rule.mark,
                 .value = static_cast<uint32_t>(rule.rule)});
    } else if (snapshot.classifier.rule_count() > 0) {
      trace.Add({.kind = ExplainKind::kNoClassifierRule});
    }
  }
  if (service.is_none()) {
    if constexpr (Trace::kIsOn) {
      const bool is_local = snapshot.FindLocal(flow.addresses.destination) != nullptr;
      trace.Add({.kind = ExplainKind::kNoService, .value = is_local ? 1u : 0u});
    }
    return {};
  }
  if constexpr (Trace::kIsOn) {
    const ServiceView& view = snapshot.services[service.index()];
    const uint16_t port = view.port.host();
    const uint32_t how = view.mark != 0                            ? 0
                         : port == flow.addresses.destination_port ? 1
                         : port != 0                               ? 2
                                                                   : 3;
    trace.Add({.kind = ExplainKind::kService, .service = service, .value = how});
  }
  return {ServiceDecision::Kind::kService, service};
}

// What comes from the FTP data port is never scheduled (spec section 2.2).
inline bool IsFromFtpData(const FlowFields& flow) noexcept {
  constexpr uint16_t kFtpData = 20;
  return flow.addresses.source_port == kFtpData;
}

// A service found by port 0 or as FTP data takes other ports only when it is persistent (spec
// section 2.3).
inline bool TakesPort(const ServiceView& service, const FlowFields& flow) noexcept {
  return service.mark != 0 || service.persistence.is_enabled ||
         service.port.host() == flow.addresses.destination_port;
}

inline IpAddress MaskClient(const PersistenceView& persistence, const IpAddress& client) noexcept {
  if (!client.is_v4()) return client.Masked(persistence.netmask6);
  return Ipv4Address{Be32::FromRaw(client.v4().value.raw() & persistence.netmask4.raw())};
}

// Spec section 3.1. `stored_port` is false where the template covers all ports.
struct TemplateIdentity {
  TemplateKey key;
  bool covers_one_port = false;
};

inline TemplateIdentity IdentifyTemplate(const ServiceView& service,
                                         const FlowFields& flow) noexcept {
  constexpr uint16_t kFtpPort = 21;
  const IpAddress client = MaskClient(service.persistence, flow.addresses.source);
  if (service.mark != 0) return {TemplateKey::ForMark(client, service.mark), false};
  const uint16_t port = service.port.host();
  const bool is_plain = port != 0 && port != kFtpPort && port == flow.addresses.destination_port;
  return {TemplateKey::ForService(flow.addresses.protocol, client, flow.addresses.destination,
                                  is_plain ? service.port : Be16{}),
          is_plain};
}

// Spec section 3.5. True: the template's real may be used.
inline bool IsTemplateValid(const Snapshot& snapshot, const ServiceView& service, RealId real_id,
                            TemplateFault* fault) noexcept {
  if (real_id.is_none() || real_id.index() >= snapshot.reals.size()) {
    *fault = TemplateFault::kNoReal;
    return false;
  }
  const RealView& real = snapshot.reals[real_id.index()];
  if (!real.is_available) {
    *fault = TemplateFault::kRealRemoved;
    return false;
  }
  if (!real.templates_valid || (service.policy.expire_quiescent_template && real.weight == 0)) {
    *fault = TemplateFault::kRealQuiescent;
    return false;
  }
  return true;
}

struct TemplateDecision {
  uint32_t slot = kNoSlot;  // of the template found, valid or not
  bool is_valid = false;
};

template <typename Trace>
TemplateDecision DecideTemplate(Shard& shard, const ServiceView& service, const TemplateKey& key,
                                uint64_t hash, Trace& trace) noexcept {
  TemplateTable& templates = shard.templates();
  const FindOutcome found = templates.Find(key, hash, shard.now);
  if (!found.hit()) {
    if constexpr (Trace::kIsOn)
      trace.Add({.kind = ExplainKind::kTemplateMiss, .service = service.id});
    return {};
  }
  const TemplateRecord& record = templates.at(found.slot);
  TemplateFault fault{};
  const bool is_valid = IsTemplateValid(*shard.snapshot, service, record.real_id, &fault);
  if constexpr (Trace::kIsOn) {
    trace.Add({.kind = is_valid ? ExplainKind::kTemplateHit : ExplainKind::kTemplateInvalid,
               .service = service.id,
               .real = record.real_id,
               .value = is_valid ? record.children : static_cast<uint32_t>(fault),
               .remaining = record.deadline.Remaining(shard.now),
               .timeout = record.timeout});
  }
  return {found.slot, is_valid};
}

// PICK. None: nobody is eligible.
template <typename Trace>
RealId DecideReal(Shard& shard, const ServiceView& service, const FlowFields& flow,
                  sched::State* state, Trace& trace) noexcept {
  if constexpr (Trace::kIsOn) {
    for (const sched::Plan::Real& real : service.plan.reals()) {
      const sched::Load load = shard.fabric.loads.Sum(real.id);
      const Eligibility why = real.weight <= 0                         ? Eligibility::kWeightZero
                              : shard.fabric.loads.overloaded(real.id) ? Eligibility::kOverloaded
                                                                       : Eligibility::kEligible;
      trace.Add({.kind = ExplainKind::kEligible,
                 .service = service.id,
                 .real = real.id,
                 .value = static_cast<uint32_t>(why),
                 .weight = real.weight,
                 .active = load.active,
                 .inactive = load.inactive});
    }
  }
  const sched::Request request{.client_fold = flow.addresses.source.Fold(),
                               .client_port = flow.addresses.source_port,
                               .destination = flow.addresses.destination,
                               .now = shard.now};
  const RealId real = sched::Pick(service.plan, state, request, shard.fabric.loads).real;
  if constexpr (Trace::kIsOn) {
    trace.Add({.kind = real.is_none() ? ExplainKind::kNobodyEligible : ExplainKind::kScheduled,
               .service = service.id,
               .real = real});
  }
  return real;
}

// The port a new connection has at its real (spec section 3.3 step 4; without persistence the
// real's own port counts).
inline Be16 RealPort(const ServiceView& service, const RealView& real, Be16 packet_port) noexcept {
  if (real.port.is_zero()) return packet_port;
  if (service.persistence.is_enabled && packet_port != service.port) return packet_port;
  return real.port;
}

}  // namespace fairlead::dataplane
