#include <algorithm>

#include "dataplane/shard/take_up.h"

namespace fairlead::dataplane {

void TakeUpTraffic(std::span<const TrafficCounters> previous, Fabric& fabric) {
  const size_t kept = std::min<size_t>(previous.size(), fabric.config.reals);
  for (size_t r = 0; r < kept; ++r) {
    const TrafficCounters& from = previous[r];
    TrafficCounters& into = fabric.stats.traffic(WorkerId{0}, RealId{static_cast<uint32_t>(r)});
    into.connections.Add(from.connections.value());
    into.in_packets.Add(from.in_packets.value());
    into.out_packets.Add(from.out_packets.value());
    into.in_bytes.Add(from.in_bytes.value());
    into.out_bytes.Add(from.out_bytes.value());
    into.no_local_port.Add(from.no_local_port.value());
  }
}

}  // namespace fairlead::dataplane
