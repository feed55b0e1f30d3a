#include "control/worker_mail.h"

#include <algorithm>
#include <cassert>

namespace fairlead::control {

using dataplane::CommandKind;

namespace {

bool IsOfStream(CommandKind kind) {
  return kind == CommandKind::kTellStream || kind == CommandKind::kTakeStreamEntries ||
         kind == CommandKind::kWalkStream || kind == CommandKind::kDigestStream;
}

}  // namespace

WorkerMail::WorkerMail(dataplane::Fabric& fabric)
    : fabric_(fabric),
      frames_(std::make_unique<dataplane::TransmitFrame[]>(kFrames)),
      sweeps_(std::make_unique<Sweeps[]>(fabric.config.workers)) {
  free_.reserve(kFrames);
  for (size_t i = 0; i < kFrames; ++i) free_.push_back(&frames_[i]);
}

bool WorkerMail::SendFrame(PortId port, std::span<const uint8_t> frame, Urgency urgency) {
  if (!HasRoom(urgency)) return false;
  dataplane::TransmitFrame* command = free_.back();
  command->port = port;
  command->length = static_cast<uint16_t>(frame.size());
  command->is_sent = false;
  std::ranges::copy(frame, command->bytes.begin());
  free_.pop_back();
  Submit(0, command);
  return true;
}

void WorkerMail::Sweep() {
  if (sweeping_connections_ + sweeping_templates_ > 0) {
    sweep_again_ = true;
    return;
  }
  sweep_again_ = false;
  const size_t workers = fabric_.config.workers;
  sweeping_connections_ = workers;
  for (size_t w = 0; w < workers; ++w) {
    Begin(w, &sweeps_[w].connections);
  }
}

void WorkerMail::ContinueSweep(size_t worker, Command* done) {
  if (done->kind == CommandKind::kSweepConnections) {
    if (!static_cast<dataplane::SweepConnections*>(done)->is_complete) {
      return Submit(worker, done);
    }
    if (--sweeping_connections_ > 0) return;
    // A template may be another worker's than its children: after all connections everywhere.
    sweeping_templates_ = fabric_.config.workers;
    for (size_t w = 0; w < fabric_.config.workers; ++w) {
      Begin(w, &sweeps_[w].templates);
    }
  } else {
    if (!static_cast<dataplane::SweepTemplates*>(done)->is_complete) return Submit(worker, done);
    if (--sweeping_templates_ == 0 && sweep_again_) Sweep();
  }
}

void WorkerMail::Poll() {
  for (size_t worker = 0; worker < fabric_.config.workers; ++worker) {
    dataplane::Mailbox& mailbox = *fabric_.control[worker];
    // No more than were out when we came: a worker may give the next slice of a sweep back
    // meanwhile.
    for (size_t left = mailbox.out(); left > 0; --left) {
      Command* done = mailbox.TakeBack();
      if (done == nullptr) break;
      if (done->kind == CommandKind::kTransmitFrame) {
        TakeBackFrame(static_cast<dataplane::TransmitFrame*>(done));
      } else if (done->kind == CommandKind::kTakeSyncEntries) {
        sync_done_(worker);
      } else if (IsOfStream(done->kind)) {
        stream_done_(worker, done);
      } else {
        ContinueSweep(worker, done);
      }
    }
  }
}

// One that found no packet goes out again.
void WorkerMail::TakeBackFrame(dataplane::TransmitFrame* frame) {
  if (!frame->is_sent) return Submit(0, frame);
  free_.push_back(frame);
}

template <typename SweepCommand>
void WorkerMail::Begin(size_t worker, SweepCommand* sweep) {
  sweep->cursor = 0;
  sweep->swept = 0;
  sweep->is_complete = false;
  Submit(worker, sweep);
}

void WorkerMail::Submit(size_t worker, Command* command) {
  [[maybe_unused]] const bool has_place = fabric_.control[worker]->Submit(command);
  assert(has_place);  // see the static_assert
}

}  // namespace fairlead::control
