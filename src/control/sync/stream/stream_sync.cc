#include "control/sync/stream/stream_sync.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace fairlead::control {

using std::chrono::milliseconds;

namespace {

// In a goodbye:
constexpr const char* kStopping = "stopping";
constexpr const char* kAskingAgain = "asking_again";

milliseconds ToMs(TimePoint::duration d) { return std::chrono::duration_cast<milliseconds>(d); }

// That were refused because the configuration here has no such service or real server.
uint64_t UnservedOf(const PeerCounts& counts) {
  using dataplane::SyncFault;
  return counts.faults[static_cast<size_t>(SyncFault::kService)] +
         counts.faults[static_cast<size_t>(SyncFault::kReal)];
}

// What an operator can do about a session that was refused, here or there.
std::string SayEnding(const StreamSession::Ending& ending, const std::string& own,
                      const std::string& peer) {
  if (ending.is_theirs && ending.why == kStopping) return "the peer has been stopped";
  const auto refusal = sync::RefusalNamed(ending.why);
  std::string said = refusal ? std::string(sync::SentenceOf(*refusal)) : ending.why;
  if (refusal == sync::StreamRefusal::kName) {
    said += ending.is_theirs ? ": sync.peers there must have \"" + own + "\" for this director"
                             : ": sync.name there must be \"" + peer + "\"";
  }
  return ending.is_theirs ? "the peer ended the session: " + said : said;
}

}  // namespace

StreamSync::StreamSync(boost::asio::io_context& io, StreamTables& tables, Setup setup)
    : io_(io), setup_(setup), random_(setup.seed), hub_(tables) {}

StreamSync::~StreamSync() {
  *alive_ = false;
  for (Guest& guest : guests_) guest.link->Close();
  for (Peer& peer : peers_) {
    if (peer.link) peer.link->Close();
  }
}

void StreamSync::Turn(TimePoint now, const StreamConfig& wanted, const std::string& director_name) {
  if (has_left_) return;
  now_ = now;
  guests_of_turn_ = accepted_of_turn_ = 0;
  Follow(wanted, director_name);
  if (!is_on()) return;
  DropGuests();
  if (acceptor_ && !is_accepting_) Accept();
  for (Peer& peer : peers_) {
    if (peer.link) peer.link->Refill();
  }
  hub_.Turn(now);
  for (Peer& peer : peers_) TurnPeer(peer);
}

// The peer would see a silence, and take it for a lag, until this process is gone.
bool StreamSync::Leave(TimePoint now) {
  if (std::exchange(has_left_, true)) return false;
  acceptor_.reset();
  CloseGuests();
  bool is_told = false;
  for (Peer& peer : peers_) {
    if (!peer.link) continue;
    const auto& session = peer.stream->session;
    if (session && !session->is_over() && peer.link->is_open() && !peer.link->is_sending()) {
      session->End({kStopping, false}, now);
      peer.link->Send(session->TakeOutput());
    }
    is_told |= peer.link->is_sending();
    peer.link->CloseWhenSent();
  }
  return is_told;
}

// ---- the configuration

void StreamSync::Follow(const StreamConfig& wanted, const std::string& director_name) {
  const std::string& name = wanted.name.empty() ? director_name : wanted.name;
  if (wanted != config_ || name != name_) {
    const bool is_another = name != name_ || StreamTls::SpecOf(wanted) != tls_spec_;
    if (is_another) {
      for (Peer& peer : peers_) EndSession(peer, "the configuration has changed");
      CloseGuests();
    }
    config_ = wanted;
    name_ = name;
    next_listen_ = next_file_look_ = now_;
    FollowPeers();
  }
  if (!is_on()) {
    acceptor_.reset();
    CloseGuests();
    return;
  }
  FollowFiles();
  FollowListener();
}

