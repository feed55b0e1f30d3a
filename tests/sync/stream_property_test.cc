// Two directors that tell each other of everything agree, whatever is late, comes in another order
// or is lost: the same real server for each client, the right counts, and nothing left in the end.
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "stream_bed.h"
#include "take_up_checks.h"

namespace fairlead::sync::stream_property_test {
namespace {

using namespace fairlead::dataplane;
using Entries = StreamSide::Entries;

constexpr const char* kVip = "192.0.2.10";
constexpr int kClients = 12;
constexpr int kReals = 4;

std::string ClientOf(int i) { return "198.51.100." + std::to_string(i + 1); }
std::string RealOf(int i) { return "10.0.0." + std::to_string(11 + i); }

// News on their way: in order for one record, in any order else.
class Channel {
 public:
  void Put(const Entries& news) {
    for (const StreamEntry& entry : news) queues_[KeyOf(entry)].push_back(entry);
  }
  // Some of the records' oldest; `share` of a hundred.
  Entries Get(std::mt19937* random, uint32_t share) {
    Entries some;
    for (auto at = queues_.begin(); at != queues_.end();) {
      while (!at->second.empty() && (*random)() % 100 < share) {
        some.push_back(at->second.front());
        at->second.pop_front();
      }
      at = at->second.empty() ? queues_.erase(at) : std::next(at);
    }
    return some;
  }
  [[nodiscard]] bool is_empty() const { return queues_.empty(); }

 private:
  static std::string KeyOf(const StreamEntry& e) {
    return std::to_string(static_cast<int>(e.kind)) + e.client.ToString() + " " +
           std::to_string(e.client_port.host()) + " " + std::to_string(e.virtual_port.host());
  }
  std::map<std::string, std::deque<StreamEntry>> queues_;
};

class Pair {
 public:
  explicit Pair(size_t workers, uint32_t seed)
      : random_(seed),
        sides_{
            std::make_unique<StreamSide>(DirectorSpec{.workers = workers, .seed = seed}, "a"),
            std::make_unique<StreamSide>(
                DirectorSpec{.workers = 3 - std::min<size_t>(workers, 2), .seed = seed + 1}, "b")} {
    for (const auto& side : sides_) {
      for (const uint16_t port : {uint16_t{80}, uint16_t{443}}) {
        const ServiceId id =
            side->d.AddService({.port = port, .persistence_seconds = port == 80 ? 300u : 0u});
        for (int i = 0; i < kReals; ++i) side->d.AddReal(id, RealOf(i), port);
      }
      side->d.Publish();
      side->Tell();
    }
  }
  StreamSide& side(size_t i) { return *sides_[i]; }
  uint32_t Random(uint32_t below) { return static_cast<uint32_t>(random_() % below); }

  // SYN, SYN-ACK and ACK at one side.
  void Open(size_t s, int client, uint16_t port) {
    const uint16_t from = next_port_++;
    const auto sent = side(s).d.Send(kOutside, Tcp(ClientOf(client), from, kVip, port, kTcpSyn));
    if (sent.empty()) return;
    const std::string text = Text(sent[0].frame);
    for (int i = 0; i < kReals; ++i) {
      if (text.find(RealOf(i) + ":") == std::string::npos) continue;
      side(s).d.Send(kInside, Tcp(RealOf(i), port, ClientOf(client), from, kTcpSyn | kTcpAck));
    }
    Packet(s, client, from, port, kTcpAck);
    flows_.push_back({client, from, port});
  }
  void Packet(size_t s, int client, uint16_t from, uint16_t port, uint8_t flags) {
    side(s).d.Send(kOutside, Tcp(ClientOf(client), from, kVip, port, flags));
  }
  void Advance(double seconds) {
    for (const auto& side : sides_) side->d.Advance(seconds);
  }

  void Step() {
    const size_t s = Random(2);
    const int client = static_cast<int>(Random(kClients));
    const uint32_t dice = Random(20);
    if (dice < 6) return Open(s, client, Random(3) == 0 ? 443 : 80);
    if (dice < 7) {  // the same client at both at once
      Open(0, client, 80);
      return Open(1, client, 80);
    }
    if (dice < 12) return SomePacket(s);
    if (dice < 13) return Pin(s, client, Random(kReals));
    if (dice < 14) return Flush(s, client, Random(2) == 0);
    if (dice < 15) return FlushSomeConnections(s, client);
    if (dice < 16) return Toggle(Random(kReals));
    if (dice < 17) return Advance(Random(30));
    Exchange(40, Random(4) == 0);
  }

