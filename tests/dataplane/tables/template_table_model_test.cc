// The template table against a std::map whose timers fire to the tick.
#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <random>
#include <vector>

#include "dataplane/tables/template_table.h"

namespace fairlead::dataplane {
namespace {

struct Expected {
  TemplateRef ref;
  TickCount timeout;
  Tick deadline;
  uint32_t children = 0;
};

// ipvs.md, template timer, for one template: lets its timer fire as often as it would have until
// `now`. False: deleted.
bool Fire(Expected& e, Tick now) {
  while (e.deadline.HasPassed(now)) {
    if (e.children == 0) return false;
    e.timeout = TicksFromSeconds(60);
    e.deadline = e.deadline + e.timeout;
  }
  return true;
}

TemplateKey KeyOf(uint32_t i) {
  const IpAddress client = i % 2 == 0 ? IpAddress(Ipv4Address::FromHost(i / 4))
                                      : *IpAddress::Parse("2001:db8::" + std::to_string(i / 4));
  if (i % 4 < 2) return TemplateKey::ForMark(client, 5);
  return TemplateKey::ForService(6, client, client, Be16::FromHost(80));
}

TEST(TemplateTableModel, AgreesOverAHundredThousandOperations) {
  for (const uint32_t seed : {1u, 2u, 3u, 4u}) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const auto below = [&](uint32_t n) { return static_cast<uint32_t>(random() % n); };
    Tick now{0xffe0'0000 + seed};
    auto table = *TemplateTable::Create(WorkerId{1}, 500, TableHash(seed, 9), now);
    std::map<uint32_t, Expected> model;
    std::vector<TemplateRef> stale;
    uint32_t fired_with_children = 0, deleted = 0;

    for (int step = 0; step < 100'000; ++step) {
      now = now + below(60);
      // The model's timers fire first; the table's wheel comes when it comes.
      for (auto it = model.begin(); it != model.end();) {
        const Tick before = it->second.deadline;
        const bool is_alive = Fire(it->second, now);
        fired_with_children += is_alive && before != it->second.deadline;
        if (!is_alive) {
          stale.push_back(it->second.ref);
          ++deleted;
        }
        it = is_alive ? std::next(it) : model.erase(it);
      }
      if (below(3) == 0) table.ExpireSome(now, below(200), [](uint32_t) {});

      const uint32_t i = below(400);
      const TemplateKey key = KeyOf(i);
      const FindOutcome found = table.Find(key, now);
      const auto it = model.find(i);
      ASSERT_EQ(found.hit(), it != model.end()) << step;
      if (it == model.end()) {
        const TickCount timeout = 100 + below(20'000);
        const InsertOutcome inserted =
            table.Insert(key, {.real_id = RealId{i}, .service_timeout = timeout}, now);
        // Expired ones that the wheel has not collected may fill the table.
        if (!inserted.ok()) {
          ASSERT_EQ(inserted.result, InsertResult::kTableFull);
          continue;
        }
        model[i] = {table.RefOf(inserted.slot), timeout, now + timeout};
        continue;
      }
      Expected& e = it->second;
      ASSERT_EQ(found.slot, e.ref.slot);
      ASSERT_EQ(table.at(found.slot).real_id, RealId{i});
      ASSERT_EQ(table.at(found.slot).children, e.children);
      switch (below(8)) {
        case 0:
        case 1:
        case 2:
          table.Renew(found.slot, now);
          ASSERT_TRUE(table.AddChild(e.ref));
          ++e.children;
          e.deadline = now + e.timeout;
          ASSERT_EQ(table.at(found.slot).deadline, e.deadline);
          ASSERT_EQ(table.at(found.slot).timeout, e.timeout);
          break;
        case 3:
        case 4:
        case 5:
          ASSERT_EQ(table.ReleaseChild(e.ref, now), e.children > 0);
          e.children -= e.children > 0 ? 1 : 0;
          break;
        case 6:
          table.Invalidate(found.slot, now);
          ASSERT_FALSE(table.Find(key, now).hit());
          table.Erase(found.slot);
          stale.push_back(e.ref);
          model.erase(it);
          break;
        default:
          if (stale.empty()) break;
          // Dead in the model means dead for lookups; once collected, dead for references too.
          if (!table.IsCurrent(stale.back())) {
            ASSERT_FALSE(table.AddChild(stale.back()));
          }
          stale.pop_back();
      }
    }
    EXPECT_GT(fired_with_children, 100u);
    EXPECT_GT(deleted, 100u);
  }
}

}  // namespace
}  // namespace fairlead::dataplane
