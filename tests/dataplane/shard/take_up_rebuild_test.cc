// What take-up builds anew: free lists, side lists, the aside index, second entries; and what it
// moves into arrays of another shape.
#include <functional>
#include <set>

#include "dataplane/shard/take_up.h"
#include "store_watch.h"
#include "take_up_bed.h"

namespace fairlead::dataplane::take_up_rebuild_test {
namespace {

const std::string kLongText(120, 'c');  // three side records

std::string TextOf(TakeUpBed& bed, const TemplateRef& ref) {
  std::array<char, 255> text{};
  const size_t length = bed.shard(ref.owner.index()).templates().CopyEngineText(ref.slot, text);
  return {text.data(), length};
}

// ---- slots

TEST(TakeUp, EveryOtherSlotIsFree) {
  TakeUpBed bed(1, {.connections = 64, .templates = 32});
  std::vector<uint32_t> slots;
  for (uint32_t n = 0; n < 50; ++n) slots.push_back(bed.Connect(n));
  for (uint32_t n = 0; n < 50; n += 3) bed.shard().Connections<Ipv4Address>().Erase(slots[n]);
  for (uint32_t n = 0; n < 20; ++n) bed.Bind(n);
  for (uint32_t n = 0; n < 20; n += 2) {
    bed.shard().templates().Erase(bed.shard().templates().Find(TakeUpBed::KeyOf(n), bed.now).slot);
  }
  EXPECT_EQ(Losses(bed.Restart()), "");
  std::set<uint32_t> used;
  for (uint32_t n = 100; n < 100 + 64 - 33; ++n) used.insert(bed.Connect(n));
  EXPECT_EQ(used.size(), 64u - 33);
  EXPECT_FALSE(used.contains(kNoSlot));
  EXPECT_EQ(bed.Connect(200), kNoSlot);
  for (uint32_t n = 100; n < 122; ++n) bed.Bind(n);
  EXPECT_EQ(bed.shard().templates().size(), 32u);
  EXPECT_EQ(Losses(bed.Restart()), "");
}

// Freed slots below the last one are used first, the lowest of them at once.
TEST(TakeUp, HolesAreFilledFromBelow) {
  TakeUpBed bed(1);
  std::vector<uint32_t> slots;
  for (uint32_t n = 0; n < 10; ++n) slots.push_back(bed.Connect(n));
  for (const uint32_t n : {7u, 2u, 5u}) bed.shard().Connections<Ipv4Address>().Erase(slots[n]);
  bed.Restart();
  EXPECT_EQ(bed.Connect(20), 2u);
  EXPECT_EQ(bed.Connect(21), 5u);
  EXPECT_EQ(bed.Connect(22), 7u);
  EXPECT_EQ(bed.Connect(23), 10u);
  EXPECT_EQ(bed.connection(2).generation, 2u);
}

// The buckets of one client endpoint are full, and a stranger has taken a place in them: whoever
// comes last now, nobody is lost.
TEST(TakeUp, WhoWasAsideIsFoundAgain) {
  for (const bool is_in_place : {true, false}) {
    TakeUpBed bed(1, {.connections = 32});
    auto& table = bed.shard().Connections<Ipv4Address>();
    for (uint16_t n = 0; n < 16; ++n) {
      Connection4 draft = MakeDraft<Ipv4Address>(0);
      draft.virtual_port = Be16::FromHost(static_cast<uint16_t>(100 + n));
      draft.real_id = RealId{1};
      table.Insert(draft, table.Hash(KeyOfDraft(draft, Direction::kForward)), bed.now);
    }
    for (uint32_t n = 4; table.aside() == 0; ++n) {
      const uint32_t slot = bed.Connect(n);
      if (table.aside() == 0) table.Erase(slot);
    }
    ASSERT_EQ(table.size(), 17u);
    const TakeUpReport report = is_in_place ? bed.Restart() : bed.Reshard(1, {.connections = 32});
    EXPECT_EQ(Losses(report), "");
    EXPECT_EQ(report.connections, 17u);
    EXPECT_EQ(bed.shard().Connections<Ipv4Address>().aside(), 1u);
  }
}

// ---- side records

TEST(TakeUp, SideListsAreKeptAndTheRestIsFree) {
  TakeUpBed bed(1, {.side_records = 16});
  const TemplateRef ref = bed.Bind(1, {.service_timeout = 30000, .engine_text = kLongText});
  auto& table = bed.shard().Connections<Ipv4Address>();
  const uint32_t slot = bed.Connect(1), gone = bed.Connect(2);
  table.AttachSide(slot, SideKind::kFlow)->flow.to_client.delta = 7;
  table.AttachSide(slot, SideKind::kSync)->sync.mark = 8;
  table.AttachSide(gone, SideKind::kFlow);
  bed.connection(gone).flags = 0;  // dead, and its side record not yet free
  const TakeUpReport report = bed.Restart();
  EXPECT_EQ(Losses(report), "");
  EXPECT_EQ(report.side_records, 5u);
  EXPECT_EQ(TextOf(bed, ref), kLongText);
  auto& after = bed.shard().Connections<Ipv4Address>();
  EXPECT_EQ(after.FindSide(slot, SideKind::kFlow)->flow.to_client.delta, 7u);
  EXPECT_EQ(after.FindSide(slot, SideKind::kSync)->sync.mark, 8u);
  // Eleven are free, and all come back.
  for (uint32_t n = 10; n < 21; ++n) {
    EXPECT_NE(after.AttachSide(bed.Connect(n), SideKind::kFlow), nullptr);
  }
  EXPECT_EQ(after.AttachSide(bed.Connect(30), SideKind::kFlow), nullptr);
  EXPECT_EQ(Losses(bed.Restart()), "");
}

// Each damage breaks the list of connection and template alike.
TEST(TakeUp, ABrokenListEndsAConnectionAndATextOnly) {
  const std::vector<std::function<void(SideRecord*)>> damages = {
      [](SideRecord* s) { s->next = 2; },  // a loop, and another's
      [](SideRecord* s) { s->next = 16; },
      [](SideRecord* s) { s->next = 0x7fff'ffff; },
      [](SideRecord* s) { ++s->owner_slot; },
      [](SideRecord* s) { ++s->owner_generation; },
      [](SideRecord* s) { s->owner_table = SideOwner::Table::kNone; },
      [](SideRecord* s) { s->owner_table = SideOwner::Table::kConnections6; },
      [](SideRecord* s) { s->kind = SideKind::kFree; },
      [](SideRecord* s) { s->kind = SideKind{4}; },
      [](SideRecord* s) { s->kind = SideKind::kText, s->text.length = 52; },
  };
  for (size_t i = 0; i < damages.size(); ++i) {
    TakeUpBed bed(1, {.side_records = 16});
    const TemplateRef ref = bed.Bind(1, {.service_timeout = 30000, .engine_text = kLongText});
    const uint32_t slot = bed.Connect(1);
    auto& table = bed.shard().Connections<Ipv4Address>();
    table.AttachSide(slot, SideKind::kSync);
    table.AttachSide(slot, SideKind::kFlow);
    SideTable& side = bed.shard().side_records();
    damages[i](&side.at(bed.connection(slot).side_slot));
    damages[i](&side.at(bed.record(ref).side_slot));
    const TakeUpReport report = bed.Restart();
    EXPECT_EQ(Losses(report), "side_list 1; template_text 1; ") << i;
    EXPECT_EQ(report.side_records, 0u) << i;
    EXPECT_EQ(TextOf(bed, ref), "") << i;
    EXPECT_EQ(bed.record(ref).engine_length, 0) << i;
  }
}

TEST(TakeUp, ATextThatLacksAPieceIsLost) {
  TakeUpBed bed(1);
  const TemplateRef ref = bed.Bind(1, {.service_timeout = 30000, .engine_text = kLongText});
  bed.shard().side_records().at(bed.record(ref).side_slot).next = 0;  // past the second piece
  EXPECT_EQ(Losses(bed.Restart()), "template_text 1; ");
  EXPECT_EQ(TextOf(bed, ref), "");
}

TEST(TakeUp, AListHasOneOwner) {
  TakeUpBed bed(1, {.side_records = 16});
  const uint32_t slot = bed.Connect(1), thief = bed.Connect(2);
  bed.shard().Connections<Ipv4Address>().AttachSide(slot, SideKind::kFlow);
  bed.connection(thief).side_slot = bed.connection(slot).side_slot;
  bed.connection(thief).Set(ConnectionFlag::kSideTable);
  EXPECT_EQ(Losses(bed.Restart()), "side_list 1; ");
  EXPECT_NE(bed.Find(1), kNoSlot);
}

// A template without side records has no data to show, whatever it says.
TEST(TakeUp, NoSideRecordsNoText) {
  TakeUpBed bed(1);
  const TemplateRef ref = bed.Bind(1);
  bed.record(ref).engine_length = 200;
  bed.record(ref).side_slot = 0xffff'0000;
  EXPECT_EQ(Losses(bed.Restart()), "");
  EXPECT_EQ(TextOf(bed, ref), "");
}

// FULLNAT, at the table; take_up_fullnat_test.cc has the whole.
TEST(TakeUp, ASecondEntryIsFiledAgain) {
  std::vector<Connection4> memory(16);
  std::vector<SideRecord> side_memory(16, SideRecord{});
  const Tick now{5000};
  const auto local = Ipv4Address::FromHost(0x0a000001);
  const Be16 port = Be16::FromHost(40000);
  Connection4 draft = MakeDraft<Ipv4Address>(1);
  const TableHash hash(1, 2);
  const auto make = [&](SideTable* side) {
    return *ConnectionTable<Ipv4Address>::Create(16, hash, now, HugePages::kOff,
                                                 {.side = side, .second_entries = 16}, memory);
  };
  const auto key = FlowKey4::Reply(6, local, port, draft.real_address, draft.real_port);
  {
    auto side = *SideTable::Create(16, HugePages::kOff, side_memory);
    auto table = make(&side);
    const uint32_t slot =
        table.Insert(draft, table.Hash(KeyOfDraft(draft, Direction::kForward)), now).slot;
    table.AttachSide(slot, SideKind::kFlow);
    ASSERT_TRUE(table.AddLocal(slot, local, port));
    ASSERT_EQ(table.Find(key, table.Hash(key), now).slot, slot);
  }
  auto side = *SideTable::Create(16, HugePages::kOff, side_memory);
  auto table = make(&side);
  for (uint32_t slot = 16; slot-- > 1;) table.Vacate(slot);
  ASSERT_TRUE(table.Settle(0, table.Hash(KeyOfDraft(draft, Direction::kForward))));
  EXPECT_EQ(table.second_entries(), 1u);
  EXPECT_EQ(table.Find(key, table.Hash(key), now).slot, 0u);
}

// ---- other arrays

TEST(Reshard, RecordsGoToTheirOwnersWithAllTheyHave) {
  for (const size_t workers : {1, 2, 3, 5}) {
    TakeUpBed bed(2);
    std::vector<TemplateRef> refs;
    for (uint32_t n = 0; n < 20; ++n) {
      refs.push_back(
          bed.Bind(n, {.service_timeout = 30000, .engine_text = n == 7 ? kLongText : ""}));
    }
    for (uint32_t n = 0; n < 100; ++n) bed.Connect(n, refs[n % 20]);
    Shard& owner = bed.Owner(MakeDraft<Ipv4Address>(5));
    auto& table = owner.Connections<Ipv4Address>();
    table.AttachSide(bed.Find(5), SideKind::kFlow)->flow.to_real.delta = 9;
    table.AttachSide(bed.Find(5), SideKind::kSync)->sync.mark = 8;
    const TakeUpReport report =
        bed.Reshard(workers, {.connections = 256, .templates = 128, .side_records = 32}, 100);
    EXPECT_EQ(Losses(report), "");
    EXPECT_EQ(report.connections, 100u);
    EXPECT_EQ(report.templates, 20u);
    EXPECT_EQ(report.side_records, 5u);
    for (uint32_t n = 0; n < 100; ++n) {
      const uint32_t slot = bed.Find(n);
      ASSERT_NE(slot, kNoSlot);
      const size_t at = bed.Owner(MakeDraft<Ipv4Address>(n)).me.index();
      const Connection4& record = bed.connection(slot, at);
      EXPECT_EQ(record.deadline.Remaining(bed.now), 90'000u - 100);
      EXPECT_EQ(record.timeout, 90'000u);
      EXPECT_EQ(&bed.record(record.template_ref), bed.FindTemplate(n % 20));
    }
    EXPECT_EQ(bed.FindTemplate(3)->children, 5u);
    auto& next = bed.Owner(MakeDraft<Ipv4Address>(5)).Connections<Ipv4Address>();
    EXPECT_EQ(next.FindSide(bed.Find(5), SideKind::kFlow)->flow.to_real.delta, 9u);
    EXPECT_EQ(next.FindSide(bed.Find(5), SideKind::kSync)->sync.mark, 8u);
    TemplateTable& home = bed.Home(TakeUpBed::KeyOf(7)).templates();
    EXPECT_EQ(TextOf(bed, home.RefOf(home.Find(TakeUpBed::KeyOf(7), bed.now).slot)), kLongText);
    EXPECT_EQ(Losses(bed.Restart()), "");  // and the new arrays are as good as the old
  }
}

TEST(Reshard, WhatDoesNotFitIsDroppedByCause) {
  TakeUpBed bed(1);
  for (uint32_t n = 0; n < 40; ++n) bed.Connect(n, bed.Bind(n));
  const TakeUpReport report = bed.Reshard(1, {.connections = 32, .templates = 8});
  EXPECT_EQ(report.connections, 32u);
  EXPECT_EQ(report.templates, 8u);
  EXPECT_EQ(report.of(TakeUpCause::kNoRoom), 8u + 32);
  EXPECT_EQ(report.dropped(), 8u + 32);
  // Of the connections that fitted: those whose template did not.
  EXPECT_EQ(report.of(TakeUpCause::kTemplateReference), 24u);
}

TEST(Reshard, SideRecordsThatDoNotFitTakeTheirConnectionAlong) {
  TakeUpBed bed(1);
  auto& table = bed.shard().Connections<Ipv4Address>();
  for (uint32_t n = 0; n < 4; ++n) {
    const uint32_t slot = bed.Connect(n);
    table.AttachSide(slot, SideKind::kFlow);
    table.AttachSide(slot, SideKind::kSync);
  }
  const TemplateRef ref = bed.Bind(1, {.service_timeout = 30000, .engine_text = kLongText});
  const TakeUpReport report = bed.Reshard(1, {.side_records = 6});
  EXPECT_EQ(report.of(TakeUpCause::kNoRoom), 3u);
  EXPECT_EQ(report.connections, 1u);
  EXPECT_EQ(TextOf(bed, ref), kLongText);  // templates come first
}

TEST(Reshard, AnInvalidatedTemplateKeepsItsChildren) {
  TakeUpBed bed(2);
  const TemplateRef ref = bed.Bind(1);
  bed.Connect(1, ref);
  bed.shard(ref.owner.index()).templates().Invalidate(ref.slot, bed.now);
  const TakeUpReport report = bed.Reshard(3, {});
  EXPECT_EQ(Losses(report), "");
  EXPECT_EQ(report.templates, 1u);
  EXPECT_EQ(bed.FindTemplate(1), nullptr);
}

// ---- memory given

TEST(TableMemory, TheTablesAreWhereTheyWereTold) {
  TakeUpBed bed(2, {.connections = 20, .connections6 = 10, .templates = 30, .side_records = 40});
  const std::vector<TableMemory> tables = bed.memory().tables();
  for (size_t w = 0; w < 2; ++w) {
    EXPECT_EQ(bed.shard(w).Connections<Ipv4Address>().records().data(),
              tables[w].connections4.data());
    EXPECT_EQ(bed.shard(w).Connections<Ipv4Address>().capacity(), 20u);
    EXPECT_EQ(bed.shard(w).Connections<Ipv6Address>().capacity(), 10u);
    EXPECT_EQ(bed.shard(w).templates().capacity(), 30u);
    EXPECT_EQ(bed.shard(w).side_records().capacity(), 40u);
  }
}

TEST(TableMemory, AnotherSizeIsRefused) {
  std::vector<Connection4> memory(10);
  const auto table = ConnectionTable<Ipv4Address>::Create(11, TableHash(1, 2), Tick{},
                                                          HugePages::kOff, {}, memory);
  ASSERT_FALSE(table.ok());
  EXPECT_EQ(table.error().message,
            "the memory given has room for 10 connection records, and the table holds 11; give "
            "both the same number");
}

TEST(TableMemory, AnotherNumberOfWorkersIsRefused) {
  const DirectorMemory memory(3, {});
  FabricConfig config;
  config.workers = 2;
  config.table_memory = memory.tables();
  Fabric fabric(config);
  EXPECT_THROW(Shard(fabric, WorkerId{0}, Tick{}), std::runtime_error);
}

// ---- counters

TEST(TrafficMemory, CountersGoOn) {
  std::vector<TrafficCounters> memory(2 * 8);
  const std::vector<std::span<TrafficCounters>> rows{{memory.data(), 8}, {memory.data() + 8, 8}};
  {
    StatsBoard board(2, 8, 1, rows);
    board.traffic(WorkerId{1}, RealId{3}).in_packets.Add(5);
  }
  StatsBoard board(2, 8, 1, rows);
  board.traffic(WorkerId{1}, RealId{3}).in_packets.Add(1);
  EXPECT_EQ(board.SumTraffic(RealId{3}).in_packets, 6u);
  EXPECT_EQ(memory[8 + 3].in_packets.value(), 6u);
  EXPECT_THROW(StatsBoard(3, 8, 1, rows), std::runtime_error);
  EXPECT_THROW(StatsBoard(2, 9, 1, rows), std::runtime_error);
}

TEST(TrafficMemory, NothingIsLostWithOtherWorkers) {
  std::vector<TrafficCounters> previous(3 * 8);
  for (size_t i = 0; i < previous.size(); ++i) {
    previous[i].connections.Add(i);
    previous[i].in_packets.Add(10 * i);
    previous[i].out_packets.Add(100 * i);
    previous[i].in_bytes.Add(1000 * i);
    previous[i].out_bytes.Add(10000 * i);
  }
  FabricConfig config;
  config.workers = 2;
  config.reals = 16;
  Fabric fabric(config);
  for (size_t w = 0; w < 3; ++w) TakeUpTraffic(std::span(previous).subspan(8 * w, 8), fabric);
  const TrafficSum sum = fabric.stats.SumTraffic(RealId{5});
  const uint64_t all = 5 + 13 + 21;
  EXPECT_EQ(sum.connections, all);
  EXPECT_EQ(sum.in_packets, 10 * all);
  EXPECT_EQ(sum.out_packets, 100 * all);
  EXPECT_EQ(sum.in_bytes, 1000 * all);
  EXPECT_EQ(sum.out_bytes, 10000 * all);
  EXPECT_EQ(fabric.stats.SumTraffic(RealId{8}).connections, 0u);
}

}  // namespace
}  // namespace fairlead::dataplane::take_up_rebuild_test
