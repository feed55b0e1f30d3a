#include "dataplane/shard/client_sketch.h"

#include <algorithm>
#include <unordered_set>

namespace fairlead::dataplane {

ClientSketch::Place ClientSketch::Find(const IpAddress& client) const noexcept {
  const uint64_t hash =
      client.is_v4() ? hash_(client.v4(), Be16{}, 0) : hash_(client.v6(), Be16{}, 0);
  const size_t index = hash & (buckets_.size() - 1);
  const auto tag = static_cast<uint32_t>(hash >> 32);
  const Bucket& bucket = buckets_[index];
  for (size_t way = 0; way < kWays; ++way) {
    if (bucket.tags[way] == tag && bucket.amounts[way] != 0 && bucket.clients[way] == client) {
      return {index, way, tag};
    }
  }
  return {index, kWays, tag};
}

size_t ClientSketch::Least(const Bucket& bucket) noexcept {
  size_t least = 0;
  for (size_t way = 1; way < kWays; ++way) {
    if (bucket.amounts[way] < bucket.amounts[least]) least = way;
  }
  return least;
}

void ClientSketch::Add(const IpAddress& client, uint64_t amount) noexcept {
  const Place place = Find(client);
  Bucket& bucket = buckets_[place.bucket];
  total_ += amount;
  if (place.way != kWays) {
    bucket.amounts[place.way] += amount;
    return;
  }
  const size_t least = Least(bucket);
  bucket.tags[least] = place.tag;
  bucket.clients[least] = client;
  bucket.errors[least] = bucket.amounts[least];
  bucket.amounts[least] += amount;
}

AmountBounds ClientSketch::BoundsOf(const IpAddress& client) const noexcept {
  const Place place = Find(client);
  const Bucket& bucket = buckets_[place.bucket];
  if (place.way == kWays) return {0, UnknownAtMost(place.bucket)};
  return {bucket.amounts[place.way] - bucket.errors[place.way], bucket.amounts[place.way]};
}

uint64_t ClientSketch::UnknownAtMost(size_t bucket) const noexcept {
  return buckets_[bucket].amounts[Least(buckets_[bucket])];
}

ClientRanking RankClients(std::span<const ClientSketch* const> sketches, size_t limit) {
  ClientRanking ranking;
  std::unordered_set<IpAddress> known;
  for (const ClientSketch* sketch : sketches) {
    ranking.total += sketch->total();
    sketch->Visit([&](const IpAddress& client) { known.insert(client); });
  }
  ranking.known = known.size();
  for (const IpAddress& client : known) {
    AmountBounds sum;
    for (const ClientSketch* sketch : sketches) {
      const AmountBounds bounds = sketch->BoundsOf(client);
      sum.at_least += bounds.at_least;
      sum.at_most += bounds.at_most;
    }
    ranking.clients.push_back({client, sum});
  }
  for (size_t bucket = 0; !sketches.empty() && bucket < sketches[0]->buckets(); ++bucket) {
    uint64_t sum = 0;
    for (const ClientSketch* sketch : sketches) sum += sketch->UnknownAtMost(bucket);
    ranking.unknown_at_most = std::max(ranking.unknown_at_most, sum);
  }
  // By the middle of what it may be.
  const auto is_before = [](const RankedClient& a, const RankedClient& b) {
    const uint64_t left = a.amount.at_least + a.amount.at_most;
    const uint64_t right = b.amount.at_least + b.amount.at_most;
    return left != right ? left > right : a.client < b.client;
  };
  const size_t shown = std::min(limit, ranking.clients.size());
  std::partial_sort(ranking.clients.begin(),
                    ranking.clients.begin() + static_cast<std::ptrdiff_t>(shown),
                    ranking.clients.end(), is_before);
  ranking.clients.resize(shown);
  return ranking;
}

}  // namespace fairlead::dataplane
