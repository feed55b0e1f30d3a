// A service of many reals and the workers that fill it, for stories told at random.
//
//   ManyReals service(Kind::kWlc, workers, seed);
//   service.Grow(100);
//   service.Publish();
//   service.Connect(worker, service.Pick(worker));
//   service.Scan();                                // whom a scan would choose now
//
// Connections change counts as the shard does: board, touch, overload flag. Real ids are given out
// once and never again.
#pragma once

#include <functional>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "sched/least.h"
#include "sched/tournaments.h"

namespace fairlead::sched {

class ManyReals {
 public:
  static constexpr size_t kCapacity = 4096;

  ManyReals(Kind kind, size_t workers, uint32_t seed)
      : board_(workers, kCapacity), kind_(kind), random_(seed) {
    for (size_t i = 0; i < workers; ++i) workers_.push_back(std::make_unique<Worker>());
  }

  uint32_t Random(size_t below) { return static_cast<uint32_t>(random_() % below); }

  // ---- changes of the configuration, in force from Publish on
  void Grow(size_t count, int32_t highest_weight = 5) {
    for (; count > 0 && limits_.size() < kCapacity; --count) {
      RealInput real;
      real.id = RealId{static_cast<uint32_t>(limits_.size())};
      real.weight = static_cast<int32_t>(Random(static_cast<size_t>(highest_weight) + 1));
      limits_.push_back({});
      reals_.insert(reals_.begin(), real);
    }
  }
  void RemoveAny() { reals_.erase(reals_.begin() + Random(reals_.size())); }
  void EditAny() { reals_[Random(reals_.size())].weight = static_cast<int32_t>(Random(6)); }
  void SetAnyThreshold() {
    const RealId real = reals_[Random(reals_.size())].id;
    limits_[real.index()] = {Random(8), Random(3)};
    UpdateOverload(real);  // as the control core, before it publishes
  }
  void Bind(Kind kind) { kind_ = kind; }
  void Publish() {
    Plan plan = Plan::Build(kind_, {}, reals_, ++edits_);
    for (const auto& worker : workers_) {
      worker->state = Adopt(plan_, worker->state, plan);
      worker->state.tournament = worker->tournaments.Follow(ServiceId{0}, plan);
      worker->tournaments.Retire([](ServiceId) { return false; });
    }
    plan_ = std::move(plan);
  }

  // ---- what workers do
  RealId Pick(size_t worker) {
    return sched::Pick(plan_, &workers_[worker]->state, {.now = now}, board_).real;
  }
  RealId Scan() {
    State preview = PreviewOf(workers_[0]->state);
    return sched::Pick(plan_, &preview, {}, board_).real;
  }
  // Precondition: there is one.
  RealId AnyEligible() {
    while (true) {
      const Plan::Real& real = plan_.real(Random(plan_.size()));
      if (IsEligible(real, board_)) return real.id;
    }
  }
  void Connect(size_t worker, RealId real, bool is_active = false) {
    workers_[worker]->live.push_back({real, is_active});
    Count(worker, real, is_active ? 1 : 0, is_active ? 0 : 1);
  }
  // The state of some connection changes, or it ends; nothing when there is none.
  void FlipAny(size_t worker) {
    auto& live = workers_[worker]->live;
    if (live.empty()) return;
    Connection& connection = live[Random(live.size())];
    connection.is_active = !connection.is_active;
    Count(worker, connection.real, connection.is_active ? 1 : -1, connection.is_active ? -1 : 1);
  }
  void CloseAny(size_t worker) {
    auto& live = workers_[worker]->live;
    if (live.empty()) return;
    std::swap(live[Random(live.size())], live.back());
    const Connection gone = live.back();
    live.pop_back();
    Count(worker, gone.real, gone.is_active ? -1 : 0, gone.is_active ? 0 : -1);
  }

  [[nodiscard]] const Plan& plan() const { return plan_; }
  LoadBoard& board() { return board_; }
  State& state(size_t worker) { return workers_[worker]->state; }
  [[nodiscard]] size_t live(size_t worker) const { return workers_[worker]->live.size(); }
  // Is told of each change of a count before it happens.
  std::function<void(size_t worker, RealId real)> before_count = [](size_t, RealId) {};
  Tick now;

 private:
  struct Connection {
    RealId real;
    bool is_active;
  };
  struct Worker {
    State state;
    Tournaments tournaments{kCapacity};
    std::vector<Connection> live;
  };
  struct Limits {
    uint32_t upper = 0, lower = 0;
  };

  void Count(size_t worker, RealId real, int32_t active, int32_t inactive) {
    before_count(worker, real);
    const WorkerId me{static_cast<uint8_t>(worker)};
    board_.AddActive(me, real, active);
    board_.AddInactive(me, real, inactive);
    workers_[worker]->tournaments.Touch(real);
    if (limits_[real.index()].upper != 0) UpdateOverload(real);
  }
  void UpdateOverload(RealId real) {
    board_.UpdateOverload(real, limits_[real.index()].upper, limits_[real.index()].lower);
  }

  LoadBoard board_;
  Kind kind_;
  std::mt19937 random_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<RealInput> reals_;  // newest first
  std::vector<Limits> limits_;    // by RealId
  uint32_t edits_ = 0;
  Plan plan_;
};

}  // namespace fairlead::sched
