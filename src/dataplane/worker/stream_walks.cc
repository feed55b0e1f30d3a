// Copies of records for the stream between directors, and the sums by which two of them find out
// where their tables differ.
#include <optional>

#include "dataplane/shard/stream_due.h"
#include "dataplane/shard/table_walk.h"
#include "dataplane/worker/commands.h"

namespace fairlead::dataplane {
namespace {

using sync::StreamKind;

// Peers may know of it. One that is closing is over before two tables have been compared.
template <typename Address>
bool IsInStream(const Connection<Address>& record, Family real, bool has_closing) noexcept {
  return FitsStream(record, real) && IsStreamed(record.transport(), record.state, record.packets) &&
         (has_closing || !IsClosing(record.transport(), record.state));
}

Family FamilyOfReal(const Shard& shard, RealId real) noexcept {
  return shard.snapshot->reals[real.index()].address.family();
}

template <typename Address>
uint32_t RangeOf(const Connection<Address>& record) noexcept {
  return sync::RangeOf(StreamKind::kConnection, record.protocol, record.client_address,
                       record.client_port, record.virtual_address, record.virtual_port);
}

// Nothing: what stands in the key is not what an entry says of it.
std::optional<uint32_t> RangeOf(const TemplateRecord& record) noexcept {
  if (record.key.Has(TemplateScope::kEngine)) return std::nullopt;
  return sync::RangeOf(StreamKind::kTemplate, record.key.protocol, record.client(), Be16{},
                       record.virtual_address(), record.key.virtual_port);
}

// visit(news, text, range) → whether to go on; over what peers may know of and wants(range), from
// the cursor on, a slice. True: all were seen.
template <typename Wants, typename Visit>
bool WalkRecords(Shard& shard, StreamCursor* cursor, bool has_closing, Wants wants, Visit visit) {
  if (!cursor->are_connections_done) {
    cursor->are_connections_done =
        WalkConnections(shard, &cursor->connections, [&](auto& table, uint32_t slot) {
          const auto& record = table.at(slot);
          using Address = std::remove_cvref_t<decltype(record.client_address)>;
          const Family real = FamilyOfReal(shard, record.real_id);
          if (table.IsExpired(slot, shard.now) || !IsInStream(record, real, has_closing)) {
            return true;
          }
          const uint32_t range = RangeOf(record);  // a copy of each would be dear
          return !wants(range) ||
                 visit(shard.template NewsOf<Address>(slot), std::string_view{}, range);
        });
    return false;
  }
  return WalkTemplates(shard, &cursor->templates, [&](TemplateTable& templates, uint32_t slot) {
    const TemplateRecord& record = templates.at(slot);
    const Family real = FamilyOfReal(shard, record.real_id);
    if (templates.IsExpired(slot, shard.now) || !IsStreamed(record, real)) return true;
    const std::optional<uint32_t> of_key = RangeOf(record);
    if (of_key && !wants(*of_key)) return true;
    std::array<char, sync::kMostEngineDataBytes> text;
    std::string_view engine;
    const StreamNews news = shard.NewsOf(slot, text, &engine);
    const uint32_t range = RangeOf(news.body);
    return !wants(range) || visit(news, engine, range);
  });
}

// False: there is no room for all of it.
bool AddRows(WalkStream* walk, const StreamNews& news, std::string_view text) {
  const size_t pieces = (text.size() + StreamNewsText::kBytes - 1) / StreamNewsText::kBytes;
  if (walk->rows.size() + 1 + pieces > walk->rows.capacity()) return false;
  walk->rows.push_back(news);
  for (; !text.empty(); text.remove_prefix(walk->rows.back().text.length)) {
    walk->rows.push_back(PieceOf(text));
  }
  return true;
}

}  // namespace

void RunWalkStream(Shard& shard, WalkStream* walk) noexcept {
  shard.SetStreamClock(walk->clock);
  walk->is_complete = WalkRecords(
      shard, &walk->cursor, true, [&](uint32_t range) { return walk->ranges->test(range); },
      [&](const StreamNews& news, std::string_view text, uint32_t) {
        return AddRows(walk, news, text);
      });
}

void RunDigestStream(Shard& shard, DigestStream* digest) noexcept {
  shard.SetStreamClock(digest->clock);
  digest->is_complete = WalkRecords(
      shard, &digest->cursor, false, [](uint32_t) { return true; },
      [&](const StreamNews& news, std::string_view text, uint32_t range) {
        sync::RangeDigest& sum = digest->digests[range];
        sum.sum += DigestOf(news.body, text);
        ++sum.records;
        return true;
      });
}

}  // namespace fairlead::dataplane
