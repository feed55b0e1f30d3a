#include "dataplane/shard/defence.h"

#include <algorithm>
#include <utility>

namespace fairlead::dataplane {
namespace {

constexpr uint8_t kActingAuto = 2;  // what Linux makes of kDefenceAuto while it acts; here the same

// 0: there is room enough.
uint32_t RateFor(Defence::Room room, uint8_t percent) noexcept {
  const uint32_t threshold = Defence::ThresholdOf(room.capacity, percent);
  const uint64_t available = uint64_t{room.free} + room.reclaimed;
  if (room.capacity == 0 || available >= threshold) return 0;
  return threshold / (threshold - static_cast<uint32_t>(available));
}

bool IsLow(Defence::Room room, uint8_t percent) noexcept {
  return room.capacity != 0 && Defence::NeedsRoom(room, percent);
}

}  // namespace

void Defence::Evaluate(Room connections4, Room connections6, const DefenceView& settings,
                       Tick now) noexcept {
  next_ = now + kInterval;
  const uint32_t rate4 = RateFor(connections4, settings.amemthresh_percent);
  const uint32_t rate6 = RateFor(connections6, settings.amemthresh_percent);
  // The fuller table decides: the lower rate drops more.
  const uint32_t rate = rate4 == 0 || rate6 == 0 ? rate4 + rate6 : std::min(rate4, rate6);
  rates_[kDefenceAuto] = rates_[kActingAuto] = rate;
  rates_[kDefenceAlways] = settings.am_droprate;
  constexpr uint8_t kAlways = 1u << kDefenceAlways;
  constexpr uint8_t kAutomatic = 1u << kDefenceAuto | 1u << kActingAuto;
  lacks_ports_ = std::exchange(had_no_port_, 0);
  const bool is_low = lacks_ports_ != 0 || IsLow(connections4, settings.amemthresh_percent) ||
                      IsLow(connections6, settings.amemthresh_percent);
  active_modes_ = is_low ? kAlways | kAutomatic : kAlways;
}

bool Defence::CountDown(uint8_t mode) noexcept {
  if (rates_[mode] == 0 || ++seen_[mode] < rates_[mode]) return false;
  seen_[mode] = 0;
  return true;
}

}  // namespace fairlead::dataplane
