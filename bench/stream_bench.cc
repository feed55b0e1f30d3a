// What the stream between Fairlead directors costs: a new connection more, and how fast whole
// tables are read, compared and taken in. Without network and TLS.
//
//   build/release/bench/stream_bench CONNECTIONS ROUNDS
//
// Prints JSON. CPU time of threads: a worker's, and where the control core has a part its as well.
// Of new connections the median over chunks of 2,048 of all rounds, each chunk once without and
// once with telling, and of the pairs' differences the median and the quartiles; of tables the best
// round. News are taken from the ring by another thread, so its lines come from another core as
// they do in the daemon.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <deque>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "control/sync/fabric_stream_tables.h"
#include "dataplane/worker/commands.h"
#include "pipeline_bed.h"

namespace {

using namespace fairlead::dataplane;
using fairlead::ForwardMethod;
using fairlead::control::FabricStreamTables;
using fairlead::sync::StreamEntry;

constexpr uint32_t kPasses = 16;  // as a session has them
constexpr size_t kChunk = 2048;   // connections; the news of a chunk fit the ring

double Nanoseconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

// This thread, on the first or on the second of the processors that it may use: what two threads
// share costs more between two of them than on one, and that must not be left to chance.
void PinTo(size_t which) {
  static const cpu_set_t all = [] {
    cpu_set_t found;
    pthread_getaffinity_np(pthread_self(), sizeof found, &found);
    return found;
  }();
  cpu_set_t one;
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &all)) continue;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    if (which-- == 0) break;
  }
  pthread_setaffinity_np(pthread_self(), sizeof one, &one);
}

// Empties a ring when it is told to, on another processor.
class Reader {
 public:
  explicit Reader(StreamOutbox& outbox) : thread_([this, &outbox] { Run(outbox); }) {}
  ~Reader() {
    Say(kEnd);
    thread_.join();
  }
  void Drain() {
    Say(kDrain);
    state_.wait(kDrain);
  }
  [[nodiscard]] size_t read() const { return read_; }

 private:
  static constexpr int kIdle = 0, kDrain = 1, kEnd = 2;
  void Say(int state) {
    state_ = state;
    state_.notify_all();
  }
  void Run(StreamOutbox& outbox) {
    PinTo(1);
    std::array<StreamNews, 64> news;
    while (state_ != kEnd) {
      if (state_ == kDrain) {
        while (const size_t count = outbox.ring.PopBurst(news)) read_ += count;
        Say(kIdle);
      }
      state_.wait(kIdle);
    }
  }
  std::atomic<int> state_{kIdle};
  std::atomic<size_t> read_{0};
  std::thread thread_;
};

// A worker to which connections come.
class Opening {
 public:
  Opening(size_t connections, bool is_persistent)
      : syns_(connections, kTcpSyn),
        acks_(connections, kTcpAck),
        bed_(connections, ForwardMethod::kDr, is_persistent) {
    outbox() = std::make_unique<StreamOutbox>();
    reader_.emplace(*outbox());
  }
  // The SYN and the ACK of kChunk more; nanoseconds of each.
  double Chunk(bool tells) {
    bed_.worker().shard().TellStreamOf({.wall_ms = 1'800'000'000'000, .creator = 7}, tells);
    const double begin = Nanoseconds();
    for (size_t i = 0; i < kChunk; i += kBurst) bed_.Burst(syns_, &syn_);
    for (size_t i = 0; i < kChunk; i += kBurst) bed_.Burst(acks_, &ack_);
    const double took = Nanoseconds() - begin;
    reader_->Drain();
    return took / kChunk;
  }
  [[nodiscard]] size_t read() const { return reader_->read(); }

 private:
  std::unique_ptr<StreamOutbox>& outbox() { return bed_.worker().shard().fabric.stream_news[0]; }

  const Flows syns_, acks_;
  Bed bed_;
  std::optional<Reader> reader_;
  size_t syn_ = 0, ack_ = 0;
};

