// Who has most, of any number of clients, in memory that is set aside once.
//
//   ClientSketch sketch(ClientSketch::kBuckets, hash);
//   sketch.Add(client, 1);         // for each packet
//   sketch.BoundsOf(client)        // {at_least, at_most}
//   const ClientSketch* const all[] = {&a, &b};
//   RankClients(all, 10)           // over the sketches of several workers
//
// Space-Saving (Metwally, Agrawal, El Abbadi: Efficient Computation of Frequent and Top-k Elements
// in Data Streams, 2005), once in each bucket of eight clients: a client that is not known takes
// the place of the one with least, and its amount, which is from then on its error. So an amount is
// never too small, and too great by its error at the most; a client that is not known has no more
// than the least of its bucket has, which is an eighth of what the bucket has got at the most. With
// fewer clients than places nearly every amount is exact. A secret spreads clients over the
// buckets, so nobody can aim at one. Threads: a value of whoever counts. Invariants: the amounts of
// a bucket add up to what it has got.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/hash.h"

namespace fairlead::dataplane {

// What a client has got, for certain and perhaps.
struct AmountBounds {
  uint64_t at_least = 0, at_most = 0;
  friend bool operator==(const AmountBounds&, const AmountBounds&) = default;
};

class ClientSketch {
 public:
  static constexpr size_t kWays = 8;
  static constexpr size_t kBuckets = 256;  // 2,048 clients in 74 KiB

  // A power of two buckets.
  ClientSketch(size_t buckets, const TableHash& hash) : hash_(hash), buckets_(buckets) {}

  void Add(const IpAddress& client, uint64_t amount) noexcept;

  [[nodiscard]] AmountBounds BoundsOf(const IpAddress& client) const noexcept;
  // What a client in the bucket at the most has that is not known there.
  [[nodiscard]] uint64_t UnknownAtMost(size_t bucket) const noexcept;
  [[nodiscard]] uint64_t total() const noexcept { return total_; }
  [[nodiscard]] size_t buckets() const noexcept { return buckets_.size(); }
  // visit(client) for each that is known.
  template <typename Visitor>
  void Visit(Visitor visit) const {
    for (const Bucket& bucket : buckets_) {
      for (size_t way = 0; way < kWays; ++way) {
        if (bucket.amounts[way] != 0) visit(bucket.clients[way]);
      }
    }
  }

 private:
  struct Bucket {
    std::array<uint32_t, kWays> tags{};     // of the clients' hashes: most others differ there
    std::array<uint64_t, kWays> amounts{};  // 0: nobody
    std::array<uint64_t, kWays> errors{};
    std::array<IpAddress, kWays> clients{};
  };

  struct Place {
    size_t bucket, way;  // the way is kWays when the client is not known
    uint32_t tag;
  };

  [[nodiscard]] Place Find(const IpAddress& client) const noexcept;
  static size_t Least(const Bucket& bucket) noexcept;

  TableHash hash_;
  std::vector<Bucket> buckets_;
  uint64_t total_ = 0;
};

struct RankedClient {
  IpAddress client;
  AmountBounds amount;
};

struct ClientRanking {
  std::vector<RankedClient> clients;  // the greatest first
  uint64_t total = 0;                 // of all clients
  uint64_t known = 0;                 // clients that are known, listed or not
  uint64_t unknown_at_most = 0;       // no client that is not known has more
};

// Precondition: the sketches have the same hash and number of buckets.
ClientRanking RankClients(std::span<const ClientSketch* const> sketches, size_t limit);

}  // namespace fairlead::dataplane
