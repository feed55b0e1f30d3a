// What a packet costs in the real worker loop, driver included.
//
//   worker_loop_bench generate --flows 65536 --file flows.pcap
//   worker_loop_bench run --flows 65536 --file flows.pcap --method dr
//
// `generate` writes one SYN for each flow and then one ACK for each, both in an order of their own,
// shuffled: visiting flows in the order they were made looks several times faster than the truth.
// `run` starts the edge on net_pcap with that file in an endless loop, one worker, one-armed, and
// prints one JSON line: CPU nanoseconds of the worker's thread a packet, best and median of some
// windows. scripts/bench runs it beside dpdk-testpmd.
#include <dirent.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <numeric>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "dataplane/dpdk/edge.h"
#include "frames.h"
#include "pcap_file.h"
#include "two_port_director.h"

namespace fairlead::edge {
namespace {

using Options = std::map<std::string, std::string>;

constexpr uint32_t kFirstClient = 0x64400000;  // 100.64.0.0/10: four million clients
constexpr uint32_t kDataRoomBytes = 256;       // plenty for 60-byte frames
constexpr uint64_t kSeed = 20;

uint64_t Number(const Options& options, const char* key, uint64_t otherwise) {
  const auto it = options.find(key);
  return it == options.end() ? otherwise : std::strtoull(it->second.c_str(), nullptr, 10);
}

std::string Text(const Options& options, const char* key, const char* otherwise) {
  const auto it = options.find(key);
  return it == options.end() ? otherwise : it->second;
}

std::vector<uint8_t> FrameOf(uint32_t flow, uint8_t flags) {
  return BuildTcp({.destination = PortMac(kOutside),
                   .source = kGatewayMac,
                   .from = kFirstClient + flow,
                   .to = kVipHost,
                   .from_port = static_cast<uint16_t>(1024 + flow * 40503u % 60000),
                   .to_port = 80,
                   .flags = flags,
                   .length = 60});
}

int Generate(const Options& options) {
  const auto flows = static_cast<uint32_t>(Number(options, "flows", 65536));
  std::vector<uint32_t> order(flows);
  std::iota(order.begin(), order.end(), 0u);
  std::mt19937_64 random(kSeed);
  PcapWriter writer(Text(options, "file", "flows.pcap"));
  for (const uint8_t flags : {uint8_t{0x02}, uint8_t{0x10}}) {  // SYN, ACK
    std::shuffle(order.begin(), order.end(), random);
    for (const uint32_t flow : order) writer.Add(FrameOf(flow, flags));
  }
  if (writer.Close()) return 0;
  std::fprintf(stderr, "worker_loop_bench: cannot write the file\n");
  return 1;
}

// DPDK names the thread of lcore 1 so; this process has one worker.
std::optional<clockid_t> WorkerClock() {
  DIR* tasks = opendir("/proc/self/task");
  if (tasks == nullptr) return std::nullopt;
  std::optional<clockid_t> clock;
  while (const dirent* entry = readdir(tasks)) {
    std::string name;
    std::getline(std::ifstream("/proc/self/task/" + std::string(entry->d_name) + "/comm"), name);
    if (name.find("worker-1") == std::string::npos) continue;
    // The kernel's encoding of a thread's CPU clock: ~tid << 3 | per thread | scheduler clock.
    clock = static_cast<clockid_t>(~static_cast<unsigned>(std::atoi(entry->d_name)) << 3 | 4u | 2u);
  }
  closedir(tasks);
  return clock;
}

uint64_t Nanoseconds(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(t.tv_nsec);
}

std::vector<double> Measure(dataplane::WorkerCounters& counters, clockid_t clock, uint64_t warm_up,
                            uint64_t windows, uint64_t window_ms) {
  using std::chrono::milliseconds;
  while (counters.received.value() < warm_up) std::this_thread::sleep_for(milliseconds(10));
  std::vector<double> ns_per_packet;
  for (uint64_t i = 0; i < windows; ++i) {
    const uint64_t packets = counters.received.value(), cpu = Nanoseconds(clock);
    std::this_thread::sleep_for(milliseconds(window_ms));
    const uint64_t taken = Nanoseconds(clock) - cpu;
    ns_per_packet.push_back(static_cast<double>(taken) /
                            static_cast<double>(counters.received.value() - packets));
  }
  std::sort(ns_per_packet.begin(), ns_per_packet.end());
  return ns_per_packet;
}

EdgeConfig ConfigOf(const Options& options, uint64_t flows) {
  EdgeConfig config;
  config.name = "bench";
  config.hugepages = Hugepages::kOff;  // as testpmd beside it
  config.data_room_bytes = kDataRoomBytes;
  // net_pcap loads the whole file into packet buffers.
  config.extra_packets = static_cast<uint32_t>(2 * flows);
  config.ports.push_back(
      {.name = "outside",
       .device = "net_pcap0,rx_pcap=" + Text(options, "file", "flows.pcap") + ",infinite_rx=1"});
  return config;
}

int Run(const Options& options) {
  const uint64_t flows = Number(options, "flows", 65536);
  const std::string method = Text(options, "method", "dr");
  const uint64_t capacity = std::max<uint64_t>(1 << 20, 2 * flows);
  dataplane::Fabric fabric(
      {.workers = 1, .ports = 1, .connections = capacity, .connections6 = 1024});
  Result<std::unique_ptr<Edge>> edge = Edge::Start(ConfigOf(options, flows), fabric);
  if (!edge) {
    std::fprintf(stderr, "worker_loop_bench: %s\n", edge.error().ToString().c_str());
    return 1;
  }
  PublishTwoPortDirector(fabric, {.method = method == "nat" ? dataplane::ForwardMethod::kNat
                                                            : dataplane::ForwardMethod::kDr,
                                  .is_one_armed = true});
  if (!(*edge)->LaunchWorkers()) return 1;
  const std::optional<clockid_t> clock = WorkerClock();
  if (!clock) {
    std::fprintf(stderr, "worker_loop_bench: the worker's thread is not found\n");
    return 1;
  }
  dataplane::WorkerCounters& counters = fabric.stats.worker(WorkerId{0});
  // Twice through the file: every flow has its connection and every page has been touched.
  const std::vector<double> ns =
      Measure(counters, *clock, 4 * flows + 100'000, Number(options, "windows", 5),
              Number(options, "window-ms", 500));
  const uint64_t connections = counters.connections.value();
  (*edge)->Stop();
  const uint64_t dropped = counters.dropped_total();
  std::printf("{\"method\": \"%s\", \"flows\": %" PRIu64
              ", \"best_ns\": %.1f, \"median_ns\": %.1f, "
              "\"received\": %" PRIu64 ", \"sent\": %" PRIu64 ", \"dropped\": %" PRIu64
              ", \"connections\": %" PRIu64 ", \"capacity\": %" PRIu64 "}\n",
              method.c_str(), flows, ns.front(), ns[ns.size() / 2], counters.received.value(),
              counters.sent.value(), dropped, connections, capacity);
  // Figures about packets that were dropped, or of another number of flows, would say nothing.
  const bool is_valid = dropped == 0 && connections == flows;
  if (!is_valid) std::fprintf(stderr, "worker_loop_bench: packets were lost; no valid figure\n");
  return is_valid ? 0 : 1;
}

}  // namespace
}  // namespace fairlead::edge

int main(int argc, char** argv) {
  fairlead::edge::Options options;
  for (int i = 2; i + 1 < argc; i += 2) {
    options[std::string(argv[i]).substr(2)] = argv[i + 1];
  }
  const std::string command = argc > 1 ? argv[1] : "";
  if (command == "generate") return fairlead::edge::Generate(options);
  if (command == "run") return fairlead::edge::Run(options);
  std::fprintf(stderr,
               "usage: worker_loop_bench generate|run --flows N --file F [--method dr|nat]"
               " [--windows N] [--window-ms N]\n");
  return 2;
}
