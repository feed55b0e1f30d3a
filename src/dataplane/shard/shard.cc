#include "dataplane/shard/shard.h"

#include <algorithm>
#include <bit>
#include <stdexcept>
#include <string>
#include <utility>

namespace fairlead::dataplane {
namespace {

// Workers and services draw different sequences, the same ones in each run of a test.
uint64_t SchedulerSeed(const FabricConfig& config, WorkerId worker, ServiceId service) noexcept {
  return MixMultiply(config.hash_secret[0] ^ (uint64_t{worker.value()} << 32 | service.value()),
                     config.hash_secret[1] | 1);
}

const ServiceView* KnownService(const Snapshot* snapshot, ServiceId id) noexcept {
  if (snapshot == nullptr || id.index() >= snapshot->services.size()) return nullptr;
  const ServiceView& service = snapshot->services[id.index()];
  return service.id == id ? &service : nullptr;
}

bool IsSamePlan(const sched::Plan& a, const sched::Plan& b) noexcept {
  return a.edit_count() == b.edit_count() && a.kind() == b.kind();
}

// Where the worker's records lie; empty spans: nowhere yet.
TableMemory MemoryOf(const FabricConfig& config, WorkerId worker) {
  const size_t given = config.table_memory.size();
  if (given != 0 && given != config.workers) {
    throw std::runtime_error("there is memory for the tables of " + std::to_string(given) +
                             " workers, and there are " + std::to_string(config.workers) +
                             "; give each its own");
  }
  return given == 0 ? TableMemory{} : config.table_memory[worker.index()];
}

// The records of one worker's table: what its memory has room for, else its share.
template <typename Record>
uint32_t CapacityOf(std::span<Record> memory, uint64_t total, const FabricConfig& config) {
  return memory.empty() ? ShareOf(total, config.workers) : static_cast<uint32_t>(memory.size());
}

template <typename T>
T OrThrow(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().ToString());
  return *std::move(result);
}

}  // namespace

Shard::Shard(Fabric& shared, WorkerId worker, Tick start)
    : Shard(shared, worker, start, MemoryOf(shared.config, worker)) {}

Shard::Shard(Fabric& shared, WorkerId worker, Tick start, const TableMemory& memory)
    : fabric(shared),
      me(worker),
      counters(shared.stats.worker(worker)),
      now(start),
      ip_id_step(static_cast<uint16_t>(std::bit_ceil(shared.config.workers))),
      next_ip_id(static_cast<uint16_t>(1 + worker.index())),
      datagram_ids(shared.hash, worker, shared.config.workers),
      neighbour_reports(shared.neighbours, *shared.events[worker.index()], counters, shared.hash),
      fragments(ShareOf(shared.config.fragments, shared.config.workers)),
      local_ports(MixMultiply(shared.config.hash_secret[0] ^ start.value, worker.index() + 1)),
      side_records_(OrThrow(SideTable::Create(
          CapacityOf(memory.side_records, shared.config.side_records, shared.config),
          shared.config.table_pages, memory.side_records))),
      connections4_(OrThrow(ConnectionTable<Ipv4Address>::Create(
          CapacityOf(memory.connections4, shared.config.connections, shared.config), shared.hash,
          start, shared.config.table_pages,
          {.side = &side_records_, .second_entries = side_records_.capacity()},
          memory.connections4))),
      connections6_(OrThrow(ConnectionTable<Ipv6Address>::Create(
          CapacityOf(memory.connections6, shared.config.connections6, shared.config), shared.hash,
          start, shared.config.table_pages,
          {.side = &side_records_, .second_entries = side_records_.capacity()},
          memory.connections6))),
      templates_(OrThrow(TemplateTable::Create(
          worker, CapacityOf(memory.templates, shared.config.templates, shared.config), shared.hash,
          start, shared.config.table_pages, &side_records_, memory.templates))),
      tournaments_(shared.config.reals) {
  scheduler_states.reserve(kServicesAhead);
  graces_.reserve(kServicesAhead);
  pending_grants_.reserve(kMaxWorkers * 64);
  counters.connection_capacity.Set(connections4_.capacity() + connections6_.capacity());
  counters.template_capacity.Set(templates_.capacity());
  counters.side_record_capacity.Set(side_records_.capacity());
  counters.fragmented_capacity.Set(fragments.capacity());
}

