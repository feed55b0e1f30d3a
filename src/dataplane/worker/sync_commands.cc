// Entries of the kernel's sync protocol are taken in: made, or followed where the record is here
// already (ipvs.md, sync).
#include <utility>

#include "dataplane/decide/admission.h"
#include "dataplane/decide/connection_draft.h"
#include "dataplane/worker/commands.h"
#include "dataplane/worker/connection_taking.h"
#include "dataplane/worker/learnt_room.h"

namespace fairlead::dataplane {
namespace {

using sync::SyncEntry;
using sync::SyncFlag;

class TakingIn : public ConnectionTaking<TakingIn, TakeSyncEntries, SyncEntry> {
 public:
  TakingIn(Shard& shard, TakeSyncEntries* take) : ConnectionTaking(shard, take) {}

  // One entry; returns the work it was.
  size_t Take(size_t i) {
    const SyncEntry& entry = take_.entries[i];
    SyncAnswer* const answer = &take_.answers[i];
    const RealId named = take_.named.empty() ? RealId{} : take_.named[i];
    if (!take_.is_second_round) {
      return entry.is_template() ? TakeTemplate(entry, named, answer)
                                 : LookAt(entry, entry, named, answer);
    }
    if (answer->step == SyncStep::kUnknown) return 1;
    const SyncAnswer known = std::exchange(*answer, {SyncStep::kDone, {}});
    if (known.step == SyncStep::kGivenBack) GiveBack(known.ref);
    if (known.step != SyncStep::kGranted) return 1;
    // An earlier entry of this round may have made it.
    size_t work = 1;
    if (!FollowKnown(entry, &work)) return work + TakeGranted(entry, entry, named, known.ref);
    GiveBack(known.ref);
    return work;
  }

 private:
  friend ConnectionTaking;
  using ConnectionTaking::FollowKnown, ConnectionTaking::Place;

  void Lack(SyncFault fault, SyncAnswer* answer) noexcept {
    const bool is_unknown = fault == SyncFault::kService || fault == SyncFault::kReal;
    if (!is_unknown || !take_.keeps_unknown) return Refuse(fault);
    answer->step = SyncStep::kUnknown;
  }
  static void Wait(SyncAnswer* answer) noexcept { answer->step = SyncStep::kWaits; }

  size_t TakeTemplate(const SyncEntry& entry, RealId named, SyncAnswer* answer) {
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
    CompletePlace(entry, named, &place);
    if (place.fault) {
      Lack(*place.fault, answer);
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
    if (!HasRoomForLearnt(templates)) return kNoSlot;
    TemplateIdentity shown = identity;
    shown.engine_text = LearntText(shard_.side_records(), identity.engine_text);
    const InsertOutcome inserted = templates.Insert(
        shown.key, BindingFor(snapshot(), *place.service, shown, place.real), shard_.now);
    if (!inserted.ok()) return kNoSlot;
    templates.at(inserted.slot).Set(TemplateFlag::kFromSync);
    shard_.fabric.loads.AddTemplates(shard_.me, place.real, 1);
    return inserted.slot;
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

  template <typename Address>
  bool FollowKnown(const SyncEntry& entry, size_t* work) {
    const uint32_t slot = Find<Address>(entry);
    if (slot == kNoSlot) return false;
    const Connection<Address>& record = shard_.Connections<Address>().at(slot);
    if (!HasReal(record, entry)) return false;
    if (IsOfNobody(record)) {
      const SyncPlace place = PlaceOf(snapshot(), entry);
      *work += place.work;
      if (!place.fault) return false;
    }
    Follow<Address>(slot, entry);
    return true;
  }
  // No configuration has its service. It may be another service's since: of a mark, or of all
  // ports.
  template <typename Address>
  [[nodiscard]] bool IsOfNobody(const Connection<Address>& record) const noexcept {
    const ServiceId service = snapshot().reals[record.real_id.index()].service;
    return service.index() < snapshot().services.size() &&
           snapshot().services[service.index()].id.is_none();
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
    if (const uint32_t known = Find<Address>(entry); known != kNoSlot) {
      const Connection<Address>& record = shard_.Connections<Address>().at(known);
      if (entry.Has(SyncFlag::kInactive) && !HasReal(record, entry)) {
        GiveBack(ref);
        return Refuse(SyncFault::kOtherReal);
      }
      shard_.Destroy<Address>(known);
    } else if (!HasRoomForLearnt(shard_.Connections<Address>())) {
      GiveBack(ref);
      return Refuse(SyncFault::kTableFull);
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
    GiveBack(ref);
    Refuse(SyncFault::kTableFull);
  }
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
