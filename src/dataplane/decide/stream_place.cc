#include "dataplane/decide/stream_place.h"

#include <tuple>

#include "dataplane/decide/engine_data.h"

namespace fairlead::dataplane {
namespace {

using sync::StreamEntry;
using sync::StreamKind;
using sync::SyncEntry;
using sync::SyncFlag;

bool HasScope(const StreamEntry& entry, TemplateScope scope) noexcept {
  return (entry.scope & static_cast<uint8_t>(scope)) != 0;
}

// True: the place names the service and its real server.
bool IsInGroup(const Snapshot& snapshot, ServiceId id, const StreamEntry& entry,
               SyncPlace* place) noexcept {
  if (id.index() >= snapshot.services.size()) return false;
  const ServiceView& service = snapshot.services[id.index()];
  if (service.id.is_none() || service.persistence.group.value != entry.service_group) return false;
  const auto real = service.reals_by_address.find(entry.real);
  if (real == service.reals_by_address.end()) return false;
  place->service = &service;
  place->real = real->second;
  place->fault.reset();
  return true;
}

// The group's services; returns how many were looked at.
size_t FindServices(const Snapshot& snapshot, GroupNumber group, GroupMemo* memo) noexcept {
  if (memo->generation == snapshot.generation && memo->group == group) return 0;
  *memo = {};
  memo->generation = snapshot.generation;
  memo->group = group;
  const size_t all = snapshot.services.size();
  while (memo->rest < all && memo->count < memo->services.size()) {
    const ServiceView& service = snapshot.services[memo->rest++];
    if (!service.id.is_none() && service.persistence.group == group) {
      memo->services[memo->count++] = service.id;
    }
  }
  return memo->rest;
}

SyncPlace PlaceInGroup(const Snapshot& snapshot, const StreamEntry& entry,
                       GroupMemo* memo) noexcept {
  SyncPlace place;
  place.work += FindServices(snapshot, {entry.service_group}, memo);
  place.fault = memo->count == 0 ? SyncFault::kService : SyncFault::kReal;
  const auto is_it = [&](ServiceId id) {
    ++place.work;
    if (!IsInGroup(snapshot, id, entry, &place)) return false;
    memo->last = id;
    return true;
  };
  if (is_it(memo->last)) return place;
  for (size_t i = 0; i < memo->count; ++i) {
    if (is_it(memo->services[i])) return place;
  }
  for (size_t i = memo->rest; i < snapshot.services.size(); ++i) {
    if (is_it(snapshot.services[i].id)) return place;
  }
  return place;
}

}  // namespace

SyncEntry AsSyncEntry(const StreamEntry& entry) noexcept {
  SyncEntry asked;
  asked.protocol = entry.protocol;
  asked.state = entry.state;
  asked.flags = entry.flags & ~static_cast<uint32_t>(SyncFlag::kTemplate);
  if (entry.kind == StreamKind::kTemplate) asked.Set(SyncFlag::kTemplate);
  asked.client = entry.client;
  asked.virtual_address = entry.virtual_address;
  asked.real = entry.real;
  asked.client_port = entry.client_port;
  asked.virtual_port = entry.virtual_port;
  asked.real_port = entry.real_port;
  asked.mark = entry.mark;
  asked.engine_data = {entry.engine_data.data(), entry.engine_length};
  return asked;
}

SyncPlace StreamPlaceOf(const Snapshot& snapshot, const StreamEntry& entry, const SyncEntry& asked,
                        GroupMemo* memo) noexcept {
  if (HasScope(entry, TemplateScope::kServiceGroup)) return PlaceInGroup(snapshot, entry, memo);
  return ServicePlaceOf(snapshot, asked);
}

std::optional<TemplateIdentity> StreamIdentityOf(const Fabric& fabric, const ServiceView& service,
                                                 const StreamEntry& entry) noexcept {
  TemplateIdentity identity;
  TemplateKey& key = identity.key;
  key.client = HasScope(entry, TemplateScope::kClientGroup)
                   ? TemplateKey::BytesOf({entry.client_group})
                   : entry.client.bytes();
  key.virtual_address = HasScope(entry, TemplateScope::kServiceGroup)
                            ? TemplateKey::BytesOf({entry.service_group})
                            : entry.virtual_address.bytes();
  key.virtual_port = entry.virtual_port;
  key.family = entry.client.family();
  key.protocol = entry.protocol;
  key.scope = entry.scope;
  key.spread = entry.spread;
  identity.covers_one_port = !entry.virtual_port.is_zero();
  identity.client_prefix_length = entry.client_bits;
  if (entry.client.is_v4() && entry.client_bits <= 32) {
    identity.client_mask =
        Be32::FromHost(entry.client_bits == 0 ? 0 : 0xffff'ffff << (32 - entry.client_bits));
  }
  const bool is_engine = service.persistence.engine != PersistenceEngine::kNone;
  if (is_engine != HasScope(entry, TemplateScope::kEngine)) return std::nullopt;
  if (is_engine) {
    if (entry.engine_length == 0) return std::nullopt;
    FlowFields flow;
    flow.engine =
        EngineDataOf({entry.engine_data.data(), entry.engine_length}, fabric.config.hash_secret);
    MixEngine(service, flow, &identity);
  }
  return identity;
}

bool IsFirstClaim(const TemplateClaim& claim, const TemplateClaim& other) noexcept {
  if (claim.is_pinned != other.is_pinned) return claim.is_pinned;
  return std::tuple(claim.created_ms, claim.creator, claim.real.bytes()) <
         std::tuple(other.created_ms, other.creator, other.real.bytes());
}

}  // namespace fairlead::dataplane
