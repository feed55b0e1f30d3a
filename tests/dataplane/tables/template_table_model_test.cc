// The template table against a std::map whose timers fire to the tick.
#include <gtest/gtest.h>

#include <cstdint>
#include <iterator>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include "dataplane/tables/template_table.h"

namespace fairlead::dataplane::template_table_model_test {
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

class TemplateTableModel : public testing::Test {
 protected:
  void Start(uint32_t seed) {
    random_.seed(seed);
    now_ = Tick{0xffe0'0000 + seed};
    table_ = std::make_unique<TemplateTable>(
        *TemplateTable::Create(WorkerId{1}, 500, TableHash(seed, 9), now_));
    model_.clear();
    stale_.clear();
    fired_with_children_ = deleted_ = 0;
  }
  uint32_t Below(uint32_t n) { return static_cast<uint32_t>(random_() % n); }

  // The model's timers fire first; the table's wheel comes when it comes.
  void LetTimePass() {
    now_ = now_ + Below(60);
    for (auto it = model_.begin(); it != model_.end();) {
      const Tick before = it->second.deadline;
      const bool is_alive = Fire(it->second, now_);
      fired_with_children_ += is_alive && before != it->second.deadline;
      if (!is_alive) {
        stale_.push_back(it->second.ref);
        ++deleted_;
      }
      it = is_alive ? std::next(it) : model_.erase(it);
    }
    if (Below(3) == 0) table_->ExpireSome(now_, Below(200), [](uint32_t) {});
  }

  void InsertAbsent(uint32_t i) {
    const TickCount timeout = 100 + Below(20'000);
    const InsertOutcome inserted =
        table_->Insert(KeyOf(i), {.real_id = RealId{i}, .service_timeout = timeout}, now_);
    // Expired ones that the wheel has not collected may fill the table.
    if (!inserted.ok()) {
      ASSERT_EQ(inserted.result, InsertResult::kTableFull);
      return;
    }
    model_[i] = {table_->RefOf(inserted.slot), timeout, now_ + timeout};
  }

  // A child comes or goes, the template is erased, or a reference to a dead one is tried.
  void ChangePresent(uint32_t i) {
    Expected& e = model_[i];
    const uint32_t slot = e.ref.slot;
    switch (Below(8)) {
      case 0:
      case 1:
      case 2:
        table_->Renew(slot, now_);
        ASSERT_TRUE(table_->AddChild(e.ref));
        ++e.children;
        e.deadline = now_ + e.timeout;
        ASSERT_EQ(table_->at(slot).deadline, e.deadline);
        ASSERT_EQ(table_->at(slot).timeout, e.timeout);
        break;
      case 3:
      case 4:
      case 5:
        ASSERT_EQ(table_->ReleaseChild(e.ref, now_), e.children > 0);
        e.children -= e.children > 0 ? 1 : 0;
        break;
      case 6:
        table_->Invalidate(slot, now_);
        ASSERT_FALSE(table_->Find(KeyOf(i), now_).hit());
        table_->Erase(slot);
        stale_.push_back(e.ref);
        model_.erase(i);
        break;
      default:
        if (stale_.empty()) break;
        // Dead in the model means dead for lookups; once collected, dead for references too.
        if (!table_->IsCurrent(stale_.back())) {
          ASSERT_FALSE(table_->AddChild(stale_.back()));
        }
        stale_.pop_back();
    }
  }

  // Looked up and compared, then inserted or changed.
  void Touch(uint32_t i) {
    const FindOutcome found = table_->Find(KeyOf(i), now_);
    const auto it = model_.find(i);
    ASSERT_EQ(found.hit(), it != model_.end());
    if (it == model_.end()) return InsertAbsent(i);
    ASSERT_EQ(found.slot, it->second.ref.slot);
    ASSERT_EQ(table_->at(found.slot).real_id, RealId{i});
    ASSERT_EQ(table_->at(found.slot).children, it->second.children);
    ChangePresent(i);
  }

  std::mt19937 random_;
  Tick now_{};
  std::unique_ptr<TemplateTable> table_;
  std::map<uint32_t, Expected> model_;
  std::vector<TemplateRef> stale_;  // references to what the model has deleted
  uint32_t fired_with_children_ = 0, deleted_ = 0;
};

TEST_F(TemplateTableModel, AgreesOverAHundredThousandOperations) {
  for (const uint32_t seed : {1u, 2u, 3u, 4u}) {
    SCOPED_TRACE(seed);
    Start(seed);
    for (int step = 0; step < 100'000; ++step) {
      LetTimePass();
      Touch(Below(400));
      ASSERT_FALSE(HasFatalFailure()) << step;
    }
    EXPECT_GT(fired_with_children_, 100u);
    EXPECT_GT(deleted_, 100u);
  }
}

}  // namespace
}  // namespace fairlead::dataplane::template_table_model_test
