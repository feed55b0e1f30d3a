// The record that an admitted connection begins with, and its way into the owner's table.
//
//   const AdmitOutcome a = Admit<Ipv4Address>(shard, service, key, hash, grant.real, grant.ref);
//   if (!a.ok()) return t.Drop(packet, a.refusal);
//
// Threads: the owner's worker. Invariant: the grant belongs to the record, or has been given back.
#pragma once

#include "dataplane/decide/decision.h"
#include "dataplane/decide/local_endpoint.h"
#include "dataplane/decide/snat_decision.h"

namespace fairlead::dataplane {

struct AdmitOutcome {
  uint32_t slot = kNoSlot;
  DropReason refusal = DropReason::kConnectionTableFull;  // when there is no slot
  [[nodiscard]] bool ok() const noexcept { return slot != kNoSlot; }
};

// The record a connection of `key` to this real begins with: state NONE, 3 s (ipvs.md,
// connection timers).
template <typename Address>
Connection<Address> DraftConnection(const FlowKey<Address>& key, const ServiceView& service,
                                    RealId real_id, const RealView& real,
                                    const TemplateRef& ref) noexcept {
  Connection<Address> draft{};
  draft.client_address = key.client;
  draft.client_port = key.client_port;
  draft.virtual_address = key.other;
  draft.virtual_port = key.other_port;
  // What a reply comes from is compared, where it comes to a local endpoint.
  draft.real_address = TranslatesClient(real.method) ? ImageOf<Address>(real.address)
                                                     : AddressInRecord<Address>(real.address);
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

// Counted, forwarded and forgotten (ipvs.md, one packet). Not where the client is translated: the
// reply could not find its way.
inline bool IsForgotten(const ServiceView& service, const RealView& real,
                        uint8_t protocol) noexcept {
  return service.is_one_packet && protocol == kProtocolUdp && !TranslatesClient(real.method);
}

// DecideHairpin of a connection to this real, which may be of any method.
inline const SnatRule* HairpinOf(const Snapshot& snapshot, const IpAddress& client,
                                 const RealView& real) noexcept {
  if (snapshot.snat == nullptr || real.method != ForwardMethod::kNat) [[likely]]
    return nullptr;
  return DecideHairpin(snapshot, client, real.address);
}

// Makes the connection. When it cannot, the grant is given back.
template <typename Address>
AdmitOutcome Admit(Shard& shard, const ServiceView& service, const FlowKey<Address>& key,
                   uint64_t hash, RealId real_id, const TemplateRef& ref) noexcept {
  const RealView& real = shard.snapshot->reals[real_id.index()];
  Connection<Address> draft = DraftConnection(key, service, real_id, real, ref);
  const SnatRule* const hairpin = HairpinOf(*shard.snapshot, key.client, real);
  if (hairpin != nullptr) [[unlikely]]
    draft.method = ForwardMethod::kFullnat;
  const InsertOutcome inserted = shard.Insert(draft, hash, real);
  if (inserted.ok()) {
    if (TranslatesClient(draft.method)) [[unlikely]] {
      const DropReason refusal = hairpin == nullptr
                                     ? GiveLocalEndpoint<Address>(shard, inserted.slot, real)
                                     : GiveHairpinEndpoint<Address>(shard, inserted.slot, *hairpin);
      if (refusal != DropReason::kCount) return {kNoSlot, refusal};
    }
    shard.fabric.stats.traffic(shard.me, real_id).connections.Add(1);
    if (shard.watch.counts_new()) [[unlikely]]
      shard.watch.NoteNew(key.client, shard.now);
    return {inserted.slot, {}};
  }
  if (!ref.is_none()) shard.ReleaseGrant(ref);
  return {kNoSlot, inserted.result == InsertResult::kTableFull ? DropReason::kConnectionTableFull
                                                               : DropReason::kConnectionBucketFull};
}

}  // namespace fairlead::dataplane
