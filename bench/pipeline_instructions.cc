// How many instructions a packet costs: a fixed piece of work for callgrind, whose counts do not
// depend on who else uses the machine. scripts/check-instructions runs every case and compares the
// counts with bench/instructions.json.
//
//   valgrind --tool=callgrind --collect-atstart=no --toggle-collect='MeasuredWork*'
//       build/release/bench/pipeline_instructions dr
//
// Prints how many packets the measured part processed.
#include <cstdio>
#include <cstring>

#include "pipeline_bed.h"

namespace {

using namespace fairlead::dataplane;
using fairlead::ForwardMethod;

constexpr size_t kFlows = 4096;
constexpr size_t kRounds = 4;  // ACKs of each flow

struct Case {
  const char* name;
  ForwardMethod method;
  bool is_persistent;
  bool is_new;          // the SYNs are measured, not the ACKs
  bool is_kept;         // the records lie in memory that outlives the process, as those of an arena
  bool is_cut = false;  // each ACK in two fragments
};

constexpr Case kCases[] = {
    {"dr", ForwardMethod::kDr, false, false, false},
    {"nat", ForwardMethod::kNat, false, false, false},
    {"tun", ForwardMethod::kTun, false, false, false},
    {"new", ForwardMethod::kDr, false, true, false},
    {"new-persistent", ForwardMethod::kDr, true, true, false},
    {"dr-arena", ForwardMethod::kDr, false, false, true},
    {"nat-arena", ForwardMethod::kNat, false, false, true},
    {"tun-arena", ForwardMethod::kTun, false, false, true},
    {"new-arena", ForwardMethod::kDr, false, true, true},
    {"new-persistent-arena", ForwardMethod::kDr, true, true, true},
    {"dr-fragments", ForwardMethod::kDr, false, false, false, true},
    {"nat-fragments", ForwardMethod::kNat, false, false, false, true},
};

}  // namespace

// The name that --toggle-collect looks for.
extern "C" [[gnu::noinline]] void MeasuredWork(Bed* bed, const Flows& flows, size_t packets) {
  size_t at = 0;
  for (size_t i = 0; i < packets; i += kBurst) bed->Burst(flows, &at);
}

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "--list") == 0) {
    for (const Case& c : kCases) std::printf("%s\n", c.name);
    return 0;
  }
  for (const Case& c : kCases) {
    if (argc != 2 || std::strcmp(argv[1], c.name) != 0) continue;
    const DirectorMemory memory(1,
                                {.connections = Bed::Room(kFlows), .templates = Bed::Room(kFlows)});
    Bed bed(kFlows, c.method, c.is_persistent, c.is_kept ? &memory : nullptr);
    if (!c.is_new) bed.Open(kFlows);
    const uint64_t before = bed.sent();
    const Flows whole(kFlows, c.is_new ? kTcpSyn : kTcpAck);
    const Flows flows = c.is_cut ? Flows::InFragments(whole) : whole;
    MeasuredWork(&bed, flows, c.is_new ? kFlows : kFlows * kRounds);
    std::printf("%llu\n", static_cast<unsigned long long>(bed.sent() - before));
    return 0;
  }
  std::fprintf(stderr, "usage: pipeline_instructions CASE; --list names the cases\n");
  return 2;
}
