#include "dataplane/decide/local_endpoint.h"

namespace fairlead::dataplane {
namespace {

template <typename Address, typename Local>
Address InKeys(const Local& address) noexcept {
  if constexpr (std::is_same_v<Address, Local>) {
    return address;
  } else {
    return ImageOf<Address>(address);
  }
}

// Whether a client of the other IP version has this endpoint towards the record's real. A reply is
// looked up in both tables, and must mean one connection.
template <typename Address, typename Local>
[[gnu::noinline]] bool IsTakenByOther(Shard& shard, uint32_t slot, const Local& address,
                                      Be16 port) noexcept {
  using Other = OtherFamily<Address>;
  const Connection<Address>& record = shard.Connections<Address>().at(slot);
  const RealView& real = shard.snapshot->reals[record.real_id.index()];
  const auto key = FlowKey<Other>::Reply(record.protocol, ImageOf<Other>(address), port,
                                         ImageOf<Other>(real.address), record.real_port);
  const auto& others = shard.Connections<Other>();
  return others.Find(key, others.Hash(key), shard.now).hit();
}

// `Local`: of the pool and the real.
template <typename Address, typename Local>
bool GivePort(Shard& shard, uint32_t slot, FlowSide* flow, const LocalPool& pool,
              bool is_shared) noexcept {
  // Where its client and its real are of one version, only who mixes them can be in its way.
  const bool may_be_taken = !std::is_same_v<Address, Local> ||
                            shard.Connections<OtherFamily<Address>>().mixed_entries() != 0;
  auto& table = shard.Connections<Address>();
  const Connection<Address>& record = table.at(slot);
  const uint64_t remote = shard.fabric.hash(record.real_address, record.real_port, record.protocol);
  const bool is_alone = shard.fabric.steering.worker_count() == 1;
  return shard.local_ports.Give<Local>(
      pool, remote,
      [&](const Local& address, Be16 port) {
        const bool is_mine =
            is_alone || shard.fabric.steering.ConnectionOwner(address, port) == shard.me;
        if (!is_mine || !is_shared) return is_mine;
        return shard.snapshot->FindService(0, {IpAddress(address), port, record.protocol})
            .is_none();
      },
      [&](const Local& address, Be16 port) {
        if (may_be_taken && IsTakenByOther<Address>(shard, slot, address, port)) [[unlikely]]
          return false;
        return table.TakeLocal(slot, flow, address, port, shard.now);
      },
      [&](const Local& address, Be16 port) {
        table.PrefetchBuckets(shard.fabric.hash(InKeys<Address>(address), port, record.protocol));
      });
}

}  // namespace

template <typename Address>
DropReason TakeLocalEndpoint(Shard& shard, uint32_t slot, const LocalPool& pool,
                             bool is_shared) noexcept {
  auto& table = shard.Connections<Address>();
  SideRecord* side = table.FindSide(slot, SideKind::kFlow);
  if (side == nullptr) side = table.AttachSide(slot, SideKind::kFlow);
  if (side == nullptr) return DropReason::kSideTableFull;
  const bool is_mixed =
      !pool.addresses.empty() && pool.addresses.front().family() != Address::kFamily;
  // Its packets change their family, which the fast path does not do.
  if (is_mixed) table.at(slot).Set(ConnectionFlag::kLongWay);
  FlowSide* flow = &side->flow;
  const bool is_given =
      is_mixed ? GivePort<Address, OtherFamily<Address>>(shard, slot, flow, pool, is_shared)
               : GivePort<Address, Address>(shard, slot, flow, pool, is_shared);
  if (is_given) [[likely]]
    return DropReason::kCount;
  // A rule's range may be too narrow for this worker to have a port of it at all.
  if (!is_shared) shard.defence.NoteNoPort(table.at(slot).transport());
  return DropReason::kNoLocalPort;
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
