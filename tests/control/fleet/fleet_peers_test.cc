// Who of a fleet is a sync peer, by a clock turned by hand.
#include "control/fleet/fleet_peers.h"

#include <gtest/gtest.h>

#include <set>

namespace fairlead::control::fleet_peers_test {
namespace {

using std::chrono::seconds;

IpAddress Ip(const char* text) { return *IpAddress::Parse(text); }

class FleetPeersTest : public testing::Test {
 protected:
  void Put(const std::string& name, const std::string& address, uint16_t port = 8849) {
    members_[name] = FleetMember{.name = name, .address = address, .sync_port = port};
  }
  // "edge-2=10.0.0.2:8849 edge-3=…" after so long.
  std::string After(seconds time) {
    is_news_ = peers_.Turn(now_ += time, {.members = members_,
                                          .is_heard = is_heard_,
                                          .is_secured = is_secured_,
                                          .is_connected = [this](const std::string& name) {
                                            return connected_.contains(name);
                                          }});
    return Shown();
  }
  [[nodiscard]] std::string Shown() const {
    std::string shown;
    for (const SyncPeer& peer : peers_.list().peers) {
      shown += (shown.empty() ? "" : " ") + peer.name + "=" + peer.address.ToString();
    }
    return shown;
  }

  FleetPeers::Members members_;
  bool is_heard_ = true, is_secured_ = true, is_news_ = false;
  std::set<std::string> connected_;
  TimePoint now_{seconds(1000)};
  FleetPeers peers_{"edge-1"};
};

TEST_F(FleetPeersTest, ThoseWhoSayWhereTheyListen) {
  is_heard_ = false;
  Put("edge-2", "10.0.0.2");
  EXPECT_EQ(After(seconds(1)), "");
  EXPECT_FALSE(peers_.list().is_known);
  is_heard_ = true;
  Put("edge-1", "10.0.0.1");
  Put("edge-3", "fd00::3", 99);
  Put("edge-4", "10.0.0.4", 0);
  Put("edge-5", "");
  Put("edge-6", "0.0.0.0");
  members_["edge-7"] = std::nullopt;
  EXPECT_EQ(After(seconds(1)), "edge-2=10.0.0.2:8849 edge-3=[fd00::3]:99");
  EXPECT_TRUE(is_news_);
  EXPECT_TRUE(peers_.list().is_known);
  EXPECT_EQ(peers_.problem(), "");
  After(seconds(1));
  EXPECT_FALSE(is_news_);
  Put("edge-2", "10.0.0.22");
  Put("edge-3", "fd00::3", 0);
  EXPECT_EQ(After(seconds(1)), "edge-2=10.0.0.22:8849") << "who stops synchronising leaves at once";
}

TEST_F(FleetPeersTest, AnEntryThatIsGoneLeavesOnceTheStoreIsWatchedForLong) {
  Put("edge-2", "10.0.0.2");
  Put("edge-3", "10.0.0.3");
  After(seconds(0));
  members_.erase("edge-3");
  EXPECT_EQ(After(FleetPeers::kSettle - seconds(1)), "edge-2=10.0.0.2:8849 edge-3=10.0.0.3:8849");
  EXPECT_EQ(After(seconds(1)), "edge-2=10.0.0.2:8849");
  members_.erase("edge-2");
  EXPECT_EQ(After(seconds(1)), "") << "from then on at once";
}

TEST_F(FleetPeersTest, WhileTheStoreIsAwayAllStayAndHaveTimeToComeBack) {
  Put("edge-2", "10.0.0.2");
  After(seconds(0));
  After(seconds(100));
  is_heard_ = false;
  members_.clear();
  EXPECT_EQ(After(seconds(1000)), "edge-2=10.0.0.2:8849");
  is_heard_ = true;
  EXPECT_EQ(After(seconds(1)), "edge-2=10.0.0.2:8849") << "its lease has ended meanwhile";
  Put("edge-2", "10.0.0.2");
  EXPECT_EQ(After(seconds(40)), "edge-2=10.0.0.2:8849");
}

TEST_F(FleetPeersTest, WhoIsCutOffFromTheStoreAloneStaysWhileItsSessionStands) {
  Put("edge-2", "10.0.0.2");
  After(seconds(0));
  connected_ = {"edge-2"};
  members_.clear();
  EXPECT_EQ(After(seconds(1000)), "edge-2=10.0.0.2:8849");
  connected_.clear();
  EXPECT_EQ(After(seconds(1)), "");
}

TEST_F(FleetPeersTest, WhatCannotBeReadSaysNothingNew) {
  Put("edge-2", "10.0.0.2");
  After(seconds(0));
  members_["edge-2"] = std::nullopt;
  EXPECT_EQ(After(seconds(1000)), "edge-2=10.0.0.2:8849");
}

TEST_F(FleetPeersTest, WhatWasKeptHoldsUntilTheStoreSaysMore) {
  peers_.Begin({{"edge-1", {Ip("10.0.0.1"), Be16::FromHost(1)}},
                {"edge-2", {Ip("10.0.0.2"), Be16::FromHost(8849)}}});
  EXPECT_TRUE(peers_.list().is_known);
  EXPECT_EQ(Shown(), "edge-2=10.0.0.2:8849");
  is_heard_ = false;
  EXPECT_EQ(After(seconds(100)), "edge-2=10.0.0.2:8849");
  is_heard_ = true;
  EXPECT_EQ(After(seconds(1)), "edge-2=10.0.0.2:8849");
  EXPECT_EQ(After(FleetPeers::kSettle), "");
}

TEST_F(FleetPeersTest, OfTooManyTheFirstByNameAreEachOthersPeers) {
  const auto name = [](size_t n) { return std::string(n < 10 ? "d0" : "d") + std::to_string(n); };
  for (size_t n = 0; n < 18; ++n) Put(name(n), "10.0.0." + std::to_string(n + 1));
  for (size_t own = 0; own < 18; ++own) {
    FleetPeers peers(name(own));
    peers.Turn(now_, {.members = members_, .is_heard = true, .is_secured = true});
    const auto& list = peers.list().peers;
    if (own >= 16) {
      EXPECT_TRUE(list.empty());
      EXPECT_NE(peers.problem().find("this one's name comes behind"), std::string::npos);
      continue;
    }
    ASSERT_EQ(list.size(), kMostStreamPeers);
    EXPECT_EQ(list.back().name, own == 15 ? "d14" : "d15");
    EXPECT_EQ(peers.left_out(), 2u);
    EXPECT_EQ(peers.problem().find("18 directors of the fleet synchronise, and 16 can"), 0u)
        << peers.problem();
  }
}

TEST_F(FleetPeersTest, InTheClearThoseOfThisMachineAlone) {
  is_secured_ = false;
  Put("edge-2", "127.0.0.1");
  Put("edge-3", "10.0.0.3");
  EXPECT_EQ(After(seconds(0)), "edge-2=127.0.0.1:8849");
  EXPECT_NE(peers_.problem().find("director edge-3 is no peer"), std::string::npos);
}

TEST(SyncPlace, IsStatedOrListenedOnOrSeen) {
  const auto place = [](const char* listen, std::optional<IpAddress> stated,
                        std::optional<IpAddress> seen) {
    const SyncPlace at =
        PlaceForPeers({Ip(listen), Be16::FromHost(8849)}, stated, seen, "/e/fleet.yaml");
    return at.endpoint ? at.endpoint->ToString() : at.problem;
  };
  EXPECT_EQ(place("0.0.0.0", std::nullopt, Ip("10.0.0.7")), "10.0.0.7:8849");
  EXPECT_EQ(place("10.0.0.8", std::nullopt, Ip("10.0.0.7")), "10.0.0.8:8849");
  EXPECT_EQ(place("10.0.0.8", Ip("10.0.0.9"), Ip("10.0.0.7")), "10.0.0.9:8849");
  EXPECT_EQ(place("127.0.0.1", std::nullopt, Ip("127.0.0.1")), "127.0.0.1:8849");
  EXPECT_EQ(place("::", std::nullopt, Ip("fd00::7")), "[fd00::7]:8849");
  EXPECT_EQ(place("::", std::nullopt, Ip("10.0.0.7")), "10.0.0.7:8849");
  const std::string of_loopback = place("0.0.0.0", std::nullopt, Ip("127.0.0.1"));
  EXPECT_NE(of_loopback.find("write \"address\" into /e/fleet.yaml"), std::string::npos);
  EXPECT_NE(place("0.0.0.0", std::nullopt, Ip("fd00::7")).find("for IPv4 alone"),
            std::string::npos);
  EXPECT_NE(place("0.0.0.0", Ip("fd00::7"), Ip("10.0.0.7")).find("for IPv4 alone"),
            std::string::npos);
  EXPECT_NE(place("0.0.0.0", std::nullopt, std::nullopt).find("not reached by an address"),
            std::string::npos);
}

}  // namespace
}  // namespace fairlead::control::fleet_peers_test
