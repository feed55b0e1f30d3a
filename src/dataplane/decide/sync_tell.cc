#include "dataplane/decide/sync_tell.h"

#include "dataplane/decide/sync_due.h"
#include "dataplane/shard/stream_due.h"
#include "sync/ipvs/entry.h"

namespace fairlead::dataplane {
namespace {

using sync::SyncFlag;

constexpr uint32_t Bit(SyncFlag flag) noexcept { return static_cast<uint32_t>(flag); }

template <typename Address>
SyncMoment MomentOf(const Shard& shard, const Connection<Address>& record,
                    const SyncSide* side) noexcept {
  return {.transport = record.transport(),
          .state = record.state,
          .packets = record.packets,
          .now = shard.now,
          .deadline = record.deadline,
          .timeout = record.timeout,
          .was_sent = (record.sync & (kSyncSent | kSyncLearnt)) != 0,
          .sent_state = static_cast<uint8_t>(record.sync & kSyncState),
          .sent_retries = static_cast<uint8_t>((record.sync & kSyncRetries) >> kSyncRetryShift),
          .sent_end = side == nullptr ? Tick{} : side->sent_end};
}

template <typename Address>
uint32_t FlagsOf(const Connection<Address>& record) noexcept {
  uint32_t flags = TraitsOf(record.method).sync_number;
  if (record.Has(ConnectionFlag::kNoOutput)) flags |= Bit(SyncFlag::kNoOutput);
  if (record.Has(ConnectionFlag::kInactive)) flags |= Bit(SyncFlag::kInactive);
  if (record.Has(ConnectionFlag::kNoClientPort)) flags |= Bit(SyncFlag::kNoClientPort);
  if ((record.sync & kSyncLearnt) != 0) flags |= Bit(SyncFlag::kFromSync);
  return flags;
}

template <typename Address>
void WriteNews(const Snapshot& snapshot, const Connection<Address>& record, const RealView& real,
               SyncNews* news) noexcept {
  const size_t service = real.service.index();
  *news = {.client = record.client_address,
           .virtual_address = record.virtual_address,
           .real = record.real_address,
           .client_port = record.client_port,
           .virtual_port = record.virtual_port,
           .real_port = record.real_port,
           .protocol = record.protocol,
           .state = record.state,
           .flags = FlagsOf(record),
           .mark = service < snapshot.services.size() ? snapshot.services[service].mark : 0,
           .timeout_seconds = record.timeout / kTicksPerSecond};
}

}  // namespace

template <typename Address>
void TellOfConnection(Shard& shard, uint32_t slot, const RealView& real) noexcept {
  const SyncView& sync = shard.snapshot->sync;
  auto& table = shard.Connections<Address>();
  Connection<Address>& record = table.at(slot);
  // Nobody else has the port that its real server answers to.
  if (record.Has(ConnectionFlag::kOnePacket) || TranslatesClient(record.method)) return;
  if (sync.templates_only && record.Has(ConnectionFlag::kHasTemplate)) return;
  SideRecord* side = sync.refresh == 0 ? nullptr : table.FindSide(slot, SideKind::kSync);
  const SyncDue due = IsDue(sync, MomentOf(shard, record, side == nullptr ? nullptr : &side->sync));
  if (!due.is_due) return;
  // Without a free side record it is told of once more than it need be.
  if (sync.refresh != 0 && side == nullptr) side = table.AttachSide(slot, SideKind::kSync);
  if (side != nullptr) side->sync.sent_end = record.deadline;
  record.sync = static_cast<uint8_t>((record.sync & kSyncLearnt) | kSyncSent |
                                     due.retries << kSyncRetryShift | (record.state & kSyncState));
  shard.TellKernel([&](SyncNews* news) { WriteNews(*shard.snapshot, record, real, news); });
}

namespace {

// A connection before the packet that was followed last.
struct BeforePacket {
  uint8_t state = 0;
  uint32_t packets = 0;
  Tick deadline;
};

template <typename Address>
void TellPeers(Shard& shard, uint32_t slot, const RealView& real, const BeforePacket& before,
               Direction direction) noexcept {
  if ((shard.tells & kTellsKernel) != 0 && direction == Direction::kForward) {
    TellOfConnection<Address>(shard, slot, real);
  }
  if ((shard.tells & kTellsStream) == 0) return;
  const Connection<Address>& record = shard.Connections<Address>().at(slot);
  const bool is_due =
      IsStreamDue({.transport = record.transport(),
                   .state_before = before.state,
                   .state = record.state,
                   .packets_before = before.packets,
                   .packets = record.packets,
                   .offset = RefreshOffset(record.client_address, record.client_port),
                   .deadline_before = before.deadline,
                   .deadline = record.deadline,
                   .timeout = record.timeout});
  if (is_due) shard.StreamConnection<Address>(slot, sync::StreamEvent::kIs);
}

}  // namespace

template <typename Address>
void TellOfNew(Shard& shard, uint32_t slot, const RealView& real) noexcept {
  TellPeers<Address>(shard, slot, real, {}, Direction::kForward);
}

template <typename Address>
void TrackAndTell(Shard& shard, uint32_t slot, Direction direction, uint8_t tcp_flags,
                  const RealView& real) noexcept {
  Connection<Address>& record = shard.Connections<Address>().at(slot);
  record.Clear(ConnectionFlag::kFromSync);
  const BeforePacket before{record.state, record.packets, record.deadline};
  shard.Track<Address>(slot, direction, tcp_flags, real);
  TellPeers<Address>(shard, slot, real, before, direction);
}

#define FAIRLEAD_TELL(Address)                                                         \
  template void TellOfConnection<Address>(Shard&, uint32_t, const RealView&) noexcept; \
  template void TellOfNew<Address>(Shard&, uint32_t, const RealView&) noexcept;        \
  template void TrackAndTell<Address>(Shard&, uint32_t, Direction, uint8_t,            \
                                      const RealView&) noexcept;
FAIRLEAD_TELL(Ipv4Address)
FAIRLEAD_TELL(Ipv6Address)
#undef FAIRLEAD_TELL

}  // namespace fairlead::dataplane
