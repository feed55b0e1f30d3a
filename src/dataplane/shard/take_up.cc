#include "dataplane/shard/take_up.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <string>
#include <utility>

#include "dataplane/shard/take_up_local.h"
#include "dataplane/shard/take_up_snat.h"

namespace fairlead::dataplane {
namespace {

template <typename Address>
std::span<Connection<Address>> ConnectionsIn(const TableMemory& memory) noexcept {
  if constexpr (std::is_same_v<Address, Ipv4Address>) {
    return memory.connections4;
  } else {
    return memory.connections6;
  }
}

template <typename Address>
FlowKey<Address> KeyFromClient(const Connection<Address>& record) noexcept {
  return FlowKey<Address>::Forward(record.protocol, record.client_address, record.client_port,
                                   record.virtual_address, record.virtual_port);
}

// One take-up. Templates first, so that connections can find them; a connection then counts as a
// child; what has no child and has fired goes at the end.
class TakingUp {
 public:
  TakingUp(std::span<const TableMemory> previous, std::span<Shard* const> shards,
           const std::vector<bool>& known_reals, Tick now, bool is_in_place)
      : previous_(previous),
        shards_(shards),
        judge_(known_reals, shards[0]->fabric.config.reals, now),
        now_(now),
        is_in_place_(is_in_place) {
    for (const TableMemory& memory : previous) {
      lists_.emplace_back(memory.side_records);
      if (!is_in_place) moved_.emplace_back(memory.templates.size());
    }
  }

  TakeUpReport Run() {
    for (size_t w = 0; w < previous_.size(); ++w) TakeTemplates(w);
    for (size_t w = 0; w < previous_.size(); ++w) {
      TakeConnections<Ipv4Address>(w);
      TakeConnections<Ipv6Address>(w);
    }
    for (const TemplateRef& ref : fired_) DropIfOver(ref);
    TakeUpSnat({previous_, shards_, judge_, now_, is_in_place_}, &report_);
    for (size_t w = 0; w < shards_.size(); ++w) {
      Shard& shard = *shards_[w];
      if (is_in_place_) shard.side_records().Rebuild(lists_[w].is_taken());
      shard.UpdateGauges();
      report_.connections += shard.Connections<Ipv4Address>().size();
      report_.connections += shard.Connections<Ipv6Address>().size();
      report_.templates += shard.templates().size();
      report_.side_records += shard.side_records().size();
    }
    return report_;
  }

 private:
  // Each step of a batch asks memory for what the next one reads, so that records wait together and
  // not one after the other.
  static constexpr uint32_t kBatch = 32;

  // A slot on its way.
  struct Candidate {
    uint32_t slot = 0;
    Judgement judgement;
    uint64_t hash = 0;       // with RecordFate::kGood
    Shard* shard = nullptr;  // likewise: where it goes
    TemplateRef ref;         // a connection's: where its template is now, if it is; none: nowhere
  };
  // Where a template went, and the generation it had: no other reference means it.
  struct Moved {
    TemplateRef to;
    uint16_t generation = 0;
  };

  void Count(TakeUpCause cause) noexcept { ++report_.by_cause[static_cast<size_t>(cause)]; }
  void Count(const Judgement& judgement) noexcept {
    if (judgement.fate == RecordFate::kBad) Count(judgement.cause);
    report_.ended += judgement.fate == RecordFate::kEnded ? 1 : 0;
    report_.expired += judgement.fate == RecordFate::kExpired ? 1 : 0;
  }
  Shard& shard(WorkerId worker) noexcept { return *shards_[worker.index()]; }
  const Steering& steering() const noexcept { return shards_[0]->fabric.steering; }

  // ---- templates

