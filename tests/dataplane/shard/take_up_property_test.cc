// A director dies between two packets or between two stores, and another takes up what it left:
// with as many workers or another number, at once or after a while. No client changes its real, no
// connection is lost, all counts are right, and nothing leaks.
//
// FAIRLEAD_TAKE_UP_CUTS: how many times it dies (240; the long run: 10000).
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <set>

#include "byte_director.h"
#include "dataplane/shard/take_up.h"
#include "director_memory.h"
#include "store_watch.h"
#include "take_up_checks.h"

namespace fairlead::dataplane {
namespace {

constexpr uint32_t kClients = 6;
const std::string kVip = "192.0.2.10", kVip6 = "2001:db8::10";

struct Cut {
  size_t workers, next_workers;
  uint32_t seed;
  uint32_t down_seconds;
};

std::string Name(const Cut& c) {
  return std::to_string(c.workers) + " → " + std::to_string(c.next_workers) + " workers, seed " +
         std::to_string(c.seed) + ", down " + std::to_string(c.down_seconds) + " s";
}

struct Entry {
  RealId real;
  TickCount remaining;
};
using Listing = std::map<std::string, Entry>;

template <typename Address>
void ListConnections(Shard& shard, Listing* all) {
  auto& table = shard.Connections<Address>();
  for (uint32_t slot = 0; slot < table.high_water(); ++slot) {
    const Connection<Address>& record = table.at(slot);
    const bool is_there = record.Has(ConnectionFlag::kLive) &&
                          record.Has(ConnectionFlag::kIndexed) && !table.IsExpired(slot, shard.now);
    if (!is_there) continue;
    const std::string key =
        std::to_string(record.protocol) + " " +
        Endpoint{IpAddress(record.client_address), record.client_port}.ToString() + " " +
        Endpoint{IpAddress(record.virtual_address), record.virtual_port}.ToString();
    const Entry entry{record.real_id, record.deadline.Remaining(shard.now)};
    EXPECT_TRUE(all->emplace(key, entry).second) << key << " is there twice";
  }
}

Listing Connections(ByteDirector& d) {
  Listing all;
  for (Shard* shard : d.shards()) {
    ListConnections<Ipv4Address>(*shard, &all);
    ListConnections<Ipv6Address>(*shard, &all);
  }
  return all;
}

Listing Templates(ByteDirector& d) {
  Listing all;
  for (Shard* shard : d.shards()) {
    TemplateTable& table = shard->templates();
    for (uint32_t slot = 0; slot < table.high_water(); ++slot) {
      const TemplateRecord& record = table.at(slot);
      const bool is_there = record.Has(TemplateFlag::kLive) && record.Has(TemplateFlag::kIndexed) &&
                            !table.IsExpired(slot, shard->now);
      if (!is_there) continue;
      std::array<char, 255> text{};
      const size_t length = table.CopyEngineText(slot, text);
      std::string key(reinterpret_cast<const char*>(&record.key), sizeof record.key);
      key.append(text.data(), length);
      EXPECT_TRUE(all.emplace(key, Entry{record.real_id, record.Remaining(shard->now)}).second);
    }
  }
  return all;
}

// Services of every kind that keeps something: NAT and DR, TCP and UDP, both families, templates
// renewed in two ways, calls with a Call-ID in side records.
void Configure(ByteDirector& d) {
  const auto service = [&](ServiceSpec spec, ForwardMethod method) {
    const bool v6 = spec.address == kVip6;
    const ServiceId id = d.AddService(spec);
    for (int i = 1; i <= 3; ++i) {
      d.AddReal(id, (v6 ? "fd00::1" : "10.0.0.1") + std::to_string(i), spec.port,
                {.method = method});
    }
    return id;
  };
  service({.port = 80, .persistence_seconds = 300}, ForwardMethod::kNat);
  service({.port = 81, .persistence_seconds = 200, .renew = RenewMode::kAfterLastClose},
          ForwardMethod::kDr);
  service({.port = 82}, ForwardMethod::kNat);
  service({.port = 53, .protocol = kProtocolUdp, .persistence_seconds = 100}, ForwardMethod::kNat);
  service({.address = kVip6, .port = 80, .persistence_seconds = 300}, ForwardMethod::kNat);
  const ServiceId sip = service(
      {.port = 5060, .protocol = kProtocolUdp, .persistence_seconds = 400}, ForwardMethod::kNat);
  d.service(sip).persistence.engine = PersistenceEngine::kSip;
}

std::vector<bool> KnownReals(ByteDirector& d) {
  return std::vector<bool>(d.draft().reals.size(), true);
}

// The director that will die: random packets over a few clients.
class Traffic {
 public:
  explicit Traffic(ByteDirector& d) : d_(d) {}

