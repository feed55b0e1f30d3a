// A bond: several devices that are one port, by DPDK's own driver (net_bonding).
//
//   Result<Bond> bond = Bond::Create(use);        // its members are DPDK's already
//   Result<Port> port = Port::Start(use, …);      // as any device
//   bond->Begin();
//   PortLine line = bond->Follow(lines, gate);    // ten times a second
//
// Theory of operation. The driver asks each member for its link a hundred times a second and
// changes its list of active members, beside workers that send: it is made for that. But
// net_af_packet calls every interface up. So the carriers of such members are read here, and a
// member without one is taken out of the bond, to be put in again when its carrier is back. That
// stops and starts the member, so workers wait at the gate meanwhile. When one does not come, no
// other change is tried at that reading. The last member stays in whatever its line is: a bond
// without members would lose its address. What is said of the bond then is that it is down.
//
// Nobody fetches what a silent backup hears, so its ring is full of frames from long ago. They are
// thrown away before it takes over.
//
// LACP is the driver's: it negotiates in a thread of DPDK's, and its frames leave with what workers
// send (Port::speaks_lacp), where they are made to ask for the fast rate (lacp_rate.h).
//
// Threads: Create and Begin by main; Follow by one thread at a time. Close it by Port::Stop.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "dataplane/dpdk/device.h"
#include "dataplane/dpdk/port_line.h"
#include "dataplane/dpdk/turn_gate.h"

namespace fairlead::edge {

class Bond {
 public:
  // Of use.port.bond, with the name use.port.device. Errors: what the driver refuses.
  static Result<Bond> Create(const DeviceUse& use);
  // The port runs: waits a moment for the driver to see its members, and gives them what it leaves
  // out.
  void Begin();
  // `lines`: of the members, in their order.
  PortLine Follow(std::span<const kernel::Line> lines, TurnGate& gate);

  struct Member {
    std::string device;     // its name in DPDK
    std::string interface;  // of a packet socket; empty: the driver knows its link
    uint16_t dpdk_id = 0;
    bool is_in = true;
    uint32_t readings_up = 0;       // one after the other
    uint32_t readings_to_wait = 0;  // until it is tried again to take it out
  };
  [[nodiscard]] const std::vector<Member>& members() const { return members_; }

  // With active-backup a carrier that is back is trusted after so many readings; at once where
  // there is no other. In the other modes the switch uses it at once, so the director must hear it.
  static constexpr uint32_t kReadingsUntilTrusted = 10;
  // After the driver would not let a dead member go.
  static constexpr uint32_t kReadingsUntilRetry = 100;

 private:
  Bond() = default;

  Status AddMembers(const DeviceUse& use);
  void AskForRate();
  // Puts members in and takes them out. `carrying`: those in use that have a line.
  void Change(size_t carrying, TurnGate& gate);
  // False: a worker did not come to the gate, and nothing was done.
  bool TakeOut(Member& member, TurnGate& gate);
  bool PutIn(Member& member, TurnGate& gate);
  [[nodiscard]] bool IsTrusted(const Member& member) const;
  // The bond's address and MTU, and multicast or all frames, as the bond has them.
  void Equip(const Member& member) const;
  [[nodiscard]] bool IsActive(const Member& member, const kernel::Line& line) const;

  std::string name_;  // of the port
  BondMode mode_ = BondMode::kActiveBackup;
  bool asks_fast_ = false;
  uint16_t dpdk_id_ = 0;
  uint16_t mtu_bytes_ = 1500;
  std::string primary_;
  std::vector<Member> members_;
};

}  // namespace fairlead::edge
