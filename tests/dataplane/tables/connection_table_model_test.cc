// The connection table against an unordered_map that is told the same things. A third of the
// connections have side records, half of those a second entry by a local endpoint.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <random>
#include <unordered_map>
#include <vector>

#include "dataplane/tables/connection_table.h"
#include "flows.h"

namespace fairlead::dataplane::connection_table_model_test {
namespace {

struct Expected {
  Tick deadline;
  uint32_t slot;
  uint16_t generation;
  uint32_t sides = 0;
  bool has_local = false;
};

template <typename Address>
class ConnectionTableModel : public testing::Test {
 protected:
  static constexpr uint32_t kFlows = 3000;

  void Start(uint32_t seed, uint32_t capacity) {
    random_.seed(seed);
    // Not far before the tick wraps: most runs cross it.
    now_ = Tick{0xffff'c000 + seed};
    side_ = std::make_unique<SideTable>(*SideTable::Create(capacity / 3));
    table_ = std::make_unique<ConnectionTable<Address>>(*ConnectionTable<Address>::Create(
        capacity, TableHash(seed, seed + 1), now_, HugePages::kTransparent,
        {.side = side_.get(), .second_entries = capacity / 8}));
    model_.clear();
    inserted_ = refused_ = expired_ = side_count_ = local_count_ = local_refused_ = 0;
    side_refused_ = 0;
  }
  uint32_t Below(uint32_t n) { return static_cast<uint32_t>(random_() % n); }

  static Connection<Address> Draft(uint32_t flow) {
    auto draft = MakeDraft<Address>(flow);
    draft.method = flow % 3 == 0 ? ForwardMethod::kDr : ForwardMethod::kNat;
    draft.protocol = flow % 5 == 0 ? 17 : 6;
    draft.packets = flow;  // says whose record it is
    return draft;
  }
  bool IsAlive(uint32_t flow) const {
    const auto it = model_.find(flow);
    return it != model_.end() && !it->second.deadline.HasPassed(now_);
  }

  void CheckFind(uint32_t flow) {
    const Direction direction = Below(2) == 0 ? Direction::kForward : Direction::kReply;
    const auto key = KeyOfDraft(Draft(flow), direction);
    const FindOutcome found = table_->Find(key, table_->Hash(key), now_);
    ASSERT_EQ(found.hit(), IsAlive(flow));
    if (!found.hit()) return;
    ASSERT_EQ(found.slot, model_[flow].slot);
    ASSERT_EQ(table_->at(found.slot).packets, flow);
    ASSERT_EQ(table_->at(found.slot).generation, model_[flow].generation);
    ASSERT_EQ(table_->at(found.slot).deadline, model_[flow].deadline);
  }
  void InsertIfAbsent(uint32_t flow) {
    if (model_.contains(flow)) return;
    auto draft = Draft(flow);
    draft.timeout = 1 + Below(3000);
    const auto key = KeyOfDraft(draft, Direction::kForward);
    const InsertOutcome outcome = table_->Insert(draft, table_->Hash(key), now_);
    if (table_->size() == table_->capacity() && !outcome.ok()) {
      ASSERT_EQ(outcome.result, InsertResult::kTableFull);
      ++refused_;
      return;
    }
    ASSERT_TRUE(outcome.ok());
    ++inserted_;
    Expected& expected = model_[flow];
    expected = {now_ + draft.timeout, outcome.slot, table_->at(outcome.slot).generation};
    if (flow % 3 == 0) Attach(flow, &expected);
  }
  // Not NAT: a reply to the client's own endpoint comes from the virtual one.
  void Attach(uint32_t flow, Expected* expected) {
    const bool is_full = side_->size() == side_->capacity();
    SideRecord* side = table_->AttachSide(expected->slot, SideKind::kFlow);
    ASSERT_EQ(side == nullptr, is_full);
    if (side == nullptr) {
      ++side_refused_;
      return;
    }
    ++side_count_;
    side->flow.to_real.delta = flow;
    expected->sides = 1;
    if (flow % 6 != 0) return;
    const auto key = LocalKey(flow);
    expected->has_local = table_->AddLocal(expected->slot, key.client, key.client_port);
    if (expected->has_local) {
      ++local_count_;
      return;
    }
    ++local_refused_;
    ASSERT_EQ(table_->second_entries(), table_->capacity() / 8);
    if (table_->AttachSide(expected->slot, SideKind::kSync) == nullptr) return;
    ++side_count_;
    expected->sides = 2;
  }
  // A real's answer to the director: several reals share a local endpoint. Distinct for multiples
  // of six.
  static FlowKey<Address> LocalKey(uint32_t flow) {
    const auto draft = Draft(flow);
    return FlowKey<Address>::Reply(draft.protocol, MakeAddress<Address>(0x0a010001),
                                   Be16::FromHost(static_cast<uint16_t>(5000 + flow / 24)),
                                   draft.real_address, draft.real_port);
  }
  void CheckLocal(uint32_t flow) {
    const auto key = LocalKey(flow);
    const FindOutcome found = table_->Find(key, table_->Hash(key), now_);
    ASSERT_EQ(found.hit(), IsAlive(flow) && model_[flow].has_local);
    if (!found.hit()) return;
    ASSERT_EQ(found.slot, model_[flow].slot);
    ASSERT_EQ(table_->FindSide(found.slot, SideKind::kFlow)->flow.to_real.delta, flow);
  }
  void Forget(uint32_t flow) {
    side_count_ -= model_[flow].sides;
    local_count_ -= model_[flow].has_local;
    model_.erase(flow);
  }
  void TouchIfAlive(uint32_t flow) {
    if (!IsAlive(flow)) return;
    const TickCount timeout = 1 + Below(3000);
    table_->Touch(model_[flow].slot, now_, timeout);
    model_[flow].deadline = now_ + timeout;
  }
  void EraseIfPresent(uint32_t flow) {
    if (!model_.contains(flow)) return;
    table_->Erase(model_[flow].slot);
    Forget(flow);
  }
  void Expire() {
    table_->ExpireSome(now_, Below(4) == 0 ? Below(50) : 100000, [&](uint32_t slot) {
      const uint32_t flow = table_->at(slot).packets;
      EXPECT_TRUE(model_.contains(flow));
      EXPECT_EQ(model_[flow].slot, slot);
      EXPECT_TRUE(model_[flow].deadline.HasPassed(now_));
      if (flow % 11 == 0 && Below(2) == 0) {
        model_[flow].deadline = now_ + 77;
        return ExpiryDecision::Keep(77);
      }
      ++expired_;
      Forget(flow);
      return ExpiryDecision::Erase();
    });
  }
  void CheckBurst() {
    std::vector<FlowKey<Address>> keys(1 + Below(64));
    for (auto& key : keys) {
      const uint32_t flow = Below(kFlows);
      key = Below(3) == 0
                ? LocalKey(flow)
                : KeyOfDraft(Draft(flow), Below(2) == 0 ? Direction::kForward : Direction::kReply);
    }
    std::vector<typename ConnectionTable<Address>::Probe> probes(keys.size());
    std::vector<uint32_t> slots(keys.size());
    table_->HashBurst(keys, probes);
    table_->FindBurst(keys, probes, now_, slots);
    for (size_t i = 0; i < keys.size(); ++i) {
      ASSERT_EQ(probes[i].hash, table_->Hash(keys[i]));
      ASSERT_EQ(slots[i], table_->Find(keys[i], probes[i].hash, now_).slot);
    }
  }

  std::mt19937_64 random_;
  Tick now_;
  std::unique_ptr<SideTable> side_;
  std::unique_ptr<ConnectionTable<Address>> table_;
  std::unordered_map<uint32_t, Expected> model_;
  uint32_t inserted_ = 0, refused_ = 0, expired_ = 0;
  uint32_t side_count_ = 0, side_refused_ = 0, local_count_ = 0, local_refused_ = 0;
};

using Families = testing::Types<Ipv4Address, Ipv6Address>;
TYPED_TEST_SUITE(ConnectionTableModel, Families);

TYPED_TEST(ConnectionTableModel, AgreesOverAHundredThousandOperations) {
  for (const uint32_t seed : {1u, 2u, 3u, 4u}) {
    // Roomy, and so small that it is often full.
    for (const uint32_t capacity : {4000u, 300u}) {
      SCOPED_TRACE(testing::Message() << "seed " << seed << ", capacity " << capacity);
      this->Start(seed, capacity);
      for (int step = 0; step < 100'000; ++step) {
        const uint32_t flow = this->Below(this->kFlows);
        switch (this->Below(8)) {
          case 0:
          case 1:
          case 2:
            ASSERT_NO_FATAL_FAILURE(this->InsertIfAbsent(flow));
            break;
          case 3:
          case 4:
            ASSERT_NO_FATAL_FAILURE(this->CheckFind(flow));
            ASSERT_NO_FATAL_FAILURE(this->CheckLocal(flow / 6 * 6));
            break;
          case 5:
            this->TouchIfAlive(flow);
            break;
          case 6:
            if (this->Below(4) == 0) this->EraseIfPresent(flow);
            break;
          default:
            this->now_ = this->now_ + this->Below(5);
            this->Expire();
            ASSERT_NO_FATAL_FAILURE(this->CheckBurst());
        }
        ASSERT_EQ(this->table_->size(), this->model_.size());
        ASSERT_EQ(this->side_->size(), this->side_count_);
        ASSERT_EQ(this->table_->second_entries(), this->local_count_);
      }
      // The runs met what they were written for.
      EXPECT_GT(this->inserted_, 1000u);
      EXPECT_GT(this->expired_, 100u);
      EXPECT_EQ(this->refused_ > 0, capacity == 300);
      EXPECT_EQ(this->local_refused_ > 0, capacity == 300);
      EXPECT_EQ(this->side_refused_ > 0, capacity == 300);
      // And the table lists exactly the model.
      uint32_t live = 0;
      for (uint32_t s = 0; (s = this->table_->NextLive(s, 100'000)) != kNoSlot; ++s, ++live) {
        EXPECT_EQ(this->model_[this->table_->at(s).packets].slot, s);
      }
      EXPECT_EQ(live, this->model_.size());
      // Nothing leaks.
      for (uint32_t flow = 0; flow < this->kFlows; ++flow) this->EraseIfPresent(flow);
      EXPECT_EQ(this->side_->size(), 0u);
      EXPECT_EQ(this->table_->second_entries(), 0u);
    }
  }
}

}  // namespace
}  // namespace fairlead::dataplane::connection_table_model_test
