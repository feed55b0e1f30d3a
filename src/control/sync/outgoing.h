// What workers tell of connections, as datagrams of the kernel's sync protocol.
//
//   Outgoing outgoing(config, [&](size_t port, std::span<const uint8_t> payload) { …send… });
//   outgoing.Add(news);            // a full datagram goes out at once
//   outgoing.Turn(now);            // one that was begun 2 s ago goes out too
//   outgoing.FlushAll();           // before it ends: what waits goes out
//
// One connection always goes to the same of several ports, as in the kernel; which one, each sender
// decides. Threads: one. Bounded: a datagram for each port.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "control/sync/sync_info.h"
#include "control/time_point.h"
#include "dataplane/shard/sync_text.h"
#include "sync/ipvs/datagram_writer.h"

namespace fairlead::control {

class Outgoing {
 public:
  // An entry waits for others so long.
  static constexpr std::chrono::seconds kFlush{2};
  // False: the datagram was not taken.
  using Send = std::function<bool(size_t port, std::span<const uint8_t> payload)>;

  Outgoing(const IpvsSyncConfig& config, Send send);

  // `ring`: of the worker that told it, since a template's text comes in pieces behind it.
  void Add(const dataplane::SyncNews& news, TimePoint now, size_t ring = 0);
  void Turn(TimePoint now);
  // What was begun goes out at once: nothing comes after it.
  void FlushAll();
  [[nodiscard]] const OutgoingCounts& counts() const { return counts_; }

 private:
  struct Port {
    sync::DatagramWriter writer;
    TimePoint begun;
  };
  void Flush(size_t port);

  void AddEntry(const sync::SyncEntry& entry, TimePoint now);

  std::vector<Port> ports_;
  std::vector<dataplane::SyncTextReader> readers_;  // by ring
  Send send_;
  OutgoingCounts counts_;
};

}  // namespace fairlead::control
