// What follows when a check changes its mind, and what the log says of it. A real that has several
// checks is up when all of them are, so one of them alone may change nothing.
#include <algorithm>
#include <utility>

#include "base/log.h"
#include "control/health/monitor.h"

namespace fairlead::control {

struct HealthMonitor::Others {
  std::vector<CheckedReal> free;    // reals that no other check holds down
  std::vector<CheckedReal> held;    // and those that one does
  const Entry* holder = nullptr;    // one that does
  OnFail on_fail = OnFail::kDrain;  // the harshest of all that do

  // For a line of the log: "http 10.0.0.11:80 (connection refused)".
  [[nodiscard]] std::string HolderText() const {
    const std::string& detail = holder->facts.detail;
    return holder->check.AskedText() + " (" + (detail.empty() ? "no answer yet" : detail) + ")";
  }
};

namespace {

std::string TextOf(const HealthCheck& check, const std::vector<CheckedReal>& reals) {
  HealthCheck part = check;
  part.reals = reals;
  return part.RealsText();
}

}  // namespace

void HealthMonitor::IndexReals() {
  checks_of_.clear();
  for (const auto& [key, entry] : entries_) {
    for (const CheckedReal& real : entry->check.reals) checks_of_[real].push_back(entry.get());
  }
  std::erase_if(checks_of_, [](const auto& item) { return item.second.size() == 1; });
}

HealthMonitor::Others HealthMonitor::OthersOf(const Entry& entry) const {
  Others others;
  for (const CheckedReal& real : entry.check.reals) {
    const Entry* holder = nullptr;
    if (const auto it = checks_of_.find(real); it != checks_of_.end()) {
      for (const Entry* other : it->second) {
        if (other == &entry || other->facts.state != HealthState::kDown) continue;
        if (holder == nullptr) holder = other;
        const OnFail own = other->check.on_fail;
        if (others.holder == nullptr || IsHarsher(own, others.on_fail)) others.on_fail = own;
        if (others.holder == nullptr) others.holder = other;
      }
    }
    (holder == nullptr ? others.free : others.held).push_back(real);
  }
  return others;
}

void HealthMonitor::GoDown(Entry& entry, const ProbeResult& result, uint32_t failures) {
  CheckFacts& facts = entry.facts;
  const HealthCheck& check = entry.check;
  facts.state = HealthState::kDown;
  facts.is_back = false;
  facts.since = now_;
  ++facts.downs;
  const Others others = OthersOf(entry);
  if (others.holder == nullptr) {
    return LogWarning("real server is down", {{"real", check.RealsText()},
                                              {"services", check.wanted_by},
                                              {"reason", result.detail},
                                              {"failures", failures},
                                              {"asked", check.AskedText()},
                                              {"effect", EffectOfDown(check.on_fail)}});
  }
  if (others.free.empty()) {
    const bool is_harsher = IsHarsher(check.on_fail, others.on_fail);
    return LogWarning("another check of a real server that is down fails",
                      {{"real", check.RealsText()},
                       {"services", check.wanted_by},
                       {"reason", result.detail},
                       {"failures", failures},
                       {"asked", check.AskedText()},
                       {"down_before", others.HolderText()},
                       {"effect", is_harsher ? EffectOfDown(check.on_fail)
                                             : "none: the real server was down already"}});
  }
  LogWarning("real server is down", {{"real", TextOf(check, others.free)},
                                     {"services", check.wanted_by},
                                     {"reason", result.detail},
                                     {"failures", failures},
                                     {"asked", check.AskedText()},
                                     {"effect", EffectOfDown(check.on_fail)},
                                     {"down_already", TextOf(check, others.held)},
                                     {"down_before", others.HolderText()}});
}

void HealthMonitor::GoUp(const std::shared_ptr<Entry>& entry, const ProbeResult& result,
                         uint32_t successes) {
  CheckFacts& facts = entry->facts;
  facts.state = HealthState::kUp;
  facts.is_back = std::exchange(facts.is_proven, true);
  if (facts.is_back) {
    facts.downtime += std::chrono::duration_cast<Duration>(now_ - facts.since);
  }
  facts.since = now_;
  const Duration slow_start = entry->check.slow_start;
  if (facts.is_back && slow_start > Duration{0}) {
    warming_.emplace(now_ + slow_start / kWarmSteps, entry);
  }
  LogUp(*entry, result, successes);
}

void HealthMonitor::LogUp(const Entry& entry, const ProbeResult& result, uint32_t successes) const {
  const HealthCheck& check = entry.check;
  const bool is_back = entry.facts.is_back;
  const Others others = OthersOf(entry);
  if (others.holder != nullptr && others.free.empty()) {
    return LogInfo("a check of a real server succeeds, another holds it down",
                   {{"real", check.RealsText()},
                    {"services", check.wanted_by},
                    {"answer", result.detail},
                    {"successes", successes},
                    {"asked", check.AskedText()},
                    {"still_down", others.HolderText()},
                    {"effect", "none until all checks of the real server succeed"}});
  }
  const std::string_view message = is_back ? "real server is up again" : "real server is up";
  const std::string_view effect =
      is_back && check.slow_start > Duration{0}
          ? "takes new connections, and more of them until slow_start is over"
          : "takes new connections by its weight";
  if (others.holder == nullptr) {
    return LogInfo(message, {{"real", check.RealsText()},
                             {"services", check.wanted_by},
                             {"answer", result.detail},
                             {"successes", successes},
                             {"asked", check.AskedText()},
                             {"effect", effect}});
  }
  LogInfo(message, {{"real", TextOf(check, others.free)},
                    {"services", check.wanted_by},
                    {"answer", result.detail},
                    {"successes", successes},
                    {"asked", check.AskedText()},
                    {"effect", effect},
                    {"others_down", TextOf(check, others.held)},
                    {"still_down", others.HolderText()}});
}

}  // namespace fairlead::control
