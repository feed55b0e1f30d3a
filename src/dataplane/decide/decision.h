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

#include "dataplane/decide/template_decision.h"

namespace fairlead::dataplane {

struct ServiceDecision {
  enum class Kind : uint8_t { kService, kNoService, kClassifierDrop };
  Kind kind = Kind::kNoService;
  ServiceId service;
};

// What becomes of a packet that no service takes, to an address that clients may take for ours: of
// a network that the rules of a mark name, or of a VIP whose last service is gone.
enum class Claim : uint8_t {
  kNone,      // no such address, or its way leads on: it is routed
  kAnswered,  // as a VIP's
  kGone,      // dropped
};

// With a router in front such a packet must not go back by the port it came in by: it would come
// again until its TTL is used up. But a route that means just these addresses counts.
inline Claim ClaimOn(const Snapshot& snapshot, const IpAddress& destination,
                     PortId input_port) noexcept {
  if (snapshot.virtual_ranges == nullptr) [[likely]]
    return Claim::kNone;
  const VirtualRange* range = snapshot.virtual_ranges->Find(destination);
  if (range == nullptr) return Claim::kNone;
  const RouteView* route = snapshot.routes.Find(destination);
  if (route != nullptr && (route->output != input_port || route->length >= range->length)) {
    return Claim::kNone;
  }
  return range->is_gone ? Claim::kGone : Claim::kAnswered;
}

// Whose the destination of a packet is that no service takes.
inline Unserved WhoseUnserved(const Snapshot& snapshot, const FlowFields& flow) noexcept {
  const IpAddress& to = flow.addresses.destination;
  if (snapshot.FindLocal(to) != nullptr) return Unserved::kOwn;
  const Claim claim = ClaimOn(snapshot, to, flow.addresses.input_port);
  return claim == Claim::kNone       ? Unserved::kOther
         : claim == Claim::kAnswered ? Unserved::kMarkRange
                                     : Unserved::kGone;
}

// How the service was found for this packet.
inline FoundBy HowFound(const ServiceView& service, const FlowFields& flow) noexcept {
  const uint16_t port = service.port.host();
  return service.mark != 0                         ? FoundBy::kMark
         : port == flow.addresses.destination_port ? FoundBy::kAddressAndPort
         : port != 0                               ? FoundBy::kFtpData
                                                   : FoundBy::kAnyPort;
}

// CLASSIFY: rules → mark → service (ipvs.md, service lookup).
template <typename Trace>
ServiceDecision DecideService(const Snapshot& snapshot, const FlowFields& flow,
                              Trace& trace) noexcept {
  const Classification rule = snapshot.classifier.Classify(flow.addresses);
  if (rule.kind == Classification::Kind::kDrop) {
    if constexpr (Trace::kIsOn) {
      trace.Add(step::ClassifierDrop{.rule = static_cast<uint32_t>(rule.rule)});
    }
    return {ServiceDecision::Kind::kClassifierDrop, {}};
  }
  const ServiceId service = snapshot.FindService(rule.mark, flow.Key());
  if constexpr (Trace::kIsOn) {
    if (rule.kind == Classification::Kind::kMark) {
      trace.Add(step::ClassifierRule{.rule = static_cast<uint32_t>(rule.rule), .mark = rule.mark});
    } else if (snapshot.classifier.rule_count() > 0) {
      trace.Add(step::NoClassifierRule{});
    }
  }
  if (service.is_none()) {
    if constexpr (Trace::kIsOn) {
      trace.Add(step::NoService{.destination = WhoseUnserved(snapshot, flow)});
    }
    return {};
  }
  if constexpr (Trace::kIsOn) {
    trace.Add(step::ServiceFound{.service = service,
                                 .found_by = HowFound(snapshot.services[service.index()], flow)});
  }
  return {ServiceDecision::Kind::kService, service};
}

// What comes from the FTP data port is never scheduled (ipvs.md, new connections).
inline bool IsFromFtpData(const FlowFields& flow) noexcept {
  constexpr uint16_t kFtpData = 20;
  return flow.addresses.source_port == kFtpData;
}

// A service found by port 0 or as FTP data takes other ports only when it is persistent (ipvs.md,
// service lookup).
inline bool TakesPort(const ServiceView& service, const FlowFields& flow) noexcept {
  return service.mark != 0 || service.persistence.is_enabled ||
         service.port.host() == flow.addresses.destination_port;
}

// cache_bypass (ipvs.md, no real): a mark service in front of transparent caches lets packets go
// where they were sent while no cache can take them. Nothing is remembered of such a flow: its
// later packets find no connection and take the same way, also when a cache is back.
inline bool MayBypass(const Snapshot& snapshot, const ServiceView& service,
                      const IpAddress& destination) noexcept {
  return service.mark != 0 && service.policy.cache_bypass &&
         snapshot.FindLocal(destination) == nullptr;
}

// What sh and mh hash: the client's address, or who it counts as.
template <typename Trace>
uint32_t FoldOfClient(const ServiceView& service, const IpAddress& client, Trace& trace) noexcept {
  if (!service.hashes_network) [[likely]]
    return client.Fold();
  const ClientIdentity who = Identify(service.persistence.clients, client);
  if constexpr (Trace::kIsOn) {
    if (!who.is_group) {
      trace.Add(step::HashedNetwork{.prefix_length = who.prefix_length, .mask = who.mask.host()});
    }
  }
  if (client.is_v4() && !who.is_group) return IpAddress(Ipv4Address::Load(who.bytes.data())).Fold();
  return IpAddress(Ipv6Address{who.bytes}).Fold();
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
      trace.Add(step::Candidate{.real = real.id,
                                .eligibility = why,
                                .weight = real.weight,
                                .active = load.active,
                                .inactive = load.inactive});
    }
  }
  const sched::Request request{.client_fold = FoldOfClient(service, flow.addresses.source, trace),
                               .client_port = flow.addresses.source_port,
                               .destination = flow.addresses.destination,
                               .now = shard.now};
  const RealId real = sched::Pick(service.plan, state, request, shard.fabric.loads).real;
  if constexpr (Trace::kIsOn) {
    if (real.is_none()) {
      trace.Add(step::NobodyEligible{});
    } else {
      trace.Add(step::Scheduled{.real = real});
    }
  }
  return real;
}

// The port a new connection has at its real (ipvs.md, scheduled connection; without persistence the
// real's own port counts).
inline Be16 RealPort(const ServiceView& service, const RealView& real, Be16 packet_port) noexcept {
  if (real.port.is_zero()) return packet_port;
  if (service.persistence.is_enabled && packet_port != service.port) return packet_port;
  return real.port;
}

}  // namespace fairlead::dataplane
