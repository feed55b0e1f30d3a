#include "control/readiness.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/log.h"

namespace fairlead::control {
namespace {

using std::chrono::milliseconds;

// "1.2 s", "30 s"
std::string LagText(milliseconds span) {
  const int64_t ms = span.count();
  if (ms < 1000) return std::to_string(ms) + " ms";
  const int64_t tenths = ms / 100 % 10;
  return std::to_string(ms / 1000) + (tenths == 0 ? "" : "." + std::to_string(tenths)) + " s";
}

bool IsGivenUp(const PeerReadiness& peer, TimePoint now, const ReadyRule& rule) {
  return !peer.is_reachable && now - peer.unreachable_since >= rule.ready_timeout;
}

// "30 s (sync.ready_timeout)"
std::string TimeLeft(TimePoint since, TimePoint now, const ReadyRule& rule) {
  const auto left = std::chrono::ceil<std::chrono::seconds>(
      rule.ready_timeout - std::chrono::floor<milliseconds>(now - since));
  return std::to_string(left.count()) + " s (sync.ready_timeout)";
}

NotReady Unreachable(const PeerReadiness& peer, TimePoint now, const ReadyRule& rule) {
  return {NotReady::Kind::kPeerUnreachable, peer.name,
          "Peer " + peer.name + " cannot be reached; it stops counting in " +
              TimeLeft(peer.unreachable_since, now, rule)};
}

NotReady Unheard(TimePoint since, TimePoint now, const ReadyRule& rule) {
  return {NotReady::Kind::kFleetUnheard, "",
          "etcd has not said yet which sync peers there are; it is waited for that for " +
              TimeLeft(since, now, rule)};
}

// What of a peer holds this director back, if anything does.
std::optional<NotReady> Judge(const PeerReadiness& peer, TimePoint now, const ReadyRule& rule) {
  if (IsGivenUp(peer, now, rule)) return std::nullopt;
  if (!peer.is_reachable) return Unreachable(peer, now, rule);
  if (!peer.is_taken_in) {
    return NotReady{NotReady::Kind::kPeerNotTakenIn, peer.name,
                    "What peer " + peer.name +
                        " has is not taken in yet; fairlead sync status shows how far it is"};
  }
  if (peer.lag >= rule.ready_lag) {
    return NotReady{NotReady::Kind::kPeerLags, peer.name,
                    "Peer " + peer.name + " lags by " + LagText(peer.lag) +
                        ", and sync.ready_lag is " + LagText(rule.ready_lag)};
  }
  return std::nullopt;
}

bool IsSameReason(const NotReady& a, const NotReady& b) {
  return a.kind == b.kind && a.peer == b.peer;
}

}  // namespace

std::string_view ToWord(NotReady::Kind kind) {
  switch (kind) {
    case NotReady::Kind::kNotForwarding:
      return "not-forwarding";
    case NotReady::Kind::kCutOff:
      return "cut-off";
    case NotReady::Kind::kFleetUnheard:
      return "fleet-unheard";
    case NotReady::Kind::kPeerUnreachable:
      return "peer-unreachable";
    case NotReady::Kind::kPeerNotTakenIn:
      return "peer-not-taken-in";
    case NotReady::Kind::kPeerLags:
      return "peer-lags";
  }
  return "";
}

void Readiness::NoteAbsence(TimePoint now, bool is_cut_off) {
  const bool stood_still = last_turn_ && now - *last_turn_ >= kStandstill;
  last_turn_ = now;
  if (stood_still) sessions_from_ = now;
  is_away_ = is_cut_off || stood_still;
  if (!is_away_) return;
  returned_ = now;
  if (is_ready_) awaited_.insert(known_.begin(), known_.end());
}

void Readiness::NotePeers() {
  std::set<std::string> known;
  for (const PeerState& peer : peers_) {
    if (peer.is_in_sync || (!peer.is_given_up && known_.contains(peer.name)))
      known.insert(peer.name);
  }
  known_ = std::move(known);
}

// Whether this peer may hold the director back.
bool Readiness::Asks(const PeerReadiness& peer) const {
  return has_been_ready_ ? awaited_.contains(peer.name) : !is_inherited_;
}

// The same for one that is asked again.
PeerReadiness Readiness::AsCounted(const PeerReadiness& peer) const {
  PeerReadiness counted = peer;
  if (!awaited_.contains(peer.name)) return counted;
  counted.is_reachable = peer.is_reachable && peer.session_since >= sessions_from_;
  counted.unreachable_since = std::max(peer.unreachable_since, returned_);
  return counted;
}

bool Readiness::Turn(TimePoint now, const Facts& facts, const ReadyRule& rule) {
  NoteAbsence(now, facts.is_cut_off);
  std::vector<NotReady> reasons;
  std::vector<PeerState> peers;
  if (!is_ready_ && !facts.is_forwarding) {
    reasons.push_back({NotReady::Kind::kNotForwarding, "",
                       "Not every worker has the configuration yet; fairlead status shows which "
                       "part is missing"});
  }
  if (facts.is_cut_off && !awaited_.empty()) {
    reasons.push_back({NotReady::Kind::kCutOff, "",
                       "No port towards clients has a link, and a peer may serve meanwhile"});
  }
  const auto& unheard = facts.fleet_unheard_since;
  if (unheard && !has_been_ready_ && !is_inherited_ && now - *unheard < rule.ready_timeout) {
    reasons.push_back(Unheard(*unheard, now, rule));
  }
  for (const PeerReadiness& peer : facts.peers) {
    const PeerReadiness counted = AsCounted(peer);
    std::optional<NotReady> why = Judge(counted, now, rule);
    peers.push_back({peer.name, counted.is_reachable && !why, IsGivenUp(counted, now, rule)});
    if (why && Asks(peer)) reasons.push_back(*std::move(why));
  }
  const bool is_same = std::ranges::equal(reasons, reasons_, IsSameReason);
  if (!is_same) {
    for (const NotReady& why : reasons) LogInfo("not ready yet", {{"reason", why.sentence}});
  }
  const bool opens = !is_ready_ && reasons.empty();
  if (opens) Open(peers, unheard.has_value());
  if (is_ready_ && !reasons.empty()) Close(reasons);
  if (is_ready_ && !is_away_) awaited_.clear();
  const bool is_news = opens || !is_same || peers != peers_;
  reasons_ = std::move(reasons);
  peers_ = std::move(peers);
  NotePeers();
  return is_news;
}

void Readiness::Open(const std::vector<PeerState>& peers, bool is_fleet_unheard) {
  is_ready_ = has_been_ready_ = true;
  LogInfo("ready", {{"peers", peers.size()}});
  if (is_fleet_unheard) {
    LogWarning(
        "ready without peers, since etcd has named none: connections that they know will "
        "break here",
        {{"remedy", "bring etcd back; fairlead fleet status says what is wrong"}});
  }
  for (const PeerState& peer : peers) {
    if (!peer.is_given_up) continue;
    LogWarning("ready without a peer: connections that only it knows will break here",
               {{"peer", peer.name}, {"remedy", "bring it back, or take it out of sync.peers"}});
  }
}

void Readiness::Close(const std::vector<NotReady>& reasons) {
  is_ready_ = false;
  LogWarning("not ready any more: it is out of service, and a peer may know more soon",
             {{"reason", reasons.front().sentence},
              {"remedy", "none, if the peer comes back; fairlead ready says when it may serve"}});
}

}  // namespace fairlead::control
