// What a packet, or a new connection, costs in the real worker loop, driver included.
//
//   worker_loop_bench generate --flows 65536 --file flows.pcap
//   worker_loop_bench hits --flows 65536 --files flows.pcap --method dr
//
// `generate` writes traffic (loop/traffic.h). The other commands start the worker loop on net_pcap
// with such files in an endless loop and print one JSON line of CPU nanoseconds of the workers'
// threads; scripts/bench runs them beside dpdk-testpmd.
//
//   hits     packets of connections that are there: windows of --window-ms each
//   mixed    the same with the SYNs of --new-percent among them, which are new in every pass
//   new      connections: the tables are flushed before each pass over the SYNs
//   scaling  the workers side by side, and each alone, in turn: what one costs the others
//   memory   the process's memory after one pass: hugepages and resident pages
//
// Exit codes: 0 a valid figure; 1 it could not start, or packets were lost; 2 wrong usage.
#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "loop/bed.h"
#include "loop/director.h"
#include "loop/flush.h"
#include "loop/traffic.h"

namespace fairlead::bench {
namespace {

using dataplane::WorkerCounters;

class Options {
 public:
  Options(int argc, char** argv) {
    for (int i = 2; i + 1 < argc; i += 2) values_[std::string(argv[i]).substr(2)] = argv[i + 1];
  }
  [[nodiscard]] uint64_t Number(const char* key, uint64_t otherwise) const {
    const auto it = values_.find(key);
    return it == values_.end() ? otherwise : std::strtoull(it->second.c_str(), nullptr, 10);
  }
  [[nodiscard]] std::string Text(const char* key, const char* otherwise) const {
    const auto it = values_.find(key);
    return it == values_.end() ? otherwise : it->second;
  }
  [[nodiscard]] Family family() const {
    return Number("family", 4) == 6 ? Family::kIpv6 : Family::kIpv4;
  }
  [[nodiscard]] uint64_t flows() const { return Number("flows", 65536); }

 private:
  std::map<std::string, std::string> values_;
};

Traffic TrafficOf(const Options& options) {
  const std::string kind = options.Text("traffic", "clients");
  return {.kind = kind == "syns"        ? TrafficKind::kSyns
                  : kind == "replies"   ? TrafficKind::kReplies
                  : kind == "fragments" ? TrafficKind::kFragments
                                        : TrafficKind::kClients,
          .family = options.family(),
          .flows = static_cast<uint32_t>(options.flows()),
          .new_percent = static_cast<uint32_t>(options.Number("new-percent", 0)),
          .worker = static_cast<uint8_t>(options.Number("worker", 0)),
          .workers = static_cast<uint8_t>(options.Number("workers", 1)),
          .director = MacAddress::Parse(options.Text("port-mac", "02:00:00:00:00:00"))
                          .value_or(PortMac(kOutside)),
          .vlan = static_cast<uint16_t>(options.Number("vlan", 0)),
          .has_neighbours = options.Number("neighbours", 0) != 0};
}

// --files A,B: a queue each of one port; with --ports 2 a port each.
std::vector<std::string> Devices(const Options& options) {
  std::vector<std::string> devices;
  std::istringstream files(options.Text("files", "flows.pcap"));
  const bool has_two_ports = options.Number("ports", 1) == 2;
  for (std::string file; std::getline(files, file, ',');) {
    if (devices.empty() || has_two_ports) {
      devices.push_back("net_pcap" + std::to_string(devices.size()));
    }
    devices.back() += ",rx_pcap=" + file;
  }
  for (std::string& device : devices) device += ",infinite_rx=1";
  return devices;
}

BedOptions BedOptionsOf(const Options& options) {
  const uint64_t flows = options.flows() + NewFlows(TrafficOf(options));
  BedOptions bed;
  bed.devices = Devices(options);
  bed.vlan = static_cast<uint16_t>(options.Number("vlan", 0));
  bed.workers = options.Number("workers", 1);
  bed.preloaded = options.Number("preloaded", 2 * flows * bed.devices.size());
  // Large tables are nine tenths full; small ones are as large as a default director's.
  const uint64_t room = options.Number("capacity", std::max<uint64_t>(1 << 20, flows * 10 / 9 + 1));
  (options.family() == Family::kIpv4 ? bed.connections : bed.connections6) = room;
  if (options.Number("persistent", 0) != 0) bed.templates = room;
  const auto method = ForwardMethodOf(options.Text("method", "dr"));
  if (method && TranslatesClient(*method)) bed.side_records = room;
  bed.shares_core = options.Number("one-core", 0) != 0;
  bed.uses_hugepages = options.Number("hugepages", 0) != 0;
  bed.arena = options.Text("arena", "");
  bed.is_on_hugetlbfs = options.Number("hugetlbfs", 0) != 0;
  return bed;
}

// So many that half of the ports are never in use at once.
uint32_t LocalAddresses(uint64_t flows) {
  constexpr uint64_t kPorts = 65536 - 1024;
  return static_cast<uint32_t>(
      std::min<uint64_t>(2 + 2 * flows / (kReals * kPorts), dataplane::LocalPool::kMostAddresses));
}

// A method, or a tunnel that is none by itself: gue, gre.
DirectorOptions DirectorOptionsOf(const Options& options) {
  const std::string word = options.Text("method", "dr");
  const auto type = TunnelTypeOf(word);
  const Tunnel tunnel{.type = type.value_or(TunnelType::kIpip),
                      .port = type == TunnelType::kGue ? kGuePort : uint16_t{0}};
  return {
      .method = type ? ForwardMethod::kTun : ForwardMethodOf(word).value(),
      .tunnel = tunnel,
      .client_address =
          ClientAddressOf(options.Text("client-address", "none")).value_or(ClientAddress::kNone),
      .local_addresses = LocalAddresses(options.flows()),
      .family = options.family(),
      .is_persistent = options.Number("persistent", 0) != 0,
      .rules = static_cast<uint32_t>(options.Number("rules", 0)),
      .prefixes = static_cast<uint32_t>(options.Number("prefixes", 0))};
}

// Samples, and whether anything was lost while they were taken.
struct Figures {
  std::vector<double> ns;
  uint64_t lost = 0;  // packets dropped in measured spans
  uint64_t packets = 0, cpu_ns = 0;
  double first_ns = 0;  // of `new`: the pass that touches the tables' memory first