  void Step() {
    const uint32_t dice = d_.Random(100);
    if (dice < 45) return Inject();
    if (dice < 80) return d_.RandomTurn();
    if (dice < 95) {
      d_.Settle();
      return;
    }
    d_.Advance(d_.Random(30));
  }
  // A packet of a client, or one that a real sends.
  void Inject() {
    constexpr std::array<uint16_t, 6> kPorts = {80, 81, 82, 53, 5060, 80};
    const uint32_t which = d_.Random(kPorts.size());
    const bool v6 = which == 5;
    const uint16_t port = kPorts[which];
    const std::string number = std::to_string(1 + d_.Random(kClients));
    const std::string client = (v6 ? "2001:db8:7::" : "198.51.100.") + number;
    const auto client_port = static_cast<uint16_t>(1024 + d_.Random(8));
    const std::string& vip = v6 ? kVip6 : kVip;
    const std::string real = (v6 ? "fd00::1" : "10.0.0.1") + std::to_string(1 + d_.Random(3));
    const bool is_reply = d_.Random(3) == 0;
    if (port == 53 || port == 5060) {
      if (is_reply) return d_.Inject(kInside, Udp(real, port, client, client_port));
      const std::string call =
          "INVITE sip:b@c SIP/2.0\r\nVia: x\r\nCall-ID: " + std::string(70, 'c') +
          std::to_string(d_.Random(4)) + "\r\n\r\n";
      return d_.Inject(kOutside, port == 53 ? Udp(client, client_port, vip, port)
                                            : Datagram(client, client_port, vip, port, call));
    }
    if (is_reply) {
      const uint8_t flags = d_.Random(2) == 0 ? kTcpSyn | kTcpAck : kTcpAck;
      return d_.Inject(kInside, Tcp(real, port, client, client_port, flags));
    }
    constexpr std::array<uint8_t, 6> kFlags = {kTcpSyn, kTcpSyn, kTcpAck,
                                               kTcpAck, kTcpRst, kTcpFin | kTcpAck};
    d_.Inject(kOutside, Tcp(client, client_port, vip, port, kFlags[d_.Random(kFlags.size())]));
  }

 private:
  ByteDirector& d_;
};

class Death {
 public:
  explicit Death(const Cut& cut)
      : cut_(cut),
        memory_(cut.workers, kSizes),
        left_(cut.workers, kSizes),
        d_({.workers = cut.workers,
            .ring_packets = 64,
            .seed = cut.seed,
            .memory = memory_.tables()}) {
    Configure(d_);
    d_.Publish();
  }

  // Lives for a while, and is cut after a store drawn at random, or before the first.
  void Die() {
    Traffic traffic(d_);
    for (uint32_t steps = 20 + d_.Random(120); steps > 0; --steps) traffic.Step();
    before_ = {Connections(d_), Templates(d_)};
    std::memcpy(left_.bytes().data(), memory_.bytes().data(), left_.bytes().size());
    const auto keep = [this] {
      // Each store is as likely as another, and as none at all.
      if (picks_() % (++stores_ + 1) == 0) {
        std::memcpy(left_.bytes().data(), memory_.bytes().data(), left_.bytes().size());
      }
    };
    WatchStores(memory_.bytes(), keep, [&] {
      for (uint32_t packets = 1 + d_.Random(3); packets > 0; --packets) traffic.Inject();
      for (uint32_t turns = 1 + d_.Random(6); turns > 0; --turns) d_.RandomTurn();
    });
    after_ = {Connections(d_), Templates(d_)};
  }

  // "" or what is wrong.
  std::string TakeUpAndCompare() {
    const Tick start = d_.now() + TicksFromSeconds(cut_.down_seconds);
    const bool is_same = cut_.next_workers == cut_.workers;
    const DirectorMemory memory =
        is_same ? left_.Copy() : DirectorMemory(cut_.next_workers, kRoomy);
    ByteDirector next({.workers = cut_.next_workers,
                       .ring_packets = 64,
                       .seed = cut_.seed + 1,
                       .memory = memory.tables(),
                       .start = start});
    Configure(next);
    const TakeUpReport report =
        is_same ? TakeUp(next.shards(), KnownReals(next), start)
                : TakeUpFrom(left_.tables(), next.shards(), KnownReals(next), start);
    wrong_ = WhatIsWrong(next.shards());
    for (size_t i = 0; i < kTakeUpCauseCount; ++i) {
      const auto cause = static_cast<TakeUpCause>(i);
      if (report.of(cause) != 0) wrong_ += "cause " + std::string(CauseName(cause)) + "; ";
    }
    next.Publish();
    Compare("connection", before_.connections, after_.connections, Connections(next), true);
    Compare("template", before_.templates, after_.templates, Templates(next), false);
    GoOn(&next);
    return wrong_;
  }

