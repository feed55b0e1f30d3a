#include "dataplane/shard/take_up_snat.h"

#include <algorithm>

namespace fairlead::dataplane {
namespace {

template <typename Address>
std::span<SnatFlow<Address>> SnatFlowsIn(const TableMemory& memory) noexcept {
  if constexpr (std::is_same_v<Address, Ipv4Address>) {
    return memory.snat4;
  } else {
    return memory.snat6;
  }
}

void Note(const Judgement& judgement, TakeUpReport* report) noexcept {
  if (judgement.fate == RecordFate::kBad) ++report->by_cause[static_cast<size_t>(judgement.cause)];
  report->expired += judgement.fate == RecordFate::kExpired ? 1 : 0;
}

// Another flow has one of its keys.
template <typename Address>
bool IsThere(const SnatTable<Address>& table, const SnatFlow<Address>& flow, Tick now) noexcept {
  const SnatKey<Address> out{flow.protocol, flow.client, flow.client_port, flow.remote,
                             flow.remote_port};
  const SnatKey<Address> in{flow.protocol, flow.local, flow.local_port, flow.remote,
                            flow.remote_port};
  return table.template Find<SnatWay::kOut>(out, now) != kNoSlot ||
         table.template Find<SnatWay::kIn>(in, now) != kNoSlot;
}

// What becomes of a flow, apart from room. `*owner`: whose it is.
template <typename Address>
Judgement JudgeFlow(const SnatTakeUp& t, const SnatFlow<Address>& flow, Shard** owner) noexcept {
  const Judgement judgement = t.judge.Of(flow);
  if (judgement.fate != RecordFate::kGood) return judgement;
  const Steering& steering = t.shards[0]->fabric.steering;
  *owner = t.shards[steering.ConnectionOwner(flow.remote, flow.remote_port).index()];
  SnatFlows* flows = (*owner)->OpenSnat();
  if (flows == nullptr) return {RecordFate::kBad, TakeUpCause::kNoRoom};
  return IsThere(flows->template Table<Address>(), flow, t.now)
             ? Judgement{RecordFate::kBad, TakeUpCause::kDuplicate}
             : judgement;
}

template <typename Address>
void TakeInPlace(const SnatTakeUp& t, size_t w, TakeUpReport* report) {
  const auto records = SnatFlowsIn<Address>(t.previous[w]);
  const auto is_used = [](const SnatFlow<Address>& flow) { return flow.protocol != 0; };
  if (std::ranges::none_of(records, is_used)) return;  // most directors have no rules
  SnatFlows* flows = t.shards[w]->OpenSnat();
  if (flows == nullptr) return;
  flows->template Table<Address>().Rebuild([&](uint32_t slot) {
    Shard* owner = t.shards[w];
    Judgement judgement = JudgeFlow(t, records[slot], &owner);
    if (judgement.fate == RecordFate::kGood && owner != t.shards[w]) {
      judgement = {RecordFate::kBad, TakeUpCause::kOwner};
    }
    Note(judgement, report);
    return judgement.fate == RecordFate::kGood;
  });
}

template <typename Address>
void TakeFrom(const SnatTakeUp& t, size_t w, TakeUpReport* report) {
  for (const SnatFlow<Address>& flow : SnatFlowsIn<Address>(t.previous[w])) {
    Shard* owner = nullptr;
    Judgement judgement = JudgeFlow(t, flow, &owner);
    if (judgement.fate == RecordFate::kGood &&
        owner->snat->Table<Address>().Carry(flow, t.now) == kNoSlot) {
      judgement = {RecordFate::kBad, TakeUpCause::kNoRoom};
    }
    Note(judgement, report);
  }
}

}  // namespace

void TakeUpSnat(const SnatTakeUp& t, TakeUpReport* report) {
  for (size_t w = 0; w < t.previous.size(); ++w) {
    if (t.is_in_place) {
      TakeInPlace<Ipv4Address>(t, w, report);
      TakeInPlace<Ipv6Address>(t, w, report);
    } else {
      TakeFrom<Ipv4Address>(t, w, report);
      TakeFrom<Ipv6Address>(t, w, report);
    }
  }
  for (Shard* shard : t.shards) {
    if (shard->snat == nullptr) continue;
    shard->snat->NoteTakenUp();
    report->snat_flows += shard->snat->size();
  }
}

}  // namespace fairlead::dataplane