void Shard::Adopt(const Snapshot* before, const Snapshot& next) noexcept {
  scheduler_states.resize(std::max(scheduler_states.size(), next.services.size()));
  graces_.resize(scheduler_states.size());
  // One change among 10,000 services must not cost a look at each of them.
  if (before != nullptr && before->generation == next.changes_since) {
    for (const ServiceId id : next.changed_services) {
      AdoptService(before, next.services[id.index()]);
    }
  } else {
    for (const ServiceView& service : next.services) AdoptService(before, service);
  }
  tells = static_cast<uint8_t>((tells & kTellsStream) | (next.sync.is_on ? kTellsKernel : 0));
  has_two_way_ports = std::ranges::any_of(
      next.ports, [](const PortView& port) { return port.role == PortRole::kBoth; });
  EvaluateDefence(next.defence);
  UpdateIsObserved();
  if (next.snat != nullptr) OpenSnat();
  const bool has_new_rules =
      next.snat != nullptr && (before == nullptr || before->snat != next.snat);
  if (has_new_rules && snat != nullptr) snat->Adopt(*next.snat, fabric.stats.snat(me));
  tournaments_.Retire([&](ServiceId id) {
    return id.index() >= next.services.size() || next.services[id.index()].id.is_none();
  });
  std::erase_if(destinations_, [&](const ServiceDestinations& item) {
    const size_t index = item.service.index();
    return index >= next.services.size() || next.services[index].id.is_none() ||
           scheduler_states[index].destinations != item.table.get();
  });
}

TableMemory Shard::SnatMemory() const noexcept {
  const auto& all = fabric.config.table_memory;
  return all.empty() ? TableMemory{} : all[me.index()];
}

SnatFlows* Shard::OpenSnat() noexcept {
  if (snat == nullptr) {
    snat = SnatFlows::Create(fabric.config, SnatMemory(), fabric.hash, now);
    counters.snat_capacity.Set(snat == nullptr ? 0 : snat->capacity());
  }
  return snat.get();
}

void Shard::AdoptService(const Snapshot* before, const ServiceView& service) noexcept {
  if (service.id.is_none()) return;
  sched::State& state = scheduler_states[service.id.index()];
  const ServiceView* known = KnownService(before, service.id);
  NoteKeying(known, service);
  if (known == nullptr || !IsSamePlan(known->plan, service.plan)) {
    state = StateAfter(known, service);
    state.tournament = tournaments_.Follow(service.id, service.plan);
  }
  if (sched::DestinationMembers(service.plan.kind()) > 0 && state.destinations == nullptr) {
    AttachDestinations(service);
  }
}

sched::State Shard::StateAfter(const ServiceView* before,
                               const ServiceView& service) const noexcept {
  if (before == nullptr) {
    return sched::InitialState(service.plan, SchedulerSeed(fabric.config, me, service.id));
  }
  const sched::State& state = scheduler_states[service.id.index()];
  return IsSamePlan(before->plan, service.plan) ? state
                                                : sched::Adopt(before->plan, state, service.plan);
}

sched::State Shard::StateFor(const ServiceView& service) const noexcept {
  return StateAfter(KnownService(snapshot, service.id), service);
}

// Who counts as one client has changed: the grace of `rekey` begins.
void Shard::NoteKeying(const ServiceView* before, const ServiceView& service) noexcept {
  Grace& grace = graces_[service.id.index()];
  if (before == nullptr) {
    grace = {};
  } else if (before->persistence.keying_edits != service.persistence.keying_edits) {
    grace = {now + service.persistence.rekey, true};
  }
}

