// A director dies between two stores to its records, and another takes up what it left: with as
// many workers or another number, in place or into other arrays, at once or after a while. No
// client changes its real, no connection is lost, all counts are right, and nothing leaks. A life
// that ends badly is shrunk, and the failure prints what is left of it.
//
// FAIRLEAD_TAKE_UP_CUTS: how many times it dies (240; 10000 where there is time).
#include <gtest/gtest.h>

#include <cstdio>
#include <cstring>
#include <random>
#include <utility>

#include "shard/take_up_successor.h"
#include "shrink.h"
#include "store_watch.h"

namespace fairlead::dataplane::take_up::take_up_property_test {
namespace {

// Copies of a region at up to `most` stores, each store as likely to be among them as another.
class Cuts {
 public:
  struct Cut {
    uint32_t store = 0;  // 0: before the first
    const std::byte* at = nullptr;
  };

  Cuts(size_t most, std::span<const std::byte> region, uint32_t seed)
      : region_(region),
        copies_(*MappedMemory::Create(most * region.size(), HugePages::kOff, "cuts")),
        cuts_(most),
        random_(seed) {}

  // What a signal handler may do.
  void Keep(const std::byte* at) noexcept {
    size_t place = seen_++;
    if (place >= cuts_.size()) place = random_() % seen_;
    if (place >= cuts_.size()) return;
    cuts_[place] = {static_cast<uint32_t>(seen_ - 1), at};
    std::memcpy(copy(place).data(), region_.data(), region_.size());
  }

  [[nodiscard]] size_t size() const { return std::min(seen_, cuts_.size()); }
  [[nodiscard]] size_t stores() const { return seen_ == 0 ? 0 : seen_ - 1; }
  [[nodiscard]] const Cut& at(size_t i) const { return cuts_[i]; }
  [[nodiscard]] std::span<std::byte> copy(size_t i) const {
    return {static_cast<std::byte*>(copies_.data()) + i * region_.size(), region_.size()};
  }

 private:
  std::span<const std::byte> region_;
  MappedMemory copies_;
  std::vector<Cut> cuts_;
  std::minstd_rand random_;
  size_t seen_ = 0;
};

// One life, and the deaths in it.
class Life {
 public:
  Life(const Case& c, size_t most_cuts)
      : case_(c),
        memory_(c.workers, kSizes),
        cuts_(most_cuts, memory_.bytes(), c.seed),
        d_({.workers = c.workers, .ring_packets = 64, .seed = c.seed, .memory = memory_.tables()}) {
    Configure(d_);
    d_.Publish();
  }

  void Live(const Story& story) {
    const auto death = std::ranges::find(story, Do::kDie, &Step::what);
    for (auto step = story.begin(); step != death; ++step) Play(d_, *step);
    if (death == story.end()) return;
    before_ = TablesOf(d_);
    cuts_.Keep(nullptr);
    WatchStores(
        memory_.bytes(), [this](const std::byte* at) { cuts_.Keep(at); },
        [&] {
          for (auto step = death; step != story.end(); ++step) Play(d_, *step);
        });
    after_ = TablesOf(d_);
  }

  // What the first bad successor lacks; "": all are good.
  std::string Judge() {
    std::string wrong = before_.wrong + after_.wrong;
    if (!wrong.empty()) return "alive: " + wrong;
    const DirectorMemory left(case_.workers, kSizes);
    for (size_t i = 0; i < cuts_.size(); ++i) {
      std::memcpy(left.bytes().data(), cuts_.copy(i).data(), left.bytes().size());
      wrong = WhatASuccessorLacks(case_, left, before_, after_, d_.now());
      if (!wrong.empty()) return NameOf(cuts_.at(i)) + ": " + wrong;
    }
    return "";
  }

  [[nodiscard]] size_t cuts() const { return cuts_.size(); }

