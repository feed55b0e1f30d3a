// The real loop with the real pipeline, over ports whose wire the test holds.
#include "dataplane/dpdk/worker_loop.h"

#include <gtest/gtest.h>

#include <chrono>
#include <set>
#include <thread>

#include "base/checksum.h"
#include "dataplane/wire/headers.h"
#include "eal_environment.h"
#include "frames.h"
#include "ring_port.h"
#include "two_port_director.h"

namespace fairlead::edge {
namespace {

using dataplane::DropReason;
using dataplane::EthernetHeader;
using dataplane::Fabric;
using dataplane::HeaderAt;
using dataplane::Ipv4Header;
using dataplane::kEthernetHeaderLength;
using dataplane::WorkerCounters;
using Frames = std::vector<std::vector<uint8_t>>;

struct RigOptions {
  size_t workers = 2;
  TwoPortOptions director{};
  RingPortOptions outside{}, inside{};
  // Both ports are VLANs of the outside wire: of these numbers, 0 for none.
  bool is_one_device = false;
  uint16_t outside_vlan = 0, inside_vlan = 0;
};

// A director of ring ports; the test turns its workers by hand, in this thread.
class Rig {
 public:
  explicit Rig(const RigOptions& options)
      : packets_before_(TestPool().in_use()),
        fabric_({.workers = options.workers,
                 .ports = 2,
                 .connections = 8192,
                 .connections6 = 1024,
                 .templates = 1024,
                 .reals = 64,
                 .neighbours = 256}),
        outside_(std::make_unique<RingPort>(Name("out"), options.outside)),
        inside_(std::make_unique<RingPort>(Name("in"), options.inside)) {
    std::vector<PortSpec> specs{outside_->spec(), inside_->spec()};
    if (options.is_one_device) specs[1].device = specs[0].device;
    specs[0].vlan = options.outside_vlan;
    specs[1].vlan = options.inside_vlan;
    for (size_t p = 0; p < specs.size(); ++p) {
      const PortId id{static_cast<uint8_t>(p)};
      const DeviceUse use = DeviceUseOf(specs, p);
      if (use.first != p) {
        ports_.push_back(Port::Share(ports_[use.first], specs[p], id));
        continue;
      }
      Result<Port> port = Port::Start(use, id, fabric_.steering, TestPool());
      EXPECT_TRUE(port) << port.error().ToString();
      ports_.push_back(std::move(*port));
    }
    lines_ = std::make_unique<Lines>(options.workers, ports_,
                                     std::vector<bool>{options.director.outside_has_host, false});
    const LoopContext context{fabric_, TestPool(), ports_, *lines_, rte_rdtsc(), true};
    for (uint8_t w = 0; w < options.workers; ++w) {
      loops_.push_back(std::make_unique<WorkerLoop>(context, WorkerId{w}));
    }
    PublishTwoPortDirector(fabric_, options.director);
  }
  ~Rig() {
    for (Port& port : ports_) port.Stop();
    inside_.reset();
    outside_.reset();
    EXPECT_EQ(TestPool().in_use(), packets_before_) << "packets leaked";
  }

  // Turns every worker until a whole round finds no work.
  void TurnUntilQuiet() {
    for (int rounds = 0; rounds < 1000; ++rounds) {
      size_t work = 0;
      for (auto& loop : loops_) work += loop->Turn();
      if (work == 0) return;
    }
    ADD_FAILURE() << "the workers do not come to rest";
  }
  void Finish() {
    for (auto& loop : loops_) loop->Finish();
  }

  WorkerCounters& counters(uint8_t worker) { return fabric_.stats.worker(WorkerId{worker}); }
  uint64_t Sum(dataplane::Counter WorkerCounters::*column) {
    uint64_t sum = 0;
    for (uint8_t w = 0; w < loops_.size(); ++w) sum += (counters(w).*column).value();
    return sum;
  }
  uint64_t Dropped(DropReason reason) {
    uint64_t sum = 0;
    for (uint8_t w = 0; w < loops_.size(); ++w) {
      sum += counters(w).dropped[static_cast<size_t>(reason)].value();
    }
    return sum;
  }
  // The conservation law, for every worker.
  void ExpectNothingLost() {
    for (uint8_t w = 0; w < loops_.size(); ++w) {
      const WorkerCounters& c = counters(w);
      EXPECT_EQ(c.received.value() + c.handed_in.value() + c.originated.value(),
                c.sent.value() + c.handed_off.value() + c.delivered_to_host.value() +
                    c.dropped_total() + c.held.value())
          << "worker " << int{w};
    }
  }