void StreamSync::FollowPeers() {
  const auto is_wanted = [this](const Peer& peer) {
    return std::ranges::find(config_.peers, peer.config) != config_.peers.end();
  };
  for (auto it = peers_.begin(); it != peers_.end();) {
    if (is_wanted(*it)) {
      ++it;
      continue;
    }
    EndSession(*it, "");
    LogInfo("a director is no peer any more", {{"peer", it->config.name}});
    hub_.Remove(*it->stream);
    it = peers_.erase(it);
  }
  for (const SyncPeer& config : config_.peers) {
    if (std::ranges::any_of(peers_, [&](const Peer& p) { return p.config == config; })) continue;
    Peer& peer = peers_.emplace_back();
    peer.config = config;
    peer.stream = &hub_.Add(config.name);
    peer.next_try = peer.unreachable_since = now_;
    peer.since = std::chrono::system_clock::now();
  }
}

// A session that is up goes on when the files change; the next connection takes the new ones.
void StreamSync::FollowFiles() {
  if (now_ < next_file_look_) return;
  next_file_look_ = now_ + kFileLook;
  const StreamTls::Spec spec = StreamTls::SpecOf(config_);
  if (!config_.is_secured()) {
    tls_.reset();
    tls_spec_ = spec;
    file_problem_.clear();
    return;
  }
  std::string stamp = StreamTls::StampOf(spec);
  if (spec == tls_spec_ && stamp == tls_stamp_) return;
  const bool is_first = spec != tls_spec_;
  auto made = StreamTls::Make(spec);
  tls_stamp_ = std::move(stamp);
  tls_spec_ = spec;
  if (made) {
    tls_ = *std::move(made);
    file_problem_.clear();
    if (!is_first) LogInfo("the files of sync have changed; new connections take them");
    return;
  }
  // Another path: what was there before does not count any more.
  if (is_first) tls_.reset();
  file_problem_ = made.error().ToString();
  LogError(tls_ ? "the files of sync have changed and cannot be used; the old ones stay"
                : "cannot synchronise with directors; correct the file, it is looked at again",
           {{"reason", file_problem_}});
}

void StreamSync::FollowListener() {
  if (acceptor_ && listening_on_ == config_.listen) return;
  if (now_ < next_listen_) return;
  next_listen_ = now_ + std::chrono::seconds(1);
  acceptor_.reset();
  is_accepting_ = false;
  const Status listening = Listen();
  if (listening) {
    listening_on_ = config_.listen;
    listen_problem_.clear();
    return LogInfo("listening for directors",
                   {{"address", config_.listen.ToString()}, {"name", name_}});
  }
  acceptor_.reset();
  if (listen_problem_ == listening.error().message) return;
  listen_problem_ = listening.error().message;
  LogWarning("cannot listen for directors; will retry every second", {{"reason", listen_problem_}});
}

// ---- sessions

void StreamSync::TurnPeer(Peer& peer) {
  if (!peer.link) {
    const bool may_connect = !config_.is_secured() || tls_;
    if (Calls(peer) && may_connect && now_ >= peer.next_try) Dial(peer);
    return;
  }
  if (!peer.stream->session) {
    if (now_ > peer.deadline) {
      EndSession(peer, "no answer from " + peer.config.address.ToString() +
                           "; see whether a firewall is between the two");
    }
    return;
  }
  if (peer.stream->session->is_over()) return OnOver(peer);
  if (AskAgain(peer)) return;
  Pump(peer);
  NoteSync(peer);
}

void StreamSync::NoteServed(uint64_t served) {
  if (std::exchange(served_, served) == served) return;
  for (Peer& peer : peers_) {
    peer.asks_again |= UnservedOf(peer.stream->ledger.counts) > peer.refused_before;
  }
}

// keepalived brings its services one by one, and they may come after the peer's table. A session
// that begins anew compares the tables, and gets what is missing. Until then this director is not
// ready.
bool StreamSync::AskAgain(Peer& peer) {
  if (!peer.asks_again || now_ < peer.next_asking) return false;
  peer.asks_again = false;
  peer.next_asking = now_ + kAskAgainPause;
  LogInfo(
      "a director is asked for its table again: services have changed here, and entries had "
      "been refused for want of one",
      {{"peer", peer.config.name},
       {"refused", UnservedOf(peer.stream->ledger.counts) - peer.refused_before}});
  peer.stream->session->End({kAskingAgain, false}, now_);
  OnOver(peer);
  return true;
}

void StreamSync::Pump(Peer& peer) {
  StreamSession& session = *peer.stream->session;
  if (session.has_output() && !peer.link->is_sending()) peer.link->Send(session.TakeOutput());
}

