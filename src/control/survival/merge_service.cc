#include "control/survival/merge_service.h"

#include <algorithm>

#include "control/config/keys.h"
#include "control/model_diff.h"

namespace fairlead::control {
namespace {

class Merge {
 public:
  Merge(std::string subject, std::vector<std::string>* conflicts)
      : subject_(std::move(subject)), conflicts_(conflicts) {}

  // `now` becomes what is to be.
  template <typename T>
  void Take(std::string_view what, const T& before, const T& running, T* now) {
    if (running == before || running == *now) return;
    if (*now == before) {
      *now = running;
    } else {
      Conflict(what);
    }
  }

  template <typename Keys, typename Config>
  void TakeKeys(const Keys& keys, const Config& before, const Config& running, Config* now) {
    for (const auto& key : keys) {
      if (key.is_equal(running, before) || key.is_equal(running, *now)) continue;
      if (key.is_equal(*now, before)) {
        key.assign(running, *now);
      } else {
        Conflict(key.name);
      }
    }
  }

  void Conflict(std::string_view what) {
    conflicts_->push_back(subject_ + std::string(what) + " was changed in the file as well");
  }

 private:
  std::string subject_;
  std::vector<std::string>* conflicts_;
};

const RealConfig* FindReal(const std::vector<RealConfig>& reals, const RealConfig& wanted) {
  const auto it = std::ranges::find_if(reals, [&](const RealConfig& real) {
    return real.address == wanted.address && real.port == wanted.port;
  });
  return it == reals.end() ? nullptr : &*it;
}

RealConfig MergeReal(const RealConfig& before, const RealConfig& running, RealConfig now,
                     std::vector<std::string>* conflicts) {
  // Breaks when a member is added: it needs its line.
  const auto& [address, port, weight, upper, lower, forward, state, health, on_up, on_down] =
      running;
  Merge merge("real " + NameOf(now) + ": ", conflicts);
  merge.Take("weight", before.weight, weight, &now.weight);
  merge.Take("upper_threshold", before.upper_threshold, upper, &now.upper_threshold);
  merge.Take("lower_threshold", before.lower_threshold, lower, &now.lower_threshold);
  merge.Take("forward", before.forward, forward, &now.forward);
  merge.Take("state", before.state, state, &now.state);
  merge.Take("health", before.health, health, &now.health);
  merge.Take("on_up", before.on_up, on_up, &now.on_up);
  merge.Take("on_down", before.on_down, on_down, &now.on_down);
  return now;
}

// In the file's order; what was added by hand comes last, as when it was added.
std::vector<RealConfig> MergeReals(const std::vector<RealConfig>& before,
                                   const std::vector<RealConfig>& running,
                                   const std::vector<RealConfig>& now,
                                   std::vector<std::string>* conflicts) {
  std::vector<RealConfig> merged;
  for (const RealConfig& real : now) {
    const RealConfig* const was = FindReal(before, real);
    const RealConfig* const is = FindReal(running, real);
    if (is != nullptr) {
      merged.push_back(was == nullptr ? real : MergeReal(*was, *is, real, conflicts));
      if (was == nullptr && *is != real) {
        conflicts->push_back("real " + NameOf(real) + ": was added in the file as well");
      }
    } else if (was == nullptr) {
      merged.push_back(real);
    } else if (*was != real) {
      conflicts->push_back("real " + NameOf(real) +
                           ": was removed by hand and changed in the file");
      merged.push_back(real);
    }
  }
  for (const RealConfig& real : running) {
    if (FindReal(now, real) != nullptr) continue;
    const RealConfig* const was = FindReal(before, real);
    if (was == nullptr) {
      merged.push_back(real);
    } else if (*was != real) {
      conflicts->push_back("real " + NameOf(real) + ": was removed from the file");
    }
  }
  return merged;
}

}  // namespace

ServiceConfig MergeService(const ServiceConfig& before, const ServiceConfig& running,
                           const ServiceConfig& now, std::vector<std::string>* conflicts) {
  // Breaks when a member is added: it needs its line.
  const auto& [name, mark, family, protocol, address, port, allow_any_port, scheduler, flags, mask4,
               prefix_length6, persistence, engine, one_packet, forward, timeouts, policy, announce,
               on_remove, health, quorum, hysteresis, on_up, on_down, fallback, reals] = running;
  ServiceConfig merged = now;
  Merge merge("", conflicts);
  merge.Take("name", before.name, name, &merged.name);
  merge.Take("allow_any_port", before.allow_any_port, allow_any_port, &merged.allow_any_port);
  merge.Take("scheduler", before.scheduler, scheduler, &merged.scheduler);
  merge.Take("scheduler_flags", before.scheduler_flags, flags, &merged.scheduler_flags);
  merge.Take("netmask", before.mask4, mask4, &merged.mask4);
  merge.Take("netmask6", before.prefix_length6, prefix_length6, &merged.prefix_length6);
  if (before.persistence && persistence && merged.persistence) {
    Merge inner("persistence.", conflicts);
    inner.TakeKeys(kPersistenceKeys, *before.persistence, *persistence, &*merged.persistence);
  } else {
    merge.Take("persistence", before.persistence, persistence, &merged.persistence);
  }
  merge.Take("engine", before.engine, engine, &merged.engine);
  merge.Take("one_packet", before.one_packet, one_packet, &merged.one_packet);
  merge.Take("forward", before.forward, forward, &merged.forward);
  Merge("timeouts.", conflicts).TakeKeys(kTimeoutKeys, before.timeouts, timeouts, &merged.timeouts);
  Merge("policy.", conflicts).TakeKeys(kServicePolicyKeys, before.policy, policy, &merged.policy);
  merge.Take("announce", before.announce, announce, &merged.announce);
  merge.Take("on_remove", before.on_remove, on_remove, &merged.on_remove);
  merge.Take("health", before.health, health, &merged.health);
  merge.Take("quorum", before.quorum, quorum, &merged.quorum);
  merge.Take("hysteresis", before.hysteresis, hysteresis, &merged.hysteresis);
  merge.Take("on_up", before.on_up, on_up, &merged.on_up);
  merge.Take("on_down", before.on_down, on_down, &merged.on_down);
  merge.Take("fallback", before.fallback, fallback, &merged.fallback);
  merged.reals = MergeReals(before.reals, reals, now.reals, conflicts);
  return merged;
}

TimeoutsConfig MergeTimeouts(const TimeoutsConfig& before, const TimeoutsConfig& running,
                             const TimeoutsConfig& now, std::vector<std::string>* conflicts) {
  TimeoutsConfig merged = now;
  Merge("", conflicts).TakeKeys(kTimeoutKeys, before, running, &merged);
  return merged;
}

PolicyConfig MergePolicy(const PolicyConfig& before, const PolicyConfig& running,
                         const PolicyConfig& now, std::vector<std::string>* conflicts) {
  PolicyConfig merged = now;
  Merge merge("", conflicts);
  merge.TakeKeys(kGlobalPolicyKeys, before, running, &merged);
  merge.TakeKeys(kServicePolicyKeys, before.service, running.service, &merged.service);
  return merged;
}

}  // namespace fairlead::control
