#include "dataplane/commands.h"

#include <algorithm>

#include "dataplane/decision.h"

namespace fairlead::dataplane {
namespace {

// A cursor over both families: the top bit names IPv6, the rest is the next slot.
constexpr uint64_t kInIpv6 = uint64_t{1} << 63;

bool MatchesReal(const Snapshot& snapshot, const RecordFilter& filter, RealId real) {
  if (!filter.real.is_none() && filter.real != real) return false;
  if (filter.service.is_none()) return true;
  return real.index() < snapshot.reals.size() &&
         snapshot.reals[real.index()].service == filter.service;
}

template <typename Address>
bool Matches(const Snapshot& snapshot, const RecordFilter& filter, const Connection<Address>& c) {
  if (!MatchesReal(snapshot, filter, c.real_id)) return false;
  if (filter.has_client && !filter.client.Contains(IpAddress(c.client_address))) return false;
  return filter.state < 0 || (c.protocol == kProtocolTcp && c.state == filter.state);
}

bool Matches(const Snapshot& snapshot, const RecordFilter& filter, const TemplateRecord& record) {
  if (!MatchesReal(snapshot, filter, record.real_id)) return false;
  return !filter.has_client || filter.client.Contains(record.client());
}

bool IsExpiredWithReal(const Snapshot& snapshot, RealId real) {
  return real.index() < snapshot.reals.size() &&
         snapshot.reals[real.index()].remains == Remains::kExpire;
}

ServiceId ServiceOfReal(const Snapshot& snapshot, RealId real) {
  return real.index() < snapshot.reals.size() ? snapshot.reals[real.index()].service : ServiceId{};
}

template <typename Address>
ConnectionRow RowOf(const Shard& shard, const Connection<Address>& c) {
  return {.protocol = c.protocol,
          .state = c.state,
          .flags = c.flags,
          .method = c.method,
          .client = {c.client_address, c.client_port},
          .virtual_endpoint = {c.virtual_address, c.virtual_port},
          .real_endpoint = {c.real_address, c.real_port},
          .real = c.real_id,
          .service = ServiceOfReal(*shard.snapshot, c.real_id),
          .remaining = c.deadline.Remaining(shard.now),
          .timeout = c.timeout,
          .packets = c.packets};
}

TemplateRow RowOf(const Shard& shard, const TemplateRecord& record) {
  return {.family = record.key.family,
          .protocol = record.key.protocol,
          .client = record.client(),
          .virtual_address = record.virtual_address(),
          .virtual_port = record.key.virtual_port,
          .real = record.real_id,
          .service = ServiceOfReal(*shard.snapshot, record.real_id),
          .real_port = record.destination_port,
          .is_assured = record.state == TemplateState::kAssured,
          .is_invalid = record.Has(TemplateFlag::kInvalidated),
          .children = record.children,
          .remaining = record.deadline.Remaining(shard.now),
          .timeout = record.timeout};
}

// Visits live slots from `*slot` on until the budget is spent, visit() says stop, or the table
// ends. True: it ended.
template <typename Table, typename Visitor>
bool Walk(Table& table, uint32_t* slot, uint64_t* budget, Visitor&& visit) {
  while (*budget > 0) {
    const auto span = static_cast<uint32_t>(*budget);
    const uint32_t live = table.NextLive(*slot, span);
    if (live == kNoSlot) {
      const uint64_t left = table.high_water() > *slot ? table.high_water() - *slot : 0;
      *budget -= std::min<uint64_t>(span, left);
      *slot += static_cast<uint32_t>(std::min<uint64_t>(span, left));
      if (*slot >= table.high_water()) return true;
      continue;
    }
    *budget -= live - *slot + 1;
    if (!visit(live)) {
      *slot = live;
      return false;
    }
    *slot = live + 1;
  }
  return *slot >= table.high_water();
}

// visit(table, slot) over the connections of both families, from the command's cursor on. True: all
// were seen.
template <typename Visitor>
bool WalkConnections(Shard& shard, uint64_t* cursor, Visitor&& visit) {
  uint64_t budget = kSliceRecords;
  if ((*cursor & kInIpv6) == 0) {
    auto slot = static_cast<uint32_t>(*cursor);
    auto& table = shard.Connections<Ipv4Address>();
    const bool ended = Walk(table, &slot, &budget, [&](uint32_t s) { return visit(table, s); });
    *cursor = ended ? kInIpv6 : slot;
    if (!ended) return false;
  }
  auto slot = static_cast<uint32_t>(*cursor & ~kInIpv6);
  auto& table = shard.Connections<Ipv6Address>();
  const bool ended = Walk(table, &slot, &budget, [&](uint32_t s) { return visit(table, s); });
  *cursor = kInIpv6 | slot;
  return ended;
}

// Appends a row when it fits; false: the list is full.
template <typename List, typename Row>
bool AddRow(List* list, const Row& row) {
  if (list->rows.size() >= std::min<size_t>(list->limit, list->rows.capacity())) return false;
  list->rows.push_back(row);
  return true;
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
    return AddRow(list, RowOf(shard, record));
  });
}

