#include "control/worker_mail.h"

#include <algorithm>

namespace fairlead::control {

WorkerMail::WorkerMail(dataplane::Fabric& fabric)
    : fabric_(fabric), waiting_(fabric.config.workers), submitted_(fabric.config.workers) {}

// By now the workers have ended, so what is still out belongs to us again.
WorkerMail::~WorkerMail() {
  for (auto& queue : waiting_) std::ranges::for_each(queue, Delete);
  for (auto& queue : submitted_) std::ranges::for_each(queue, Delete);
}

void WorkerMail::SendFrame(PortId port, std::span<const uint8_t> frame) {
  if (waiting_[0].size() >= kMaxWaiting) {
    ++frames_dropped_;
    return;
  }
  auto command = std::make_unique<dataplane::TransmitFrame>();
  command->port = port;
  command->length = static_cast<uint16_t>(frame.size());
  std::ranges::copy(frame, command->bytes.begin());
  Submit(0, command.release());
}

void WorkerMail::TellNeighbourChanged(NeighbourId neighbour) {
  for (size_t worker = 0; worker < waiting_.size(); ++worker) {
    auto command = std::make_unique<dataplane::NeighbourChanged>();
    command->neighbour = neighbour;
    Submit(worker, command.release());
  }
}

void WorkerMail::Poll() {
  for (size_t worker = 0; worker < waiting_.size(); ++worker) {
    dataplane::Mailbox& mailbox = *fabric_.control[worker];
    Command* done = nullptr;
    while (mailbox.from_worker.Pop(&done)) {
      submitted_[worker].pop_front();
      Delete(done);
    }
    auto& waiting = waiting_[worker];
    while (!waiting.empty() && mailbox.to_worker.Push(waiting.front())) {
      submitted_[worker].push_back(waiting.front());
      waiting.pop_front();
    }
  }
}

void WorkerMail::Submit(size_t worker, Command* command) {
  // Behind what waits already: a frame must not overtake.
  if (waiting_[worker].empty() && fabric_.control[worker]->to_worker.Push(command)) {
    submitted_[worker].push_back(command);
  } else {
    waiting_[worker].push_back(command);
  }
}

void WorkerMail::Delete(Command* command) {
  if (command->kind == dataplane::CommandKind::kTransmitFrame) {
    delete static_cast<dataplane::TransmitFrame*>(command);
  } else {
    delete static_cast<dataplane::NeighbourChanged*>(command);
  }
}

}  // namespace fairlead::control
