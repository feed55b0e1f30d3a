// The control side driven by hand: changes by hand from the request to the snapshot and the view.
#include "control/director.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "director_fixture.h"

namespace fairlead::control::director_test {
namespace {

using namespace std::chrono_literals;

constexpr const char* kWeb = R"(
services:
  - { name: web, address: 192.0.2.80, protocol: tcp, port: 80, scheduler: wrr,
      reals: [ { address: 10.0.0.11, weight: 3 }, { address: 10.0.0.12 } ] }
)";

class DirectorTest : public testing::Test {
 protected:
  DirectorTest() { EXPECT_TRUE(director_.PublishFirst(now_)); }

  void Turn(std::chrono::milliseconds pass = 5ms) {
    AdoptAll(fabric_);
    director_.Turn(now_ += pass);
  }
  // Asks and turns until it is answered.
  EditOutcome Change(const Edit& edit) {
    std::optional<EditOutcome> answer;
    director_.Change(edit, [&answer](EditOutcome outcome) { answer = std::move(outcome); });
    for (int i = 0; i < 5 && !answer; ++i) Turn();
    EXPECT_TRUE(answer) << "no answer";
    return answer.value_or(EditOutcome{});
  }
  const dataplane::Snapshot& Snapshot() { return *fabric_.publisher.current(); }
  const sched::Plan& Plan() { return Snapshot().services[0].plan; }
  // "10.0.0.12:80=1 …", newest first, as schedulers see them.
  std::string Reals() {
    std::string text;
    for (const auto& real : Plan().reals()) {
      text += Snapshot().reals[real.id.index()].address.ToString() + "=" +
              std::to_string(real.weight) + " ";
    }
    return text;
  }

  dataplane::Fabric fabric_{SmallFabric(2)};
  SilentProber prober_;
  TimePoint now_ = At(0s);
  Director director_{fabric_, ModelOf(kWeb), "test.yaml", TwoPorts(), prober_, 1};
};

TEST_F(DirectorTest, APreviewSaysWhatTheChangeWouldAndLeavesAllAsItIs) {
  Turn();
  const uint64_t generation = Snapshot().generation;
  const std::string reals = Reals();
  const Edit edits[] = {PatchReal{"web", "10.0.0.11", "{ weight: 9 }"},
                        PatchReal{"web", "10.0.0.11", "{ state: drain }"},
                        DrainReal{"web", "10.0.0.12", "{ deadline: 10m, then_remove: true }"},
                        AddReal{"web", "{ address: 10.0.0.13 }"},
                        RemoveReal{"web", "10.0.0.13"},
                        PatchService{"web", "{ scheduler: rr }"},
                        PatchTimeouts{"{ tcp: 7m }"},
                        RemoveService{"web"}};
  for (size_t i = 0; i < std::size(edits); ++i) {
    const EditOutcome preview = director_.PreviewChange(edits[i]);
    // A removal has to find what the edit before it has added.
    EXPECT_EQ(preview.refusal.has_value(), i == 4) << i;
    if (i == 4) continue;
    EXPECT_EQ(preview.generation, generation) << i;
    EXPECT_FALSE(preview.changes.empty()) << i;
    for (int turns = 0; turns < 3; ++turns) Turn();
    EXPECT_EQ(Snapshot().generation, generation) << i;
    EXPECT_EQ(Reals(), reals) << i;
  }
  EXPECT_THAT(director_.PreviewChange(edits[2]).changes,
              testing::ElementsAre(
                  "service web: real 10.0.0.12:80 state up → drain",
                  "service web: drain of real 10.0.0.12:80: after 10m each connection that "
                  "is left is reset with its next packet",
                  "service web: drain of real 10.0.0.12:80: the real is removed once no "
                  "active connection is left, or the deadline has passed"));
  const std::vector<std::string> said = director_.PreviewChange(edits[0]).changes;
  EXPECT_EQ(Change(edits[0]).changes, said);
}

TEST_F(DirectorTest, AChangeIsAnsweredWhenEveryWorkerHasIt) {
  Turn();
  std::optional<EditOutcome> answer;
  director_.Change(PatchReal{"web", "10.0.0.11", "{ weight: 9 }"},
                   [&answer](EditOutcome outcome) { answer = std::move(outcome); });
  director_.Turn(now_ += 5ms);  // published
  director_.Turn(now_ += 5ms);
  fabric_.publisher.Enter(WorkerId{0}, [](auto*, auto*) {});
  director_.Turn(now_ += 5ms);
  EXPECT_FALSE(answer) << "worker 1 has not adopted it";
  Turn();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->generation, 2u);
  EXPECT_EQ(answer->changes,
            std::vector<std::string>{"service web: real 10.0.0.11:80 weight 3 → 9"});
  EXPECT_EQ(director_.view()->generation, 2u);
}

