// A director of ring ports whose workers the test turns by hand, and frames for it.
//
//   Rig rig({.workers = 2});
//   rig.outside().Put(FromClient(1000), 0);
//   rig.TurnUntilQuiet();
//   rig.inside().Take();
#pragma once

#include <gtest/gtest.h>
#include <rte_cycles.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/checksum.h"
#include "dataplane/dpdk/worker_loop.h"
#include "dataplane/wire/headers.h"
#include "eal_environment.h"
#include "frames.h"
#include "ring_port.h"
#include "two_port_director.h"

namespace fairlead::edge {

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
    TwoPortOptions director = options.director;
    director.has_vlans = ports_.front().has_vlans();
    PublishTwoPortDirector(fabric_, director);
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

  dataplane::WorkerCounters& counters(uint8_t worker) {
    return fabric_.stats.worker(WorkerId{worker});
  }
  uint64_t Sum(dataplane::Counter dataplane::WorkerCounters::*column) {
    uint64_t sum = 0;
    for (uint8_t w = 0; w < loops_.size(); ++w) sum += (counters(w).*column).value();
    return sum;
  }
  uint64_t Dropped(dataplane::DropReason reason) {
    uint64_t sum = 0;
    for (uint8_t w = 0; w < loops_.size(); ++w) {
      sum += counters(w).dropped[static_cast<size_t>(reason)].value();
    }
    return sum;
  }
  // The conservation law, for every worker.
  void ExpectNothingLost() {
    for (uint8_t w = 0; w < loops_.size(); ++w) {
      const dataplane::WorkerCounters& c = counters(w);
      EXPECT_EQ(c.received.value() + c.handed_in.value() + c.originated.value(),
                c.sent.value() + c.handed_off.value() + c.delivered_to_host.value() +
                    c.dropped_total() + c.held.value())
          << "worker " << int{w};
    }
  }

  dataplane::Fabric& fabric() { return fabric_; }
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
  dataplane::Fabric fabric_;
  std::unique_ptr<RingPort> outside_, inside_;
  std::vector<Port> ports_;
  std::unique_ptr<Lines> lines_;
  std::vector<std::unique_ptr<WorkerLoop>> loops_;
};

inline std::vector<uint8_t> FromClient(uint16_t client_port, uint8_t flags = dataplane::kTcpSyn) {
  return BuildTcp({.destination = PortMac(kOutside),
                   .source = kGatewayMac,
                   .from = 0xc6336401,  // 198.51.100.1
                   .to = kVipHost,
                   .from_port = client_port,
                   .to_port = 80,
                   .flags = flags});
}

inline std::vector<uint8_t> FromReal(uint32_t real, uint16_t client_port) {
  return BuildTcp({.destination = PortMac(kInside),
                   .source = RealMac(real),
                   .from = kFirstReal + real,
                   .to = 0xc6336401,
                   .from_port = 80,
                   .to_port = client_port,
                   .flags = dataplane::kTcpSyn | dataplane::kTcpAck});
}

inline bool HasGoodChecksums(const std::vector<uint8_t>& frame) {
  const auto* ip =
      dataplane::HeaderAt<dataplane::Ipv4Header>(frame.data(), dataplane::kEthernetHeaderLength);
  const uint8_t* l4 = frame.data() + dataplane::kEthernetHeaderLength + ip->header_length();
  const uint32_t l4_length = ip->total_length.get().host() - ip->header_length();
  return Checksum(ip, ip->header_length()).is_zero() &&
         Checksum(l4, l4_length,
                  PseudoHeaderSum(ip->source.get(), ip->destination.get(), ip->protocol, l4_length))
             .is_zero();
}

}  // namespace fairlead::edge
