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
using fairlead::ClientAddress;
using fairlead::ForwardMethod;
using fairlead::Tunnel;
using fairlead::TunnelChecksum;
using fairlead::TunnelType;

constexpr size_t kFlows = 4096;
constexpr size_t kRounds = 4;  // ACKs of each flow

// sync.ipvs by the kernel's thresholds, and by the densest there are: each packet.
constexpr SyncView kThresholds{.is_on = true};
constexpr SyncView kEachPacket{.is_on = true, .threshold = 0, .period = 1};
// So that of each flow one packet is told of, as many as the ring to the control core holds. The
// cases "long" are the same without synchronisation: a flow's first packets cost more than the
// rest.
constexpr size_t kRoundsOfThresholds = 50;

struct Case {
  const char* name;
  ForwardMethod method;
  bool is_persistent;
  bool is_new;   // the SYNs are measured, not the ACKs
  bool is_kept;  // the records lie in memory that outlives the process, as those of an arena
  SyncView sync{};
  size_t rounds = kRounds;
  bool is_watched = false;    // somebody looks at the clients with most packets
  bool tells_stream = false;  // other Fairlead directors (shard/stream_due.h)
  bool is_cut = false;        // each ACK in two fragments
  Tunnel tunnel{};
  // FULLNAT: before the measured part each connection is established and its real has answered, so
  // that nothing is left to tell it; and then the ACKs of both sides are measured.
  bool is_answered = false;
  ClientAddress client_address = ClientAddress::kNone;
  bool is_translated = false;  // inside hosts to the world, by source NAT
};

constexpr Tunnel kGue{.type = TunnelType::kGue, .port = 6080};
constexpr Tunnel kGueSummed{
    .type = TunnelType::kGue, .checksum = TunnelChecksum::kFull, .port = 6080};
constexpr Tunnel kGre{.type = TunnelType::kGre};
constexpr Tunnel kGreSummed{.type = TunnelType::kGre, .checksum = TunnelChecksum::kFull};

constexpr Case InTunnel(const char* name, const Tunnel& tunnel) {
  return {.name = name,
          .method = ForwardMethod::kTun,
          .is_persistent = false,
          .is_new = false,
          .is_kept = false,
          .tunnel = tunnel};
}

constexpr Case Answered(const char* name, ClientAddress how) {
  return {.name = name,
          .method = ForwardMethod::kFullnat,
          .is_persistent = false,
          .is_new = false,
          .is_kept = false,
          .is_answered = true,
          .client_address = how};
}
constexpr Case kSnat{.name = "snat",
                     .method = ForwardMethod::kNat,
                     .is_persistent = false,
                     .is_new = false,
                     .is_kept = false,
                     .is_translated = true};

