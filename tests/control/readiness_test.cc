// When a director may serve, by a clock turned by hand.
#include "control/readiness.h"

#include <gtest/gtest.h>

namespace fairlead::control::readiness_test {

using namespace std::chrono_literals;

constexpr TimePoint kStart{1000s};
constexpr ReadyRule kRule{.ready_lag = 500ms, .ready_timeout = 30s};

PeerReadiness Away(std::string name, TimePoint since = kStart) {
  return {.name = std::move(name), .unreachable_since = since};
}
PeerReadiness Here(std::string name, bool is_taken_in, std::chrono::milliseconds lag = 0ms) {
  return {.name = std::move(name), .is_reachable = true, .is_taken_in = is_taken_in, .lag = lag};
}

class Gate {
 public:
  // What is shown: "ready", or the reasons, then each peer with what it is.
  std::string Turn(TimePoint now, const std::vector<PeerReadiness>& peers,
                   bool is_forwarding = true) {
    is_news = readiness.Turn(now, {is_forwarding, is_cut_off, peers, fleet_unheard_since}, kRule);
    std::string shown = readiness.is_ready() ? "ready" : "";
    for (const NotReady& why : readiness.reasons()) {
      shown += (shown.empty() ? "" : ",") + std::string(ToWord(why.kind));
    }
    for (const PeerState& peer : readiness.peers()) {
      shown += " " + peer.name + (peer.is_in_sync ? "=in-sync" : "=not");
      if (peer.is_given_up) shown += ",given-up";
    }
    return shown;
  }
  [[nodiscard]] std::string sentence() const { return readiness.reasons().at(0).sentence; }

  Readiness readiness;
  // The same with turns in between.
  std::string Wait(TimePoint from, TimePoint to, const std::vector<PeerReadiness>& peers) {
    for (TimePoint now = from; now < to; now += 1s) Turn(now, peers);
    return Turn(to, peers);
  }

