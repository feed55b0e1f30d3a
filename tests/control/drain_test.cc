// Drains over time, through a director that is turned by hand.
#include "control/drain.h"

#include "control/director.h"
#include "director_fixture.h"

namespace fairlead::control::drain_test {
namespace {

using namespace std::chrono_literals;
using dataplane::Remains;

class DrainTest : public testing::Test {
 protected:
  DrainTest() {
    EXPECT_TRUE(director_.PublishFirst(now_).ok());
    Wait(0s);
    id_ = Info()->id;
  }
  // Time passes, and workers adopt what there is.
  void Wait(std::chrono::milliseconds time) {
    now_ += time;
    for (int i = 0; i < 4; ++i) {
      AdoptAll(fabric_);
      director_.Turn(now_ += 100ms);
    }
  }
  void Drain(const std::string& body) {
    director_.Change(DrainReal{"web", "10.0.0.11:80", body},
                     [](const EditOutcome& outcome) { EXPECT_FALSE(outcome.refusal.has_value()); });
    Wait(0s);
  }
  // The real as the view has it; null when it is not there, removed or not.
  const RealInfo* Info() {
    view_ = director_.view();
    for (const RealInfo& real : view_->services[0].reals) {
      if (real.name == "10.0.0.11:80") return &real;
    }
    return nullptr;
  }
  const dataplane::RealView& View() { return fabric_.publisher.current()->reals[id_.index()]; }
  void SetConnections(int32_t active) { fabric_.loads.AddActive(WorkerId{0}, id_, active); }
  void AddClosed(int32_t count) { fabric_.loads.AddInactive(WorkerId{0}, id_, count); }
  void Close(int32_t count) {
    SetConnections(-count);
    AddClosed(count);
  }
  std::string Outcome() {
    const auto& ended = director_.view()->ended_drains;
    if (ended.empty()) return "none";
    const DrainOutcome& last = ended.back();
    return last.real + " of " + last.service + ": " + std::to_string(last.finished) +
           " finished, " + std::to_string(last.cut) + " cut, " + std::to_string(last.left) +
           " left" + (last.is_removed ? ", removed" : "");
  }

