#include "control/fleet/fleet_peers.h"

#include <algorithm>

#include "base/loopback.h"

namespace fairlead::control {
namespace {

// Nothing: it does not say where it listens for sync.
std::optional<Endpoint> SyncEndpointOf(const FleetMember& member) {
  const auto address = IpAddress::Parse(member.address);
  if (!address || member.sync_port == 0) return std::nullopt;
  if (address->is_unspecified() || address->is_multicast()) return std::nullopt;
  return Endpoint{*address, Be16::FromHost(member.sync_port)};
}

}  // namespace

void FleetPeers::Begin(const std::vector<SyncPeer>& kept) {
  is_known_ = true;
  for (const SyncPeer& peer : kept) {
    if (peer.name != own_name_ && known_.size() < kMostStreamPeers) {
      known_[peer.name] = peer.address;
    }
  }
  list_ = Choose();
}

bool FleetPeers::Turn(TimePoint now, const Facts& facts) {
  if (!facts.is_heard) {
    heard_since_.reset();
    return false;
  }
  if (!heard_since_) heard_since_ = now;
  is_known_ = true;
  TakeMembers(facts);
  ForgetGone(now, facts);
  FleetPeerList chosen = Choose();
  const bool is_news = chosen != list_;
  list_ = std::move(chosen);
  return is_news;
}

// What cannot be read says nothing, so what was known of it stays.
void FleetPeers::TakeMembers(const Facts& facts) {
  in_the_clear_.clear();
  for (const auto& [name, member] : facts.members) {
    if (name == own_name_ || !member) continue;
    const auto endpoint = SyncEndpointOf(*member);
    const bool is_allowed = endpoint && (facts.is_secured || IsLoopback(endpoint->address));
    if (is_allowed) {
      known_[name] = *endpoint;
      continue;
    }
    known_.erase(name);
    if (endpoint && in_the_clear_.empty()) in_the_clear_ = name;
  }
}

void FleetPeers::ForgetGone(TimePoint now, const Facts& facts) {
  const bool is_settled = now - *heard_since_ >= kSettle;
  std::erase_if(known_, [&](const auto& known) {
    if (facts.members.contains(known.first)) return false;
    const bool is_peer =
        std::ranges::find(list_.peers, known.first, &SyncPeer::name) != list_.peers.end();
    if (!is_peer) return true;
    return is_settled && !(facts.is_connected && facts.is_connected(known.first));
  });
}

FleetPeerList FleetPeers::Choose() {
  FleetPeerList chosen{.is_known = is_known_};
  const auto before =
      std::ranges::count_if(known_, [this](const auto& known) { return known.first < own_name_; });
  const bool is_among = static_cast<size_t>(before) <= kMostStreamPeers;
  for (const auto& [name, address] : known_) {
    if (is_among && chosen.peers.size() < kMostStreamPeers) chosen.peers.push_back({name, address});
  }
  left_out_ = known_.size() - chosen.peers.size();
  problem_.clear();
  if (left_out_ != 0) {
    problem_ = std::to_string(known_.size() + 1) + " directors of the fleet synchronise, and " +
               std::to_string(kMostStreamPeers + 1) + " can: " +
               (is_among ? "those whose names come last are no peers"
                         : "this one's name comes behind theirs, so it has no peers") +
               "; list the peers in sync.peers of PREFIX/directors/NAME, in groups";
  } else if (!in_the_clear_.empty()) {
    problem_ = "director " + in_the_clear_ +
               " is no peer: it is not on a loopback address, and sync has neither key_file nor "
               "certificate";
  }
  return chosen;
}

SyncPlace PlaceForPeers(const Endpoint& listen, const std::optional<IpAddress>& stated,
                        const std::optional<IpAddress>& seen, const std::string& file) {
  const std::string remedy = "; write \"address\" into " + file +
                             ", or one address of this machine into sync.listen of its document";
  const auto at = [&](const IpAddress& address) -> SyncPlace {
    if (listen.address.is_unspecified() && listen.address.is_v4() && !address.is_v4()) {
      return {.problem = "the others cannot reach this director by " + address.ToString() +
                         ", since sync.listen is " + listen.address.ToString() +
                         ", for IPv4 alone; write \"::\" into sync.listen, or an IPv4 address as "
                         "\"address\" into " +
                         file};
    }
    return {.endpoint = Endpoint{address, listen.port}};
  };
  if (stated) return at(*stated);
  if (!listen.address.is_unspecified()) return at(listen.address);
  if (!seen) return {.problem = "etcd is not reached by an address that others could use" + remedy};
  if (IsLoopback(*seen)) {
    return {.problem = "sync.listen is " + listen.address.ToString() +
                       " and etcd is on this machine, so nothing says by which address the other "
                       "directors reach this one" +
                       remedy};
  }
  return at(*seen);
}

}  // namespace fairlead::control
