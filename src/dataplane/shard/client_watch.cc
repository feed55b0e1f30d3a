#include "dataplane/shard/client_watch.h"

#include <utility>

namespace fairlead::dataplane {

void ClientWatch::Run(WatchClients* command, Tick now) noexcept {
  if (command->place >= looks_.size()) return;
  Look& look = looks_[command->place];
  std::swap(look.sketch, command->sketch);
  look.measure = command->measure;
  look.end = now + command->time;
  look.is_on = look.sketch != nullptr;
  Recount();
}

void ClientWatch::Recount() noexcept {
  counts_packets_ = counts_new_ = false;
  for (const Look& look : looks_) {
    if (!look.is_on) continue;
    (look.measure == ClientMeasure::kNew ? counts_new_ : counts_packets_) = true;
  }
}

void ClientWatch::NotePacket(const IpAddress& client, uint32_t bytes) noexcept {
  for (Look& look : looks_) {
    if (!look.is_on || look.measure == ClientMeasure::kNew) continue;
    look.sketch->Add(client, look.measure == ClientMeasure::kPackets ? 1 : bytes);
  }
}

void ClientWatch::NoteNew(const IpAddress& client, Tick now) noexcept {
  EndLate(now);
  for (Look& look : looks_) {
    if (look.is_on && look.measure == ClientMeasure::kNew) look.sketch->Add(client, 1);
  }
}

void ClientWatch::EndLate(Tick now) noexcept {
  bool has_changed = false;
  for (Look& look : looks_) {
    if (!look.is_on || !look.end.HasPassed(now)) continue;
    look.is_on = false;
    has_changed = true;
  }
  if (has_changed) Recount();
}

}  // namespace fairlead::dataplane
