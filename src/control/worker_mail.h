// The control core's side of the worker mailboxes: frames to send and sweeps.
//
//   if (!mail.SendFrame(port, frame, Urgency::kPinned)) …    // enough are on their way: later
//   mail.Sweep();          // every worker ends what removed real servers left behind
//   mail.Poll();           // every turn: takes back what is done
//
// Threads: the control core. Bounded: there are kFrames frames and one sweep per worker, all made
// at the start; together they fit a mailbox, so nothing queues here and no push can fail. Who finds
// no frame free asks again. What matters less may take fewer of them, so that no number of
// strangers keeps the probes of next hops waiting.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "dataplane/shard/fabric.h"
#include "dataplane/shard/mailbox.h"

namespace fairlead::control {

enum class Urgency : uint8_t {
  kStranger,  // for neighbours that packets of others name
  kOrdinary,  // announcements; known neighbours
  kPinned,    // for next hops of the configuration
};

class WorkerMail {
 public:
  static constexpr size_t kFrames = 1000;
  // How many may be on their way when one of this urgency is to follow.
  static constexpr std::array<size_t, 3> kShare{250, 750, kFrames};

  explicit WorkerMail(dataplane::Fabric& fabric);
  WorkerMail(const WorkerMail&) = delete;
  WorkerMail& operator=(const WorkerMail&) = delete;

  // Whether SendFrame will take one of this urgency.
  [[nodiscard]] bool HasRoom(Urgency urgency) const {
    return frames_out() < kShare[static_cast<size_t>(urgency)];
  }
  // Worker 0 sends it. False: the share of this urgency is on its way.
  // Precondition: frame.size() ≤ kMaxFrameBytes.
  [[nodiscard]] bool SendFrame(PortId port, std::span<const uint8_t> frame, Urgency urgency);
  // Connections of reals whose remains expire, then the templates that this leaves without
  // children. A call during a sweep starts another after it.
  // Precondition: every worker has adopted the snapshot that says so.
  void Sweep();
  void Poll();
  // Commands with entries of other directors: one for each worker at a time. `done` is called when
  // that of a worker has come back.
  void SetSyncDone(std::function<void(size_t worker)> done) { sync_done_ = std::move(done); }
  void SubmitSync(size_t worker, dataplane::Command* command) { Submit(worker, command); }
  // Commands of the stream between directors: one of each kind for each worker at a time.
  using StreamDone = std::function<void(size_t worker, dataplane::Command* command)>;
  void SetStreamDone(StreamDone done) { stream_done_ = std::move(done); }

  [[nodiscard]] size_t frames_out() const { return kFrames - free_.size(); }

 private:
  using Command = dataplane::Command;
  struct Sweeps {
    dataplane::SweepConnections connections;
    dataplane::SweepTemplates templates;
  };
  // One sweep command at a time, one of the kernel's protocol, one of each kind of the stream.
  static_assert(kFrames + 2 + 4 <= dataplane::Mailbox::kCapacity);

  void Submit(size_t worker, Command* command);
  template <typename SweepCommand>
  void Begin(size_t worker, SweepCommand* sweep);
  void TakeBackFrame(dataplane::TransmitFrame* frame);
  void ContinueSweep(size_t worker, Command* done);

  dataplane::Fabric& fabric_;
  const std::unique_ptr<dataplane::TransmitFrame[]> frames_;
  std::vector<dataplane::TransmitFrame*> free_;
  const std::unique_ptr<Sweeps[]> sweeps_;  // [worker]
  size_t sweeping_connections_ = 0;         // workers that are not through
  size_t sweeping_templates_ = 0;
  bool sweep_again_ = false;
  std::function<void(size_t)> sync_done_;
  StreamDone stream_done_;
};

}  // namespace fairlead::control
