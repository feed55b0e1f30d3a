// ADMIT: the first packet of a connection, at the connection's owner and at the template's owner.
//
//   // At the template's owner; counts one child:
//   Grant grant = GrantTemplate(shard, service, flow);
//   // At the connection's owner:
//   AdmitOutcome a = Admit<Ipv4Address>(shard, service, key, hash, grant.real, grant.ref);
//
// Every grant ends in exactly one release: that of the connection made with it, or
// Shard::ReleaseGrant. Threads: the owner's worker.
#pragma once

#include "dataplane/decide/decision.h"

namespace fairlead::dataplane {

struct Grant {
  RealId real;  // none: refused
  TemplateRef ref;
  DropReason refusal = DropReason::kNoReal;
};

// Finds or makes the client's template, counts one more child and restarts its timer (ipvs.md,
// scheduled connection and template timer). `known`: the real that a new template is to name, if it
// is good; none: the scheduler's choice.
Grant GrantTemplate(Shard& shard, const ServiceView& service, const FlowFields& flow,
                    RealId known = RealId{}) noexcept;

// What a new template of this client remembers.
TemplateBinding BindingFor(const Snapshot& snapshot, const ServiceView& service,
                           const TemplateIdentity& identity, RealId real) noexcept;

// Who is to be asked before a client without a template is scheduled: the owner of the key it had
// before the netmask changed, while the grace of `rekey` runs. None: nobody.
WorkerId PreviousOwner(Shard& shard, const ServiceView& service, const FlowFields& flow) noexcept;

// Runs the scheduler with the worker's own state.
RealId Schedule(Shard& shard, const ServiceView& service, const FlowFields& flow) noexcept;

// A link keeps its link-local addresses to itself (RFC 4291 section 2.5.6): such a client gets an
// answer only from a real server on its own link, and that without NAT.
template <typename Address>
bool CanAnswer(const RealView& real, const Address& client, PortId input_port) noexcept {
  if constexpr (Address::kFamily == Family::kIpv4) {
    return true;
  } else {
    return !client.is_link_local() || (!RewritesReplies(real.method) && real.output == input_port &&
                                       real.next_hop_address == real.address);
  }
}

struct AdmitOutcome {
  uint32_t slot = kNoSlot;
  DropReason refusal = DropReason::kConnectionTableFull;  // when there is no slot
  [[nodiscard]] bool ok() const noexcept { return slot != kNoSlot; }
};

// The record a connection of `key` to this real begins with: state NONE, 3 s (ipvs.md, connection
// timers).
template <typename Address>
Connection<Address> DraftConnection(const FlowKey<Address>& key, const ServiceView& service,
                                    RealId real_id, const RealView& real,
                                    const TemplateRef& ref) noexcept {
  Connection<Address> draft{};
  draft.client_address = key.client;
  draft.client_port = key.client_port;
  draft.virtual_address = key.other;
  draft.virtual_port = key.other_port;
  draft.real_address = real.address.As<Address>();
  draft.real_port = RealPort(service, real, key.other_port);
  draft.protocol = key.protocol;
  draft.method = real.method;
  draft.real_id = real_id;
  draft.timeout = kNewConnectionTimeout;
  const bool rewrites_replies = RewritesReplies(real.method);
  if (!rewrites_replies) draft.Set(ConnectionFlag::kNoOutput);
  if (!ref.is_none()) {
    draft.template_ref = ref;
    draft.Set(ConnectionFlag::kHasTemplate);
    // Without states only a reply establishes it. Where replies go past the director, nothing is
    // owed, and the fast path kept, until one comes by all the same (Shard::Track).
    if (rewrites_replies || HasStates(draft.transport())) draft.Set(ConnectionFlag::kOwesTemplate);
  }
  return draft;
}

// Makes the connection. When it cannot, the grant is given back.
template <typename Address>
AdmitOutcome Admit(Shard& shard, const ServiceView& service, const FlowKey<Address>& key,
                   uint64_t hash, RealId real_id, const TemplateRef& ref) noexcept {
  const RealView& real = shard.snapshot->reals[real_id.index()];
  const InsertOutcome inserted =
      shard.Insert(DraftConnection(key, service, real_id, real, ref), hash, real);
  if (inserted.ok()) {
    shard.fabric.stats.traffic(shard.me, real_id).connections.Add(1);
    return {inserted.slot, {}};
  }
  if (!ref.is_none()) shard.ReleaseGrant(ref);
  return {kNoSlot, inserted.result == InsertResult::kTableFull ? DropReason::kConnectionTableFull
                                                               : DropReason::kConnectionBucketFull};
}

}  // namespace fairlead::dataplane
