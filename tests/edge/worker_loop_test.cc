// The real loop with the real pipeline, over ports whose wire the test holds.
#include "dataplane/dpdk/worker_loop.h"

#include <gtest/gtest.h>

#include <chrono>
#include <set>
#include <thread>

#include "dataplane/wire/headers.h"
#include "loop_rig.h"

namespace fairlead::edge::worker_loop_test {
namespace {

using dataplane::DropReason;
using dataplane::EthernetHeader;
using dataplane::Fabric;
using dataplane::HeaderAt;
using dataplane::Ipv4Header;
using dataplane::kEthernetHeaderLength;
using dataplane::WorkerCounters;

TEST(WorkerLoopTest, TwoWorkersForwardDrWhateverTheQueue) {
  Rig rig({});
  constexpr uint16_t kClients = 200;
  for (uint16_t i = 0; i < kClients; ++i) {
    // The queue has nothing to do with the owner: about half must be handed over.
    ASSERT_TRUE(rig.outside().Put(FromClient(1000 + i), i % 2));
  }
  rig.TurnUntilQuiet();
  const Frames sent = rig.inside().Take();
  ASSERT_EQ(sent.size(), kClients);
  std::set<std::string> payloads;
  for (const std::vector<uint8_t>& frame : sent) {
    const auto* ethernet = HeaderAt<EthernetHeader>(frame.data(), 0);
    const MacAddress mac = ethernet->destination;
    EXPECT_LT(mac.bytes[5], kReals);
    EXPECT_EQ(mac.bytes[4], 2);
    EXPECT_EQ(ethernet->source.get(), PortMac(kInside));
    EXPECT_TRUE(HasGoodChecksums(frame));
    payloads.emplace(frame.begin() + kEthernetHeaderLength, frame.end());
  }
  EXPECT_EQ(payloads.size(), kClients);  // each once
  EXPECT_EQ(rig.Sum(&WorkerCounters::connections), kClients);
  EXPECT_GT(rig.Sum(&WorkerCounters::handed_in), 0u);
  EXPECT_EQ(rig.Sum(&WorkerCounters::handed_in), rig.Sum(&WorkerCounters::handed_off));
  rig.Finish();
  rig.ExpectNothingLost();
}

TEST(WorkerLoopTest, NatBothWaysKeepsChecksums) {
  Rig rig({.director = {.method = ForwardMethod::kNat}});
  for (uint16_t i = 0; i < 64; ++i) ASSERT_TRUE(rig.outside().Put(FromClient(2000 + i), i % 2));
  rig.TurnUntilQuiet();
  const Frames requests = rig.inside().Take();
  ASSERT_EQ(requests.size(), 64u);
  for (const std::vector<uint8_t>& frame : requests) {
    ASSERT_TRUE(HasGoodChecksums(frame));
    const auto* ip = HeaderAt<Ipv4Header>(frame.data(), kEthernetHeaderLength);
    const auto* tcp = HeaderAt<dataplane::TcpHeader>(frame.data(), kEthernetHeaderLength + 20);
    const uint32_t real = ip->destination.get().Fold() - kFirstReal;
    ASSERT_LT(real, kReals);
    const uint16_t client = tcp->source_port.get().host();
    ASSERT_TRUE(rig.inside().Put(FromReal(real, client), client % 2));
  }
  rig.TurnUntilQuiet();
  const Frames replies = rig.outside().Take();
  ASSERT_EQ(replies.size(), 64u);
  for (const std::vector<uint8_t>& frame : replies) {
    const auto* ip = HeaderAt<Ipv4Header>(frame.data(), kEthernetHeaderLength);
    EXPECT_TRUE(HasGoodChecksums(frame));
    EXPECT_EQ(ip->source.get(), Ipv4Address::FromHost(kVipHost));
    EXPECT_EQ(HeaderAt<EthernetHeader>(frame.data(), 0)->destination.get(), kGatewayMac);
  }
  rig.Finish();
  rig.ExpectNothingLost();
}

TEST(WorkerLoopTest, OneTransmitQueueServesTwoWorkersWithoutALock) {
  Rig rig({.inside = {.rx_queues = 1, .tx_queues = 1}});
  for (uint16_t i = 0; i < 200; ++i) ASSERT_TRUE(rig.outside().Put(FromClient(3000 + i), 1));
  rig.TurnUntilQuiet();
  EXPECT_EQ(rig.inside().Take().size(), 200u);
  EXPECT_EQ(rig.counters(0).sent.value(), 200u);
  EXPECT_EQ(rig.counters(1).sent.value(), 0u);
  rig.Finish();
  rig.ExpectNothingLost();
}

TEST(WorkerLoopTest, FullTransmitQueueDropsAndCounts) {
  Rig rig({.workers = 1,
           .outside = {.rx_queues = 1, .tx_queues = 1},
           .inside = {.rx_queues = 1, .tx_queues = 1, .transmit_room = 16}});
  for (uint16_t i = 0; i < 40; ++i) ASSERT_TRUE(rig.outside().Put(FromClient(4000 + i), 0));
  rig.TurnUntilQuiet();
  EXPECT_EQ(rig.inside().Take().size(), 16u);
  EXPECT_EQ(rig.Dropped(DropReason::kTransmitFull), 24u);
  const dataplane::PortCounters& port = rig.fabric().stats.port(WorkerId{0}, kInside);
  EXPECT_EQ(port.tx_packets.value(), 16u);
  EXPECT_EQ(port.tx_missed.value(), 24u);
  EXPECT_EQ(rig.fabric().stats.port(WorkerId{0}, kOutside).tx_missed.value(), 0u);
  EXPECT_EQ(port.tx_bytes.value(), 16u * 60);
  EXPECT_EQ(rig.fabric().stats.port(WorkerId{0}, kOutside).rx_bytes.value(), 40u * 60);
  rig.Finish();
  rig.ExpectNothingLost();
}

// A worker without a queue of its own counts what the ring to the queue's owner did not take.
TEST(WorkerLoopTest, AFullRingToTheQueuesOwnerIsMissedByThePort) {
  Rig rig({.inside = {.rx_queues = 1, .tx_queues = 1}});
  // Half of them are worker 1's own: more than the ring's 1,024.
  for (uint16_t i = 0; i < 3000; ++i) ASSERT_TRUE(rig.outside().Put(FromClient(1024 + i), 1));
  while (rig.loops()[1]->Turn() > 0) {
  }
  const uint64_t missed = rig.Dropped(DropReason::kTransmitFull);
  EXPECT_GT(missed, 0u);
  EXPECT_EQ(rig.fabric().stats.port(WorkerId{1}, kInside).tx_missed.value(), missed);
  EXPECT_EQ(rig.fabric().stats.SumPort(kInside, &dataplane::PortCounters::tx_missed), missed);
  rig.TurnUntilQuiet();
  rig.Finish();
  rig.ExpectNothingLost();
}

TEST(WorkerLoopTest, HeldPacketsAreGivenUpAtTheEnd) {
  Rig rig({.workers = 1, .director = {.neighbours_known = false}});
  for (uint16_t i = 0; i < 20; ++i) ASSERT_TRUE(rig.outside().Put(FromClient(5000 + i), 0));
  rig.TurnUntilQuiet();
  EXPECT_EQ(rig.counters(0).held.value(), 20u);
  rig.ExpectNothingLost();
  rig.Finish();
  EXPECT_EQ(rig.counters(0).held.value(), 0u);
  EXPECT_EQ(rig.Dropped(DropReason::kShutdown), 20u);
  rig.ExpectNothingLost();
}

TEST(WorkerLoopTest, ChainedFramesAreMadeWholeOrDropped) {
  Rig rig({.workers = 1});
  const std::vector<uint8_t> frame = FromClient(6000);
  ASSERT_TRUE(rig.outside().PutChained(frame, 0, 2));
  rig.TurnUntilQuiet();
  Frames sent = rig.inside().Take();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].size(), frame.size());
  EXPECT_TRUE(HasGoodChecksums(sent[0]));

