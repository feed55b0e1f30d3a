#include "dataplane/shard/kept_tables.h"

#include <algorithm>

#include "dataplane/tables/record_layout.h"

namespace fairlead::dataplane {
namespace {

// Five counters of eight bytes; raise the revision when their order or meaning changes.
constexpr uint64_t kTrafficLayout = LayoutHash().Add(sizeof(TrafficCounters)).Add(1).value();

enum Section : size_t { kConnections4, kConnections6, kTemplates, kSide, kTraffic, kSnat4, kSnat6 };

template <typename Record>
std::span<Record> RecordsOf(std::span<std::byte> section) {
  return {reinterpret_cast<Record*>(section.data()), section.size() / sizeof(Record)};
}

}  // namespace

std::vector<ArenaSection> KeptSections(const FabricConfig& fabric) {
  const auto share = [&](uint64_t total) { return ShareOf(total, fabric.workers); };
  return {
      {"connections4", sizeof(Connection4), share(fabric.connections), kConnection4Layout},
      {"connections6", sizeof(Connection6), share(fabric.connections6), kConnection6Layout},
      {"templates", sizeof(TemplateRecord), share(fabric.templates), kTemplateLayout},
      {"side", sizeof(SideRecord), share(fabric.side_records), kSideLayout},
      {"traffic", sizeof(TrafficCounters), fabric.reals, kTrafficLayout},
      {"snat4", sizeof(SnatFlow<Ipv4Address>), share(fabric.snat_flows), kSnatLayout<Ipv4Address>},
      {"snat6", sizeof(SnatFlow<Ipv6Address>), share(fabric.snat_flows), kSnatLayout<Ipv6Address>}};
}

TableMemory TablesIn(const SectionBytes& section) {
  return {RecordsOf<Connection4>(section(kConnections4)),
          RecordsOf<Connection6>(section(kConnections6)),
          RecordsOf<TemplateRecord>(section(kTemplates)),
          RecordsOf<SideRecord>(section(kSide)),
          RecordsOf<SnatFlow<Ipv4Address>>(section(kSnat4)),
          RecordsOf<SnatFlow<Ipv6Address>>(section(kSnat6))};
}

std::span<TrafficCounters> TrafficIn(const SectionBytes& section) {
  return RecordsOf<TrafficCounters>(section(kTraffic));
}

void KeepIn(const Arena& arena, FabricConfig* fabric) {
  for (uint32_t w = 0; w < fabric->workers; ++w) {
    const SectionBytes section = [&](size_t index) { return arena.section(w, index); };
    fabric->table_memory.push_back(TablesIn(section));
    fabric->traffic_memory.push_back(TrafficIn(section));
  }
  std::ranges::copy(arena.secrets().table_hash, fabric->hash_secret);
  fabric->steering_key = arena.secrets().toeplitz;
}

}  // namespace fairlead::dataplane
