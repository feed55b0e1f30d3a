// The inside of Fleet: its state, and the functions of its two files, fleet_start.cc for the start
// and fleet.cc for the rest. For these alone; threads and rules are in fleet.h.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "control/control_api.h"
#include "control/fleet/etcd_client.h"
#include "control/fleet/fleet.h"
#include "control/fleet/fleet_membership.h"
#include "control/fleet/fleet_source.h"

namespace fairlead::control {

class Fleet::Impl : public std::enable_shared_from_this<Fleet::Impl> {
 public:
  Impl(EtcdPlace place, std::string name, LocalFile local);

  LoadResult LoadAtStart();
  LoadResult Load();
  void Start(ControlApi& core);
  void Stop(Parting parting);

  std::shared_ptr<const FleetInfo> info() const {
    const std::lock_guard lock(mutex_);
    return info_;
  }

 private:
  // What became of one attempt to bring documents into force. Whatever the core does with it, it is
  // told of once.
  struct Attempt;

  void WaitForStore(bool has_kept);
  LoadResult TakeKept(const std::optional<Documents>& kept, const std::string& why);
  [[nodiscard]] LoadResult LoadOf(const Documents& documents) const;
  void Run();
  void Turn();
  void ArmTimer();
  void ApplyIfNew();
  void OnApplied(const Documents& documents, const std::optional<ReloadOutcome>& outcome);
  void NoteRefusal(const Documents& documents, const std::vector<Error>& errors);
  void Keep();
  [[nodiscard]] FleetMember OwnMember() const;
  void Show();

  const EtcdPlace place_;
  const std::string name_;
  const LocalFile local_;
  const uint64_t incarnation_;
  boost::asio::io_context io_{1};
  EtcdClient client_;
  FleetSource source_;
  FleetMembership membership_;
  boost::asio::steady_timer timer_;
  ControlApi* core_ = nullptr;
  std::thread thread_;

  // The fleet thread's, once it runs.
  Documents in_force_;
  std::optional<Documents> tried_;  // last
  bool is_applying_ = false, is_from_disk_ = false, is_stopping_ = false;
  bool is_double_told_ = false;
  TimePoint next_show_{};
  std::vector<std::string> refused_;
  uint64_t refused_revision_ = 0;
  std::string keep_problem_;
  uint64_t applied_ = 0, refusals_ = 0;

  mutable std::mutex mutex_;
  Documents wanted_;  // what Load gives
  std::shared_ptr<const FleetInfo> info_;
};

}  // namespace fairlead::control