// Without memory the scheduler works too: it chooses anew each time.
void Shard::AttachDestinations(const ServiceView& service) noexcept {
  auto table = sched::DestinationTable::Create(sched::DestinationMembers(service.plan.kind()), now);
  sched::State& state = scheduler_states[service.id.index()];
  state.known = state.destinations = table.get();
  if (table != nullptr) destinations_.push_back({service.id, std::move(table)});
}

void Shard::SetInactive(uint16_t* flags, RealId real, bool inactive) noexcept {
  constexpr auto kBit = static_cast<uint16_t>(ConnectionFlag::kInactive);
  if (((*flags & kBit) != 0) == inactive) return;
  *flags ^= kBit;
  fabric.loads.AddActive(me, real, inactive ? -1 : 1);
  fabric.loads.AddInactive(me, real, inactive ? 1 : -1);
  tournaments_.Touch(real);
}

void Shard::CountTakenUp(RealId real, bool is_inactive) noexcept {
  if (is_inactive) {
    fabric.loads.AddInactive(me, real, 1);
  } else {
    fabric.loads.AddActive(me, real, 1);
  }
  tournaments_.Touch(real);
}

template <typename Address>
InsertOutcome Shard::Insert(const Connection<Address>& draft, uint64_t hash,
                            const RealView& real) noexcept {
  const InsertOutcome inserted = Connections<Address>().Insert(draft, hash, now);
  if (!inserted.ok()) return inserted;
  recent_inserts[InsertMark(hash)] = true;
  Connections<Address>().at(inserted.slot).Set(ConnectionFlag::kInactive);
  fabric.loads.AddInactive(me, draft.real_id, 1);
  tournaments_.Touch(draft.real_id);
  if (real.upper_threshold != 0) {
    fabric.loads.UpdateOverload(draft.real_id, real.upper_threshold, real.lower_threshold);
  }
  return inserted;
}

namespace {

// The real has an old connection from this local port in TIME_WAIT, and answers the SYN for that
// one, by an ACK alone. The client resets it and sends its SYN again, which the real then takes.
// So the record waits: if the ACK established it, the RST would close it, and the SYN would get
// another port, which may be no better.
template <typename Address>
bool AnswersForAnOldConnection(const Connection<Address>& record, uint8_t tcp_flags) noexcept {
  return record.state == static_cast<uint8_t>(TcpState::kSynRecv) &&
         record.transport() == Transport::kTcp && TranslatesClient(record.method) &&
         (tcp_flags & (kTcpSyn | kTcpRst | kTcpAck)) == kTcpAck;
}

}  // namespace

template <typename Address>
void Shard::Track(uint32_t slot, Direction direction, uint8_t tcp_flags,
                  const RealView& real) noexcept {
  Connection<Address>& record = Connections<Address>().at(slot);
  const bool is_reply = direction == Direction::kReply;
  const bool was_silent = record.Has(ConnectionFlag::kNoOutput);
  if (is_reply) {
    if (AnswersForAnOldConnection(record, tcp_flags)) [[unlikely]]
      return;
    record.Clear(ConnectionFlag::kNoOutput);
  } else {
    record.CountPacket();
  }
  const Timeouts& timeouts = TimeoutsOf(*snapshot, real);
  TickCount timeout = 0;
  bool is_assured = false;
  switch (record.transport()) {
    case Transport::kTcp: {
      const TcpDirection seen = is_reply     ? TcpDirection::kOut
                                : was_silent ? TcpDirection::kInputOnly
                                             : TcpDirection::kIn;
      const auto before = static_cast<TcpState>(record.state);
      const TcpState state = NextTcpState(before, seen, tcp_flags,
                                          defence.IsActive(PolicyOf(*snapshot, real).secure_tcp));
      record.state = static_cast<uint8_t>(state);
      SetInactive(&record.flags, record.real_id, !IsActive(state));
      if (IsHalfOpen(state) && (timeouts.bounds_half_open() || is_making_room_)) [[unlikely]] {
        return BoundHalfOpen<Address>(slot, IsHalfOpen(before), is_reply, timeouts);
      }
      timeout = timeouts.Of(state);
      is_assured = state == TcpState::kEstablished;
      break;
    }
    case Transport::kUdp:
      timeout = timeouts.udp;
      is_assured = is_reply;  // ipvs.md, template state
      if (is_reply && was_silent && record.Has(ConnectionFlag::kHasTemplate)) {
        record.Set(ConnectionFlag::kOwesTemplate);  // from now on (admission.h)
      }
      break;
  }
  Connections<Address>().Touch(slot, now, timeout);
  if (is_assured && record.Has(ConnectionFlag::kOwesTemplate)) PayTemplate(record);
}

