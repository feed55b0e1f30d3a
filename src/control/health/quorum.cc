#include "control/health/quorum.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/log.h"

namespace fairlead::control {

bool HasQuorum(const ServiceConfig& service, const LivingWeight& weight, bool had) {
  if (weight.living == 0) return false;
  const uint64_t quorum =
      std::clamp<uint64_t>(service.quorum, 1, std::max<uint64_t>(weight.all, 1));
  const uint64_t slack = std::min<uint64_t>(service.hysteresis, quorum - 1);
  if (had) return weight.living >= quorum - slack;
  return weight.living >= std::min(quorum + slack, std::max(weight.all, quorum));
}

void QuorumBook::Recall(const std::vector<ServiceIdentity>& lost) {
  for (const ServiceIdentity& service : lost) known_[service] = false;
}

std::vector<ServiceIdentity> QuorumBook::Lost() const {
  std::vector<ServiceIdentity> lost;
  for (const auto& [service, has] : known_) {
    if (!has) lost.push_back(service);
  }
  return lost;
}

bool QuorumBook::Decide(const ServiceConfig& service, const LivingWeight& weight) {
  const ServiceIdentity key = KeyOf(service);
  const bool had = has_quorum(key);
  const bool has = HasQuorum(service, weight, had);
  QuorumChange& decision = decided_.emplace_back();
  decision.service = key;
  decision.has_quorum = has;
  decision.weight = weight;
  if (has == had) return has;
  decision.name = service.name;
  decision.quorum = service.quorum;
  decision.has_fallback = service.fallback.has_value();
  decision.command = has ? service.on_up : service.on_down;
  return has;
}

std::vector<QuorumChange> QuorumBook::Commit() {
  std::vector<QuorumChange> changes;
  for (QuorumChange& decision : decided_) {
    const auto [it, is_first] = known_.try_emplace(decision.service, true);
    if (it->second == decision.has_quorum) continue;
    it->second = decision.has_quorum;
    ++revision_;
    decision.is_first = is_first;
    if (is_first) starting_.insert(decision.service);  // it has not got it, or nothing has changed
    decision.ends_start = decision.has_quorum && starting_.erase(decision.service) > 0;
    changes.push_back(std::move(decision));
  }
  decided_.clear();
  return changes;
}

void QuorumBook::Follow(const ConfigModel& model) {
  if (known_.size() <= model.services.size()) return;
  std::set<ServiceIdentity> there;
  for (const ServiceConfig& service : model.services) there.insert(KeyOf(service));
  std::erase_if(known_, [&](const auto& item) { return !there.contains(item.first); });
  std::erase_if(starting_, [&](const auto& service) { return !there.contains(service); });
  ++revision_;
}

void LogChange(const QuorumChange& change) {
  const std::string living =
      std::to_string(change.weight.living) + " of " + std::to_string(change.weight.all);
  if (change.has_quorum) {
    return LogInfo("service has its quorum again",
                   {{"service", change.name},
                    {"living_weight", living},
                    {"quorum", change.quorum},
                    {"effect", change.has_fallback
                                   ? "new connections go to its real servers, and no longer to "
                                     "the fallback"
                                   : "its real servers take new connections"}});
  }
  const char* without_fallback = change.weight.living == 0
                                     ? "new connections are refused: there is no fallback"
                                     : "none: there is no fallback, and what lives goes on";
  LogWarning(
      "service has lost its quorum",
      {{"service", change.name},
       {"living_weight", living},
       {"quorum", change.quorum},
       {"effect", change.has_fallback ? "new connections go to the fallback" : without_fallback}});
}

bool QuorumBook::has_quorum(const ServiceIdentity& service) const {
  const auto it = known_.find(service);
  return it == known_.end() || it->second;
}

}  // namespace fairlead::control