  std::optional<TimePoint> fleet_unheard_since;
  bool is_cut_off = false;
  bool is_news = false;
};

TEST(Readiness, AloneItIsReadyOnceItForwards) {
  Gate gate;
  EXPECT_FALSE(gate.readiness.is_ready());
  EXPECT_EQ(gate.readiness.reasons().size(), 1u);
  EXPECT_EQ(gate.Turn(kStart, {}, false), "not-forwarding");
  EXPECT_EQ(gate.Turn(kStart, {}, true), "ready");
  EXPECT_TRUE(gate.is_news);
  EXPECT_EQ(gate.Turn(kStart, {}, true), "ready");
  EXPECT_FALSE(gate.is_news);
  EXPECT_TRUE(gate.readiness.reasons().empty());
}

TEST(Readiness, EveryReachablePeerMustBeTakenInAndNearby) {
  Gate gate;
  EXPECT_EQ(gate.Turn(kStart, {Here("b", false), Here("c", true)}),
            "peer-not-taken-in b=not c=in-sync");
  EXPECT_EQ(gate.Turn(kStart, {Here("b", true, 1200ms), Here("c", true)}),
            "peer-lags b=not c=in-sync");
  EXPECT_EQ(gate.sentence(), "Peer b lags by 1.2 s, and sync.ready_lag is 500 ms");
  EXPECT_EQ(gate.Turn(kStart, {Here("b", true, 500ms), Here("c", true)}),
            "peer-lags b=not c=in-sync");
  EXPECT_EQ(gate.Turn(kStart, {Here("b", true, 499ms), Here("c", true)}),
            "ready b=in-sync c=in-sync");
}

TEST(Readiness, APeerThatIsAwayStopsCountingInTime) {
  Gate gate;
  EXPECT_EQ(gate.Turn(kStart, {Away("b")}), "peer-unreachable b=not");
  EXPECT_EQ(gate.sentence(),
            "Peer b cannot be reached; it stops counting in 30 s (sync.ready_timeout)");
  EXPECT_EQ(gate.Turn(kStart + 29'999ms, {Away("b")}), "peer-unreachable b=not");
  EXPECT_EQ(gate.sentence(),
            "Peer b cannot be reached; it stops counting in 1 s (sync.ready_timeout)");
  EXPECT_EQ(gate.Turn(kStart + 30s, {Away("b")}), "ready b=not,given-up");
}

// One that comes back before the gate has opened is asked again.
TEST(Readiness, APeerThatComesBackCountsAgain) {
  Gate gate;
  EXPECT_EQ(gate.Turn(kStart + 30s, {Away("b"), Here("c", false)}),
            "peer-not-taken-in b=not,given-up c=not");
  EXPECT_EQ(gate.Turn(kStart + 31s, {Here("b", false), Here("c", true)}),
            "peer-not-taken-in b=not c=in-sync");
  EXPECT_EQ(gate.Turn(kStart + 32s, {Away("b", kStart + 32s), Here("c", true)}),
            "peer-unreachable b=not c=in-sync");
  EXPECT_EQ(gate.Turn(kStart + 33s, {Here("b", true), Here("c", true)}),
            "ready b=in-sync c=in-sync");
}

// A director in service keeps its addresses, whatever becomes of its peers.
TEST(Readiness, InServiceItStaysOpen) {
  Gate gate;
  EXPECT_EQ(gate.Turn(kStart, {Here("b", true)}), "ready b=in-sync");
  EXPECT_EQ(gate.Turn(kStart + 1s, {Here("b", true, 9s)}), "ready b=not");
  EXPECT_TRUE(gate.is_news);
  EXPECT_EQ(gate.Turn(kStart + 2s, {Away("b", kStart + 2s)}), "ready b=not");
  EXPECT_FALSE(gate.is_news);
  EXPECT_EQ(gate.Wait(kStart + 3s, kStart + 31s, {Away("b", kStart + 2s)}), "ready b=not");
  EXPECT_EQ(gate.Turn(kStart + 32s, {Away("b", kStart + 2s)}), "ready b=not,given-up");
  EXPECT_TRUE(gate.is_news);
  EXPECT_EQ(gate.Turn(kStart + 33s, {Here("b", false), Here("new", false)}, false),
            "ready b=not new=not");
}

// No line towards clients, and none to the peer, which serves meanwhile: it must be heard first.
TEST(Readiness, OneThatWasCutOffIsAskedAgain) {
  Gate gate;
  EXPECT_EQ(gate.Turn(kStart, {Here("b", true)}), "ready b=in-sync");
  gate.is_cut_off = true;
  EXPECT_EQ(gate.Turn(kStart + 1s, {Here("b", true)}), "cut-off b=in-sync");
  EXPECT_TRUE(gate.is_news);
  EXPECT_EQ(gate.Wait(kStart + 2s, kStart + 60s, {Away("b", kStart + 5s)}),
            "cut-off,peer-unreachable b=not");
  gate.is_cut_off = false;
  EXPECT_EQ(gate.Turn(kStart + 61s, {Away("b", kStart + 5s)}), "peer-unreachable b=not");
  EXPECT_EQ(gate.Turn(kStart + 62s, {Here("b", false)}), "peer-not-taken-in b=not");
  EXPECT_EQ(gate.Turn(kStart + 63s, {Here("b", true)}), "ready b=in-sync");
  EXPECT_EQ(gate.Turn(kStart + 64s, {Away("b", kStart + 64s)}), "ready b=not");
}

TEST(Readiness, WhoStaysAwayThenStopsCountingInTime) {
  Gate gate;
  EXPECT_EQ(gate.Turn(kStart, {Here("b", true)}), "ready b=in-sync");
  gate.is_cut_off = true;
  gate.Wait(kStart + 1s, kStart + 60s, {Away("b", kStart + 5s)});
  gate.is_cut_off = false;
  EXPECT_EQ(gate.Wait(kStart + 61s, kStart + 89s, {Away("b", kStart + 5s)}),
            "peer-unreachable b=not");
  EXPECT_EQ(gate.sentence(),
            "Peer b cannot be reached; it stops counting in 1 s (sync.ready_timeout)");
  EXPECT_EQ(gate.Turn(kStart + 90s, {Away("b", kStart + 5s)}), "ready b=not,given-up");
}

// A peer that it hears all the while has nothing more to say. One that had stopped counting before
// is not asked.
TEST(Readiness, WhoHearsItsPeersIsReadyAtOnce) {
  Gate gate;
  EXPECT_EQ(gate.Wait(kStart, kStart + 30s, {Here("b", true), Away("c")}),
            "ready b=in-sync c=not,given-up");
  gate.is_cut_off = true;
  EXPECT_EQ(gate.Wait(kStart + 31s, kStart + 60s, {Here("b", true), Away("c")}),
            "cut-off b=in-sync c=not,given-up");
  gate.is_cut_off = false;
  EXPECT_EQ(gate.Turn(kStart + 61s, {Here("b", true), Away("c")}),
            "ready b=in-sync c=not,given-up");
}

TEST(Readiness, WithoutAPeerNothingCloses) {
  Gate gate;
  EXPECT_EQ(gate.Wait(kStart, kStart + 30s, {Away("c")}), "ready c=not,given-up");
  gate.is_cut_off = true;
  EXPECT_EQ(gate.Wait(kStart + 31s, kStart + 60s, {Away("c")}), "ready c=not,given-up");
}

// One that is configured no longer.
TEST(Readiness, WhoIsNoPeerAnyMoreIsNotAwaited) {
  Gate gate;
  EXPECT_EQ(gate.Turn(kStart, {Here("b", true)}), "ready b=in-sync");
  EXPECT_EQ(gate.Turn(kStart + 1s, {}), "ready");
  gate.is_cut_off = true;
  EXPECT_EQ(gate.Turn(kStart + 2s, {}), "ready");
}

// Its predecessor was ready without the peer. A network card whose line comes up again after an
// upgrade is no reason to ask for it.
TEST(Readiness, ASuccessorWithoutALineYetIsReady) {
  Gate gate;
  gate.readiness.Inherit();
  gate.is_cut_off = true;
  EXPECT_EQ(gate.Wait(kStart, kStart + 4s, {Away("b")}), "ready b=not");
  gate.is_cut_off = false;
  EXPECT_EQ(gate.Wait(kStart + 5s, kStart + 29s, {Away("b")}), "ready b=not");
  EXPECT_EQ(gate.Turn(kStart + 30s, {Away("b")}), "ready b=not,given-up");
}

// The peer has ended the session meanwhile, which is not known here yet.
TEST(Readiness, OneThatStoodStillIsAskedAgain) {
  Gate gate;
  const auto session = [](TimePoint since) {
    PeerReadiness peer = Here("b", true);
    peer.session_since = since;
    return peer;
  };
  EXPECT_EQ(gate.Turn(kStart, {session(kStart)}), "ready b=in-sync");
  EXPECT_EQ(gate.Turn(kStart + 5'999ms, {session(kStart)}), "ready b=in-sync");
  EXPECT_EQ(gate.Turn(kStart + 11'999ms, {session(kStart)}), "peer-unreachable b=not");
  EXPECT_EQ(gate.Turn(kStart + 13s, {session(kStart + 12'500ms)}), "ready b=in-sync");
}

// What its predecessor handed over is all that there is to know; but it must forward.
TEST(Readiness, ASuccessorWaitsForNoPeer) {
  Gate gate;
  gate.readiness.Inherit();
  EXPECT_EQ(gate.Turn(kStart, {Away("b")}, false), "not-forwarding b=not");
  EXPECT_EQ(gate.Turn(kStart, {Away("b")}, true), "ready b=not");
}

TEST(Readiness, AFleetThatHasNotSaidWhoItsPeersAreCountsAsAPeer) {
  Gate gate;
  gate.fleet_unheard_since = kStart;
  EXPECT_EQ(gate.Turn(kStart, {}), "fleet-unheard");
  EXPECT_EQ(gate.sentence(),
            "etcd has not said yet which sync peers there are; it is waited for that for 30 s "
            "(sync.ready_timeout)");
  gate.fleet_unheard_since.reset();
  EXPECT_EQ(gate.Turn(kStart + 2s, {Here("b", false)}), "peer-not-taken-in b=not");
  Gate other;
  other.fleet_unheard_since = kStart;
  EXPECT_EQ(other.Turn(kStart + 29'999ms, {}), "fleet-unheard");
  EXPECT_EQ(other.Turn(kStart + 30s, {}), "ready");
  Gate successor;
  successor.fleet_unheard_since = kStart;
  successor.readiness.Inherit();
  EXPECT_EQ(successor.Turn(kStart, {}), "ready");
}

}  // namespace fairlead::control::readiness_test
