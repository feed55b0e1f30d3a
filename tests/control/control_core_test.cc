// The whole control core on its thread, with workers that only adopt snapshots.
#include "control/control_core.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <future>
#include <stdexcept>
#include <thread>

#include "base/faults.h"
#include "director_fixture.h"

namespace fairlead::control::control_core_test {
namespace {

using namespace std::chrono_literals;

class ControlCoreTest : public testing::Test {
 protected:
  ControlCoreTest() : path_(testing::TempDir() + "core-" + std::to_string(getpid()) + ".yaml") {
    Write(Services(1));
    core_ = std::make_unique<ControlCore>(fabric_, ModelOf(Services(1)), path_, TwoPorts());
    core_->SetReadyCallback([this] {
      if (is_faulty_) throw std::runtime_error("a turn that the test lets fail");
      return false;  // and so called after every turn
    });
    core_->SetTurnCallback([this] { ++turned_; });
    EXPECT_TRUE(core_->PublishFirst());
    worker_ = std::thread([this] {
      while (!stop_) {
        AdoptAll(fabric_);
        std::this_thread::sleep_for(1ms);
      }
    });
    thread_ = std::thread([this] { core_->Run(); });
  }
  ~ControlCoreTest() override {
    core_->Stop();
    thread_.join();
    stop_ = true;
    worker_.join();
    unlink(path_.c_str());
  }

  static std::string Services(int weight) {
    return "services:\n  - { name: web, address: 192.0.2.80, protocol: tcp, port: 80, reals: [ { "
           "address: 10.0.0.11, weight: " +
           std::to_string(weight) + " } ] }\n";
  }
  void Write(const std::string& yaml) { std::ofstream(path_) << kPorts << yaml; }
  ReloadOutcome Reload() {
    std::promise<ReloadOutcome> promise;
    core_->Reload("", [&promise](ReloadOutcome outcome) { promise.set_value(std::move(outcome)); });
    return promise.get_future().get();
  }
  template <typename Condition>
  bool Eventually(Condition&& condition) {
    for (int i = 0; i < 2000; ++i) {
      if (condition(*core_->view())) return true;
      std::this_thread::sleep_for(5ms);
    }
    return false;
  }