void RunFlushConnections(Shard& shard, FlushConnections* flush) noexcept {
  flush->is_complete = WalkConnections(shard, &flush->cursor, [&](auto& table, uint32_t slot) {
    const auto& record = table.at(slot);
    if (record.Has(ConnectionFlag::kReleasePending) ||
        !Matches(*shard.snapshot, flush->filter, record)) {
      return true;
    }
    using Address = std::remove_cvref_t<decltype(record.client_address)>;
    shard.template Destroy<Address>(slot);
    ++flush->flushed;
    return true;
  });
}

void RunListTemplates(Shard& shard, ListTemplates* list) noexcept {
  uint64_t budget = kSliceRecords;
  auto slot = static_cast<uint32_t>(list->cursor);
  TemplateTable& templates = shard.templates();
  list->is_complete = Walk(templates, &slot, &budget, [&](uint32_t s) {
    ++list->visited;
    const TemplateRecord& record = templates.at(s);
    if (templates.IsExpired(s, shard.now) || !Matches(*shard.snapshot, list->filter, record)) {
      return true;
    }
    return AddRow(list, RowOf(shard, record));
  });
  list->cursor = slot;
}

// A template with children stays until they are gone, as no lookup's answer; without, it goes at
// once.
void RunFlushTemplates(Shard& shard, FlushTemplates* flush) noexcept {
  uint64_t budget = kSliceRecords;
  auto slot = static_cast<uint32_t>(flush->cursor);
  TemplateTable& templates = shard.templates();
  flush->is_complete = Walk(templates, &slot, &budget, [&](uint32_t s) {
    const TemplateRecord& record = templates.at(s);
    if (record.Has(TemplateFlag::kInvalidated) ||
        !Matches(*shard.snapshot, flush->filter, record)) {
      return true;
    }
    if (record.children > 0) {
      templates.Invalidate(s);
    } else {
      templates.ExpireNow(s, shard.now);
    }
    ++flush->flushed;
    return true;
  });
  flush->cursor = slot;
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

void RunSweepTemplates(Shard& shard, SweepTemplates* sweep) noexcept {
  uint64_t budget = kSliceRecords;
  auto slot = static_cast<uint32_t>(sweep->cursor);
  TemplateTable& templates = shard.templates();
  sweep->is_complete = Walk(templates, &slot, &budget, [&](uint32_t s) {
    const TemplateRecord& record = templates.at(s);
    if (record.children == 0 && IsExpiredWithReal(*shard.snapshot, record.real_id)) {
      templates.ExpireNow(s, shard.now);
      ++sweep->swept;
    }
    return true;
  });
  sweep->cursor = slot;
}

}  // namespace fairlead::dataplane
