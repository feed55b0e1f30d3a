// The greatest clients of a stream, against exact counts.
#include "dataplane/shard/client_sketch.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>

namespace fairlead::dataplane::client_sketch_test {
namespace {

const TableHash kHash(0x1234567, 0x89abcdef);

IpAddress Client(uint32_t number) { return Ipv4Address::FromHost(0x0b000000u + number); }

// A stream whose n-th client comes with 1/n of the first one's frequency, in sketches of several
// workers and in exact counts.
struct Stream {
  std::vector<ClientSketch> sketches;
  std::map<IpAddress, uint64_t> exact;
  uint64_t total = 0;

  Stream(size_t workers, size_t buckets, uint32_t clients, uint32_t packets, uint32_t most_each) {
    for (size_t i = 0; i < workers; ++i) sketches.emplace_back(buckets, kHash);
    std::vector<double> weights;
    for (uint32_t n = 1; n <= clients; ++n) weights.push_back(1.0 / n);
    std::discrete_distribution<uint32_t> draw(weights.begin(), weights.end());
    std::mt19937 random(7);
    for (uint32_t i = 0; i < packets; ++i) {
      const IpAddress client = Client(draw(random));
      const uint64_t amount = 1 + random() % most_each;
      sketches[random() % workers].Add(client, amount);
      exact[client] += amount;
      total += amount;
    }
  }
  [[nodiscard]] ClientRanking Rank(size_t limit) const {
    std::vector<const ClientSketch*> pointers;
    for (const ClientSketch& sketch : sketches) pointers.push_back(&sketch);
    return RankClients(pointers, limit);
  }
};

void ExpectEachBoundToHold(const Stream& stream) {
  const ClientRanking all = stream.Rank(1'000'000);
  EXPECT_EQ(all.total, stream.total);
  EXPECT_EQ(all.known, all.clients.size());
  std::map<IpAddress, AmountBounds> known;
  for (const RankedClient& ranked : all.clients) known[ranked.client] = ranked.amount;
  for (const auto& [client, amount] : stream.exact) {
    const auto found = known.find(client);
    if (found == known.end()) {
      EXPECT_LE(amount, all.unknown_at_most) << client.ToString();
      continue;
    }
    EXPECT_LE(found->second.at_least, amount) << client.ToString();
    EXPECT_GE(found->second.at_most, amount) << client.ToString();
  }
}

TEST(ClientSketch, IsExactWhileThereAreFewClients) {
  const Stream stream(2, ClientSketch::kBuckets, 200, 20'000, 1);
  const ClientRanking ranking = stream.Rank(5);
  ASSERT_EQ(ranking.clients.size(), 5u);
  EXPECT_EQ(ranking.known, stream.exact.size());
  EXPECT_EQ(ranking.unknown_at_most, 0u);
  for (const RankedClient& ranked : ranking.clients) {
    EXPECT_EQ(ranked.amount.at_least, stream.exact.at(ranked.client));
    EXPECT_EQ(ranked.amount.at_most, stream.exact.at(ranked.client));
  }
}

TEST(ClientSketch, EachBoundHoldsOverManyClients) {
  ExpectEachBoundToHold(Stream(1, ClientSketch::kBuckets, 50'000, 200'000, 1));
  ExpectEachBoundToHold(Stream(4, ClientSketch::kBuckets, 50'000, 200'000, 1500));
  ExpectEachBoundToHold(Stream(2, 1, 100, 5'000, 9));
}

TEST(ClientSketch, TheGreatestClientsOfManyAreFoundInTheirOrder) {
  const Stream stream(2, ClientSketch::kBuckets, 50'000, 200'000, 1);
  const ClientRanking ranking = stream.Rank(10);
  std::vector<std::pair<uint64_t, IpAddress>> exact;
  for (const auto& [client, amount] : stream.exact) exact.emplace_back(amount, client);
  std::sort(exact.rbegin(), exact.rend());
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(ranking.clients[i].client, exact[i].second) << i;
  for (size_t i = 0; i < 10; ++i) {
    // As far as the error lets anybody say.
    EXPECT_GE(exact[i].first, ranking.clients[i].amount.at_least) << i;
    EXPECT_LT(ranking.clients[i].amount.at_most - ranking.clients[i].amount.at_least,
              exact[9].first)
        << i;
  }
}

TEST(ClientSketch, WhoHasMoreThanAnEighthOfItsBucketIsKnown) {
  ClientSketch sketch(1, kHash);
  for (uint32_t i = 0; i < 700; ++i) sketch.Add(Client(i), 1);
  sketch.Add(Client(9999), 101);
  for (uint32_t i = 700; i < 800; ++i) sketch.Add(Client(i), 1);
  const AmountBounds bounds = sketch.BoundsOf(Client(9999));
  EXPECT_GE(bounds.at_most, 101u);
  EXPECT_LE(bounds.at_least, 101u);
  EXPECT_GT(bounds.at_least, 0u);
  EXPECT_LE(sketch.UnknownAtMost(0), sketch.total() / 8);
}

TEST(ClientSketch, FamiliesAreApart) {
  ClientSketch sketch(ClientSketch::kBuckets, kHash);
  sketch.Add(*IpAddress::Parse("1.2.3.4"), 3);
  sketch.Add(*IpAddress::Parse("102:304::"), 5);
  EXPECT_EQ(sketch.BoundsOf(*IpAddress::Parse("1.2.3.4")), (AmountBounds{3, 3}));
  EXPECT_EQ(sketch.BoundsOf(*IpAddress::Parse("102:304::")), (AmountBounds{5, 5}));
  EXPECT_EQ(sketch.BoundsOf(*IpAddress::Parse("1.2.3.5")), AmountBounds{});
}

TEST(ClientSketch, NobodyGivesNothing) {
  EXPECT_TRUE(RankClients({}, 10).clients.empty());
  const ClientSketch empty(ClientSketch::kBuckets, kHash);
  const ClientSketch* one = &empty;
  EXPECT_TRUE(RankClients({&one, 1}, 10).clients.empty());
}

}  // namespace
}  // namespace fairlead::dataplane::client_sketch_test
