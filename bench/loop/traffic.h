// The packets of the worker-loop benchmark, as capture files in a shuffled order.
//
//   WriteTraffic({.kind = TrafficKind::kClients, .flows = 65536}, "clients.pcap");
//
// Frames have 60 bytes over IPv4 and 74 over IPv6, the shortest that TCP has there. Every part of a
// file has an order of its own: visiting flows in the order they were made looks several times
// faster than the truth. The same traffic gives the same bytes in every run. Threads: pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "director.h"

namespace fairlead::bench {

enum class TrafficKind : uint8_t {
  kClients,    // two ACKs a flow; for a daemon (has_neighbours) one SYN, then one ACK
  kSyns,       // one SYN a flow
  kFragments,  // IPv4: an ACK a flow, in two fragments
  kReplies,    // the reals' side of kClients: two ACKs a flow
};

struct Traffic {
  TrafficKind kind = TrafficKind::kClients;
  Family family = Family::kIpv4;
  uint32_t flows = 65536;
  // Of the packets, this many percent are SYNs of other flows, each once (kClients only).
  uint32_t new_percent = 0;
  // Only the flows that this worker of so many owns.
  uint8_t worker = 0, workers = 1;
  MacAddress director = PortMac(kOutside);  // where clients send to
  uint16_t vlan = 0;            // of the clients' frames, which are four bytes longer then
  bool has_neighbours = false;  // for another program than the bed: begins with what reals and
                                // gateway say of themselves by ARP
};

// SYNs among the packets of flows that come once (new_percent).
uint32_t NewFlows(const Traffic& traffic);
// False: the file could not be written.
bool WriteTraffic(const Traffic& traffic, const std::string& path);

// The client of a flow; those of new_percent have numbers from kFirstNewFlow on.
inline constexpr uint32_t kFirstNewFlow = 1u << 23;
IpAddress ClientAddress(Family family, uint32_t flow);
inline bool IsNewClient(const Ipv4Address& client) {
  return (client.value.host() & kFirstNewFlow) != 0;
}

}  // namespace fairlead::bench
