// Threads that make no turn any more: by a clock turned by hand, and over /readyz.
#include "control/api/pulse.h"

#include <gtest/gtest.h>

#include <thread>

#include "api_test.h"

namespace fairlead::testing::pulse_test {
namespace {

using namespace std::chrono_literals;
using api::Pulse;

class PulseTest : public ::testing::Test {
 protected:
  PulseTest() { director_.control_turns = true; }
  // The workers of the fake do not run: they turn when told to.
  void TurnWorker(uint8_t worker) {
    director_.fabric().stats.worker(WorkerId{worker}).polls.Add(1);
  }
  std::string After(std::chrono::milliseconds pass, bool worker0, bool worker1) {
    for (const auto end = now_ + pass; now_ < end;) {
      now_ += 1s;
      if (worker0) TurnWorker(0);
      if (worker1) TurnWorker(1);
      pulse_.Sample(now_);
    }
    return pulse_.WhoStandsStill(now_);
  }

  FakeDirector director_;
  Pulse::Clock::time_point now_ = Pulse::Clock::now();
  Pulse pulse_{director_, 5s, now_};
};

TEST_F(PulseTest, WhoeverTurnsIsNotNamed) {
  EXPECT_EQ(After(60s, true, true), "");
  EXPECT_EQ(pulse_.interval(), 1s);
}

TEST_F(PulseTest, AWorkerThatHangsIsNamedAndForgottenWhenItTurns) {
  EXPECT_EQ(After(5s, true, false), "");
  EXPECT_EQ(After(2s, true, false),
            "Worker 1 has made no turn for 7 s: its packets are not forwarded. Look for another "
            "program on its core; otherwise restart fairleadd");
  EXPECT_EQ(After(1s, true, true), "");
}

TEST_F(PulseTest, TheControlCoreComesFirst) {
  director_.control_turns = false;
  After(1s, true, true);
  const std::string who = After(6s, false, false);
  EXPECT_EQ(who.find("The control core has made no turn for 7 s: real servers are not checked"), 0u)
      << who;
}

// SIGSTOP and SIGCONT, or a machine that was suspended: nobody hangs.
TEST_F(PulseTest, AGapBetweenSamplesIsHeldAgainstNobody) {
  now_ += 1h;
  EXPECT_EQ(pulse_.WhoStandsStill(now_), "");
  EXPECT_NE(After(6s, false, false), "");
}

class ReadyTest : public ApiTest {
 protected:
  Answer ReadyOnce(int status) {
    Answer answer = peer->Ask("GET /readyz");
    for (int i = 0; i < 2000 && answer.status != status; ++i) {
      std::this_thread::sleep_for(5ms);
      answer = peer->Ask("GET /readyz");
    }
    return answer;
  }
};

TEST_F(ReadyTest, ReadyzNamesWhoStandsStill) {
  director.control_turns = director.worker_turns[0] = director.worker_turns[1] = true;
  Start({}, 100ms);
  EXPECT_EQ(ReadyOnce(200).status, 200);
  director.worker_turns[1] = false;
  Answer answer = ReadyOnce(503);
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(ProblemOf(answer), "stands-still");
  EXPECT_NE(answer.body.find("Worker 1 has made no turn"), std::string::npos) << answer.body;
  const Answer status = peer->Ask("GET /v1/status");
  EXPECT_FALSE(status.json().at("ready").as_bool());
  EXPECT_EQ(std::string(status.json().at("stands_still").as_string()).find("Worker 1"), 0u);
  director.worker_turns[1] = true;
  EXPECT_EQ(ReadyOnce(200).status, 200);
  director.control_turns = false;
  answer = ReadyOnce(503);
  EXPECT_NE(answer.body.find("The control core has made no turn"), std::string::npos)
      << answer.body;
  director.control_turns = true;
  EXPECT_EQ(ReadyOnce(200).status, 200);
  EXPECT_TRUE(peer->Ask("GET /v1/status").json().at("stands_still").is_null());
}

TEST_F(ReadyTest, SignsOfLifeAreMetrics) {
  Start();
  const std::string text = peer->Ask("GET /metrics").body;
  for (const char* line :
       {"fairlead_control_longest_work_seconds 0.0015\n", "fairlead_faults_total{thread=\"api\"} ",
        "fairlead_log_lines_dropped_total ", "fairlead_control_turns_total "}) {
    EXPECT_NE(text.find(line), std::string::npos) << line;
  }
}

}  // namespace
}  // namespace fairlead::testing::pulse_test
