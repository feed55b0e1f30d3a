#include "dataplane/shard/snat_flows.h"

#include <algorithm>
#include <new>
#include <utility>

namespace fairlead::dataplane {
namespace {

// A service listens there: what comes to it is no reply.
template <typename Address>
bool IsServed(const Snapshot& snapshot, uint8_t protocol, const SnatEndpoint<Address>& local) {
  return IsTransport(protocol) &&
         !snapshot.FindService(0, {IpAddress(local.address), local.port, protocol}).is_none();
}

}  // namespace

std::unique_ptr<SnatFlows> SnatFlows::Create(const FabricConfig& config, const TableMemory& memory,
                                             const TableHash& hash, Tick now) noexcept {
  const uint32_t share = ShareOf(config.snat_flows, config.workers);
  const auto capacity_of = [share](const auto& records) {
    return records.empty() ? share : static_cast<uint32_t>(records.size());
  };
  // Reserved pages are counted out at the start, when nobody knew of a rule.
  const HugePages pages =
      config.table_pages == HugePages::kOff ? HugePages::kOff : HugePages::kTransparent;
  auto table4 =
      SnatTable<Ipv4Address>::Create(capacity_of(memory.snat4), hash, now, pages, memory.snat4);
  auto table6 =
      SnatTable<Ipv6Address>::Create(capacity_of(memory.snat6), hash, now, pages, memory.snat6);
  if (!table4 || !table6) return nullptr;
  return std::unique_ptr<SnatFlows>(new (std::nothrow)
                                        SnatFlows(*std::move(table4), *std::move(table6)));
}

void SnatFlows::Adopt(const SnatView& rules, SnatCounters* counters) noexcept {
  for (const SnatRule& rule : rules.rules) {
    if (std::exchange(uses_[rule.slot], rule.use) == rule.use) continue;
    SnatCounters& row = counters[rule.slot];
    for (Counter* counter : {&row.begun, &row.flows, &row.exhausted, &row.out_packets,
                             &row.out_bytes, &row.in_packets, &row.in_bytes}) {
      counter->Set(0);
    }
  }
  if (!std::exchange(is_taken_up_, false)) return;
  Assign<Ipv4Address>(rules, counters);
  Assign<Ipv6Address>(rules, counters);
}

template <typename Address>
void SnatFlows::Assign(const SnatView& rules, SnatCounters* counters) noexcept {
  SnatTable<Address>& flows = Table<Address>();
  for (uint32_t at = 0; at < flows.high_water(); ++at) {
    SnatFlow<Address>& flow = flows.at(at);
    if (flow.protocol == 0) continue;
    const SnatRule* of = nullptr;  // by its address alone, where its host's rule is gone
    for (const SnatRule& rule : rules.rules) {
      if (std::ranges::find(rule.addresses, IpAddress(flow.local)) == rule.addresses.end())
        continue;
      const bool has_host = rule.source.Contains(IpAddress(flow.client));
      if (of == nullptr || has_host) of = &rule;
      if (has_host) break;
    }
    // Of no rule: it has the first slot as of another use, so it counts for nobody.
    flow.slot =
        of == nullptr ? UseBit(uses_[0] + 1) : static_cast<uint8_t>(of->slot | UseBit(of->use));
    if (of == nullptr) continue;
    Counter& live = counters[of->slot].flows;
    live.Set(live.value() + 1);
  }
}

template <typename Address>
SnatPorts::Wish SnatFlows::WishOf(const SnatRule& rule,
                                  const SnatKey<Address>& key) const noexcept {
  const SnatTable<Address>& flows = table<Address>();
  return {.host = flows.HashOf({0, key.near, Be16{}, Address{}, Be16{}}),
          .flow = flows.HashOf(key),
          .remote = flows.HashOf(
              {key.protocol, Address{}, Be16::FromHost(rule.slot), key.remote, key.remote_port}),
          .port = key.near_port};
}

template <typename Address>
bool SnatFlows::ChooseLocal(const SnatRule& rule, const SnatKey<Address>& key,
                            const SnatPlace& place, SnatEndpoint<Address>* local) const noexcept {
  const SnatTable<Address>& flows = table<Address>();
  const auto is_free = [&](const Address& address, Be16 port) {
    const SnatKey<Address> reply{key.protocol, address, port, key.remote, key.remote_port};
    return flows.template Find<SnatWay::kIn>(reply, place.now) == kNoSlot &&
           !IsServed<Address>(place.snapshot, key.protocol, {address, port});
  };
  return ports_.Find<Address>(rule, WishOf(rule, key), is_free, &local->address, &local->port);
}

template <typename Address>
SnatBegun SnatFlows::Begin(const SnatRule& rule, const SnatKey<Address>& key,
                           const SnatPlace& place) noexcept {
  SnatTable<Address>& flows = Table<Address>();
  if (flows.size() == flows.capacity()) return {kNoSlot, DropReason::kSnatTableFull};
  SnatEndpoint<Address> local;
  const bool is_found = ChooseLocal(rule, key, place, &local);
  ports_.Note(WishOf(rule, key), is_found);
  if (!is_found) return {};
  SnatFlow<Address> flow{};
  flow.client = key.near;
  flow.client_port = key.near_port;
  flow.local = local.address;
  flow.local_port = local.port;
  flow.remote = key.remote;
  flow.remote_port = key.remote_port;
  flow.protocol = key.protocol;
  flow.slot = static_cast<uint8_t>(rule.slot | UseBit(rule.use));
  flow.timeout = kNewConnectionTimeout;
  return {flows.Insert(flow, place.now), DropReason::kSnatTableFull};
}

template <typename Address>
void SnatFlows::Track(uint32_t slot, Direction direction, uint8_t tcp_flags,
                      const Timeouts& timeouts, Tick now) noexcept {
  SnatTable<Address>& flows = Table<Address>();
  SnatFlow<Address>& flow = flows.at(slot);
  const bool is_reply = direction == Direction::kReply;
  const bool was_answered = flow.is_answered != 0;
  flow.is_answered = was_answered || is_reply ? 1 : 0;
  TickCount timeout = kSnatPingTimeout;
  if (flow.protocol == kProtocolTcp) {
    const TcpDirection seen = is_reply       ? TcpDirection::kOut
                              : was_answered ? TcpDirection::kIn
                                             : TcpDirection::kInputOnly;
    const TcpState state =
        NextTcpState(static_cast<TcpState>(flow.state), seen, tcp_flags, /*secure_tcp=*/false);
    flow.state = static_cast<uint8_t>(state);
    timeout = timeouts.Of(state);
  } else if (flow.protocol == kProtocolUdp) {
    timeout = flow.is_answered ? timeouts.udp : std::min(timeouts.udp, kSnatUnansweredTimeout);
  }
  flows.Touch(slot, now, timeout);
}

size_t SnatFlows::Expire(Tick now, SnatCounters* counters) noexcept {
  const auto forget = [this, counters](const auto& flow) {
    SnatCounters* own = CountersOf(flow.slot, counters);
    if (own != nullptr && own->flows.value() > 0) own->flows.Set(own->flows.value() - 1);
  };
  return table4_.ExpireSome(now, kExpirySteps, forget) +
         table6_.ExpireSome(now, kExpirySteps, forget);
}

#define FAIRLEAD_SNAT_FLOWS(Address)                                                               \
  template SnatBegun SnatFlows::Begin(const SnatRule&, const SnatKey<Address>&,                    \
                                      const SnatPlace&) noexcept;                                  \
  template bool SnatFlows::ChooseLocal(const SnatRule&, const SnatKey<Address>&, const SnatPlace&, \
                                       SnatEndpoint<Address>*) const noexcept;                     \
  template void SnatFlows::Track<Address>(uint32_t, Direction, uint8_t, const Timeouts&,           \
                                          Tick) noexcept;
FAIRLEAD_SNAT_FLOWS(Ipv4Address)
FAIRLEAD_SNAT_FLOWS(Ipv6Address)
#undef FAIRLEAD_SNAT_FLOWS

}  // namespace fairlead::dataplane
