// The pipeline on bytes, without ports: CPU time per packet over shuffled flows. What it leaves out
// (receive, transmit, mbufs) scripts/bench measures beside a floor; this one finds which stage a
// change made slower.
//
//   build/release/bench/pipeline_bench --benchmark_filter=Forward
//
// Each flow sends one SYN before the clock starts; then ACKs of all flows come in shuffled order,
// 32 at a time. The copy of each 60-byte frame into its buffer is measured alone (BM_Copy) and is
// part of every other figure.
#include <benchmark/benchmark.h>

#include "pipeline_bed.h"

namespace fairlead::dataplane {
namespace {

void BM_Copy(benchmark::State& state) {
  const Flows flows(static_cast<size_t>(state.range(0)), kTcpAck);
  std::array<BytePacket, kBurst> packets;
  size_t at = 0;
  for (auto _ : state) {
    for (BytePacket& packet : packets) {
      packet.Assign(flows.frames[at], kOutside);
      if (++at == flows.frames.size()) at = 0;
    }
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kBurst));
}
BENCHMARK(BM_Copy)->Arg(1)->Arg(1 << 16)->Arg(1 << 20);

void BM_Parse(benchmark::State& state) {
  const Flows flows(static_cast<size_t>(state.range(0)), kTcpAck);
  std::array<BytePacket, kBurst> packets;
  size_t at = 0;
  for (auto _ : state) {
    for (BytePacket& packet : packets) {
      packet.Assign(flows.frames[at], kOutside);
      if (++at == flows.frames.size()) at = 0;
      ParsedPacket parsed;
      benchmark::DoNotOptimize(Parse(packet, &parsed));
      benchmark::DoNotOptimize(parsed);
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kBurst));
}
BENCHMARK(BM_Parse)->Arg(1)->Arg(1 << 16)->Arg(1 << 20);

void Forward(benchmark::State& state, ForwardMethod method) {
  const auto count = static_cast<size_t>(state.range(0));
  Bed bed(count, method);
  bed.Open(count);
  const Flows flows(count, kTcpAck);
  size_t at = 0;
  for (auto _ : state) bed.Burst(flows, &at);
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kBurst));
}
void BM_ForwardDr(benchmark::State& state) { Forward(state, ForwardMethod::kDr); }
void BM_ForwardNat(benchmark::State& state) { Forward(state, ForwardMethod::kNat); }
void BM_ForwardTun(benchmark::State& state) { Forward(state, ForwardMethod::kTun); }
BENCHMARK(BM_ForwardDr)->Arg(1)->Arg(1 << 16)->Arg(1 << 20);
BENCHMARK(BM_ForwardNat)->Arg(1)->Arg(1 << 16)->Arg(1 << 20);
BENCHMARK(BM_ForwardTun)->Arg(1)->Arg(1 << 16)->Arg(1 << 20);

// What reals answer to FULLNAT's local endpoints. On a port of both roles each is looked up as a
// client's packet first.
void Answers(benchmark::State& state, bool is_two_way) {
  const auto count = static_cast<size_t>(state.range(0));
  Bed bed(count, ForwardMethod::kFullnat);
  if (is_two_way) bed.MakeTwoWay();
  bed.Open(count);
  bed.Rounds(Flows(count, kTcpAck), 1);
  const Flows answers = bed.Answers();
  size_t at = 0;
  for (auto _ : state) bed.Burst(answers, &at);
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kBurst));
}
void BM_Answers(benchmark::State& state) { Answers(state, false); }
void BM_AnswersTwoWay(benchmark::State& state) { Answers(state, true); }
BENCHMARK(BM_Answers)->Arg(1 << 10)->Arg(1 << 16)->Arg(1 << 18);
BENCHMARK(BM_AnswersTwoWay)->Arg(1 << 10)->Arg(1 << 16)->Arg(1 << 18);

