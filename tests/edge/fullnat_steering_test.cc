// FULLNAT with a port that steers: packets come in by the queues that a NIC chooses after what it
// was told, and a worker has each one's record. Nothing is handed over.
#include <gtest/gtest.h>

#include "path/mixed_bed.h"
#include "told_nic.h"

namespace fairlead::edge::fullnat_steering_test {
namespace {

using namespace dataplane;
using fullnat_bed::Ends;
using fullnat_bed::SourceOf;

constexpr uint16_t kFlows = 100;

class FullnatSteering : public fullnat_bed::FullnatBed {
 protected:
  uint64_t HandedOff() {
    uint64_t sum = 0;
    for (size_t w = 0; w < d_.worker_count(); ++w) {
      sum += d_.worker(w).counters().handed_off.value();
    }
    return sum;
  }
  // In by the queue that the NIC chooses; what leaves of it, from whichever worker.
  std::vector<Sent> Arrive(const FakeNic& nic, PortId port, const Frame& frame) {
    std::vector<Sent> sent = d_.SendAt(nic.QueueOf(frame), port, frame);
    for (Sent& late : d_.Settle()) sent.push_back(std::move(late));
    return sent;
  }
  void Converse(const FakeNic& outside, const FakeNic& inside, uint16_t port) {
    const auto first = Arrive(outside, kOutside, FromClient(port, kTcpSyn));
    ASSERT_EQ(first.size(), 1u);
    const Endpoint local = SourceOf(first[0].frame);
    constexpr uint8_t kReplies[] = {kTcpSyn | kTcpAck, kTcpAck};
    for (const uint8_t flags : kReplies) {
      const auto reply = Arrive(inside, kInside, FromReal(local, flags));
      ASSERT_EQ(reply.size(), 1u);
      EXPECT_EQ(reply[0].port, kOutside);
      const auto more = Arrive(outside, kOutside, FromClient(port, kTcpAck));
      ASSERT_EQ(more.size(), 1u);
      EXPECT_EQ(more[0].port, kInside);
    }
  }
  // How many of the packets of kFlows connections changed the worker, of five each.
  uint64_t HandedOffWith(const FakeNicOptions& options, PortSteering steering) {
    const ToeplitzKey& key = d_.fabric().steering.key();
    const size_t workers = GetParam();
    FakeNic outside(options, static_cast<uint16_t>(workers));
    FakeNic inside(options, static_cast<uint16_t>(workers));
    const RssPlan out = Tell(outside, WishOf({{0, ClientSide::kSource}}, workers, key));
    const RssPlan in = Tell(inside, WishOf({{0, ClientSide::kDestination}}, workers, key));
    EXPECT_EQ(NameOf(out.steering), NameOf(steering));
    EXPECT_EQ(NameOf(in.steering), NameOf(steering));
    const uint64_t before = HandedOff();
    for (int flow = 0; flow < kFlows; ++flow) Converse(outside, inside, next_port_++);
    return HandedOff() - before;
  }

  uint16_t next_port_ = 2000;
};
INSTANTIATE_TEST_SUITE_P(Workers, FullnatSteering, testing::Values(2, 3));

TEST_P(FullnatSteering, NoPacketIsHandedOverWhereThePortSteers) {
  struct Case {
    const char* name;
    FakeNicOptions nic;
    PortSteering steering;
  };
  const Case good[] = {
      {"one-sided RSS", {.can = kHashesOneSide}, PortSteering::kHardware},
      {"rules", {.can = kHashesBothEnds, .takes_rules = true}, PortSteering::kRules}};
  for (const Ends& ends :
       {fullnat_bed::kEnds4, fullnat_bed::kEnds6, fullnat_bed::kEnds64, fullnat_bed::kEnds46}) {
    for (const uint8_t protocol : {kProtocolTcp, kProtocolUdp}) {
      SCOPED_TRACE(ends.vip + " " + ends.real + (protocol == kProtocolTcp ? " TCP" : " UDP"));
      Serve(ends, {.protocol = protocol});
      for (const Case& c : good) EXPECT_EQ(HandedOffWith(c.nic, c.steering), 0u) << c.name;
      EXPECT_GT(HandedOffWith({.can = kHashesBothEnds}, PortSteering::kRss), kFlows)
          << "a port that does not steer";
      d_.Advance(1000);  // the table has room for the next ones
    }
  }
  EXPECT_EQ(d_.CheckConservation(), "");
}

}  // namespace
}  // namespace fairlead::edge::fullnat_steering_test
