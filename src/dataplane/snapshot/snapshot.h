// The configuration as workers see it: immutable, built by the control core, published by one
// pointer.
//
//   const Snapshot& s = …;                          // one load a turn (publisher.h)
//   ServiceId id = s.FindService(key);
//   const ServiceView& service = s.services[id.index()];
//
// A copy shares maps, plans and prefixes with the original, so that a change of one service costs
// little more than two copied arrays.
//
// Threads: written before it is published, never after. Workers keep ids, never references, over a
// turn. Invariants: services[i].id == ServiceId(i) when in_use; a removed real stays in `reals` as
// a ghost (is_available == false, remains != kServe) while a connection, template or cursor may
// refer to it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/client_address.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/ip_address.h"
#include "base/sharded_map.h"
#include "base/tunnel.h"
#include "base/unknown_connections.h"
#include "dataplane/snapshot/address_filter.h"
#include "dataplane/snapshot/classifier.h"
#include "dataplane/snapshot/defence_view.h"
#include "dataplane/snapshot/egress.h"
#include "dataplane/snapshot/persistence_view.h"
#include "dataplane/snapshot/prefix_map.h"
#include "dataplane/snapshot/snat_view.h"
#include "dataplane/snapshot/sync_view.h"
#include "dataplane/tables/connection_record.h"
#include "dataplane/tables/local_ports.h"
#include "dataplane/tables/timeouts.h"
#include "dataplane/wire/headers.h"
#include "sched/scheduler.h"

namespace fairlead::dataplane {

// Which addresses a port hashes for steering, and which look-up it tries first.
enum class PortRole : uint8_t { kOutside, kInside, kBoth };

struct PortView {
  MacAddress mac;
  uint16_t mtu_bytes = 1500;  // of the IP packet
  PortRole role = PortRole::kBoth;
  bool has_host : 1 = false;     // an exception path to the kernel
  bool has_vlans : 1 = false;    // its device has: a tag has been taken off what had one
  bool sums_ip_headers = false;  // computes IPv4 header checksums when it sends
  uint8_t decapsulates = 0;      // TunnelBit of each type of tunnel that ends here
};
static_assert(sizeof(PortView) == 12, "each packet finds its own by index");

using LocalPoolId = Id<struct LocalPoolTag, uint16_t>;  // index into Snapshot::local_pools

// What a packet of an existing connection meets. All but the first leave the hit path; the order
// matters to TakesTraffic.
enum class Remains : uint8_t {
  kServe,     // the real is in its place
  kMove,      // it is down: UDP flows and SYNs begin anew elsewhere, TCP goes on
  kLeave,     // removed by a reload: UDP flows begin anew elsewhere, TCP goes on until it ends
  kContinue,  // removed: connections go on until they end
  kHold,      // removed: silence, until the real is back (ipvs.md, template validity)
  kExpire,    // removed: the connection ends with this packet, which may begin a new one
  kReset,     // RST to both sides, port unreachable to a UDP client; the connection ends
};

struct RealView {
  Egress egress;      // WorkOutEgress does
  ServiceId service;  // none: this id is free
  IpAddress address;
  Be16 port;
  ForwardMethod method = ForwardMethod::kNat;
  bool is_available = false;  // false: a ghost (ipvs.md, editing)
  Remains remains = Remains::kServe;
  // False while a checker says down or the operator drains: a template that names this real is
  // invalid, so known clients move, while its connections continue.
  bool templates_valid = true;
  int32_t weight = 0;
  uint32_t upper_threshold = 0;  // connections; 0: none
  uint32_t lower_threshold = 0;
  NeighbourId next_hop;        // none: no route to it
  PortId output;               // with next_hop
  IpAddress next_hop_address;  // with next_hop: the real itself or a gateway
  uint16_t mtu_bytes = 1500;   // of the link to it
  IpAddress tunnel_source;     // TUN: the director's address towards it
  Tunnel tunnel;               // TUN: which
  LocalPoolId local_pool;      // FULLNAT: where its clients' connections come from
  ClientAddress client_address = ClientAddress::kNone;  // FULLNAT: how it learns of its clients

