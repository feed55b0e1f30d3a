// Templates that other directors tell of are taken in (docs/sync.md): made, renewed, moved or
// ended.
//
//   StreamTemplates templates(shard, &take);
//   work += templates.Take(entry);
//
// The conflict rule is IsFirstClaim: of two directors that chose for one client at once, both find
// the same one right. Who was wrong renames its template; the connections made through it stay, and
// the client's next one follows the new template. Threads: the worker's.
#pragma once

#include <algorithm>
#include <utility>

#include "dataplane/decide/admission.h"
#include "dataplane/decide/stream_place.h"
#include "dataplane/worker/learnt_room.h"

namespace fairlead::dataplane {

// What an entry says of a length of time: 1 tick … 31 d, or kForever.
inline TickCount StreamTicksOf(uint32_t ms) noexcept {
  constexpr uint32_t kForeverMs = 0xffff'ffff;
  return ms == kForeverMs ? kForever
                          : std::clamp<TickCount>(TicksFromMilliseconds(ms), 1, kMaxTimeout);
}

class StreamTemplates {
 public:
  StreamTemplates(Shard& shard, TakeStreamEntries* take) : shard_(shard), take_(*take) {}

  // One entry; returns the work it was. Every worker is asked, the owner acts.
  size_t Take(const sync::StreamEntry& entry) {
    const sync::SyncEntry asked = AsSyncEntry(entry);
    SyncPlace place = StreamPlaceOf(snapshot(), entry, asked, &take_.group_memo);
    if (!place.fault && !place.service->persistence.is_enabled) {
      place.fault = SyncFault::kNotPersistent;
    }
    if (!IsShared(entry)) place.fault = SyncFault::kService;
    if (place.fault) {
      if (IsFirst()) Refuse(*place.fault);
      return place.work;
    }
    const auto identity = StreamIdentityOf(shard_.fabric, *place.service, entry);
    if (!identity) {
      if (IsFirst()) Refuse(SyncFault::kEngine);
      return place.work;
    }
    if (!OwnsTemplate(identity->key)) return place.work;
    const FindOutcome found = shard_.templates().Find(identity->key, shard_.now);
    if (entry.event == sync::StreamEvent::kGone) {
      if (found.hit()) LoseTemplate(entry, found.slot);
      return place.work;
    }
    if (place.real.is_none()) FindReal(snapshot(), asked, &place);
    if (place.fault) {
      Refuse(*place.fault);
      return place.work;
    }
    const uint32_t slot =
        found.hit() ? Agree(entry, place, *identity, found.slot) : Make(entry, place, *identity);
    if (slot != kNoSlot) FollowTemplate(entry, slot);
    return place.work;
  }

 private:
  void Refuse(SyncFault fault) noexcept { ++take_.faults[static_cast<size_t>(fault)]; }
  [[nodiscard]] const Snapshot& snapshot() const noexcept { return *shard_.snapshot; }
  // Who counts what nobody else has to do with.
  [[nodiscard]] bool IsFirst() const noexcept { return shard_.me.index() == 0; }
  [[nodiscard]] bool OwnsTemplate(const TemplateKey& key) noexcept {
    return shard_.fabric.steering.TemplateOwner(shard_.templates().Hash(key)) == shard_.me;
  }
  static bool Has(const sync::StreamEntry& entry, sync::StreamFlag flag) noexcept {
    return (entry.stream_flags & static_cast<uint8_t>(flag)) != 0;
  }
  // The key means the same to every director: not kOwn, which has a number of this one's.
  static bool IsShared(const sync::StreamEntry& entry) noexcept {
    constexpr unsigned kShared = static_cast<unsigned>(TemplateScope::kClientGroup) |
                                 static_cast<unsigned>(TemplateScope::kServiceGroup) |
                                 static_cast<unsigned>(TemplateScope::kEngine);
    return (entry.scope & ~kShared) == 0;
  }

  [[nodiscard]] static TemplateClaim ClaimOf(const sync::StreamEntry& entry) noexcept {
    return {.is_pinned = Has(entry, sync::StreamFlag::kPinned),
            .created_ms = entry.created_ms,
            .creator = static_cast<uint32_t>(entry.creator),
            .real = entry.real};
  }
  // One made here before anybody was told of it says so first.
  [[nodiscard]] TemplateClaim ClaimOf(uint32_t slot) noexcept {
    shard_.StampTemplate(slot);
    const TemplateRecord& record = shard_.templates().at(slot);
    return {.is_pinned = record.Has(TemplateFlag::kPinned),
            .created_ms = record.origin_created,
            .creator = record.creator,
            .real = snapshot().reals[record.real_id.index()].address};
  }
  static void SetClaim(const sync::StreamEntry& entry, TemplateRecord* record) noexcept {
    record->origin_created = std::max<uint64_t>(entry.created_ms, 1);
    record->creator = static_cast<uint32_t>(entry.creator);
  }

