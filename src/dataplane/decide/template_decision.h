// Which template a new connection is about, and whether it holds (ipvs.md, template key and
// template validity).
//
//   TemplateIdentity identity = IdentifyTemplate(service, flow);          // any worker
//   WorkerId owner = steering.TemplateOwner(templates.Hash(identity.key));
//   TemplateDecision found =
//       DecideTemplate(shard, snapshot, service, &identity, trace);   // the owner
//
// Nothing here changes anything. Threads: the worker that owns the shard; IdentifyTemplate needs
// the snapshot alone and says the same in every worker.
#pragma once

#include <cstring>

#include "dataplane/decide/decision_trace.h"
#include "dataplane/shard/shard.h"

namespace fairlead::dataplane {

// Which template a new connection is about (ipvs.md, template key).
struct TemplateIdentity {
  TemplateKey key;
  bool covers_one_port = false;      // false: the template covers all ports and stores none
  uint8_t client_prefix_length = 0;  // for listings
  Be32 client_mask = {};
  std::string_view engine_text = {};  // as long as the packet lives
};

// An engine's data takes part in the key: behind an IPv4 address or a mark, or over an IPv6
// address. Look-up, ownership and explain follow from the key.
inline void MixEngine(const ServiceView& service, const FlowFields& flow,
                      TemplateIdentity* identity) noexcept {
  TemplateKey& key = identity->key;
  key.Set(TemplateScope::kEngine);
  identity->engine_text = flow.engine.text;
  const bool is_ipv6 = service.mark == 0 && key.family == Family::kIpv6;
  for (size_t i = is_ipv6 ? 0 : 4, from = 0; i < key.virtual_address.size(); ++i, ++from) {
    key.virtual_address[i] ^= flow.engine.digest[from];
  }
}

// Which of the keys that its client is spread over a connection uses: every worker says the same.
inline uint8_t SpreadSlot(uint8_t spread, const FlowFields& flow) noexcept {
  constexpr TableHash kHash(0x736c'6f74, 0x6f66'6c6f'77);  // any; nobody gains by aiming here
  const uint64_t hash = kHash(Ipv6Address{flow.addresses.source.bytes()},
                              Be16::FromHost(flow.addresses.source_port), 0);
  return static_cast<uint8_t>((hash >> 32) * spread >> 32);
}

// The key's other half: the service, or the group it shares its clients with.
inline void SetServicePart(const ServiceView& service, const FlowFields& flow,
                           TemplateIdentity* identity) noexcept {
  constexpr uint16_t kFtpPort = 21;
  TemplateKey& key = identity->key;
  if (!service.persistence.group.is_none()) {
    key.virtual_address = TemplateKey::BytesOf(service.persistence.group);
    key.Set(TemplateScope::kServiceGroup);
    return;
  }
  if (service.mark != 0) {
    key.virtual_address = IpAddress(Ipv4Address::FromHost(service.mark)).bytes();
    return;
  }
  const uint16_t port = service.port.host();
  identity->covers_one_port =
      port != 0 && port != kFtpPort && port == flow.addresses.destination_port;
  key.protocol = flow.addresses.protocol;
  key.virtual_address = flow.addresses.destination.bytes();
  if (identity->covers_one_port) key.virtual_port = service.port;
}

// `clients`: the service's own keying, or the one it had before.
template <typename Trace>
TemplateIdentity IdentifyTemplate(const ServiceView& service, const ClientKeying& clients,
                                  const FlowFields& flow, Trace& trace) noexcept {
  const ClientIdentity client = Identify(clients, flow.addresses.source);
  TemplateIdentity identity{.key = {.client = client.bytes,
                                    .virtual_address = {},
                                    .virtual_port = {},
                                    .family = flow.addresses.source.family()},
                            .client_prefix_length = client.prefix_length,
                            .client_mask = client.mask};
  if (client.is_group) identity.key.Set(TemplateScope::kClientGroup);
  const uint8_t spread = service.persistence.spread;
  if (spread > 1) identity.key.spread = SpreadSlot(spread, flow);
  SetServicePart(service, flow, &identity);
  if (service.persistence.engine != PersistenceEngine::kNone) MixEngine(service, flow, &identity);
  if constexpr (Trace::kIsOn) {
    if (client.is_group) {
      trace.Add(step::ClientGroup{.group = identity.key.client_group()});
    } else {
      trace.Add(step::ClientNetmask{
          .prefix_length = client.prefix_length, .mask = client.mask.host(), .rule = client.rule});
    }
    if (spread > 1) trace.Add(step::Spread{.number = identity.key.spread, .of = spread});
    if (service.persistence.engine != PersistenceEngine::kNone) trace.Add(step::Engine{});
    if (!service.persistence.group.is_none()) {
      trace.Add(step::ServiceGroup{.group = service.persistence.group});
    }
  }
  return identity;
}

inline TemplateIdentity IdentifyTemplate(const ServiceView& service,
                                         const FlowFields& flow) noexcept {
  NoTrace silent;
  return IdentifyTemplate(service, service.persistence.clients, flow, silent);
}

// (ipvs.md, template validity) True: the template's real may be used.
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

// The real of this service that a template's real stands for: itself, or in a persistence group the
// one with its address. None: the service has no such real.
inline RealId RealInService(const Snapshot& snapshot, const ServiceView& service,
                            RealId real_id) noexcept {
  if (service.persistence.group.is_none() || real_id.index() >= snapshot.reals.size()) {
    return real_id;
  }
  const RealView& real = snapshot.reals[real_id.index()];
  if (real.service == service.id) return real_id;
  const auto sibling = service.reals_by_address.find(real.address);
  return sibling == service.reals_by_address.end() ? RealId{} : sibling->second;
}

// The key of a client's own place in a service that lacks the real its group is bound to. Such a
// template lives where the group's does, so nobody else has to be asked.
inline TemplateKey OwnKey(TemplateKey key, ServiceId service) noexcept {
  key.Set(TemplateScope::kOwn);
  const uint32_t id = service.value();
  std::memcpy(key.virtual_address.data() + sizeof(GroupNumber), &id, sizeof id);
  return key;
}

struct TemplateDecision {
  uint32_t slot = kNoSlot;  // of the template found, valid or not
  bool is_valid = false;
  RealId real = {};  // of this service, with is_valid
};

template <typename Trace>
void TraceTemplate(const TemplateRecord& record, const TemplateDecision& decision,
                   TemplateFault fault, Tick now, Trace& trace) noexcept {
  if constexpr (Trace::kIsOn) {
    if (!decision.is_valid) {
      trace.Add(step::TemplateInvalid{.real = record.real_id, .fault = fault});
      return;
    }
    trace.Add(step::TemplateHit{.real = decision.real,
                                .children = record.children,
                                .remaining = record.Remaining(now),
                                .timeout = record.timeout});
    if (decision.real != record.real_id) trace.Add(step::Sibling{.real = record.real_id});
    if (record.Has(TemplateFlag::kPinned)) trace.Add(step::Pinned{.real = decision.real});
  }
}

// LOOKUP of the template. `identity` becomes the client's own place in this service when the
// group's real is not here. Only at the owner of the key that IdentifyTemplate gave.
template <typename Trace>
TemplateDecision DecideTemplate(Shard& shard, const Snapshot& snapshot, const ServiceView& service,
                                TemplateIdentity* identity, Trace& trace) noexcept {
  TemplateTable& templates = shard.templates();
  for (;;) {
    const FindOutcome found = templates.Find(identity->key, shard.now);
    if (!found.hit()) break;
    const TemplateRecord& record = templates.at(found.slot);
    TemplateDecision decision{.slot = found.slot,
                              .real = RealInService(snapshot, service, record.real_id)};
    if (decision.real.is_none() && !record.real_id.is_none() &&
        !identity->key.Has(TemplateScope::kOwn)) [[unlikely]] {
      if constexpr (Trace::kIsOn) {
        trace.Add(step::NoSibling{.real = record.real_id});
      }
      identity->key = OwnKey(identity->key, service.id);
      continue;
    }
    TemplateFault fault{};
    decision.is_valid = IsTemplateValid(snapshot, service, decision.real, &fault);
    TraceTemplate(record, decision, fault, shard.now, trace);
    return decision;
  }
  if constexpr (Trace::kIsOn) {
    trace.Add(step::TemplateMiss{});
  }
  return {};
}

// The real that the client's template under the previous netmask names; none when there is no good
// one. Only at the owner of that key.
inline RealId PreviousReal(Shard& shard, const Snapshot& snapshot, const ServiceView& service,
                           const FlowFields& flow) noexcept {
  if (service.persistence.previous == nullptr) return RealId{};
  NoTrace silent;
  TemplateIdentity previous =
      IdentifyTemplate(service, *service.persistence.previous, flow, silent);
  const TemplateDecision found = DecideTemplate(shard, snapshot, service, &previous, silent);
  return found.is_valid ? found.real : RealId{};
}

}  // namespace fairlead::dataplane
