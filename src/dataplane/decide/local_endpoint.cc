#include "dataplane/decide/local_endpoint.h"

namespace fairlead::dataplane {

template <typename Address>
DropReason TakeLocalEndpoint(Shard& shard, uint32_t slot, const LocalPool& pool,
                             bool is_shared) noexcept {
  auto& table = shard.Connections<Address>();
  SideRecord* side = table.FindSide(slot, SideKind::kFlow);
  if (side == nullptr) side = table.AttachSide(slot, SideKind::kFlow);
  if (side == nullptr) return DropReason::kSideTableFull;
  const Connection<Address>& record = table.at(slot);
  const uint64_t remote = shard.fabric.hash(record.real_address, record.real_port, record.protocol);
  const bool is_alone = shard.fabric.steering.worker_count() == 1;
  const bool is_given = shard.local_ports.Give<Address>(
      pool, remote,
      [&](const Address& address, Be16 port) {
        const bool is_mine =
            is_alone || shard.fabric.steering.ConnectionOwner(address, port) == shard.me;
        if (!is_mine || !is_shared) return is_mine;
        return shard.snapshot->FindService(0, {IpAddress(address), port, record.protocol})
            .is_none();
      },
      [&](const Address& address, Be16 port) {
        return table.TakeLocal(slot, address, port, shard.now);
      },
      [&](const Address& address, Be16 port) {
        table.PrefetchBuckets(shard.fabric.hash(address, port, record.protocol));
      });
  return is_given ? DropReason::kCount : DropReason::kNoLocalPort;
}

template <typename Address>
DropReason GiveLocalEndpoint(Shard& shard, uint32_t slot, const RealView& real) noexcept {
  const RealId id = shard.Connections<Address>().at(slot).real_id;
  const auto& pools = shard.snapshot->local_pools;
  const DropReason refusal =
      real.local_pool.index() < pools.size()
          ? TakeLocalEndpoint<Address>(shard, slot, pools[real.local_pool.index()])
          : DropReason::kNoLocalPort;
  if (refusal == DropReason::kCount) return refusal;
  if (refusal == DropReason::kNoLocalPort) {
    shard.fabric.stats.traffic(shard.me, id).no_local_port.Add(1);
  }
  shard.DestroyUntold<Address>(slot);
  return refusal;
}

template <typename Address>
DropReason GiveHairpinEndpoint(Shard& shard, uint32_t slot, const SnatRule& rule) noexcept {
  DropReason refusal = TakeLocalEndpoint<Address>(shard, slot, rule, /*is_shared=*/true);
  if (refusal == DropReason::kCount) return refusal;
  if (refusal == DropReason::kNoLocalPort) {
    refusal = DropReason::kSnatExhausted;
    shard.fabric.stats.snat(shard.me)[rule.slot].exhausted.Add(1);
  }
  shard.DestroyUntold<Address>(slot);
  return refusal;
}

#define FAIRLEAD_LOCAL_ENDPOINT(Address)                                                      \
  template DropReason TakeLocalEndpoint<Address>(Shard&, uint32_t, const LocalPool&,          \
                                                 bool) noexcept;                              \
  template DropReason GiveLocalEndpoint<Address>(Shard&, uint32_t, const RealView&) noexcept; \
  template DropReason GiveHairpinEndpoint<Address>(Shard&, uint32_t, const SnatRule&) noexcept;
FAIRLEAD_LOCAL_ENDPOINT(Ipv4Address)
FAIRLEAD_LOCAL_ENDPOINT(Ipv6Address)
#undef FAIRLEAD_LOCAL_ENDPOINT

}  // namespace fairlead::dataplane
