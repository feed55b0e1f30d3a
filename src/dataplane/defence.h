// Defence against floods, as in Linux: drop_entry, drop_packet and secure_tcp, with their automatic
// modes (spec section 4.10, docs/defence.md).
//
//   Defence defence;
//   if (defence.IsDue(now)) defence.Evaluate({free, capacity}, {free6, capacity6}, settings, now);
//   if (defence.IsActive(policy.secure_tcp)) …the stricter table of states…
//   if (defence.DropsNext(policy.drop_packet)) …this packet makes no connection…
//   if (defence.TakesIdle(record.packets)) …this idle connection goes…
//
// A mode is 0 off, 1 automatic, 3 always; 2 means 1. Linux measures free memory pages; here it is
// free records: a worker's table is low when less than `amemthresh_percent` of it is free.
//
// Threads: one worker's, evaluated by it once a second and when the configuration changes; nothing
// is shared, so workers may differ.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace fairlead::dataplane {

inline constexpr uint8_t kDefenceOff = 0, kDefenceAuto = 1, kDefenceAlways = 3;

// What holds for the whole director.
struct DefenceView {
  uint8_t drop_entry = kDefenceOff;
  uint32_t am_droprate = 10;        // of drop_packet 3: one new connection in so many; 0: none
  uint8_t amemthresh_percent = 10;  // 1…100

  friend bool operator==(const DefenceView&, const DefenceView&) = default;
};

class Defence {
 public:
  static constexpr TickCount kInterval = kTicksPerSecond;
  // An idle connection of few packets may go: idle for this long, at most so many packets.
  static constexpr TickCount kIdle = TicksFromSeconds(60);
  static constexpr uint32_t kFewPackets = 8;
  // drop_entry looks at one record in so many each second.
  static constexpr uint32_t kSweepSeconds = 32;

  struct Room {
    uint32_t free = 0, capacity = 0;
  };

  [[nodiscard]] bool IsDue(Tick now) const noexcept { return next_.HasPassed(now); }
  // Low when either table is. The rate of the automatic drop_packet is Linux's formula on records:
  // ⌊T ÷ (T − free)⌋ with T the threshold; 1 drops every new connection.
  void Evaluate(Room connections4, Room connections6, const DefenceView& settings,
                Tick now) noexcept;

  [[nodiscard]] bool IsActive(uint8_t mode) const noexcept {
    return (active_modes_ >> mode & 1) != 0;
  }
  [[nodiscard]] bool is_low() const noexcept { return IsActive(kDefenceAuto); }
  // Of new connections that ask under this mode, every rate-th is to be dropped.
  [[nodiscard]] bool DropsNext(uint8_t mode) noexcept {
    if (!IsActive(mode)) [[likely]]
      return false;
    return CountDown(mode);
  }
  [[nodiscard]] uint32_t rate(uint8_t mode) const noexcept { return rates_[mode]; }

  // For a connection idle for kIdle: of those with n packets every n-th goes; none without packets
  // or with more than kFewPackets.
  [[nodiscard]] bool TakesIdle(uint32_t packets) noexcept {
    if (packets == 0 || packets > kFewPackets) return false;
    if (++idle_seen_[packets] < packets) return false;
    idle_seen_[packets] = 0;
    return true;
  }

 private:
  static constexpr size_t kModes = 4;

  bool CountDown(uint8_t mode) noexcept;

  uint8_t active_modes_ = 1u << kDefenceAlways;  // a bit for each mode
  Tick next_;
  std::array<uint32_t, kModes> rates_{};  // 0: drop none
  std::array<uint32_t, kModes> seen_{};   // since the last drop
  std::array<uint32_t, kFewPackets + 1> idle_seen_{};
};

}  // namespace fairlead::dataplane
