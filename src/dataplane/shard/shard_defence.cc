// drop_entry over the tables of a shard: each second one record in 32 is looked at, and what a
// flood leaves behind goes (ipvs.md, defences; docs/defence.md).
//
// The kernel picks buckets at random; here the look goes on where it ended, so every record is seen
// once in 32 seconds. It is done in small steps of the worker's turns.
//
// A table that is low is also held there at once (defence.h): the same look goes on, faster, and
// takes half-open connections and unproven templates that are old enough. A free record is used
// again before a new one, so what lies before the look is what has been there longest. Where local
// addresses have no port left (FULLNAT), it takes half-open connections that have one.
#include <algorithm>
#include <utility>

#include "dataplane/shard/shard.h"
#include "dataplane/tables/transport_state.h"

namespace fairlead::dataplane {
namespace {

template <typename Address>
bool MayDrop(const Connection<Address>& record, Tick now, Defence& defence) noexcept {
  if (record.children > 0 || record.Has(ConnectionFlag::kReleasePending)) return false;
  switch (record.transport()) {
    case Transport::kTcp: {
      const auto state = static_cast<TcpState>(record.state);
      if (state == TcpState::kSynRecv || state == TcpState::kSynAck) return true;
      if (state != TcpState::kEstablished) return false;
      break;
    }
    case Transport::kUdp:
      break;
  }
  const Tick last_packet = record.deadline - record.timeout;
  return (last_packet + Defence::kIdle).HasPassed(now) && defence.TakesIdle(record.packets);
}

// Whether the record was half open for so long without a word of its client.
template <typename Address>
bool IsStale(const Connection<Address>& record, Tick now, TickCount patience) noexcept {
  if (!record.Has(ConnectionFlag::kLive) || record.Has(ConnectionFlag::kReleasePending)) {
    return false;
  }
  const bool is_half_open = IsHalfOpen(record.transport(), record.state);
  const Tick last_packet = record.deadline - record.timeout;
  return is_half_open && record.children == 0 && (last_packet + patience).HasPassed(now);
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
void Shard::Force(uint32_t slot, Sweep* sweep) noexcept {
  Connections<Address>().at(slot).Set(ConnectionFlag::kForced);
  Destroy<Address>(slot);
  counters.defence_connections.Add(1);
  ++sweep->reclaimed;
}

template <typename Address>
void Shard::SweepConnections(Sweep* sweep) noexcept {
  auto& table = Connections<Address>();
  SweepSome(sweep, table.high_water(), [&](uint32_t slot) {
    const Connection<Address>& record = table.at(slot);
    if (!record.Has(ConnectionFlag::kLive) || !MayDrop(record, now, defence)) return;
    Force<Address>(slot, sweep);
  });
}

template <typename Table>
Defence::Room Shard::RoomOf(const Table& table, uint32_t reclaimed) noexcept {
  return {table.capacity() - table.size(), table.capacity(), reclaimed};
}

template <typename Table, typename Take>
bool Shard::MakeRoom(const Table& table, Sweep* sweep, Take take) noexcept {
  const uint8_t percent = snapshot->defence.amemthresh_percent;
  if (!Defence::NeedsRoom(RoomOf(table), percent)) [[likely]]
    return false;
  // Not again in this tick unless much less is asked for: there is less room than there was.
  const TickCount patience = Defence::Patience(RoomOf(table), percent);
  if (sweep->futile == now && 2 * patience >= sweep->futile_patience) return true;
  bool has_taken = false;
  for (uint32_t steps = kRoomSteps; steps > 0; --steps) {
    const Defence::Room room = RoomOf(table);
    if (!Defence::NeedsRoom(room, percent)) return true;
    if (sweep->next >= table.high_water()) sweep->next = 0;
    has_taken |= take(sweep->next++, Defence::Patience(room, percent));
  }
  if (!has_taken) {
    sweep->futile = now;
    sweep->futile_patience = patience;
  }
  return true;
}

template <typename Address>
bool Shard::MakeConnectionRoom(Sweep* sweep) noexcept {
  auto& table = Connections<Address>();
  return MakeRoom(table, sweep, [&](uint32_t slot, TickCount patience) {
    if (!IsStale(table.at(slot), now, patience)) return false;
    Force<Address>(slot, sweep);
    return true;
  });
}

// The ports of local addresses are short: of the half-open connections those that have one.
template <typename Address>
void Shard::FreePorts(Sweep* sweep) noexcept {
  const auto& table = Connections<Address>();
  if (table.second_entries() == 0 || sweep->futile_ports == now) return;
  bool has_taken = false;
  for (uint32_t steps = kRoomSteps; steps > 0; --steps) {
    if (sweep->next >= table.high_water()) sweep->next = 0;
    const uint32_t slot = sweep->next++;
    if (!IsStale(table.at(slot), now, Defence::kPortPatience)) continue;
    if (table.LocalOf(slot) == nullptr) continue;
    Force<Address>(slot, sweep);
    has_taken = true;
  }
  if (!has_taken) sweep->futile_ports = now;
}

// A template goes with connections it has, all of them half open: they stay, and what they say of
// it later is stale.
void Shard::MakeRooms() noexcept {
  const bool is_low4 = MakeConnectionRoom<Ipv4Address>(&sweep4_);
  const bool is_low6 = MakeConnectionRoom<Ipv6Address>(&sweep6_);
  const bool lacks_ports = defence.LacksPorts(Transport::kTcp);
  is_making_room_ = is_low4 || is_low6 || lacks_ports;
  if (lacks_ports) [[unlikely]] {
    FreePorts<Ipv4Address>(&sweep4_);
    FreePorts<Ipv6Address>(&sweep6_);
  }
  MakeRoom(templates_, &sweep_templates_, [&](uint32_t slot, TickCount patience) {
    const TemplateRecord& record = templates_.at(slot);
    if (!IsUnproven(record) || !(record.created + patience).HasPassed(now)) return false;
    DropTemplate(slot);
    return true;
  });
}

// Out of line: where no defence acts and SYN_RECV is as in Linux, nothing comes here.
template <typename Address>
void Shard::BoundHalfOpen(uint32_t slot, bool was_half_open, bool is_reply,
                          const Timeouts& timeouts) noexcept {
  ConnectionTable<Address>& table = Connections<Address>();
  const Connection<Address>& record = table.at(slot);
  const TickCount limit = timeouts.Of(TcpState::kSynRecv);
  if (is_reply && was_half_open && record.deadline.Remaining(now) <= limit) return;
  const TickCount timeout = timeouts.Of(static_cast<TcpState>(record.state));
  table.Touch(slot, now, std::min(timeout, limit));
}

bool Shard::IsUnproven(const TemplateRecord& record) const noexcept {
  if (!record.Has(TemplateFlag::kLive)) return false;
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
  defence.Evaluate(RoomOf(connections4_, std::exchange(sweep4_.reclaimed, 0)),
                   RoomOf(connections6_, std::exchange(sweep6_.reclaimed, 0)), settings, now);
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
  if (snapshot->defence.drop_entry != kDefenceOff) {
    MakeRooms();
  } else {
    is_making_room_ = false;
  }
  SweepConnections<Ipv4Address>(&sweep4_);
  SweepConnections<Ipv6Address>(&sweep6_);
  SweepSome(&sweep_templates_, templates_.high_water(), [&](uint32_t slot) {
    if (MayDropTemplate(templates_.at(slot))) DropTemplate(slot);
  });
}

template void Shard::BoundHalfOpen<Ipv4Address>(uint32_t, bool, bool, const Timeouts&) noexcept;
template void Shard::BoundHalfOpen<Ipv6Address>(uint32_t, bool, bool, const Timeouts&) noexcept;

}  // namespace fairlead::dataplane
