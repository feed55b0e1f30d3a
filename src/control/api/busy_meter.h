// How busy each worker is: the share of its turns, in the last second, that found work.
//
//   BusyMeter meter(board);
//   meter.Sample();              // by a timer, once a second
//   meter.ratio(WorkerId{0});    // 0…1; before two samples: since the start
//
// Threads: the API thread.
#pragma once

#include <vector>

#include "dataplane/shard/counters.h"

namespace fairlead::api {

class BusyMeter {
 public:
  explicit BusyMeter(const dataplane::StatsBoard& board)
      : board_(board), rows_(board.worker_count()) {}

  void Sample() {
    for (size_t w = 0; w < rows_.size(); ++w) {
      const auto& counters = board_.worker(WorkerId{static_cast<uint8_t>(w)});
      Row& row = rows_[w];
      row.before = row.now;
      row.now = {counters.polls.value(), counters.busy_polls.value()};
    }
    ++samples_;
  }

  [[nodiscard]] double ratio(WorkerId worker) const {
    const Row& row = rows_[worker.index()];
    if (samples_ >= 2)
      return Share(row.now.polls - row.before.polls, row.now.busy - row.before.busy);
    const auto& counters = board_.worker(worker);
    return Share(counters.polls.value(), counters.busy_polls.value());
  }

 private:
  struct Sampled {
    uint64_t polls = 0, busy = 0;
  };
  struct Row {
    Sampled before, now;
  };
  static double Share(uint64_t polls, uint64_t busy) {
    if (polls == 0) return 0;
    const double share = static_cast<double>(busy) / static_cast<double>(polls);
    return share > 1 ? 1 : share;  // the two counters are not read at the same instant
  }

  const dataplane::StatsBoard& board_;
  std::vector<Row> rows_;
  unsigned samples_ = 0;
};

}  // namespace fairlead::api
