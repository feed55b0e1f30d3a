// One of two directors in one process, as the daemon has it but for its ports: the whole control
// core with its timers, sockets and TLS on a thread of its own, and one worker on another.
//
//   Side first({.name = "first", .port = 7001, .peer = "second", .peer_port = 7002, …});
//   first.Begin([&](Side& side) { …what the worker does in each turn beside its commands… });
//   first.Stream().state == StreamState::kInSync
//
// The worker sleeps for a moment between two turns, since there are more threads than this machine
// may have processors. Threads: the constructor, Begin and the destructor on one; what Begin is
// given runs on the worker's; Stream and the times of processors from any.
#pragma once

#include <pthread.h>

#include <array>
#include <atomic>
#include <functional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "control/control_core.h"
#include "dataplane/shard/fabric.h"
#include "dataplane/worker/worker.h"

namespace fairlead::bench {

inline constexpr const char* kService = "192.0.2.80";
inline constexpr uint16_t kServicePort = 80;

// Nanoseconds of a clock that all threads share.
uint64_t NowNs();

struct SideOptions {
  std::string name;
  uint16_t port = 0;  // of 127.0.0.1
  std::string peer;
  uint16_t peer_port = 0;
  std::string key_file;
  uint64_t connections = 0;  // that there is room for
  bool is_persistent = false;
};

class Side {
 public:
  using Work = std::function<void(Side& side)>;

  explicit Side(const SideOptions& options);
  ~Side();
  void Begin(Work work);

  // What the director shows of its peer, looked at once a second.
  [[nodiscard]] control::StreamPeerInfo Stream() const;
  // Seconds of a processor so far.
  [[nodiscard]] double WorkerCpu() { return CpuOf(worker_thread_); }
  [[nodiscard]] double ControlCpu() { return CpuOf(control_thread_); }

  // ---- the worker's
  dataplane::Worker<dataplane::BytePacket>& worker() { return worker_; }
  // Through the worker; what comes out is thrown away. At most kBurst frames.
  void Send(std::span<const std::span<const uint8_t>> frames, PortId port);

 private:
  struct Pool {
    static dataplane::BytePacket* Allocate() noexcept { return nullptr; }
  };
  static double CpuOf(std::thread& thread);
  void Turns(const Work& work);
  void IntroduceReals();

  dataplane::Fabric fabric_;
  control::ControlCore core_;
  dataplane::Worker<dataplane::BytePacket> worker_;
  Pool pool_;
  std::array<dataplane::BytePacket, dataplane::kBurst> packets_;
  dataplane::Output<dataplane::BytePacket> out_;
  uint64_t next_introduction_ = 0;
  std::atomic<bool> stop_{false};
  std::thread control_thread_, worker_thread_;
};

}  // namespace fairlead::bench