  void TakeTemplates(size_t w) {
    std::array<Candidate, kBatch> batch;
    for (auto slot = static_cast<uint32_t>(previous_[w].templates.size()); slot > 0;) {
      const uint32_t count = std::min(slot, kBatch);
      for (uint32_t i = 0; i < count; ++i) batch[i] = LookAtTemplate(w, --slot);
      for (uint32_t i = 0; i < count; ++i) FinishTemplate(w, &batch[i]);
    }
  }

  Candidate LookAtTemplate(size_t w, uint32_t slot) noexcept {
    const TemplateRecord& record = previous_[w].templates[slot];
    Candidate candidate{.slot = slot, .judgement = judge_.Of(record), .ref = {}};
    if (candidate.judgement.fate != RecordFate::kGood) return candidate;
    candidate.hash = shards_[0]->templates().Hash(record.key);
    Shard& owner = shard(steering().TemplateOwner(candidate.hash));
    // One that was renamed stays where its connections look for it.
    candidate.shard = is_in_place_ ? shards_[w] : &owner;
    if (!record.Has(TemplateFlag::kIndexed)) return candidate;
    if (candidate.shard != &owner) {
      candidate.judgement = {RecordFate::kBad, TakeUpCause::kOwner};
    } else {
      owner.templates().PrefetchBuckets(candidate.hash);
    }
    return candidate;
  }

  void FinishTemplate(size_t w, Candidate* candidate) {
    Judgement& judgement = candidate->judgement;
    if (judgement.fate == RecordFate::kGood) judgement = TakeTemplate(w, *candidate);
    Count(judgement);
    if (judgement.fate != RecordFate::kGood && is_in_place_) {
      shards_[w]->templates().Vacate(candidate->slot);
    }
  }

  Judgement TakeTemplate(size_t w, const Candidate& candidate) {
    const TemplateRecord& from = previous_[w].templates[candidate.slot];
    Shard& to = *candidate.shard;
    if (from.Has(TemplateFlag::kIndexed) && !MakeWay(from, to, candidate.hash)) {
      return from.deadline.HasPassed(now_) ? Judgement{RecordFate::kExpired, {}}
                                           : Judgement{RecordFate::kBad, TakeUpCause::kDuplicate};
    }
    const uint32_t place =
        is_in_place_ ? SettleTemplate(w, candidate) : CarryTemplate(w, candidate);
    if (place == kNoSlot) return {RecordFate::kBad, TakeUpCause::kNoRoom};
    to.fabric.loads.AddTemplates(to.me, from.real_id, 1);
    if (from.deadline.HasPassed(now_)) fired_.push_back(to.templates().RefOf(place));
    return {RecordFate::kGood, {}};
  }

  // One whose time was over is beside its successor until the wheel collects it: the later of two
  // stays. False: that is the one that is there.
  bool MakeWay(const TemplateRecord& from, Shard& to, uint64_t hash) {
    const uint32_t other = to.templates().SlotOf(from.key, hash);
    if (other == kNoSlot) return true;
    const Tick deadline = to.templates().at(other).deadline;
    if (!deadline.HasPassed(now_) || from.deadline.HasPassed(deadline)) return false;
    DropTemplate(to, other);
    return true;
  }

  // kNoSlot: no room.
  uint32_t SettleTemplate(size_t w, const Candidate& candidate) {
    const uint32_t slot = candidate.slot;
    TemplateRecord& record = previous_[w].templates[slot];
    if (record.Has(TemplateFlag::kSideTable) && !TakeList(w, slot)) {
      record.Clear(TemplateFlag::kSideTable);
      Count(TakeUpCause::kTemplateText);
    }
    Mend(&record);
    if (shards_[w]->templates().Settle(slot, candidate.hash)) return slot;
    if (record.Has(TemplateFlag::kSideTable)) lists_[w].Return(record.side_slot);
    return kNoSlot;
  }

