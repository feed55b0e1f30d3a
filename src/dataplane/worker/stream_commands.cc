// Entries of the stream between directors are taken in (docs/sync.md). What is taken is not told on
// as news of our own.
#include <algorithm>
#include <atomic>
#include <utility>

#include "dataplane/decide/connection_draft.h"
#include "dataplane/tables/transport_state.h"
#include "dataplane/worker/commands.h"
#include "dataplane/worker/connection_taking.h"
#include "dataplane/worker/learnt_room.h"
#include "dataplane/worker/stream_templates.h"

namespace fairlead::dataplane {
namespace {

using sync::StreamEntry;
using sync::StreamEvent;

// The addresses are of one family, and the state is one of the protocol.
bool IsSane(const StreamEntry& entry) noexcept {
  const Family family = entry.client.family();
  return entry.virtual_address.family() == family && entry.real.family() == family &&
         entry.state < sync::StatesOf(entry.protocol);
}

class StreamTaking : public ConnectionTaking<StreamTaking, TakeStreamEntries, StreamEntry> {
 public:
  StreamTaking(Shard& shard, TakeStreamEntries* take)
      : ConnectionTaking(shard, take), templates_(shard, take) {}

  // One entry; returns the work it was.
  size_t Take(size_t i) {
    const StreamEntry& entry = take_.entries[i];
    SyncAnswer* answer = &take_.answers[i];
    if (take_.is_second_round) {
      const SyncAnswer known = std::exchange(*answer, {SyncStep::kDone, {}});
      if (known.step == SyncStep::kGivenBack) shard_.ReleaseGrant(known.ref);
      if (known.step != SyncStep::kGranted) return 1;
      if (entry.event != StreamEvent::kGone) {
        return TakeGranted(entry, AsSyncEntry(entry), RealId{}, known.ref);
      }
      Lose(entry);
      return 1;
    }
    if (entry.kind == sync::StreamKind::kTemplate) return templates_.Take(entry);
    return entry.event == StreamEvent::kGone ? LoseConnection(entry, answer)
                                             : TakeConnection(entry, answer);
  }

 private:
  friend ConnectionTaking;
  using ConnectionTaking::FollowKnown, ConnectionTaking::Place;

  // ---- connections

  size_t TakeConnection(const StreamEntry& entry, SyncAnswer* answer) {
    if (IsSane(entry)) return LookAt(entry, AsSyncEntry(entry), RealId{}, answer);
    if (OwnsConnection(entry)) Refuse(SyncFault::kTransport);
    return 1;
  }
  void Lack(SyncFault fault, SyncAnswer*) noexcept { Refuse(fault); }

  void Wait(SyncAnswer* answer) noexcept {
    answer->step = SyncStep::kWaits;
    take_.has_waiting = true;
  }

  // An end of what is not here may be that of an entry of this batch that waits: it waits too.
  size_t LoseConnection(const StreamEntry& entry, SyncAnswer* answer) {
    if (!IsSane(entry) || !OwnsConnection(entry)) return 1;
    if (!Lose(entry) && take_.has_waiting) Wait(answer);
    return 1;
  }

  // A child of the client's template, if that names this real server.
  TemplateRef GrantChild(const SyncPlace& place, TemplateIdentity identity) {
    NoTrace silent;
    const TemplateDecision found =
        DecideTemplate(shard_, snapshot(), *place.service, &identity, silent);
    if (found.slot == kNoSlot || found.real != place.real) return {};
    const TemplateRef ref = shard_.templates().RefOf(found.slot);
    shard_.templates().AddChild(ref);
    return ref;
  }

  bool Lose(const StreamEntry& entry) {
    return entry.client.is_v4() ? Lose<Ipv4Address>(entry) : Lose<Ipv6Address>(entry);
  }

  template <typename Address>
  [[nodiscard]] bool LacksTemplate(const Connection<Address>& record) const noexcept {
    const ServiceId id = snapshot().reals[record.real_id.index()].service;
    return !record.Has(ConnectionFlag::kHasTemplate) && id.index() < snapshot().services.size() &&
           snapshot().services[id.index()].persistence.is_enabled;
  }

  // The connection is here with the same real server, and with its template: it follows. False:
  // not.
  template <typename Address>
  bool FollowKnown(const StreamEntry& entry, size_t*) {
    const uint32_t slot = Find<Address>(entry);
    if (slot == kNoSlot) return false;
    const Connection<Address>& record = shard_.Connections<Address>().at(slot);
    if (!HasReal(record, entry) || LacksTemplate(record)) return false;
    Follow<Address>(slot, entry);
    return true;
  }

  // Its packets pass there now.
  template <typename Address>
  void Follow(uint32_t slot, const StreamEntry& entry) {
    Connection<Address>& record = shard_.Connections<Address>().at(slot);
    ++take_.connections;
    // An older entry must not open again what has been seen to close here.
    const bool is_older = !record.Has(ConnectionFlag::kFromSync) &&
                          IsClosing(record.transport(), record.state) &&
                          !IsClosing(record.transport(), entry.state);
    if (is_older) return;
    const RealView& real = snapshot().reals[record.real_id.index()];
    record.packets = std::max(record.packets, entry.packets);
    const TickCount local =
        record.transport() == Transport::kTcp
            ? TimeoutsOf(snapshot(), real).Of(static_cast<TcpState>(entry.state))
            : TimeoutsOf(snapshot(), real).udp;
    const TickCount told = StreamTicksOf(entry.timeout_ms);
    const TickCount timeout = entry.timeout_ms == 0 || told == kForever ? local : told;
    const TickCount left = std::min(StreamTicksOf(entry.left_ms), timeout);
    shard_.FollowPeer<Address>(slot, entry.state, timeout, left);
  }

