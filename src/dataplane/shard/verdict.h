// What becomes of a packet, and the list a turn of the worker fills for the edge to carry out.
#pragma once

#include <array>
#include <cstdint>

#include "base/ids.h"
#include "dataplane/wire/drop_reason.h"

namespace fairlead::dataplane {

enum class Action : uint8_t {
  kTransmit,  // out of `port`, complete with Ethernet header
  kToHost,    // to the kernel twin of `port`
  kDrop,      // free it; `reason` is already counted
};

struct Verdict {
  Action action = Action::kDrop;
  PortId port;
  DropReason reason = DropReason::kCount;

  static constexpr Verdict Transmit(PortId port) {
    return {Action::kTransmit, port, DropReason::kCount};
  }
  static constexpr Verdict ToHost(PortId port) {
    return {Action::kToHost, port, DropReason::kCount};
  }
  static constexpr Verdict Drop(DropReason why) { return {Action::kDrop, PortId{}, why}; }
};

inline constexpr size_t kBurst = 32;

// Packets whose journey through the pipeline is over. The caller owns them again. A packet handed
// off or held is not here. Room for what one call can give back.
template <typename P>
struct Output {
  static constexpr size_t kRoom = 8 * kBurst;
  struct Item {
    P* packet;
    Verdict verdict;
  };
  std::array<Item, kRoom> items;
  size_t count = 0;

  // Precondition: room() > 0.
  void Add(P* packet, Verdict verdict) noexcept { items[count++] = {packet, verdict}; }
  [[nodiscard]] size_t room() const noexcept { return kRoom - count; }
  void Clear() noexcept { count = 0; }
};

}  // namespace fairlead::dataplane
