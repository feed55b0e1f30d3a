// Synchronisation with a director of the kernel: `sync.ipvs` (docs/sync.md).
//
//   IpvsSync sync(fabric, submit);
//   sync.Turn(now, model.sync.ipvs);       // every turn of the control core
//   sync.TakeBack(worker);                 // a command of the intake has come back
//   view.sync = sync.info();               // null: off
//
// Follows the configuration: opens what it names, closes what it names no more, and tries again
// every second while the interface is not there. Once a second it looks whether the interface is
// still the same: one that was made anew has another index, and sockets of the old one are silent.
// Nothing here waits; a turn takes a bounded number of datagrams, and what a flood sends beyond
// that stays in the socket and is lost there. Each turn begins with another port and another
// worker, so that none of them starves the rest. Threads: the control core's.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
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

  // The number of an interface; 0: there is none of that name.
  using IndexOf = std::function<unsigned(const std::string& interface)>;

  // `fabric` outlives it. Without `index_of`, the kernel is asked.
  IpvsSync(dataplane::Fabric& fabric, Intake::Submit submit, IndexOf index_of = {});
  IpvsSync(const IpvsSync&) = delete;
  IpvsSync& operator=(const IpvsSync&) = delete;
  ~IpvsSync();  // sends what waits

  // Who gives ids to real servers that no configuration has; before the first Turn.
  void SetNamer(Intake::Namer namer) { intake_.SetNamer(std::move(namer)); }

  // `are_ids_known`: as for Intake::Turn.
  void Turn(TimePoint now, const std::optional<IpvsSyncConfig>& wanted, bool are_ids_known = true);
  [[nodiscard]] bool holds_ids() const { return intake_.holds_ids(); }
  void TakeBack(size_t worker) { intake_.TakeBack(worker); }
  // Null: it is off.
  [[nodiscard]] std::shared_ptr<SyncInfo> info() const;

 private:
  void Follow(TimePoint now, const std::optional<IpvsSyncConfig>& wanted);
  void LookAtInterface(TimePoint now);
  void Close();
  void Open(TimePoint now);
  Status OpenSockets();
  void Receive();
  void Send(TimePoint now);
  [[nodiscard]] bool IsHeard(const IpAddress& sender) const;

  dataplane::Fabric& fabric_;
  Intake intake_;
  IndexOf index_of_;
  std::optional<IpvsSyncConfig> config_;
  std::vector<MulticastSocket> listening_, sending_;
  std::optional<Outgoing> outgoing_;
  OutgoingCounts sent_before_;  // by those that were closed, and what none was there for
  bool is_open_ = false;
  std::string problem_;
  unsigned index_ = 0;    // of the interface that the sockets are on
  TimePoint next_try_{};  // to open, or to look whether the interface is the same
  size_t turn_ = 0;
  uint64_t foreign_ = 0;
  std::optional<std::chrono::system_clock::time_point> last_datagram_;
  IpAddress last_sender_;
  std::vector<uint8_t> buffer_;
};

}  // namespace fairlead::control
