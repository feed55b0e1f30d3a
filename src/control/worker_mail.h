// The control core's side of the worker mailboxes: frames to send and neighbours that changed.
//
//   mail.SendFrame(port, {frame, length});       // worker 0 sends it
//   mail.TellNeighbourChanged(id);               // every worker looks at what waits for it
//   mail.Sweep();          // every worker ends what removed reals left behind
//   mail.Poll();           // every turn: frees what came back, retries
//
// Threads: the control core. Bounded: what a full mailbox cannot take waits here, at most
// kMaxWaiting a worker; further frames are dropped and counted (they are asked for again),
// neighbour changes never are.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "dataplane/fabric.h"
#include "dataplane/mailbox.h"

namespace fairlead::control {

class WorkerMail {
 public:
  static constexpr size_t kMaxWaiting = 4096;

  explicit WorkerMail(dataplane::Fabric& fabric);
  ~WorkerMail();
  WorkerMail(const WorkerMail&) = delete;
  WorkerMail& operator=(const WorkerMail&) = delete;

  // Precondition: frame.size() ≤ kMaxFrameBytes.
  void SendFrame(PortId port, std::span<const uint8_t> frame);
  void TellNeighbourChanged(NeighbourId neighbour);
  // Connections of reals whose remains expire, then the templates that this leaves without
  // children. A call during a sweep starts another after it.
  // Precondition: every worker has adopted the snapshot that says so.
  void Sweep();
  void Poll();

  [[nodiscard]] uint64_t frames_dropped() const { return frames_dropped_; }

 private:
  using Command = dataplane::Command;

  void Submit(size_t worker, Command* command);
  // True: it was given out again for its next slice.
  bool ContinueSweep(size_t worker, Command* done);
  static void Delete(Command* command);

  dataplane::Fabric& fabric_;
  std::vector<std::deque<Command*>> waiting_;    // [worker]
  std::vector<std::deque<Command*>> submitted_;  // [worker], in order; they come back in order
  uint64_t frames_dropped_ = 0;
  size_t sweeping_connections_ = 0;  // workers that are not through
  size_t sweeping_templates_ = 0;
  bool sweep_again_ = false;
};

}  // namespace fairlead::control