  uint32_t CarryTemplate(size_t w, const Candidate& candidate) {
    TemplateRecord copy = previous_[w].templates[candidate.slot];
    Mend(&copy);
    TemplateTable& templates = candidate.shard->templates();
    const InsertOutcome carried = templates.Carry(copy, now_);
    if (!carried.ok()) return kNoSlot;
    moved_[w][candidate.slot] = {templates.RefOf(carried.slot), copy.generation};
    if (!copy.Has(TemplateFlag::kSideTable)) return carried.slot;
    std::string text;
    const bool is_whole = TakeList(w, candidate.slot);
    if (is_whole) {
      ForEachText(w, copy, [&](const TextSide& t) { text.append(t.text.data(), t.length); });
    }
    if (!is_whole || !templates.CarryEngineText(carried.slot, text)) {
      Count(TakeUpCause::kTemplateText);
    }
    return carried.slot;
  }

  template <typename Visit>
  void ForEachText(size_t w, const TemplateRecord& record, Visit visit) const {
    lists_[w].ForEach(record.side_slot, [&](const SideRecord& side) {
      if (side.kind == SideKind::kText) visit(side.text);
    });
  }

  // The template's side list is its own and has as much text as it should.
  bool TakeList(size_t w, uint32_t slot) {
    const TemplateRecord& record = previous_[w].templates[slot];
    const SideOwner owner{SideOwner::Table::kTemplates, slot, record.generation};
    if (!lists_[w].Take(owner, record.side_slot)) return false;
    uint32_t length = 0;
    ForEachText(w, record, [&](const TextSide& text) { length += text.length; });
    if (length == record.engine_length) return true;
    lists_[w].Return(record.side_slot);
    return false;
  }

  // Its time is over.
  void DropTemplate(Shard& in, uint32_t slot) {
    TemplateRecord& record = in.templates().at(slot);
    in.fabric.loads.AddTemplates(in.me, record.real_id, -1);
    // In place the side records are not the table's until they are rebuilt.
    if (is_in_place_ && record.Has(TemplateFlag::kSideTable)) {
      lists_[in.me.index()].Return(record.side_slot);
      record.Clear(TemplateFlag::kSideTable);
    }
    in.templates().Erase(slot);
    ++report_.expired;
  }

  void DropIfOver(const TemplateRef& ref) {
    TemplateTable& templates = shard(ref.owner).templates();
    if (!templates.IsCurrent(ref)) return;  // it made way
    const bool has_children = templates.at(ref.slot).children != 0;
    if (!has_children && templates.IsExpired(ref.slot, now_)) {
      DropTemplate(shard(ref.owner), ref.slot);
    }
  }

  // ---- connections

  template <typename Address>
  void TakeConnections(size_t w) {
    const auto size = static_cast<uint32_t>(ConnectionsIn<Address>(previous_[w]).size());
    std::array<Candidate, kBatch> batch;
    for (uint32_t slot = size; slot > 0;) {
      const uint32_t count = std::min(slot, kBatch);
      for (uint32_t i = 0; i < count; ++i) batch[i] = Look<Address>(w, --slot);
      for (uint32_t i = 0; i < count; ++i) FollowTemplate(&batch[i]);
      for (uint32_t i = 0; i < count; ++i) Finish<Address>(w, &batch[i]);
    }
  }

  template <typename Address>
  Candidate Look(size_t w, uint32_t slot) noexcept {
    const Connection<Address>& record = ConnectionsIn<Address>(previous_[w])[slot];
    Candidate candidate{.slot = slot, .judgement = judge_.Of(record), .ref = {}};
    const RecordFate fate = candidate.judgement.fate;
    if (fate == RecordFate::kFree || fate == RecordFate::kBad) return candidate;
    if (record.Has(ConnectionFlag::kHasTemplate)) candidate.ref = NamedBy(record.template_ref);
    if (fate != RecordFate::kGood) return candidate;
    Shard& owner = shard(steering().ConnectionOwner(record.client_address, record.client_port));
    if (is_in_place_ && owner.me.index() != w) {
      candidate.judgement = {RecordFate::kBad, TakeUpCause::kOwner};
      return candidate;
    }
    candidate.shard = &owner;
    const auto& table = owner.Connections<Address>();
    candidate.hash = table.Hash(KeyFromClient(record));
    table.PrefetchBuckets(candidate.hash);
    return candidate;
  }

