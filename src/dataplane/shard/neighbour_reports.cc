#include "dataplane/shard/neighbour_reports.h"

namespace fairlead::dataplane {

NeighbourReports::NeighbourReports(const NeighbourTable& table, EventRing& ring,
                                   WorkerCounters& counters, const TableHash& hash)
    : table_(table),
      ring_(ring),
      counters_(counters),
      hash_(hash),
      neighbours_(std::make_unique<OfNeighbour[]>(table.capacity())),
      sources_(std::make_unique<OfSource[]>(kSources)) {}

bool NeighbourReports::Want(const Wish& wish, Tick now) noexcept {
  const Event event{.kind = Event::Kind::kNeighbourWanted,
                    .need = wish.need,
                    .port = wish.port,
                    .address = wish.hop,
                    .mac = {}};
  if (wish.id.is_none()) {
    return MayTellOfUnknown(wish.port, wish.need, wish.source, now) && ring_.Push(event);
  }
  // The control core asks for it already; that it is wanted only keeps it from being forgotten.
  if (!table_.IsPinned(wish.id) && HasPlace(false) &&
      neighbours_[wish.id.index()].wanted.Take(now)) {
    ring_.Push(event);
  }
  return true;
}

void NeighbourReports::Seen(PortId port, const IpAddress& address, const MacAddress& mac,
                            Tick now) noexcept {
  const Event event{.kind = Event::Kind::kNeighbourSeen,
                    .need = NeighbourNeed::kSeen,
                    .port = port,
                    .address = address,
                    .mac = mac};
  const NeighbourId id = table_.Find(port, address);
  if (id.is_none()) {
    // Here the source is whoever has the MAC.
    Ipv6Address speaker{};
    mac.Store(speaker.bytes.data());
    if (MayTellOfUnknown(port, NeighbourNeed::kSeen, hash_(speaker, {}, 0), now)) ring_.Push(event);
    return;
  }
  if (!HasPlace(table_.IsPinned(id))) return counters_.neighbour_events_lost.Add(1);
  const Neighbour known = table_.Load(id);
  OfNeighbour& limits = neighbours_[id.index()];
  const bool is_news = !known.is_reachable() || known.mac != mac;
  if (is_news ? limits.news.Take(now) : limits.confirmed.Take(now)) ring_.Push(event);
}

void NeighbourReports::Tell(const Event& event) noexcept {
  if (!HasPlace(false)) return counters_.neighbour_events_lost.Add(1);
  ring_.Push(event);
}

bool NeighbourReports::MayTellOfUnknown(PortId port, NeighbourNeed need, uint64_t source,
                                        Tick now) noexcept {
  const bool has_source = need == NeighbourNeed::kRouted || need == NeighbourNeed::kSeen;
  if (!HasPlace(need == NeighbourNeed::kHost)) {
    counters_.neighbour_events_lost.Add(1);
    return false;
  }
  if ((has_source && !sources_[source % kSources].Take(now)) ||
      !ports_[port.index()].unknown[static_cast<size_t>(need)].Take(now)) {
    counters_.neighbour_limited.Add(1);
    return false;
  }
  return true;
}

}  // namespace fairlead::dataplane