  const std::vector<uint8_t> giant(6000, 0);
  ASSERT_TRUE(rig.outside().PutChained(giant, 0, 3));
  rig.TurnUntilQuiet();
  EXPECT_EQ(rig.Dropped(DropReason::kOversized), 1u);
  rig.Finish();
  rig.ExpectNothingLost();
}

TEST(WorkerLoopTest, HostPacketsGoToTheTwinAndComeBack) {
  Rig rig({.director = {.outside_has_host = true}});
  std::vector<uint8_t> to_host = BuildTcp({.destination = PortMac(kOutside),
                                           .source = kGatewayMac,
                                           .from = 0xc6336401,
                                           .to = kOutsideAddress,
                                           .from_port = 4000,
                                           .to_port = 22});
  ASSERT_TRUE(rig.outside().Put(to_host, 1));
  rig.TurnUntilQuiet();
  rte_mbuf* mbuf = nullptr;
  WorkerId by{0};
  for (uint8_t w = 0; w < 2 && mbuf == nullptr; ++w) {
    by = WorkerId{w};
    rig.lines().to_host(kOutside, by)->Pop(&mbuf);
  }
  ASSERT_NE(mbuf, nullptr);
  EXPECT_EQ(mbuf->data_len, to_host.size());
  EXPECT_EQ(rig.fabric().stats.port(by, kOutside).to_host.value(), 1u);
  EXPECT_EQ(rig.Sum(&WorkerCounters::delivered_to_host), 1u);

  // The kernel's answer to a client out there: resolved by the worker.
  std::vector<uint8_t> answer = BuildTcp({.from = kOutsideAddress,
                                          .to = 0xc6336401,
                                          .from_port = 22,
                                          .to_port = 4000,
                                          .flags = dataplane::kTcpSyn | dataplane::kTcpAck});
  std::memcpy(rte_pktmbuf_mtod(mbuf, uint8_t*), answer.data(), answer.size());
  ASSERT_TRUE(rig.lines().from_host(kOutside)->Push(mbuf));
  rig.TurnUntilQuiet();
  const Frames sent = rig.outside().Take();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(HeaderAt<EthernetHeader>(sent[0].data(), 0)->destination.get(), kGatewayMac);
  EXPECT_EQ(HeaderAt<EthernetHeader>(sent[0].data(), 0)->source.get(), PortMac(kOutside));
  ASSERT_EQ(sent[0].size(), answer.size());
  EXPECT_EQ(std::memcmp(sent[0].data() + 14, answer.data() + 14, answer.size() - 14), 0);
  EXPECT_EQ(rig.fabric().stats.port(WorkerId{0}, kOutside).from_host.value(), 1u);
  EXPECT_EQ(rig.counters(0).originated.value(), 1u);
  rig.Finish();
  rig.ExpectNothingLost();
}

