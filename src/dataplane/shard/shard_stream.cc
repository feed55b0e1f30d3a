// What a shard tells other Fairlead directors of its records, and what it does with those that they
// tell of (docs/sync.md).
#include <algorithm>
#include <new>

#include "dataplane/shard/plain_virtual.h"
#include "dataplane/shard/shard.h"
#include "dataplane/shard/stream_due.h"

namespace fairlead::dataplane {
namespace {

using sync::StreamEvent;
using sync::StreamFlag;
using sync::StreamKind;
using sync::SyncFlag;

constexpr uint32_t Bit(SyncFlag flag) noexcept { return static_cast<uint32_t>(flag); }
constexpr uint8_t Bit(StreamFlag flag) noexcept { return static_cast<uint8_t>(flag); }

sync::SyncSequence SequenceOf(const SequenceShift& shift) noexcept {
  return {shift.initial, shift.delta, shift.previous_delta};
}

}  // namespace

void Shard::SetStreamClock(const StreamClock& clock) noexcept {
  wall_ = {.ms = clock.wall_ms, .at = now, .creator = clock.creator};
}

void Shard::TellStreamOf(const StreamClock& clock, bool is_on) noexcept {
  SetStreamClock(clock);
  tells = static_cast<uint8_t>((tells & ~kTellsStream) | (is_on ? kTellsStream : 0));
  UpdateIsObserved();
}

uint64_t Shard::WallMs(Tick at) const noexcept {
  constexpr int64_t kTickMs = 1000 / kTicksPerSecond;
  const auto ahead = static_cast<int32_t>(at.value - wall_.at.value);
  return wall_.ms + static_cast<uint64_t>(ahead * kTickMs);
}

template <typename Address>
StreamNews Shard::NewsOf(uint32_t slot) noexcept {
  const ConnectionTable<Address>& table = Connections<Address>();
  const Connection<Address>& record = table.at(slot);
  StreamNews news;
  StreamNewsBody& body = news.body;
  body.kind = static_cast<uint8_t>(StreamKind::kConnection);
  body.protocol = record.protocol;
  body.state = record.state;
  record.client_address.Store(body.client.data());
  record.virtual_address.Store(body.virtual_address.data());
  record.real_address.Store(body.real.data());
  body.client_port = record.client_port;
  body.virtual_port = record.virtual_port;
  body.real_port = record.real_port;
  body.family = body.real_family = Address::kFamily;
  body.flags = TraitsOf(record.method).sync_number;
  if (record.Has(ConnectionFlag::kNoOutput)) body.flags |= Bit(SyncFlag::kNoOutput);
  if (record.Has(ConnectionFlag::kInactive)) body.flags |= Bit(SyncFlag::kInactive);
  if (record.Has(ConnectionFlag::kNoClientPort)) body.flags |= Bit(SyncFlag::kNoClientPort);
  if (record.Has(ConnectionFlag::kFromSync)) body.flags |= Bit(SyncFlag::kFromSync);
  const size_t service = snapshot->reals[record.real_id.index()].service.index();
  if (service < snapshot->services.size()) body.mark = snapshot->services[service].mark;
  body.timeout = record.timeout;
  body.left = record.deadline.Remaining(now);
  body.packets = record.packets;
  body.creator = wall_.creator;  // when it began no connection remembers
  const SideRecord* side = table.FindSide(slot, SideKind::kFlow);
  if (side != nullptr) [[unlikely]] {
    body.to_real = SequenceOf(side->flow.to_real);
    body.to_client = SequenceOf(side->flow.to_client);
  }
  return news;
}

void Shard::StampTemplate(uint32_t slot) noexcept {
  TemplateRecord& record = templates_.at(slot);
  if (record.origin_created != 0) return;
  record.origin_created = std::max<uint64_t>(WallMs(record.created), 1);
  record.creator = wall_.creator;
}

StreamNews Shard::NewsOf(uint32_t slot, std::span<char> text, std::string_view* engine) noexcept {
  StampTemplate(slot);
  const TemplateRecord& record = templates_.at(slot);
  const RealView& real = snapshot->reals[record.real_id.index()];
  StreamNews news;
  StreamNewsBody& body = news.body;
  body.kind = static_cast<uint8_t>(StreamKind::kTemplate);
  body.protocol = record.key.protocol;
  body.state = static_cast<uint8_t>(record.state);
  body.client = record.key.client;
  body.virtual_address = record.key.virtual_address;
  body.real = real.address.bytes();
  body.virtual_port = record.key.virtual_port;
  body.real_port = record.destination_port;
  body.family = record.key.family;
  body.real_family = real.address.family();
  body.scope = record.key.scope;
  body.spread = record.key.spread;
  body.client_bits = record.client_prefix_length;
  body.flags = TraitsOf(real.method).sync_number | Bit(SyncFlag::kTemplate);
  if (record.Has(TemplateFlag::kFromSync)) body.flags |= Bit(SyncFlag::kFromSync);
  if (record.state == TemplateState::kAssured) body.stream_flags |= Bit(StreamFlag::kAssured);
  if (record.Has(TemplateFlag::kPinned)) body.stream_flags |= Bit(StreamFlag::kPinned);
  body.timeout = record.timeout;
  body.left = record.Remaining(now);
  if (record.Has(TemplateFlag::kHasLifetime)) {
    body.lifetime_left = std::max<TickCount>(record.lifetime_end.Remaining(now), 1);
  }
  body.created_ms = record.origin_created;
  body.creator = record.creator;
  *engine = {};
  if (record.key.Has(TemplateScope::kEngine)) [[unlikely]] {
    body.virtual_address = PlainVirtualPart(*snapshot, real);
    *engine = {text.data(), templates_.CopyEngineText(slot, text)};
    body.text_bytes = static_cast<uint8_t>(engine->size());
  }
  if (body.protocol == 0 && !record.key.Has(TemplateScope::kServiceGroup)) {
    body.mark = VirtualAddressOf(body).Fold();
  }
  return news;
}

template <typename Address>
void Shard::StreamConnection(uint32_t slot, StreamEvent event) noexcept {
  const Connection<Address>& record = Connections<Address>().at(slot);
  if (!FitsStream(record, snapshot->reals[record.real_id.index()].address.family())) return;
  // Peers know of it, and what ends here is not only our copy of what goes on with them.
  if (event == StreamEvent::kGone &&
      (record.Has(ConnectionFlag::kFromSync) ||
       !IsStreamed(record.transport(), record.state, record.packets))) {
    return;
  }
  const auto write = [&](StreamNews* news) {
    ::new (news) StreamNews(NewsOf<Address>(slot));
    news->body.event = event;
    return std::string_view{};
  };
  if (!fabric.stream_news[me.index()]->Push(write)) counters.stream_news_lost.Add(1);
}

void Shard::StreamTemplate(uint32_t slot, StreamEvent event) noexcept {
  const TemplateRecord& record = templates_.at(slot);
  if (!IsStreamed(record, snapshot->reals[record.real_id.index()].address.family())) return;
  std::array<char, sync::kMostEngineDataBytes> text;
  const auto write = [&](StreamNews* news) {
    std::string_view engine;
    ::new (news) StreamNews(NewsOf(slot, text, &engine));
    news->body.event = event;
    return engine;
  };
  if (!fabric.stream_news[me.index()]->Push(write)) counters.stream_news_lost.Add(1);
}

void Shard::TellOfTemplate(uint32_t slot, std::optional<Tick> before) noexcept {
  if ((tells & kTellsKernel) != 0) TellKernelOfTemplate(slot);
  if ((tells & kTellsStream) == 0) return;
  const TemplateRecord& record = templates_.at(slot);
  const bool is_due = !before || IsRefreshDue(RefreshOffset(Ipv6Address{record.key.client}, {}),
                                              *before, record.deadline, record.timeout);
  if (is_due) StreamTemplate(slot, StreamEvent::kIs);
}

template <typename Address>
void Shard::FollowPeer(uint32_t slot, uint8_t state, TickCount timeout, TickCount left) noexcept {
  Connection<Address>& record = Connections<Address>().at(slot);
  record.state = state;
  record.Set(ConnectionFlag::kFromSync);
  SetInactive(&record.flags, record.real_id, true);
  Connections<Address>().Follow(slot, now, timeout, left);
}

#define FAIRLEAD_STREAM(Address)                                                        \
  template StreamNews Shard::NewsOf<Address>(uint32_t) noexcept;                        \
  template void Shard::StreamConnection<Address>(uint32_t, sync::StreamEvent) noexcept; \
  template void Shard::FollowPeer<Address>(uint32_t, uint8_t, TickCount, TickCount) noexcept;
FAIRLEAD_STREAM(Ipv4Address)
FAIRLEAD_STREAM(Ipv6Address)
#undef FAIRLEAD_STREAM

}  // namespace fairlead::dataplane
