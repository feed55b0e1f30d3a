#include "control/port_links.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace fairlead::control {

PortLinks::PortLinks(std::vector<std::string> names) : names_(std::move(names)) {
  states_.resize(names_.size());
  for (State& state : states_) state.since = std::chrono::system_clock::now();
}

std::vector<PortId> PortLinks::Tick(TimePoint now) {
  std::vector<PortId> changed;
  if (!reader_ || now < next_look_) return changed;
  next_look_ = now + kInterval;
  const std::vector<PortLink> links = reader_();
  for (size_t i = 0; i < std::min(links.size(), states_.size()); ++i) {
    if (Note(i, links[i])) changed.push_back(PortId{static_cast<uint8_t>(i)});
  }
  return changed;
}

// True when it went up or down, or its traffic moves.
bool PortLinks::Note(size_t port, const PortLink& link) {
  State& state = states_[port];
  const bool has_moved = NoteMembers(port, link);
  const bool was_up = std::exchange(state.link, link).is_up;
  if (was_up == link.is_up) return has_moved;
  state.since = std::chrono::system_clock::now();
  if (link.is_up) {
    LogInfo("link is up", {{"port", names_[port]},
                           {"speed_mbps", link.speed_mbps},
                           {"effect", "its routes are used again, its addresses are announced"}});
  } else {
    ++state.downs;
    LogWarning("link is down",
               {{"port", names_[port]},
                {"effect", "routes over it are not used where another leads the same way"},
                {"remedy", "look at the cable, the switch and the other end"}});
  }
  return true;
}

// True when a bond that is up and was up uses other members.
bool PortLinks::NoteMembers(size_t port, const PortLink& link) const {
  const PortLink& before = states_[port].link;
  bool has_moved = false;
  for (size_t i = 0; i < link.members.size(); ++i) {
    const MemberLink& member = link.members[i];
    // Before the first reading a member is up like its port, and nobody knows whether it is active.
    const bool is_first = i >= before.members.size();
    const bool was_up = is_first || before.members[i].is_up;
    has_moved |= !is_first && before.members[i].is_active != member.is_active;
    if (was_up == member.is_up) continue;
    if (member.is_up) {
      LogInfo("member of a bond is up", {{"port", names_[port]},
                                         {"member", member.name},
                                         {"effect", "the bond can use it again"}});
    } else {
      LogWarning("member of a bond is down",
                 {{"port", names_[port]},
                  {"member", member.name},
                  {"effect", link.is_up ? "the others carry its traffic" : "the port has no link"},
                  {"remedy", "look at the cable, the switch and the other end"}});
    }
  }
  return has_moved && link.is_up && before.is_up;
}

}  // namespace fairlead::control
