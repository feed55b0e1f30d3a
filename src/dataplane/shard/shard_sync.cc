// What a shard does with records that a peer tells of.
#include <algorithm>

#include "dataplane/shard/shard.h"
#include "sync/ipvs/entry.h"

namespace fairlead::dataplane {

template <typename Address>
void Shard::Follow(uint32_t slot, uint8_t state, bool is_inactive, TickCount timeout) noexcept {
  Connection<Address>& record = Connections<Address>().at(slot);
  record.state = state;
  SetInactive(&record.flags, record.real_id, is_inactive);
  Connections<Address>().Touch(slot, now, timeout);
}

void Shard::TellKernelOfTemplate(uint32_t slot) noexcept {
  using sync::SyncFlag;
  const TemplateRecord& record = templates_.at(slot);
  if (record.key.scope != 0 || record.key.spread != 0) return;
  const RealView& real = snapshot->reals[record.real_id.index()];
  SyncNews news;
  news.client = record.client();
  news.virtual_address = record.virtual_address();
  news.real = real.address;
  news.virtual_port = record.key.virtual_port;
  news.real_port = record.destination_port;
  news.protocol = record.key.protocol;
  news.state = static_cast<uint8_t>(record.state);
  news.flags = TraitsOf(real.method).sync_number | static_cast<uint32_t>(SyncFlag::kTemplate) |
               static_cast<uint32_t>(SyncFlag::kInactive);
  if (!RewritesReplies(real.method)) news.flags |= static_cast<uint32_t>(SyncFlag::kNoOutput);
  if (record.Has(TemplateFlag::kFromSync)) {
    news.flags |= static_cast<uint32_t>(SyncFlag::kFromSync);
  }
  if (news.protocol == 0) news.mark = news.virtual_address.Fold();
  news.timeout_seconds = std::min(record.timeout, kMaxTimeout) / kTicksPerSecond;
  TellKernel([&](SyncNews* told) { *told = news; });
}

template void Shard::Follow<Ipv4Address>(uint32_t, uint8_t, bool, TickCount) noexcept;
template void Shard::Follow<Ipv6Address>(uint32_t, uint8_t, bool, TickCount) noexcept;

}  // namespace fairlead::dataplane