  void Add(const Span& span, uint64_t units) {
    ns.push_back(static_cast<double>(span.cpu_ns) / static_cast<double>(units));
    packets += span.packets;
    cpu_ns += span.cpu_ns;
  }
};

Figures MeasureHits(Bed& bed, const Options& options) {
  const uint64_t workers = bed.workers();
  // Twice through the file: every flow has its connection and every page has been touched.
  const Span warm_up = bed.Run((4 * options.flows() + 100'000) / workers);
  MarkTold(bed);
  const double window_ns = static_cast<double>(options.Number("window-ms", 500)) * 1e6;
  const auto packets = static_cast<uint64_t>(window_ns * static_cast<double>(warm_up.packets) /
                                             static_cast<double>(warm_up.cpu_ns));
  Figures figures;
  const uint64_t dropped = bed.Dropped();
  for (uint64_t i = 0; i < options.Number("windows", 5); ++i) {
    const Span span = bed.Run(packets);
    figures.Add(span, span.packets);
  }
  figures.lost = bed.Dropped() - dropped;
  return figures;
}

// Passes over the whole file; what is new in it has been forgotten before each.
Figures MeasurePasses(Bed& bed, const Options& options, bool is_mixed) {
  const Traffic traffic = TrafficOf(options);
  const uint64_t pass = is_mixed ? 2 * options.flows() + NewFlows(traffic) : options.flows();
  Figures figures;
  const auto run = [&](bool is_measured) {
    is_mixed ? FlushNewClients(bed) : FlushEverything(bed);
    const uint64_t before = bed.Sum(&WorkerCounters::connections);
    const uint64_t dropped = bed.Dropped();
    const Span span = bed.Run(pass / bed.workers());
    const uint64_t made = bed.Sum(&WorkerCounters::connections) - (is_mixed ? before : 0);
    const uint64_t units = is_mixed ? span.packets : made;
    if (is_measured) {
      figures.lost += bed.Dropped() - dropped;
      figures.Add(span, units);
    } else {
      figures.first_ns = static_cast<double>(span.cpu_ns) / static_cast<double>(units);
    }
  };
  bed.Run(1);  // a snapshot is adopted: connections may be forgotten
  run(false);
  for (uint64_t i = 0; i < options.Number("windows", 3); ++i) run(true);
  return figures;
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Short spans in turn: each worker alone, then all of them. So both kinds see the same cores, the
// same pool, the same preloaded packets and flows (a span is shorter than a pass over a file, so
// between two visits of a flow all others have been visited) and, nearly, the same moment of a
// machine that is not quiet. Every third figure is a ratio of neighbours in time.
int ReportScaling(Bed& bed, const Options& options) {
  const size_t workers = bed.workers();
  bed.Run((4 * options.flows() + 100'000) / workers);
  const uint64_t packets = options.Number("span", 16384);
  const uint64_t dropped = bed.Dropped();
  std::vector<double> alone, together, ratio;
  for (uint64_t i = 0; i < options.Number("windows", 200); ++i) {
    double sum = 0;
    for (size_t w = 0; w < workers; ++w) {
      sum += bed.RunAlone(w, packets).mean_ns;
    }
    alone.push_back(sum / static_cast<double>(workers));
    together.push_back(bed.Run(packets).mean_ns);
    ratio.push_back(static_cast<double>(workers) * alone.back() / together.back());
  }
  std::printf(
      "{\"alone_best_ns\": %.1f, \"alone_median_ns\": %.1f, \"best_ns\": %.1f, "
      "\"median_ns\": %.1f, \"scaling\": %.2f, \"lost\": %" PRIu64 "}\n",
      *std::min_element(alone.begin(), alone.end()), Median(alone),
      *std::min_element(together.begin(), together.end()), Median(together), Median(ratio),
      bed.Dropped() - dropped);
  return bed.Dropped() == dropped ? 0 : 1;
}

// kB of a line of a /proc file.
uint64_t ReadKilobytes(const char* file, const std::string& key) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(key)) return std::strtoull(line.c_str() + key.size(), nullptr, 10);
  }
  return 0;
}

int ReportMemory(Bed& bed, const Options& options) {
  bed.Run(options.flows());
  std::printf("{\"flows\": %" PRIu64 ", \"connections\": %" PRIu64 ", \"resident_bytes\": %" PRIu64
              ", \"hugepage_bytes\": %" PRIu64 ", \"dropped\": %" PRIu64 "}\n",
              options.flows(), bed.Sum(&WorkerCounters::connections),
              ReadKilobytes("/proc/self/status", "VmRSS:") * 1024,
              ReadKilobytes("/proc/self/status", "HugetlbPages:") * 1024, bed.Dropped());
  return 0;
}

int Report(Bed& bed, const Options& options, Figures figures) {
  std::sort(figures.ns.begin(), figures.ns.end());
  const uint64_t connections = bed.Sum(&WorkerCounters::connections);
  std::printf("{\"best_ns\": %.1f, \"median_ns\": %.1f, \"first_ns\": %.1f, \"packets\": %" PRIu64
              ", \"cpu_ns\": %" PRIu64 ", \"lost\": %" PRIu64 ", \"handed_off\": %" PRIu64
              ", \"connections\": %" PRIu64 "}\n",
              figures.ns.front(), figures.ns[figures.ns.size() / 2], figures.first_ns,
              figures.packets, figures.cpu_ns, figures.lost, bed.Sum(&WorkerCounters::handed_off),
              connections);
  // Figures about packets that were dropped, or of another number of flows, would say nothing.
  // A pass ends within a burst of its last packet, so a few connections may be missing.
  const uint64_t wanted = options.flows() + NewFlows(TrafficOf(options));
  const uint64_t slack = 4096 * (bed.workers() - 1) + 64;
  if (figures.lost == 0 && connections + slack >= wanted) return 0;
  std::fprintf(stderr,
               "worker_loop_bench: no valid figure: %" PRIu64 " of %" PRIu64
               " connections, %" PRIu64 " packets lost\n",
               connections, wanted, figures.lost);
  for (size_t r = 0; r < dataplane::kDropReasonCount; ++r) {
    for (uint8_t w = 0; w < bed.workers(); ++w) {
      const auto n = bed.fabric().stats.worker(WorkerId{w}).dropped[r].value();
      if (n > 0) std::fprintf(stderr, "  worker %u reason %zu: %" PRIu64 "\n", w, r, n);
    }
  }
  return 1;
}

int Generate(const Options& options) {
  if (WriteTraffic(TrafficOf(options), options.Text("file", "flows.pcap"))) return 0;
  std::fprintf(stderr, "worker_loop_bench: cannot write the file\n");
  return 1;
}

int Main(const std::string& command, const Options& options) {
  if (command == "generate") return Generate(options);
  Result<std::unique_ptr<Bed>> started = Bed::Start(BedOptionsOf(options));
  if (!started) {
    std::fprintf(stderr, "worker_loop_bench: %s\n", started.error().ToString().c_str());
    return 1;
  }
  Bed& bed = **started;
  PublishDirector(bed.fabric(), DirectorOptionsOf(options));
  if (command == "memory") return ReportMemory(bed, options);
  if (command == "scaling") return ReportScaling(bed, options);
  if (command == "hits") return Report(bed, options, MeasureHits(bed, options));
  return Report(bed, options, MeasurePasses(bed, options, command == "mixed"));
}

}  // namespace
}  // namespace fairlead::bench

int main(int argc, char** argv) {
  const std::string command = argc > 1 ? argv[1] : "";
  for (const char* known : {"generate", "hits", "mixed", "new", "scaling", "memory"}) {
    if (command == known) {
      return fairlead::bench::Main(command, fairlead::bench::Options(argc, argv));
    }
  }
  std::fprintf(
      stderr,
      "usage: worker_loop_bench generate|hits|mixed|new|scaling|memory --flows N --files F[,F]"
      " [--method dr|nat|fullnat|tun|gue|gre] [--client-address toa] [--family 4|6] [--persistent "
      "1] [--workers N] [--ports 2] "
      "[--vlan N]"
      " [--rules N] [--prefixes N] [--new-percent N] [--windows N] [--window-ms N]"
      " [--one-core 1] [--arena DIRECTORY] [--hugetlbfs 1]\n"
      "       worker_loop_bench generate --flows N --file F [--traffic"
      " clients|syns|fragments|replies] [--family 4|6] [--new-percent N] [--worker I --workers N]"
      " [--port-mac MAC] [--neighbours 1]\n");
  return 2;
}
