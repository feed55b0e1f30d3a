// What a shard does with records that a peer tells of.
#include <algorithm>
#include <array>
#include <string_view>

#include "dataplane/shard/plain_virtual.h"
#include "dataplane/shard/shard.h"
#include "dataplane/shard/sync_text.h"
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
  const bool is_engine = record.key.scope == static_cast<uint8_t>(TemplateScope::kEngine);
  if ((record.key.scope != 0 && !is_engine) || record.key.spread != 0) return;
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
  news.timeout_seconds = std::min(record.timeout, kMaxTimeout) / kTicksPerSecond;
  std::array<char, sync::kMostEngineDataBytes> bytes;
  std::string_view text;
  if (is_engine) [[unlikely]] {
    text = {bytes.data(), templates_.CopyEngineText(slot, bytes)};
    if (text.empty()) return;  // nobody could find it again
    const Family family = news.protocol == 0 ? Family::kIpv4 : record.key.family;
    news.virtual_address = AddressIn(PlainVirtualPart(*snapshot, real), family);
    SetTextBytes(text.size(), &news);
  }
  if (news.protocol == 0) news.mark = news.virtual_address.Fold();
  // No piece may follow one that was lost, nor a template that was: who reads would add it to what
  // came before.
  bool is_told = TellKernel([&](SyncNews* told) { *told = news; });
  for (; is_told && !text.empty(); text.remove_prefix(PieceBytes(text))) {
    is_told = TellKernel([&](SyncNews* told) { *told = TextPieceOf(text); });
  }
}

template void Shard::Follow<Ipv4Address>(uint32_t, uint8_t, bool, TickCount) noexcept;
template void Shard::Follow<Ipv6Address>(uint32_t, uint8_t, bool, TickCount) noexcept;

}  // namespace fairlead::dataplane