  // The reference, if it is to a slot that there was; what FollowTemplate reads is asked for.
  [[nodiscard]] TemplateRef NamedBy(TemplateRef ref) const noexcept {
    ref.reserved = 0;
    const size_t owner = ref.owner.index();
    if (ref.is_none() || owner >= previous_.size() ||
        ref.slot >= previous_[owner].templates.size()) {
      return {};
    }
    if (!is_in_place_) __builtin_prefetch(&moved_[owner][ref.slot], 0, 3);
    return ref;
  }

  // From where the template was to where it is; its record is asked for.
  void FollowTemplate(Candidate* candidate) noexcept {
    TemplateRef& ref = candidate->ref;
    if (ref.is_none()) return;
    if (!is_in_place_) {
      const Moved& moved = moved_[ref.owner.index()][ref.slot];
      ref = moved.generation == ref.generation ? moved.to : TemplateRef{};
      if (ref.is_none()) return;
    }
    shard(ref.owner).templates().PrefetchRecord(ref.slot);
  }

  // The template of a candidate, or none if it is gone.
  TemplateRef TemplateOf(const Candidate& candidate) noexcept {
    const TemplateRef& ref = candidate.ref;
    const bool is_there = !ref.is_none() && shard(ref.owner).templates().IsCurrent(ref);
    return is_there ? ref : TemplateRef{};
  }

  template <typename Address>
  void Finish(size_t w, Candidate* candidate) {
    Connection<Address>& record = ConnectionsIn<Address>(previous_[w])[candidate->slot];
    Judgement& judgement = candidate->judgement;
    if (judgement.fate == RecordFate::kGood) judgement = TakeConnection<Address>(w, *candidate);
    Count(judgement);
    const bool is_over =
        judgement.fate == RecordFate::kExpired || judgement.fate == RecordFate::kEnded;
    if (is_over && record.Has(ConnectionFlag::kHasTemplate)) {
      LeaveTemplate(record, TemplateOf(*candidate),
                    judgement.fate == RecordFate::kExpired ? record.deadline : now_);
    }
    if (is_in_place_ && judgement.fate != RecordFate::kGood) {
      shards_[w]->Connections<Address>().Vacate(candidate->slot);
    }
  }

  template <typename Address>
  Judgement TakeConnection(size_t w, const Candidate& candidate) {
    Connection<Address>& from = ConnectionsIn<Address>(previous_[w])[candidate.slot];
    auto& table = candidate.shard->Connections<Address>();
    if (table.Find(KeyFromClient(from), candidate.hash, now_).hit()) {
      return {RecordFate::kBad, TakeUpCause::kDuplicate};
    }
    const bool has_side = from.Has(ConnectionFlag::kSideTable);
    if (has_side &&
        !lists_[w].Take({SideOwner::kConnections<Address>, candidate.slot, from.generation},
                        from.side_slot)) {
      return {RecordFate::kBad, TakeUpCause::kSideList};
    }
    if (const auto fault = FaultOfLocal(steering(), lists_[w], from, candidate.shard->me)) {
      if (has_side) lists_[w].Return(from.side_slot);
      return {RecordFate::kBad, *fault};
    }
    const uint32_t slot = is_in_place_ ? SettleConnection<Address>(candidate)
                                       : CarryConnection<Address>(w, candidate);
    if (slot == kNoSlot) {
      if (has_side) lists_[w].Return(from.side_slot);
      return {RecordFate::kBad, TakeUpCause::kNoRoom};
    }
    Connection<Address>& record = table.at(slot);
    if (record.Has(ConnectionFlag::kHasTemplate)) JoinTemplate(&record, TemplateOf(candidate));
    candidate.shard->CountTakenUp(record.real_id, record.Has(ConnectionFlag::kInactive));
    return {RecordFate::kGood, {}};
  }

