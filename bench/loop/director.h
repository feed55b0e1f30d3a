// The director of the worker-loop benchmark, written straight into a fabric: one TCP service on
// port 80 of each family over four reals, rr, every neighbour known.
//
//   Fabric fabric({.workers = 1, .ports = 1});
//   PublishDirector(fabric, {.method = ForwardMethod::kNat, .family = Family::kIpv6});
//
// With one port it is one-armed. Classifier rules, where wished for, match none of the traffic: a
// new connection pays for all of them. Threads: the caller's, before the workers run.
#pragma once

#include "dataplane/shard/fabric.h"

namespace fairlead::bench {

inline constexpr PortId kOutside{0};
inline constexpr PortId kInside{1};
inline constexpr uint32_t kReals = 4;
inline constexpr uint16_t kHttp = 80;
inline constexpr MacAddress kGatewayMac{{0x02, 0, 0, 0, 1, 1}};

struct DirectorOptions {
  ForwardMethod method = ForwardMethod::kDr;
  Tunnel tunnel = {};  // with kTun
  // With kFullnat: how reals learn of their clients, and addresses of the director's for them.
  ClientAddress client_address = ClientAddress::kNone;
  uint32_t local_addresses = 2;
  Family family = Family::kIpv4;
  bool is_persistent = false;
  uint32_t rules = 0;     // classifier rules over one small prefix set
  uint32_t prefixes = 0;  // and one rule over a set of so many prefixes
};

MacAddress PortMac(PortId port);
MacAddress RealMac(uint32_t real);  // 0…kReals-1
IpAddress VipAddress(Family family);
IpAddress RealAddress(Family family, uint32_t real);
// The real of the n-th connection, from 0.
uint32_t RoundRobinReal(size_t n);

void PublishDirector(dataplane::Fabric& fabric, const DirectorOptions& options);

}  // namespace fairlead::bench