  // Packets of its connections are forwarded and counted.
  [[nodiscard]] bool TakesTraffic() const noexcept { return remains <= Remains::kContinue; }
};

// The policies a worker asks for, per service where the operator said so. Those of IPVS are its
// sysctls (ipvs.md, sysctls).
struct PolicyView {
  bool expire_quiescent_template = false;
  bool expire_nodest_conn = false;
  uint8_t conn_reuse_mode = 1;
  bool sloppy_tcp = false;
  UnknownConnections unknown_connections = UnknownConnections::kReset;
  bool nat_icmp_send = false;
  bool pmtu_disc = true;
  bool cache_bypass = false;
  bool schedule_icmp = false;
  uint8_t drop_packet = kDefenceOff;  // modes of defence_view.h
  uint8_t secure_tcp = kDefenceOff;
  bool reset_without_listener =
      true;  // RST or port unreachable for what nobody serves; false: drop

  friend bool operator==(const PolicyView&, const PolicyView&) = default;
};

struct ServiceView {
  ServiceId id;  // none: this id is free
  Family family = Family::kIpv4;
  uint8_t protocol = 0;  // 0 with a mark
  IpAddress address;
  Be16 port;          // 0: all ports
  uint32_t mark = 0;  // not 0: a mark service
  bool is_one_packet = false;
  bool hashes_network = false;  // sh, mh: the client under persistence.clients, not its address
  PersistenceView persistence;  // `clients` also without persistence, for the scheduler
  PolicyView policy;
  Timeouts timeouts;
  sched::Plan plan;  // its reals, newest first, without ghosts
  // With a persistence group: its reals by address, the port of its own preferred; all others leave
  // it empty.
  std::unordered_map<IpAddress, RealId> reals_by_address;
};

struct ServiceKey {
  IpAddress address;
  Be16 port;
  uint8_t protocol = 0;

  friend bool operator==(const ServiceKey&, const ServiceKey&) = default;
};

struct MarkKey {
  uint32_t mark = 0;
  Family family = Family::kIpv4;

  friend bool operator==(const MarkKey&, const MarkKey&) = default;
};

struct KeyHash {
  size_t operator()(const ServiceKey& k) const noexcept {
    return std::hash<IpAddress>{}(k.address) ^
           (static_cast<size_t>(k.port.raw()) << 8 | k.protocol) * 0x9e3779b97f4a7c15u;
  }
  size_t operator()(const MarkKey& k) const noexcept {
    return k.mark * size_t{0x9e3779b97f4a7c15u} + static_cast<size_t>(k.family);
  }
};

// An address the director answers for (ARP, ND, ping).
struct LocalAddress {
  bool is_vip = false;
  PortId port;                   // a port address: its port. None for a VIP that is no port address
  bool is_announced = true;      // gratuitous ARP and unsolicited NA at start; ARP answered
  bool is_of_kernel = false;     // here only while a kernel twin has it (shard/kernel_news.h)
  bool has_local_ports = false;  // in some LocalPool: answered for on ports that are not outside
};

struct RouteView {
  PortId output;
  uint8_t length = 0;         // of its prefix
  NeighbourId gateway;        // none: on link, the destination itself is the neighbour
  IpAddress gateway_address;  // with gateway
  IpAddress source;           // our address on that port, for what we originate
};

// Addresses that clients may believe to be here although no service is found for them.
struct VirtualRange {
  uint8_t length = 0;    // of the prefix
  bool is_gone = false;  // one address, which was a VIP; else a network of a mark's rules
};

// What a real sends comes from one of these; a miss on such a packet may be a reply another worker
// owns.
using RealSourceSet = ShardedMap<ServiceKey, RealId, KeyHash>;

struct Snapshot {
  uint64_t generation = 0;  // from 1
  // Services that differ from those of generation `changes_since`, in which all others were as they
  // are; removed ones are among them. 0: nothing is known of what differs.
  uint64_t changes_since = 0;
  std::vector<ServiceId> changed_services;

