// Whether the living real servers of a service are enough: its quorum, with hysteresis.
//
//   const bool is_enough = quorums.Decide(service, {.living = 3, .all = 10});   // while building
//   for (const QuorumChange& change : quorums.Commit()) …tell of it…            // once published
//
// As with keepalived a quorum is lost when less than quorum − hysteresis lives, or nothing, and is
// regained at quorum + hysteresis; what lies between leaves it as it is. More than all of the
// weight is never asked for. The book remembers which services have lost theirs: over a reload, and
// over a restart by stored_health.h. Threads: the control core.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "control/config/model.h"
#include "control/identity.h"

namespace fairlead::control {

struct LivingWeight {
  uint64_t living = 0;  // of reals that may take new connections
  uint64_t all = 0;     // as configured
  friend bool operator==(const LivingWeight&, const LivingWeight&) = default;
};

// Pure. `had`: whether it had its quorum until now.
bool HasQuorum(const ServiceConfig& service, const LivingWeight& weight, bool had);

struct QuorumChange {
  ServiceIdentity service;
  bool has_quorum = false;
  LivingWeight weight;
  bool is_first = false;  // nothing was known of the service before
  // It has its quorum for the first time: until now its real servers were waited for.
  bool ends_start = false;
  // Of the service as it was then; empty where nothing has changed.
  std::string name{};
  uint32_t quorum = 1;
  bool has_fallback = false;
  CommandLine command{};  // to be run, if any
};
// Says it in the log, with its effect.
void LogChange(const QuorumChange& change);

class QuorumBook {
 public:
  // What a director that was here before knew. Precondition: nothing was decided yet.
  void Recall(const std::vector<ServiceIdentity>& lost);
  [[nodiscard]] std::vector<ServiceIdentity> Lost() const;
  // Rises when Lost() changes.
  [[nodiscard]] uint64_t revision() const { return revision_; }

  bool Decide(const ServiceConfig& service, const LivingWeight& weight);
  // What was decided since the last call holds: the changes, each once, in order.
  std::vector<QuorumChange> Commit();
  // It does not: the snapshot it was for was not published.
  void Discard() { decided_.clear(); }
  // Forgets services that are gone.
  void Follow(const ConfigModel& model);

  [[nodiscard]] bool has_quorum(const ServiceIdentity& service) const;

 private:
  std::map<ServiceIdentity, bool> known_;  // whether it has its quorum
  std::set<ServiceIdentity> starting_;     // never had it
  std::vector<QuorumChange> decided_;
  uint64_t revision_ = 0;
};

}  // namespace fairlead::control
