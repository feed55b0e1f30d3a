// A director with an outside and an inside port (or one port for both), written straight into a
// fabric: one TCP service 192.0.2.80:80 over four reals 10.0.0.11…14, rr, one forwarding method;
// every neighbour known.
//
//   dataplane::Fabric fabric({.workers = 2, .ports = 2});
//   PublishTwoPortDirector(fabric, {.method = ForwardMethod::kDr});
//
// Shared by the edge's tests; the control core's own builder has its own tests.
#pragma once

#include "dataplane/shard/fabric.h"

namespace fairlead::edge {

inline constexpr PortId kOutside{0};
inline constexpr PortId kInside{1};
inline constexpr uint32_t kVipHost = 0xc0000250;         // 192.0.2.80
inline constexpr uint32_t kOutsideAddress = 0xc0000202;  // 192.0.2.2
inline constexpr uint32_t kFirstReal = 0x0a00000b;       // 10.0.0.11
inline constexpr uint32_t kReals = 4;

struct TwoPortOptions {
  ForwardMethod method = ForwardMethod::kDr;
  bool neighbours_known = true;  // false: the reals have not answered yet
  bool outside_has_host = false;
  bool has_vlans = false;     // the ports' device
  bool is_one_armed = false;  // the reals are reached through the outside port as well
};

MacAddress RealMac(uint32_t real);  // 0…kReals-1
MacAddress PortMac(PortId port);
inline constexpr MacAddress kGatewayMac{{0x02, 0, 0, 0, 1, 1}};

void PublishTwoPortDirector(dataplane::Fabric& fabric, const TwoPortOptions& options);

}  // namespace fairlead::edge
