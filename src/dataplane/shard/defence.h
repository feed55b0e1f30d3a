// Defence against floods, as in Linux: drop_entry, drop_packet and secure_tcp, with their automatic
// modes (ipvs.md, defences; docs/defence.md).
//
//   Defence defence;
//   if (defence.IsDue(now)) defence.Evaluate({free, capacity}, {free6, capacity6}, settings, now);
//   if (defence.IsActive(policy.secure_tcp)) …the stricter table of states…
//   if (defence.DropsNext(policy.drop_packet)) …this packet makes no connection…
//   if (defence.TakesIdle(record.packets)) …this idle connection goes…
//   if (Defence::NeedsRoom(room, percent)) …half-open ones older than Defence::Patience(…) go…
//
// Linux measures free memory pages, here it is free records: a worker's table is low when less than
// `amemthresh_percent` of it is free.
//
// Beyond Linux: a table has an end, which a flood reaches in less than the second between two
// looks. So with drop_entry a table that is low is held there, turn by turn, by taking the oldest
// half-open connections. How old they must be falls with the square of what is free: 3 s at the
// threshold, 0.75 s with half of it left. A flood so gets what is left over, at the price of its
// own records, and a table that is full of real connections still gives a client the time for its
// handshake.
//
// The ports of local addresses (FULLNAT) have an end too, far below the table's. A worker that has
// found none free is low as well, and with drop_entry it takes half-open connections that have one.
//
// Threads: one worker's, evaluated by it once a second and when the configuration changes; nothing
// is shared, so workers may differ.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"
#include "base/transport.h"
#include "dataplane/snapshot/defence_view.h"

namespace fairlead::dataplane {

class Defence {
 public:
  static constexpr TickCount kInterval = kTicksPerSecond;
  // An idle connection of few packets may go: idle for this long, at most so many packets.
  static constexpr TickCount kIdle = TicksFromSeconds(60);
  static constexpr uint32_t kFewPackets = 8;
  // drop_entry looks at one record in so many each second.
  static constexpr uint32_t kSweepSeconds = 32;

  // How old a half-open connection may become in a table that is just low.
  static constexpr TickCount kPatience = TicksFromSeconds(3);

  // The same where ports are short: nobody knows how many of them are free.
  static constexpr TickCount kPortPatience = TicksFromSeconds(1);

  struct Room {
    uint32_t free = 0, capacity = 0;
    uint32_t reclaimed = 0;  // by drop_entry in the last second
  };

  // Free records below this number are few: at least one.
  static constexpr uint32_t ThresholdOf(uint32_t capacity, uint8_t percent) noexcept {
    const uint64_t threshold = uint64_t{capacity} * percent / 100;
    return threshold > 0 ? static_cast<uint32_t>(threshold) : 1;
  }
  static constexpr bool NeedsRoom(Room room, uint8_t percent) noexcept {
    return room.free < ThresholdOf(room.capacity, percent);
  }
  // The age from which on drop_entry takes half-open connections. Precondition: NeedsRoom.
  static constexpr TickCount Patience(Room room, uint8_t percent) noexcept {
    const uint64_t threshold = ThresholdOf(room.capacity, percent);
    return static_cast<TickCount>(kPatience * uint64_t{room.free} / threshold * room.free /
                                  threshold);
  }

  [[nodiscard]] bool IsDue(Tick now) const noexcept { return next_.HasPassed(now); }
  // Low when either table is, or no port was found since the last time. The rate of the automatic
  // drop_packet is Linux's formula on records: ⌊T ÷ (T − free)⌋ with T the threshold; 1 drops every
  // new connection. What drop_entry reclaimed in the last second counts as free there: it can do as
  // much in the next.
  void Evaluate(Room connections4, Room connections6, const DefenceView& settings,
                Tick now) noexcept;

  [[nodiscard]] bool IsActive(uint8_t mode) const noexcept {
    return (active_modes_ >> mode & 1) != 0;
  }
  // A new connection found no free port at local addresses.
  void NoteNoPort(Transport transport) noexcept { had_no_port_ |= BitOf(transport); }
  // That was in this second or in the one before.
  [[nodiscard]] bool LacksPorts(Transport transport) const noexcept {
    return ((had_no_port_ | lacks_ports_) & BitOf(transport)) != 0;
  }
  [[nodiscard]] bool is_low() const noexcept { return IsActive(kDefenceAuto); }
  // Of new connections that ask under this mode, every rate-th is to be dropped.
  [[nodiscard]] bool DropsNext(uint8_t mode) noexcept {
    if (!IsActive(mode)) [[likely]]
      return false;
    return CountDown(mode);
  }
  // What DropsNext would say; nothing is counted.
  [[nodiscard]] bool WouldDropNext(uint8_t mode) const noexcept {
    return IsActive(mode) && rates_[mode] != 0 && seen_[mode] + 1 >= rates_[mode];
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

  static constexpr uint32_t BitOf(Transport transport) noexcept {
    return 1u << static_cast<unsigned>(transport);
  }
  bool CountDown(uint8_t mode) noexcept;

  uint8_t active_modes_ = 1u << kDefenceAlways;  // a bit for each mode
  uint32_t had_no_port_ = 0;                     // since Evaluate: a bit for each transport
  uint32_t lacks_ports_ = 0;                     // in the second before it
  Tick next_;
  std::array<uint32_t, kModes> rates_{};  // 0: drop none
  std::array<uint32_t, kModes> seen_{};   // since the last drop
  std::array<uint32_t, kFewPackets + 1> idle_seen_{};
};

}  // namespace fairlead::dataplane