// The template's owner is told that its child is established, unless the ring is full: then the
// next packet tries again.
template <typename Address>
void Shard::PayTemplate(Connection<Address>& record) noexcept {
  if (Tell({TemplateMessage::Kind::kAssured, record.template_ref})) {
    record.Clear(ConnectionFlag::kOwesTemplate);
  } else {
    record.Set(ConnectionFlag::kAssuredOwed);
  }
}

void Shard::SetAssured(const TemplateRef& ref) noexcept {
  if (!templates_.IsCurrent(ref)) return;
  const bool is_news = templates_.at(ref.slot).state != TemplateState::kAssured;
  templates_.SetAssured(ref);
  if ((tells & kTellsKernel) != 0) [[unlikely]]
    TellKernelOfTemplate(ref.slot);
  if ((tells & kTellsStream) != 0 && is_news) [[unlikely]]
    StreamTemplate(ref.slot, sync::StreamEvent::kIs);
}

bool Shard::Tell(const TemplateMessage& message) noexcept {
  if (message.ref.owner == me) {
    Handle(message);
    return true;
  }
  return fabric.messages(me, message.ref.owner).Push(message);
}

void Shard::Handle(const TemplateMessage& message) noexcept {
  using Kind = TemplateMessage::Kind;
  const bool is_assured = message.kind == Kind::kAssured || message.kind == Kind::kReleaseAssured;
  if (is_assured) SetAssured(message.ref);
  if (message.kind != Kind::kAssured) templates_.ReleaseChild(message.ref, now);
  if (message.kind == Kind::kReleaseForced && templates_.IsCurrent(message.ref) &&
      MayDropTemplate(templates_.at(message.ref.slot))) {
    DropTemplate(message.ref.slot);
  }
}

// What the template's owner is told of a connection's end.
template <typename Address>
TemplateMessage ReleaseOf(const Connection<Address>& record) noexcept {
  using Kind = TemplateMessage::Kind;
  const bool owes_assured =
      record.Has(ConnectionFlag::kAssuredOwed) && record.Has(ConnectionFlag::kOwesTemplate);
  const Kind kind = owes_assured                          ? Kind::kReleaseAssured
                    : record.Has(ConnectionFlag::kForced) ? Kind::kReleaseForced
                                                          : Kind::kRelease;
  return {kind, record.template_ref};
}

template <typename Address>
bool Shard::Forget(Connection<Address>& record) noexcept {
  const RealId real_id = record.real_id;
  if (record.Has(ConnectionFlag::kInactive)) {
    fabric.loads.AddInactive(me, real_id, -1);
  } else {
    fabric.loads.AddActive(me, real_id, -1);
  }
  tournaments_.Touch(real_id);
  const RealView& real = snapshot->reals[real_id.index()];
  if (real.upper_threshold != 0) {
    fabric.loads.UpdateOverload(real_id, real.upper_threshold, real.lower_threshold);
  }
  ++epoch;
  if (!record.Has(ConnectionFlag::kHasTemplate)) return true;
  if (Tell(ReleaseOf(record))) return true;
  record.Set(ConnectionFlag::kReleasePending);
  return false;
}

template <typename Address>
void Shard::Destroy(uint32_t slot) noexcept {
  if ((tells & kTellsStream) != 0) [[unlikely]]
    StreamConnection<Address>(slot, sync::StreamEvent::kGone);
  DestroyUntold<Address>(slot);
}

