// The API thread's end of the workers' mailboxes: send a command, get it back filled.
//
//   auto list = std::make_shared<dataplane::ListConnections>();
//   client.Send(WorkerId{0}, list, [](std::shared_ptr<dataplane::ListConnections> done) {
//     if (!done) …the worker did not answer in time: 503…
//   });
//
// A timer looks at from_worker while something is outstanding: often at first, for a busy worker
// answers within one turn, then once a millisecond. Threads: the API thread; nothing here waits.
// Invariants: a command belongs to the worker until it comes back, so one that is late stays here,
// unanswered, until it does; commands of a worker come back in the order sent. Destroy this only
// when is_idle(), or when the workers have ended.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "base/ids.h"

namespace fairlead::dataplane {
struct Command;
class Fabric;
}  // namespace fairlead::dataplane

namespace fairlead::api {

class WorkerClient {
 public:
  using Clock = std::chrono::steady_clock;

  WorkerClient(boost::asio::io_context& io, dataplane::Fabric& fabric,
               Clock::duration patience = std::chrono::seconds(5));
  WorkerClient(const WorkerClient&) = delete;
  WorkerClient& operator=(const WorkerClient&) = delete;

  // `done` runs later, never inside Send; with null when the mailbox is full or the worker did not
  // answer within the patience.
  template <typename C>
  void Send(WorkerId to, std::shared_ptr<C> command, std::function<void(std::shared_ptr<C>)> done) {
    SendCommand(to, std::move(command),
                [done = std::move(done)](const std::shared_ptr<dataplane::Command>& back) {
                  done(std::static_pointer_cast<C>(back));
                });
  }

  [[nodiscard]] size_t worker_count() const { return waiting_.size(); }
  [[nodiscard]] bool is_idle() const { return outstanding_ == 0; }
  // Takes back what has come, without answering anybody; at shutdown.
  void Drain();

 private:
  using CommandPtr = std::shared_ptr<dataplane::Command>;
  struct Waiting {
    CommandPtr command;
    std::function<void(const CommandPtr&)> done;  // null: given up
    Clock::time_point sent;
  };

  void SendCommand(WorkerId to, CommandPtr command, std::function<void(const CommandPtr&)> done);
  void Poll();
  void Arm();

  boost::asio::io_context& io_;
  dataplane::Fabric& fabric_;
  const Clock::duration patience_;
  boost::asio::steady_timer timer_;
  bool is_armed_ = false;
  size_t outstanding_ = 0;
  Clock::time_point last_send_;
  std::vector<std::deque<Waiting>> waiting_;  // by worker, in the order sent
};

}  // namespace fairlead::api
