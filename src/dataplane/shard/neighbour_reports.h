// What a worker tells the control core of neighbours: whatever strangers send, no more than the
// control core can take, and nothing of theirs in place of what matters.
//
//   if (!reports.Want({port, hop, id, need, source}, now)) …kNeighbourLimited
//   reports.Seen(port, address, mac, now);
//
// Theory of operation. Of a neighbour that the table knows each worker tells little: that it
// answers, and that it is wanted, twice at once, then once a second each; that it has moved, six
// times at once, then once a second. Of others it tells, for each port and kind of need, 200 at
// once, then 100 a second; of what one source has routed through here or says of itself, 32 at
// once, then eight a second. The ring to the control core is half for anybody; the other half is
// kept for neighbours that the configuration names and for this machine. Those it names are never
// asked for here: the control core does so by itself.
// Threads: one worker's. Nothing allocates after construction.
#pragma once

#include <array>
#include <memory>

#include "base/hash.h"
#include "base/token_bucket.h"
#include "dataplane/shard/counters.h"
#include "dataplane/shard/mailbox.h"
#include "dataplane/tables/neighbour_table.h"

namespace fairlead::dataplane {

class NeighbourReports {
 public:
  struct Wish {
    PortId port;
    const IpAddress& hop;
    NeighbourId id;  // none: the table does not know it
    NeighbourNeed need = NeighbourNeed::kRouted;
    uint64_t source = 0;  // hash of who sent the packet that needs it
  };

  // What is referred to outlives it.
  NeighbourReports(const NeighbourTable& table, EventRing& ring, WorkerCounters& counters,
                   const TableHash& hash);

  // A packet has no MAC for its next hop. False: the control core does not know of it, so it is no
  // use to wait.
  bool Want(const Wish& wish, Tick now) noexcept;
  // A neighbour has shown its MAC.
  void Seen(PortId port, const IpAddress& address, const MacAddress& mac, Tick now) noexcept;
  // Something else that anybody may cause: it takes no more than anybody's half.
  void Tell(const Event& event) noexcept;

 private:
  static constexpr size_t kSources = 1024;
  struct OfNeighbour {
    TokenBucket<1, 2> confirmed;
    TokenBucket<1, 2> wanted;
    TokenBucket<1, 6> news;
  };
  struct OfPort {
    std::array<TokenBucket<100, 200>, kNeighbourNeeds> unknown;  // by NeighbourNeed
  };
  using OfSource = TokenBucket<8, 32>;

  [[nodiscard]] bool HasPlace(bool is_ours) const noexcept {
    return ring_.size() < (is_ours ? ring_.capacity() : ring_.capacity() / 2);
  }
  // False: no place, or over a limit.
  bool MayTellOfUnknown(PortId port, NeighbourNeed need, uint64_t source, Tick now) noexcept;

  const NeighbourTable& table_;
  EventRing& ring_;
  WorkerCounters& counters_;
  const TableHash hash_;
  const std::unique_ptr<OfNeighbour[]> neighbours_;  // by NeighbourId
  const std::unique_ptr<OfSource[]> sources_;        // by hash
  std::array<OfPort, kMaxPorts> ports_;
};

}  // namespace fairlead::dataplane
