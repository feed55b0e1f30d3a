#include "control/api/worker_client.h"

#include <boost/asio/post.hpp>

#include "base/faults.h"
#include "dataplane/shard/fabric.h"

namespace fairlead::api {

using namespace std::chrono_literals;

WorkerClient::WorkerClient(boost::asio::io_context& io, dataplane::Fabric& fabric,
                           Clock::duration patience)
    : io_(io), fabric_(fabric), patience_(patience), timer_(io), waiting_(fabric.config.workers) {}

void WorkerClient::SendCommand(WorkerId to, CommandPtr command,
                               std::function<void(const CommandPtr&)> done) {
  if (!fabric_.api[to.index()]->Submit(command.get())) {
    boost::asio::post(io_, [done = std::move(done)] { done(nullptr); });
    return;
  }
  last_send_ = Clock::now();
  waiting_[to.index()].push_back({std::move(command), std::move(done), last_send_});
  ++outstanding_;
  Arm();
}

void WorkerClient::Arm() {
  if (is_armed_ || outstanding_ == 0) return;
  is_armed_ = true;
  const auto since = Clock::now() - last_send_;
  timer_.expires_after(since < 20ms ? Clock::duration(50us) : since < patience_ ? 1ms : 100ms);
  timer_.async_wait([this](const boost::system::error_code& ec) {
    is_armed_ = false;
    if (ec) return;
    Poll();
    Arm();
  });
}

void WorkerClient::Poll() {
  // `done` may send again, so nothing of the queues is held over a call.
  std::vector<std::pair<std::function<void(const CommandPtr&)>, CommandPtr>> answers;
  const auto now = Clock::now();
  for (size_t w = 0; w < waiting_.size(); ++w) {
    std::deque<Waiting>& queue = waiting_[w];
    while (!queue.empty() && fabric_.api[w]->TakeBack() != nullptr) {  // the oldest of the queue
      Waiting first = std::move(queue.front());
      queue.pop_front();
      --outstanding_;
      if (first.done) answers.emplace_back(std::move(first.done), std::move(first.command));
    }
    for (Waiting& late : queue) {
      if (late.done && now - late.sent > patience_) {
        answers.emplace_back(std::exchange(late.done, nullptr), nullptr);
      }
    }
  }
  for (auto& [done, command] : answers) {
    try {
      done(command);
    } catch (...) {  // the others have their answers all the same
      NoteFault(Thread::kApi);
    }
  }
}

void WorkerClient::Drain() {
  timer_.cancel();
  for (size_t w = 0; w < waiting_.size(); ++w) {
    while (!waiting_[w].empty() && fabric_.api[w]->TakeBack() != nullptr) {
      waiting_[w].pop_front();
      --outstanding_;
    }
  }
}

}  // namespace fairlead::api