double Quantile(std::vector<double> values, double part) {
  const auto at = static_cast<ptrdiff_t>(part * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return values[static_cast<size_t>(at)];
}

// Of each new connection, by chunks.
struct NewConnections {
  std::vector<double> silent, telling, more;
  double news = 0;
};

// One worker that tells during every other chunk: whatever else slows it, other programs and where
// its memory lies, slows both kinds. What telling costs is the difference of two neighbours.
void MeasureNew(size_t connections, bool is_persistent, NewConnections* found) {
  Opening opening(connections, is_persistent);
  const size_t pairs = connections / (2 * kChunk);
  for (size_t pair = 0; pair < pairs; ++pair) {
    const bool is_turned = pair % 2 == 1;  // later chunks meet fuller tables
    const double first = opening.Chunk(is_turned), second = opening.Chunk(!is_turned);
    found->silent.push_back(is_turned ? second : first);
    found->telling.push_back(is_turned ? first : second);
    found->more.push_back(found->telling.back() - found->silent.back());
  }
  found->news = static_cast<double>(opening.read()) / static_cast<double>(pairs * kChunk);
}

// The workers' side of a director, whose commands run at once; tells how long they took.
class Tables {
 public:
  explicit Tables(Bed& bed)
      : shard_(bed.worker().shard()), tables_(shard_.fabric, 7, [this](size_t, Command* command) {
          waiting_.push_back(command);
        }) {}

  FabricStreamTables& tables() { return tables_; }
  void RunAll() {
    tables_.Turn();
    while (!waiting_.empty()) {
      Command* command = waiting_.front();
      waiting_.pop_front();
      const double begin = Nanoseconds();
      Run(command);
      worker_ns_ += Nanoseconds() - begin;
      tables_.TakeBack(0, command);
    }
    tables_.Turn();
  }
  double TakeWorkerNs() { return std::exchange(worker_ns_, 0); }

 private:
  void Run(Command* command) {
    switch (command->kind) {
      case CommandKind::kTakeStreamEntries:
        return RunTakeStreamEntries(shard_, static_cast<TakeStreamEntries*>(command));
      case CommandKind::kWalkStream:
        return RunWalkStream(shard_, static_cast<WalkStream*>(command));
      case CommandKind::kDigestStream:
        return RunDigestStream(shard_, static_cast<DigestStream*>(command));
      default:
        return;
    }
  }
  Shard& shard_;
  std::deque<Command*> waiting_;
  FabricStreamTables tables_;
  double worker_ns_ = 0;
};

// Of one entry: the worker's part, and the control core's.
struct Cost {
  double worker_ns = 0, control_ns = 0;
};

struct Bulk {
  size_t entries = 0;
  Cost walk, take;
  double digest_worker_ms = 0;
};

Bulk MeasureBulk(size_t connections) {
  Bed from(connections, ForwardMethod::kDr), to(connections, ForwardMethod::kDr);
  from.Open(connections);
  const Flows acks(connections, kTcpAck);
  size_t at = 0;
  for (size_t i = 0; i < connections; i += kBurst) from.Burst(acks, &at);
  Tables source(from), sink(to);
  Bulk bulk;
  double walk_ns = 0, take_ns = 0;
  for (uint32_t part = 0; part < kPasses; ++part) {
    fairlead::sync::StreamRanges ranges;
    for (uint32_t range = part; range < ranges.size(); range += kPasses) ranges.set(range);
    std::deque<std::vector<StreamEntry>> slices;
    bool is_last = false;
    double begin = Nanoseconds();
    source.tables().Walk(ranges, [&](std::vector<StreamEntry> some, bool last) {
      slices.push_back(std::move(some));
      is_last = last;
      if (!last) source.tables().WalkOn();
    });
    while (!is_last) source.RunAll();
    walk_ns += Nanoseconds() - begin;
    begin = Nanoseconds();
    for (; !slices.empty(); slices.pop_front()) {
      bulk.entries += slices.front().size();
      bool is_done = false;
      sink.tables().Take(std::move(slices.front()), [&](const auto&) { is_done = true; });
      while (!is_done) sink.RunAll();
    }
    take_ns += Nanoseconds() - begin;
  }
  const auto count = static_cast<double>(bulk.entries);
  bulk.walk.worker_ns = source.TakeWorkerNs() / count;
  bulk.walk.control_ns = walk_ns / count - bulk.walk.worker_ns;
  bulk.take.worker_ns = sink.TakeWorkerNs() / count;
  bulk.take.control_ns = take_ns / count - bulk.take.worker_ns;
  bool is_done = false;
  source.tables().Digests([&](const auto&) { is_done = true; });
  while (!is_done) source.RunAll();
  bulk.digest_worker_ms = source.TakeWorkerNs() / 1e6;
  return bulk;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: stream_bench CONNECTIONS ROUNDS\n");
    return 2;
  }
  PinTo(0);
  const auto connections = static_cast<size_t>(std::strtoull(argv[1], nullptr, 10));
  const int rounds = std::atoi(argv[2]);
  std::printf("{\"connections\": %zu", connections);
  for (const bool is_persistent : {false, true}) {
    NewConnections found;
    for (int round = 0; round < rounds; ++round) MeasureNew(connections, is_persistent, &found);
    std::printf(
        ", \"%s\": {\"silent_ns\": %.1f, \"telling_ns\": %.1f, \"more_ns\": %.1f, "
        "\"more_low_ns\": %.1f, \"more_high_ns\": %.1f, \"news\": %.2f}",
        is_persistent ? "new_persistent" : "new", Quantile(found.silent, 0.5),
        Quantile(found.telling, 0.5), Quantile(found.more, 0.5), Quantile(found.more, 0.25),
        Quantile(found.more, 0.75), found.news);
  }
  Bulk best;
  for (int round = 0; round < rounds; ++round) {
    const Bulk one = MeasureBulk(connections);
    const auto sum = [](const Bulk& b) { return b.walk.worker_ns + b.take.worker_ns; };
    if (round == 0 || sum(one) < sum(best)) best = one;
  }
  std::printf(
      ", \"bulk\": {\"entries\": %zu, \"walk_worker_ns\": %.1f, \"walk_control_ns\": %.1f, "
      "\"take_worker_ns\": %.1f, \"take_control_ns\": %.1f, \"digest_worker_ms\": %.1f}}\n",
      best.entries, best.walk.worker_ns, best.walk.control_ns, best.take.worker_ns,
      best.take.control_ns, best.digest_worker_ms);
  return 0;
}
