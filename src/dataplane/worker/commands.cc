#include "dataplane/worker/commands.h"

#include "dataplane/decide/decision.h"
#include "dataplane/shard/table_walk.h"

namespace fairlead::dataplane {
namespace {

template <typename Address>
bool Matches(const Snapshot& snapshot, const RecordFilter& filter, const Connection<Address>& c) {
  if (!MatchesReal(snapshot, filter, c.real_id)) return false;
  if (filter.has_client && !filter.client.Contains(IpAddress(c.client_address))) return false;
  return filter.state < 0 || (c.protocol == kProtocolTcp && c.state == filter.state);
}

// A record has what a peer told of in another place.
template <typename Address>
uint16_t ShownFlags(const Connection<Address>& c) {
  const bool is_learnt = (c.sync & kSyncLearnt) != 0;
  return static_cast<uint16_t>(c.flags | (is_learnt ? FlagMask(ConnectionFlag::kFromSync) : 0));
}

// The real's, where a record of the client's family cannot have it.
template <typename Address>
IpAddress RealAddressOf(const Snapshot& snapshot, const Connection<Address>& c) {
  const bool may_mix = TraitsOf(c.method).may_mix_families;
  if (!may_mix || c.real_id.index() >= snapshot.reals.size()) return c.real_address;
  const IpAddress& address = snapshot.reals[c.real_id.index()].address;
  return address.family() == Address::kFamily ? IpAddress(c.real_address) : address;
}

template <typename Address>
std::optional<Endpoint> LocalOf(const ConnectionTable<Address>& table, uint32_t slot) {
  const LocalEndpoint local = table.LocalEndpointOf(slot);
  if (local.port.is_zero()) return std::nullopt;
  return local;
}

template <typename Address>
ConnectionRow RowOf(const Shard& shard, const ConnectionTable<Address>& table, uint32_t slot) {
  const Connection<Address>& c = table.at(slot);
  return {.protocol = c.protocol,
          .state = c.state,
          .flags = ShownFlags(c),
          .method = c.method,
          .client = {c.client_address, c.client_port},
          .virtual_endpoint = {c.virtual_address, c.virtual_port},
          .real_endpoint = {RealAddressOf(*shard.snapshot, c), c.real_port},
          .local_endpoint = LocalOf(table, slot),
          .real = c.real_id,
          .service = ServiceOfReal(*shard.snapshot, c.real_id),
          .remaining = c.deadline.Remaining(shard.now),
          .timeout = c.timeout,
          .packets = c.packets};
}

}  // namespace

void RunListConnections(Shard& shard, ListConnections* list) noexcept {
  list->is_complete = WalkConnections(shard, &list->cursor, [&](auto& table, uint32_t slot) {
    ++list->visited;
    const auto& record = table.at(slot);
    if (record.Has(ConnectionFlag::kReleasePending) || table.IsExpired(slot, shard.now) ||
        !Matches(*shard.snapshot, list->filter, record)) {
      return true;
    }
    return AddRow(list, RowOf(shard, table, slot));
  });
}

void RunFlushConnections(Shard& shard, FlushConnections* flush) noexcept {
  flush->is_complete = WalkConnections(shard, &flush->cursor, [&](auto& table, uint32_t slot) {
    const auto& record = table.at(slot);
    if (record.Has(ConnectionFlag::kReleasePending) ||
        !Matches(*shard.snapshot, flush->filter, record)) {
      return true;
    }
    ++flush->flushed;
    if (flush->is_trial) return true;
    using Address = std::remove_cvref_t<decltype(record.client_address)>;
    shard.template Destroy<Address>(slot);
    return true;
  });
}

void RunSweepConnections(Shard& shard, SweepConnections* sweep) noexcept {
  sweep->is_complete = WalkConnections(shard, &sweep->cursor, [&](auto& table, uint32_t slot) {
    const auto& record = table.at(slot);
    if (record.Has(ConnectionFlag::kReleasePending) || record.children > 0 ||
        !IsExpiredWithReal(*shard.snapshot, record.real_id)) {
      return true;
    }
    using Address = std::remove_cvref_t<decltype(record.client_address)>;
    shard.template Destroy<Address>(slot);
    ++sweep->swept;
    return true;
  });
}

}  // namespace fairlead::dataplane
