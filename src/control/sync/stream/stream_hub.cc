#include "control/sync/stream/stream_hub.h"

#include <utility>

namespace fairlead::control {

StreamHub::StreamHub(StreamTables& tables) : tables_(tables) {
  tables_.OnNews([this](const sync::StreamEntry& entry) { OnNews(entry); });
}

StreamHub::~StreamHub() {
  tables_.OnNews([](const sync::StreamEntry&) {});
  tables_.Tell(false);
}

StreamPeer& StreamHub::Add(const std::string& name) {
  if (peers_.empty()) tables_.Tell(true);
  return peers_.emplace_back(StreamPeer{.name = name});
}

void StreamHub::Remove(StreamPeer& peer) {
  std::erase_if(peers_, [&peer](const StreamPeer& other) { return &other == &peer; });
  if (peers_.empty()) tables_.Tell(false);
}

void StreamHub::Turn(TimePoint now) {
  now_ = now;
  tables_.Turn();
  TakeLost();
  AskForDigests();
  Take();
  Walk();
  for (StreamPeer& peer : peers_) {
    if (peer.session) peer.session->Turn(now);
  }
}

void StreamHub::OnNews(const sync::StreamEntry& entry) {
  for (StreamPeer& peer : peers_) {
    if (peer.session && peer.session->is_greeted() && !peer.session->is_over()) {
      peer.session->out().AddNews(entry, now_);
    } else {
      peer.ledger.MarkLacking(sync::RangeOf(entry), now_);
    }
  }
}

void StreamHub::TakeLost() {
  for (const uint32_t range : tables_.TakeLostRanges()) {
    for (StreamPeer& peer : peers_) peer.ledger.MarkLacking(range, now_);
  }
}

// One answer serves all that asked by then.
void StreamHub::AskForDigests() {
  if (is_asked_for_digests_) return;
  std::vector<SessionRef> asking;
  for (StreamPeer& peer : peers_) {
    if (!peer.session || !peer.session->wants_digests()) continue;
    peer.session->NoteDigestsAsked();
    asking.push_back(peer.session);
  }
  if (asking.empty()) return;
  is_asked_for_digests_ = true;
  tables_.Digests([this, asking = std::move(asking)](std::span<const RangeDigest> digests) {
    is_asked_for_digests_ = false;
    for (const SessionRef& ref : asking) {
      if (const auto session = ref.lock()) session->SetDigests(digests, now_);
    }
  });
}

template <typename Wants>
std::shared_ptr<StreamSession> StreamHub::Next(size_t* turn, Wants wants) {
  for (size_t i = 0; i < peers_.size(); ++i) {
    *turn = (*turn + 1) % peers_.size();
    const auto& session = std::next(peers_.begin(), static_cast<std::ptrdiff_t>(*turn))->session;
    if (session && wants(*session)) return session;
  }
  return nullptr;
}

void StreamHub::Take() {
  while (tables_.CanTake()) {
    const auto session = Next(&take_turn_, [](StreamSession& s) { return s.has_batch(); });
    if (!session) return;
    std::vector<sync::StreamEntry> batch = session->in().NextBatch();
    if (batch.empty()) {
      session->in().NoteTaken({});
      continue;
    }
    tables_.Take(std::move(batch), [ref = SessionRef(session)](const StreamTaken& taken) {
      if (const auto taker = ref.lock()) taker->in().NoteTaken(taken);
    });
  }
}

void StreamHub::Walk() {
  const auto walker = walker_.lock();
  if (is_walking_ && (!walker || walker->is_over())) {
    tables_.StopWalk();
    is_walking_ = false;
  }
  if (is_walking_) {
    if (!walker->wants_slice()) return;
    walker->out().NoteAsked();
    return tables_.WalkOn();
  }
  if (!tables_.CanWalk()) return;
  const auto next = Next(&walk_turn_, [](StreamSession& s) { return s.wants_pass(); });
  if (!next) return;
  walker_ = next;
  is_walking_ = true;
  tables_.Walk(next->out().BeginPass(now_), [this](const std::vector<sync::StreamEntry>& entries,
                                                   bool is_last) { OnSlice(entries, is_last); });
}

void StreamHub::OnSlice(const std::vector<sync::StreamEntry>& entries, bool is_last) {
  if (is_last) is_walking_ = false;
  const auto walker = walker_.lock();
  if (!walker || walker->is_over()) return;
  walker->out().AddSlice(entries, is_last, now_);
  // Room for more is asked for at once: the answer comes in the next turn then.
  if (is_last || !walker->wants_slice()) return;
  walker->out().NoteAsked();
  tables_.WalkOn();
}

}  // namespace fairlead::control
