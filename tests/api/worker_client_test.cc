// What happens when a worker is slow, silent or flooded; no thread: the test plays the worker.
#include "control/api/worker_client.h"

#include <gtest/gtest.h>

#include "control/api/busy_meter.h"
#include "dataplane/shard/fabric.h"

namespace fairlead::api::worker_client_test {
namespace {

using namespace std::chrono_literals;
using dataplane::Command;
using dataplane::ExplainCommand;

dataplane::FabricConfig OneWorker() {
  dataplane::FabricConfig config;
  config.reals = config.neighbours = 16;
  config.ring_packets = 16;
  return config;
}

class WorkerClientTest : public ::testing::Test {
 protected:
  void AnswerOne() {
    ASSERT_TRUE(fabric.api[0]->RunNext([](Command&) {}));
  }

  boost::asio::io_context io;
  dataplane::Fabric fabric{OneWorker()};
};

TEST_F(WorkerClientTest, AnswersComeInOrder) {
  WorkerClient client(io, fabric);
  std::string order;
  for (char c : {'a', 'b', 'c'}) {
    client.Send<ExplainCommand>(WorkerId{0}, std::make_shared<ExplainCommand>(),
                                [&order, c](const auto& done) {
                                  EXPECT_NE(done, nullptr);
                                  order += c;
                                });
  }
  for (int i = 0; i < 3; ++i) AnswerOne();
  io.run();  // ends by itself: nothing is outstanding
  EXPECT_EQ(order, "abc");
  EXPECT_TRUE(client.is_idle());
}

TEST_F(WorkerClientTest, SilentWorkerIsGivenUpAndItsCommandKept) {
  WorkerClient client(io, fabric, 30ms);
  auto command = std::make_shared<ExplainCommand>();
  const std::weak_ptr<ExplainCommand> watch = command;
  int failures = 0;
  client.Send<ExplainCommand>(WorkerId{0}, std::move(command),
                              [&](const auto& done) { failures += done == nullptr ? 1 : 0; });
  while (failures == 0) io.run_one();
  EXPECT_FALSE(client.is_idle());
  EXPECT_FALSE(watch.expired()) << "the worker may still write into it";
  AnswerOne();
  io.run();
  EXPECT_EQ(failures, 1) << "answered once only";
  EXPECT_TRUE(client.is_idle());
  EXPECT_TRUE(watch.expired());
}

TEST_F(WorkerClientTest, FullMailboxIsRefusedAtOnce) {
  WorkerClient client(io, fabric);
  const size_t room = dataplane::Mailbox::kCapacity;
  size_t good = 0, refused = 0;
  for (size_t i = 0; i < room + 5; ++i) {
    client.Send<ExplainCommand>(WorkerId{0}, std::make_shared<ExplainCommand>(),
                                [&](const auto& done) { ++(done ? good : refused); });
  }
  for (size_t i = 0; i < room; ++i) AnswerOne();
  io.run();
  EXPECT_EQ(good, room);
  EXPECT_EQ(refused, 5u);
}

// The worker is quicker than this thread looks: as many as were out are done, and more are asked
// for. Each answer reaches who asked, and none is lost.
TEST_F(WorkerClientTest, NoMoreAreOutThanTheRingOfAnswersHolds) {
  WorkerClient client(io, fabric);
  constexpr size_t kRoom = dataplane::Mailbox::kCapacity;
  size_t good = 0, refused = 0;
  const auto send = [&](size_t count) {
    for (size_t i = 0; i < count; ++i) {
      auto command = std::make_shared<ExplainCommand>();
      ExplainCommand* const mine = command.get();
      client.Send<ExplainCommand>(WorkerId{0}, std::move(command), [&, mine](const auto& done) {
        if (done != nullptr) {
          EXPECT_EQ(done.get(), mine);
        }
        ++(done ? good : refused);
      });
    }
  };
  send(kRoom);
  for (size_t i = 0; i < kRoom; ++i) AnswerOne();
  send(5);
  EXPECT_FALSE(fabric.api[0]->RunNext([](Command&) {})) << "its answer would have no place";
  io.run();
  EXPECT_EQ(good, kRoom);
  EXPECT_EQ(refused, 5u);
  EXPECT_TRUE(client.is_idle());
}

TEST_F(WorkerClientTest, BusyMeterLooksAtTheLastInterval) {
  BusyMeter meter(fabric.stats);
  auto& counters = fabric.stats.worker(WorkerId{0});
  EXPECT_EQ(meter.ratio(WorkerId{0}), 0);
  counters.polls.Set(1000);
  counters.busy_polls.Set(250);
  EXPECT_EQ(meter.ratio(WorkerId{0}), 0.25) << "since the start";
  meter.Sample();
  counters.polls.Add(100);
  counters.busy_polls.Add(100);
  meter.Sample();
  EXPECT_EQ(meter.ratio(WorkerId{0}), 1);
}

}  // namespace
}  // namespace fairlead::api::worker_client_test
