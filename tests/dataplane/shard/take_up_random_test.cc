// Arrays that hold anything at all, and records between any two stores of who writes them.
#include <array>
#include <random>

#include "byte_director.h"
#include "dataplane/shard/take_up.h"
#include "store_watch.h"
#include "take_up_bed.h"

namespace fairlead::dataplane::take_up_random_test {
namespace {

uint32_t Draw(std::mt19937& random, uint32_t below) {
  return static_cast<uint32_t>(random() % below);
}

void Fill(std::span<std::byte> bytes, std::mt19937& random) {
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
}

// Fields that take_up compares with something come from where they may be right, so that records
// fail late or not at all.
void MakePlausible(const TableMemory& memory, size_t workers, Tick now, std::mt19937& random) {
  for (Connection4& c : memory.connections4) {
    c.protocol = Draw(random, 2) == 0 ? 6 : 17;
    c.method =
        std::array{ForwardMethod::kNat, ForwardMethod::kTun, ForwardMethod::kDr}[Draw(random, 3)];
    c.state = c.protocol == 6 ? static_cast<uint8_t>(Draw(random, 11)) : 0;
    c.flags = static_cast<uint16_t>(
        (c.flags | 3) & ~FlagMask(ConnectionFlag::kHasParent, ConnectionFlag::kNoClientPort));
    c.client_address = Ipv4Address::FromHost(0xc6336400u + Draw(random, 4));
    c.client_port = Be16::FromHost(static_cast<uint16_t>(Draw(random, 8)));
    c.virtual_port = Be16::FromHost(static_cast<uint16_t>(Draw(random, 3)));
    c.real_id = RealId{Draw(random, 12)};
    c.timeout = Draw(random, 1000);
    c.deadline = now + Draw(random, 2000) - 500;
    c.side_slot = Draw(random, 80);
    c.template_ref.owner =
        WorkerId{static_cast<uint8_t>(Draw(random, 1 + static_cast<uint32_t>(workers)))};
    c.template_ref.slot = Draw(random, 80);
    c.template_ref.generation = static_cast<uint16_t>(Draw(random, 3));
    c.generation = static_cast<uint16_t>(Draw(random, 3));
  }
  for (TemplateRecord& t : memory.templates) {
    t.key = TakeUpBed::KeyOf(Draw(random, 40));
    t.state = static_cast<TemplateState>(Draw(random, 2));
    t.flags = static_cast<uint8_t>((t.flags | 3) & ~0x84u);
    t.renew = static_cast<RenewMode>(Draw(random, 6));
    t.client_prefix_length = 32;
    t.real_id = RealId{Draw(random, 12)};
    t.deadline = now + Draw(random, 2000) - 500;
    t.lifetime_end = now + Draw(random, 2000) - 500;
    t.timeout = t.service_timeout = Draw(random, 1000);
    t.step = Draw(random, 3);
    t.side_slot = Draw(random, 80);
    t.generation = static_cast<uint16_t>(Draw(random, 3));
  }
  for (SideRecord& s : memory.side_records) {
    s.kind = static_cast<SideKind>(Draw(random, 4));
    s.owner_table = static_cast<SideOwner::Table>(Draw(random, 4));
    s.owner_slot = Draw(random, 8);
    s.owner_generation = static_cast<uint16_t>(Draw(random, 3));
    s.next = Draw(random, 3) == 0 ? Draw(random, 80) : kNoSlot;
  }
}

// The tables are sound whatever was in the arrays, and take new connections and lose old ones.
TEST(TakeUpOfAnything, TheTablesAreSound) {
  uint64_t taken = 0, dropped = 0;
  for (uint32_t seed = 1; seed <= 200; ++seed) {
    std::mt19937 random(seed);
    const size_t workers = 1 + seed % 3;
    TakeUpBed bed(workers);
    Fill(bed.memory().bytes(), random);
    if (seed % 4 != 0) {
      for (const TableMemory& one : bed.memory().tables()) {
        MakePlausible(one, workers, bed.now, random);
      }
    }
    const TakeUpReport report = seed % 2 == 0 ? bed.Restart() : bed.Reshard(2, {});
    ASSERT_FALSE(testing::Test::HasFailure()) << "seed " << seed;
    taken += report.connections + report.templates;
    dropped += report.dropped();
    for (uint32_t n = 0; n < 200; ++n) bed.Connect(n);
    for (uint32_t n = 0; n < 200; ++n) bed.Bind(1000 + n);
    for (size_t w = 0; w < bed.fabric().config.workers; ++w) {
      EXPECT_LE(bed.shard(w).templates().size(), 64u);
    }
    // A second process finds nothing to object to.
    const TakeUpReport again = bed.Restart();
    ASSERT_EQ(again.dropped(), 0u) << "seed " << seed << ": " << Losses(again);
  }
  EXPECT_GT(taken, 1000u);
  EXPECT_GT(dropped, 10000u);
}

// A whole director goes on from it.
TEST(TakeUpOfAnything, ADirectorGoesOn) {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    std::mt19937 random(seed);
    const DirectorMemory memory(2, {});
    Fill(memory.bytes(), random);
    const Tick now{70'000};
    for (const TableMemory& one : memory.tables()) MakePlausible(one, 2, now, random);
    ByteDirector d({.workers = 2, .seed = seed, .memory = memory.tables(), .start = now});
    const ServiceId web = d.AddService({.persistence_seconds = 300});
    for (int r = 0; r < 12; ++r) d.AddReal(web, "10.0.0." + std::to_string(11 + r), 80);
    TakeUp(d.shards(), std::vector<bool>(12, true), now);
    d.Publish();
    for (uint32_t i = 0; i < 200; ++i) {
      const std::string client = "198.51.100." + std::to_string(Draw(random, 6));
      const auto port = static_cast<uint16_t>(Draw(random, 8));
      d.Inject(kOutside, Tcp(client, port, "192.0.2.10", 80, i % 2 == 0 ? kTcpSyn : kTcpAck));
    }
    d.Settle();
    ASSERT_EQ(WhatIsWrong(d.shards()), "") << "seed " << seed;
    ASSERT_EQ(d.CheckConservation(), "") << "seed " << seed;
    d.Advance(1000);
    d.Advance(700);
    for (Shard* shard : d.shards()) {
      EXPECT_EQ(shard->Connections<Ipv4Address>().size(), 0u) << "seed " << seed;
    }
    ASSERT_EQ(WhatIsWrong(d.shards()), "") << "seed " << seed;
  }
}

// ---- who writes records

// After every store of `work`: what is live is whole, that is, it is one of `whole`.
template <typename Record, typename IsLive>
void ExpectWhole(const DirectorMemory& memory, std::span<Record> records, IsLive is_live,
                 const std::function<void()>& work,
                 const std::function<bool(const Record&)>& is_whole) {
  uint32_t stores = 0, torn = 0;
  WatchStores(
      memory.bytes(),
      [&](const std::byte*) {
        ++stores;
        for (const Record& record : records) torn += is_live(record) && !is_whole(record) ? 1 : 0;
      },
      work);
  EXPECT_GT(stores, 4u);
  EXPECT_EQ(torn, 0u);
}

TEST(OrderOfStores, ALiveConnectionIsWhole) {
  TakeUpBed bed(1, {.connections = 8});
  auto& table = bed.shard().Connections<Ipv4Address>();
  for (uint32_t n = 0; n < 8; ++n) bed.Connect(1000 + n);
  for (uint32_t slot = 0; slot < 8; ++slot) table.Erase(slot);  // used before, so nothing is zero
  const auto is_whole = [](const Connection4& c) {
    return c.client_address.value.host() >> 16 == 0xc633 &&
           c.client_address.value.host() < 0xc63300fa && c.protocol == 6 && c.state == 1 &&
           c.real_id.value() < 10 && c.generation != 0 && c.timeout == 90'000 &&
           c.real_port == Be16::FromHost(8080) && c.deadline == Tick{50'000} + 90'000;
  };
  ExpectWhole<Connection4>(
      bed.memory(), table.records(),
      [](const Connection4& c) { return c.Has(ConnectionFlag::kLive); },
      [&] {
        for (uint32_t n = 0; n < 8; ++n) bed.Connect(n);
        table.AttachSide(3, SideKind::kFlow);
        for (uint32_t slot = 0; slot < 8; ++slot) table.Erase(slot);
        bed.Connect(9);
      },
      is_whole);
}

TEST(OrderOfStores, ALiveTemplateIsWhole) {
  TakeUpBed bed(1, {.templates = 8});
  TemplateTable& table = bed.shard().templates();
  for (uint32_t n = 0; n < 8; ++n) bed.Bind(100 + n, {.service_timeout = 777});
  for (uint32_t slot = 0; slot < 8; ++slot) table.Erase(slot);
  const auto is_whole = [&bed](const TemplateRecord& t) {
    uint32_t pieces = 0, bytes = 0;
    uint32_t slot = t.Has(TemplateFlag::kSideTable) ? t.side_slot : kNoSlot;
    for (; slot != kNoSlot; slot = bed.shard().side_records().at(slot).next, ++pieces) {
      bytes += bed.shard().side_records().at(slot).text.length;
    }
    return t.key.client[3] < 10 && t.service_timeout == 30'000 && t.timeout == 30'000 &&
           t.real_id.value() < 10 && t.generation != 0 && t.Has(TemplateFlag::kIndexed) &&
           pieces == 2 && bytes == 60 && t.engine_length == 60 &&
           (!t.Has(TemplateFlag::kHasLifetime) || t.lifetime_end == Tick{50'000} + 90'000);
  };
  const std::string text(60, 't');
  ExpectWhole<TemplateRecord>(
      bed.memory(), table.records(),
      [](const TemplateRecord& t) {
        return t.Has(TemplateFlag::kLive) && t.Has(TemplateFlag::kIndexed);
      },
      [&] {
        const TemplateBinding binding{.service_timeout = 30'000, .engine_text = text};
        TemplateBinding limited = binding;
        limited.max_lifetime = 90'000;
        for (uint32_t n = 0; n < 8; ++n) bed.Bind(n, n % 2 == 0 ? binding : limited);
        table.Retime(2, limited, bed.now);  // a lifetime comes to one that had none
        for (uint32_t slot = 0; slot < 8; ++slot) table.Erase(slot);
      },
      is_whole);
}

}  // namespace
}  // namespace fairlead::dataplane::take_up_random_test
