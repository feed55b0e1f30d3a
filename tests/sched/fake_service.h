// A service of reals named by one character, driven as an operator and a worker would.
//
//   FakeService service(Kind::kWrr);
//   service.Add('A', 4);
//   service.Add('B', 3);
//   EXPECT_EQ(service.Pick(5), "BAABA");      // '-' where nobody is eligible
//
// Each change publishes a new plan and is adopted at once, except between Collect and Publish,
// where they arrive together. Real 'x' has id 'x', and address 10.0.0.(10 + digit):80 when x is a
// digit.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "sched/destination_table.h"
#include "sched/scheduler.h"

namespace fairlead::sched {

class FakeService {
 public:
  explicit FakeService(Kind kind, Flags flags = {})
      : board_(std::make_unique<LoadBoard>(1, 256)),
        kind_(kind),
        flags_(flags),
        plan_(Plan::Build(kind, flags, {}, 0)) {
    state_ = InitialState(plan_);
    AttachDestinations();
  }

  void Add(char name, int32_t weight) {
    const uint32_t host = 0x0a00000au + static_cast<uint32_t>(name - '0');
    reals_.insert(reals_.begin(), {RealId{static_cast<uint32_t>(name)}, Ipv4Address::FromHost(host),
                                   Be16::FromHost(80), weight, weight});
    Changed();
  }
  void Edit(char name, int32_t weight) {
    RealInput& real = *Position(name);
    real.weight = weight;
    if (weight != 0) real.last_weight = weight;
    Changed();
  }
  void Delete(char name) {
    reals_.erase(Position(name));
    Changed();
  }
  void Bind(Kind kind) {
    kind_ = kind;
    Publish();
  }
  // Until Publish, changes collect as in a file's reload.
  void Collect() { is_collecting_ = true; }
  void Publish() {
    is_collecting_ = false;
    Plan now = Plan::Build(kind_, flags_, reals_, edit_count_);
    state_ = Adopt(plan_, state_, now);
    plan_ = std::move(now);
    AttachDestinations();
  }
  void RestoreOrder(const std::string& newest_first) {
    std::ranges::sort(reals_, {}, [&](const RealInput& real) {
      return newest_first.find(static_cast<char>(real.id.value()));
    });
    Changed();
  }

  char PickOne(const Request& request = {}) {
    const Choice choice = sched::Pick(plan_, &state_, request, *board_);
    return choice.real.is_none() ? '-' : static_cast<char>(choice.real.value());
  }
  std::string Pick(size_t times) {
    std::string chosen;
    while (times-- > 0) chosen += PickOne();
    return chosen;
  }
  // The choice becomes an active connection.
  std::string PickAndHold(size_t times) {
    std::string chosen;
    while (times-- > 0) {
      chosen += PickOne();
      if (chosen.back() != '-') SetActive(chosen.back(), +1);
    }
    return chosen;
  }

  void SetActive(char name, int32_t delta) { board_->AddActive(WorkerId{0}, Id(name), delta); }
  void SetInactive(char name, int32_t delta) { board_->AddInactive(WorkerId{0}, Id(name), delta); }
  void SetOverloaded(char name, bool overloaded) { board_->SetOverloaded(Id(name), overloaded); }
  [[nodiscard]] Load load(char name) const { return board_->Sum(Id(name)); }

  [[nodiscard]] const Plan& plan() const { return plan_; }
  [[nodiscard]] const State& state() const { return state_; }
  void SetSeed(uint64_t seed) { state_.random = seed; }
  DestinationTable& destinations() { return *destinations_; }
  // The name of the real in a slot of the plan's table.
  [[nodiscard]] char InSlot(size_t slot) const {
    return static_cast<char>(plan_.real(plan_.tables().slots[slot]).id.value());
  }
  [[nodiscard]] std::string Slots(size_t count) const {
    std::string names;
    for (size_t slot = 0; slot < count; ++slot) names += InSlot(slot);
    return names;
  }

 private:
  static RealId Id(char name) { return RealId{static_cast<uint32_t>(name)}; }
  std::vector<RealInput>::iterator Position(char name) {
    return std::ranges::find(reals_, Id(name), &RealInput::id);
  }
  void Changed() {
    ++edit_count_;
    if (!is_collecting_) Publish();
  }

  // As a worker does on a new snapshot.
  void AttachDestinations() {
    if (DestinationMembers(kind_) == 0 || state_.destinations != nullptr) return;
    destinations_ = DestinationTable::Create(DestinationMembers(kind_), Tick{});
    state_.known = state_.destinations = destinations_.get();
  }

  std::unique_ptr<LoadBoard> board_;
  std::unique_ptr<DestinationTable> destinations_;
  Kind kind_;
  Flags flags_;
  std::vector<RealInput> reals_;  // newest first
  uint32_t edit_count_ = 0;
  bool is_collecting_ = false;
  Plan plan_;
  State state_;
};

// Reals 'A', 'B' … with these weights.
inline FakeService Make(Kind kind, std::initializer_list<int32_t> weights) {
  FakeService service(kind);
  char name = 'A';
  for (const int32_t weight : weights) service.Add(name++, weight);
  return service;
}

inline uint32_t FoldOf(std::string_view address) { return IpAddress::Parse(address)->Fold(); }

}  // namespace fairlead::sched