  // What workers have told goes on its way; a part of it arrives. Or some of it is lost.
  void Exchange(uint32_t share, bool loses) {
    for (const size_t s : {0, 1}) {
      Entries news = side(s).News();
      if (loses) {
        std::erase_if(news, [&](const StreamEntry& entry) {
          const bool is_lost = Random(4) == 0;
          if (is_lost) lost_[s].push_back(RangeOf(entry));
          return is_lost;
        });
      }
      channel_[s].Put(news);
      side(1 - s).Take(channel_[s].Get(&random_, share));
    }
  }
  // All arrives, and what was lost is sent as bulk.
  void Quiet() {
    for (int i = 0; i < kReals; ++i) SetUp(i, true);
    do Exchange(100, false);
    while (!channel_[0].is_empty() || !channel_[1].is_empty());
    for (const size_t s : {0, 1}) {
      std::ranges::sort(lost_[s]);
      lost_[s].erase(std::unique(lost_[s].begin(), lost_[s].end()), lost_[s].end());
      for (const uint32_t range : std::exchange(lost_[s], {})) {
        side(1 - s).Take(side(s).Walk(range));
      }
    }
  }
  // As at a rejoin: both send what differs. Returns how many ranges did.
  size_t Compare() {
    const auto a = side(0).Digests(), b = side(1).Digests();
    size_t differing = 0;
    for (uint32_t range = 0; range < kStreamRanges; ++range) {
      if (a[range] == b[range]) continue;
      ++differing;
      const Entries of_a = side(0).Walk(range), of_b = side(1).Walk(range);
      side(1).Take(of_a);
      side(0).Take(of_b);
    }
    return differing;
  }

  std::map<std::string, std::string> Homes(size_t s) {
    std::map<std::string, std::string> homes;
    for (const TemplateRow& row : side(s).TemplateRows()) {
      if (row.is_invalid) continue;
      homes[row.client.ToString()] =
          side(s).d.real(row.real).address.ToString() + (row.is_pinned ? " pinned" : "");
    }
    return homes;
  }
  // Children of all templates, and connections that have one.
  std::pair<uint64_t, uint64_t> Children(size_t s) {
    uint64_t children = 0, connections = 0;
    for (const TemplateRow& row : side(s).TemplateRows()) children += row.children;
    for (const ConnectionRow& row : side(s).ConnectionRows()) {
      connections += StreamSide::Has(row, ConnectionFlag::kHasTemplate) ? 1 : 0;
    }
    return {children, connections};
  }

 private:
  struct Flow {
    int client;
    uint16_t from, port;
  };

  void SomePacket(size_t s) {
    if (flows_.empty()) return;
    const Flow& flow = flows_[Random(static_cast<uint32_t>(flows_.size()))];
    const uint8_t flags = Random(6) == 0   ? uint8_t{kTcpFin | kTcpAck}
                          : Random(9) == 0 ? uint8_t{kTcpRst}
                                           : uint8_t{kTcpAck};
    Packet(s, flow.client, flow.from, flow.port, flags);
  }
  void Pin(size_t s, int client, uint32_t real) {
    for (size_t w = 0; w < side(s).d.worker_count(); ++w) {
      PinTemplate pin;
      pin.service = ServiceId{0};
      pin.client = *IpAddress::Parse(ClientOf(client));
      pin.real = RealId{real};
      pin.ttl = TicksFromSeconds(200);
      side(s).d.RunCommand(w, &pin);
    }
  }
  void Flush(size_t s, int client, bool is_pinned) {
    for (size_t w = 0; w < side(s).d.worker_count(); ++w) {
      FlushTemplates flush;
      flush.filter.has_client = true;
      flush.filter.client = *Prefix::Parse(ClientOf(client) + "/32");
      flush.filter.pinned = is_pinned;
      side(s).d.RunCommand(w, &flush);
    }
  }
  void FlushSomeConnections(size_t s, int client) {
    for (size_t w = 0; w < side(s).d.worker_count(); ++w) {
      FlushConnections flush;
      flush.filter.has_client = true;
      flush.filter.client = *Prefix::Parse(ClientOf(client) + "/32");
      side(s).d.RunCommand(w, &flush);
    }
  }
  // Health checks of both see the same, but the second a little later.
  void Toggle(uint32_t real) {
    const bool is_up = !side(0).d.real(RealId{real}).templates_valid;
    SetUp(static_cast<int>(real), is_up);
  }
  void SetUp(int real, bool is_up) {
    for (const auto& side : sides_) {
      for (const int id : {real, real + kReals}) {
        RealView& view = side->d.real(RealId{static_cast<uint32_t>(id)});
        view.templates_valid = is_up;
        side->d.SetWeight(RealId{static_cast<uint32_t>(id)}, is_up ? 1 : 0);
      }
      side->d.Publish();
    }
  }

