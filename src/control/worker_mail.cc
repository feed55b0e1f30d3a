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

void WorkerMail::Sweep() {
  if (sweeping_connections_ + sweeping_templates_ > 0) {
    sweep_again_ = true;
    return;
  }
  sweep_again_ = false;
  sweeping_connections_ = waiting_.size();
  for (size_t worker = 0; worker < waiting_.size(); ++worker) {
    Submit(worker, std::make_unique<dataplane::SweepConnections>().release());
  }
}

bool WorkerMail::ContinueSweep(size_t worker, Command* done) {
  if (done->kind == dataplane::CommandKind::kSweepConnections) {
    if (!static_cast<dataplane::SweepConnections*>(done)->is_complete) {
      Submit(worker, done);
      return true;
    }
    if (--sweeping_connections_ > 0) return false;
    // A template may be another worker's than its children: after all connections everywhere.
    sweeping_templates_ = waiting_.size();
    for (size_t w = 0; w < waiting_.size(); ++w) {
      Submit(w, std::make_unique<dataplane::SweepTemplates>().release());
    }
  } else if (done->kind == dataplane::CommandKind::kSweepTemplates) {
    if (!static_cast<dataplane::SweepTemplates*>(done)->is_complete) {
      Submit(worker, done);
      return true;
    }
    if (--sweeping_templates_ == 0 && sweep_again_) Sweep();
  }
  return false;
}

void WorkerMail::Poll() {
  for (size_t worker = 0; worker < waiting_.size(); ++worker) {
    dataplane::Mailbox& mailbox = *fabric_.control[worker];
    // No more than are out now: a worker may give the next slice of a sweep back while we look.
    for (size_t left = mailbox.out(); left > 0; --left) {
      Command* const done = mailbox.TakeBack();
      if (done == nullptr) break;
      submitted_[worker].pop_front();
      if (!ContinueSweep(worker, done)) Delete(done);
    }
    auto& waiting = waiting_[worker];
    while (!waiting.empty() && mailbox.Submit(waiting.front())) {
      submitted_[worker].push_back(waiting.front());
      waiting.pop_front();
    }
  }
}

void WorkerMail::Submit(size_t worker, Command* command) {
  // Behind what waits already: a frame must not overtake.
  if (waiting_[worker].empty() && fabric_.control[worker]->Submit(command)) {
    submitted_[worker].push_back(command);
  } else {
    waiting_[worker].push_back(command);
  }
}

void WorkerMail::Delete(Command* command) {
  using dataplane::CommandKind;
  switch (command->kind) {
    case CommandKind::kTransmitFrame:
      delete static_cast<dataplane::TransmitFrame*>(command);
      return;
    case CommandKind::kSweepConnections:
      delete static_cast<dataplane::SweepConnections*>(command);
      return;
    case CommandKind::kSweepTemplates:
      delete static_cast<dataplane::SweepTemplates*>(command);
      return;
    default:
      delete static_cast<dataplane::NeighbourChanged*>(command);
      return;
  }
}

}  // namespace fairlead::control
