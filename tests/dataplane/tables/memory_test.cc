#include "dataplane/tables/memory.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "dataplane/tables/connection_table.h"

namespace fairlead::dataplane::memory_test {
namespace {

constexpr HugePages kAllPolicies[] = {HugePages::kOff, HugePages::kTransparent, HugePages::kAuto};

TEST(MappedMemory, IsZeroedAndWritableWithEveryPolicy) {
  for (const HugePages policy : kAllPolicies) {
    for (const size_t bytes : {size_t{1}, size_t{4096}, size_t{5} << 20}) {
      auto memory = MappedMemory::Create(bytes, policy, "a test");
      ASSERT_TRUE(memory.ok()) << memory.error().message;
      ASSERT_GE(memory->size(), bytes);
      auto* at = static_cast<uint8_t*>(memory->data());
      EXPECT_EQ(at[0], 0);
      EXPECT_EQ(at[bytes - 1], 0);
      at[bytes - 1] = 1;
    }
  }
}

TEST(MappedMemory, StartsOnAHugePageWhenItIsBigEnoughForOne) {
  auto memory = MappedMemory::Create(size_t{3} << 20, HugePages::kTransparent, "a test");
  ASSERT_TRUE(memory.ok());
  EXPECT_EQ(reinterpret_cast<uintptr_t>(memory->data()) % (size_t{2} << 20), 0u);
  EXPECT_EQ(memory->size(), size_t{4} << 20);
}

TEST(MappedMemory, ReservedIsReservedOrRefused) {
  const auto memory =
      MappedMemory::Create(size_t{1} << 40, HugePages::kReserved, "connection records");
  ASSERT_FALSE(memory.ok()) << "a machine with a TiB of free huge pages";
  EXPECT_EQ(memory.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(memory.error().message.find("connection records needs 524288"), std::string::npos);
  EXPECT_NE(memory.error().message.find("vm.nr_hugepages"), std::string::npos);
  // Too small for a huge page: not asked for one.
  EXPECT_TRUE(MappedMemory::Create(4096, HugePages::kReserved, "a test").ok());
}

TEST(MappedMemory, NothingIsAllowed) {
  auto memory = MappedMemory::Create(0, HugePages::kAuto, "a test");
  ASSERT_TRUE(memory.ok());
  EXPECT_EQ(memory->size(), 0u);
}

TEST(MappedMemory, RefusalNamesThePurposeAndTheRemedy) {
  for (const HugePages policy : kAllPolicies) {
    for (const size_t bytes : {size_t{1} << 60, SIZE_MAX - 1}) {
      const auto memory = MappedMemory::Create(bytes, policy, "connection records");
      ASSERT_FALSE(memory.ok());
      EXPECT_EQ(memory.error().code, ErrorCode::kSystem);
      EXPECT_NE(memory.error().message.find("connection records"), std::string::npos);
      EXPECT_NE(memory.error().message.find("lower director.connections"), std::string::npos);
    }
  }
}

TEST(MappedArray, OverMemoryOfSomebodyElseItLeavesItThere) {
  std::vector<uint32_t> memory = {1, 2, 3};
  {
    auto view = MappedArray<uint32_t>::Over(memory);
    EXPECT_EQ(view.data(), memory.data());
    EXPECT_EQ(view.size(), 3u);
    EXPECT_EQ(view.memory_bytes(), 12u);
    const MappedArray<uint32_t> moved = std::move(view);
    moved[1] = 7;
  }
  EXPECT_EQ(memory, (std::vector<uint32_t>{1, 7, 3}));
}

TEST(MappedArray, KeepsItsPlaceWhenMoved) {
  auto array = MappedArray<uint32_t>::Create(10, HugePages::kOff, "a test");
  ASSERT_TRUE(array.ok());
  (*array)[9] = 7;
  const uint32_t* const place = array->data();
  MappedArray<uint32_t> moved = *std::move(array);
  EXPECT_EQ(moved.data(), place);
  EXPECT_EQ(moved[9], 7u);
  EXPECT_EQ(moved.size(), 10u);
  EXPECT_EQ(moved.memory_bytes(), 4096u);
  EXPECT_EQ(moved.span().size(), 10u);
}

// What a director sets aside for a connection whose client is translated: its record, two entries
// of the index, its share of the index of those that moved aside, and a side record.
template <typename Address>
uint64_t BytesOfTranslated() {
  constexpr uint32_t kCapacity = 1 << 20;
  auto side = SideTable::Create(kCapacity);
  EXPECT_TRUE(side.ok());
  auto table =
      ConnectionTable<Address>::Create(kCapacity, TableHash(1, 2), Tick{}, HugePages::kTransparent,
                                       {.side = &*side, .second_entries = side->capacity()});
  EXPECT_TRUE(table.ok());
  return (table->memory_bytes() + side->memory_bytes()) / kCapacity;
}

TEST(MemoryOfAConnection, WhoseClientIsTranslated) {
  EXPECT_LE(BytesOfTranslated<Ipv4Address>(), 160u);
  EXPECT_LE(BytesOfTranslated<Ipv6Address>(), 225u);
  // The least there can be; less says that something is not counted.
  EXPECT_GE(BytesOfTranslated<Ipv4Address>(), 64u + 2 * 8 + 64);
  EXPECT_GE(BytesOfTranslated<Ipv6Address>(), 128u + 2 * 8 + 64);
}

}  // namespace
}  // namespace fairlead::dataplane::memory_test
