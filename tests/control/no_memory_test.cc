// A change while memory runs out, at each of its allocations in turn: it is refused or in force,
// nothing is half done, and the next change is made.
#include <boost/asio/io_context.hpp>

#include "../base/short_memory.h"
#include "base/faults.h"
#include "control/commands/command_runner.h"
#include "control/director.h"
#include "control/neighbours.h"
#include "director_fixture.h"

namespace fairlead::control::no_memory_test {
namespace {

using namespace std::chrono_literals;

constexpr const char* kTwoServices = R"(
services:
  - { name: web, address: 192.0.2.80, protocol: tcp, port: 80, scheduler: wrr,
      health: { type: tcp },
      reals: [ { address: 10.0.0.11, weight: 3 }, { address: 10.0.0.12 } ] }
  - { name: shop, address: 192.0.2.81, protocol: tcp, port: 443, scheduler: mh,
      persistence: { timeout: 5m }, reals: [ { address: 10.0.0.13 } ] }
)";

class NoMemoryTest : public testing::Test {
 protected:
  NoMemoryTest() {
    EXPECT_TRUE(director_.PublishFirst(now_));
    Turn();
  }
  // As the control core turns it.
  void Turn() {
    AdoptAll(fabric_);
    try {
      director_.Turn(now_ += 5ms);
    } catch (const std::bad_alloc&) {
      NoteFault(Thread::kControl);
    }
  }
  // Turns until it is answered: true when it is in force.
  bool Change(const Edit& edit) {
    std::optional<bool> is_in_force;
    director_.Change(edit, [&](const EditOutcome& outcome) { is_in_force = !outcome.refusal; });
    for (int i = 0; i < 5 && !is_in_force; ++i) Turn();
    EXPECT_TRUE(is_in_force) << "no answer";
    return is_in_force.value_or(false);
  }
  // Weights by place: of the model, and as the workers see them.
  std::string Weights() {
    std::string text;
    const auto view = director_.view();
    for (size_t i = 0; i < view->services.size(); ++i) {
      for (const RealInfo& real : view->services[i].reals) {
        if (real.is_ghost) continue;
        const auto& seen = fabric_.publisher.current()->reals[real.id.index()];
        EXPECT_TRUE(seen.is_available) << real.name;
        text += std::to_string(real.weight) + "=" + std::to_string(seen.weight) + " ";
      }
    }
    return text;
  }

  dataplane::Fabric fabric_{SmallFabric(2)};
  SilentProber prober_;
  TimePoint now_ = At(0s);
  Director director_{fabric_, ModelOf(kTwoServices), "test.yaml", TwoPorts(), prober_, 1};
};

TEST_F(NoMemoryTest, AChangeIsMadeOrRefusedAndTheNextOneIsMade) {
  SetLogLevel(LogLevel::kError);
  const std::string patch = "{ weight: 5 }", back = "{ weight: 3 }";
  size_t survived = 0;
  for (long allowed = 0;; ++allowed) {
    bool has_failed = false;
    std::optional<bool> is_in_force;
    const Edit edit = PatchReal{"web", "10.0.0.11", patch};
    const std::function<void(EditOutcome)> done = [&is_in_force](const EditOutcome& outcome) {
      is_in_force = !outcome.refusal;
    };
    for (int step = 0; step < 3; ++step) {
      AdoptAll(fabric_);
      g_allocations_left = allowed;
      try {
        if (step == 0) director_.Change(edit, done);
        director_.Turn(now_ += 5ms);
      } catch (const std::bad_alloc&) {
        has_failed = true;
      }
      has_failed |= g_allocations_left == 0;
      g_allocations_left = -1;
    }
    for (int i = 0; i < 3; ++i) Turn();
    const int32_t weight = director_.publication().in_force().model->services[0].reals[0].weight;
    if (is_in_force) {
      EXPECT_EQ(weight, *is_in_force ? 5 : 3) << "with " << allowed;
    }
    now_ += 2s;  // until it is tried again
    Turn();
    ASSERT_TRUE(Change(PatchReal{"web", "10.0.0.12", "{ weight: 7 }"})) << "with " << allowed;
    ASSERT_TRUE(Change(PatchReal{"web", "10.0.0.11", back})) << "with " << allowed;
    ASSERT_EQ(Weights(), "7=7 3=3 1=1 ") << "with " << allowed;
    if (!has_failed) break;
    ++survived;
    allowed += allowed / 16;  // far in, not each of them
  }
  EXPECT_GT(survived, 50u);
}

// An entry without a place in its schedule would never be asked for, and could not be moved.
TEST(NoMemory, ANeighbourIsLearntOrNotAndTheNextTimeItIs) {
  const ConfigModel model = ModelOf("");
  const std::vector<PortRuntime> ports = TwoPorts();
  const dataplane::Event wanted{.kind = dataplane::Event::Kind::kNeighbourWanted,
                                .port = PortId{1},
                                .address = Ip("10.0.0.11"),
                                .mac = {}};
  for (long allowed = 0; allowed < 4; ++allowed) {
    dataplane::Fabric fabric(SmallFabric());
    WorkerMail mail(fabric);
    Neighbours neighbours(fabric, mail, model.ports, ports);
    g_allocations_left = allowed;
    try {
      neighbours.OnEvent(wanted, At(0s));
    } catch (const std::bad_alloc&) {
    }
    g_allocations_left = -1;
    neighbours.OnEvent(wanted, At(1s));
    neighbours.Tick(At(2s), 1);
    EXPECT_EQ(neighbours.size(), 1u) << "with " << allowed;
    EXPECT_EQ(fabric.stats.neighbours().learned.value(), 1u) << "with " << allowed;
    EXPECT_EQ(mail.frames_out(), 2u) << "with " << allowed;
  }
}

// What has begun to wait for a child that is given up must not go on with that.
TEST(NoMemory, ACommandIsRunOrGivenUpAndNothingOfItIsLeft) {
  SetLogLevel(LogLevel::kError);
  size_t survived = 0;
  bool has_failed = true;
  for (long allowed = 0; has_failed; ++allowed) {
    boost::asio::io_context io;
    CommandRunner runner(io, "nobody", 1);
    size_t answers = 0;
    const Command command{.arguments = {"/bin/sleep", "0.01"}, .environment = {}};
    g_allocations_left = allowed;
    try {
      runner.Run(command, 1000s, [&answers](const CommandEnd&) { ++answers; });
    } catch (const std::bad_alloc&) {
      ++answers;
    }
    has_failed = g_allocations_left == 0;
    g_allocations_left = -1;
    io.run_for(5s);
    ASSERT_TRUE(io.stopped()) << "with " << allowed;
    ASSERT_EQ(answers, 1u) << "with " << allowed;
    ASSERT_EQ(runner.running(), 0u) << "with " << allowed;
    if (has_failed) ++survived;
  }
  EXPECT_GT(survived, 10u);
}

}  // namespace
}  // namespace fairlead::control::no_memory_test
