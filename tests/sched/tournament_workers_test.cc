// Several workers: how far a choice may be from the best one.
//
// A worker sees at once what it does itself, and what others did to a real when it looks at that
// real again: within size ÷ 4 of its picks or eight ticks. So nobody is passed over for being worse
// than the chosen real unless it was, at some moment of that time, as bad or not eligible.
#include <gtest/gtest.h>

#include <deque>
#include <map>

#include "many_reals.h"

namespace fairlead::sched::tournament_workers_test {
namespace {

struct Case {
  size_t workers;
  uint32_t seed;
};
std::vector<Case> Cases() {
  std::vector<Case> cases;
  for (size_t workers = 2; workers <= 8; ++workers) {
    for (uint32_t seed = 1; seed <= 3; ++seed) cases.push_back({workers, seed});
  }
  return cases;
}

// What reals were, as far back as the bound reaches.
class History {
 public:
  History(ManyReals* service, size_t workers) : service_(*service), looks_(workers) {
    service_.before_count = [this](size_t worker, RealId real) {
      changes_.push_back({worker, real, KeyNow(real), service_.now});
    };
  }

  Key KeyNow(RealId real) {
    const auto position = service_.plan().Find(real);
    return position ? KeyOf<WlcRule>(service_.plan().real(*position), service_.board())
                    : Key::Never();
  }
  // To be called right before each pick.
  void NotePick(size_t worker) {
    auto& looks = looks_[worker];
    looks.push_back(changes_.size());
    if (looks.size() > (service_.plan().size() + 3) / 4 + 1) looks.pop_front();
  }
  // All were looked at.
  void NotePublish() { changes_.clear(), looks_.assign(looks_.size(), {}); }

  // Empty, or who should have been chosen instead.
  std::string Judge(size_t worker, RealId chosen) {
    std::map<RealId, Key> worst;  // of those that others changed
    for (size_t i = looks_[worker].front(); i < changes_.size(); ++i) {
      const Change& change = changes_[i];
      if (change.worker == worker ||
          (change.at + Tournament::kTicksPerRound).HasPassed(service_.now))
        continue;
      const auto [it, is_new] = worst.try_emplace(change.real, change.before);
      if (IsBetter(it->second, change.before)) it->second = change.before;
    }
    const Key key = chosen.is_none() ? Key::Never() : KeyNow(chosen);
    for (const Plan::Real& real : service_.plan().reals()) {
      const Key other = KeyNow(real.id);
      if (!IsBetter(other, key)) continue;
      const auto was = worst.find(real.id);
      if (was != worst.end() && !IsBetter(was->second, key)) continue;
      return "real " + std::to_string(real.id.value()) + " was better all the time";
    }
    return "";
  }
  // How many active connections the chosen one has more, per unit of weight, than the best.
  double Excess(RealId chosen) {
    const Key best = KeyNow(service_.Scan()), key = KeyNow(chosen);
    const auto ratio = [](const Key& k) {
      return static_cast<double>(k.cost) / static_cast<double>(k.weight) / 256;
    };
    return ratio(key) - ratio(best);
  }