  dataplane::Fabric fabric_{SmallFabric()};
  SilentProber prober_;
  TimePoint now_ = At(0s);
  Director director_{fabric_,
                     ModelOf("services:\n  - { name: web, address: 192.0.2.80, protocol: tcp, "
                             "port: 80, reals: [ { address: 10.0.0.11 }, { address: 10.0.0.12 } "
                             "] }\n"),
                     "none.yaml",
                     TwoPorts(),
                     prober_,
                     1};
  std::shared_ptr<const ControlView> view_;
  RealId id_;
};

TEST_F(DrainTest, Wish1WithoutADeadlineItTakesAsLongAsItTakes) {
  SetConnections(3);
  Drain("");
  Wait(24h);
  ASSERT_NE(Info(), nullptr);
  EXPECT_EQ(Info()->admin, AdminState::kDrain);
  EXPECT_EQ(View().remains, Remains::kServe);
  EXPECT_FALSE(View().templates_valid);
  EXPECT_FALSE(Info()->drain->remaining_seconds.has_value());
}

TEST_F(DrainTest, Wish1AtTheDeadlineWhatIsLeftIsReset) {
  SetConnections(3);
  Drain(R"({"deadline": "10m"})");
  Wait(9min);
  EXPECT_EQ(View().remains, Remains::kServe);
  EXPECT_LE(*Info()->drain->remaining_seconds, 60);
  Wait(1min);
  EXPECT_EQ(View().remains, Remains::kReset);
  EXPECT_TRUE(Info()->drain->is_over);
  EXPECT_FALSE(Info()->is_ghost) << "it was not to be removed";
}

TEST_F(DrainTest, Wish38ThenRemoveWaitsForTheLastConnection) {
  SetConnections(1);
  Drain(R"({"then_remove": true})");
  Wait(1h);
  EXPECT_FALSE(Info()->is_ghost);
  SetConnections(-1);
  Wait(0s);
  EXPECT_TRUE(Info()->is_ghost);
}

// What is left is not left in silence: the removed real goes on resetting, over a reload too.
TEST_F(DrainTest, ThenRemoveAtTheDeadlineGoesOnResetting) {
  SetConnections(1);
  Drain(R"({"deadline": "1m", "then_remove": true})");
  Wait(1min);
  ASSERT_NE(Info(), nullptr);
  EXPECT_TRUE(Info()->is_ghost);
  EXPECT_EQ(View().remains, Remains::kReset);
  EXPECT_FALSE(View().next_hop.is_none());
  director_.Change(PatchReal{"web", "10.0.0.12:80", R"({"weight": 3})"}, [](const EditOutcome&) {});
  Wait(0s);
  EXPECT_EQ(View().remains, Remains::kReset);
}

// The log tells what is, not what is meant to be.
TEST_F(DrainTest, TheEndIsLoggedWhenItIsInForce) {
  SetConnections(1);
  const auto turn = [this] {
    testing::internal::CaptureStderr();
    director_.Turn(now_ += 200ms);
    return testing::internal::GetCapturedStderr();
  };
  Drain(R"({"deadline": "1m", "then_remove": true})");
  now_ += 1min;
  EXPECT_EQ(turn(), "") << "no worker has it yet";
  AdoptAll(fabric_);
  const std::string over = turn();  // and the removal is on its way
  EXPECT_NE(over.find("drain deadline reached"), std::string::npos);
  EXPECT_EQ(over.find("drained real is removed"), std::string::npos);
  AdoptAll(fabric_);
  EXPECT_NE(turn().find("drained real is removed"), std::string::npos);
  EXPECT_TRUE(Info()->is_ghost);
}

TEST_F(DrainTest, AnotherStateTakesItBack) {
  SetConnections(1);
  Drain(R"({"deadline": "1m", "then_remove": true})");
  director_.Change(PatchReal{"web", "10.0.0.11:80", R"({"state": "up"})"},
                   [](const EditOutcome&) {});
  Wait(1h);
  EXPECT_FALSE(Info()->is_ghost);
  EXPECT_EQ(View().remains, Remains::kServe);
  EXPECT_EQ(View().weight, 1);
  EXPECT_FALSE(Info()->drain.has_value());
}

// Two minutes of TIME_WAIT after the last client has gone are nobody's work.
TEST_F(DrainTest, ClosedConnectionsAreNotWaitedFor) {
  SetConnections(3);
  AddClosed(2);
  Drain(R"({"then_remove": true})");
  Wait(1h);
  EXPECT_FALSE(Info()->is_ghost);
  EXPECT_EQ(Outcome(), "none");
  Close(3);
  Wait(0s);
  EXPECT_TRUE(Info()->is_ghost);
  EXPECT_EQ(Outcome(), "10.0.0.11:80 of web: 3 finished, 0 cut, 5 left, removed");
}

TEST_F(DrainTest, AllWaitsForTheLastRecord) {
  SetConnections(1);
  Drain(R"({"then_remove": true, "all": true})");
  Close(1);
  Wait(1h);
  EXPECT_FALSE(Info()->is_ghost);
  AddClosed(-1);
  Wait(0s);
  EXPECT_TRUE(Info()->is_ghost);
  EXPECT_EQ(Outcome(), "10.0.0.11:80 of web: 1 finished, 0 cut, 0 left, removed");
}

TEST_F(DrainTest, TheEndSaysWhatWasFinishedCutAndLeft) {
  SetConnections(5);
  AddClosed(1);
  Drain(R"({"deadline": "10m"})");
  Wait(1min);
  Close(3);
  Wait(9min);
  EXPECT_TRUE(Info()->drain->is_over);
  EXPECT_TRUE(Info()->drain->is_ended);
  EXPECT_EQ(Outcome(), "10.0.0.11:80 of web: 3 finished, 2 cut, 4 left");
  Wait(1h);
  EXPECT_EQ(director_.view()->ended_drains.size(), 1u) << "told once";
}

TEST_F(DrainTest, WithoutADeadlineTheEndIsToldToo) {
  SetConnections(2);
  Drain("");
  EXPECT_FALSE(Info()->drain->is_ended);
  Close(2);
  Wait(0s);
  EXPECT_TRUE(Info()->drain->is_ended);
  EXPECT_EQ(View().remains, Remains::kServe) << "the closed ones end in their own time";
  EXPECT_EQ(Outcome(), "10.0.0.11:80 of web: 2 finished, 0 cut, 2 left");
}

// Who asks again to see how far it is must not turn a timed removal into an endless drain.
TEST_F(DrainTest, AskedForAgainItKeepsWhatIsNotSaid) {
  SetConnections(1);
  Drain(R"({"deadline": "10m", "then_remove": true})");
  Wait(4min);
  Drain("");
  EXPECT_TRUE(Info()->drain->then_remove);
  EXPECT_NEAR(static_cast<double>(*Info()->drain->remaining_seconds), 6 * 60, 5);
  Drain(R"({"deadline": "1m"})");
  EXPECT_TRUE(Info()->drain->then_remove);
  EXPECT_LE(*Info()->drain->remaining_seconds, 60);
  Drain(R"({"then_remove": false})");
  Wait(2min);
  EXPECT_FALSE(Info()->is_ghost);
  EXPECT_EQ(Outcome(), "10.0.0.11:80 of web: 0 finished, 1 cut, 0 left");
}

}  // namespace
}  // namespace fairlead::control::drain_test
