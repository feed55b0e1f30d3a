#include "control/sync/stream/session.h"

#include <gtest/gtest.h>

#include <functional>

#include "control/stream/stream_pair.h"
#include "sync/stream/entry_codec.h"
#include "sync/stream/wire.h"

namespace fairlead::control::session_test {
namespace {

using std::chrono::milliseconds;

TEST(StreamSession, TwoThatMeetHaveWhatEitherHad) {
  StreamPair pair;
  for (uint32_t i = 0; i < 300; ++i) pair.a.tables.Put(EntryOf(i));
  for (uint32_t i = 200; i < 500; ++i) pair.b.tables.Put(EntryOf(i));
  pair.Connect();
  EXPECT_LT(pair.TurnsUntilInSync(), 5000U);
  EXPECT_EQ(pair.a.tables.entries.size(), 500U);
  EXPECT_EQ(pair.a.tables.Text(), pair.b.tables.Text());
  EXPECT_EQ(pair.a.tables.digests, 1U);
  EXPECT_EQ(pair.a.peer.ledger.counts.connections_in, pair.b.peer.ledger.counts.entries_out);
  pair.Turns(50);  // until the next heartbeat
  EXPECT_EQ(pair.a.session().ranges_left_in(), 0U);
}

TEST(StreamSession, WhatBothHaveIsNotSent) {
  StreamPair pair;
  for (uint32_t i = 0; i < 400; ++i) {
    pair.a.tables.Put(EntryOf(i));
    pair.b.tables.Put(EntryOf(i));
  }
  pair.b.tables.Put(EntryOf(1000));
  pair.Connect();
  EXPECT_LT(pair.TurnsUntilInSync(), 5000U);
  EXPECT_EQ(pair.a.tables.Text(), pair.b.tables.Text());
  const sync::StreamEntry extra = EntryOf(1000);
  size_t of_range = 0;
  for (uint32_t i = 0; i < 400; ++i) {
    of_range += sync::RangeOf(EntryOf(i)) == sync::RangeOf(extra) ? 1 : 0;
  }
  EXPECT_EQ(pair.b.peer.ledger.counts.entries_out, of_range + 1);
}

TEST(StreamSession, NewsArriveAndAreAcknowledged) {
  StreamPair pair;
  pair.Connect();
  pair.TurnsUntilInSync();
  for (uint32_t i = 0; i < 700; ++i) pair.a.tables.Put(EntryOf(i));
  pair.Turn();
  pair.a.tables.Remove(EntryOf(3));
  pair.Turns(5);
  EXPECT_EQ(pair.b.tables.entries.size(), 699U);
  EXPECT_EQ(pair.a.session().out().in_flight(), 0U);
  EXPECT_EQ(pair.a.session().LagOutAt(pair.now), milliseconds(0));
  EXPECT_EQ(pair.b.peer.ledger.counts.gone_in, 1U);
  EXPECT_EQ(pair.a.peer.ledger.counts.bulk_out, 0U);
}

TEST(StreamSession, LagIsTheAgeOfWhatThePeerHasNotTaken) {
  StreamPair pair;
  pair.Connect();
  pair.TurnsUntilInSync();
  pair.b.tables.is_stuck = true;
  pair.a.tables.Put(EntryOf(1));
  pair.Turn();
  EXPECT_TRUE(pair.IsInSync());
  for (int i = 0; i < 120; ++i) pair.Turn();
  EXPECT_EQ(pair.a.session().LagOutAt(pair.now), milliseconds(600));
  EXPECT_FALSE(pair.a.session().IsInSync(pair.now, milliseconds(500)));
  // The other has heard of it by the heartbeat.
  EXPECT_GE(pair.b.session().LagInAt(pair.now), milliseconds(400));
  pair.b.tables.is_stuck = false;
  pair.Turns(45);
  EXPECT_TRUE(pair.IsInSync());
}

TEST(StreamSession, AHugeWindowOfThePeerIsNotBelieved) {
  const TimePoint now{std::chrono::hours(1)};
  const StreamLimits limits{.window = 16384};
  PeerLedger ledger;
  StreamSession session({.own_name = "a", .peer_name = "b", .limits = limits}, ledger, now);
  std::vector<uint8_t> hello;
  sync::EncodeHello({.name = "b", .incarnation = 2, .first_sequence = 1, .window = 0xffff'ffff},
                    &hello);
  session.Receive(hello, now);
  ASSERT_TRUE(session.is_greeted());
  for (uint32_t i = 0; i < 20'000; ++i) session.out().AddNews(EntryOf(i), now);
  EXPECT_EQ(session.out().in_flight(), limits.window);
  EXPECT_EQ(ledger.counts.postponed, 20'000 - limits.window);
}

TEST(StreamSession, WhatIsUnderWayIsBoundedAndTheRestIsSentLater) {
  StreamPair pair;
  pair.limits.window = 16384;
  pair.Connect();
  pair.TurnsUntilInSync();
  pair.b.tables.is_stuck = true;
  for (uint32_t i = 0; i < 20'000; ++i) pair.a.tables.Put(EntryOf(i));
  pair.Turns(10);
  EXPECT_EQ(pair.a.session().out().in_flight(), pair.limits.window);
  EXPECT_EQ(pair.b.session().in().waiting(), pair.limits.window);
  EXPECT_EQ(pair.a.peer.ledger.counts.postponed, 20'000 - pair.limits.window);
  EXPECT_FALSE(pair.b.session().is_over());
  pair.b.tables.is_stuck = false;
  pair.a.tables.slice = 2048;
  pair.Turns(200);
  EXPECT_EQ(pair.b.tables.entries.size(), 20'000U);
  EXPECT_LE(pair.b.tables.largest_batch, kMostEntriesOfBatch);
}

TEST(StreamSession, RangesThatWorkersCouldNotTellAreSentAgain) {
  StreamPair pair;
  pair.Connect();
  pair.TurnsUntilInSync();
  const sync::StreamEntry untold = EntryOf(5);
  pair.a.tables.entries[KeyOf(untold)] = untold;
  pair.a.tables.lost = {sync::RangeOf(untold)};
  pair.Turns(10);
  EXPECT_EQ(pair.b.tables.entries.size(), 1U);
  EXPECT_EQ(pair.a.tables.passes, 1U);
}

TEST(StreamSession, ARejoinSendsWhatWasMissedAndNoMore) {
  StreamPair pair;
  for (uint32_t i = 0; i < 500; ++i) pair.a.tables.Put(EntryOf(i));
  pair.Connect();
  pair.TurnsUntilInSync();
  pair.Cut();
  const sync::StreamEntry missed = EntryOf(900);
  pair.a.tables.Put(missed);
  pair.Turns(3);
  const size_t walked = pair.a.tables.walked;
  pair.Connect();
  EXPECT_LT(pair.TurnsUntilInSync(), 5000U);
  EXPECT_EQ(pair.a.tables.Text(), pair.b.tables.Text());
  size_t of_range = 0;
  for (const auto& [key, e] : pair.a.tables.entries) {
    of_range += sync::RangeOf(e) == sync::RangeOf(missed) ? 1 : 0;
  }
  EXPECT_EQ(pair.a.tables.walked - walked, of_range);
}

TEST(StreamSession, RangesThatWereAcknowledgedAreNotSentAgain) {
  StreamPair pair;
  pair.limits.ranges_of_pass = 64;
  for (uint32_t i = 0; i < 2000; ++i) pair.a.tables.Put(EntryOf(i));
  pair.Connect();
  while (pair.b.tables.entries.size() < 1000) pair.Turn();
  pair.Turns(3);
  const size_t taken = pair.b.tables.entries.size();
  pair.Cut();
  // The digests of ranges that the other has are made to differ, as with connections that come and
  // go: it is not for them that ranges are left out.
  for (auto& [key, e] : pair.b.tables.entries) e.real = *IpAddress::Parse("10.0.0.99");
  const size_t walked = pair.a.tables.walked;
  pair.Connect();
  EXPECT_LT(pair.TurnsUntilInSync(), 5000U);
  EXPECT_EQ(pair.b.tables.entries.size(), 2000U);
  EXPECT_LT(pair.a.tables.walked - walked, 2000 - taken + 200);
}

TEST(StreamSession, APeerThatHasStartedAnewGetsAll) {
  StreamPair pair;
  for (uint32_t i = 0; i < 100; ++i) pair.a.tables.Put(EntryOf(i));
  pair.Connect();
  pair.TurnsUntilInSync();
  pair.Cut();
  pair.b.tables.entries.clear();
  pair.b.incarnation = 77;
  pair.b.peer.ledger = {};
  pair.Connect();
  EXPECT_LT(pair.TurnsUntilInSync(), 5000U);
  EXPECT_EQ(pair.b.tables.entries.size(), 100U);
}

// A slice was copied before its record ended; what was told of the end is newer.
TEST(StreamSession, ASliceDoesNotBringBackWhatHasEndedSince) {
  PeerLedger ledger;
  const TimePoint now{};
  Outflow out(ledger, {});
  out.Begin(1, 16384, now);
  out.BeginBulk(StreamRanges().set());
  ASSERT_TRUE(out.wants_pass());
  out.BeginPass(now);
  sync::StreamEntry gone = EntryOf(1);
  gone.event = sync::StreamEvent::kGone;
  out.AddNews(gone, now);
  out.AddSlice({EntryOf(1), EntryOf(2)}, true, now);
  EXPECT_EQ(out.in_flight(), 2U);  // the end, and the other record
  EXPECT_EQ(ledger.counts.bulk_out, 1U);
}

// However wide the window is: on a slow link news would wait behind all of it.
TEST(StreamSession, TheBulkWaitsWhenMuchIsUnderWay) {
  PeerLedger ledger;
  const TimePoint now{};
  Outflow out(ledger, {.window = 65536});
  out.Begin(1, 65536, now);
  out.BeginBulk(StreamRanges().set());
  for (uint32_t i = 0; i < 6144; ++i) out.AddNews(EntryOf(i), now);
  EXPECT_TRUE(out.wants_pass());
  out.AddNews(EntryOf(6144), now);
  EXPECT_FALSE(out.wants_pass());
  EXPECT_EQ(ledger.counts.postponed, 0U);
}

TEST(StreamSession, SilenceEndsIt) {
  StreamPair pair;
  pair.Connect();
  pair.TurnsUntilInSync();
  for (int i = 0; i < 1001; ++i) {
    pair.now += milliseconds(5);
    pair.a.hub.Turn(pair.now);
  }
  EXPECT_EQ(pair.a.ending(), "silent");
}

TEST(StreamSession, NoHelloEndsIt) {
  StreamPair pair;
  pair.a.Begin(pair.now, 1, {});
  pair.now += milliseconds(5005);
  pair.a.hub.Turn(pair.now);
  EXPECT_EQ(pair.a.ending(), "silent");
}

TEST(StreamSession, APeerThatTakesNothingIsLeft) {
  StreamPair pair;
  pair.Connect();
  pair.TurnsUntilInSync();
  pair.b.tables.is_stuck = true;
  pair.a.tables.Put(EntryOf(1));
  pair.Turns(6100);
  EXPECT_EQ(pair.a.ending(), "stalled");
  EXPECT_EQ(pair.b.ending(), "theirs: stalled");
}

// ---- what a peer that has the key may not do

class HostilePeer : public testing::Test {
 protected:
  // Sends `bytes` after a good hello; returns how the session ends.
  std::string After(const std::vector<uint8_t>& bytes, bool is_greeting = true) {
    pair.a.Begin(pair.now, 500, pair.limits);
    std::vector<uint8_t> all;
    if (is_greeting) sync::EncodeHello(hello, &all);
    all.insert(all.end(), bytes.begin(), bytes.end());
    pair.a.session().Receive(all, pair.now);
    return pair.a.ending();
  }
  static std::vector<uint8_t> Entries(uint64_t sequence, bool is_last = false,
                                      uint16_t said_more = 0) {
    std::vector<uint8_t> bytes;
    const size_t begin = sync::BeginEntries(&bytes);
    sync::EncodeEntry(EntryOf(1), &bytes);
    sync::EndEntries(begin,
                     {.sequence = sequence,
                      .count = static_cast<uint16_t>(1 + said_more),
                      .is_bulk = false,
                      .is_last_of_bulk = is_last},
                     &bytes);
    return bytes;
  }
  static std::vector<uint8_t> Join(std::vector<uint8_t> one, const std::vector<uint8_t>& two) {
    one.insert(one.end(), two.begin(), two.end());
    return one;
  }

  StreamPair pair;
  sync::Hello hello{.name = "b", .incarnation = 9, .first_sequence = 700, .window = 16384};
};

TEST_F(HostilePeer, RepeatedAndReorderedEntriesAreRefused) {
  EXPECT_EQ(After(Entries(500)), "");
  EXPECT_EQ(After(Join(Entries(500), Entries(500))), "old_sequence");
  EXPECT_EQ(After(Entries(501)), "sequence_gap");
  EXPECT_EQ(After(Entries(0)), "old_sequence");
  EXPECT_EQ(
      pair.a.peer.ledger.counts.refused[static_cast<size_t>(sync::StreamRefusal::kOldSequence)],
      2U);
}

TEST_F(HostilePeer, FramesWhereTheyMayNotBeAreRefused) {
  std::vector<uint8_t> again;
  sync::EncodeHello(hello, &again);
  EXPECT_EQ(After(again), "order");
  EXPECT_EQ(After(Entries(500), false), "order");
  EXPECT_EQ(After(Join(Entries(500, true), Entries(501, true))), "order");
  std::vector<uint8_t> ack;
  sync::EncodeAcknowledge(700, &ack);
  EXPECT_EQ(After(ack), "acknowledgement");
  EXPECT_EQ(After({0, 0, 99, 1}), "frame_type");
  EXPECT_EQ(After({0, 0, 99, 0}), "");
  EXPECT_EQ(After({0, 0, 99, 0}, false), "magic");
  EXPECT_EQ(After({0xff, 0xff, 2, 1}), "frame_size");
  EXPECT_EQ(After(Entries(500, false, 1)), "entry_size");
}

TEST_F(HostilePeer, AnotherNameIsRefused) {
  hello.name = "c";
  EXPECT_EQ(After({}), "name");
  hello.name = "b";
  hello.ranges = 64;
  EXPECT_EQ(After({}), "ranges");
  hello.ranges = 4096;
  hello.window = 10;
  EXPECT_EQ(After({}), "hello_option");
}

TEST_F(HostilePeer, MoreThanTheWindowIsRefused) {
  pair.limits.window = 4096;
  std::vector<uint8_t> bytes;
  for (uint64_t i = 0; i < 4097; ++i) bytes = Join(std::move(bytes), Entries(500 + i));
  EXPECT_EQ(After(bytes), "window");
  EXPECT_EQ(pair.a.session().in().waiting(), 4096U);
}

TEST_F(HostilePeer, AnEntryThatCannotBeIsLeftOutAlone) {
  std::vector<uint8_t> bytes;
  const size_t begin = sync::BeginEntries(&bytes);
  sync::StreamEntry bad = EntryOf(1);
  bad.state = 200;
  sync::EncodeEntry(bad, &bytes);
  sync::EncodeEntry(EntryOf(2), &bytes);
  sync::EndEntries(begin, {.sequence = 500, .count = 2}, &bytes);
  EXPECT_EQ(After(bytes), "");
  const PeerCounts& counts = pair.a.peer.ledger.counts;
  EXPECT_EQ(counts.refused[static_cast<size_t>(sync::StreamRefusal::kState)], 1U);
  EXPECT_EQ(pair.a.session().in().NextBatch().size(), 1U);
}

// Options that are not known are skipped, and may make few entries long.
TEST_F(HostilePeer, FewEntriesOfManyBytesAreRefusedAsWell) {
  pair.limits.window = 4096;
  std::vector<uint8_t> entry;
  sync::EncodeEntry(EntryOf(1), &entry);
  for (uint8_t type = 0x40; type < 0x7f; ++type) {
    entry.push_back(type);
    entry.push_back(255);
    entry.insert(entry.end(), 255, 0);
  }
  Be16::FromHost(static_cast<uint16_t>(entry.size())).Store(entry.data());
  const size_t most = 4096 * sync::kMostStreamEntryBytes / entry.size();
  std::vector<uint8_t> bytes;
  for (uint64_t i = 0; i <= most; ++i) {
    const size_t begin = sync::BeginEntries(&bytes);
    bytes.insert(bytes.end(), entry.begin(), entry.end());
    sync::EndEntries(begin, {.sequence = 500 + i, .count = 1}, &bytes);
  }
  EXPECT_EQ(After(bytes), "window");
  EXPECT_EQ(pair.a.session().in().waiting(), most);
  const std::vector<sync::StreamEntry> batch = pair.a.session().in().NextBatch();
  ASSERT_EQ(batch.size(), most);
  EXPECT_EQ(batch.back().client, EntryOf(1).client);
}

// A newer version may say more behind the entries.
TEST_F(HostilePeer, WhatStandsBehindTheEntriesIsSkipped) {
  std::vector<uint8_t> bytes;
  const size_t begin = sync::BeginEntries(&bytes);
  sync::EncodeEntry(EntryOf(1), &bytes);
  sync::EncodeEntry(EntryOf(2), &bytes);
  sync::EndEntries(begin, {.sequence = 500, .count = 1}, &bytes);
  EXPECT_EQ(After(bytes), "");
  EXPECT_EQ(pair.a.session().in().NextBatch().size(), 1U);
}

// ---- a bulk that never ends

// A peer that is heard each second, and never says that its bulk is over.
class EndlessBulk : public HostilePeer {
 protected:
  EndlessBulk() {
    After({});
    std::vector<uint8_t> bytes;
    sync::EncodeDigests(std::vector<RangeDigest>(kStreamRanges), &bytes);
    pair.a.hub.Turn(pair.now);
    pair.a.session().Receive(bytes, pair.now);
    pair.a.hub.Turn(pair.now);  // it says that its own bulk is over
    bytes.clear();
    sync::EncodeAcknowledge(hello.first_sequence, &bytes);
    pair.a.session().Receive(bytes, pair.now);
  }
  // Seconds until the session has ended, `most` at the most.
  int Last(int most, const std::function<void(int second, std::vector<uint8_t>* bytes)>& say) {
    for (int second = 1; second <= most; ++second) {
      pair.now += std::chrono::seconds(1);
      std::vector<uint8_t> bytes;
      say(second, &bytes);
      pair.a.session().Receive(bytes, pair.now);
      pair.a.hub.Turn(pair.now);
      if (pair.a.session().is_over()) return second;
    }
    return most + 1;
  }
  static void Beat(uint32_t ranges_left, std::vector<uint8_t>* bytes) {
    sync::EncodeHeartbeat({.lag_ms = 0, .ranges_left = ranges_left}, bytes);
  }
};

TEST_F(EndlessBulk, OfWhichNothingComesIsGivenUp) {
  EXPECT_EQ(Last(200, [](int, auto* bytes) { Beat(7, bytes); }), 122);
  EXPECT_EQ(pair.a.ending(), "unfinished");
  const auto& refused = pair.a.peer.ledger.counts.refused;
  EXPECT_EQ(refused[static_cast<size_t>(sync::StreamRefusal::kUnfinished)], 1U);
}

TEST_F(EndlessBulk, ThatComesNoNearerToItsEndIsGivenUp) {
  uint64_t sequence = 500;
  const auto trickle = [&sequence](int, std::vector<uint8_t>* bytes) {
    Beat(7, bytes);
    *bytes = Join(*bytes, Entries(sequence++));
  };
  EXPECT_EQ(Last(1000, trickle), 902);
  EXPECT_EQ(pair.a.ending(), "unfinished");
}

TEST_F(EndlessBulk, ThatComesNearerToItsEndGoesOn) {
  const auto slow = [](int second, auto* bytes) {
    Beat(static_cast<uint32_t>(100 - second / 100), bytes);
  };
  EXPECT_EQ(Last(3000, slow), 3001);
}

// What is over is not watched.
TEST_F(EndlessBulk, ThatHasEndedIsForgotten) {
  pair.a.session().Receive(Entries(500, true), pair.now);
  EXPECT_EQ(Last(2000, [](int, auto* bytes) { Beat(7, bytes); }), 2001);
}

TEST_F(HostilePeer, AGoodbyeIsShown) {
  std::vector<uint8_t> bytes;
  sync::EncodeGoodbye("name", &bytes);
  EXPECT_EQ(After(bytes, false), "theirs: name");
}

TEST_F(HostilePeer, WhatIsRefusedIsSaidToThePeer) {
  EXPECT_EQ(After(Entries(501)), "sequence_gap");
  pair.b.Begin(pair.now, 1, {});
  pair.b.session().Receive(pair.a.session().TakeOutput(), pair.now);
  EXPECT_EQ(pair.b.ending(), "theirs: sequence_gap");
}

}  // namespace
}  // namespace fairlead::control::session_test