  Fabric& fabric() { return fabric_; }
  RingPort& outside() { return *outside_; }
  RingPort& inside() { return *inside_; }
  Lines& lines() { return *lines_; }
  std::vector<std::unique_ptr<WorkerLoop>>& loops() { return loops_; }

 private:
  static std::string Name(const char* side) {
    static int number = 0;
    return side + std::to_string(number++);
  }

  const uint32_t packets_before_;
  Fabric fabric_;
  std::unique_ptr<RingPort> outside_, inside_;
  std::vector<Port> ports_;
  std::unique_ptr<Lines> lines_;
  std::vector<std::unique_ptr<WorkerLoop>> loops_;
};

std::vector<uint8_t> FromClient(uint16_t client_port, uint8_t flags = dataplane::kTcpSyn) {
  return BuildTcp({.destination = PortMac(kOutside),
                   .source = kGatewayMac,
                   .from = 0xc6336401,  // 198.51.100.1
                   .to = kVipHost,
                   .from_port = client_port,
                   .to_port = 80,
                   .flags = flags});
}

std::vector<uint8_t> FromReal(uint32_t real, uint16_t client_port) {
  return BuildTcp({.destination = PortMac(kInside),
                   .source = RealMac(real),
                   .from = kFirstReal + real,
                   .to = 0xc6336401,
                   .from_port = 80,
                   .to_port = client_port,
                   .flags = dataplane::kTcpSyn | dataplane::kTcpAck});
}

bool HasGoodChecksums(const std::vector<uint8_t>& frame) {
  const auto* ip = HeaderAt<Ipv4Header>(frame.data(), kEthernetHeaderLength);
  const uint8_t* l4 = frame.data() + kEthernetHeaderLength + ip->header_length();
  const uint32_t l4_length = ip->total_length.get().host() - ip->header_length();
  return Checksum(ip, ip->header_length()).is_zero() &&
         Checksum(l4, l4_length,
                  PseudoHeaderSum(ip->source.get(), ip->destination.get(), ip->protocol, l4_length))
             .is_zero();
}

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

// The frame with an 802.1Q tag of this VLAN and priority 5.
std::vector<uint8_t> Tagged(std::vector<uint8_t> frame, uint16_t vlan) {
  const uint8_t tag[] = {0x81, 0x00, static_cast<uint8_t>(0xa0 | vlan >> 8),
                         static_cast<uint8_t>(vlan)};
  frame.insert(frame.begin() + 12, std::begin(tag), std::end(tag));
  return frame;
}

// Without its tag, which must be this VLAN's.
std::vector<uint8_t> Untagged(std::vector<uint8_t> frame, uint16_t vlan) {
  EXPECT_EQ(frame[12] << 8 | frame[13], 0x8100);
  EXPECT_EQ((frame[14] << 8 | frame[15]) & 0xfff, vlan);
  frame.erase(frame.begin() + 12, frame.begin() + 16);
  return frame;
}

class VlanTest : public testing::TestWithParam<size_t> {};  // workers

TEST_P(VlanTest, TwoPortsOfOneDeviceForwardBothWays) {
  Rig rig({.workers = GetParam(),
           .director = {.method = ForwardMethod::kNat},
           .is_one_device = true,
           .outside_vlan = 120,
           .inside_vlan = 130});
  const auto queue = [&](uint16_t n) { return static_cast<unsigned>(n % GetParam()); };
  for (uint16_t i = 0; i < 64; ++i) {
    ASSERT_TRUE(rig.outside().Put(Tagged(FromClient(2000 + i), 120), queue(i)));
  }
  rig.TurnUntilQuiet();
  const Frames requests = rig.outside().Take();
  ASSERT_EQ(requests.size(), 64u);
  for (const std::vector<uint8_t>& tagged : requests) {
    const std::vector<uint8_t> frame = Untagged(tagged, 130);
    ASSERT_TRUE(HasGoodChecksums(frame));
    const auto* ip = HeaderAt<Ipv4Header>(frame.data(), kEthernetHeaderLength);
    const auto* tcp = HeaderAt<dataplane::TcpHeader>(frame.data(), kEthernetHeaderLength + 20);
    const uint32_t real = ip->destination.get().Fold() - kFirstReal;
    ASSERT_LT(real, kReals);
    const uint16_t client = tcp->source_port.get().host();
    ASSERT_TRUE(rig.outside().Put(Tagged(FromReal(real, client), 130), queue(client)));
  }
  rig.TurnUntilQuiet();
  const Frames replies = rig.outside().Take();
  ASSERT_EQ(replies.size(), 64u);
  for (const std::vector<uint8_t>& tagged : replies) {
    const std::vector<uint8_t> frame = Untagged(tagged, 120);
    EXPECT_TRUE(HasGoodChecksums(frame));
    EXPECT_EQ(HeaderAt<Ipv4Header>(frame.data(), kEthernetHeaderLength)->source.get(),
              Ipv4Address::FromHost(kVipHost));
  }
  for (const PortId port : {kOutside, kInside}) {
    EXPECT_EQ(rig.fabric().stats.SumPort(port, &dataplane::PortCounters::rx_packets), 64u);
    EXPECT_EQ(rig.fabric().stats.SumPort(port, &dataplane::PortCounters::tx_packets), 64u);
    EXPECT_EQ(rig.fabric().stats.SumPort(port, &dataplane::PortCounters::tx_bytes), 64u * 64);
  }
  rig.Finish();
  rig.ExpectNothingLost();
}

TEST_P(VlanTest, FramesOfNoPortAreDropped) {
  Rig rig({.workers = GetParam(), .is_one_device = true, .outside_vlan = 120, .inside_vlan = 130});
  constexpr uint16_t kOthers[] = {0, 1, 121, 4095};
  for (const uint16_t vlan : kOthers) {
    ASSERT_TRUE(rig.outside().Put(Tagged(FromClient(2000), vlan), 0));
  }
  ASSERT_TRUE(rig.outside().Put(FromClient(2001), 0));
  // Cut off in the tag.
  const std::vector<uint8_t> whole = Tagged(FromClient(2002), 120);
  for (const size_t length : {14u, 15u, 17u}) {
    ASSERT_TRUE(rig.outside().Put({whole.begin(), whole.begin() + static_cast<long>(length)}, 0));
  }
  rig.TurnUntilQuiet();
  EXPECT_EQ(rig.Dropped(DropReason::kUnknownVlan), 8u);
  EXPECT_TRUE(rig.outside().Take().empty());
  rig.Finish();
  rig.ExpectNothingLost();
}

// VLAN 0 is a priority without a VLAN.
TEST_P(VlanTest, APortWithoutAVlanSharesTheDevice) {
  Rig rig({.workers = GetParam(), .is_one_device = true, .inside_vlan = 130});
  ASSERT_TRUE(rig.outside().Put(FromClient(2000), 0));
  ASSERT_TRUE(rig.outside().Put(Tagged(FromClient(2001), 0), 0));
  ASSERT_TRUE(rig.outside().Put(Tagged(FromClient(2002), 120), 0));
  rig.TurnUntilQuiet();
  const Frames sent = rig.outside().Take();
  ASSERT_EQ(sent.size(), 2u);
  for (const std::vector<uint8_t>& frame : sent) {
    EXPECT_TRUE(HasGoodChecksums(Untagged(frame, 130)));
  }
  EXPECT_EQ(rig.Dropped(DropReason::kUnknownVlan), 1u);
  rig.Finish();
  rig.ExpectNothingLost();
}

// A second tag is no IP packet.
TEST_P(VlanTest, OneTagIsTakenOff) {
  Rig rig({.workers = GetParam(), .is_one_device = true, .outside_vlan = 120, .inside_vlan = 130});
  ASSERT_TRUE(rig.outside().Put(Tagged(Tagged(FromClient(2000), 130), 120), 0));
  rig.TurnUntilQuiet();
  EXPECT_TRUE(rig.outside().Take().empty());
  EXPECT_EQ(rig.Dropped(DropReason::kUnknownEthertype), 1u);
  rig.Finish();
  rig.ExpectNothingLost();
}

INSTANTIATE_TEST_SUITE_P(Workers, VlanTest, testing::Values(1, 2));

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
}  // namespace fairlead::edge
