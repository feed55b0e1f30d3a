#include "dataplane/shard/take_up.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

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
constexpr SideOwner::Table kOwnerTable =
    std::is_same_v<Address, Ipv4Address> ? SideOwner::Table::kConnections4
                                         : SideOwner::Table::kConnections6;

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
  // A slot on its way; `hash` and `shard` with RecordFate::kGood.
  struct Candidate {
    uint32_t slot = 0;
    Judgement judgement;
    uint64_t hash = 0;
    Shard* shard = nullptr;
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
    const std::span<TemplateRecord> records = previous_[w].templates;
    for (auto slot = static_cast<uint32_t>(records.size()); slot-- > 0;) {
      Judgement judgement = judge_.Of(records[slot]);
      if (judgement.fate == RecordFate::kGood) judgement = TakeTemplate(w, slot);
      Count(judgement);
      if (judgement.fate != RecordFate::kGood && is_in_place_) shards_[w]->templates().Vacate(slot);
    }
  }

  Judgement TakeTemplate(size_t w, uint32_t slot) {
    TemplateRecord& from = previous_[w].templates[slot];
    const uint64_t hash = shards_[0]->templates().Hash(from.key);
    const WorkerId owner = steering().TemplateOwner(hash);
    const bool is_indexed = from.Has(TemplateFlag::kIndexed);
    // One that was renamed stays where its connections look for it.
    Shard& to = is_in_place_ ? *shards_[w] : shard(owner);
    if (is_indexed && to.me != owner) return {RecordFate::kBad, TakeUpCause::kOwner};
    if (is_indexed && !MakeWay(from, to, hash)) {
      return from.deadline.HasPassed(now_) ? Judgement{RecordFate::kExpired, {}}
                                           : Judgement{RecordFate::kBad, TakeUpCause::kDuplicate};
    }
    const uint32_t place =
        is_in_place_ ? SettleTemplate(w, slot, hash) : CarryTemplate(w, slot, to);
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
  uint32_t SettleTemplate(size_t w, uint32_t slot, uint64_t hash) {
    TemplateRecord& record = previous_[w].templates[slot];
    if (record.Has(TemplateFlag::kSideTable) && !TakeList(w, slot)) {
      record.Clear(TemplateFlag::kSideTable);
      Count(TakeUpCause::kTemplateText);
    }
    Mend(&record);
    if (shards_[w]->templates().Settle(slot, hash)) return slot;
    if (record.Has(TemplateFlag::kSideTable)) lists_[w].Return(record.side_slot);
    return kNoSlot;
  }

  uint32_t CarryTemplate(size_t w, uint32_t slot, Shard& to) {
    TemplateRecord copy = previous_[w].templates[slot];
    Mend(&copy);
    const InsertOutcome carried = to.templates().Carry(copy, now_);
    if (!carried.ok()) return kNoSlot;
    moved_[w][slot] = to.templates().RefOf(carried.slot);
    if (!copy.Has(TemplateFlag::kSideTable)) return carried.slot;
    std::string text;
    const bool is_whole = TakeList(w, slot);
    if (is_whole)
      ForEachText(w, copy, [&](const TextSide& t) { text.append(t.text.data(), t.length); });
    if (!is_whole || !to.templates().CarryEngineText(carried.slot, text)) {
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

  // Where the template that a record names is now; none: nowhere.
  TemplateRef Resolve(TemplateRef ref) noexcept {
    const size_t owner = ref.owner.index();
    if (owner >= previous_.size() || ref.slot >= previous_[owner].templates.size()) return {};
    if (!is_in_place_) {
      if (previous_[owner].templates[ref.slot].generation != ref.generation) return {};
      ref = moved_[owner][ref.slot];
    }
    if (ref.is_none() || !shard(ref.owner).templates().IsCurrent(ref)) return {};
    ref.reserved = 0;
    return ref;
  }

  // ---- connections

  // Thirty-two at a time: what their buckets and templates are read for comes from memory together.
  template <typename Address>
  void TakeConnections(size_t w) {
    constexpr uint32_t kBatch = 32;
    const std::span<Connection<Address>> records = ConnectionsIn<Address>(previous_[w]);
    std::array<Candidate, kBatch> batch;
    for (auto slot = static_cast<uint32_t>(records.size()); slot > 0;) {
      const uint32_t count = std::min(slot, kBatch);
      for (uint32_t i = 0; i < count; ++i) batch[i] = Look<Address>(w, --slot);
      for (uint32_t i = 0; i < count; ++i) Take<Address>(w, &batch[i]);
    }
  }

  template <typename Address>
  Candidate Look(size_t w, uint32_t slot) noexcept {
    const Connection<Address>& record = ConnectionsIn<Address>(previous_[w])[slot];
    Candidate candidate{slot, judge_.Of(record), 0, nullptr};
    if (candidate.judgement.fate != RecordFate::kGood) return candidate;
    Shard& owner = shard(steering().ConnectionOwner(record.client_address, record.client_port));
    if (is_in_place_ && owner.me.index() != w) {
      candidate.judgement = {RecordFate::kBad, TakeUpCause::kOwner};
      return candidate;
    }
    candidate.shard = &owner;
    const auto& table = owner.Connections<Address>();
    candidate.hash = table.Hash(
        FlowKey<Address>::Forward(record.protocol, record.client_address, record.client_port,
                                  record.virtual_address, record.virtual_port));
    table.PrefetchBuckets(candidate.hash);
    const TemplateRef ref = record.template_ref;
    if (is_in_place_ && record.Has(ConnectionFlag::kHasTemplate) &&
        ref.owner.index() < shards_.size()) {
      shard(ref.owner).templates().PrefetchRecord(ref.slot);
    }
    return candidate;
  }

  template <typename Address>
  void Take(size_t w, Candidate* candidate) {
    Connection<Address>& record = ConnectionsIn<Address>(previous_[w])[candidate->slot];
    Judgement& judgement = candidate->judgement;
    if (judgement.fate == RecordFate::kGood) judgement = TakeConnection<Address>(w, *candidate);
    Count(judgement);
    const bool is_over =
        judgement.fate == RecordFate::kExpired || judgement.fate == RecordFate::kEnded;
    if (is_over && record.Has(ConnectionFlag::kHasTemplate)) {
      LeaveTemplate(record, judgement.fate == RecordFate::kExpired ? record.deadline : now_);
    }
    if (is_in_place_ && judgement.fate != RecordFate::kGood) {
      shards_[w]->Connections<Address>().Vacate(candidate->slot);
    }
  }

  template <typename Address>
  Judgement TakeConnection(size_t w, const Candidate& candidate) {
    Connection<Address>& from = ConnectionsIn<Address>(previous_[w])[candidate.slot];
    auto& table = candidate.shard->Connections<Address>();
    const auto key = FlowKey<Address>::Forward(from.protocol, from.client_address, from.client_port,
                                               from.virtual_address, from.virtual_port);
    if (table.Find(key, candidate.hash, now_).hit())
      return {RecordFate::kBad, TakeUpCause::kDuplicate};
    const bool has_side = from.Has(ConnectionFlag::kSideTable);
    if (has_side &&
        !lists_[w].Take({kOwnerTable<Address>, candidate.slot, from.generation}, from.side_slot)) {
      return {RecordFate::kBad, TakeUpCause::kSideList};
    }
    const uint32_t slot = is_in_place_ ? SettleConnection<Address>(candidate)
                                       : CarryConnection<Address>(w, candidate);
    if (slot == kNoSlot) {
      if (has_side) lists_[w].Return(from.side_slot);
      return {RecordFate::kBad, TakeUpCause::kNoRoom};
    }
    Connection<Address>& record = table.at(slot);
    if (record.Has(ConnectionFlag::kHasTemplate)) JoinTemplate(&record);
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
      if (CarrySide<Address>(table, slot, *list[i])) continue;
      table.Erase(slot);
      return kNoSlot;
    }
    return slot;
  }

  // False: no room for it, or for its second index entry.
  template <typename Address>
  static bool CarrySide(ConnectionTable<Address>& table, uint32_t slot, const SideRecord& from) {
    SideRecord* side = table.AttachSide(slot, from.kind);
    if (side == nullptr) return false;
    switch (from.kind) {
      case SideKind::kFlow: {
        side->flow = from.flow;
        side->flow.local_port = {};
        const Be16 port = from.flow.local_port;
        const auto address = Address::Load(from.flow.local_address.data());
        return port == Be16{} || table.AddLocal(slot, address, port);
      }
      case SideKind::kSync:
        side->sync = from.sync;
        return true;
      case SideKind::kText:
        side->text = from.text;
        return true;
      case SideKind::kFree:
        break;
    }
    return false;
  }

  // A child of the template it names, or of none.
  template <typename Address>
  void JoinTemplate(Connection<Address>* record) {
    const TemplateRef ref = Resolve(record->template_ref);
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
  void LeaveTemplate(const Connection<Address>& record, Tick end) {
    const TemplateRef ref = Resolve(record.template_ref);
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
  std::vector<SideLists> lists_;                 // by previous worker
  std::vector<std::vector<TemplateRef>> moved_;  // by previous worker and slot; not in place
  std::vector<TemplateRef> fired_;               // whose timer had fired
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
                   shard->side_records().records()});
  }
  return TakingUp(own, shards, known_reals, now, true).Run();
}

TakeUpReport TakeUpFrom(std::span<const TableMemory> previous, std::span<Shard* const> shards,
                        const std::vector<bool>& known_reals, Tick now) {
  return TakingUp(previous, shards, known_reals, now, false).Run();
}

void TakeUpTraffic(std::span<const TrafficCounters> previous, size_t previous_workers,
                   Fabric& fabric) {
  const size_t reals = previous.size() / previous_workers;
  const size_t kept = std::min<size_t>(reals, fabric.config.reals);
  for (size_t w = 0; w < previous_workers; ++w) {
    const WorkerId to{static_cast<uint8_t>(w % fabric.config.workers)};
    for (size_t r = 0; r < kept; ++r) {
      const TrafficCounters& from = previous[w * reals + r];
      TrafficCounters& into = fabric.stats.traffic(to, RealId{static_cast<uint32_t>(r)});
      into.connections.Add(from.connections.value());
      into.in_packets.Add(from.in_packets.value());
      into.out_packets.Add(from.out_packets.value());
      into.in_bytes.Add(from.in_bytes.value());
      into.out_bytes.Add(from.out_bytes.value());
    }
  }
}

}  // namespace fairlead::dataplane
