// Shares the tables of a director among the sessions with its peers.
//
//   StreamHub hub(tables);
//   StreamPeer& peer = hub.Add("edge-2");
//   peer.session = std::make_shared<StreamSession>(setup, peer.ledger, now);
//   hub.Turn(now);                        // every turn of the control core
//
// What workers tell goes to every peer with a session, and is marked in the ledgers of the others.
// Batches, digests and passes of walks are one at a time: sessions take turns. A session may end at
// any time; what the tables still answer to it then is dropped. Threads: the control core's.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <vector>

#include "control/sync/stream/peer_ledger.h"
#include "control/sync/stream/session.h"
#include "control/sync/stream_tables.h"

namespace fairlead::control {

struct StreamPeer {
  std::string name;
  PeerLedger ledger{};
  std::shared_ptr<StreamSession> session{};  // null: there is no connection
};

class StreamHub {
 public:
  // `tables` outlives it, and calls nobody after it.
  explicit StreamHub(StreamTables& tables);
  StreamHub(const StreamHub&) = delete;
  StreamHub& operator=(const StreamHub&) = delete;
  ~StreamHub();

  // Addresses stay until Remove. With the first peer workers begin to tell.
  StreamPeer& Add(const std::string& name);
  void Remove(StreamPeer& peer);
  [[nodiscard]] std::list<StreamPeer>& peers() { return peers_; }
  [[nodiscard]] const std::list<StreamPeer>& peers() const { return peers_; }

  void Turn(TimePoint now);

 private:
  using SessionRef = std::weak_ptr<StreamSession>;

  void OnNews(const sync::StreamEntry& entry);
  void TakeLost();
  void AskForDigests();
  void Take();
  void Walk();
  void OnSlice(const std::vector<sync::StreamEntry>& entries, bool is_last);
  // The next in turn for which `wants` holds; null: none.
  template <typename Wants>
  std::shared_ptr<StreamSession> Next(size_t* turn, Wants wants);

  StreamTables& tables_;
  std::list<StreamPeer> peers_;
  TimePoint now_;
  size_t take_turn_ = 0, walk_turn_ = 0;
  bool is_asked_for_digests_ = false;
  bool is_walking_ = false;
  SessionRef walker_;
};

}  // namespace fairlead::control
