// Identifiers as types: a RealId cannot be passed where a ServiceId is meant.
//
//   RealId id{7};
//   reals[id.index()]
//
// Service and real ids are stable over reloads and index arrays; one is used again only when
// nothing refers to it.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>

namespace fairlead {

template <typename Tag, typename Int = uint32_t>
class Id {
 public:
  static constexpr Int kNoneValue = static_cast<Int>(~Int{0});

  constexpr Id() = default;  // none
  constexpr explicit Id(Int value) : value_(value) {}

  [[nodiscard]] constexpr Int value() const { return value_; }
  [[nodiscard]] constexpr size_t index() const { return value_; }
  [[nodiscard]] constexpr bool is_none() const { return value_ == kNoneValue; }
  friend constexpr bool operator==(Id, Id) = default;
  friend constexpr auto operator<=>(Id, Id) = default;

 private:
  Int value_ = kNoneValue;
};

using ServiceId = Id<struct ServiceTag>;
using RealId = Id<struct RealTag>;
using NeighbourId = Id<struct NeighbourTag>;
using WorkerId = Id<struct WorkerTag, uint8_t>;
using PortId = Id<struct PortTag, uint8_t>;  // index of a configured port, in file order

inline constexpr size_t kMaxWorkers = 64;
inline constexpr size_t kMaxPorts = 32;

}  // namespace fairlead
