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

// True when it went up or down.
bool PortLinks::Note(size_t port, const PortLink& link) {
  State& state = states_[port];
  const bool was_up = std::exchange(state.link, link).is_up;
  if (was_up == link.is_up) return false;
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

}  // namespace fairlead::control