// A million SYNs into an empty table, once.
void NewConnections(benchmark::State& state, bool persistent) {
  constexpr size_t kCount = 1 << 20;
  const Flows syns(kCount, kTcpSyn);
  for (auto _ : state) {
    state.PauseTiming();
    auto bed = std::make_unique<Bed>(kCount, ForwardMethod::kDr, persistent);
    size_t at = 0;
    state.ResumeTiming();
    for (size_t i = 0; i < kCount; i += kBurst) bed->Burst(syns, &at);
    state.PauseTiming();
    bed.reset();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kCount));
}
void BM_NewConnections(benchmark::State& state) { NewConnections(state, false); }
void BM_NewPersistentConnections(benchmark::State& state) { NewConnections(state, true); }
BENCHMARK(BM_NewConnections)->Iterations(1)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_NewPersistentConnections)->Iterations(1)->Unit(benchmark::kMillisecond);

// 100,000 prefixes in a named set: one classification, of an address that is in the set half of the
// time.
void BM_ClassifyPrefixSet(benchmark::State& state) {
  std::mt19937 random(5);
  std::vector<Prefix> prefixes;
  for (int64_t i = 0; i < state.range(0); ++i) {
    prefixes.push_back({Ipv4Address::FromHost(static_cast<uint32_t>(random())),
                        16 + static_cast<int>(random() % 17)});
  }
  ClassifierBuilder builder;
  ClassifierRule rule;
  rule.source_set = builder.AddSet(prefixes);
  rule.mark = 1;
  builder.AddRule(rule);
  const Classifier classifier = builder.Build();
  std::vector<ClassifierFields> fields(4096);
  for (ClassifierFields& f : fields) {
    f.source = random() % 2 ? prefixes[random() % prefixes.size()].network()
                            : IpAddress(Ipv4Address::FromHost(static_cast<uint32_t>(random())));
    f.protocol = kProtocolTcp;
  }
  size_t at = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(classifier.Classify(fields[at]));
    at = (at + 1) % fields.size();
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_ClassifyPrefixSet)->Arg(100)->Arg(100000)->Arg(1000000);

// Rules of {destination, one or two ports}, a third of them by source network, none of which
// matches half of the packets: an index against a pass over all.
void ClassifyRules(benchmark::State& state, bool is_scan) {
  std::mt19937 random(5);
  const auto count = static_cast<uint32_t>(state.range(0));
  ClassifierBuilder builder;
  std::vector<ClassifierFields> packets(4096);
  for (uint32_t i = 0; i < count; ++i) {
    ClassifierRule rule;
    rule.protocol = kProtocolTcp;
    const auto port = static_cast<uint16_t>(1 + random() % 60000);
    rule.destination_ports = {{port, port}, {443, 443}};
    const IpAddress vip = Ipv4Address::FromHost(0xc0000000u + i / 4);
    rule.destination_set = builder.AddSet({Prefix{vip, 32}});
    const IpAddress client = Ipv4Address::FromHost(static_cast<uint32_t>(random()));
    if (i % 3 == 0) rule.source_set = builder.AddSet({Prefix{client, 24}});
    rule.mark = i + 1;
    builder.AddRule(rule);
    if (random() % count >= packets.size()) continue;
    packets[random() % packets.size()] = {.source = client,
                                          .destination = vip,
                                          .destination_port = port,
                                          .protocol = kProtocolTcp,
                                          .input_port = PortId{}};
  }
  for (size_t i = 0; i < packets.size(); i += 2) {
    packets[i].destination = Ipv4Address::FromHost(0x0a000000u + static_cast<uint32_t>(i));
    packets[i].protocol = kProtocolTcp;
  }
  const Classifier classifier = builder.Build();
  size_t at = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(is_scan ? classifier.Scan(packets[at])
                                     : classifier.Classify(packets[at]));
    at = (at + 1) % packets.size();
  }
  state.SetItemsProcessed(state.iterations());
}
void BM_ClassifyScan(benchmark::State& state) { ClassifyRules(state, true); }
void BM_ClassifyIndexed(benchmark::State& state) { ClassifyRules(state, false); }
BENCHMARK(BM_ClassifyScan)->Arg(8)->Arg(17)->Arg(32)->Arg(64)->Arg(1000)->Arg(100000);
BENCHMARK(BM_ClassifyIndexed)->Arg(8)->Arg(17)->Arg(32)->Arg(64)->Arg(1000)->Arg(100000);

}  // namespace
}  // namespace fairlead::dataplane
