// Live figures of reals and services: the boards' rows, minus what a reused id had before, plus
// what removed reals had counted. They only rise, over reloads too.
#pragma once

#include <string_view>

#include "control/config/names.h"
#include "control/view.h"
#include "dataplane/shard/fabric.h"

namespace fairlead::api {

struct Figures {
  dataplane::TrafficSum traffic;
  uint32_t active = 0, inactive = 0, templates = 0;

  Figures& operator+=(const Figures& o) {
    traffic += o.traffic;
    active += o.active;
    inactive += o.inactive;
    templates += o.templates;
    return *this;
  }
};

inline Figures FiguresOf(const dataplane::Fabric& fabric, const control::RealInfo& real) {
  Figures figures;
  figures.traffic = fabric.stats.SumTraffic(real.id);
  figures.traffic -= real.baseline;
  const auto load = fabric.loads.Sum(real.id);
  figures.active = load.active;
  figures.inactive = load.inactive;
  figures.templates = load.templates;
  return figures;
}

inline Figures FiguresOf(const dataplane::Fabric& fabric, const control::ServiceInfo& service) {
  Figures figures;
  figures.traffic = service.retired;
  for (const auto& real : service.reals) figures += FiguresOf(fabric, real);
  return figures;
}

// What is shown as counted "since zero".
template <typename Info>
dataplane::TrafficSum SinceZero(const Figures& figures, const Info& info) {
  dataplane::TrafficSum traffic = figures.traffic;
  traffic -= info.zero;
  return traffic;
}

// Whether a new connection may go there, as far as checks and the operator say.
inline bool IsUp(const control::RealInfo& real) {
  return !real.is_ghost && real.health != control::HealthState::kDown &&
         real.admin != control::AdminState::kDown;
}

// What its checks have to tell of a real, taken together.
struct RealHistory {
  uint32_t downs = 0;
  control::Duration downtime{0};  // until `now`
  control::TimePoint since{};     // as it is
};
inline RealHistory HistoryOf(const control::RealInfo& real, control::TimePoint now) {
  RealHistory history;
  const bool is_down = real.health == control::HealthState::kDown;
  bool is_first = true;
  for (const control::CheckInfo& check : real.checks) {
    const control::CheckFacts& facts = check.facts;
    const bool is_check_down = facts.state == control::HealthState::kDown;
    control::Duration downtime = facts.downtime;
    if (is_check_down && facts.is_proven && now > facts.since) {
      downtime += std::chrono::duration_cast<control::Duration>(now - facts.since);
    }
    history.downs = std::max(history.downs, facts.downs);
    history.downtime = std::max(history.downtime, downtime);
    // Down since the first of those that are, up since the last.
    if (is_check_down != is_down) continue;
    const bool is_it = is_down ? facts.since < history.since : facts.since > history.since;
    if (is_first || is_it) history.since = facts.since;
    is_first = false;
  }
  return history;
}

// What a configured real does now, in one word. Planned work is not failure: what the operator has
// set goes before what the checks say.
inline std::string_view StateWordOf(const control::RealInfo& real) {
  if (real.admin != control::AdminState::kUp) {
    return real.admin == control::AdminState::kDown ? "disabled" : control::ToWord(real.admin);
  }
  return real.health == control::HealthState::kDown ? "failed" : "up";
}

}  // namespace fairlead::api
