#include "dataplane/tables/snat_table.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "dataplane/wire/headers.h"

namespace fairlead::dataplane::snat_table_test {
namespace {

const TableHash kHash(3, 5);

template <typename Address>
Address Numbered(uint32_t n) {
  Address address{};
  if constexpr (std::is_same_v<Address, Ipv4Address>) {
    address = Ipv4Address::FromHost(0x0a000000 + n);
  } else {
    address.bytes[0] = 0xfd;
    address.bytes[15] = static_cast<uint8_t>(n);
  }
  return address;
}

template <typename Address>
SnatFlow<Address> FlowOf(uint32_t client, uint16_t local_port, uint32_t remote,
                         uint8_t protocol = kProtocolUdp) {
  SnatFlow<Address> flow{};
  flow.client = Numbered<Address>(client);
  flow.client_port = Be16::FromHost(7);
  flow.local = Numbered<Address>(200);
  flow.local_port = Be16::FromHost(local_port);
  flow.remote = Numbered<Address>(remote);
  flow.remote_port = Be16::FromHost(53);
  flow.protocol = protocol;
  flow.timeout = 100;
  return flow;
}
template <typename Address>
SnatKey<Address> OutOf(const SnatFlow<Address>& f) {
  return {f.protocol, f.client, f.client_port, f.remote, f.remote_port};
}
template <typename Address>
SnatKey<Address> InOf(const SnatFlow<Address>& f) {
  return {f.protocol, f.local, f.local_port, f.remote, f.remote_port};
}

template <typename Address>
class SnatTableTest : public testing::Test {
 protected:
  using Table = SnatTable<Address>;
  Table Make(uint32_t capacity) {
    return *Table::Create(capacity, kHash, Tick{1000}, HugePages::kOff);
  }
};
using Families = testing::Types<Ipv4Address, Ipv6Address>;
TYPED_TEST_SUITE(SnatTableTest, Families);

TYPED_TEST(SnatTableTest, BothWaysFindOneFlowUntilItsTimeIsOver) {
  auto table = this->Make(4);
  const auto flow = FlowOf<TypeParam>(1, 2000, 9);
  const uint32_t slot = table.Insert(flow, Tick{1000});
  ASSERT_NE(slot, kNoSlot);
  EXPECT_EQ(table.template Find<SnatWay::kOut>(OutOf(flow), Tick{1099}), slot);
  EXPECT_EQ(table.template Find<SnatWay::kIn>(InOf(flow), Tick{1099}), slot);
  EXPECT_EQ(table.template Find<SnatWay::kIn>(OutOf(flow), Tick{1000}), kNoSlot);
  auto other = InOf(flow);
  other.protocol = kProtocolTcp;
  EXPECT_EQ(table.template Find<SnatWay::kIn>(other, Tick{1000}), kNoSlot);
  EXPECT_EQ(table.template Find<SnatWay::kOut>(OutOf(flow), Tick{1100}), kNoSlot);
  table.Touch(slot, Tick{1050}, 100);
  EXPECT_EQ(table.template Find<SnatWay::kOut>(OutOf(flow), Tick{1149}), slot);
  size_t gone = 0;
  EXPECT_EQ(table.ExpireSome(Tick{1400}, 1000, [&](const auto&) { ++gone; }), 1u);
  EXPECT_EQ(gone, 1u);
  EXPECT_EQ(table.size(), 0u);
}

TYPED_TEST(SnatTableTest, FullIsRefused) {
  auto table = this->Make(2);
  EXPECT_NE(table.Insert(FlowOf<TypeParam>(1, 1, 9), Tick{1000}), kNoSlot);
  EXPECT_NE(table.Insert(FlowOf<TypeParam>(2, 2, 9), Tick{1000}), kNoSlot);
  EXPECT_EQ(table.Insert(FlowOf<TypeParam>(3, 3, 9), Tick{1000}), kNoSlot);
  table.ExpireSome(Tick{1400}, 1000, [](const auto&) {});
  EXPECT_NE(table.Insert(FlowOf<TypeParam>(3, 3, 9), Tick{1400}), kNoSlot);
}

// Against a map, over random arrivals and times.
TYPED_TEST(SnatTableTest, AgreesWithAMap) {
  auto table = this->Make(64);
  std::map<std::pair<uint32_t, uint32_t>, Tick> deadlines;  // {client, remote}
  std::mt19937 engine(7);
  const auto random = [&engine] { return static_cast<uint32_t>(engine()); };
  Tick now{1000};
  for (int step = 0; step < 20'000; ++step) {
    const uint32_t client = random() % 12, remote = random() % 12;
    // Each client has a port of ours, so that the ways agree.
    const auto flow = FlowOf<TypeParam>(client, static_cast<uint16_t>(2000 + client), remote);
    std::erase_if(deadlines, [&](const auto& item) { return item.second.HasPassed(now); });
    const bool is_known = deadlines.contains({client, remote});
    const uint32_t out = table.template Find<SnatWay::kOut>(OutOf(flow), now);
    ASSERT_EQ(out != kNoSlot, is_known) << step;
    ASSERT_EQ(table.template Find<SnatWay::kIn>(InOf(flow), now), out);
    const TickCount timeout = 1 + random() % 400;
    if (is_known) {
      table.Touch(out, now, timeout);
      deadlines[{client, remote}] = now + timeout;
    } else {
      auto fresh = flow;
      fresh.timeout = timeout;
      if (table.Insert(fresh, now) != kNoSlot) deadlines[{client, remote}] = now + timeout;
    }
    now = now + random() % 8;
    table.ExpireSome(now, 100, [](const auto&) {});
    std::erase_if(deadlines, [&](const auto& item) { return item.second.HasPassed(now); });
    ASSERT_LE(deadlines.size(), table.size());
  }
  table.ExpireSome(now + 10'000, 100'000, [](const auto&) {});
  EXPECT_EQ(table.size(), 0u);
}

}  // namespace
}  // namespace fairlead::dataplane::snat_table_test
