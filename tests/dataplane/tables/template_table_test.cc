#include "dataplane/tables/template_table.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

namespace fairlead::dataplane::template_table_test {
namespace {

constexpr uint32_t kUnlimited = 0xffff'ffff;
constexpr uint8_t kTcp = 6, kUdp = 17;

IpAddress Ip(const char* text) { return *IpAddress::Parse(text); }
Be16 Port(uint16_t host) { return Be16::FromHost(host); }

TemplateTable Make(uint32_t capacity, Tick now = Tick{0}) {
  auto table = TemplateTable::Create(WorkerId{3}, capacity, TableHash(11, 12), now);
  EXPECT_TRUE(table.ok());
  return *std::move(table);
}

TemplateBinding Bind(uint32_t real, uint32_t seconds = 300) {
  return {.real_id = RealId{real}, .service_timeout = TicksFromSeconds(seconds)};
}

// ---- keys (ipvs.md, template key)

TEST(TemplateKey, AMarkServiceHasOneKeyForAllProtocolsAndPorts) {
  auto table = Make(10);
  const auto key = TemplateKey::ForMark(Ip("198.51.100.0"), 7);
  const uint32_t slot = table.Insert(key, Bind(1), Tick{0}).slot;
  EXPECT_EQ(table.Find(key, Tick{0}).slot, slot);
  EXPECT_EQ(table.at(slot).client(), Ip("198.51.100.0"));
  EXPECT_EQ(table.at(slot).virtual_address(), Ip("0.0.0.7"));
  EXPECT_EQ(table.at(slot).key.protocol, 0);
  EXPECT_FALSE(table.Find(TemplateKey::ForMark(Ip("198.51.100.0"), 8), Tick{0}).hit());
}

TEST(TemplateKey, AMarkInTwoFamiliesHasTwoTemplates) {
  auto table = Make(10);
  const auto v4 = TemplateKey::ForMark(Ip("0.0.0.0"), 7);
  const auto v6 = TemplateKey::ForMark(Ip("::"), 7);
  const uint32_t slot4 = table.Insert(v4, Bind(1), Tick{0}).slot;
  EXPECT_FALSE(table.Find(v6, Tick{0}).hit());
  const uint32_t slot6 = table.Insert(v6, Bind(2), Tick{0}).slot;
  EXPECT_EQ(table.Find(v4, Tick{0}).slot, slot4);
  EXPECT_EQ(table.Find(v6, Tick{0}).slot, slot6);
  EXPECT_EQ(table.at(slot6).client(), Ip("::"));
  EXPECT_EQ(table.at(slot6).virtual_address(), Ip("0.0.0.7"));
}

TEST(TemplateKey, ProtocolAddressAndPortTellServicesApart) {
  auto table = Make(10);
  const auto client = Ip("2001:db8::");
  const auto key = TemplateKey::ForService(kTcp, client, Ip("2001:db8:1::1"), Port(80));
  const uint32_t slot =
      table
          .Insert(key,
                  {.real_id = RealId{1}, .destination_port = Port(8080), .service_timeout = 100},
                  Tick{0})
          .slot;
  EXPECT_EQ(table.Find(key, Tick{0}).slot, slot);
  EXPECT_EQ(table.at(slot).client(), client);
  EXPECT_EQ(table.at(slot).virtual_address(), Ip("2001:db8:1::1"));
  EXPECT_EQ(table.at(slot).destination_port, Port(8080));
  for (const auto& other :
       {TemplateKey::ForService(kUdp, client, Ip("2001:db8:1::1"), Port(80)),
        TemplateKey::ForService(kTcp, client, Ip("2001:db8:1::2"), Port(80)),
        TemplateKey::ForService(kTcp, client, Ip("2001:db8:1::1"), Port(443)),
        TemplateKey::ForService(kTcp, Ip("2001:db8::1"), Ip("2001:db8:1::1"), Port(80))}) {
    EXPECT_FALSE(table.Find(other, Tick{0}).hit());
  }
}

// V:21 and V:0 have the same key, so they share (ipvs.md, template key).
TEST(TemplateKey, FtpAndPortZeroClash) {
  const auto ftp = TemplateKey::ForService(kTcp, Ip("192.0.2.1"), Ip("192.0.2.80"), Port(0));
  const auto all = TemplateKey::ForService(kTcp, Ip("192.0.2.1"), Ip("192.0.2.80"), Port(0));
  EXPECT_EQ(ftp, all);
}

TEST(TemplateKey, OneClientMayHaveATemplateInHundredsOfServices) {
  auto table = Make(500);
  for (uint16_t port = 1; port <= 500; ++port) {
    const auto key = TemplateKey::ForService(kTcp, Ip("0.0.0.0"), Ip("192.0.2.80"), Port(port));
    ASSERT_TRUE(table.Insert(key, Bind(port), Tick{0}).ok()) << port;
  }
  EXPECT_EQ(table.Insert(TemplateKey::ForMark(Ip("0.0.0.0"), 1), Bind(1), Tick{0}).result,
            InsertResult::kTableFull);
  for (uint16_t port = 1; port <= 500; ++port) {
    const auto key = TemplateKey::ForService(kTcp, Ip("0.0.0.0"), Ip("192.0.2.80"), Port(port));
    const auto found = table.Find(key, Tick{0});
    ASSERT_TRUE(found.hit());
    EXPECT_EQ(table.at(found.slot).real_id, RealId{port});
  }
}

// Steering gives a worker the keys whose hash is high, say; the index must not care.
TEST(TemplateKey, AShardOfTheKeysStillFillsTheTable) {
  constexpr uint32_t kCapacity = 20000;
  auto table = Make(kCapacity);
  uint32_t inserted = 0;
  for (uint32_t i = 0; inserted < kCapacity; ++i) {
    const auto key = TemplateKey::ForMark(Ipv4Address::FromHost(i), 1);
    if (table.Hash(key) >> 60 != 5) continue;
    ASSERT_TRUE(table.Insert(key, Bind(1), Tick{0}).ok()) << inserted;
    ++inserted;
  }
}

// ---- the timer (ipvs.md, template timer; seconds)

struct Event {
  uint32_t second;
  bool is_open;  // a new connection, or the end of one
};

struct TimerCase {
  const char* what;
  uint32_t service_timeout;
  std::vector<Event> events;
  uint32_t deleted_at;
};

const TimerCase kTimerCases[] = {
    {"a new connection resets, it does not add", 300, {{0, 1}, {121, 0}, {200, 1}, {321, 0}}, 500},
    {"fires with a child: 60 s more, twice", 30, {{0, 1}, {125, 0}}, 150},
    {"the 60 s stick", 30, {{0, 1}, {100, 1}, {125, 0}, {221, 0}}, 280},
    {"one long stream: less affinity after it than P", 300, {{0, 1}, {1120, 0}}, 1140},
    {"an idle connection dies first", 43200, {{0, 1}, {910, 0}}, 43200},
    {"no connection at all", 360, {}, 360},
    {"the last child goes in the tick the timer fires", 60, {{0, 1}, {60, 0}}, 120},
    {"the last child goes a second before", 60, {{0, 1}, {59, 0}}, 60},
};

// Deletion to the tick, whether the wheel is asked every tick or hardly ever, and over the wrap.
TEST(TemplateTimer, WorkedExamples) {
  for (const TimerCase& c : kTimerCases) {
    for (const uint32_t start : {0u, 7u, 0xffff'ff00u}) {
      for (const uint32_t wheel_every : {1u, 16u, 4000u, 1'000'000'000u}) {
        SCOPED_TRACE(testing::Message() << c.what << ", start " << start << ", wheel every "
                                        << wheel_every << " ticks");
        auto table = Make(4, Tick{start});
        const auto key = TemplateKey::ForMark(Ip("10.0.0.1"), 1);
        const uint32_t slot = table.Insert(key, Bind(1, c.service_timeout), Tick{start}).slot;
        const TemplateRef ref = table.RefOf(slot);
        size_t next = 0;
        uint32_t tick = 0;
        for (; table.Find(key, Tick{start + tick}).hit(); ++tick) {
          const Tick now{start + tick};
          for (; next < c.events.size() && c.events[next].second * 100 == tick; ++next) {
            if (c.events[next].is_open) {
              table.Renew(slot, now);
              ASSERT_TRUE(table.AddChild(ref));
            } else {
              ASSERT_TRUE(table.ReleaseChild(ref, now));
            }
          }
          if (tick % wheel_every == 0) table.ExpireSome(now, kUnlimited, [](uint32_t) {});
        }
        EXPECT_EQ(tick, c.deleted_at * 100);
        EXPECT_EQ(next, c.events.size());
        int gone = 0;
        table.ExpireSome(Tick{start + tick + 16}, kUnlimited, [&](uint32_t) { ++gone; });
        EXPECT_EQ(table.size(), 0u);
        EXPECT_LE(gone, 1);
      }
    }
  }
}

TEST(TemplateTimer, TheStickyTimeoutShowsInTheRecord) {
  auto table = Make(4);
  const auto key = TemplateKey::ForMark(Ip("10.0.0.1"), 1);
  const uint32_t slot = table.Insert(key, Bind(1, 300), Tick{0}).slot;
  table.AddChild(table.RefOf(slot));
  table.ExpireSome(Tick{30016}, kUnlimited, [](uint32_t) { FAIL(); });
  EXPECT_EQ(table.at(slot).timeout, TicksFromSeconds(60));
  EXPECT_EQ(table.at(slot).service_timeout, TicksFromSeconds(300));
  EXPECT_EQ(table.at(slot).deadline, Tick{36000});
  table.Renew(slot, Tick{31000});
  EXPECT_EQ(table.at(slot).deadline, Tick{37000});
}

TEST(TemplateTimer, OnGoneSeesTheRecordOnce) {
  auto table = Make(4);
  const uint32_t slot =
      table.Insert(TemplateKey::ForMark(Ip("10.0.0.1"), 1), Bind(9, 1), Tick{0}).slot;
  std::vector<RealId> gone;
  const auto on_gone = [&](uint32_t s) {
    EXPECT_EQ(s, slot);
    gone.push_back(table.at(s).real_id);
  };
  table.ExpireSome(Tick{99}, kUnlimited, on_gone);
  EXPECT_TRUE(gone.empty());
  table.ExpireSome(Tick{116}, kUnlimited, on_gone);
  table.ExpireSome(Tick{10000}, kUnlimited, on_gone);
  EXPECT_EQ(gone, std::vector<RealId>{RealId{9}});
}

TEST(TemplateTimer, ExpireNowDeletesAChildlessTemplateAtOnce) {
  auto table = Make(4);
  const auto key = TemplateKey::ForMark(Ip("10.0.0.1"), 1);
  const uint32_t slot = table.Insert(key, Bind(1), Tick{0}).slot;
  table.ExpireNow(slot, Tick{5});
  EXPECT_FALSE(table.Find(key, Tick{5}).hit());
  int gone = 0;
  table.ExpireSome(Tick{32}, kUnlimited, [&](uint32_t) { ++gone; });
  EXPECT_EQ(gone, 1);
}

// ---- invalidation (ipvs.md, template validity)

TEST(TemplateInvalidation, RenamedUnfoundListedAndStillTimed) {
  auto table = Make(4);
  const auto key = TemplateKey::ForService(kTcp, Ip("10.0.0.1"), Ip("192.0.2.80"), Port(80));
  const uint32_t old_slot =
      table
          .Insert(key,
                  {.real_id = RealId{1}, .destination_port = Port(8080), .service_timeout = 30000},
                  Tick{0})
          .slot;
  const TemplateRef old_ref = table.RefOf(old_slot);
  table.AddChild(old_ref);
  table.Invalidate(old_slot, Tick{0});
  EXPECT_FALSE(table.Find(key, Tick{1}).hit());
  const TemplateRecord& old_record = table.at(old_slot);
  EXPECT_EQ(old_record.key.virtual_port, Port(65535));
  EXPECT_EQ(old_record.destination_port, Port(65535));
  EXPECT_TRUE(old_record.Has(TemplateFlag::kInvalidated));
  EXPECT_EQ(old_record.deadline, Tick{30000});
  EXPECT_EQ(table.NextLive(0, 4), old_slot);
  // Not even under its new name.
  EXPECT_FALSE(
      table
          .Find(TemplateKey::ForService(kTcp, Ip("10.0.0.1"), Ip("192.0.2.80"), Port(65535)),
                Tick{1})
          .hit());

  // The client's next connection makes a new one beside it.
  const uint32_t new_slot =
      table
          .Insert(key,
                  {.real_id = RealId{2}, .destination_port = Port(8080), .service_timeout = 30000},
                  Tick{1})
          .slot;
  EXPECT_EQ(table.Find(key, Tick{1}).slot, new_slot);
  EXPECT_TRUE(table.ReleaseChild(old_ref, Tick{2}));
  std::vector<uint32_t> gone;
  table.ExpireSome(Tick{30000}, kUnlimited, [&](uint32_t slot) { gone.push_back(slot); });
  EXPECT_EQ(gone, std::vector<uint32_t>{old_slot});
  EXPECT_EQ(table.Find(key, Tick{30000}).slot, new_slot);
}

// ---- references

TEST(TemplateRefs, AStaleReferenceChangesNothing) {
  auto table = Make(1);
  const auto key = TemplateKey::ForMark(Ip("10.0.0.1"), 1);
  const uint32_t slot = table.Insert(key, Bind(1), Tick{0}).slot;
  const TemplateRef first = table.RefOf(slot);
  EXPECT_EQ(first.owner, WorkerId{3});
  EXPECT_TRUE(table.AddChild(first));
  table.Erase(slot);
  EXPECT_FALSE(table.IsCurrent(first));
  ASSERT_EQ(table.Insert(key, Bind(2), Tick{0}).slot, slot);
  EXPECT_FALSE(table.AddChild(first));
  EXPECT_FALSE(table.ReleaseChild(first, Tick{0}));
  EXPECT_FALSE(table.SetAssured(first));
  EXPECT_EQ(table.at(slot).children, 0u);
  EXPECT_EQ(table.at(slot).state, TemplateState::kNone);
  const TemplateRef second = table.RefOf(slot);
  EXPECT_TRUE(table.SetAssured(second));
  EXPECT_EQ(table.at(slot).state, TemplateState::kAssured);
}

TEST(TemplateRefs, OthersAreRefused) {
  auto table = Make(4);
  const uint32_t slot =
      table.Insert(TemplateKey::ForMark(Ip("10.0.0.1"), 1), Bind(1), Tick{0}).slot;
  TemplateRef ref = table.RefOf(slot);
  EXPECT_FALSE(table.ReleaseChild(ref, Tick{0}));  // it has none
  ref.owner = WorkerId{4};
  EXPECT_FALSE(table.AddChild(ref));
  EXPECT_FALSE(table.AddChild(TemplateRef{}));
  EXPECT_FALSE(table.AddChild(TemplateRef{1'000'000, 1, WorkerId{3}}));
  EXPECT_FALSE(table.AddChild(TemplateRef{2, 0, WorkerId{3}}));
  EXPECT_EQ(table.at(slot).children, 0u);
}

TEST(TemplateRefs, GenerationIsNeverZero) {
  auto table = Make(1);
  const auto key = TemplateKey::ForMark(Ip("10.0.0.1"), 1);
  for (int use = 0; use < 66000; ++use) {
    const uint32_t slot = table.Insert(key, Bind(1), Tick{0}).slot;
    ASSERT_FALSE(table.RefOf(slot).is_none()) << use;
    table.Erase(slot);
  }
}

TEST(TemplateTable, RefusesAnImpossibleCapacityWithTheRemedy) {
  const auto table = TemplateTable::Create(WorkerId{0}, 0, TableHash(1, 2), Tick{0});
  ASSERT_FALSE(table.ok());
  EXPECT_EQ(table.error().message,
            "a template table holds 1 to 268435456 templates, not 0; change director.templates");
}

}  // namespace
}  // namespace fairlead::dataplane::template_table_test