TEST_F(DirectorTest, IsReadyOnceEveryWorkerForwardsAndStaysSo) {
  director_.Turn(now_ += 5ms);
  EXPECT_FALSE(director_.view()->is_ready);
  ASSERT_EQ(director_.view()->not_ready.size(), 1u);
  EXPECT_EQ(director_.view()->not_ready[0].kind, NotReady::Kind::kNotForwarding);
  Turn();
  EXPECT_TRUE(director_.view()->is_ready);
  director_.Change(PatchReal{"web", "10.0.0.11", "{ weight: 9 }"}, [](const EditOutcome&) {});
  director_.Turn(now_ += 5ms);
  director_.Turn(now_ += 5ms);
  EXPECT_FALSE(director_.is_ready()) << "no worker has adopted that yet";
  EXPECT_TRUE(director_.view()->is_ready);
}

TEST_F(DirectorTest, WaitsForItsPeersBeforeItAnnounces) {
  PeerReadiness peer{.name = "edge-2", .is_reachable = true};
  director_.SetPeers([&peer] { return ReadyPeers{.peers = {peer}}; });
  Change(PatchService{"web", "{ announce: when-ready }"});
  EXPECT_FALSE(director_.view()->is_ready);
  EXPECT_EQ(director_.view()->not_ready.at(0).peer, "edge-2");
  EXPECT_EQ(director_.view()->peers, (std::vector<PeerState>{{"edge-2", false, false}}));
  EXPECT_FALSE(Snapshot().FindLocal(Ip("192.0.2.80"))->is_announced);
  EXPECT_EQ(director_.view()->silent->size(), 1u);
  peer.is_taken_in = true;
  Turn();
  EXPECT_TRUE(director_.view()->is_ready);
  Turn();
  EXPECT_TRUE(Snapshot().FindLocal(Ip("192.0.2.80"))->is_announced);
  EXPECT_TRUE(director_.view()->silent->empty());
  peer = {.name = "edge-2", .unreachable_since = now_};
  Turn();
  EXPECT_TRUE(director_.view()->is_ready);
  EXPECT_FALSE(director_.view()->peers[0].is_in_sync);
  EXPECT_TRUE(Snapshot().FindLocal(Ip("192.0.2.80"))->is_announced);
}

// The port towards clients counts, not the one inside.
TEST_F(DirectorTest, WithoutALineToClientsItWaitsForItsPeersAgain) {
  PeerReadiness peer{.name = "edge-2", .is_reachable = true, .is_taken_in = true};
  std::vector<PortLink> links(2);
  director_.SetPeers([&peer] { return ReadyPeers{.peers = {peer}}; });
  director_.SetLinkReader([&links] { return links; });
  const auto is_announced = [&] {
    for (int i = 0; i < 5; ++i) Turn(PortLinks::kInterval);
    return Snapshot().FindLocal(Ip("192.0.2.80"))->is_announced;
  };
  Change(PatchService{"web", "{ announce: when-ready }"});
  EXPECT_TRUE(director_.view()->is_ready);
  EXPECT_TRUE(is_announced());
  links[1].is_up = false;
  Turn(PortLinks::kInterval);
  peer = {.name = "edge-2", .unreachable_since = now_};
  Turn(PortLinks::kInterval);
  EXPECT_TRUE(director_.view()->is_ready);
  links[0].is_up = false;
  Turn(PortLinks::kInterval);
  EXPECT_FALSE(director_.view()->is_ready);
  EXPECT_EQ(director_.view()->not_ready.at(0).kind, NotReady::Kind::kCutOff);
  EXPECT_FALSE(is_announced());
  links[0].is_up = true;
  Turn(PortLinks::kInterval);
  EXPECT_FALSE(director_.view()->is_ready);
  peer = {.name = "edge-2", .is_reachable = true, .is_taken_in = true};
  Turn();
  EXPECT_TRUE(director_.view()->is_ready);
  EXPECT_TRUE(is_announced());
}

