#include "control/reply_index.h"

namespace fairlead::control {

bool IsReplySource(const dataplane::RealView& real) {
  return !real.service.is_none() && RewritesReplies(real.method);
}

namespace {

bool IsOnePacketService(const dataplane::Snapshot& snapshot, RealId id) {
  const dataplane::ServiceView& service =
      snapshot.services[snapshot.reals[id.index()].service.index()];
  return service.is_one_packet && service.mark == 0 &&
         service.persistence.engine == dataplane::PersistenceEngine::kNone;
}

// Replies that no connection translates: the service's address is all there is to go by, so a mark
// service's are not among them, nor those that an engine knows. An entry of a service that is one
// no more gives way.
void IndexOnePacketReply(RealId id, const dataplane::RealView& real, Be16 service_port,
                         dataplane::Snapshot* snapshot) {
  if (!IsOnePacketService(*snapshot, id)) return;
  const dataplane::ServiceKey source{real.address, service_port.is_zero() ? Be16{} : real.port,
                                     dataplane::kProtocolUdp};
  const auto first = snapshot->one_packet_sources.find(source);
  if (first == snapshot->one_packet_sources.end() || id < first->second ||
      !IsOnePacketService(*snapshot, first->second)) {
    snapshot->one_packet_sources[source] = id;
  }
}

}  // namespace

void IndexReply(RealId id, const PlannedIds& ids, dataplane::Snapshot* snapshot) {
  const dataplane::RealView& real = snapshot->reals[id.index()];
  if (!IsReplySource(real)) return;
  const ServiceIdentity& service = ids.KeyOf(real.service);
  // Connections of port-0 and mark services may keep the client's port.
  const bool has_any_port = real.port.is_zero() || service.port == 0;
  const auto known = snapshot->nat_addresses.find(real.address);
  if (known == snapshot->nat_addresses.end() || (has_any_port && !known->second)) {
    snapshot->nat_addresses[real.address] |= has_any_port;
  }
  IndexOnePacketReply(id, real, Be16::FromHost(service.port), snapshot);
  if (real.port.is_zero()) return;
  const uint8_t protocol = service.protocol;
  for (const Transport transport : kTransports) {
    const auto each = static_cast<uint8_t>(transport);
    if (protocol != 0 && protocol != each) continue;
    const dataplane::ServiceKey source{real.address, real.port, each};
    const auto first = snapshot->nat_sources.find(source);
    if (first == snapshot->nat_sources.end() || id < first->second) {
      snapshot->nat_sources[source] = id;
    }
  }
}

}  // namespace fairlead::control
