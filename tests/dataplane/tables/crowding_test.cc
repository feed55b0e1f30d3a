// Clients that scan a service of all ports, and what that costs strangers.
#include <gtest/gtest.h>

#include "dataplane/tables/connection_table.h"
#include "flows.h"

namespace fairlead::dataplane::crowding_test {
namespace {

constexpr TableHash kHash(0x1357'9bdf'0246'8ace, 0xfdb9'7531'eca8'6420);

template <typename Address>
class Crowding : public testing::Test {
 protected:
  using Table = ConnectionTable<Address>;
  static constexpr uint32_t kCapacity = 65536;
  static constexpr Tick kNow{};

  // Connection number `port` of a client endpoint, to that port of a port-0 service.
  static Connection<Address> Scan(uint32_t client, uint16_t client_port, uint32_t port) {
    Connection<Address> draft = MakeDraft<Address>(0);
    draft.client_address = MakeAddress<Address>(0x0a090000 + client);
    draft.client_port = Be16::FromHost(client_port);
    draft.virtual_port = draft.real_port = Be16::FromHost(static_cast<uint16_t>(port));
    return draft;
  }
  static InsertOutcome Insert(Table& table, const Connection<Address>& draft) {
    return table.Insert(draft, table.Hash(KeyOfDraft(draft, Direction::kForward)), kNow);
  }
  bool IsFound(const Connection<Address>& draft, Direction direction, uint32_t slot) {
    const auto key = KeyOfDraft(draft, direction);
    return table_.Find(key, table_.Hash(key), kNow).slot == slot;
  }
  // Scans go on until so many records are in use.
  void FillTo(uint32_t size, uint32_t ports_each) {
    for (; table_.size() < size; ++endpoint_) {
      for (uint32_t port = 1; port <= ports_each && table_.size() < size; ++port) {
        const auto draft = Scan(endpoint_ / 50000, static_cast<uint16_t>(endpoint_ % 50000), port);
        const InsertOutcome made = Insert(table_, draft);
        if (made.ok()) made_.push_back(made.slot);
      }
    }
  }
  // Of `count` strangers, how many get no record; those who do leave again.
  uint32_t Refused(uint32_t count) {
    uint32_t refused = 0;
    std::vector<uint32_t> slots;
    for (uint32_t i = 0; i < count; ++i) {
      const auto draft = MakeDraft<Address>(stranger_++);
      const InsertOutcome made = Insert(table_, draft);
      if (!made.ok()) {
        ++refused;
        continue;
      }
      slots.push_back(made.slot);
      EXPECT_TRUE(IsFound(draft, Direction::kForward, made.slot));
      EXPECT_TRUE(IsFound(draft, Direction::kReply, made.slot));
      if (slots.size() == 400) {
        for (const uint32_t slot : slots) table_.Erase(slot);
        slots.clear();
      }
    }
    for (const uint32_t slot : slots) table_.Erase(slot);
    return refused;
  }

  Table table_ = *Table::Create(kCapacity, kHash, kNow, HugePages::kOff);
  std::vector<uint32_t> made_;
  uint32_t endpoint_ = 0, stranger_ = 0;
};

using Families = testing::Types<Ipv4Address, Ipv6Address>;
TYPED_TEST_SUITE(Crowding, Families);

// One client with all its ports, each trying many of the service's.
TYPED_TEST(Crowding, AScanCostsStrangersNothingUpTo80Percent) {
  for (uint32_t percent = 10; percent <= 80; percent += 10) {
    this->FillTo(this->kCapacity / 100 * percent, 40);
    EXPECT_LE(this->Refused(4000), 4u)
        << percent << " % full, " << this->table_.aside() << " aside";
  }
}

// Half as many from each port: crowds that a bucket can just hold.
TYPED_TEST(Crowding, NorDoCrowdsOfEight) {
  this->FillTo(this->kCapacity / 100 * 90, 8);
  EXPECT_LE(this->Refused(4000), 4u) << this->table_.aside() << " aside";
}

// A hundred clients scan all ports, from one port each: sixteen connections are what they get.
TYPED_TEST(Crowding, AHundredScannersOfAllPortsCostStrangersNothing) {
  this->FillTo(this->kCapacity / 100 * 89, 2);
  const uint32_t before = this->table_.size();
  for (uint32_t port = 1; port < 65536; port += 63) {
    for (uint32_t client = 0; client < 100; ++client) {
      this->Insert(this->table_, this->Scan(0xff00 + client, 5000, port));
    }
  }
  EXPECT_LE(this->table_.size() - before, 1600u);
  EXPECT_LE(this->Refused(4000), 4u);
}

TYPED_TEST(Crowding, WhatMovedAsideIsFoundBothWaysAndLeavesNothing) {
  std::vector<std::pair<Connection<TypeParam>, uint32_t>> all;
  for (uint32_t endpoint = 0; this->table_.aside() < 2000; ++endpoint) {
    for (uint32_t port = 1; port <= 16; ++port) {
      const auto draft =
          this->Scan(endpoint / 50000, static_cast<uint16_t>(endpoint % 50000), port);
      if (const auto made = this->Insert(this->table_, draft); made.ok()) {
        all.emplace_back(draft, made.slot);
      }
    }
  }
  for (const auto& [draft, slot] : all) {
    ASSERT_TRUE(this->IsFound(draft, Direction::kForward, slot));
    ASSERT_TRUE(this->IsFound(draft, Direction::kReply, slot));
  }
  for (size_t i = 0; i < all.size(); i += 2) this->table_.Erase(all[i].second);
  for (size_t i = 0; i < all.size(); ++i) {
    const uint32_t expected = i % 2 == 0 ? kNoSlot : all[i].second;
    ASSERT_TRUE(this->IsFound(all[i].first, Direction::kForward, expected));
    ASSERT_TRUE(this->IsFound(all[i].first, Direction::kReply, expected));
  }
  for (size_t i = 1; i < all.size(); i += 2) this->table_.Erase(all[i].second);
  EXPECT_EQ(this->table_.aside(), 0u);
  EXPECT_EQ(this->table_.size(), 0u);
}

TEST(ConnectionMemory, AConnectionTakesAtMost80Bytes) {
  const auto table = *ConnectionTable<Ipv4Address>::Create(1 << 20, kHash, Tick{}, HugePages::kOff);
  EXPECT_LE(table.memory_bytes(), uint64_t{80} << 20);
}

}  // namespace
}  // namespace fairlead::dataplane::crowding_test
