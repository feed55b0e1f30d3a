// A worker's way out: packets gathered by port, sent in bursts, checksums finished on the way.
//
//   transmit.Add(packet, PortId{1});        // any number a turn
//   transmit.TakeFromPeers();               // what workers without a queue of their own send by us
//   transmit.Flush();                       // at the end of the turn: nothing waits longer
//
// Threads: one worker's. Counting: every packet given in ends as sent, as handed_off (to the
// worker that owns the queue), or as a drop counted here (transmit_full, port_down, no_headroom).
#pragma once

#include <rte_mbuf.h>

#include <array>
#include <vector>

#include "dataplane/dpdk/lines.h"
#include "dataplane/dpdk/mbuf_packet.h"
#include "dataplane/dpdk/port.h"
#include "dataplane/shard/counters.h"
#include "dataplane/shard/fabric.h"
#include "dataplane/shard/verdict.h"

namespace fairlead::edge {

// Finishes the checksum the pipeline left open: by the port when it can, else here. The outer IPv4
// header follows the Ethernet header.
void FinishIpChecksum(MbufPacket* packet, bool port_computes_it) noexcept;

class Transmit {
 public:
  Transmit(dataplane::Fabric& fabric, const std::vector<Port>& ports, const Lines& lines,
           WorkerId me);

  void Add(MbufPacket* packet, PortId port) noexcept {
    if (port.index() >= lines_.size()) [[unlikely]]
      return DropWithoutPort(packet);
    Line& line = lines_[port.index()];
    if (packet->meta().wants_ip_checksum) [[unlikely]]
      FinishIpChecksum(packet, line.computes_ip_checksum);
    Append(line, packet->mbuf());
  }
  size_t TakeFromPeers() noexcept;
  void Flush() noexcept;

 private:
  static constexpr size_t kBufferPackets = 64;
  // A full queue is tried this often, then the packets are dropped: a port that stands still must
  // not hold up the others.
  static constexpr int kTries = 4;

  struct alignas(kCacheLine) Line {  // next to another worker's in memory
    uint16_t dpdk_id = 0;
    uint16_t queue = 0;
    bool computes_ip_checksum = false;
    bool inserts_vlan = false;
    uint16_t vlan = 0;             // 0: no tag
    MbufRing* owner = nullptr;     // not null: the queue is another worker's
    std::vector<MbufRing*> peers;  // who sends by us
    dataplane::PortCounters* counters = nullptr;
    size_t count = 0;
    std::array<rte_mbuf*, kBufferPackets> mbufs;
  };

  void Append(Line& line, rte_mbuf* mbuf) noexcept {
    line.mbufs[line.count++] = mbuf;
    if (line.count == kBufferPackets) [[unlikely]]
      Send(line);
  }
  void Send(Line& line) noexcept;
  void SendByQueue(Line& line) noexcept;
  void SendByOwner(Line& line) noexcept;
  // What comes after the first `taken` of the line was taken by nobody.
  void DropMissed(Line& line, size_t taken) noexcept;
  void DropWithoutPort(MbufPacket* packet) noexcept;
  // On all frames of the line, by the device where it can. What has no room for one is dropped.
  void PutTags(Line& line) noexcept;
  void Drop(rte_mbuf** mbufs, size_t count, dataplane::DropReason reason) noexcept;

  // A transmit queue of a bond with LACP, whose frames the driver sends when it is called.
  struct LacpQueue {
    uint16_t dpdk_id;
    uint16_t queue;
  };

  dataplane::WorkerCounters& counters_;
  std::vector<Line> lines_;      // by PortId
  std::vector<LacpQueue> lacp_;  // of worker 0
};

}  // namespace fairlead::edge
