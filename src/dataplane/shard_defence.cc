// drop_entry over the tables of a shard: each second one record in 32 is looked at, and what a
// flood leaves behind goes (spec section 4.10, docs/defence.md).
//
// The kernel picks buckets at random; here the look goes on where it ended, so every record is seen
// once in 32 seconds. It is done in small steps of the worker's turns.
#include <algorithm>

#include "dataplane/shard.h"
#include "dataplane/tcp_state.h"

namespace fairlead::dataplane {
namespace {

template <typename Address>
bool MayDrop(const Connection<Address>& record, Tick now, Defence& defence) noexcept {
  if (record.children > 0 || record.Has(ConnectionFlag::kReleasePending)) return false;
  if (record.protocol == kProtocolTcp) {
    const auto state = static_cast<TcpState>(record.state);
    if (state == TcpState::kSynRecv || state == TcpState::kSynAck) return true;
    if (state != TcpState::kEstablished) return false;
  }
  const Tick last_packet = record.deadline - record.timeout;
  return (last_packet + Defence::kIdle).HasPassed(now) && defence.TakesIdle(record.packets);
}

// How many slots to look at in this second, of those ever used.
uint32_t ShareOf(uint32_t high_water) noexcept {
  return (high_water + Defence::kSweepSeconds - 1) / Defence::kSweepSeconds;
}

}  // namespace

// Visits up to `budget` slots from sweep->next on, wrapping at the end.
template <typename Visit>
void Shard::SweepSome(Sweep* sweep, uint32_t high_water, Visit visit) noexcept {
  for (uint32_t budget = kSweepSteps; budget > 0 && sweep->left > 0; --budget, --sweep->left) {
    if (sweep->next >= high_water) sweep->next = 0;
    visit(sweep->next++);
  }
}

template <typename Address>
void Shard::SweepConnections(Sweep* sweep) noexcept {
  auto& table = Connections<Address>();
  SweepSome(sweep, table.high_water(), [&](uint32_t slot) {
    Connection<Address>& record = table.at(slot);
    if (!record.Has(ConnectionFlag::kLive) || !MayDrop(record, now, defence)) return;
    record.Set(ConnectionFlag::kForced);
    Destroy<Address>(slot);
    counters.defence_connections.Add(1);
  });
}

bool Shard::MayDropTemplate(const TemplateRecord& record) const noexcept {
  if (!record.Has(TemplateFlag::kLive) || record.children > 0) return false;
  if (record.state == TemplateState::kAssured || record.Has(TemplateFlag::kPinned)) return false;
  if (record.real_id.is_none()) return false;
  // Under one-packet scheduling nothing is ever assured, so it would say nothing.
  const ServiceId service = snapshot->reals[record.real_id.index()].service;
  return service.index() >= snapshot->services.size() ||
         !snapshot->services[service.index()].is_one_packet;
}

void Shard::DropTemplate(uint32_t slot) noexcept {
  fabric.loads.AddTemplates(me, templates_.at(slot).real_id, -1);
  templates_.Erase(slot);
  counters.defence_templates.Add(1);
}

void Shard::EvaluateDefence(const DefenceView& settings) noexcept {
  const auto room = [](const auto& table) {
    return Defence::Room{table.capacity() - table.size(), table.capacity()};
  };
  defence.Evaluate(room(connections4_), room(connections6_), settings, now);
  counters.defence_low.Set(defence.is_low() ? 1 : 0);
  counters.defence_rate.Set(defence.rate(kDefenceAuto));
  if (!defence.IsActive(settings.drop_entry)) {
    sweep4_.left = sweep6_.left = sweep_templates_.left = 0;
    return;
  }
  sweep4_.left = ShareOf(connections4_.high_water());
  sweep6_.left = ShareOf(connections6_.high_water());
  sweep_templates_.left = ShareOf(templates_.high_water());
}

void Shard::RunDefence() noexcept {
  if (defence.IsDue(now)) EvaluateDefence(snapshot->defence);
  SweepConnections<Ipv4Address>(&sweep4_);
  SweepConnections<Ipv6Address>(&sweep6_);
  SweepSome(&sweep_templates_, templates_.high_water(), [&](uint32_t slot) {
    if (MayDropTemplate(templates_.at(slot))) DropTemplate(slot);
  });
}

}  // namespace fairlead::dataplane
