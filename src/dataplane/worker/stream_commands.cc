// Entries of the stream between directors are taken in (docs/sync.md). What is taken is not told on
// as news of our own.
#include <algorithm>
#include <atomic>
#include <utility>

#include "dataplane/decide/connection_draft.h"
#include "dataplane/tables/transport_state.h"
#include "dataplane/worker/commands.h"
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

class StreamTaking {
 public:
  StreamTaking(Shard& shard, TakeStreamEntries* take)
      : shard_(shard), take_(*take), templates_(shard, take) {}

  // One entry; returns the work it was.
  size_t Take(size_t i) {
    const StreamEntry& entry = take_.entries[i];
    SyncAnswer* answer = &take_.answers[i];
    if (take_.is_second_round) {
      const SyncAnswer known = std::exchange(*answer, {SyncStep::kDone, {}});
      if (known.step == SyncStep::kGivenBack) shard_.ReleaseGrant(known.ref);
      return known.step == SyncStep::kGranted ? TakeGranted(entry, known.ref) : 1;
    }
    if (entry.kind == sync::StreamKind::kTemplate) return templates_.Take(entry);
    return entry.event == StreamEvent::kGone ? LoseConnection(entry, answer)
                                             : TakeConnection(entry, answer);
  }

 private:
  void Refuse(SyncFault fault) noexcept { ++take_.faults[static_cast<size_t>(fault)]; }
  [[nodiscard]] const Snapshot& snapshot() const noexcept { return *shard_.snapshot; }
  [[nodiscard]] bool OwnsConnection(const StreamEntry& entry) const noexcept {
    const Steering& steering = shard_.fabric.steering;
    return shard_.me == (entry.client.is_v4()
                             ? steering.ConnectionOwner(entry.client.v4(), entry.client_port)
                             : steering.ConnectionOwner(entry.client.v6(), entry.client_port));
  }
  [[nodiscard]] bool OwnsTemplate(const TemplateKey& key) noexcept {
    return shard_.fabric.steering.TemplateOwner(shard_.templates().Hash(key)) == shard_.me;
  }

  // ---- connections

  size_t TakeConnection(const StreamEntry& entry, SyncAnswer* answer) {
    const bool is_mine = OwnsConnection(entry);
    if (!IsSane(entry)) {
      if (is_mine) Refuse(SyncFault::kTransport);
      return 1;
    }
    if (is_mine && FollowKnown(entry)) {
      answer->step = SyncStep::kDone;
      return 1;
    }
    const sync::SyncEntry asked = AsSyncEntry(entry);
    SyncPlace place = ServicePlaceOf(snapshot(), asked);
    if (place.fault) {
      if (is_mine) Refuse(*place.fault);
      return place.work;
    }
    std::optional<TemplateIdentity> identity;
    if (place.service->persistence.is_enabled) {
      identity = IdentityOf(shard_.fabric, *place.service, asked);
    }
    const bool has_template = identity.has_value();
    const bool is_template_mine = has_template && OwnsTemplate(identity->key);
    // Most entries are another worker's: none but the owners walks the real servers.
    if (!is_mine && !is_template_mine) return place.work;
    FindReal(snapshot(), asked, &place);
    if (place.fault) {
      if (is_mine) Refuse(*place.fault);
      return place.work;
    }
    TemplateRef ref;
    if (is_template_mine) ref = GrantChild(place, *identity);
    if (is_mine && (is_template_mine || !has_template)) {
      Place(entry, place, ref);
      answer->step = SyncStep::kDone;
    } else if (is_template_mine && !ref.is_none()) {
      *answer = {SyncStep::kGranted, ref};
    } else if (is_mine) {
      Wait(answer);
    }
    return place.work;
  }

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

  size_t TakeGranted(const StreamEntry& entry, const TemplateRef& ref) {
    if (entry.event == StreamEvent::kGone) {
      Lose(entry);
      return 1;
    }
    const SyncPlace place = PlaceOf(snapshot(), AsSyncEntry(entry));
    if (!place.fault) {
      Place(entry, place, ref);
      return place.work;
    }
    if (!ref.is_none()) shard_.ReleaseGrant(ref);  // a snapshot has come between
    Refuse(*place.fault);
    return place.work;
  }

  bool FollowKnown(const StreamEntry& entry) {
    return entry.client.is_v4() ? FollowKnown<Ipv4Address>(entry) : FollowKnown<Ipv6Address>(entry);
  }
  bool Lose(const StreamEntry& entry) {
    return entry.client.is_v4() ? Lose<Ipv4Address>(entry) : Lose<Ipv6Address>(entry);
  }
  void Place(const StreamEntry& entry, const SyncPlace& place, const TemplateRef& ref) {
    entry.client.is_v4() ? Place<Ipv4Address>(entry, place, ref)
                         : Place<Ipv6Address>(entry, place, ref);
  }

  template <typename Address>
  static FlowKey<Address> KeyOf(const StreamEntry& entry) noexcept {
    return FlowKey<Address>::Forward(entry.protocol, entry.client.As<Address>(), entry.client_port,
                                     entry.virtual_address.As<Address>(), entry.virtual_port);
  }
  template <typename Address>
  uint32_t Find(const StreamEntry& entry) {
    const FlowKey<Address> key = KeyOf<Address>(entry);
    auto& table = shard_.Connections<Address>();
    return table.Find(key, table.Hash(key), shard_.now).slot;
  }
  template <typename Address>
  static bool HasReal(const Connection<Address>& record, const StreamEntry& entry) noexcept {
    const bool has_port = !RewritesReplies(record.method) || record.real_port == entry.real_port;
    return record.real_address == entry.real.As<Address>() && has_port;
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
  bool FollowKnown(const StreamEntry& entry) {
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

  template <typename Address>
  void Place(const StreamEntry& entry, const SyncPlace& place, const TemplateRef& ref) {
    const auto give_back = [&] {
      if (!ref.is_none()) shard_.ReleaseGrant(ref);
    };
    if (const uint32_t known = Find<Address>(entry); known != kNoSlot) {
      Connection<Address>& record = shard_.Connections<Address>().at(known);
      if (HasReal(record, entry)) {
        if (record.Has(ConnectionFlag::kHasTemplate)) {
          give_back();
        } else if (!ref.is_none()) {
          record.template_ref = ref;
          std::atomic_signal_fence(std::memory_order_release);
          record.Set(ConnectionFlag::kHasTemplate);
        }
        return Follow<Address>(known, entry);
      }
      if (!GivesWay(record, entry)) {
        give_back();
        return Refuse(SyncFault::kOtherReal);
      }
      shard_.DestroyUntold<Address>(known);
    }
    if (!Insert<Address>(entry, place, ref)) {
      give_back();
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
    if (entry.to_real == sync::SyncSequence{} && entry.to_client == sync::SyncSequence{}) {
      return true;
    }
    SideRecord* side = shard_.Connections<Address>().AttachSide(slot, SideKind::kFlow);
    if (side == nullptr) return false;
    const auto shift = [](const sync::SyncSequence& s) {
      return SequenceShift{s.initial, s.delta, s.previous_delta};
    };
    side->flow.to_real = shift(entry.to_real);
    side->flow.to_client = shift(entry.to_client);
    return true;
  }

  Shard& shard_;
  TakeStreamEntries& take_;
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
