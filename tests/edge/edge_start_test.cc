// The whole edge in one process: EAL, ports on capture files, two workers, and the kernel twin in a
// network namespace of the test's own. Needs root and /dev/net/tun.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <functional>
#include <thread>

#include "base/checksum.h"
#include "dataplane/dpdk/edge.h"
#include "dataplane/wire/headers.h"
#include "frames.h"
#include "pcap_file.h"
#include "two_port_director.h"

namespace fairlead::edge::edge_start_test {
namespace {

namespace fs = std::filesystem;
using dataplane::HeaderAt;

constexpr uint32_t kClient = 0xc6336401;  // 198.51.100.1
constexpr uint16_t kClientPort = 40000;

bool WaitFor(const std::function<bool()>& condition) {
  for (int i = 0; i < 1000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

// A TCP socket of the host, listening on the twin's address.
int Listen(uint32_t address, uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(address);
  at.sin_port = htons(port);
  EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof at), 0) << std::strerror(errno);
  EXPECT_EQ(listen(fd, 1), 0);
  return fd;
}

bool IsRunning(const char* interface) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq request{};
  std::strncpy(request.ifr_name, interface, IFNAMSIZ - 1);
  const bool is_running =
      ioctl(fd, SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_RUNNING) != 0;
  close(fd);
  return is_running;
}

// The kernel's SYN-ACK: complete checksum, resolved by the worker.
void ExpectSynAckOfTheKernel(const std::vector<uint8_t>& frame) {
  const auto* ip = HeaderAt<dataplane::Ipv4Header>(frame.data(), 14);
  const auto* tcp = HeaderAt<dataplane::TcpHeader>(frame.data(), 14 + ip->header_length());
  EXPECT_EQ(HeaderAt<dataplane::EthernetHeader>(frame.data(), 0)->destination.get(), kGatewayMac);
  EXPECT_EQ(ip->source.get(), Ipv4Address::FromHost(kOutsideAddress));
  EXPECT_EQ(tcp->flags, dataplane::kTcpSyn | dataplane::kTcpAck);
  const uint32_t tcp_length = ip->total_length.get().host() - ip->header_length();
  EXPECT_TRUE(
      Checksum(tcp, tcp_length,
               PseudoHeaderSum(ip->source.get(), ip->destination.get(), ip->protocol, tcp_length))
          .is_zero());
}

class EdgeStartTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(geteuid(), 0u) << "run as root: the kernel twin is a tap interface";
    ASSERT_EQ(unshare(CLONE_NEWNET), 0);
    folder_ = fs::temp_directory_path() / ("fairlead-edge-" + std::to_string(getpid()));
    fs::create_directory(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string Path(const char* name) const { return (folder_ / name).string(); }

  // Two workers; "outside" with a kernel twin reads in.pcap, "inside" reads empty.pcap.
  EdgeConfig TwoPorts() const {
    EdgeConfig config;
    config.name = "edge-start-test";
    config.workers = 2;
    config.sleeps_when_idle = true;
    config.hugepages = Hugepages::kOff;
    config.ports.push_back(
        {.name = "outside",
         .device = "net_pcap0,rx_pcap=" + Path("in.pcap") + ",tx_pcap=" + Path("out0.pcap") +
                   ",tx_pcap=" + Path("out1.pcap"),
         .has_host = true,
         .addresses = {*Prefix::Parse("192.0.2.2/24"), *Prefix::Parse("2001:db8::2/64")},
         .routes = {{*Prefix::Parse("0.0.0.0/0"), *IpAddress::Parse("192.0.2.1")}}});
    config.ports.push_back(
        {.name = "inside",
         .device = "net_pcap1,rx_pcap=" + Path("empty.pcap") + ",tx_pcap=" + Path("inside.pcap")});
    return config;
  }

  fs::path folder_;
};

TEST_F(EdgeStartTest, KernelAnswersThroughTheTwinAndEveryPacketIsCounted) {
  PcapWriter in(Path("in.pcap"));
  // To the host's own socket, and to the service.
  for (const uint32_t to : {kOutsideAddress, kVipHost}) {
    in.Add(BuildTcp({.destination = PortMac(kOutside),
                     .source = kGatewayMac,
                     .from = kClient,
                     .to = to,
                     .from_port = kClientPort,
                     .to_port = to == kVipHost ? uint16_t{80} : uint16_t{5000}}));
  }
  ASSERT_TRUE(in.Close());
  ASSERT_TRUE(PcapWriter(Path("empty.pcap")).Close());

  const EdgeConfig config = TwoPorts();
  dataplane::Fabric fabric({.workers = 2, .ports = 2, .connections = 4096});
  Result<Prepared> prepared = Prepared::Make(config, fabric.config.ring_packets);
  ASSERT_TRUE(prepared) << prepared.error().ToString();
  Result<std::unique_ptr<Edge>> started = Edge::Start(*std::move(prepared), config, fabric);
  ASSERT_TRUE(started) << started.error().ToString();
  Edge& edge = **started;
  ASSERT_EQ(edge.ports().size(), 2u);
  EXPECT_EQ(edge.ports()[0].host_interface, "fl-outside");
  EXPECT_EQ(edge.ports()[0].rx_queues, 1);
  EXPECT_EQ(edge.ports()[0].tx_queues, 2);
  EXPECT_EQ(edge.ports()[1].tx_queues, 1);
  EXPECT_TRUE(edge.ports()[1].host_interface.empty());
  EXPECT_NE(if_nametoindex("fl-outside"), 0u);
  EXPECT_GT(edge.memory().packets, 0u);

  const int listener = Listen(kOutsideAddress, 5000);
  ASSERT_TRUE(edge.LaunchWorkers());
  PublishTwoPortDirector(fabric, {.outside_has_host = true});
  edge.Own();
  EXPECT_TRUE(WaitFor([&] {
    return fabric.stats.port(WorkerId{0}, kOutside).from_host.value() > 0 &&
           edge.ReadPortStats(kOutside).tx_packets > 0 &&
           edge.ReadPortStats(kInside).tx_packets > 0;
  }));
  EXPECT_EQ(edge.ReadPortStats(kOutside).rx_packets, 2u);
  std::vector<NamedDescriptor> twins = edge.StopForSuccessor();
  close(listener);
  ASSERT_EQ(twins.size(), 1u);
  EXPECT_EQ(twins[0].name, "fl-outside");
  EXPECT_TRUE(edge.StopForSuccessor().empty()) << "they are given once";

  const std::vector<std::vector<uint8_t>> out = ReadPcap(Path("out0.pcap"));
  ASSERT_GE(out.size(), 1u);
  ExpectSynAckOfTheKernel(out[0]);
  EXPECT_EQ(ReadPcap(Path("inside.pcap")).size(), 1u);

  for (uint8_t w = 0; w < 2; ++w) {
    const dataplane::WorkerCounters& c = fabric.stats.worker(WorkerId{w});
    EXPECT_EQ(c.received.value() + c.handed_in.value() + c.originated.value(),
              c.sent.value() + c.handed_off.value() + c.delivered_to_host.value() +
                  c.dropped_total() + c.held.value())
        << "worker " << int{w};
  }
  started->reset();
  EXPECT_TRUE(IsRunning("fl-outside")) << "whoever has the descriptor keeps the carrier";
  twins.clear();
  EXPECT_TRUE(WaitFor([] { return !IsRunning("fl-outside"); }));
  EXPECT_NE(if_nametoindex("fl-outside"), 0u) << "the twin outlives the director";
}

}  // namespace
}  // namespace fairlead::edge::edge_start_test
