// The inside of Fleet: its state, and the functions of its three files, fleet_start.cc for the
// start, fleet_sync.cc for sync peers, and fleet.cc for the rest. For these alone; threads and
// rules are in fleet.h.
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
#include "control/fleet/fleet_choice.h"
#include "control/fleet/fleet_membership.h"
#include "control/fleet/fleet_peers.h"
#include "control/fleet/fleet_source.h"
#include "control/fleet/peer_news.h"

namespace fairlead::control {

struct ControlView;

class Fleet::Impl : public std::enable_shared_from_this<Fleet::Impl> {
 public:
  Impl(EtcdPlace place, std::string name, LocalFile local);

  LoadResult LoadAtStart();
  LoadResult Check();
  Loaded Load();
  void Start(ControlApi& core);
  void Stop(Parting parting);

  std::shared_ptr<const FleetInfo> info() const {
    const std::lock_guard lock(mutex_);
    return info_;
  }
  std::shared_ptr<const FleetPeerList> peers() const {
    const std::lock_guard lock(mutex_);
    return peer_list_;
  }
  // Nobody can wait for it: a name is being resolved.
  [[nodiscard]] bool must_be_left() const { return client_.resolving() != 0; }

 private:
  // The end of one attempt to bring documents into force, whatever the core does with it.
  struct Attempt;

  // For so long; less when waiting does not help, or when no server answers and that is enough.
  void WaitForStore(std::chrono::milliseconds patience, bool is_one_round_enough);
  LoadResult TakeKept(const std::optional<Documents>& kept, const std::string& why);
  [[nodiscard]] LoadResult LoadOf(const Documents& documents) const;
  void Run();
  void Turn();
  void TurnMembership(TimePoint now);
  void RecoverFromFault();
  void ArmTimer();
  void ApplyIfNew();
  void OnReload(const Documents& documents, bool is_ok, const std::vector<Error>& errors);
  void OnAttemptEnd(const Documents& documents);
  void NoteRefusal(const Documents& documents, const std::vector<Error>& errors);
  void ForgetRefusal();
  void Keep();
  [[nodiscard]] FleetMember OwnMember() const;
  void TellSyncPlace(const ControlView& view, FleetMember* own) const;
  void BeginPeers();
  void TurnPeers(TimePoint now);
  void NotePeers();
  void ShowPeers(FleetInfo* info) const;
  void Show();
  void WarnOfDouble(const FleetInfo& info);

  const EtcdPlace place_;
  const std::string name_;
  const LocalFile local_;
  const uint64_t incarnation_;
  boost::asio::io_context io_{1};
  EtcdClient client_;
  FleetSource source_;
  FleetMembership membership_;
  FleetPeers peers_;
  PeerNews peer_news_;
  boost::asio::steady_timer timer_;
  ControlApi* core_ = nullptr;
  std::thread thread_;

  // The fleet thread's, once it runs.
  FleetChoice choice_;
  bool is_from_disk_ = false, is_stopping_ = false;
  bool is_double_told_ = false, has_fault_ = false;
  std::optional<TimePoint> double_since_;
  TimePoint next_show_{};
  std::vector<std::string> refused_;
  uint64_t refused_revision_ = 0;
  std::string keep_problem_, sync_problem_;
  std::optional<IpAddress> seen_address_;  // by which the store is reached; rather no loopback one
  bool finds_peers_ = false;               // sync.peers is `fleet`
  uint64_t applied_ = 0, refusals_ = 0;

  mutable std::mutex mutex_;
  Documents wanted_;  // what Load gives
  std::shared_ptr<const FleetInfo> info_;
  std::shared_ptr<const FleetPeerList> peer_list_;
};

}  // namespace fairlead::control