constexpr Case kCases[] = {
    {"dr", ForwardMethod::kDr, false, false, false},
    {"nat", ForwardMethod::kNat, false, false, false},
    {"tun", ForwardMethod::kTun, false, false, false},
    {"fullnat", ForwardMethod::kFullnat, false, false, false},
    InTunnel("gue", kGue),
    InTunnel("gue-checksum", kGueSummed),
    InTunnel("gre", kGre),
    InTunnel("gre-checksum", kGreSummed),
    Answered("fullnat-answered", ClientAddress::kNone),
    Answered("fullnat-toa", ClientAddress::kToa),
    {"new", ForwardMethod::kDr, false, true, false},
    {"new-nat", ForwardMethod::kNat, false, true, false},
    {"new-persistent", ForwardMethod::kDr, true, true, false},
    {"new-fullnat", ForwardMethod::kFullnat, false, true, false},
    {"dr-watched", ForwardMethod::kDr, false, false, false, {}, kRounds, true},
    {"nat-watched", ForwardMethod::kNat, false, false, false, {}, kRounds, true},
    {"dr-arena", ForwardMethod::kDr, false, false, true},
    {"nat-arena", ForwardMethod::kNat, false, false, true},
    {"tun-arena", ForwardMethod::kTun, false, false, true},
    {"new-arena", ForwardMethod::kDr, false, true, true},
    {"new-persistent-arena", ForwardMethod::kDr, true, true, true},
    {"dr-long", ForwardMethod::kDr, false, false, false, {}, kRoundsOfThresholds},
    {"nat-long", ForwardMethod::kNat, false, false, false, {}, kRoundsOfThresholds},
    {"tun-long", ForwardMethod::kTun, false, false, false, {}, kRoundsOfThresholds},
    {"dr-sync", ForwardMethod::kDr, false, false, false, kThresholds, kRoundsOfThresholds},
    {"nat-sync", ForwardMethod::kNat, false, false, false, kThresholds, kRoundsOfThresholds},
    {"tun-sync", ForwardMethod::kTun, false, false, false, kThresholds, kRoundsOfThresholds},
    {"dr-sync-each", ForwardMethod::kDr, false, false, false, kEachPacket, 1},
    {"new-sync", ForwardMethod::kDr, false, true, false, kThresholds},
    {"new-persistent-sync", ForwardMethod::kDr, true, true, false, kThresholds},
    // The ACKs that establish connections.
    {"second", ForwardMethod::kDr, false, false, false, {}, 1},
    {"second-stream", ForwardMethod::kDr, false, false, false, {}, 1, false, true},
    {"dr-stream", ForwardMethod::kDr, false, false, false, {}, kRounds, false, true},
    {"nat-stream", ForwardMethod::kNat, false, false, false, {}, kRounds, false, true},
    {"new-stream", ForwardMethod::kDr, false, true, false, {}, kRounds, false, true},
    {"new-persistent-stream", ForwardMethod::kDr, true, true, false, {}, kRounds, false, true},
    {"dr-fragments", ForwardMethod::kDr, false, false, false, {}, kRounds, false, false, true},
    kSnat,
    {"nat-fragments", ForwardMethod::kNat, false, false, false, {}, kRounds, false, false, true},
};

size_t LongWays(Shard& shard) {
  const auto& table = shard.Connections<fairlead::Ipv4Address>();
  size_t count = 0;
  for (uint32_t slot = 0; (slot = table.NextLive(slot, table.high_water())) != kNoSlot; ++slot) {
    count += table.at(slot).Has(ConnectionFlag::kLongWay) ? 1 : 0;
  }
  return count;
}

}  // namespace

// The name that --toggle-collect looks for.
extern "C" [[gnu::noinline]] void MeasuredWork(Bed* bed, const Flows& flows, size_t packets,
                                               const Flows& answers) {
  size_t at = 0;
  for (size_t i = 0; i < packets; i += kBurst) bed->Burst(flows, &at);
  bed->Rounds(answers, kRounds);
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
    Bed bed(kFlows, c.method, c.is_persistent, c.is_kept ? &memory : nullptr, c.sync, c.tunnel,
            c.client_address);
    Shard& shard = bed.worker().shard();
    if (c.tells_stream) shard.fabric.stream_news[0] = std::make_unique<StreamOutbox>();
    shard.TellStreamOf({.wall_ms = 1'800'000'000'000, .creator = 7}, c.tells_stream);
    const auto flows_with = [&c](uint8_t flags) {
      return c.is_translated ? Flows(kFlows, flags, kInside, "203.0.113.9") : Flows(kFlows, flags);
    };
    if (c.is_translated) bed.TranslateSources();
    if (!c.is_new) bed.Rounds(flows_with(kTcpSyn), 1);
    if (c.is_watched) bed.WatchClients();
    const Flows whole = flows_with(c.is_new ? kTcpSyn : kTcpAck);
    const Flows flows = c.is_cut ? Flows::InFragments(whole) : whole;
    const Flows answers = c.is_answered ? bed.Answers() : Flows(0, 0);
    if (c.is_answered) {
      bed.Rounds(flows, 1);
      bed.Rounds(answers, 1);
      if (LongWays(shard) != 0) {
        std::fprintf(stderr, "pipeline_instructions: some connections go the long way\n");
        return 1;
      }
    }
    const uint64_t before = bed.sent();
    MeasuredWork(&bed, flows, c.is_new ? kFlows : kFlows * c.rounds, answers);
    std::printf("%llu\n", static_cast<unsigned long long>(bed.sent() - before));
    return 0;
  }
  std::fprintf(stderr, "usage: pipeline_instructions CASE; --list names the cases\n");
  return 2;
}
