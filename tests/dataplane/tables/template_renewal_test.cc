// How a template's timer goes on: the worked examples of docs/persistence.md in every renewal mode,
// with a clock of our own.
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "dataplane/tables/template_table.h"

namespace fairlead::dataplane::template_renewal_test {
namespace {

constexpr uint32_t kUnlimited = 0xffff'ffff;
constexpr uint32_t kNever = 0;

struct Event {
  uint32_t second;
  bool is_open;  // a new connection, or the end of one
};

// What the director sees of each story: the end of a connection is that of its entry, 120 s after
// its FIN (DR).
struct Story {
  const char* what;
  uint32_t timeout;  // P
  std::vector<Event> events;
};

const Story kTwoShort{"two short connections", 300, {{0, 1}, {121, 0}, {200, 1}, {321, 0}}};
const Story kFinAt5{"P below FIN_WAIT", 30, {{0, 1}, {125, 0}}};
const Story kAgainAt100{"and a new connection", 30, {{0, 1}, {100, 1}, {125, 0}, {221, 0}}};
const Story kStream{"one stream of 1000 s", 300, {{0, 1}, {1120, 0}}};
const Story kIdle{"idle until TCP's own timeout", 43200, {{0, 1}, {910, 0}}};

struct Mode {
  RenewMode renew;
  uint32_t step = 0;
  uint32_t max_lifetime = 0;
  bool is_infinite = false;
};

const Mode kLinux{RenewMode::kLinux}, kLegacy{RenewMode::kLegacy120}, kFull{RenewMode::kFull},
    kStep10{RenewMode::kStep, 10}, kStep60{RenewMode::kStep, 60}, kStep600{RenewMode::kStep, 600},
    kAfterLast{RenewMode::kAfterLastClose}, kFixed{RenewMode::kFixed};

Mode Within(Mode mode, uint32_t lifetime) {
  mode.max_lifetime = lifetime;
  return mode;
}
Mode Infinite(Mode mode) {
  mode.is_infinite = true;
  return mode;
}

struct Case {
  const Story* story;
  Mode mode;
  uint32_t ends_at;  // second from which lookups miss; kNever: not within 300 days
};

const Case kCases[] = {
    // A new connection resets the timer, it does not add; the last entry ends at 321.
    {&kTwoShort, kLinux, 500},
    {&kTwoShort, kLegacy, 500},
    {&kTwoShort, kFull, 500},
    {&kTwoShort, kStep60, 500},
    {&kTwoShort, kAfterLast, 621},
    {&kTwoShort, kFixed, 300},
    // Fires at 30 with the connection there until 125.
    {&kFinAt5, kLinux, 150},    // 30, 90, 150
    {&kFinAt5, kLegacy, 150},   // 30, 150
    {&kFinAt5, kFull, 150},     // 30, 60, 90, 120, 150
    {&kFinAt5, kStep10, 130},   // 30, 40 … 120, 130
    {&kFinAt5, kStep60, 150},   // 30, 90, 150
    {&kFinAt5, kStep600, 630},  // 30, 630
    {&kFinAt5, kAfterLast, 155},
    {&kFinAt5, kFixed, 30},
    // What sticks shows at 100: Linux resets to 160, the old one to 220, the others to 130.
    {&kAgainAt100, kLinux, 280},   // 160, 220, 280
    {&kAgainAt100, kLegacy, 340},  // 150 → 220, 340
    {&kAgainAt100, kFull, 250},    // 130, 160, 190, 220, 250
    {&kAgainAt100, kStep10, 230},  // 130 … 220, 230
    {&kAgainAt100, kStep60, 250},  // 130, 190, 250
    {&kAgainAt100, kAfterLast, 251},
    {&kAgainAt100, kFixed, 30},
    // Affinity after the stream is over: 20 s … 300 s, and none when fixed.
    {&kStream, kLinux, 1140},
    {&kStream, kLegacy, 1140},
    {&kStream, kFull, 1200},
    {&kStream, kStep60, 1140},
    {&kStream, kStep600, 1500},
    {&kStream, kAfterLast, 1420},
    {&kStream, kFixed, 300},
    {&kIdle, kLinux, 43200},
    {&kIdle, kLegacy, 43200},
    {&kIdle, kFull, 43200},
    {&kIdle, kStep60, 43200},
    {&kIdle, kAfterLast, 44110},
    {&kIdle, kFixed, 43200},
    // A lifetime ends all of them, with connections or without.
    {&kTwoShort, Within(kLinux, 450), 450},
    {&kTwoShort, Within(kLinux, 501), 500},
    {&kStream, Within(kLinux, 400), 400},
    {&kStream, Within(kLegacy, 1000), 1000},
    {&kStream, Within(kFull, 1199), 1199},
    {&kStream, Within(kStep600, 100), 100},
    {&kStream, Within(kAfterLast, 1200), 1200},
    {&kStream, Within(kFixed, 200), 200},
    {&kStream, Within(kFixed, 400), 300},
    // No end, whatever the mode, but for a lifetime.
    {&kStream, Infinite(kLinux), kNever},
    {&kStream, Infinite(kLegacy), kNever},
    {&kStream, Infinite(kFull), kNever},
    {&kStream, Infinite(kStep60), kNever},
    {&kStream, Infinite(kAfterLast), kNever},
    {&kStream, Infinite(kFixed), kNever},
    {&kStream, Within(Infinite(kLinux), 100), 100},
    {&kStream, Within(Infinite(kFixed), 5000), 5000},
};

TemplateBinding BindingOf(const Case& c) {
  return {.real_id = RealId{1},
          .service_timeout = c.mode.is_infinite ? kForever : TicksFromSeconds(c.story->timeout),
          .renew = c.mode.renew,
          .step = TicksFromSeconds(c.mode.step),
          .max_lifetime = TicksFromSeconds(c.mode.max_lifetime)};
}

class Renewal : public testing::TestWithParam<Case> {
 protected:
  // Plays one case from tick `start`, with the wheel turned every so many seconds.
  void Play(const Case& c, uint32_t start, uint32_t wheel_every) {
    SCOPED_TRACE(testing::Message()
                 << c.story->what << ", mode " << static_cast<int>(c.mode.renew) << ", start "
                 << start << ", wheel every " << wheel_every << " s");
    auto table = *TemplateTable::Create(WorkerId{0}, 4, TableHash(1, 2), Tick{start});
    const auto key = TemplateKey::ForMark(*IpAddress::Parse("10.0.0.1"), 1);
    const uint32_t slot = table.Insert(key, BindingOf(c), Tick{start}).slot;
    const TemplateRef ref = table.RefOf(slot);
    const uint32_t last = c.ends_at == kNever ? 50'000 : c.ends_at + 1;
    size_t next = 0;
    for (uint32_t second = 0; second <= last; ++second) {
      const Tick now{start + second * 100};
      const bool is_found = table.Find(key, now).hit();
      ASSERT_EQ(is_found, c.ends_at == kNever || second < c.ends_at) << second;
      if (second > 0 && second == c.ends_at) {
        ASSERT_TRUE(table.Find(key, now - 1).hit()) << "to the tick";
      }
      for (; next < c.story->events.size() && c.story->events[next].second == second; ++next) {
        if (!c.story->events[next].is_open) {
          ASSERT_TRUE(table.ReleaseChild(ref, now));
        } else if (is_found) {
          table.Renew(slot, now);
          ASSERT_TRUE(table.AddChild(ref));
        }
      }
      if (second % wheel_every == 0) table.ExpireSome(now, kUnlimited, [](uint32_t) {});
    }
    // Whatever still holds it lets go, and nothing is left.
    Tick end{start + last * 100};
    while (table.IsCurrent(ref) && table.at(slot).children > 0) table.ReleaseChild(ref, end);
    if (c.ends_at == kNever) return NeverEnds(&table, key, end);
    table.ExpireSome(end + 100'000, kUnlimited, [](uint32_t) {});
    EXPECT_EQ(table.size(), 0u);
  }

  // 300 days later, past what ticks can compare, it is there; flushed, it goes.
  void NeverEnds(TemplateTable* table, const TemplateKey& key, Tick now) {
    for (int day = 0; day < 300; ++day) {
      now = now + TicksFromSeconds(86'400);
      table->ExpireSome(now, kUnlimited, [](uint32_t) { FAIL(); });
      ASSERT_TRUE(table->Find(key, now).hit()) << day;
      ASSERT_EQ(table->at(0).Remaining(now), kForever);
      if (day % 100 == 50) table->Renew(0, now);
    }
    table->ExpireNow(0, now);
    EXPECT_FALSE(table->Find(key, now).hit());
    table->ExpireSome(now + 32, kUnlimited, [](uint32_t) {});
    EXPECT_EQ(table->size(), 0u);
  }
};

INSTANTIATE_TEST_SUITE_P(WorkedExamples, Renewal, testing::ValuesIn(kCases));

TEST_P(Renewal, EndsToTheTickHoweverOftenTheWheelTurns) {
  for (const uint32_t start : {0u, 7u, 0xffff'ff00u}) {
    for (const uint32_t wheel_every : {1u, 47u, 1'000'000'000u}) {
      Play(GetParam(), start, wheel_every);
    }
  }
}

// ---- invalid, pinned, retimed

TemplateTable Make() { return *TemplateTable::Create(WorkerId{0}, 4, TableHash(1, 2), Tick{0}); }
const TemplateKey kKey = TemplateKey::ForMark(*IpAddress::Parse("10.0.0.1"), 1);

TemplateBinding Endless() { return {.real_id = RealId{1}, .service_timeout = kForever}; }

TEST(TemplateEnds, AnInvalidatedOneWithoutEndGoesSoon) {
  for (const RenewMode renew :
       {RenewMode::kLinux, RenewMode::kLegacy120, RenewMode::kFixed, RenewMode::kAfterLastClose}) {
    for (const bool has_child : {false, true}) {
      auto table = Make();
      TemplateBinding binding = Endless();
      binding.renew = renew;
      const uint32_t slot = table.Insert(kKey, binding, Tick{0}).slot;
      const TemplateRef ref = table.RefOf(slot);
      if (has_child) table.AddChild(ref);
      table.Invalidate(slot, Tick{100});
      EXPECT_FALSE(table.Find(kKey, Tick{100}).hit());
      table.ExpireSome(Tick{20'000}, kUnlimited, [&](uint32_t) { EXPECT_FALSE(has_child); });
      EXPECT_EQ(table.size(), has_child ? 1u : 0u) << "a child keeps it";
      if (has_child) table.ReleaseChild(ref, Tick{20'000});
      table.ExpireSome(Tick{40'000}, kUnlimited, [](uint32_t) {});
      EXPECT_EQ(table.size(), 0u);
    }
  }
}

TEST(TemplatePins, LastAsLongAsToldWhateverHappens) {
  for (const TickCount ttl : {TicksFromSeconds(10), kForever}) {
    auto table = Make();
    const uint32_t slot =
        table.Insert(kKey, {.real_id = RealId{1}, .service_timeout = 30000}, Tick{0}).slot;
    table.Pin(slot, ttl, Tick{100});
    EXPECT_TRUE(table.at(slot).Has(TemplateFlag::kPinned));
    table.AddChild(table.RefOf(slot));
    table.Renew(slot, Tick{900});
    EXPECT_TRUE(table.Find(kKey, Tick{1099}).hit());
    table.ExpireSome(Tick{1100}, kUnlimited, [](uint32_t) {});
    EXPECT_EQ(table.Find(kKey, Tick{1100}).hit(), ttl == kForever);
    table.Retime(slot, {.real_id = RealId{1}, .service_timeout = 100}, Tick{1100});
    EXPECT_EQ(table.Find(kKey, Tick{5000}).hit(), ttl == kForever) << "a pin is an order";
  }
}

// A service's timeout was changed and known clients are to have it (docs/persistence.md, wish 11).
TEST(TemplateRetime, WhatIsLeftNeverGrows) {
  auto table = Make();
  const uint32_t slot =
      table.Insert(kKey, {.real_id = RealId{1}, .service_timeout = 30000}, Tick{0}).slot;
  table.Retime(slot, {.real_id = RealId{1}, .service_timeout = 500}, Tick{1000});
  EXPECT_EQ(table.at(slot).deadline, Tick{1500}) << "clamped";
  table.Retime(slot, {.real_id = RealId{1}, .service_timeout = 90000}, Tick{1100});
  EXPECT_EQ(table.at(slot).deadline, Tick{1500}) << "not stretched";
  table.Renew(slot, Tick{1200});
  EXPECT_EQ(table.at(slot).deadline, Tick{91200}) << "but the next connection counts by the new";
  table.Retime(slot, Endless(), Tick{1300});
  EXPECT_EQ(table.at(slot).Remaining(Tick{1300}), kForever);
  table.Retime(slot, {.real_id = RealId{1}, .service_timeout = 500, .max_lifetime = 1350},
               Tick{1300});
  EXPECT_EQ(table.at(slot).deadline, Tick{1350}) << "a lifetime counts from creation";
  table.Retime(slot, {.real_id = RealId{1}, .service_timeout = 500, .max_lifetime = 100},
               Tick{1310});
  EXPECT_FALSE(table.Find(kKey, Tick{1310}).hit()) << "and may be over already";
  table.ExpireSome(Tick{1400}, kUnlimited, [](uint32_t) {});
  EXPECT_EQ(table.size(), 0u);
}

}  // namespace
}  // namespace fairlead::dataplane::template_renewal_test
