// The mail to workers with real workers at the other end, turned by hand: however slowly either
// side empties its ring, every command comes back and every frame goes out.
#include "control/worker_mail.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "dataplane/worker.h"
#include "director_fixture.h"

namespace fairlead::control {
namespace {

using dataplane::BytePacket;

// One packet: what a worker sends is looked at and given back before the next.
struct Pool {
  BytePacket* Allocate() noexcept { return is_dry ? nullptr : &packet; }
  BytePacket packet;
  bool is_dry = false;
};

class WorkerMailTest : public testing::Test {
 protected:
  WorkerMailTest() {
    auto first = std::make_unique<dataplane::Snapshot>();
    first->generation = 1;
    fabric_.publisher.Publish(std::move(first));
  }

  // Runs what is in the mailbox of worker 0, at most `most` commands. Returns the first byte of
  // each frame it sent.
  std::vector<uint8_t> Work(size_t most = ~size_t{0}) {
    std::vector<uint8_t> sent;
    EXPECT_TRUE(worker_.BeginTurn(Tick{1}));
    for (size_t ran = 1; most > 0 && ran > 0; --most) {
      ran = worker_.RunCommands(pool_, out_.get());
      if (out_->count > 0) sent.push_back(pool_.packet.data()[0]);
      out_->Clear();
    }
    return sent;
  }

  void Send(size_t frames) {
    const std::array<uint8_t, 60> frame{1};
    for (size_t i = 0; i < frames; ++i) mail_->SendFrame(PortId{0}, frame);
  }

  dataplane::Fabric fabric_{SmallFabric()};
  std::unique_ptr<WorkerMail> mail_ = std::make_unique<WorkerMail>(fabric_);
  dataplane::Worker<BytePacket> worker_{fabric_, WorkerId{0}, Tick{1}};
  Pool pool_;
  std::unique_ptr<dataplane::Output<BytePacket>> out_ =
      std::make_unique<dataplane::Output<BytePacket>>();
};

// A ring takes 1,024. More than that are run before the sender looks at what came back.
TEST_F(WorkerMailTest, NoCommandIsLostWhileTheSenderLooksAway) {
  Send(1000);
  Work();
  Send(1000);
  Work();
  mail_->Poll();
  Work();
  mail_->Poll();
  Send(10);
  Work();
  mail_->Poll();
  EXPECT_EQ(worker_.counters().originated.value(), 2010u);
  mail_.reset();  // frees each command once
}

}  // namespace
}  // namespace fairlead::control