TEST_F(DirectorTest, AnAddedRealIsTheHeadOfTheListAndARevivedOneKeepsItsId) {
  Change(AddReal{"web", "{ address: 10.0.0.10, weight: 5 }"});
  EXPECT_EQ(Reals(), "10.0.0.10=5 10.0.0.12=1 10.0.0.11=3 ");
  const RealId id = Plan().real(2).id;
  Change(RemoveReal{"web", "10.0.0.11"});
  EXPECT_EQ(Reals(), "10.0.0.10=5 10.0.0.12=1 ");
  EXPECT_FALSE(Snapshot().reals[id.index()].is_available);
  Change(AddReal{"web", "{ address: 10.0.0.11 }"});
  EXPECT_EQ(Reals(), "10.0.0.11=1 10.0.0.10=5 10.0.0.12=1 ");
  EXPECT_EQ(Plan().real(0).id, id);
}

TEST_F(DirectorTest, ARemovedServiceLeavesGhostsThatItsReturnRevives) {
  const RealId id = Plan().real(0).id;
  Change(RemoveService{"web"});
  EXPECT_TRUE(Snapshot().service_index.empty());
  EXPECT_EQ(Snapshot().FindLocal(Ip("192.0.2.80")), nullptr);
  EXPECT_FALSE(Snapshot().reals[id.index()].is_available);
  Change(AddService{
      "{ address: 192.0.2.80, protocol: tcp, port: 80, reals: [ { address: 10.0.0.12 } ] }"});
  EXPECT_EQ(Plan().real(0).id, id);
  EXPECT_TRUE(Snapshot().reals[id.index()].is_available);
  EXPECT_TRUE(Snapshot().FindLocal(Ip("192.0.2.80"))->is_vip);
}

TEST_F(DirectorTest, AnyEditOfARealMakesWrrStartOver) {
  const uint32_t edits = Plan().edit_count();
  Change(PatchReal{"web", "10.0.0.11", "{}"});
  EXPECT_EQ(Plan().edit_count(), edits + 1);
  Change(PatchService{"web", "{ persistence: {} }"});
  EXPECT_EQ(Plan().edit_count(), edits + 1);
  EXPECT_TRUE(Snapshot().services[0].persistence.is_enabled);
  Change(PatchService{"web", "{ scheduler: rr }"});
  EXPECT_EQ(Plan().kind(), sched::Kind::kRr);
}

TEST_F(DirectorTest, OfTwoThatLookedAtOneGenerationTheSecondIsTooLate) {
  Turn();
  std::vector<std::string> answers;
  const auto note = [&answers](const EditOutcome& outcome) {
    answers.push_back(outcome.is_stale ? "stale" : std::to_string(outcome.generation));
  };
  director_.ChangeAt(1, PatchReal{"web", "10.0.0.11", "{ weight: 8 }"}, note);
  director_.ChangeAt(1, PatchReal{"web", "10.0.0.11", "{ weight: 9 }"}, note);
  Turn();
  director_.ChangeAt(1, PatchReal{"web", "10.0.0.11", "{ weight: 9 }"}, note);
  Turn();
  director_.ChangeAt(2, PatchReal{"web", "10.0.0.12", "{ weight: 7 }"}, note);
  Turn();
  Turn();
  EXPECT_EQ(answers, (std::vector<std::string>{"stale", "stale", "2", "3"}));
  EXPECT_EQ(Reals(), "10.0.0.12=7 10.0.0.11=8 ");
}

