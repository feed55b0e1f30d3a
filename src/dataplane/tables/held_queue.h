// Packets that wait for a next hop's MAC. Bounded in total, per next hop and in time, so that a
// dead neighbour slows nobody else; and the last places are for next hops of the configuration.
//
//   if (!held.Hold(packet, port, hop, is_pinned, now)) …kNeighbourQueueFull
//   held.Visit([&](const auto& item) { return …true takes it out…; });
//
// Threads: one worker's.
#pragma once

#include <array>

#include "base/clock.h"
#include "base/ids.h"
#include "base/ip_address.h"

namespace fairlead::dataplane {

template <typename P>
class HeldQueue {
 public:
  static constexpr size_t kCapacity = 256;
  static constexpr size_t kForStrangers = 192;
  static constexpr size_t kPerNeighbour = 32;
  static constexpr TickCount kPatience = TicksFromSeconds(3);  // as long as three requests take

  struct Item {
    P* packet = nullptr;
    PortId port;
    IpAddress hop;
    Tick give_up;
  };

  [[nodiscard]] size_t size() const noexcept { return count_; }

  // How many wait for this hop.
  [[nodiscard]] size_t Count(PortId port, const IpAddress& hop) const noexcept {
    size_t same = 0;
    for (size_t i = 0; i < count_; ++i) {
      same += items_[i].port == port && items_[i].hop == hop ? 1u : 0u;
    }
    return same;
  }
  // False when too many wait for this hop, or in all.
  bool Hold(P* packet, PortId port, const IpAddress& hop, bool is_pinned, Tick now) noexcept {
    if (count_ >= (is_pinned ? kCapacity : kForStrangers)) return false;
    if (Count(port, hop) >= kPerNeighbour) return false;
    items_[count_++] = {packet, port, hop, now + kPatience};
    return true;
  }

  // Calls visit(item) for every item, in order; true takes the item out.
  template <typename Visitor>
  void Visit(Visitor&& visit) noexcept {
    size_t kept = 0;
    for (size_t at = 0; at < count_; ++at) {
      const Item item = items_[at];
      if (!visit(item)) items_[kept++] = item;
    }
    count_ = kept;
  }

 private:
  std::array<Item, kCapacity> items_;
  size_t count_ = 0;
};

}  // namespace fairlead::dataplane