TEST(WorkerLoopTest, FullTwinDropsAndForwardingGoesOn) {
  Rig rig({.workers = 1, .director = {.outside_has_host = true}});
  const std::vector<uint8_t> to_host = BuildTcp({.destination = PortMac(kOutside),
                                                 .source = kGatewayMac,
                                                 .from = 0xc6336401,
                                                 .to = kOutsideAddress,
                                                 .from_port = 4000,
                                                 .to_port = 22});
  for (uint32_t i = 0; i < kHostRingPackets + 10; ++i) {
    ASSERT_TRUE(rig.outside().Put(to_host, 0));
  }
  ASSERT_TRUE(rig.outside().Put(FromClient(7000), 0));
  rig.TurnUntilQuiet();
  EXPECT_EQ(rig.Dropped(DropReason::kHostQueueFull), 10u);
  EXPECT_EQ(rig.inside().Take().size(), 1u);
  rig.Finish();
  rig.ExpectNothingLost();
  rte_mbuf* mbuf;
  while (rig.lines().to_host(kOutside, WorkerId{0})->Pop(&mbuf)) rte_pktmbuf_free(mbuf);
}

TEST(WorkerLoopTest, RunsOnThreadsAndStops) {
  Rig rig({});
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (auto& loop : rig.loops()) threads.emplace_back([&] { loop->Run(stop); });
  constexpr uint16_t kClients = 500;
  for (uint16_t i = 0; i < kClients; ++i)
    ASSERT_TRUE(rig.outside().Put(FromClient(8000 + i), i % 2));
  size_t sent = 0;
  for (int wait = 0; wait < 2000 && sent < kClients; ++wait) {
    sent += rig.inside().Take().size();
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(sent, kClients);
  rig.ExpectNothingLost();
  EXPECT_GT(rig.Sum(&WorkerCounters::polls), rig.Sum(&WorkerCounters::busy_polls));
  EXPECT_GT(rig.counters(0).longest_turn_ns.value(), 0u);
}

TEST(WorkerLoopTest, TheTurnThatSetsUpEveryServiceIsNoRecord) {
  Rig rig({.workers = 1});
  rig.loops()[0]->Turn();
  EXPECT_EQ(rig.counters(0).longest_turn_ns.value(), 0u);
  // A later one is a record, sooner or later: of any single turn the CPU clock may say that it took
  // no time, of very many in a row when the core is shared.
  for (int i = 0; i < 20'000'000 && rig.counters(0).longest_turn_ns.value() == 0; ++i) {
    rig.loops()[0]->Turn();
  }
  EXPECT_GT(rig.counters(0).longest_turn_ns.value(), 0u);
}

TEST(FinishIpChecksumTest, SoftwareAndPort) {
  const std::vector<uint8_t> frame = FromClient(9000);
  MbufPacket* packet = TestPool().Allocate();
  ASSERT_TRUE(packet->Resize(static_cast<uint32_t>(frame.size())));
  std::memcpy(packet->data(), frame.data(), frame.size());
  auto* ip = HeaderAt<Ipv4Header>(packet->data(), kEthernetHeaderLength);
  const Be16 right = ip->checksum;
  ip->checksum = Be16::FromHost(0x1234);
  packet->meta().wants_ip_checksum = true;
  FinishIpChecksum(packet, /*port_computes_it=*/false);
  EXPECT_EQ(ip->checksum.get(), right);
  EXPECT_FALSE(packet->meta().wants_ip_checksum);
  FinishIpChecksum(packet, /*port_computes_it=*/true);
  EXPECT_TRUE(ip->checksum.get().is_zero());
  EXPECT_NE(packet->mbuf()->ol_flags & RTE_MBUF_F_TX_IP_CKSUM, 0u);
  EXPECT_EQ(packet->mbuf()->l3_len, 20);
  PacketPool::Free(packet);
}

}  // namespace
}  // namespace fairlead::edge::worker_loop_test