  std::mt19937 random_;
  std::array<std::unique_ptr<StreamSide>, 2> sides_;
  std::array<Channel, 2> channel_;  // from that side
  std::array<std::vector<uint32_t>, 2> lost_;
  std::vector<Flow> flows_;
  uint16_t next_port_ = 1024;
};

class StreamProperty : public testing::TestWithParam<size_t> {};

TEST_P(StreamProperty, AfterQuietBothAgreeAndNothingLeaks) {
  for (uint32_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Pair pair(GetParam(), seed);
    for (int i = 0; i < 400; ++i) {
      pair.Step();
      if (i % 20 != 0) continue;
      for (const size_t s : {0, 1}) {
        pair.side(s).d.Settle();
        ASSERT_EQ(WhatIsWrong(pair.side(s).d.shards()), "") << "step " << i;
      }
    }
    pair.Quiet();
    size_t rounds = 0;
    while (pair.Compare() > 0 && ++rounds < 5) {
    }
    EXPECT_LE(rounds, 3u);
    EXPECT_EQ(pair.Homes(0), pair.Homes(1));
    EXPECT_GE(pair.Homes(0).size(), 3u);
    for (const size_t s : {0, 1}) {
      const auto [children, connections] = pair.Children(s);
      EXPECT_EQ(children, connections) << s;
      EXPECT_EQ(pair.side(s).d.CheckConservation(), "");
      EXPECT_EQ(WhatIsWrong(pair.side(s).d.shards()), "");
    }
    pair.Advance(3000);
    for (const size_t s : {0, 1}) EXPECT_EQ(pair.side(s).d.CheckNothingLeft(), "") << s;
    if (HasFailure()) return;
  }
}

// Without bulk: what two directors choose at once ends the same on both by the rule alone.
TEST_P(StreamProperty, ChoicesMadeAtOnceEndTheSame) {
  Pair pair(GetParam(), 7);
  for (int client = 0; client < kClients; ++client) {
    if (client % 2 == 0) pair.Open(0, client, 443);  // so that the schedulers are not in step
    pair.Open(0, client, 80);
    pair.Open(1, client, 80);
  }
  const auto before_a = pair.Homes(0), before_b = pair.Homes(1);
  EXPECT_NE(before_a, before_b);
  pair.Exchange(100, false);
  const auto homes = pair.Homes(0);
  EXPECT_EQ(homes, pair.Homes(1));
  EXPECT_EQ(homes.size(), static_cast<size_t>(kClients));
  for (const auto& [client, real] : homes) {
    EXPECT_TRUE(before_a.at(client) == real || before_b.at(client) == real);
  }
  // From the next connection on, wherever it comes; the connections of before stay.
  for (int client = 0; client < kClients; ++client) {
    pair.Open(static_cast<size_t>(client % 2), client, 80);
  }
  pair.Exchange(100, false);
  EXPECT_EQ(pair.Homes(0), homes);
  EXPECT_EQ(pair.Homes(1), homes);
  for (const size_t s : {0, 1}) {
    EXPECT_EQ(pair.side(s).ConnectionRows().size(), 3u * kClients + kClients / 2u);
    const auto [children, connections] = pair.Children(s);
    EXPECT_EQ(children, connections);
  }
  pair.Advance(3000);
  for (const size_t s : {0, 1}) EXPECT_EQ(pair.side(s).d.CheckNothingLeft(), "");
}

INSTANTIATE_TEST_SUITE_P(Workers, StreamProperty, testing::Values(1, 2));

}  // namespace
}  // namespace fairlead::sync::stream_property_test