  const std::string path_;
  dataplane::Fabric fabric_{SmallFabric()};
  std::unique_ptr<ControlCore> core_;
  std::atomic<bool> stop_{false};
  std::atomic<bool> is_faulty_{false};
  std::atomic<int> turned_{0};
  std::thread worker_, thread_;
};

TEST_F(ControlCoreTest, BecomesReadyAndShowsItself) {
  EXPECT_TRUE(Eventually([](const ControlView& view) { return view.is_ready; }));
  const auto view = core_->view();
  EXPECT_EQ(view->generation, 1u);
  ASSERT_EQ(view->services.size(), 1u);
  EXPECT_EQ(view->services[0].reals[0].name, "10.0.0.11:80");
  EXPECT_EQ(view->ports[1].mtu_bytes, 1400);
}

// The watchdog hears of turns by it.
TEST_F(ControlCoreTest, TellsOfTurnsThatEndWithoutAFault) {
  EXPECT_TRUE(Eventually([&](const ControlView&) { return turned_ > 3; }));
  is_faulty_ = true;
  const auto two_more_faults = [&] {
    const uint64_t before = FaultCount(Thread::kControl);
    return Eventually(
        [&](const ControlView&) { return FaultCount(Thread::kControl) >= before + 2; });
  };
  EXPECT_TRUE(two_more_faults());
  const int turned = turned_;
  EXPECT_TRUE(two_more_faults());
  EXPECT_EQ(turned_, turned);
  is_faulty_ = false;
  EXPECT_TRUE(Eventually([&](const ControlView&) { return turned_ > turned; }));
}

TEST_F(ControlCoreTest, ReloadAnswersWhenTheChangeIsInForce) {
  Write(Services(5));
  const ReloadOutcome outcome = Reload();
  EXPECT_TRUE(outcome.ok);
  EXPECT_EQ(outcome.generation, 2u);
  EXPECT_EQ(outcome.changes,
            std::vector<std::string>{"service web: real 10.0.0.11:80 weight 1 → 5"});
  EXPECT_EQ(core_->view()->services[0].reals[0].effective_weight, 5);
  const ReloadOutcome again = Reload();
  EXPECT_TRUE(again.ok);
  EXPECT_EQ(again.generation, 2u);
  EXPECT_TRUE(again.changes.empty());
}

TEST_F(ControlCoreTest, ARefusedFileTouchesNothingAndNamesEveryProblem) {
  Write("services:\n  - { name: web, address: 192.0.2.80, port: 99999, schedular: rr }\n");
  const ReloadOutcome outcome = Reload();
  EXPECT_FALSE(outcome.ok);
  EXPECT_EQ(outcome.generation, 1u);
  EXPECT_GE(outcome.errors.size(), 2u);
  const auto view = core_->view();
  EXPECT_FALSE(view->last_reload_ok);
  EXPECT_FALSE(view->last_reload_error.empty());
  EXPECT_EQ(view->generation, 1u);
  EXPECT_EQ(view->services[0].reals[0].weight, 1);
}

TEST_F(ControlCoreTest, TheViewNamesTheFileInForce) {
  EXPECT_EQ(core_->view()->config_path, path_);
  const std::string other = path_ + ".other";
  std::filesystem::copy_file(path_, other, std::filesystem::copy_options::overwrite_existing);
  std::promise<ReloadOutcome> promise;
  core_->Reload(other, [&promise](ReloadOutcome o) { promise.set_value(std::move(o)); });
  EXPECT_TRUE(promise.get_future().get().ok);
  EXPECT_EQ(core_->view()->config_path, other);
  // The next plain reload, and a signal, stay with it.
  std::ofstream(other) << kPorts << Services(6);
  EXPECT_EQ(Reload().path, other);
  EXPECT_EQ(core_->view()->services[0].reals[0].weight, 6);
  std::ofstream(other) << kPorts << Services(7);
  kill(getpid(), SIGHUP);
  EXPECT_TRUE(
      Eventually([](const ControlView& view) { return view.services[0].reals[0].weight == 7; }));
  EXPECT_EQ(core_->view()->config_path, other);
  std::filesystem::remove(other);
  EXPECT_FALSE(Reload().ok);  // a refused one does not become another
  EXPECT_EQ(core_->view()->config_path, other);
}

TEST_F(ControlCoreTest, APreviewSaysWhatAReloadTakesAwayAndDoesNothing) {
  std::promise<void> edited;
  core_->Change(PatchReal{"web", "10.0.0.11", "{ weight: 4 }"},
                [&edited](const EditOutcome&) { edited.set_value(); });
  edited.get_future().wait();
  std::promise<ReloadOutcome> promise;
  core_->PreviewReload("", [&](ReloadOutcome outcome) { promise.set_value(std::move(outcome)); });
  const ReloadOutcome outcome = promise.get_future().get();
  EXPECT_TRUE(outcome.ok);
  EXPECT_EQ(outcome.losses.edits,
            std::vector<std::string>{"service web: real 10.0.0.11:80 weight 1 → 4"});
  EXPECT_TRUE(outcome.losses.services.empty());
  EXPECT_EQ(core_->view()->services[0].reals[0].weight, 4);
  Write("services: []\n");
  const ReloadOutcome emptied = Reload();
  EXPECT_EQ(emptied.losses.services, std::vector<std::string>{"web"});
  ASSERT_EQ(emptied.warnings.size(), 1u);
  EXPECT_NE(emptied.warnings[0].find("services: is empty: nothing is balanced"), std::string::npos)
      << emptied.warnings[0];
}

// A handler that throws ends neither the thread nor what comes after it.
TEST_F(ControlCoreTest, AnExceptionEndsOnePieceOfWorkAndNotTheCore) {
  const uint64_t faults = FaultCount(Thread::kControl);
  core_->Zero("", [](const Status&) { throw std::bad_alloc(); });  // in a handler of its own
  core_->Change(PatchReal{"web", "10.0.0.11", "{ weight: 4 }"},
                [](const EditOutcome&) { throw 7; });  // in the turn that answers
  EXPECT_TRUE(Eventually([](const ControlView& view) {
    return view.services[0].reals[0].effective_weight == 4 && view.is_ready;
  }));
  core_->Reload("", [](const ReloadOutcome&) { throw std::runtime_error("a bug"); });
  Write(Services(6));
  EXPECT_TRUE(Reload().ok);
  EXPECT_TRUE(
      Eventually([&](const ControlView&) { return FaultCount(Thread::kControl) == faults + 3; }));
  Write(Services(8));
  kill(getpid(), SIGHUP);  // signals are heard still
  EXPECT_TRUE(Eventually(
      [](const ControlView& view) { return view.services[0].reals[0].effective_weight == 8; }));
}

TEST_F(ControlCoreTest, ItsTurnsAndItsLongestWorkAreShown) {
  const uint64_t turns = core_->vitals().turns;
  EXPECT_TRUE(Eventually([&](const ControlView&) { return core_->vitals().turns > turns + 2; }));
  EXPECT_GT(core_->vitals().longest_work_ns, 0u);
}

// Health checks and changes by hand do not wait for a large file to be parsed.
TEST_F(ControlCoreTest, AChangeIsAnsweredWhileALargeFileIsRead) {
  std::string large = "prefix_sets:\n  many:\n";
  for (int i = 0; i < 400'000; ++i) {
    large += "    - 10." + std::to_string(i >> 16) + "." + std::to_string(i >> 8 & 255) + "." +
             std::to_string(i & 255) + "\n";
  }
  Write(large + Services(2));
  std::promise<void> reloaded;
  std::atomic<int> answers{0}, change_was{0}, reload_was{0};
  core_->Reload("", [&](const ReloadOutcome& outcome) {
    EXPECT_TRUE(outcome.ok);
    reload_was = ++answers;
    reloaded.set_value();
  });
  core_->Change(PatchReal{"web", "10.0.0.11", "{ weight: 7 }"}, [&](const EditOutcome& outcome) {
    EXPECT_FALSE(outcome.refusal);
    change_was = ++answers;
  });
  reloaded.get_future().wait();
  EXPECT_EQ(change_was, 1);
  EXPECT_EQ(reload_was, 2);
  EXPECT_EQ(core_->view()->services[0].reals[0].weight, 2) << "a reload undoes changes by hand";
}

TEST_F(ControlCoreTest, HangupReloads) {
  Write(Services(9));
  kill(getpid(), SIGHUP);
  EXPECT_TRUE(Eventually(
      [](const ControlView& view) { return view.services[0].reals[0].effective_weight == 9; }));
}

// The first reload has begun, perhaps with the file before: the last signal is no less heard.
TEST_F(ControlCoreTest, AHangupDuringAReloadIsNotLost) {
  for (int weight = 2; weight < 30; ++weight) {
    Write(Services(weight));
    kill(getpid(), SIGHUP);
  }
  EXPECT_TRUE(Eventually(
      [](const ControlView& view) { return view.services[0].reals[0].effective_weight == 29; }));
}

TEST_F(ControlCoreTest, AChangeByHandIsAnsweredShownAndUndoneByAReload) {
  std::promise<EditOutcome> promise;
  core_->Change(PatchReal{"web", "10.0.0.11", "{ state: quiesce }"},
                [&promise](EditOutcome outcome) { promise.set_value(std::move(outcome)); });
  const EditOutcome changed = promise.get_future().get();
  EXPECT_FALSE(changed.refusal);
  EXPECT_EQ(changed.generation, 2u);
  EXPECT_EQ(changed.real, "10.0.0.11:80");
  const RealInfo real = core_->view()->services[0].reals[0];
  EXPECT_EQ(real.admin, AdminState::kQuiesce);
  EXPECT_EQ(real.weight, 1);
  EXPECT_EQ(real.effective_weight, 0);
  const ReloadOutcome outcome = Reload();
  EXPECT_EQ(outcome.changes,
            std::vector<std::string>{"service web: real 10.0.0.11:80 state quiesce → up"});
  EXPECT_EQ(core_->view()->services[0].reals[0].admin, AdminState::kUp);
}

}  // namespace
}  // namespace fairlead::control::control_core_test
