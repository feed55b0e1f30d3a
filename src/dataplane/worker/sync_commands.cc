// Entries of the kernel's sync protocol are taken in: made, or followed where the record is here
// already (ipvs.md, sync).
#include <utility>

#include "dataplane/decide/admission.h"
#include "dataplane/decide/connection_draft.h"
#include "dataplane/decide/sync_place.h"
#include "dataplane/worker/commands.h"

namespace fairlead::dataplane {
namespace {

using sync::SyncEntry;
using sync::SyncFlag;

class TakingIn {
 public:
  TakingIn(Shard& shard, TakeSyncEntries* take) : shard_(shard), take_(*take) {}

  // One entry; returns the work it was.
  size_t Take(size_t i) {
    const SyncEntry& entry = take_.entries[i];
    if (take_.is_second_round) {
      const SyncAnswer answer = std::exchange(take_.answers[i], {SyncStep::kDone, {}});
      if (answer.step == SyncStep::kGivenBack) shard_.ReleaseGrant(answer.ref);
      return answer.step == SyncStep::kGranted ? TakeGranted(entry, answer.ref) : 1;
    }
    return entry.is_template() ? TakeTemplate(entry, &take_.answers[i])
                               : LookAtConnection(entry, &take_.answers[i]);
  }

 private:
  void Refuse(SyncFault fault) noexcept { ++take_.faults[static_cast<size_t>(fault)]; }
  [[nodiscard]] const Snapshot& snapshot() const noexcept { return *shard_.snapshot; }
  // Who counts what nobody else has to do with.
  [[nodiscard]] bool IsFirst() const noexcept { return shard_.me.index() == 0; }

  [[nodiscard]] bool OwnsConnection(const SyncEntry& entry) const noexcept {
    const Steering& steering = shard_.fabric.steering;
    return shard_.me == (entry.client.is_v4()
                             ? steering.ConnectionOwner(entry.client.v4(), entry.client_port)
                             : steering.ConnectionOwner(entry.client.v6(), entry.client_port));
  }
  [[nodiscard]] bool OwnsTemplate(const TemplateKey& key) noexcept {
    return shard_.fabric.steering.TemplateOwner(shard_.templates().Hash(key)) == shard_.me;
  }

  size_t TakeTemplate(const SyncEntry& entry, SyncAnswer* answer) {
    SyncPlace place = ServicePlaceOf(snapshot(), entry);
    if (place.fault) {
      if (IsFirst()) Refuse(*place.fault);
      return place.work;
    }
    const auto identity = IdentityOf(shard_.fabric, *place.service, entry);
    if (!identity) {
      if (IsFirst()) Refuse(SyncFault::kEngine);
      return place.work;
    }
    if (!OwnsTemplate(identity->key)) return place.work;
    FindReal(snapshot(), entry, &place);
    if (place.fault) {
      Refuse(*place.fault);
      return place.work;
    }
    answer->step = SyncStep::kDone;
    const uint32_t slot = FindOrMake(place, *identity);
    if (slot == kNoSlot) {
      Refuse(SyncFault::kTableFull);
      return place.work;
    }
    TemplateRecord& record = shard_.templates().at(slot);
    record.state = entry.state == 0 ? TemplateState::kNone : TemplateState::kAssured;
    shard_.templates().Follow(slot, TimeoutOf(entry, place.service->timeouts), shard_.now);
    ++take_.templates;
    return place.work;
  }

  // A template is never moved to another real server by a message.
  uint32_t FindOrMake(const SyncPlace& place, const TemplateIdentity& identity) {
    TemplateTable& templates = shard_.templates();
    const FindOutcome found = templates.Find(identity.key, shard_.now);
    if (found.hit()) return found.slot;
    const InsertOutcome inserted = templates.Insert(
        identity.key, BindingFor(snapshot(), *place.service, identity, place.real), shard_.now);
    if (!inserted.ok()) return kNoSlot;
    templates.at(inserted.slot).Set(TemplateFlag::kFromSync);
    shard_.fabric.loads.AddTemplates(shard_.me, place.real, 1);
    return inserted.slot;
  }

  size_t LookAtConnection(const SyncEntry& entry, SyncAnswer* answer) {
    const bool is_mine = OwnsConnection(entry);
    if (is_mine && FollowKnown(entry)) {
      answer->step = SyncStep::kDone;
      return 1;
    }
    SyncPlace place = ServicePlaceOf(snapshot(), entry);
    if (place.fault) {
      if (is_mine) Refuse(*place.fault);
      return place.work;
    }
    std::optional<TemplateIdentity> identity;
    if (place.service->persistence.is_enabled) {
      identity = IdentityOf(shard_.fabric, *place.service, entry);
    }
    const bool has_template = identity.has_value();
    const bool is_template_mine = has_template && OwnsTemplate(identity->key);
    // Most entries are another worker's: none but the owners walks the real servers.
    if (!is_mine && !is_template_mine) return place.work;
    FindReal(snapshot(), entry, &place);
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
      answer->step = SyncStep::kWaits;
    }
    return place.work;
  }

