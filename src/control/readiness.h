// Whether this director may serve: it forwards, and it knows what its peers know.
//
//   Readiness readiness;
//   readiness.Turn(now, {.is_forwarding = true, .peers = peers}, {500ms, 30s});
//   readiness.is_ready();                  // /readyz, fairlead ready, announce: when-ready
//   for (const NotReady& why : readiness.reasons()) …why.sentence…
//
// The rule: the tables of every peer that can be reached have been taken in, and their lag is below
// ready_lag. A peer that cannot be reached counts for ready_timeout; then this director serves
// without it, since one that is left alone after a power cut must. The same holds for a fleet
// whose store has not said yet which peers there are.
//
// A director in service stays ready when a peer dies, falls behind or is configured later: it would
// give its addresses away to one that knows less. peers() goes on telling.
//
// One that was out of service is asked again: no port towards clients had a line, or the process
// stood still. Then another one has served, and told it nothing. So the peers that it
// was in sync with, and that have not stopped counting since, are asked as at a start, and
// ready_timeout begins when it is back. It closes at once when the line is gone, since whoever
// asks may want several answers before it believes one. Without such peers it does not close.
// Invariant: reasons() is empty exactly when is_ready() is true.
// Threads: the control core's. No clock of its own.
#pragma once

#include <chrono>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "control/time_point.h"

namespace fairlead::control {

// What a session with a peer knows of it.
struct PeerReadiness {
  std::string name;           // of sync.peers
  bool is_reachable = false;  // a session is up
  bool is_taken_in = false;   // in this session all that the peer has
  std::chrono::milliseconds lag{0};
  // The end of the last session in which all was taken in; the start when there was none.
  TimePoint unreachable_since{};
  TimePoint session_since{};  // when this session began; with is_reachable
  friend bool operator==(const PeerReadiness&, const PeerReadiness&) = default;
};

struct ReadyRule {
  std::chrono::milliseconds ready_lag{500};
  std::chrono::milliseconds ready_timeout{30'000};
};

// Why not: a word for programs and a sentence for people.
struct NotReady {
  enum class Kind {
    kNotForwarding,
    kCutOff,
    kFleetUnheard,
    kPeerUnreachable,
    kPeerNotTakenIn,
    kPeerLags
  };
  Kind kind = Kind::kNotForwarding;
  std::string peer{};  // or empty
  std::string sentence{};
  friend bool operator==(const NotReady&, const NotReady&) = default;
};
// "not-forwarding", "cut-off", "fleet-unheard", "peer-unreachable", "peer-not-taken-in",
// "peer-lags"
[[nodiscard]] std::string_view ToWord(NotReady::Kind kind);

// A peer as it is now, whether or not that is still asked.
struct PeerState {
  std::string name;
  bool is_in_sync = false;   // reachable, taken in, and not behind
  bool is_given_up = false;  // unreachable for ready_timeout: it does not count
  friend bool operator==(const PeerState&, const PeerState&) = default;
};

// What sessions with peers answer when they are asked.
struct ReadyPeers {
  ReadyRule rule{};
  std::vector<PeerReadiness> peers{};
  // `sync.peers: fleet`, and nobody has said yet who they are: since when. Else nothing.
  std::optional<TimePoint> fleet_unheard_since{};
};

class Readiness {
 public:
  struct Facts {
    bool is_forwarding = false;  // every worker has had a configuration
    bool is_cut_off = false;     // no port towards clients has a line
    std::span<const PeerReadiness> peers{};
    std::optional<TimePoint> fleet_unheard_since{};  // as ReadyPeers has it
  };

  // The director before this one was ready, and has handed over all it knew.
  void Inherit() { is_inherited_ = true; }
  // True when there is another reason or another state of a peer. Sentences also change otherwise.
  bool Turn(TimePoint now, const Facts& facts, const ReadyRule& rule);

  [[nodiscard]] bool is_ready() const { return is_ready_; }
  [[nodiscard]] const std::vector<NotReady>& reasons() const { return reasons_; }
  [[nodiscard]] const std::vector<PeerState>& peers() const { return peers_; }

  // Between two turns: it stood still, and peers have ended their sessions. StreamLimits::silence,
  // and more than is between two signs of life.
  static constexpr std::chrono::milliseconds kStandstill{6'000};

 private:
  void NoteAbsence(TimePoint now, bool is_cut_off);
  void NotePeers();
  [[nodiscard]] bool Asks(const PeerReadiness& peer) const;
  [[nodiscard]] PeerReadiness AsCounted(const PeerReadiness& peer) const;
  void Open(const std::vector<PeerState>& peers, bool is_fleet_unheard);
  void Close(const std::vector<NotReady>& reasons);

  bool is_inherited_ = false;
  bool is_ready_ = false;
  bool has_been_ready_ = false;
  bool is_away_ = false;
  std::set<std::string> known_;    // peers that it was in sync with, and that still count
  std::set<std::string> awaited_;  // once it has been ready: the peers that are asked again
  std::optional<TimePoint> last_turn_;
  TimePoint returned_{};       // when it was last away
  TimePoint sessions_from_{};  // older ones have been ended by the other side
  std::vector<NotReady> reasons_ = {{NotReady::Kind::kNotForwarding, "", "It has not begun yet"}};
  std::vector<PeerState> peers_;
};

}  // namespace fairlead::control
