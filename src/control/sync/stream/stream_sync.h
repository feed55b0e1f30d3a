// The stream between Fairlead directors over the network: connects, listens, and follows the
// configuration (docs/sync.md).
//
//   StreamSync sync(io, tables, {.incarnation = …, .seed = …});
//   sync.Turn(now, model.sync.stream, model.director.name);     // every turn of the control core
//   sync.NoteServed(hash_of_services);                          // others than before, or the same
//   view.stream = sync.info();                                  // null: no peers are wanted
//   sync.readiness();                                           // for /readyz
//
// One connection a pair: the director whose name comes first calls, the other listens. A peer that
// calls while it has a session gets a new one: it would not call, had it not lost the old one.
// Until a caller has said its hello it is a guest: few are let in at once, a turn and (of
// addresses that are no peer's) a second, those of configured addresses go last, and each has
// kGuestTime. Nothing here waits. Threads: that of the
// io.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "base/log_pace.h"
#include "base/token_bucket.h"
#include "control/config/sync_config.h"
#include "control/readiness.h"
#include "control/sync/stream/stream_hub.h"
#include "control/sync/stream/stream_info.h"
#include "control/sync/stream/stream_link.h"
#include "control/sync/stream/stream_tls.h"

namespace fairlead::control {

class StreamSync {
 public:
  static constexpr size_t kMostGuests = 8;
  static constexpr size_t kGuestsATurn = 2;     // handshakes
  static constexpr size_t kAcceptedATurn = 16;  // also of those that are closed at once
  static constexpr uint32_t kStrangersASecond = 20;
  static constexpr size_t kMostGuestBytes = 1024;
  static constexpr std::chrono::seconds kGuestTime{5};
  static constexpr std::chrono::seconds kDialTime{5};  // to connect and to shake hands
  static constexpr std::chrono::milliseconds kFirstPause{500}, kLongestPause{8'000};
  static constexpr std::chrono::seconds kFileLook{2};
  static constexpr std::chrono::seconds kAskAgainPause{2};

  struct Setup {
    uint64_t incarnation = 1;  // drawn: another one for each start
    uint64_t seed = 1;         // of pauses and first sequence numbers; drawn
    StreamLimits limits{};
  };

  // `tables` outlives it.
  StreamSync(boost::asio::io_context& io, StreamTables& tables, Setup setup);
  StreamSync(const StreamSync&) = delete;
  StreamSync& operator=(const StreamSync&) = delete;
  ~StreamSync();

  void Turn(TimePoint now, const StreamConfig& wanted, const std::string& director_name);
  // What stands for the services and real servers that are in force. When it changes, peers whose
  // entries were refused for want of one are asked for their tables again.
  void NoteServed(uint64_t served);
  // This director stops: says goodbye to all, and does nothing from then on. True: it is on its
  // way, and the io has to run for a moment yet.
  bool Leave(TimePoint now);
  // What is shown: made anew at each call.
  [[nodiscard]] std::shared_ptr<const StreamInfo> info() const;
  [[nodiscard]] std::vector<PeerReadiness> readiness() const;
  // With the real port. Precondition: it listens.
  [[nodiscard]] boost::asio::ip::tcp::endpoint listen_endpoint() const;
  [[nodiscard]] size_t guests() const { return guests_.size(); }

 private:
  using Tcp = boost::asio::ip::tcp;
  struct Peer {
    SyncPeer config;
    StreamPeer* stream = nullptr;
    std::shared_ptr<StreamLink> link;  // with a session when it is open
    TimePoint deadline{};              // of a link that is not open
    TimePoint next_try{};
    std::chrono::milliseconds pause = kFirstPause;
    std::string last_error;
    std::string told_error;  // what the log has said
    bool was_in_sync = false;
    uint64_t refused_before = 0;  // its session: entries for want of a service or real server
    bool asks_again = false;
    TimePoint next_asking{};
    LogPace lag_pace;
    bool is_lag_untold = false;  // it is not in sync, and the log has not said so
    TimePoint unreachable_since{}, session_since{};
    std::chrono::system_clock::time_point since;
  };
  struct Guest {
    std::shared_ptr<StreamLink> link;
    TimePoint deadline{};
    std::string from;
    bool is_of_peer_address = false;
    std::vector<uint8_t> bytes{};  // of the hello
  };

  void Follow(const StreamConfig& wanted, const std::string& director_name);
  void FollowPeers();
  void FollowFiles();
  void FollowListener();
  Status Listen();
  void Accept();
  void OnAccepted(Tcp::socket socket);
  void OnGuestBytes(Guest& guest, std::span<const uint8_t> bytes);
  void Seat(Guest& guest, const std::string& name);
  void RefuseGuest(Guest& guest, const std::string& why, std::string_view goodbye);
  void DropGuests();
  void CloseGuests();
  void TurnPeer(Peer& peer);
  void Dial(Peer& peer);
  void BeginSession(Peer& peer);
  void EndSession(Peer& peer, const std::string& why);
  void OnOver(Peer& peer);
  // True: the session was ended for that.
  bool AskAgain(Peer& peer);
  void Pump(Peer& peer);
  void NoteSync(Peer& peer);
  // It listens, also while a fleet has no other director yet.
  [[nodiscard]] bool is_on() const { return config_.has_fleet_peers || !peers_.empty(); }
  [[nodiscard]] bool Calls(const Peer& peer) const { return name_ < peer.config.name; }
  [[nodiscard]] StreamState StateOf(const Peer& peer) const;
  [[nodiscard]] StreamLink::Events EventsFor(Peer& peer);
  Peer* FindPeer(const std::string& name);

  boost::asio::io_context& io_;
  const Setup setup_;
  std::mt19937_64 random_;
  StreamHub hub_;
  TimePoint now_;
  StreamConfig config_;
  std::string name_;
  uint64_t served_ = 0;
  std::list<Peer> peers_;
  std::list<Guest> guests_;
  std::optional<Tcp::acceptor> acceptor_;
  Endpoint listening_on_;
  bool is_accepting_ = false;
  size_t guests_of_turn_ = 0, accepted_of_turn_ = 0;
  std::string listen_problem_, file_problem_;
  TimePoint next_listen_, next_file_look_;
  std::shared_ptr<const StreamTls> tls_;
  StreamTls::Spec tls_spec_;
  std::string tls_stamp_;
  bool has_left_ = false;
  uint64_t strangers_ = 0;
  TokenBucket<kStrangersASecond, kStrangersASecond> stranger_credit_;
  LogPace stranger_pace_, crowd_pace_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace fairlead::control