void StreamSync::Dial(Peer& peer) {
  const Endpoint& to = peer.config.address;
  boost::asio::ip::address address;
  if (to.address.is_v4()) {
    address = boost::asio::ip::address_v4(to.address.v4().Fold());
  } else {
    address = boost::asio::ip::address_v6(to.address.v6().bytes);
  }
  peer.deadline = now_ + kDialTime;
  peer.link = std::make_shared<StreamLink>(Tcp::socket(io_), tls_, StreamLink::Side::kDialer);
  peer.link->Dial({address, to.port.host()}, EventsFor(peer));
}

StreamLink::Events StreamSync::EventsFor(Peer& peer) {
  return {.opened =
              [this, &peer] {
                const Status is_peer = peer.link->CheckPeer(peer.config.name);
                is_peer ? BeginSession(peer) : EndSession(peer, is_peer.error().message);
              },
          .received =
              [this, &peer](std::span<const uint8_t> bytes) {
                if (peer.stream->session) peer.stream->session->Receive(bytes, now_);
              },
          .closed =
              [this, &peer](const std::string& why) {
                const auto& session = peer.stream->session;
                if (session && session->is_over()) return OnOver(peer);
                EndSession(peer, why.empty() ? "the peer has closed the connection" : why);
              }};
}

void StreamSync::BeginSession(Peer& peer) {
  peer.stream->session =
      std::make_shared<StreamSession>(StreamSession::Setup{.own_name = name_,
                                                           .peer_name = peer.config.name,
                                                           .incarnation = setup_.incarnation,
                                                           .first_sequence = random_() >> 2,
                                                           .limits = setup_.limits},
                                      peer.stream->ledger, now_);
  peer.session_since = now_;
  peer.asks_again = false;
  peer.refused_before = UnservedOf(peer.stream->ledger.counts);
  peer.since = std::chrono::system_clock::now();
  Pump(peer);
}

// A goodbye is sent when nothing else is on its way.
void StreamSync::OnOver(Peer& peer) {
  StreamSession& session = *peer.stream->session;
  if (peer.link && peer.link->is_open() && !peer.link->is_sending()) {
    peer.link->Send(session.TakeOutput());
  }
  const bool is_for_more = session.ending()->why == kAskingAgain;
  if (is_for_more) {
    peer.pause = kFirstPause;
    // What it was sent it may have refused: the next session compares all.
    if (session.ending()->is_theirs) peer.stream->ledger.MarkLacking(StreamRanges().set(), now_);
  }
  const std::string why = is_for_more ? "" : SayEnding(*session.ending(), name_, peer.config.name);
  if (peer.link) peer.link->CloseWhenSent();
  peer.link.reset();
  EndSession(peer, why);
}

// `why` empty: nothing that an operator must know.
void StreamSync::EndSession(Peer& peer, const std::string& why) {
  const bool was_connected = peer.stream->session != nullptr;
  if (peer.link) peer.link->Close();
  peer.link.reset();
  if (was_connected) {
    // One that refuses, or breaks before all has come, is no more use than one that is away: it
    // must not hold /readyz back for longer (sync.ready_timeout), however often it comes.
    if (peer.stream->session->is_bulk_in_done()) peer.unreachable_since = now_;
    peer.stream->session->End({"", false}, now_);
    peer.stream->session.reset();
    peer.since = std::chrono::system_clock::now();
  }
  peer.was_in_sync = peer.is_lag_untold = false;
  // Not all at once after a failure of the network, and seldom while it lasts.
  peer.next_try = now_ + peer.pause / 2 +
                  milliseconds(random_() % static_cast<uint64_t>(peer.pause.count() / 2));
  peer.pause = std::min(peer.pause * 2, kLongestPause);
  if (why.empty()) return;
  peer.last_error = why;
  if (std::exchange(peer.told_error, why) == why) return;
  LogWarning("no session with a director; new connections of it are not known here",
             {{"peer", peer.config.name}, {"reason", why}});
}

