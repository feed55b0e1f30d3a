// The exception path: packets for the director's own machine, to the kernel and back, on a thread
// that is no worker.
//
//   worker   ──to_host ring──►   this thread ──write──► tap ──► kernel
//   worker 0 ◄──from_host ring── this thread ◄──read──  tap ◄── kernel   (ssh, health checks, BGP)
//
// Bounded everywhere: workers never wait (a full ring is the drop host_queue_full), take at most a
// burst of kernel frames a turn, and while their ring is full frames stay in the kernel's own queue
// of the tap. The thread polls its rings with pauses that grow to 2 ms; a worker wakes nobody,
// because that would be a system call.
//
// Threads: Start, KeepTwins and Stop by main, ShowLink by the control core before Stop; one thread
// of its own, between worker and kernel.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "base/file_descriptor.h"
#include "base/result.h"
#include "dataplane/dpdk/edge_config.h"
#include "dataplane/dpdk/lines.h"
#include "dataplane/dpdk/packet_pool.h"
#include "dataplane/dpdk/tap.h"

namespace fairlead::edge {

class ExceptionPath {
 public:
  // Makes or adopts the tap of every port that wants one, and removes those that an earlier
  // configuration of this director wanted. `passed`: open taps of the director before, by name of
  // the interface; those that no port wants are closed.
  static Result<std::unique_ptr<ExceptionPath>> Start(const EdgeConfig& config, const Lines& lines,
                                                      PacketPool& pool,
                                                      std::vector<NamedDescriptor> passed = {});
  ~ExceptionPath();
  ExceptionPath(const ExceptionPath&) = delete;
  ExceptionPath& operator=(const ExceptionPath&) = delete;

  // The start is complete: from now on twins that it has made outlive it too.
  void KeepTwins();

  // Whether the port of a twin has a link, which the twin shows as its carrier: keepalived and BIRD
  // on it have to see that nothing goes out there. One thread at a time, beside the path's own.
  void ShowLink(PortId port, bool is_up);

  // Ends the thread, frees what is in its rings and closes the taps; what is kept stays in the
  // kernel.
  // Precondition: no worker runs any more.
  void Stop();
  // The same, but the taps stay open, to be passed on: their carrier stays.
  std::vector<NamedDescriptor> Release();

  // Frames the kernel would not take; they were counted as delivered_to_host.
  [[nodiscard]] uint64_t refused_by_kernel() const {
    return refused_.load(std::memory_order_relaxed);
  }

 private:
  struct Twin {
    Tap tap;
    std::vector<MbufRing*> to_host;  // by WorkerId
    MbufRing* from_host;
    PortId port;
    std::optional<bool> shown_link = std::nullopt;  // ShowLink's alone
  };

  explicit ExceptionPath(PacketPool& pool) : pool_(pool) {}
  void StopThread();
  void Run();
  size_t WriteToKernel(Twin& twin);
  size_t ReadFromKernel(Twin& twin);
  void Wait(int idle_turns);

  PacketPool& pool_;
  std::vector<Twin> twins_;
  std::atomic<bool> stop_{false};
  std::atomic<uint64_t> refused_{0};
  std::thread thread_;
};

}  // namespace fairlead::edge
