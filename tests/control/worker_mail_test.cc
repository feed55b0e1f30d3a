// The mail to workers with a real worker at the other end, turned by hand: however slowly either
// side looks, every command comes back and every frame goes out.
#include "control/worker_mail.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <memory>
#include <vector>

#include "dataplane/worker/worker.h"
#include "director_fixture.h"

namespace fairlead::control::worker_mail_test {
namespace {

using dataplane::BytePacket;

class WorkerMailTest : public testing::Test {
 protected:
  // Lends a packet for each frame of a turn.
  struct Pool {
    BytePacket* Allocate() noexcept { return is_dry ? nullptr : &packets[used++]; }
    std::array<BytePacket, 32> packets;
    size_t used = 0;
    bool is_dry = false;
  };

  WorkerMailTest() {
    auto first = std::make_unique<dataplane::Snapshot>();
    first->generation = 1;
    fabric_.publisher.Publish(std::move(first));
  }

  // One turn of the worker. Returns the number that each frame it sent carries.
  std::vector<uint32_t> Turn() {
    std::vector<uint32_t> sent;
    EXPECT_TRUE(worker_.BeginTurn(Tick{1}));
    worker_.RunCommands(*pool_, out_.get());
    for (size_t i = 0; i < out_->count; ++i) {
      uint32_t number = 0;
      std::memcpy(&number, out_->items[i].packet->data(), 4);
      sent.push_back(number);
    }
    out_->Clear();
    pool_->used = 0;
    return sent;
  }
  // Turns until nothing is left to do; the mail does not look meanwhile.
  std::vector<uint32_t> Work() {
    std::vector<uint32_t> all;
    while (fabric_.control[0]->waiting() > 0) {
      const auto sent = Turn();
      all.insert(all.end(), sent.begin(), sent.end());
    }
    return all;
  }
  bool Send(Urgency urgency, uint32_t number = 0) {
    std::array<uint8_t, 60> frame{};
    std::memcpy(frame.data(), &number, 4);
    return mail_.SendFrame(PortId{0}, frame, urgency);
  }
  size_t SendAll(Urgency urgency) {
    size_t count = 0;
    while (Send(urgency)) ++count;
    return count;
  }

  static dataplane::FabricConfig SmallTables() {
    dataplane::FabricConfig config = SmallFabric();
    config.connections = config.connections6 = config.templates = 64;
    return config;
  }

  dataplane::Fabric fabric_{SmallTables()};
  WorkerMail mail_{fabric_};
  dataplane::Worker<BytePacket> worker_{fabric_, WorkerId{0}, Tick{1}};
  std::unique_ptr<Pool> pool_ = std::make_unique<Pool>();
  std::unique_ptr<dataplane::Output<BytePacket>> out_ =
      std::make_unique<dataplane::Output<BytePacket>>();
};

// More frames than both rings hold, and neither side looks while the other works.
TEST_F(WorkerMailTest, EveryFrameGoesOutOnceAndInOrder) {
  constexpr uint32_t kFrames = 20000;
  std::vector<uint32_t> sent;
  uint32_t next = 0;
  for (int round = 0; sent.size() < kFrames; ++round) {
    ASSERT_LT(round, 100);
    while (next < kFrames && Send(Urgency::kPinned, next)) ++next;
    const auto some = Work();
    sent.insert(sent.end(), some.begin(), some.end());
    EXPECT_FALSE(fabric_.control[0]->RunNext([](dataplane::Command&) {}));
    if (round % 3 != 0) mail_.Poll();
  }
  for (uint32_t i = 0; i < kFrames; ++i) ASSERT_EQ(sent[i], i);
  mail_.Poll();
  EXPECT_EQ(mail_.frames_out(), 0u);
  EXPECT_EQ(fabric_.control[0]->out(), 0u);
}

TEST_F(WorkerMailTest, StrangersLeaveRoomForOthersAndAllLeaveRoomForASweep) {
  EXPECT_EQ(SendAll(Urgency::kStranger), 250u);
  EXPECT_EQ(SendAll(Urgency::kOrdinary), 500u);
  EXPECT_EQ(SendAll(Urgency::kPinned), 250u);
  mail_.Sweep();
  EXPECT_EQ(fabric_.control[0]->out(), 1001u);
  // Connections first, then the templates they leave without children.
  for (int i = 0; i < 5; ++i) {
    Work();
    mail_.Poll();
  }
  EXPECT_EQ(fabric_.control[0]->out(), 0u);
  EXPECT_EQ(SendAll(Urgency::kStranger), 250u) << "all are free again";
}

TEST_F(WorkerMailTest, AFrameThatFoundNoPacketGoesOutLater) {
  for (uint32_t i = 0; i < 3; ++i) EXPECT_TRUE(Send(Urgency::kStranger, i));
  pool_->is_dry = true;
  EXPECT_TRUE(Work().empty());
  mail_.Poll();
  EXPECT_EQ(mail_.frames_out(), 3u);
  pool_->is_dry = false;
  EXPECT_EQ(Work(), (std::vector<uint32_t>{0, 1, 2}));
  mail_.Poll();
  EXPECT_EQ(mail_.frames_out(), 0u);
}

TEST_F(WorkerMailTest, AWorkerSendsAFewFramesATurn) {
  while (Send(Urgency::kPinned)) {
  }
  EXPECT_EQ(Turn().size(), 16u);
}

}  // namespace
}  // namespace fairlead::control::worker_mail_test