void StreamSync::NoteSync(Peer& peer) {
  const StreamSession& session = *peer.stream->session;
  const bool is_in_sync = session.IsInSync(now_, config_.ready_lag);
  if (is_in_sync == peer.was_in_sync) return;
  peer.was_in_sync = is_in_sync;
  if (is_in_sync) {
    peer.pause = kFirstPause;
    peer.last_error.clear();
    peer.told_error.clear();
    // What follows a line that was kept back says nothing new.
    if (std::exchange(peer.is_lag_untold, false)) return;
    return LogInfo("in sync with a director", {{"peer", peer.config.name},
                                               {"received", peer.stream->ledger.counts.entries_in},
                                               {"sent", peer.stream->ledger.counts.entries_out}});
  }
  // A lag near ready_lag comes and goes many times a minute.
  const uint64_t times = peer.lag_pace.Note(now_);
  peer.is_lag_untold = times == 0;
  if (times == 0) return;
  LogWarning("a director is not in sync any more; a slow link, or one of the two is overloaded",
             {{"peer", peer.config.name},
              {"times", times},
              {"lag_out_ms", ToMs(session.LagOutAt(now_)).count()},
              {"lag_in_ms", ToMs(session.LagInAt(now_)).count()}});
}

// ---- what is shown

StreamState StreamSync::StateOf(const Peer& peer) const {
  const auto& session = peer.stream->session;
  if (!session) return Calls(peer) ? StreamState::kUnreachable : StreamState::kAwaited;
  if (!session->is_greeted()) return StreamState::kGreeting;
  if (!session->is_compared()) return StreamState::kComparing;
  if (!session->is_bulk_in_done() || !session->is_bulk_out_done()) return StreamState::kBulk;
  return session->IsInSync(now_, config_.ready_lag) ? StreamState::kInSync : StreamState::kBehind;
}

std::shared_ptr<const StreamInfo> StreamSync::info() const {
  if (!is_on()) return nullptr;
  auto info = std::make_shared<StreamInfo>(
      StreamInfo{.name = name_,
                 .listen = config_.listen,
                 .is_listening = acceptor_.has_value(),
                 .is_encrypted = config_.is_secured(),
                 .is_of_fleet = config_.has_fleet_peers,
                 .problem = file_problem_.empty() ? listen_problem_ : file_problem_,
                 .strangers = strangers_,
                 .peers = {}});
  for (const Peer& peer : peers_) {
    StreamPeerInfo& shown = info->peers.emplace_back();
    shown.name = peer.config.name;
    shown.address = peer.config.address;
    shown.state = StateOf(peer);
    shown.calls = Calls(peer);
    shown.counts = peer.stream->ledger.counts;
    // What was wrong before it came up is over, also before the next turn has noted that.
    if (shown.state != StreamState::kInSync) shown.last_error = peer.last_error;
    shown.since = peer.since;
    shown.ranges_left_out = static_cast<uint32_t>(peer.stream->ledger.lacking.count());
    const auto& session = peer.stream->session;
    if (!session) continue;
    shown.lag_out = ToMs(session->LagOutAt(now_));
    shown.lag_in = ToMs(session->LagInAt(now_));
    shown.is_bulk_out_done = session->is_bulk_out_done();
    shown.is_bulk_in_done = session->is_bulk_in_done();
    shown.ranges_left_out = session->ranges_left_out();
    shown.ranges_left_in = session->ranges_left_in();
  }
  return info;
}

std::vector<PeerReadiness> StreamSync::readiness() const {
  std::vector<PeerReadiness> all;
  for (const Peer& peer : peers_) {
    const auto& session = peer.stream->session;
    const bool is_reachable = session && session->is_greeted();
    all.push_back({.name = peer.config.name,
                   .is_reachable = is_reachable,
                   .is_taken_in = is_reachable && session->is_bulk_in_done(),
                   .lag = is_reachable ? ToMs(session->LagInAt(now_)) : milliseconds(0),
                   .unreachable_since = peer.unreachable_since,
                   .session_since = peer.session_since});
  }
  return all;
}

StreamSync::Peer* StreamSync::FindPeer(const std::string& name) {
  for (Peer& peer : peers_) {
    if (peer.config.name == name) return &peer;
  }
  return nullptr;
}

}  // namespace fairlead::control
