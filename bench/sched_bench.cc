// What it costs to choose the least loaded of many reals, with the changes of counts that a
// connection brings: it is made, becomes active, and an older one ends.
//
//   build/release/bench/sched_bench --benchmark_filter=Wlc
//
// The scan is what a worker does for services of few reals, and did for all of them before there
// was a tournament. Two workers: the second one's changes are not seen until looked for.
#include <benchmark/benchmark.h>

#include <memory>
#include <random>
#include <vector>

#include "sched/tournaments.h"

namespace fairlead::sched {
namespace {

constexpr WorkerId kMe{0};
constexpr size_t kLive = 1 << 16;  // connections at a time, picked ones and others

Plan PlanOf(Kind kind, size_t reals, std::mt19937* random) {
  std::vector<RealInput> inputs(reals);
  for (size_t i = 0; i < reals; ++i) {
    inputs[i].id = RealId{static_cast<uint32_t>(i)};
    inputs[i].weight = 1 + static_cast<int32_t>((*random)() % 10);
  }
  return Plan::Build(kind, {}, inputs, 0);
}

void Churn(benchmark::State& state, Kind kind, bool has_tournament, size_t workers) {
  std::mt19937 random(7);
  const auto reals = static_cast<size_t>(state.range(0));
  const Plan plan = PlanOf(kind, reals, &random);
  auto board = std::make_unique<LoadBoard>(workers, reals);
  auto tournament = has_tournament ? Tournament::Create(reals) : nullptr;
  State scheduler = InitialState(plan);
  scheduler.tournament = tournament.get();
  const auto touch = [&](RealId real) {
    if (tournament != nullptr) tournament->Touch(real.value());
  };
  std::vector<RealId> live(kLive);
  for (RealId& real : live) {
    real = RealId{static_cast<uint32_t>(random() % reals)};
    board->AddActive(WorkerId{static_cast<uint8_t>(workers - 1)}, real, 1);
  }
  size_t oldest = 0;
  for (auto _ : state) {
    const RealId real = Pick(plan, &scheduler, {}, *board).real;
    board->AddInactive(kMe, real, 1);
    touch(real);
    board->AddInactive(kMe, real, -1);
    board->AddActive(kMe, real, 1);
    touch(real);
    board->AddActive(kMe, live[oldest], -1);
    touch(live[oldest]);
    live[oldest] = real;
    oldest = (oldest + 1) % kLive;
  }
  state.SetItemsProcessed(state.iterations());
}

void BM_WlcScan(benchmark::State& state) { Churn(state, Kind::kWlc, false, 1); }
void BM_WlcTournament(benchmark::State& state) { Churn(state, Kind::kWlc, true, 1); }
void BM_WlcScanEightWorkers(benchmark::State& state) { Churn(state, Kind::kWlc, false, 8); }
void BM_WlcTournamentEightWorkers(benchmark::State& state) { Churn(state, Kind::kWlc, true, 8); }
void Sizes(benchmark::internal::Benchmark* b) {
  for (const int64_t reals : {4, 10, 16, 24, 32, 48, 64, 100, 1000, 10000}) b->Arg(reals);
}
BENCHMARK(BM_WlcScan)->Apply(Sizes);
BENCHMARK(BM_WlcTournament)->Apply(Sizes);
BENCHMARK(BM_WlcScanEightWorkers)->Apply(Sizes);
BENCHMARK(BM_WlcTournamentEightWorkers)->Apply(Sizes);

// One change of a count of a service that has a tournament, and of one that has none.
void BM_Touch(benchmark::State& state) {
  std::mt19937 random(7);
  const size_t reals = 1000;
  const Plan plan = PlanOf(Kind::kWlc, reals, &random);
  Tournaments all(2 * reals);
  all.Follow(ServiceId{0}, plan);
  const auto offset = static_cast<uint32_t>(state.range(0));
  for (uint32_t i = 0; auto _ : state) {
    all.Touch(RealId{offset + i});
    if (++i == reals) i = 0;
  }
}
BENCHMARK(BM_Touch)->Arg(0)->Arg(1000);

}  // namespace
}  // namespace fairlead::sched