  // A child of the client's template, if that names this real server.
  TemplateRef GrantChild(const SyncPlace& place, const TemplateIdentity& identity) {
    TemplateTable& templates = shard_.templates();
    const FindOutcome found = templates.Find(identity.key, shard_.now);
    if (!found.hit() || templates.at(found.slot).real_id != place.real) return {};
    const TemplateRef ref = templates.RefOf(found.slot);
    templates.AddChild(ref);
    return ref;
  }

  size_t TakeGranted(const SyncEntry& entry, const TemplateRef& ref) {
    // An earlier entry of this round may have made it.
    if (FollowKnown(entry)) {
      if (!ref.is_none()) shard_.ReleaseGrant(ref);
      return 1;
    }
    const SyncPlace place = PlaceOf(snapshot(), entry);
    if (!place.fault) {
      Place(entry, place, ref);
      return place.work;
    }
    if (!ref.is_none()) shard_.ReleaseGrant(ref);  // a snapshot has come between
    Refuse(*place.fault);
    return place.work;
  }

  // The connection is here with the same real server: its state and its timer follow. False: not.
  bool FollowKnown(const SyncEntry& entry) {
    return entry.client.is_v4() ? FollowKnown<Ipv4Address>(entry) : FollowKnown<Ipv6Address>(entry);
  }
  void Place(const SyncEntry& entry, const SyncPlace& place, const TemplateRef& ref) {
    entry.client.is_v4() ? Place<Ipv4Address>(entry, place, ref)
                         : Place<Ipv6Address>(entry, place, ref);
  }

  template <typename Address>
  static FlowKey<Address> KeyOf(const SyncEntry& entry) noexcept {
    return FlowKey<Address>::Forward(entry.protocol, entry.client.As<Address>(), entry.client_port,
                                     entry.virtual_address.As<Address>(), entry.virtual_port);
  }
  template <typename Address>
  uint32_t Find(const FlowKey<Address>& key) {
    auto& table = shard_.Connections<Address>();
    return table.Find(key, table.Hash(key), shard_.now).slot;
  }

  template <typename Address>
  bool FollowKnown(const SyncEntry& entry) {
    const uint32_t slot = Find(KeyOf<Address>(entry));
    if (slot == kNoSlot) return false;
    const Connection<Address>& record = shard_.Connections<Address>().at(slot);
    const bool has_port = !RewritesReplies(record.method) || record.real_port == entry.real_port;
    if (record.real_address != entry.real.As<Address>() || !has_port) return false;
    Follow<Address>(slot, entry);
    return true;
  }

  template <typename Address>
  void Follow(uint32_t slot, const SyncEntry& entry) {
    Connection<Address>& record = shard_.Connections<Address>().at(slot);
    const RealView& real = snapshot().reals[record.real_id.index()];
    record.sync = static_cast<uint8_t>((record.sync & ~kSyncState) | (entry.state & kSyncState));
    shard_.Follow<Address>(slot, static_cast<uint8_t>(entry.state), entry.Has(SyncFlag::kInactive),
                           TimeoutOf(entry, TimeoutsOf(snapshot(), real)));
    ++take_.connections;
  }

  // Made anew; one of another real server makes way for an active one, as the later message wins.
  template <typename Address>
  void Place(const SyncEntry& entry, const SyncPlace& place, const TemplateRef& ref) {
    const FlowKey<Address> key = KeyOf<Address>(entry);
    if (const uint32_t known = Find(key); known != kNoSlot) {
      if (entry.Has(SyncFlag::kInactive)) {
        if (!ref.is_none()) shard_.ReleaseGrant(ref);
        return Refuse(SyncFault::kOtherReal);
      }
      shard_.Destroy<Address>(known);
    }
    const RealView& real = snapshot().reals[place.real.index()];
    Connection<Address> draft = DraftConnection(key, *place.service, place.real, real, ref);
    draft.packets = take_.threshold;
    draft.sync = kSyncLearnt;
    if (entry.Has(SyncFlag::kNoClientPort) && entry.client_port.is_zero()) {
      draft.Set(ConnectionFlag::kNoClientPort);
    }
    const uint64_t hash = shard_.Connections<Address>().Hash(key);
    const InsertOutcome inserted = shard_.Insert(draft, hash, real);
    if (inserted.ok()) return Follow<Address>(inserted.slot, entry);
    if (!ref.is_none()) shard_.ReleaseGrant(ref);
    Refuse(SyncFault::kTableFull);
  }

  Shard& shard_;
  TakeSyncEntries& take_;
};

}  // namespace

void RunTakeSyncEntries(Shard& shard, TakeSyncEntries* take) noexcept {
  TakingIn taking(shard, take);
  size_t work = 0;
  while (take->next < take->entries.size() && work < TakeSyncEntries::kSliceWork) {
    work += taking.Take(take->next++);
  }
  take->is_complete = take->next == take->entries.size();
}

}  // namespace fairlead::dataplane
