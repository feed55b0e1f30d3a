// Whether the line of each port is up, as the edge reads it, and since when.
//
//   PortLinks links(names, reader);
//   for (PortId port : links.Tick(now)) …links[port] has changed: routes are to be built anew…
//
// A port is taken for up until the reader has spoken. Each change is one line in the log, and each
// of a member of a bond. A bond that uses other members counts as changed: its addresses are to be
// announced, or switches go on sending to where they were. What a
// line that is down means for routes says network_view.h. Threads: the control core.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "control/time_point.h"

namespace fairlead::control {

// One device of a bond.
struct MemberLink {
  std::string name{};      // in DPDK: "net_af_packet0"
  bool is_up = true;       // its own line
  bool is_active = false;  // the bond uses it
  friend bool operator==(const MemberLink&, const MemberLink&) = default;
};

struct PortLink {
  bool is_up = true;                  // of a bond: a member is active
  uint32_t speed_mbps = 0;            // 0: unknown
  bool is_full_duplex = false;        // with a speed
  std::vector<MemberLink> members{};  // empty: no bond
  friend bool operator==(const PortLink&, const PortLink&) = default;
};

// By PortId, one for each port. May be empty: all are up.
using PortLinkReader = std::function<std::vector<PortLink>()>;

class PortLinks {
 public:
  struct State {
    PortLink link;
    uint64_t downs = 0;  // how often it went down since the start
    std::chrono::system_clock::time_point since;
  };

  // `names`: of the ports, by PortId.
  explicit PortLinks(std::vector<std::string> names);
  void SetReader(PortLinkReader reader) { reader_ = std::move(reader); }

  // Reads every kInterval; returns the ports that went up or down, or use other members.
  std::vector<PortId> Tick(TimePoint now);

  [[nodiscard]] const std::vector<State>& states() const { return states_; }
  [[nodiscard]] bool is_up(PortId port) const { return states_[port.index()].link.is_up; }

  static constexpr std::chrono::milliseconds kInterval{100};

 private:
  bool Note(size_t port, const PortLink& link);
  bool NoteMembers(size_t port, const PortLink& link) const;

  const std::vector<std::string> names_;
  std::vector<State> states_;
  PortLinkReader reader_;
  TimePoint next_look_;
};

}  // namespace fairlead::control
