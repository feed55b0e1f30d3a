#include "dataplane/decide/sync_place.h"

#include <algorithm>

#include "dataplane/decide/decision.h"
#include "dataplane/decide/engine_data.h"

namespace fairlead::dataplane {
namespace {

using sync::SyncEntry;

// IPVS: what version 0 does not say of a template.
constexpr TickCount kTemplateTimeout = TicksFromSeconds(180);

ServiceId ServiceIdOf(const Snapshot& snapshot, const SyncEntry& entry) noexcept {
  if (entry.protocol == sync::kProtocolOfMarks) {
    return snapshot.FindMark(entry.mark, entry.client.family());
  }
  const ServiceId found =
      snapshot.FindService(entry.mark, {entry.virtual_address, entry.virtual_port, entry.protocol});
  // The template of an FTP service names no port.
  const bool is_of_all_ports = entry.is_template() && entry.virtual_port.is_zero();
  if (!found.is_none() || !is_of_all_ports) return found;
  constexpr Be16 kFtp = Be16::FromHost(21);
  return snapshot.FindExact({entry.virtual_address, kFtp, entry.protocol});
}

bool IsItsPort(const ServiceView& service, const RealView& real, const SyncEntry& entry) noexcept {
  if (!entry.is_template()) {
    return entry.real_port == RealPort(service, real, entry.virtual_port);
  }
  return entry.real_port.is_zero() || entry.real_port == real.port;
}

// A masked client may have any bits; a connection's is a host, and not this one: what it sends
// would otherwise be taken for a client's.
bool MayBeClient(const Snapshot& snapshot, const SyncEntry& entry) noexcept {
  if (entry.is_template()) return true;
  return !entry.client.is_unspecified() && !entry.client.is_multicast() &&
         !snapshot.IsForgedSource(entry.client);
}

// A connection has a local endpoint where clients are translated, and no entry says which. A
// template needs none.
void Take(RealId id, const RealView& real, const SyncEntry& entry, SyncPlace* place) noexcept {
  if (TranslatesClient(real.method) && !entry.is_template()) {
    place->fault = SyncFault::kFullnat;
  } else {
    place->real = id;
  }
}

}  // namespace

SyncPlace ServicePlaceOf(const Snapshot& snapshot, const SyncEntry& entry) noexcept {
  SyncPlace place;
  const bool is_of_mark = entry.is_template() && entry.protocol == sync::kProtocolOfMarks;
  if (!is_of_mark && !IsTransport(entry.protocol)) {
    place.fault = SyncFault::kTransport;
    return place;
  }
  if (!MayBeClient(snapshot, entry)) {
    place.fault = SyncFault::kClient;
    return place;
  }
  const ServiceId id = ServiceIdOf(snapshot, entry);
  if (id.is_none() || entry.virtual_address.is_unspecified()) {
    place.fault = SyncFault::kService;
    return place;
  }
  place.service = &snapshot.services[id.index()];
  if (entry.is_template() && !place.service->persistence.is_enabled) {
    place.fault = SyncFault::kNotPersistent;
    return place;
  }
  return place;
}

void FindReal(const Snapshot& snapshot, const SyncEntry& entry, SyncPlace* place) noexcept {
  for (const sched::Plan::Real& candidate : place->service->plan.reals()) {
    ++place->work;
    const RealView& real = snapshot.reals[candidate.id.index()];
    if (real.address == entry.real && IsItsPort(*place->service, real, entry)) {
      Take(candidate.id, real, entry, place);
      return;
    }
  }
  place->fault = SyncFault::kReal;
}

void TakeNamed(const Snapshot& snapshot, const SyncEntry& entry, RealId named,
               SyncPlace* place) noexcept {
  if (named.index() >= snapshot.reals.size()) return;  // none is too
  const RealView& real = snapshot.reals[named.index()];
  if (real.service.is_none() || real.address != entry.real) return;
  const ServiceView* const service = &snapshot.services[real.service.index()];
  if (place->fault == SyncFault::kReal ? place->service != service
                                       : place->fault != SyncFault::kService) {
    return;
  }
  place->service = service;
  place->fault.reset();
  Take(named, real, entry, place);
}

SyncPlace PlaceOf(const Snapshot& snapshot, const SyncEntry& entry) noexcept {
  SyncPlace place = ServicePlaceOf(snapshot, entry);
  if (!place.fault) FindReal(snapshot, entry, &place);
  return place;
}

std::optional<TemplateIdentity> IdentityOf(const Fabric& fabric, const ServiceView& service,
                                           const SyncEntry& entry) noexcept {
  FlowFields flow{{.source = entry.client,
                   .destination = entry.virtual_address,
                   .source_port = entry.client_port.host(),
                   .destination_port = entry.virtual_port.host(),
                   .protocol = entry.protocol,
                   .input_port = {}}};
  if (service.persistence.engine != PersistenceEngine::kNone) {
    if (entry.engine_data.empty()) return std::nullopt;
    flow.engine = EngineDataOf(entry.engine_data, fabric.config.hash_secret);
  }
  return IdentifyTemplate(service, flow);
}

TickCount TimeoutOf(const SyncEntry& entry, const Timeouts& local) noexcept {
  if (entry.timeout_seconds != 0) {
    constexpr uint32_t kMostSeconds = kMaxTimeout / kTicksPerSecond;
    return TicksFromSeconds(std::min(entry.timeout_seconds, kMostSeconds));
  }
  if (entry.is_template()) return kTemplateTimeout;
  return entry.protocol == kProtocolTcp ? local.Of(static_cast<TcpState>(entry.state)) : local.udp;
}

}  // namespace fairlead::dataplane
