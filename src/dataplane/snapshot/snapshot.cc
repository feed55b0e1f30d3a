#include "dataplane/snapshot/snapshot.h"

#include <algorithm>

#include "dataplane/wire/encapsulate.h"

namespace fairlead::dataplane {
namespace {

constexpr uint16_t kFtpPort = 21;
constexpr uint16_t kFtpDataPort = 20;
constexpr uint16_t kFirstUnprivilegedPort = 1024;

// What Egress::plain_tunnel_mtu says.
uint16_t PlainTunnelMtu(const RealView& real, Family inner) {
  const uint32_t added = TunnelHeaderBytes(real.tunnel, real.address.family());
  const bool is_plain = real.tunnel.type == TunnelType::kIpip && real.address.family() == inner;
  return static_cast<uint16_t>(is_plain && real.mtu_bytes > added ? real.mtu_bytes - added : 0);
}

Egress EgressOf(const RealView& real, const Snapshot& snapshot) {
  Egress egress;
  if (real.service.is_none() || real.next_hop.is_none()) return egress;
  // The long way goes into the same tunnel.
  const Family inner = FamilyOf(snapshot, real);
  MakeTunnel(real.tunnel, inner, real.tunnel_source, real.address, &egress.tunnel);
  if (real.remains != Remains::kServe) return egress;
  const Timeouts& timeouts = TimeoutsOf(snapshot, real);
  const PolicyView& policy = PolicyOf(snapshot, real);
  // Each SYN begins a new connection elsewhere (decide/reuse.h).
  if (policy.expire_nodest_conn && real.weight == 0) return egress;
  egress.mtu_bytes = real.mtu_bytes;
  egress.output = real.output;
  egress.copies_dont_fragment = policy.pmtu_disc;
  egress.next_hop = real.next_hop;
  egress.tcp_timeout = timeouts.Of(TcpState::kEstablished);
  egress.udp_timeout = timeouts.udp;
  egress.SetSource(snapshot.ports[real.output.index()].mac, PlainTunnelMtu(real, inner));
  return egress;
}

}  // namespace

ServiceId Snapshot::FindService(uint32_t mark, const ServiceKey& key) const noexcept {
  if (mark != 0) {
    const ServiceId by_mark = FindMark(mark, key.address.family());
    if (!by_mark.is_none()) return by_mark;
  }
  if (const ServiceId exact = FindExact(key); !exact.is_none()) return exact;
  const uint16_t port = key.port.host();
  if (has_ftp_service && key.protocol == kProtocolTcp &&
      (port == kFtpDataPort || port >= kFirstUnprivilegedPort)) {
    const ServiceId ftp = FindExact({key.address, Be16::FromHost(kFtpPort), kProtocolTcp});
    if (!ftp.is_none()) return ftp;
  }
  if (has_port0_service) return FindExact({key.address, Be16{}, key.protocol});
  return ServiceId{};
}

bool Snapshot::IsOwnAddress(const IpAddress& a) const noexcept {
  return local_addresses.contains(a) ||
         (a.is_v4() && std::ranges::find(broadcasts, a.v4()) != broadcasts.end());
}

void IndexOwnAddresses(Snapshot* snapshot) {
  snapshot->own_addresses.Clear();
  for (const auto& [address, local] : snapshot->local_addresses) {
    snapshot->own_addresses.Add(address);
  }
  for (const Ipv4Address address : snapshot->broadcasts) snapshot->own_addresses.Add(address);
}

void MarkLocalPorts(Snapshot* snapshot) {
  for (const LocalPool& pool : snapshot->local_pools) {
    for (const IpAddress& address : pool.addresses) {
      snapshot->local_addresses[address].has_local_ports = true;
    }
  }
}

void FinishSnapshot(Snapshot* snapshot) {
  WorkOutEgress(snapshot);
  MarkLocalPorts(snapshot);
  IndexOwnAddresses(snapshot);
  for (size_t i = 0; i < snapshot->reals.size(); ++i) {
    IndexGroup(RealId{static_cast<uint32_t>(i)}, snapshot);
  }
}

void WorkOutEgress(Snapshot* snapshot) {
  for (RealView& real : snapshot->reals) real.egress = EgressOf(real, *snapshot);
}

// A real that is gone is nobody's sibling: its service has it no more.
void IndexGroup(RealId id, Snapshot* snapshot) {
  const RealView& real = snapshot->reals[id.index()];
  if (!real.is_available || real.service.index() >= snapshot->services.size()) return;
  ServiceView& service = snapshot->services[real.service.index()];
  if (service.persistence.group.is_none()) return;
  const auto [it, is_new] = service.reals_by_address.try_emplace(real.address, id);
  // Several ports of one address: the service's own is meant.
  if (!is_new && real.port == service.port) it->second = id;
}

}  // namespace fairlead::dataplane
