#include "control/reply_index.h"

#include <utility>

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

// Whether the real stands for both. One that answers clients themselves does so first: source NAT
// asks whether there is any (path/direct_flow.h).
bool StandsBefore(const dataplane::Snapshot& snapshot, RealId id, RealId other) {
  const auto rank = [&snapshot](RealId real) {
    return std::pair(TranslatesClient(snapshot.reals[real.index()].method), real);
  };
  return rank(id) < rank(other);
}

// From this port, in each protocol of the service.
void IndexSource(RealId id, Be16 port, uint8_t service_protocol, dataplane::Snapshot* snapshot) {
  const IpAddress& address = snapshot->reals[id.index()].address;
  for (const Transport transport : kTransports) {
    const auto protocol = static_cast<uint8_t>(transport);
    if (service_protocol != 0 && service_protocol != protocol) continue;
    const dataplane::ServiceKey source{address, port, protocol};
    const auto first = snapshot->nat_sources.find(source);
    if (first == snapshot->nat_sources.end() || StandsBefore(*snapshot, id, first->second)) {
      snapshot->nat_sources[source] = id;
    }
  }
}

}  // namespace

bool LosesReplies(const dataplane::RealView& last, const dataplane::RealView& now) {
  return IsReplySource(last) &&
         (!IsReplySource(now) || TranslatesClient(last.method) < TranslatesClient(now.method));
}

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
  if (has_any_port) IndexSource(id, Be16{}, service.protocol, snapshot);
  if (!real.port.is_zero()) IndexSource(id, real.port, service.protocol, snapshot);
}

}  // namespace fairlead::control