  [[nodiscard]] uint32_t stores() const { return stores_; }

 private:
  static constexpr DirectorMemory::Sizes kSizes = {};
  static constexpr DirectorMemory::Sizes kRoomy = {512, 256, 256, 256};

  // What was there before the last packets and after them must be there, at the same real; nothing
  // may be there that was at neither time.
  void Compare(const std::string& what, const Listing& before, const Listing& after,
               const Listing& next, bool has_exact_times) {
    const TickCount down = TicksFromSeconds(cut_.down_seconds);
    for (const auto& [key, entry] : before) {
      const auto later = after.find(key);
      if (later == after.end() || later->second.real != entry.real) continue;
      const auto [least, most] = std::minmax(entry.remaining, later->second.remaining);
      const auto found = next.find(key);
      if (found == next.end()) {
        if (least > down) wrong_ += what + " " + key + " is lost; ";
        continue;
      }
      if (found->second.real != entry.real) wrong_ += what + " " + key + " has moved; ";
      const TickCount then = found->second.remaining + down;
      if (has_exact_times && (then < least || then > most)) {
        wrong_ += what + " " + key + ": " + std::to_string(then) + " ticks instead of " +
                  std::to_string(least) + " to " + std::to_string(most) + "; ";
      }
    }
    for (const auto& [key, entry] : next) {
      const bool was_there = before.contains(key) || after.contains(key);
      if (!was_there) wrong_ += what + " " + key + " comes from nowhere; ";
    }
  }

  // Clients talk and connect again, and then all is quiet.
  void GoOn(ByteDirector* next) {
    const Listing known = Templates(*next);
    Traffic traffic(*next);
    for (int i = 0; i < 60; ++i) traffic.Inject();
    next->Settle();
    for (const auto& [key, entry] : Templates(*next)) {
      const auto was = known.find(key);
      if (was != known.end() && was->second.real != entry.real) wrong_ += "a client moved; ";
    }
    wrong_ += WhatIsWrong(next->shards());
    wrong_ += next->CheckConservation();
    next->Advance(1000);
    next->Advance(700);
    wrong_ += next->CheckNothingLeft();
    for (Shard* shard : next->shards()) {
      if (shard->side_records().size() != 0) wrong_ += "side records are left; ";
    }
  }

  struct State {
    Listing connections, templates;
  };

  const Cut cut_;
  DirectorMemory memory_, left_;
  ByteDirector d_;
  State before_, after_;
  std::minstd_rand picks_{cut_.seed};
  uint32_t stores_ = 0;
  std::string wrong_;
};

uint32_t CutsWanted() {
  const char* wanted = std::getenv("FAIRLEAD_TAKE_UP_CUTS");
  return wanted == nullptr ? 240 : static_cast<uint32_t>(std::atoi(wanted));
}

class TakeUpProperty : public testing::TestWithParam<uint32_t> {};
constexpr uint32_t kParts = 8;
INSTANTIATE_TEST_SUITE_P(Cuts, TakeUpProperty, testing::Range(0u, kParts));

TEST_P(TakeUpProperty, NothingIsLostAtAnyStore) {
  constexpr std::array<std::array<size_t, 2>, 8> kWorkers = {
      {{1, 1}, {2, 2}, {3, 3}, {1, 2}, {2, 1}, {2, 3}, {4, 2}, {2, 2}}};
  constexpr std::array<uint32_t, 4> kDown = {0, 1, 30, 250};
  uint64_t stores = 0;
  for (uint32_t i = GetParam(); i < CutsWanted(); i += kParts) {
    const auto& workers = kWorkers[(i / kParts) % kWorkers.size()];
    const Cut cut{workers[0], workers[1], 1000 + i, kDown[i / 3 % kDown.size()]};
    Death death(cut);
    death.Die();
    ASSERT_EQ(death.TakeUpAndCompare(), "") << Name(cut);
    stores += death.stores();
  }
  EXPECT_GT(stores, CutsWanted() / kParts);  // there was something to cut
}

}  // namespace
}  // namespace fairlead::dataplane
