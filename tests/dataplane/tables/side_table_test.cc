#include "dataplane/tables/side_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "dataplane/tables/connection_table.h"
#include "dataplane/tables/template_table.h"
#include "flows.h"

namespace fairlead::dataplane::side_table_test {
namespace {

SideOwner OwnerOf(uint32_t slot) {
  return {SideOwner::Table::kConnections4, slot, static_cast<uint16_t>(slot + 1)};
}

// What a list holds, in order: "2:7 1:9" is a kSync marked 7 and a kFlow whose delta is 9.
std::string Text(const SideTable& table, uint32_t first) {
  std::string text;
  for (uint32_t slot = first; slot != kNoSlot; slot = table.at(slot).next) {
    const SideRecord& record = table.at(slot);
    const uint32_t value =
        record.kind == SideKind::kSync ? record.sync.mark : record.flow.to_real.delta;
    text += std::to_string(static_cast<int>(record.kind)) + ":" + std::to_string(value) + " ";
  }
  return text;
}

TEST(SideTable, AnswersForItsRange) {
  EXPECT_FALSE(SideTable::Create(0));
  EXPECT_FALSE(SideTable::Create((1u << 30) + 1));
  const auto table = SideTable::Create(1000, HugePages::kOff);
  ASSERT_TRUE(table);
  EXPECT_EQ(table->capacity(), 1000u);
  EXPECT_EQ(table->memory_bytes(), 65536u);  // 64 bytes each, whole pages
}

TEST(SideTable, AnOwnersRecordsAreAListThatGoesAsOne) {
  auto table = *SideTable::Create(3, HugePages::kOff);
  uint32_t first = kNoSlot;
  table.Attach(OwnerOf(5), SideKind::kFlow, &first)->flow.to_real.delta = 9;
  table.Attach(OwnerOf(5), SideKind::kSync, &first)->sync.mark = 7;
  EXPECT_EQ(Text(table, first), "2:7 1:9 ");
  EXPECT_EQ(table.Find(first, SideKind::kFlow)->flow.to_real.delta, 9u);
  EXPECT_EQ(table.Find(first, SideKind::kText), nullptr);
  EXPECT_EQ(table.Find(kNoSlot, SideKind::kFlow), nullptr);
  const SideRecord& head = table.at(first);
  EXPECT_EQ(head.owner_slot, 5u);
  EXPECT_EQ(head.owner_generation, 6u);
  EXPECT_EQ(head.owner_table, SideOwner::Table::kConnections4);
  table.Release(first);
  EXPECT_EQ(table.size(), 0u);
}

TEST(SideTable, AFullOneRefusesAndChangesNothing) {
  auto table = *SideTable::Create(1, HugePages::kOff);
  uint32_t first = kNoSlot, other = kNoSlot;
  ASSERT_NE(table.Attach(OwnerOf(1), SideKind::kFlow, &first), nullptr);
  EXPECT_EQ(table.Attach(OwnerOf(2), SideKind::kFlow, &other), nullptr);
  EXPECT_FALSE(table.AttachText(OwnerOf(2), "text", &other));
  EXPECT_EQ(other, kNoSlot);
  EXPECT_EQ(table.size(), 1u);
}

// A start after a crash believes what has a kind, and expects zeros where nothing was written.
TEST(SideTable, AFreedRecordHasNoKindAndANewOneIsZero) {
  auto table = *SideTable::Create(1, HugePages::kOff);
  uint32_t first = kNoSlot;
  SideRecord* record = table.Attach(OwnerOf(1), SideKind::kText, &first);
  std::memset(&record->text, 0xff, sizeof record->text);
  table.Release(first);
  EXPECT_EQ(table.at(0).kind, SideKind::kFree);
  first = kNoSlot;
  record = table.Attach(OwnerOf(1), SideKind::kFlow, &first);
  const FlowSide zero{};
  EXPECT_EQ(std::memcmp(&record->flow, &zero, sizeof zero), 0);
}

TEST(SideTable, KeepsTextsOfAllLengths) {
  auto table = *SideTable::Create(5, HugePages::kOff);
  std::string text;
  for (size_t length = 0; length <= 255; ++length, text += static_cast<char>('a' + length % 26)) {
    uint32_t first = kNoSlot;
    ASSERT_TRUE(table.AttachText(OwnerOf(1), text, &first));
    ASSERT_EQ(table.size(), (length + 50) / 51);
    std::string read(300, '-');
    ASSERT_EQ(table.CopyText(first, read), length);
    ASSERT_EQ(read, text + std::string(300 - length, '-'));
    std::string begin(std::min<size_t>(length, 35), '-');
    ASSERT_EQ(table.CopyText(first, begin), begin.size());
    ASSERT_EQ(begin, text.substr(0, 35));
    table.Release(first);
  }
  // 256 bytes want a sixth.
  uint32_t first = kNoSlot;
  EXPECT_FALSE(table.AttachText(OwnerOf(1), text, &first));
  EXPECT_EQ(table.size(), 0u);
}

TEST(SideTable, AgreesWithAModel) {
  struct Owner {
    uint32_t first = kNoSlot;
    std::string expected;
    uint32_t count = 0;
  };
  auto table = *SideTable::Create(400, HugePages::kOff);
  std::mt19937 random(3);
  std::vector<Owner> owners(300);
  uint32_t in_use = 0, refused = 0;
  for (uint32_t step = 1; step <= 200'000; ++step) {
    Owner& owner = owners[random() % owners.size()];
    if (random() % 3 == 0) {
      table.Release(owner.first);
      in_use -= owner.count;
      owner = {};
    } else {
      const SideKind kind = random() % 2 == 0 ? SideKind::kFlow : SideKind::kSync;
      const auto number = static_cast<uint32_t>(&owner - owners.data());
      SideRecord* record = table.Attach(OwnerOf(number), kind, &owner.first);
      ASSERT_EQ(record == nullptr, in_use == table.capacity());
      if (record == nullptr) {
        ++refused;
      } else {
        (kind == SideKind::kSync ? record->sync.mark : record->flow.to_real.delta) = step;
        owner.expected.insert(
            0, std::to_string(static_cast<int>(kind)) + ":" + std::to_string(step) + " ");
        ++owner.count;
        ++in_use;
      }
    }
    ASSERT_EQ(table.size(), in_use);
    ASSERT_EQ(Text(table, owner.first), owner.expected);
  }
  EXPECT_GT(refused, 1000u);
  for (const Owner& owner : owners) {
    ASSERT_EQ(Text(table, owner.first), owner.expected);
    table.Release(owner.first);
  }
  EXPECT_EQ(table.size(), 0u);
  EXPECT_LE(table.high_water(), table.capacity());
}

// ---- with the tables that use it

TEST(SideRecords, GoWithTheirConnectionHoweverItEnds) {
  auto side = *SideTable::Create(100, HugePages::kOff);
  auto table = *ConnectionTable<Ipv4Address>::Create(100, TableHash(1, 2), Tick{}, HugePages::kOff,
                                                     {.side = &side});
  const auto insert = [&](uint32_t flow) {
    const auto draft = MakeDraft<Ipv4Address>(flow);
    const auto key = KeyOfDraft(draft, Direction::kForward);
    const uint32_t slot = table.Insert(draft, table.Hash(key), Tick{}).slot;
    EXPECT_NE(table.AttachSide(slot, SideKind::kFlow), nullptr);
    EXPECT_NE(table.AttachSide(slot, SideKind::kSync), nullptr);
    return slot;
  };
  const uint32_t erased = insert(1);
  const uint32_t detached = insert(2);
  insert(3);
  EXPECT_EQ(side.size(), 6u);
  table.Erase(erased);
  EXPECT_EQ(side.size(), 4u);
  table.Detach(detached);
  EXPECT_EQ(side.size(), 4u);  // still its record's, until that is free
  table.Free(detached);
  EXPECT_EQ(side.size(), 2u);
  table.ExpireSome(Tick{TicksFromSeconds(2000)}, 100'000,
                   [](uint32_t) { return ExpiryDecision::Erase(); });
  EXPECT_EQ(table.size(), 0u);
  EXPECT_EQ(side.size(), 0u);
  // The slot's next user has none.
  const auto draft = MakeDraft<Ipv4Address>(4);
  const auto key = KeyOfDraft(draft, Direction::kForward);
  const uint32_t slot = table.Insert(draft, table.Hash(key), Tick{}).slot;
  EXPECT_EQ(table.FindSide(slot, SideKind::kFlow), nullptr);
}

TEST(SideRecords, NameTheirOwner) {
  auto side = *SideTable::Create(100, HugePages::kOff);
  auto table = *ConnectionTable<Ipv6Address>::Create(100, TableHash(1, 2), Tick{}, HugePages::kOff,
                                                     {.side = &side});
  const auto draft = MakeDraft<Ipv6Address>(1);
  const auto key = KeyOfDraft(draft, Direction::kForward);
  table.Erase(table.Insert(draft, table.Hash(key), Tick{}).slot);
  const uint32_t slot = table.Insert(draft, table.Hash(key), Tick{}).slot;
  const SideRecord& record = *table.AttachSide(slot, SideKind::kFlow);
  EXPECT_EQ(record.owner_table, SideOwner::Table::kConnections6);
  EXPECT_EQ(record.owner_slot, slot);
  EXPECT_EQ(record.owner_generation, 2u);
}

TEST(SideRecords, ATableWithoutAPoolRefuses) {
  auto table = *ConnectionTable<Ipv4Address>::Create(1, TableHash(1, 2), Tick{}, HugePages::kOff);
  const auto draft = MakeDraft<Ipv4Address>(1);
  const auto key = KeyOfDraft(draft, Direction::kForward);
  EXPECT_EQ(table.AttachSide(table.Insert(draft, table.Hash(key), Tick{}).slot, SideKind::kFlow),
            nullptr);
}

TEST(SideRecords, KeepAnEnginesDataWithItsTemplate) {
  auto side = *SideTable::Create(3, HugePages::kOff);
  auto table =
      *TemplateTable::Create(WorkerId{0}, 10, TableHash(1, 2), Tick{}, HugePages::kOff, &side);
  const auto insert = [&](uint32_t mark, std::string_view text) {
    TemplateBinding binding{.real_id = RealId{1}, .service_timeout = TicksFromSeconds(100)};
    binding.engine_text = text;
    const auto key = TemplateKey::ForMark(IpAddress(Ipv4Address::FromHost(1)), mark);
    return table.Insert(key, binding, Tick{}).slot;
  };
  const std::string text(100, 'x');
  const uint32_t slot = insert(1, text);
  EXPECT_EQ(table.at(slot).engine_length, 100);
  EXPECT_EQ(side.at(table.at(slot).side_slot).owner_table, SideOwner::Table::kTemplates);
  std::string read(255, ' ');
  EXPECT_EQ(table.CopyEngineText(slot, read), 100u);
  EXPECT_EQ(read.substr(0, 100), text);
  // One is left, and two are wanted: the template works, and shows nothing.
  const uint32_t other = insert(2, text);
  EXPECT_EQ(table.at(other).engine_length, 0);
  EXPECT_EQ(table.CopyEngineText(other, read), 0u);
  const uint32_t plain = insert(3, "");
  EXPECT_EQ(table.at(plain).engine_length, 0);
  EXPECT_EQ(side.size(), 2u);
  table.Erase(other);
  table.Erase(slot);
  EXPECT_EQ(side.size(), 0u);
  insert(4, "abc");
  table.ExpireSome(Tick{TicksFromSeconds(200)}, 100'000, [](uint32_t) {});
  EXPECT_EQ(table.size(), 0u);
  EXPECT_EQ(side.size(), 0u);
}

}  // namespace
}  // namespace fairlead::dataplane::side_table_test
