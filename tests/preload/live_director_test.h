// Programs run with the library against a real control side without an edge, which the test turns
// while a program runs.
//
//   class Ipvsadm : public LiveDirectorTest {};
//   EXPECT_EQ(Run({"ipvsadm", "-Ln"}).output, "…");
//
// Threads: the test's; another waits for the program.
#pragma once

#include <signal.h>

#include <atomic>
#include <functional>
#include <thread>

#include "control/api/ipvs/proc_files.h"
#include "control/api/ipvs/server.h"
#include "control/api/worker_client.h"
#include "run_client.h"
#include "test_director.h"

namespace fairlead::preload {

class LiveDirectorTest : public PreloadTest {
 protected:
  LiveDirectorTest() { Listen(); }
  ~LiveDirectorTest() override { workers_.Drain(); }

  void Listen() {
    server_ = std::make_unique<ipvs::Server>(*director_.io, director_.dispatcher);
    const Status listening = server_->Listen(socket_);
    EXPECT_TRUE(listening) << listening.error().ToString();
  }

  Outcome Run(const std::vector<std::string>& words, const std::string& input = "") {
    Running program(words, socket_);
    program.Write(input);
    return FinishOf(program);
  }

  Outcome FinishOf(Running& program) {
    std::atomic<bool> is_over = false;
    Outcome outcome;
    std::thread waiter([&] {
      outcome = program.Finish();
      is_over = true;
    });
    while (!is_over) Turn();
    waiter.join();
    return outcome;
  }

  // False: it has not come to that in time.
  bool TurnUntil(const std::function<bool()>& is_so) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!is_so() && std::chrono::steady_clock::now() < deadline) Turn();
    return is_so();
  }

  void Turn() {
    director_.Turn();
    for (auto& mailbox : director_.fabric.api) {
      while (mailbox->RunNext([this](dataplane::Command& command) { Answer(command); })) {
      }
    }
    director_.io->restart();
    director_.io->poll();
    ::usleep(200);
  }

  // Plays a worker with `connections_` connections, a thousand an answer.
  void Answer(dataplane::Command& command) {
    if (command.kind == dataplane::CommandKind::kListTemplates) {
      static_cast<dataplane::ListTemplates&>(command).is_complete = true;
    }
    if (command.kind != dataplane::CommandKind::kListConnections) return;
    auto& list = static_cast<dataplane::ListConnections&>(command);
    for (; list.rows.size() < list.limit && list.cursor < connections_; ++list.cursor) {
      dataplane::ConnectionRow row;
      row.protocol = 17;
      row.client = *Endpoint::Parse("10.9.0.1:4000");
      row.virtual_endpoint = *Endpoint::Parse("10.100.0.1:53");
      row.real_endpoint = *Endpoint::Parse("10.1.0.11:53");
      row.remaining = TicksFromSeconds(296);
      list.rows.push_back(row);
    }
    list.is_complete = list.cursor == connections_;
    most_rows_ = std::max(most_rows_, list.rows.size());
  }

  testing::TestDirector director_{"", &files_};
  api::WorkerClient workers_{*director_.io, director_.fabric};
  ipvs::ProcFiles files_{director_.io, director_.control, workers_};
  std::unique_ptr<ipvs::Server> server_;
  uint64_t connections_ = 0;
  size_t most_rows_ = 0;
};

}  // namespace fairlead::preload