template <typename Address>
void Shard::DestroyUntold(uint32_t slot) noexcept {
  auto& table = Connections<Address>();
  if (Forget(table.at(slot))) {
    table.Erase(slot);
    return;
  }
  table.Detach(slot);
  table.at(slot).wheel_next = PendingReleases<Address>();
  PendingReleases<Address>() = slot;
}

void Shard::ReleaseGrant(const TemplateRef& ref) noexcept {
  if (!Tell({TemplateMessage::Kind::kRelease, ref})) pending_grants_.push_back(ref);
}

template <typename Address>
void Shard::RetryReleases() noexcept {
  auto& table = Connections<Address>();
  uint32_t& head = PendingReleases<Address>();
  while (head != kNoSlot) {
    const Connection<Address>& record = table.at(head);
    if (!Tell(ReleaseOf(record))) return;
    const uint32_t slot = head;
    head = record.wheel_next;
    table.Free(slot);
  }
}

size_t Shard::RunMessages() noexcept {
  size_t handled = 0;
  for (size_t from = 0; from < fabric.config.workers; ++from) {
    if (from == me.index()) continue;
    auto& ring = fabric.messages(WorkerId{static_cast<uint8_t>(from)}, me);
    TemplateMessage message;
    for (size_t i = 0; i < ring.capacity() && ring.Pop(&message); ++i, ++handled) Handle(message);
  }
  RetryReleases<Ipv4Address>();
  RetryReleases<Ipv6Address>();
  while (!pending_grants_.empty() &&
         Tell({TemplateMessage::Kind::kRelease, pending_grants_.back()})) {
    pending_grants_.pop_back();
  }
  return handled;
}

template <typename Address>
size_t Shard::ExpireConnections() noexcept {
  auto& table = Connections<Address>();
  size_t gone = 0;
  table.ExpireSome(now, kExpirySteps, [&](uint32_t slot) {
    ++gone;
    if (Forget(table.at(slot))) return ExpiryDecision::Erase();
    table.at(slot).wheel_next = PendingReleases<Address>();
    PendingReleases<Address>() = slot;
    return ExpiryDecision::Detach();
  });
  return gone;
}

size_t Shard::Expire() noexcept {
  for (const ServiceDestinations& item : destinations_) {
    const sched::Plan& plan = snapshot->services[item.service.index()].plan;
    item.table->Collect(now, plan.flags().destination_lifetime);
  }
  size_t gone = ExpireConnections<Ipv4Address>() + ExpireConnections<Ipv6Address>();
  if (snat != nullptr) [[unlikely]]
    gone += snat->Expire(now, fabric.stats.snat(me));
  templates_.ExpireSome(now, kExpirySteps, [&](uint32_t slot) {
    fabric.loads.AddTemplates(me, templates_.at(slot).real_id, -1);
    ++gone;
  });
  return gone;
}

void Shard::UpdateGauges() noexcept {
  counters.connections.Set(connections4_.size() + connections6_.size());
  counters.templates.Set(templates_.size());
  counters.side_records.Set(side_records_.size());
  counters.snat_flows.Set(snat == nullptr ? 0 : snat->size());
  counters.fragmented.Set(fragments.size());
  counters.fragmented_displaced.Set(fragments.displaced());
}

#define FAIRLEAD_SHARD(Address)                                                                \
  template InsertOutcome Shard::Insert(const Connection<Address>&, uint64_t,                   \
                                       const RealView&) noexcept;                              \
  template void Shard::Track<Address>(uint32_t, Direction, uint8_t, const RealView&) noexcept; \
  template void Shard::Destroy<Address>(uint32_t) noexcept;                                    \
  template void Shard::DestroyUntold<Address>(uint32_t) noexcept;
FAIRLEAD_SHARD(Ipv4Address)
FAIRLEAD_SHARD(Ipv6Address)
#undef FAIRLEAD_SHARD

}  // namespace fairlead::dataplane
