#include "dataplane/dpdk/bond.h"

#include <rte_errno.h>
#include <rte_eth_bond.h>
#include <rte_eth_bond_8023ad.h>
#include <rte_ethdev.h>
#include <time.h>

#include <algorithm>

#include "base/log.h"
#include "dataplane/dpdk/eal_log.h"
#include "dataplane/dpdk/lacp_rate.h"

namespace fairlead::edge {
namespace {

constexpr uint8_t kInUse = STATE_COLLECTING | STATE_DISTRIBUTING;

uint8_t ModeOf(BondMode mode) {
  switch (mode) {
    case BondMode::kBalanceXor:
      return BONDING_MODE_BALANCE;
    case BondMode::k8023ad:
      return BONDING_MODE_8023AD;
    case BondMode::kActiveBackup:
      break;
  }
  return BONDING_MODE_ACTIVE_BACKUP;
}

Error Failed(const std::string& port, const std::string& what, int code) {
  std::string message = what + ": " + rte_strerror(code < 0 ? -code : code);
  if (const std::string dpdk = TakeDpdkErrors(); !dpdk.empty()) message += " (" + dpdk + ")";
  return {ErrorCode::kSystem, message, "port " + port};
}

size_t ActiveMembers(uint16_t dpdk_id) {
  uint16_t ids[RTE_MAX_ETHPORTS];
  return static_cast<size_t>(
      std::max(0, rte_eth_bond_active_slaves_get(dpdk_id, ids, RTE_MAX_ETHPORTS)));
}

// What waits in its receive queues, and no more: others may come meanwhile. Precondition: no worker
// polls them.
void ThrowAway(uint16_t dpdk_id) {
  constexpr uint16_t kBurst = 32;
  rte_eth_dev_info info{};
  if (rte_eth_dev_info_get(dpdk_id, &info) != 0) return;
  rte_mbuf* burst[kBurst];
  for (uint16_t queue = 0; queue < info.nb_rx_queues; ++queue) {
    // A packet socket does not say how many it holds.
    rte_eth_rxq_info queue_info{};
    const bool is_told = rte_eth_rx_queue_info_get(dpdk_id, queue, &queue_info) == 0;
    const uint32_t most = is_told ? queue_info.nb_desc : kPacketRingFrames;
    for (uint32_t seen = 0; seen < most; seen += kBurst) {
      const uint16_t count = rte_eth_rx_burst(dpdk_id, queue, burst, kBurst);
      rte_pktmbuf_free_bulk(burst, count);
      if (count == 0) break;
    }
  }
}

}  // namespace

Result<Bond> Bond::Create(const DeviceUse& use) {
  const BondSpec& spec = *use.port.bond;
  Bond bond;
  bond.name_ = use.port.name;
  bond.mode_ = spec.mode;
  bond.mtu_bytes_ = use.mtu_bytes();
  bond.primary_ = spec.primary;
  bond.asks_fast_ = spec.mode == BondMode::k8023ad && spec.asks_fast;
  for (const std::string& device : spec.members) {
    Member member{.device = DeviceName(device), .interface = PacketSocketInterface(device)};
    if (int e = rte_eth_dev_get_port_by_name(member.device.c_str(), &member.dpdk_id); e != 0) {
      return Failed(bond.name_, "DPDK has no device " + member.device, e);
    }
    bond.members_.push_back(std::move(member));
  }
  TakeDpdkErrors();  // of what was before
  const int node = rte_eth_dev_socket_id(bond.members_.front().dpdk_id);
  const int id = rte_eth_bond_create(use.port.device.c_str(), ModeOf(spec.mode),
                                     static_cast<uint8_t>(std::max(node, 0)));
  if (id < 0) return Failed(bond.name_, "DPDK makes no bond", id);
  bond.dpdk_id_ = static_cast<uint16_t>(id);
  if (Status s = bond.AddMembers(use); !s) return s.error();
  return bond;
}

Status Bond::AddMembers(const DeviceUse& use) {
  if (int e = rte_eth_bond_xmit_policy_set(dpdk_id_, BALANCE_XMIT_POLICY_LAYER34);
      e != 0 && mode_ != BondMode::kActiveBackup) {
    return Failed(name_, "the bond cannot spread by addresses and ports", e);
  }
  for (const Member& member : members_) {
    if (int e = rte_eth_bond_slave_add(dpdk_id_, member.dpdk_id); e != 0) {
      return Failed(name_, member.device + " cannot be a member of " + use.port.device, e);
    }
    if (member.device == primary_) rte_eth_bond_primary_set(dpdk_id_, member.dpdk_id);
  }
  if (!asks_fast_) return Done{};
  const int e = GiveUpSoon(dpdk_id_);
  return e == 0 ? Status(Done{}) : Failed(name_, "the bond takes no timeout of LACP", e);
}

void Bond::AskForRate() {
  for (const Member& member : members_) {
    if (const int e = AskForFastRate(member.dpdk_id); e != 0) {
      LogWarning("the partner of a bond is not asked for the fast rate",
                 {{"port", name_}, {"member", member.device}, {"reason", rte_strerror(-e)}});
    }
  }
}

void Bond::Begin() {
  // The driver looks at links every 10 ms, and gives a first active member its address.
  constexpr int kLooks = 20;
  for (int i = 0; i < kLooks && ActiveMembers(dpdk_id_) < members_.size(); ++i) {
    const timespec length{0, 10'000'000};
    clock_nanosleep(CLOCK_MONOTONIC, 0, &length, nullptr);
  }
  for (const Member& member : members_) Equip(member);
  if (asks_fast_) AskForRate();
}

// Where the driver leaves members as they are, or tells the first one alone. A member that refuses
// still hears everything if it is a packet socket.
void Bond::Equip(const Member& member) const {
  rte_ether_addr mac{};
  if (mode_ != BondMode::kActiveBackup && rte_eth_macaddr_get(dpdk_id_, &mac) == 0) {
    rte_eth_dev_default_mac_addr_set(member.dpdk_id, &mac);
  }
  if (rte_eth_allmulticast_get(dpdk_id_) == 1) rte_eth_allmulticast_enable(member.dpdk_id);
  if (rte_eth_promiscuous_get(dpdk_id_) == 1) rte_eth_promiscuous_enable(member.dpdk_id);
  // The driver sets an ordinary one, which is all that net_af_packet lets it set.
  if (member.interface.empty()) return;
  if (const Status set = kernel::SetMtu(member.interface, mtu_bytes_); !set) {
    LogWarning("the member of a bond has another MTU than its port",
               {{"port", name_}, {"member", member.device}, {"reason", set.error().message}});
  }
}

PortLine Bond::Follow(std::span<const kernel::Line> lines, TurnGate& gate) {
  size_t carrying = 0;
  for (size_t i = 0; i < members_.size(); ++i) {
    Member& member = members_[i];
    member.readings_up = lines[i].is_up ? member.readings_up + 1 : 0;
    if (lines[i].is_up) member.readings_to_wait = 0;
    if (member.is_in && lines[i].is_up) ++carrying;
  }
  Change(carrying, gate);
  PortLine all;
  for (size_t i = 0; i < members_.size(); ++i) {
    const bool is_active = IsActive(members_[i], lines[i]);
    all.members.push_back({members_[i].device, lines[i].is_up, is_active});
    if (!is_active) continue;
    all.line.is_up = true;
    all.line.speed_mbps += lines[i].speed_mbps;
    all.line.is_full_duplex = lines[i].is_full_duplex;
  }
  return all;
}

// Ends when a worker does not come: the next reading tries again.
void Bond::Change(size_t carrying, TurnGate& gate) {
  for (Member& member : members_) {
    if (member.is_in || member.readings_up == 0) continue;
    if (carrying > 0 && !IsTrusted(member)) continue;
    if (!PutIn(member, gate)) return;
    if (member.is_in) ++carrying;
  }
  for (Member& member : members_) {
    const bool is_dead = member.readings_up == 0 && !member.interface.empty();
    if (!member.is_in || !is_dead || carrying == 0) continue;
    if (member.readings_to_wait > 0) {
      --member.readings_to_wait;
    } else if (!TakeOut(member, gate)) {
      return;
    }
  }
}

bool Bond::TakeOut(Member& member, TurnGate& gate) {
  int error = 0;
  const bool is_done = gate.WhileClosed([&] {
    const bool carried =
        mode_ == BondMode::kActiveBackup && rte_eth_bond_primary_get(dpdk_id_) == member.dpdk_id;
    rte_eth_dev_stop(member.dpdk_id);
    error = rte_eth_bond_slave_remove(dpdk_id_, member.dpdk_id);
    if (error != 0) {
      rte_eth_dev_start(member.dpdk_id);  // the bond goes on using it
      return;
    }
    const int next = carried ? rte_eth_bond_primary_get(dpdk_id_) : -1;
    if (next >= 0) ThrowAway(static_cast<uint16_t>(next));
  });
  if (!is_done) return false;
  member.is_in = error != 0;
  if (error != 0) {
    member.readings_to_wait = kReadingsUntilRetry;
    LogWarning("the member of a bond cannot be taken out of it",
               {{"port", name_}, {"member", member.device}, {"reason", rte_strerror(-error)}});
  }
  return true;
}

bool Bond::IsTrusted(const Member& member) const {
  return mode_ != BondMode::kActiveBackup || member.readings_up >= kReadingsUntilTrusted;
}

// The driver sees its link some milliseconds later; then workers use it.
bool Bond::PutIn(Member& member, TurnGate& gate) {
  int error = 0;
  const bool is_done = gate.WhileClosed([&] {
    error = rte_eth_bond_slave_add(dpdk_id_, member.dpdk_id);
    if (error == 0 && mode_ == BondMode::kActiveBackup) ThrowAway(member.dpdk_id);
  });
  if (!is_done) return false;
  if (error != 0) {
    member.readings_up = 0;
    LogWarning("the member of a bond cannot be put into it again",
               {{"port", name_}, {"member", member.device}, {"reason", rte_strerror(-error)}});
    return true;
  }
  member.is_in = true;
  if (member.device == primary_) rte_eth_bond_primary_set(dpdk_id_, member.dpdk_id);
  Equip(member);
  return true;
}

bool Bond::IsActive(const Member& member, const kernel::Line& line) const {
  if (!member.is_in || !line.is_up) return false;
  switch (mode_) {
    case BondMode::kActiveBackup:
      return rte_eth_bond_primary_get(dpdk_id_) == member.dpdk_id;
    case BondMode::k8023ad: {
      struct rte_eth_bond_8023ad_slave_info info {};
      return rte_eth_bond_8023ad_slave_info(dpdk_id_, member.dpdk_id, &info) == 0 &&
             (info.actor_state & kInUse) == kInUse;
    }
    case BondMode::kBalanceXor:
      break;
  }
  return true;
}

}  // namespace fairlead::edge
