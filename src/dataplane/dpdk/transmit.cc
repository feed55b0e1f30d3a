#include "dataplane/dpdk/transmit.h"

#include <rte_ethdev.h>
#include <rte_ether.h>
#include <rte_ip.h>

#include <algorithm>

#include "dataplane/dpdk/vlan_tag.h"

namespace fairlead::edge {

using dataplane::DropReason;

void FinishIpChecksum(MbufPacket* packet, bool port_computes_it) noexcept {
  auto* ip = reinterpret_cast<rte_ipv4_hdr*>(packet->data() + RTE_ETHER_HDR_LEN);
  ip->hdr_checksum = 0;
  if (port_computes_it) {
    rte_mbuf* mbuf = packet->mbuf();
    mbuf->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM;
    mbuf->l2_len = RTE_ETHER_HDR_LEN;
    mbuf->l3_len = rte_ipv4_hdr_len(ip);
  } else {
    ip->hdr_checksum = rte_ipv4_cksum(ip);
  }
  packet->meta().wants_ip_checksum = false;
}

Transmit::Transmit(dataplane::Fabric& fabric, const std::vector<Port>& ports, const Lines& lines,
                   WorkerId me)
    : counters_(fabric.stats.worker(me)), lines_(ports.size()) {
  for (const Port& port : ports) {
    Line& line = lines_[port.id().index()];
    line.dpdk_id = port.dpdk_id();
    line.queue = static_cast<uint16_t>(me.index());
    line.computes_ip_checksum = port.computes_ip_checksum();
    line.inserts_vlan = port.inserts_vlan();
    line.vlan = port.vlan();
    line.owner = lines.transmit(port.id(), me);
    line.counters = &fabric.stats.port(me, port.id());
    if (port.owns_device() && port.speaks_lacp() && me.index() == 0) {
      lacp_.push_back({line.dpdk_id, line.queue});
    }
    if (line.owner != nullptr) continue;
    for (size_t w = me.index() + port.tx_queues(); w < fabric.config.workers;
         w += port.tx_queues()) {
      line.peers.push_back(lines.transmit(port.id(), WorkerId{static_cast<uint8_t>(w)}));
    }
  }
}

void Transmit::DropWithoutPort(MbufPacket* packet) noexcept {
  rte_mbuf* mbuf = packet->mbuf();
  Drop(&mbuf, 1, DropReason::kPortDown);
}

void Transmit::PutTags(Line& line) noexcept {
  if (line.inserts_vlan) {
    for (size_t i = 0; i < line.count; ++i) {
      line.mbufs[i]->vlan_tci = line.vlan;
      line.mbufs[i]->ol_flags |= RTE_MBUF_F_TX_VLAN;
    }
    return;
  }
  rte_mbuf** const mbufs = line.mbufs.data();
  const uint16_t vlan = line.vlan;
  size_t count = line.count;
  for (size_t i = 0; i < count;) {
    if (PutTag(mbufs[i], vlan)) [[likely]] {
      ++i;
      continue;
    }
    Drop(mbufs + i, 1, DropReason::kNoHeadroom);
    std::move(mbufs + i + 1, mbufs + count, mbufs + i);
    --count;
  }
  line.count = count;
}

size_t Transmit::TakeFromPeers() noexcept {
  size_t taken = 0;
  for (Line& line : lines_) {
    for (MbufRing* peer : line.peers) {
      rte_mbuf* mbuf;
      for (size_t n = 0; n < dataplane::kBurst && peer->Pop(&mbuf); ++n, ++taken) {
        Append(line, mbuf);
      }
    }
  }
  if (taken > 0) counters_.handed_in.Add(taken);
  return taken;
}

void Transmit::Flush() noexcept {
  for (Line& line : lines_) {
    if (line.count > 0) Send(line);
  }
  for (const LacpQueue& bond : lacp_) rte_eth_tx_burst(bond.dpdk_id, bond.queue, nullptr, 0);
}

void Transmit::Send(Line& line) noexcept {
  if (line.owner == nullptr) {
    SendByQueue(line);
  } else {
    SendByOwner(line);
  }
  line.count = 0;
}

void Transmit::SendByQueue(Line& line) noexcept {
  if (line.vlan != 0) PutTags(line);
  // Before they are sent: afterwards they belong to the driver.
  uint64_t bytes = 0;
  for (size_t i = 0; i < line.count; ++i) bytes += line.mbufs[i]->pkt_len;
  size_t sent = 0;
  for (int tries = 0; tries < kTries && sent < line.count; ++tries) {
    sent += rte_eth_tx_burst(line.dpdk_id, line.queue, line.mbufs.data() + sent,
                             static_cast<uint16_t>(line.count - sent));
  }
  for (size_t i = sent; i < line.count; ++i) bytes -= line.mbufs[i]->pkt_len;
  counters_.sent.Add(sent);
  line.counters->tx_packets.Add(sent);
  line.counters->tx_bytes.Add(bytes);
  DropMissed(line, sent);
}

void Transmit::SendByOwner(Line& line) noexcept {
  size_t passed = 0;
  while (passed < line.count && line.owner->Push(line.mbufs[passed])) ++passed;
  counters_.handed_off.Add(passed);
  DropMissed(line, passed);
}

void Transmit::DropMissed(Line& line, size_t taken) noexcept {
  line.counters->tx_missed.Add(line.count - taken);
  Drop(line.mbufs.data() + taken, line.count - taken, DropReason::kTransmitFull);
}

void Transmit::Drop(rte_mbuf** mbufs, size_t count, DropReason reason) noexcept {
  if (count == 0) return;
  rte_pktmbuf_free_bulk(mbufs, static_cast<unsigned>(count));
  counters_.dropped[static_cast<size_t>(reason)].Add(count);
}

}  // namespace fairlead::edge
