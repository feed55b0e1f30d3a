// `sync.peers: fleet`: what this director says of where it listens, and whom it finds.
#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/loopback.h"
#include "control/fleet/fleet_impl.h"
#include "control/fleet/kept_documents.h"
#include "control/view.h"

namespace fairlead::control {

// The name that peers say to each other is that of the member, so another sync.name finds nobody.
void Fleet::Impl::TellSyncPlace(const ControlView& view, FleetMember* own) const {
  const std::optional<IpAddress>& reached = local_.address ? local_.address : seen_address_;
  if (reached) own->address = reached->ToString();
  if (view.model == nullptr) return;
  const StreamConfig& stream = view.model->sync.stream;
  const bool has_own_name = stream.name.empty() || stream.name == name_;
  if (!stream.has_peers() || !has_own_name) return;
  const SyncPlace place = PlaceForPeers(stream.listen, local_.address, seen_address_, local_.path);
  if (!place.endpoint) return;
  own->address = place.endpoint->address.ToString();
  own->sync_port = place.endpoint->port.host();
}

void Fleet::Impl::BeginPeers() {
  const auto kept = ReadKeptPeers(local_.state, name_, place_);
  if (!kept) {
    LogWarning("the sync peers that were kept cannot be used; etcd names them anew",
               {{"reason", kept.error().ToString()}});
  } else if (*kept) {
    peers_.Begin(**kept);
    peer_list_ = std::make_shared<const FleetPeerList>(peers_.list());
  }
}

void Fleet::Impl::TurnPeers(TimePoint now) {
  // A server of etcd on this machine says nothing of where others reach it.
  if (const auto& seen = client_.own_address(); seen && (!seen_address_ || !IsLoopback(*seen))) {
    seen_address_ = seen;
  }
  const std::shared_ptr<const ControlView> view = core_->view();
  if (view->model == nullptr) return;
  const StreamConfig& stream = view->model->sync.stream;
  finds_peers_ = stream.has_fleet_peers;
  if (!finds_peers_) return NotePeers();
  const auto is_connected = [&view](const std::string& name) {
    if (view->stream == nullptr) return false;
    const auto& peers = view->stream->peers;
    const auto peer = std::ranges::find(peers, name, &StreamPeerInfo::name);
    return peer != peers.end() && peer->is_connected();
  };
  const bool is_news = peers_.Turn(now, {.members = source_.members(),
                                         .is_heard = source_.hears_members(),
                                         .is_secured = stream.is_secured(),
                                         .is_connected = is_connected});
  if (is_news) peer_news_.Note();
  NotePeers();
  peer_news_.Tell([this] {
    auto list = std::make_shared<const FleetPeerList>(peers_.list());
    {
      const std::lock_guard lock(mutex_);
      peer_list_ = std::move(list);
    }
    next_show_ = {};
  });
  const std::string problem = peer_news_.Keep(
      now, [this] { return KeepPeers(local_.state, name_, place_, peers_.list().peers); });
  if (problem.empty()) return;
  LogWarning("the sync peers cannot be kept for a start without etcd; let the director write there",
             {{"reason", problem}});
}

// Each problem is said once.
void Fleet::Impl::NotePeers() {
  std::string problem;
  if (finds_peers_) {
    const StreamConfig& stream = core_->view()->model->sync.stream;
    if (source_.is_connected()) {
      problem = PlaceForPeers(stream.listen, local_.address, seen_address_, local_.path).problem;
    }
    if (problem.empty()) problem = peers_.problem();
  }
  if (std::exchange(sync_problem_, problem) == problem || problem.empty()) return;
  LogWarning("not all directors of the fleet are sync peers", {{"reason", problem}});
}

void Fleet::Impl::ShowPeers(FleetInfo* info) const {
  info->finds_peers = finds_peers_;
  info->sync_problem = sync_problem_;
  info->sync_left_out = finds_peers_ ? peers_.left_out() : 0;
  const std::shared_ptr<const ControlView> view = core_->view();
  if (view->stream == nullptr) return;
  for (const StreamPeerInfo& peer : view->stream->peers) {
    info->sync_states.emplace_back(peer.name, ToWord(peer.state));
  }
}

}  // namespace fairlead::control
