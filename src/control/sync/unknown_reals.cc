#include "control/sync/unknown_reals.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace fairlead::control {
namespace {

using dataplane::Snapshot;
using dataplane::SyncFault;
using sync::SyncEntry;

// A method of the message that is none here: a local node, or a bypass.
std::optional<ForwardMethod> MethodOf(const SyncEntry& entry) {
  for (const ForwardMethod method : kForwardMethods) {
    if (TraitsOf(method).sync_number == entry.method_number()) return method;
  }
  return std::nullopt;
}

bool MayBeReal(const Snapshot& snapshot, const SyncEntry& entry) {
  return !entry.real.is_unspecified() && !entry.real.is_multicast() &&
         entry.real.family() == entry.client.family() && !snapshot.IsForgedSource(entry.real);
}

// As a configuration would name it, so that it is the same one when a configuration does: a service
// for all ports keeps the client's, and its real servers have none of their own.
uint16_t PortOf(const dataplane::ServiceView* service, const SyncEntry& entry) {
  if (service == nullptr) return entry.real_port.host();
  if (service->port.is_zero()) {
    return entry.real_port == entry.virtual_port ? uint16_t{0} : entry.real_port.host();
  }
  const bool is_the_services = entry.is_template() && entry.real_port.is_zero();
  return is_the_services ? service->port.host() : entry.real_port.host();
}

}  // namespace

UnknownReals::Outcome UnknownReals::Name(const Snapshot& snapshot, const SyncEntry& entry,
                                         TimePoint now) {
  const auto method = MethodOf(entry);
  if (!method || !MayBeReal(snapshot, entry)) return SyncFault::kImpossibleReal;
  const dataplane::SyncPlace place = dataplane::ServicePlaceOf(snapshot, entry);
  if (place.fault && *place.fault != SyncFault::kService) return *place.fault;
  // Nothing would ask for a template of no service.
  if (place.fault && entry.is_template()) return SyncFault::kService;
  if (entry.virtual_address.is_unspecified()) return SyncFault::kService;
  const uint16_t port = PortOf(place.service, entry);
  if (port == 0 && (place.service == nullptr || !place.service->port.is_zero())) {
    return SyncFault::kImpossibleReal;
  }
  const ServiceIdentity service = place.service != nullptr
                                      ? ids_.services()[place.service->id.index()].key
                                      : ServiceIdentity{.family = entry.virtual_address.family(),
                                                        .protocol = entry.protocol,
                                                        .address = entry.virtual_address,
                                                        .port = entry.virtual_port.host()};
  const size_t before = ids_.unknown_count();
  const RealId id = ids_.AddUnknown(service, {entry.real, port}, *method, stats_, now);
  if (id.is_none()) {
    NoteFull();
    return SyncFault::kUnknownFull;
  }
  has_fresh_ |= ids_.unknown_count() != before;
  if (2 * ids_.unknown_count() < full_at_) full_at_ = 0;
  return id;
}

void UnknownReals::NoteFull() {
  if (std::exchange(full_at_, std::max<size_t>(ids_.unknown_count(), 1)) != 0) return;
  LogWarning(
      "a kernel director speaks of too many real servers that no configuration names; entries of "
      "others are refused. Configure its services here, or set sync.ipvs.unknown_service: refuse",
      {{"known", ids_.unknown_count()}});
}

std::shared_ptr<const std::vector<UnknownRealInfo>> UnknownReals::List() {
  if (list_ != nullptr && listed_revision_ == ids_.revision()) return list_;
  std::vector<UnknownRealInfo> list;
  if (ids_.unknown_count() > 0) {
    for (const RealId id : ids_.ghosts()) {
      const IdMap::Real& real = ids_.reals()[id.index()];
      if (!real.told_method) continue;
      const ServiceIdentity& service = ids_.services()[real.service.index()].key;
      list.push_back({id, service, real.key, *real.told_method});
    }
  }
  listed_revision_ = ids_.revision();
  list_ = std::make_shared<const std::vector<UnknownRealInfo>>(std::move(list));
  return list_;
}

}  // namespace fairlead::control