 private:
  struct Change {
    size_t worker;
    RealId real;
    Key before;
    Tick at;
  };
  ManyReals& service_;
  std::vector<Change> changes_;
  std::vector<std::deque<size_t>> looks_;  // by worker: where in changes_ its picks were
};

class SeveralWorkers : public testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(Random, SeveralWorkers, testing::ValuesIn(Cases()), [](const auto& p) {
  return "workers" + std::to_string(p.param.workers) + "seed" + std::to_string(p.param.seed);
});

TEST_P(SeveralWorkers, NobodyIsPassedOverForLongerThanTheBound) {
  const size_t workers = GetParam().workers;
  ManyReals service(Kind::kWlc, workers, GetParam().seed);
  service.Grow(40 + service.Random(100));
  service.Publish();
  History history(&service, workers);
  size_t picks = 0, others = 0;
  for (int step = 0; step < 12000; ++step) {
    const uint32_t worker = service.Random(workers);
    const uint32_t dice = service.Random(1000);
    if (dice < 400) {
      history.NotePick(worker);
      const RealId scanned = service.Scan();
      const RealId chosen = service.Pick(worker);
      ASSERT_EQ(history.Judge(worker, chosen), "") << "step " << step;
      ++picks;
      others += chosen != scanned;
      if (!chosen.is_none()) service.Connect(worker, chosen);
    } else if (dice < 450) {
      service.Connect(worker, service.plan().real(service.Random(service.plan().size())).id);
    } else if (dice < 650) {
      service.FlipAny(worker);
    } else if (dice < 980) {
      for (uint32_t n = service.Random(3); n > 0; --n) service.CloseAny(worker);
    } else if (dice < 995) {
      service.now = service.now + service.Random(4);
    } else {
      dice < 998 ? service.EditAny() : service.SetAnyThreshold();
      service.Publish();
      history.NotePublish();
    }
  }
  EXPECT_GT(picks, 4000u);
  EXPECT_GT(others, 0u);  // else the story says nothing about the bound
}

// Nobody closes: what a worker does not know yet makes others worse only, so no choice is wrong.
TEST_P(SeveralWorkers, WhileLoadsOnlyRiseEveryChoiceIsTheBest) {
  ManyReals service(Kind::kWlc, GetParam().workers, GetParam().seed);
  service.Grow(200);
  service.Publish();
  for (int step = 0; step < 5000; ++step) {
    const RealId expected = service.Scan();
    const uint32_t worker = service.Random(GetParam().workers);
    ASSERT_EQ(service.Pick(worker), expected);
    service.Connect(worker, expected);
  }
}

// The bound in numbers: 1,000 reals, 20,000 active connections, one closed for each one opened.
TEST_P(SeveralWorkers, InASteadyStateAChoiceIsAFewConnectionsFromTheBest) {
  const size_t workers = GetParam().workers;
  ManyReals service(Kind::kWlc, workers, GetParam().seed);
  service.Grow(1000, 0);
  for (int i = 0; i < 5000; ++i) service.EditAny();
  service.Publish();
  History history(&service, workers);
  service.before_count = [](size_t, RealId) {};
  double worst = 0;
  for (int step = 0; step < 24000; ++step) {
    const uint32_t worker = service.Random(workers);
    const RealId chosen = service.Pick(worker);
    if (step >= 20000) worst = std::max(worst, history.Excess(chosen));
    service.Connect(worker, chosen, true);
    if (step >= 20000) service.CloseAny(service.Random(workers));
  }
  RecordProperty("worst", std::to_string(worst));
  EXPECT_LE(worst, 2.0);
}

// Another worker closes all that one real had: it is found within size ÷ 4 picks or eight ticks.
TEST_P(SeveralWorkers, ARealThatOthersEmptyIsFoundWithinTheBound) {
  for (const TickCount ticks : {TickCount{0}, TickCount{1}, Tournament::kTicksPerRound}) {
    ManyReals service(Kind::kLc, GetParam().workers, GetParam().seed);
    service.Grow(1000);
    service.Publish();
    for (int i = 0; i < 20000; ++i) service.Connect(0, service.Pick(0), true);
    const RealId empty = service.AnyEligible();
    service.Pick(0);
    const auto load = static_cast<int32_t>(service.board().Sum(empty).active);
    ASSERT_GT(load, 20);
    service.board().AddActive(WorkerId{1}, empty, -load);
    size_t picks = 1;
    service.now = service.now + ticks;
    for (RealId real = service.Pick(0); real != empty; real = service.Pick(0), ++picks) {
      service.Connect(0, real, true);
      service.now = service.now + ticks;
    }
    const size_t bound = ticks == 0 ? 250 : 1 + Tournament::kTicksPerRound / ticks;
    EXPECT_LE(picks, bound);
  }
}

// A refused client does not wait for the look around: the next tick asks everybody.
TEST(Tournament, AFlagClearedByAnotherWorkerIsSeenInTheNextTick) {
  ManyReals service(Kind::kWlc, 2, 1);
  service.Grow(1000);
  service.Publish();
  for (const Plan::Real& real : service.plan().reals()) {
    service.board().SetOverloaded(real.id, true);
  }
  service.now = Tick{7};
  EXPECT_TRUE(service.Pick(0).is_none());
  const Plan::Real& last = *std::ranges::find_if(service.plan().reals(), [](const auto& real) {
    return real.weight > 0 && real.id.value() < 500;
  });
  service.board().SetOverloaded(last.id, false);
  service.now = Tick{8};
  EXPECT_EQ(service.Pick(0), last.id);
}

}  // namespace
}  // namespace fairlead::sched::tournament_workers_test