 private:
  [[nodiscard]] std::string NameOf(const Cuts::Cut& cut) const {
    return "after store " + std::to_string(cut.store) + " of " + std::to_string(cuts_.stores()) +
           (cut.at == nullptr ? "" : " (" + memory_.NameOf(cut.at) + ")");
  }

  const Case case_;
  const DirectorMemory memory_;
  Cuts cuts_;
  ByteDirector d_;
  Tables before_, after_;
};

// Some of the stores of a life, and of a bad one as good as all.
constexpr size_t kCutsOfLife = 4, kAllCuts = 512;

std::string Tell(const Case& c, const Story& story, size_t most_cuts, size_t* cuts = nullptr) {
  Life life(c, most_cuts);
  life.Live(story);
  if (cuts != nullptr) *cuts += life.cuts();
  return life.Judge();
}

// Empty, or what goes wrong and the shortest life that ends so. A director does the same each time
// from one seed, so the shrunk life can be told again.
std::string Verdict(const Case& c, const Story& story, size_t* cuts, Story* least = nullptr) {
  const std::string first = Tell(c, story, kCutsOfLife, cuts);
  if (first.empty()) return "";
  // Before the search for the shortest life, which takes a while: whoever stops it knows this much.
  std::fprintf(stderr, "%s: %s\n", Name(c).c_str(), first.c_str());
  const auto is_bad = [&](const Story& s) { return !Tell(c, s, kAllCuts).empty(); };
  Story shortest = Shrink(story, is_bad);
  // Single turns and seconds are easier read as "settle", and one of those does for several.
  for (size_t i = 0; i < shortest.size() && shortest[i].what != Do::kDie; ++i) {
    if (shortest[i].what != Do::kTurn && shortest[i].what != Do::kAdvance) continue;
    Story simpler = shortest;
    simpler[i] = {.what = Do::kSettle};
    if (is_bad(simpler)) shortest = std::move(simpler);
  }
  shortest = Shrink(shortest, is_bad);
  if (least != nullptr) *least = shortest;
  return Name(c) + ": " + Tell(c, shortest, kAllCuts) + "\n" + Text(shortest) + "first seen " +
         first;
}

class TakeUpProperty : public testing::TestWithParam<uint32_t> {};
constexpr uint32_t kParts = 8;
INSTANTIATE_TEST_SUITE_P(Cuts, TakeUpProperty, testing::Range(0u, kParts));

TEST_P(TakeUpProperty, NothingIsLostAtAnyStore) {
  size_t cuts = 0, lives = 0;
  for (uint32_t i = GetParam(); cuts < (CutsWanted() + kParts - 1) / kParts; i += kParts) {
    // The worker counts change with the part, so that each part has all of them.
    const Case c = CaseOf(i + i / kParts);
    const std::string verdict = Verdict(c, Draw(c.seed).LifeAndDeath(), &cuts);
    ASSERT_TRUE(verdict.empty()) << verdict;
    ++lives;
  }
  EXPECT_GT(cuts, lives);  // there were stores to cut at
}

// The property can fail: a successor whose ticks begin anew is caught, and a connection and its
// death are what is left of the life.
TEST(TakeUpPropertyItself, CatchesASuccessorThatForgetsTheEpoch) {
  const Case wrong{.workers = 2, .next_workers = 2, .seed = 5, .forgets_epoch = true};
  Story story = Draw(wrong.seed).LifeAndDeath();
  story.insert(story.begin(), Step{.what = Do::kAdvance, .detail = 240});
  size_t cuts = 0;
  Story least;
  const std::string verdict = Verdict(wrong, story, &cuts, &least);
  EXPECT_NE(verdict.find("from here on it may die"), std::string::npos) << verdict;
  EXPECT_GE(least.size(), 3u) << verdict;
  EXPECT_LE(least.size(), 5u) << verdict;
}

}  // namespace
}  // namespace fairlead::dataplane::take_up::take_up_property_test
