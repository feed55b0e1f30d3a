// Two directors with random records over a connection that is cut again and again end with the
// same.
#include <gtest/gtest.h>

#include "control/stream/stream_pair.h"

namespace fairlead::control::session_property_test {
namespace {

class Story {
 public:
  explicit Story(uint32_t seed) {
    pair_.random.seed(seed);
    pair_.limits.ranges_of_pass = 1 + Draw(600);
    pair_.limits.window = 4096 + Draw(1024);
    pair_.a.tables.slice = 1 + Draw(300);
    pair_.b.tables.slice = 1 + Draw(300);
  }

  // With removals each record is one side's alone: else it may end here while it is renewed there.
  void Run(bool may_cut, bool may_remove) {
    for (int step = 0; step < 300; ++step) {
      const bool is_a = Draw(2) == 0;
      StreamSide& side = is_a ? pair_.a : pair_.b;
      const auto any = [&] {
        const uint32_t number = Draw(3000);
        return EntryOf(may_remove ? number * 2 + (is_a ? 1 : 0) : number, Draw(4),
                       1000 + Draw(1000));
      };
      switch (Draw(8)) {
        case 0:
          if (!pair_.is_connected) pair_.Connect();
          break;
        case 1:
          if (may_cut && Draw(4) == 0) pair_.Cut();
          break;
        case 2:
          if (may_remove) side.tables.Remove(any());
          break;
        case 3:
          side.tables.is_stuck = may_cut && Draw(3) == 0;
          break;
        case 4:
          for (uint32_t i = Draw(500); i > 0; --i) side.tables.Put(Unmet(any()));
          break;
        default:
          side.tables.Put(Unmet(any()));
      }
      pair_.Turn(1 + Draw(20'000));
    }
    pair_.a.tables.is_stuck = pair_.b.tables.is_stuck = false;
    pair_.Turns(1);
    if (!pair_.is_connected) pair_.Connect();
    EXPECT_LT(pair_.TurnsUntilInSync(20'000), 20'000U) << pair_.a.ending() << pair_.b.ending();
    pair_.Turns(100);  // in sync is not without any lag
  }

  StreamPair& pair() { return pair_; }

 private:
  uint32_t Draw(uint32_t below) { return static_cast<uint32_t>(pair_.random() % below); }
  // A record that is there keeps its age, as a connection does.
  sync::StreamEntry Unmet(sync::StreamEntry entry) {
    for (const StreamSide* side : {&pair_.a, &pair_.b}) {
      const auto it = side->tables.entries.find(KeyOf(entry));
      if (it != side->tables.entries.end()) entry = it->second;
    }
    return entry;
  }

  StreamPair pair_;
};

TEST(SessionProperty, CutConnectionsLoseNothing) {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Story story(seed);
    story.Run(true, false);
    EXPECT_TRUE(story.pair().a.tables.Text() == story.pair().b.tables.Text());
    EXPECT_GT(story.pair().a.tables.entries.size(), 1000U);
  }
}

TEST(SessionProperty, WhatEndsHereEndsThere) {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Story story(seed);
    story.pair().Connect();
    story.pair().TurnsUntilInSync();
    story.Run(false, true);
    EXPECT_TRUE(story.pair().a.tables.Text() == story.pair().b.tables.Text());
    EXPECT_EQ(story.pair().a.peer.ledger.counts.sessions, 1U);
    EXPECT_EQ(story.pair().a.peer.ledger.counts.postponed, 0U);
    EXPECT_GT(story.pair().a.peer.ledger.counts.gone_in, 0U);
  }
}

}  // namespace
}  // namespace fairlead::control::session_property_test
