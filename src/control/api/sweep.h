// Goes over the shards of all workers, slice by slice, with a listing or flushing command.
//
//   Sweep<dataplane::ListConnections>::Start(workers, query, take, finish);
//     take(WorkerId, command)   after every slice; false ends the sweep there
//     finish(SweepEnd)          once
//
// A sweep ends when all is visited, `take` says so, its time is over (the cursor then goes on), or
// a worker does not answer. Threads: the API thread; it holds itself alive.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>

#include "control/api/record_query.h"
#include "control/api/worker_client.h"

namespace fairlead::api {

// How long one request may sweep before it answers with what it has.
inline constexpr std::chrono::seconds kSweepTime{2};

struct SweepEnd {
  std::optional<WorkerId> silent_worker;  // it did not answer in time
  std::optional<RecordPosition> next;     // where to go on; none: all was visited
};

template <typename Command>
class Sweep : public std::enable_shared_from_this<Sweep<Command>> {
 public:
  using Take = std::function<bool(WorkerId, Command&)>;
  using Finish = std::function<void(SweepEnd)>;
  using Prepare = std::function<void(Command&)>;

  // `prepare` gives each new command its room, before it is sent.
  static void Start(WorkerClient& workers, RecordQuery query, bool is_bounded, Prepare prepare,
                    Take take, Finish finish) {
    auto sweep = std::shared_ptr<Sweep>(new Sweep(workers, std::move(query), is_bounded));
    sweep->prepare_ = std::move(prepare);
    sweep->take_ = std::move(take);
    sweep->finish_ = std::move(finish);
    sweep->Next();
  }

 private:
  using Clock = std::chrono::steady_clock;

  Sweep(WorkerClient& workers, RecordQuery query, bool is_bounded)
      : workers_(workers),
        query_(std::move(query)),
        is_bounded_(is_bounded),
        at_(query_.start),
        end_by_(Clock::now() + kSweepTime) {}

  void Next() {
    auto command = std::make_shared<Command>();
    command->filter = query_.filters[at_.filter];
    command->cursor = at_.cursor;
    prepare_(*command);
    workers_.Send<Command>(
        WorkerId{static_cast<uint8_t>(at_.worker)}, std::move(command),
        [self = this->shared_from_this()](std::shared_ptr<Command> done) { self->On(done.get()); });
  }

  void On(Command* done) {
    const WorkerId worker{static_cast<uint8_t>(at_.worker)};
    if (done == nullptr) return finish_({worker, at_});
    at_.cursor = done->cursor;
    if (done->is_complete) {
      at_.cursor = 0;
      if (++at_.worker == workers_.worker_count()) {
        at_.worker = 0;
        ++at_.filter;
      }
    }
    const bool go_on = take_(worker, *done);
    if (at_.filter == query_.filters.size()) return finish_({});
    if (!go_on || (is_bounded_ && Clock::now() >= end_by_)) return finish_({{}, at_});
    Next();
  }

  WorkerClient& workers_;
  const RecordQuery query_;
  const bool is_bounded_;
  RecordPosition at_;
  const Clock::time_point end_by_;
  Prepare prepare_;
  Take take_;
  Finish finish_;
};

}  // namespace fairlead::api
