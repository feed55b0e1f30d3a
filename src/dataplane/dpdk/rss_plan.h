// What a port is told so that a client's packets arrive at the worker that owns them.
//
//   const RssPlan plan = PlanRss(capabilities, ClientSide::kSource, rx_queues, workers,
//                                fabric.steering.key());
//   plan.steering   // kHardware: nothing needs to be handed over; else why_not has the reason
//
// The owner of a connection is table[Toeplitz(key, client address, client port)]
// (dataplane/shard/steering.h). A port computes just that when it hashes with our key over one side
// only: over the source where packets come from clients, over the destination where they go to
// clients. A port that cannot spreads as it likes, and workers hand over what is not theirs:
// slower, not wrong.
//
// Threads: pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/toeplitz.h"
#include "dataplane/dpdk/edge_config.h"

namespace fairlead::edge {

enum class PortSteering : uint8_t {
  kSoftware,  // one queue, or the driver spreads by rules of its own
  kRss,       // the port spreads by both ends: a queue each, but not the owner's
  kRules,     // the port gives each client's packets to their owner, by flow rules
  kHardware,  // the same by its hash alone
};
std::string_view NameOf(PortSteering steering);  // "software", "rss", "rules", "hardware"

// From rte_eth_dev_info.
struct RssCapabilities {
  uint64_t flow_types = 0;  // RTE_ETH_RSS_…
  uint16_t table_size = 0;  // entries of the redirection table; 0: it cannot be set
  uint8_t key_bytes = 0;    // 0: not said, which means 40
};

struct RssPlan {
  PortSteering steering = PortSteering::kSoftware;
  uint64_t flow_types = 0;            // 0: no RSS
  std::vector<uint8_t> key = {};      // empty: the driver's own
  std::vector<uint16_t> queues = {};  // of each entry of the redirection table; empty: as it is
  std::string why_not = {};           // what is missing for kHardware or kRules
};

// Worker w polls queue w; `key` is that of the steering. Precondition: 1 ≤ rx_queues ≤ workers.
RssPlan PlanRss(const RssCapabilities& can, ClientSide clients, uint16_t rx_queues, size_t workers,
                const ToeplitzKey& key);

// What is left when the driver has refused the plan: RSS with its own key and table.
RssPlan PlainRss(const RssCapabilities& can, std::string why_not);

// What a port is told before flow rules are tried (port_steering.h): PlainRss, but with our key and
// table where they fit, since rules may say no more than what is hashed.
RssPlan RssUnderRules(const RssCapabilities& can, std::string why_not, size_t workers,
                      const ToeplitzKey& key);

// Our key with the length that the port's has.
std::vector<uint8_t> KeyFor(const RssCapabilities& can, const ToeplitzKey& key);

}  // namespace fairlead::edge
