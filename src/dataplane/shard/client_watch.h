// What a worker counts by client while somebody looks (docs/api.md, GET /v1/top/clients).
//
//   WatchClients begin;  begin.place = 0;  begin.sketch = …    // comes by the mailbox
//   watch.Run(&begin, now);
//   if (watch.counts_packets()) watch.NotePacket(client, bytes);
//   WatchClients end;  end.place = 0;                          // goes back with the sketch
//
// A look brings the memory it is counted in, and takes it back when it ends: a worker that nobody
// looks at has none. A look whose end never comes stops counting when its time is over. Threads:
// the worker's. Invariants: while no look counts packets or bytes, the path of packets is what it
// is without all this (path/pipeline.h).
#pragma once

#include <array>
#include <memory>

#include "base/clock.h"
#include "dataplane/shard/client_sketch.h"
#include "dataplane/shard/mailbox.h"

namespace fairlead::dataplane {

class ClientWatch {
 public:
  // Begins or ends a look; the command leaves with the sketch that was in its place.
  void Run(WatchClients* command, Tick now) noexcept;

  [[nodiscard]] bool counts_packets() const noexcept { return counts_packets_; }
  [[nodiscard]] bool counts_new() const noexcept { return counts_new_; }

  // A packet of the client, to it or from it.
  void NotePacket(const IpAddress& client, uint32_t bytes) noexcept;
  // A connection that was made.
  void NoteNew(const IpAddress& client, Tick now) noexcept;
  // Ends looks whose time is over.
  void EndLate(Tick now) noexcept;

 private:
  struct Look {
    std::unique_ptr<ClientSketch> sketch;
    ClientMeasure measure = ClientMeasure::kPackets;
    Tick end;
    bool is_on = false;
  };

  void Recount() noexcept;

  std::array<Look, kClientLooks> looks_;
  bool counts_packets_ = false;  // or bytes
  bool counts_new_ = false;
};

}  // namespace fairlead::dataplane
