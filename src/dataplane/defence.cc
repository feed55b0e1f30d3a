#include "dataplane/defence.h"

#include <algorithm>

namespace fairlead::dataplane {
namespace {

// 0: there is room enough.
uint32_t RateFor(Defence::Room room, uint8_t percent) noexcept {
  const uint64_t threshold = std::max<uint64_t>(uint64_t{room.capacity} * percent / 100, 1);
  if (room.capacity == 0 || room.free >= threshold) return 0;
  return static_cast<uint32_t>(threshold / (threshold - room.free));
}

}  // namespace

void Defence::Evaluate(Room connections4, Room connections6, const DefenceView& settings,
                       Tick now) noexcept {
  next_ = now + kInterval;
  const uint32_t rate4 = RateFor(connections4, settings.amemthresh_percent);
  const uint32_t rate6 = RateFor(connections6, settings.amemthresh_percent);
  // The fuller table decides: the lower rate drops more.
  const uint32_t rate = rate4 == 0 || rate6 == 0 ? rate4 + rate6 : std::min(rate4, rate6);
  rates_[kDefenceAuto] = rates_[2] = rate;
  rates_[kDefenceAlways] = settings.am_droprate;
  constexpr uint8_t kAlways = 1u << kDefenceAlways;
  constexpr uint8_t kAutomatic = 1u << kDefenceAuto | 1u << 2;
  active_modes_ = rate == 0 ? kAlways : kAlways | kAutomatic;
}

bool Defence::CountDown(uint8_t mode) noexcept {
  if (rates_[mode] == 0 || ++seen_[mode] < rates_[mode]) return false;
  seen_[mode] = 0;
  return true;
}

}  // namespace fairlead::dataplane