  template <typename Address>
  uint32_t SettleConnection(const Candidate& candidate) {
    auto& table = candidate.shard->Connections<Address>();
    Mend(&table.at(candidate.slot));
    return table.Settle(candidate.slot, candidate.hash) ? candidate.slot : kNoSlot;
  }

  template <typename Address>
  uint32_t CarryConnection(size_t w, const Candidate& candidate) {
    Connection<Address> copy = ConnectionsIn<Address>(previous_[w])[candidate.slot];
    Mend(&copy);
    auto& table = candidate.shard->Connections<Address>();
    const uint32_t slot = table.Carry(copy, candidate.hash).slot;
    if (slot == kNoSlot || !copy.Has(ConnectionFlag::kSideTable)) return slot;
    // Each new one comes in front of the others: the last first.
    std::vector<const SideRecord*> list;
    lists_[w].ForEach(copy.side_slot, [&](const SideRecord& side) { list.push_back(&side); });
    for (size_t i = list.size(); i-- > 0;) {
      if (table.CarrySide(slot, *list[i])) continue;
      table.Erase(slot);
      return kNoSlot;
    }
    return slot;
  }

  // A child of the template it names, or of none.
  template <typename Address>
  void JoinTemplate(Connection<Address>* record, const TemplateRef& ref) {
    record->template_ref = ref;
    if (ref.is_none()) {
      record->Clear(ConnectionFlag::kHasTemplate);
      record->Clear(ConnectionFlag::kOwesTemplate);
      record->Clear(ConnectionFlag::kAssuredOwed);
      Count(TakeUpCause::kTemplateReference);
      return;
    }
    TemplateTable& templates = shard(ref.owner).templates();
    templates.AddChild(ref);
    if (HasAssured(*record)) templates.SetAssured(ref);
  }

  // It was a child until `end`: the template's timer goes on from there.
  template <typename Address>
  void LeaveTemplate(const Connection<Address>& record, const TemplateRef& ref, Tick end) {
    if (ref.is_none()) return;
    TemplateTable& templates = shard(ref.owner).templates();
    templates.AddChild(ref);
    if (HasAssured(record)) templates.SetAssured(ref);
    templates.ReleaseChild(ref, end);
  }

  const std::span<const TableMemory> previous_;
  const std::span<Shard* const> shards_;
  const RecordJudge judge_;
  const Tick now_;
  const bool is_in_place_;
  std::vector<SideLists> lists_;           // by previous worker
  std::vector<std::vector<Moved>> moved_;  // by previous worker and slot; not in place
  std::vector<TemplateRef> fired_;         // whose timer had fired
  TakeUpReport report_;
};

}  // namespace

uint64_t TakeUpReport::dropped() const noexcept {
  const auto faults = static_cast<size_t>(TakeUpCause::kTemplateReference);
  return std::accumulate(by_cause.begin(), by_cause.begin() + faults, uint64_t{0});
}

TakeUpReport TakeUp(std::span<Shard* const> shards, const std::vector<bool>& known_reals,
                    Tick now) {
  std::vector<TableMemory> own;
  own.reserve(shards.size());
  for (Shard* shard : shards) {
    own.push_back({shard->Connections<Ipv4Address>().records(),
                   shard->Connections<Ipv6Address>().records(), shard->templates().records(),
                   shard->side_records().records(), shard->SnatMemory().snat4,
                   shard->SnatMemory().snat6});
  }
  return TakingUp(own, shards, known_reals, now, true).Run();
}

TakeUpReport TakeUpFrom(std::span<const TableMemory> previous, std::span<Shard* const> shards,
                        const std::vector<bool>& known_reals, Tick now) {
  return TakingUp(previous, shards, known_reals, now, false).Run();
}

}  // namespace fairlead::dataplane