// What keeps its reals keeps the state of its scheduler, over a reload too.
TEST_F(DirectorTest, AReloadThatBringsNothingNewIsNoEdit) {
  const std::string path = testing::TempDir() + "director-" + std::to_string(getpid()) + ".yaml";
  std::ofstream(path) << kPorts << kWeb;
  const auto reload = [&] {
    director_.Reload(path, [](const ReloadOutcome& outcome) { EXPECT_TRUE(outcome.ok); });
    Turn();
    Turn();
  };
  Change(PatchReal{"web", "10.0.0.11", "{}"});
  const uint32_t edits = Plan().edit_count();
  reload();
  EXPECT_EQ(Plan().edit_count(), edits);
  EXPECT_EQ(*director_.view()->model, *director_.view()->file_model);
  Change(PatchReal{"web", "10.0.0.11", "{}"});
  EXPECT_EQ(Plan().edit_count(), edits + 1) << "the first after a reload counts as any other";
  Change(PatchReal{"web", "10.0.0.11", "{ weight: 9 }"});
  reload();
  EXPECT_EQ(Plan().edit_count(), edits + 3);
  std::remove(path.c_str());
}

TEST_F(DirectorTest, MhKeepsTheTableOverAWeightOfZeroByHand) {
  Change(PatchService{"web", "{ scheduler: mh }"});
  const auto slots = Plan().tables().slots;
  Change(PatchReal{"web", "10.0.0.11", "{ weight: 0 }"});
  EXPECT_EQ(Reals(), "10.0.0.12=1 10.0.0.11=0 ");
  EXPECT_EQ(Plan().tables().slots, slots);
}

TEST_F(DirectorTest, ARefusalChangesNothing) {
  const EditOutcome outcome = Change(AddReal{"web", "{ address: 10.0.0.11 }"});
  ASSERT_TRUE(outcome.refusal);
  EXPECT_EQ(outcome.refusal->code, ErrorCode::kExists);
  Turn();
  EXPECT_EQ(Snapshot().generation, 1u);
}

TEST_F(DirectorTest, AChangeWithoutRoomIsRefusedAndForgotten) {
  std::string reals;
  for (int i = 1; i <= 65; ++i) reals += "{ address: 10.0.0." + std::to_string(i + 100) + " },";
  const EditOutcome outcome = Change(
      AddService{"{ address: 192.0.2.81, protocol: tcp, port: 80, reals: [" + reals + "] }"});
  ASSERT_TRUE(outcome.refusal);
  EXPECT_EQ(outcome.refusal->code, ErrorCode::kUnavailable);
  EXPECT_FALSE(Change(PatchReal{"web", "10.0.0.12", "{ weight: 2 }"}).refusal);
  EXPECT_EQ(director_.view()->services.size(), 1u);
}

TEST_F(DirectorTest, RatesFollowTheClockHoweverRarelyItTurns) {
  const RealId id = Plan().real(0).id;
  fabric_.stats.traffic(WorkerId{0}, id).connections.Add(200);
  Turn(2s);
  EXPECT_EQ(director_.view()->services[0].rate.connections, 25u);
  fabric_.stats.traffic(WorkerId{1}, id).connections.Add(200);
  Turn(2s);
  EXPECT_EQ(director_.view()->services[0].rate.connections, 44u);
  Turn(4s);  // two ticks without traffic
  EXPECT_EQ(director_.view()->services[0].rate.connections, 25u);
  EXPECT_EQ(director_.view()->total_rate.connections, 25u);
  EXPECT_TRUE(director_.Zero("web"));
  EXPECT_EQ(director_.view()->services[0].rate.connections, 0u);
  EXPECT_EQ(director_.view()->services[0].zero.connections, 400u);
  EXPECT_FALSE(director_.Zero("wbe"));
}

}  // namespace
}  // namespace fairlead::control::director_test
