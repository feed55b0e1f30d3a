#include "flush.h"

#include "traffic.h"

namespace fairlead::bench {
namespace {

using namespace dataplane;

constexpr uint32_t kBatch = 1024;  // releases on their way: fewer than a ring takes

void DeliverReleases(Bed& bed) {
  for (size_t w = 0; w < bed.workers(); ++w) bed.loop(w).worker().shard().RunMessages();
}

template <typename Address, typename Filter>
void DestroyConnections(Bed& bed, const Filter& is_wanted) {
  for (size_t w = 0; w < bed.workers(); ++w) {
    Shard& shard = bed.loop(w).worker().shard();
    auto& table = shard.Connections<Address>();
    uint32_t destroyed = 0;
    for (uint32_t slot = 0; (slot = table.NextLive(slot, table.high_water())) != kNoSlot; ++slot) {
      if (!is_wanted(table.at(slot))) continue;
      shard.Destroy<Address>(slot);
      if (++destroyed % kBatch == 0) DeliverReleases(bed);
    }
    DeliverReleases(bed);
  }
}

void EraseTemplates(Bed& bed) {
  for (size_t w = 0; w < bed.workers(); ++w) {
    Shard& shard = bed.loop(w).worker().shard();
    TemplateTable& table = shard.templates();
    for (uint32_t slot = 0; (slot = table.NextLive(slot, table.high_water())) != kNoSlot; ++slot) {
      shard.fabric.loads.AddTemplates(shard.me, table.at(slot).real_id, -1);
      table.Erase(slot);
    }
  }
}

template <typename Address>
void MarkToldIn(Bed& bed) {
  for (size_t w = 0; w < bed.workers(); ++w) {
    auto& table = bed.loop(w).worker().shard().Connections<Address>();
    for (uint32_t slot = 0; (slot = table.NextLive(slot, table.high_water())) != kNoSlot; ++slot) {
      SideRecord* side = table.FindSide(slot, SideKind::kFlow);
      if (side == nullptr) continue;
      const unsigned how = side->flow.client_told & kClientToldHow;
      if (how != static_cast<unsigned>(ClientAddress::kToa)) continue;
      side->flow.client_told |= kClientTold;
      table.at(slot).Clear(ConnectionFlag::kLongWay);
    }
  }
}

}  // namespace

void MarkTold(Bed& bed) {
  MarkToldIn<Ipv4Address>(bed);
  MarkToldIn<Ipv6Address>(bed);
}

void FlushNewClients(Bed& bed) {
  DestroyConnections<Ipv4Address>(
      bed, [](const auto& record) { return IsNewClient(record.client_address); });
}

void FlushEverything(Bed& bed) {
  const auto all = [](const auto&) { return true; };
  DestroyConnections<Ipv4Address>(bed, all);
  DestroyConnections<Ipv6Address>(bed, all);
  EraseTemplates(bed);
}

}  // namespace fairlead::bench
