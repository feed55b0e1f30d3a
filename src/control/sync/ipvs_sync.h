// Synchronisation with a director of the kernel: `sync.ipvs` (docs/sync.md).
//
//   IpvsSync sync(fabric, submit);
//   sync.Turn(now, model.sync.ipvs);       // every turn of the control core
//   sync.TakeBack(worker);                 // a command of the intake has come back
//   view.sync = sync.info();               // null: off
//
// Follows the configuration: opens what it names, closes what it names no more, and tries again
// every second while the interface is not there. Nothing here waits; a turn takes a bounded number
// of datagrams, and what a flood sends beyond that stays in the socket and is lost there. Threads:
// the control core's.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "control/sync/intake.h"
#include "control/sync/multicast_socket.h"
#include "control/sync/outgoing.h"
#include "control/sync/sync_info.h"
#include "control/time_point.h"
#include "dataplane/shard/fabric.h"

namespace fairlead::control {

class IpvsSync {
 public:
  static constexpr size_t kDatagramsATurn = 64;
  static constexpr size_t kNewsATurn = 8192;
  static constexpr std::chrono::seconds kRetry{1};

  // `fabric` outlives it.
  IpvsSync(dataplane::Fabric& fabric, Intake::Submit submit);

  void Turn(TimePoint now, const std::optional<IpvsSyncConfig>& wanted);
  void TakeBack(size_t worker) { intake_.TakeBack(worker); }
  [[nodiscard]] std::shared_ptr<const SyncInfo> info() const;

 private:
  void Close();
  void Open(TimePoint now);
  Status OpenSockets();
  void Receive();
  void Send(TimePoint now);
  [[nodiscard]] bool IsHeard(const IpAddress& sender) const;

  dataplane::Fabric& fabric_;
  Intake intake_;
  std::optional<IpvsSyncConfig> config_;
  std::vector<MulticastSocket> listening_, sending_;
  std::optional<Outgoing> outgoing_;
  OutgoingCounts sent_before_;  // by those that were closed
  bool is_open_ = false;
  std::string problem_;
  TimePoint next_try_{};
  uint64_t foreign_ = 0;
  std::optional<std::chrono::system_clock::time_point> last_datagram_;
  IpAddress last_sender_;
  std::vector<uint8_t> buffer_;
};

}  // namespace fairlead::control