  std::vector<ServiceView> services;  // by ServiceId
  std::vector<RealView> reals;        // by RealId
  ShardedMap<ServiceKey, ServiceId, KeyHash> service_index;
  ShardedMap<MarkKey, ServiceId, KeyHash> mark_index;
  bool has_ftp_service = false;  // some TCP service on port 21
  bool has_port0_service = false;
  RealSourceSet nat_sources;  // {real address, port, protocol} of NAT reals; port 0: any
  ShardedMap<IpAddress, bool> nat_addresses;  // all NAT reals; true: some takes any port
  // NAT reals of one-packet services, whose replies no connection translates back.
  RealSourceSet one_packet_sources;

  std::vector<PortView> ports;  // by PortId
  ShardedMap<IpAddress, LocalAddress> local_addresses;
  // All their addresses are in local_addresses too (MarkLocalPorts). Each is of the family of the
  // reals that name it.
  std::vector<LocalPool> local_pools;
  std::vector<Ipv4Address> broadcasts;  // of the ports' networks
  AddressFilter own_addresses;          // local_addresses and broadcasts: IndexOwnAddresses
  std::shared_ptr<const PrefixMap<VirtualRange>> virtual_ranges;  // null: none
  PrefixMap<RouteView> routes;           // connected networks and static routes
  std::shared_ptr<const SnatView> snat;  // null: no rules
  Classifier classifier;
  PolicyView policy;  // for what belongs to no service
  DefenceView defence;
  SyncView sync;
  Timeouts timeouts;

  [[nodiscard]] const LocalAddress* FindLocal(const IpAddress& a) const noexcept {
    const auto it = local_addresses.find(a);
    return it == local_addresses.end() ? nullptr : &it->second;
  }
  // No packet of another machine has this source: an address of ours, or a broadcast address.
  [[nodiscard]] bool IsForgedSource(const IpAddress& a) const noexcept {
    if (!own_addresses.MayContain(a)) [[likely]]
      return false;
    return IsOwnAddress(a);
  }
  // The same, looked up.
  [[nodiscard]] bool IsOwnAddress(const IpAddress& a) const noexcept;
  [[nodiscard]] ServiceId FindExact(const ServiceKey& key) const noexcept {
    const auto it = service_index.find(key);
    return it == service_index.end() ? ServiceId{} : it->second;
  }
  [[nodiscard]] ServiceId FindMark(uint32_t mark, Family family) const noexcept {
    const auto it = mark_index.find({mark, family});
    return it == mark_index.end() ? ServiceId{} : it->second;
  }
  [[nodiscard]] bool IsNatAddress(const IpAddress& a) const noexcept {
    return nat_addresses.contains(a);
  }
  // ipvs.md, service lookup, in its order: mark, exact, FTP data, port 0.
  [[nodiscard]] ServiceId FindService(uint32_t mark, const ServiceKey& key) const noexcept;
};

// What holds for a real's connections. A slot of a service that is gone holds the global settings.
inline const PolicyView& PolicyOf(const Snapshot& snapshot, const RealView& real) noexcept {
  const size_t index = real.service.index();
  return index < snapshot.services.size() ? snapshot.services[index].policy : snapshot.policy;
}
inline const Timeouts& TimeoutsOf(const Snapshot& snapshot, const RealView& real) noexcept {
  const size_t index = real.service.index();
  return index < snapshot.services.size() ? snapshot.services[index].timeouts : snapshot.timeouts;
}

// Of the packets that go to it.
inline Family FamilyOf(const Snapshot& snapshot, const RealView& real) noexcept {
  const size_t index = real.service.index();
  return index < snapshot.services.size() ? snapshot.services[index].family : real.address.family();
}

// Works out what follows from the rest, once all of it is in: the egress of every real,
// reals_by_address of the services that have a persistence group, and own_addresses.
void FinishSnapshot(Snapshot* snapshot);
// Its parts. IndexGroup is for one real: those of a service come by rising ids, after a clear.
// IndexOwnAddresses follows each change of local_addresses or broadcasts.
void WorkOutEgress(Snapshot* snapshot);
void IndexOwnAddresses(Snapshot* snapshot);
void IndexGroup(RealId id, Snapshot* snapshot);
// After each change of local_addresses or local_pools, before IndexOwnAddresses.
void MarkLocalPorts(Snapshot* snapshot);

}  // namespace fairlead::dataplane