  // The client's template is here. Returns the one that the entry renews; none: it is not to.
  uint32_t Agree(const sync::StreamEntry& entry, const SyncPlace& place,
                 const TemplateIdentity& identity, uint32_t known) {
    TemplateRecord& record = shard_.templates().at(known);
    const TemplateClaim told = ClaimOf(entry), here = ClaimOf(known);
    if (here.real == told.real) {
      if (IsFirstClaim({.created_ms = told.created_ms, .creator = told.creator, .real = {}},
                       {.created_ms = here.created_ms, .creator = here.creator, .real = {}})) {
        SetClaim(entry, &record);
      }
      return known;
    }
    TemplateFault fault{};
    const ServiceView& service = *place.service;
    const bool is_good = IsTemplateValid(snapshot(), service, place.real, &fault);
    const bool is_known_good = IsTemplateValid(
        snapshot(), service, RealInService(snapshot(), service, record.real_id), &fault);
    if (is_good == is_known_good ? !IsFirstClaim(told, here) : is_known_good) {
      Refuse(SyncFault::kOtherReal);
      return kNoSlot;
    }
    const uint32_t made = Make(entry, place, identity);
    // Its connections stay; the client's next one follows the new template.
    if (made != kNoSlot) shard_.templates().Invalidate(known, shard_.now);
    return made;
  }

  uint32_t Make(const sync::StreamEntry& entry, const SyncPlace& place,
                const TemplateIdentity& identity) {
    if (!HasRoomForLearnt(shard_.templates())) {
      Refuse(SyncFault::kTableFull);
      return kNoSlot;
    }
    TemplateIdentity shown = identity;
    shown.engine_text =
        LearntText(shard_.side_records(), {entry.engine_data.data(), entry.engine_length});
    const InsertOutcome inserted = shard_.templates().Insert(
        shown.key, BindingFor(snapshot(), *place.service, shown, place.real), shard_.now);
    if (!inserted.ok()) {
      Refuse(SyncFault::kTableFull);
      return kNoSlot;
    }
    TemplateRecord& record = shard_.templates().at(inserted.slot);
    record.Set(TemplateFlag::kFromSync);
    SetClaim(entry, &record);
    shard_.fabric.loads.AddTemplates(shard_.me, place.real, 1);
    is_new_ = true;
    return inserted.slot;
  }

  void FollowTemplate(const sync::StreamEntry& entry, uint32_t slot) {
    TemplateTable& templates = shard_.templates();
    TemplateRecord& record = templates.at(slot);
    const bool is_new = std::exchange(is_new_, false);
    if (Has(entry, sync::StreamFlag::kAssured)) record.state = TemplateState::kAssured;
    ++take_.templates;
    const TickCount lifetime =
        entry.lifetime_left_ms == 0 ? 0 : StreamTicksOf(entry.lifetime_left_ms);
    if (Has(entry, sync::StreamFlag::kPinned)) {
      templates.Pin(slot, lifetime == 0 ? kForever : lifetime, shard_.now);
      return;
    }
    const TemplateTable::TimeLeft told{
        .timeout = entry.timeout_ms == 0 ? record.timeout : StreamTicksOf(entry.timeout_ms),
        .left = StreamTicksOf(entry.left_ms),
        .lifetime = lifetime};
    templates.FollowPeer(slot, told, is_new, shard_.now);
  }

  // A flush, an end of a pin, or a move of its client. What has been made since stays.
  void LoseTemplate(const sync::StreamEntry& entry, uint32_t slot) {
    const TemplateClaim here = ClaimOf(slot);
    const bool is_later = here.created_ms > std::max<uint64_t>(entry.created_ms, 1);
    const bool is_pin = here.is_pinned && !Has(entry, sync::StreamFlag::kPinned);
    if (here.real != entry.real || is_later || is_pin) return;
    TemplateTable& templates = shard_.templates();
    if (templates.at(slot).children > 0) {
      templates.Invalidate(slot, shard_.now);
    } else {
      templates.ExpireNow(slot, shard_.now);
    }
    ++take_.gone;
  }

  Shard& shard_;
  TakeStreamEntries& take_;
  bool is_new_ = false;  // the template was made for the entry at hand
};

}  // namespace fairlead::dataplane