  // False: it is not here.
  template <typename Address>
  bool Lose(const StreamEntry& entry) {
    const uint32_t slot = Find<Address>(entry);
    if (slot == kNoSlot) return false;
    const Connection<Address>& record = shard_.Connections<Address>().at(slot);
    // Its own packets keep alive what passes here.
    if (record.Has(ConnectionFlag::kFromSync) && HasReal(record, entry)) {
      shard_.DestroyUntold<Address>(slot);
      ++take_.gone;
    }
    return true;
  }

  // One that passes here is not given to another real server in the middle, unless it has not begun
  // or is over.
  template <typename Address>
  static bool GivesWay(const Connection<Address>& record, const StreamEntry& entry) noexcept {
    if (record.Has(ConnectionFlag::kFromSync)) return true;
    const Transport transport = record.transport();
    return IsHalfOpen(transport, record.state) ||
           (IsClosing(transport, record.state) && !IsClosing(transport, entry.state));
  }

  static bool IsShifted(const StreamEntry& entry) noexcept {
    return entry.to_real != sync::SyncSequence{} || entry.to_client != sync::SyncSequence{};
  }
  // `known`: whose place it takes, or kNoSlot.
  template <typename Address>
  [[nodiscard]] bool HasRoomFor(const StreamEntry& entry, uint32_t known) {
    auto& table = shard_.Connections<Address>();
    const bool is_new = known == kNoSlot;
    if (is_new && !HasRoomForLearnt(table)) return false;
    const bool has_side = !is_new && table.FindSide(known, SideKind::kFlow) != nullptr;
    return !IsShifted(entry) || has_side || HasRoomForLearnt(shard_.side_records());
  }

  template <typename Address>
  void Place(const StreamEntry& entry, const SyncPlace& place, const TemplateRef& ref) {
    const uint32_t known = Find<Address>(entry);
    if (known != kNoSlot) {
      Connection<Address>& record = shard_.Connections<Address>().at(known);
      if (HasReal(record, entry)) {
        if (record.Has(ConnectionFlag::kHasTemplate)) {
          GiveBack(ref);
        } else if (!ref.is_none()) {
          record.template_ref = ref;
          std::atomic_signal_fence(std::memory_order_release);
          record.Set(ConnectionFlag::kHasTemplate);
        }
        return Follow<Address>(known, entry);
      }
      if (!GivesWay(record, entry)) {
        GiveBack(ref);
        return Refuse(SyncFault::kOtherReal);
      }
    }
    if (!HasRoomFor<Address>(entry, known)) {
      GiveBack(ref);
      return Refuse(SyncFault::kTableFull);
    }
    if (known != kNoSlot) shard_.DestroyUntold<Address>(known);
    if (!Insert<Address>(entry, place, ref)) {
      GiveBack(ref);
      Refuse(SyncFault::kTableFull);
    }
  }

  template <typename Address>
  bool Insert(const StreamEntry& entry, const SyncPlace& place, const TemplateRef& ref) {
    const FlowKey<Address> key = KeyOf<Address>(entry);
    const RealView& real = snapshot().reals[place.real.index()];
    auto& table = shard_.Connections<Address>();
    Connection<Address> draft = DraftConnection(key, *place.service, place.real, real, ref);
    draft.Set(ConnectionFlag::kFromSync);
    if (entry.client_port.is_zero() &&
        (entry.flags & static_cast<uint32_t>(sync::SyncFlag::kNoClientPort)) != 0) {
      draft.Set(ConnectionFlag::kNoClientPort);
    }
    const InsertOutcome inserted = shard_.Insert(draft, table.Hash(key), real);
    if (!inserted.ok()) return false;
    if (!KeepSequences<Address>(inserted.slot, entry)) {
      // The grant is given back by who made the attempt.
      table.at(inserted.slot).Clear(ConnectionFlag::kHasTemplate);
      shard_.DestroyUntold<Address>(inserted.slot);
      return false;
    }
    Follow<Address>(inserted.slot, entry);
    return true;
  }

  // False: they are shifted, and no side record is free.
  template <typename Address>
  bool KeepSequences(uint32_t slot, const StreamEntry& entry) {
    if (!IsShifted(entry)) return true;
    SideRecord* side = shard_.Connections<Address>().AttachSide(slot, SideKind::kFlow);
    if (side == nullptr) return false;
    const auto shift = [](const sync::SyncSequence& s) {
      return SequenceShift{s.initial, s.delta, s.previous_delta};
    };
    side->flow.to_real = shift(entry.to_real);
    side->flow.to_client = shift(entry.to_client);
    return true;
  }

  StreamTemplates templates_;
};

}  // namespace

void RunTakeStreamEntries(Shard& shard, TakeStreamEntries* take) noexcept {
  shard.SetStreamClock(take->clock);
  StreamTaking taking(shard, take);
  size_t work = 0;
  while (take->next < take->entries.size() && work < TakeStreamEntries::kSliceWork) {
    work += taking.Take(take->next++);
  }
  take->is_complete = take->next == take->entries.size();
}

}  // namespace fairlead::dataplane
