#include <gtest/gtest.h>

#include <algorithm>

#include "base/siphash.h"
#include "fake_service.h"

namespace fairlead::sched::mh_test {
namespace {

// 10.0.0.11:80, .12:80, .13:80, added in this order.
FakeService Three(int32_t w1, int32_t w2, int32_t w3, Flags flags = {}) {
  FakeService service(Kind::kMh, flags);
  service.Add('1', w1);
  service.Add('2', w2);
  service.Add('3', w3);
  return service;
}

std::string Counts(const FakeService& service) {
  const std::string all = service.Slots(service.plan().tables().slots.size());
  std::string text;
  for (const char name : {'1', '2', '3'}) {
    text += name + std::string(":") + std::to_string(std::ranges::count(all, name)) + " ";
  }
  return text;
}

uint32_t H(uint64_t key, uint32_t x) {
  return static_cast<uint32_t>(SipHash13({key, key}, &x, sizeof x));
}

TEST(Mh, HashVectors) {
  constexpr uint64_t kK1 = 2654435761, kK2 = 2654446892;
  EXPECT_EQ(H(kK1, 0), 0x1d5a77c2u);
  EXPECT_EQ(H(kK1, 1), 0x16ec66b2u);
  EXPECT_EQ(H(kK1, 0x0a000001), 0x03080ce4u);
  EXPECT_EQ(H(kK1, 0xc0a80001), 0x8334668eu);
  EXPECT_EQ(H(kK2, 0), 0xf882433fu);
  EXPECT_EQ(H(kK2, 0x0a000001), 0x48f9d0c1u);
  // Offset and skip of .13, .12, .11.
  const uint32_t fold = FoldOf("10.0.0.13") + 80;
  EXPECT_EQ(H(kK1, fold) % 4093, 2586u);
  EXPECT_EQ(H(kK2, fold) % 4092 + 1, 2286u);
  EXPECT_EQ(H(kK1, fold - 1) % 4093, 870u);
  EXPECT_EQ(H(kK2, fold - 1) % 4092 + 1, 874u);
  EXPECT_EQ(H(kK1, fold - 2) % 4093, 4032u);
  EXPECT_EQ(H(kK2, fold - 2) % 4092 + 1, 1541u);
}

TEST(Mh, Table) {
  const FakeService service = Three(1, 1, 1);
  ASSERT_EQ(service.plan().tables().slots.size(), 4093u);
  EXPECT_EQ(service.Slots(16), "2331221132211222");
  EXPECT_EQ(Counts(service), "1:1364 2:1364 3:1365 ");
  EXPECT_EQ(service.InSlot(2586), '3');
  EXPECT_EQ(service.InSlot(870), '2');
  EXPECT_EQ(service.InSlot(4032), '1');
}

TEST(Mh, WeightsShareTheSlots) {
  EXPECT_EQ(Counts(Three(3, 2, 1)), "1:2046 2:1364 3:683 ");
  EXPECT_EQ(Counts(Three(300, 200, 100)), "1:2046 2:1364 3:683 ");  // gcd
}

TEST(Mh, GreatWeightsKeepAtLeastOneTurn) {
  // 1000 has 10 bits, so turns are 1000 >> 4 = 62, and 1 for the two of weight 1.
  EXPECT_EQ(Counts(Three(1000, 1, 1)), "1:3965 2:64 3:64 ");
}

struct Vector {
  const char* client;
  size_t slot;
  char real;
  size_t slot_with_port;
  char real_with_port;
  char real_weighted;  // 3, 2, 1; '?' where the spec is silent
};

// Slots of mh (ipvs.md, mh); the port is 12345.
constexpr Vector kVectors[] = {
    {"192.0.2.1", 2891, '3', 1302, '1', '3'},  {"192.0.2.2", 746, '1', 3107, '1', '1'},
    {"192.0.2.3", 998, '2', 829, '3', '2'},    {"192.0.2.4", 3044, '1', 77, '2', '1'},
    {"192.0.2.5", 3958, '3', 2638, '1', '?'},  {"198.51.100.7", 924, '1', 222, '1', '?'},
    {"203.0.113.99", 845, '3', 409, '3', '?'},
};

TEST(Mh, SpecVectors) {
  FakeService plain = Three(1, 1, 1);
  FakeService with_port = Three(1, 1, 1, {.port = true});
  FakeService weighted = Three(3, 2, 1);
  for (const Vector& v : kVectors) {
    const Request request{.client_fold = FoldOf(v.client), .client_port = 12345};
    EXPECT_EQ(H(2654435761, request.client_fold) % 4093, v.slot) << v.client;
    EXPECT_EQ(H(2654435761, request.client_fold + 12345) % 4093, v.slot_with_port) << v.client;
    EXPECT_EQ(plain.InSlot(v.slot), v.real) << v.client;
    EXPECT_EQ(plain.PickOne(request), v.real) << v.client;
    EXPECT_EQ(with_port.PickOne(request), v.real_with_port) << v.client;
    if (v.real_weighted != '?') {
      EXPECT_EQ(weighted.PickOne(request), v.real_weighted) << v.client;
    }
  }
}

TEST(Mh, RemovingOneMovesFewOfTheOthers) {
  FakeService service = Three(1, 1, 1);
  const std::string before = service.Slots(4093);
  service.Delete('1');
  const std::string after = service.Slots(4093);
  int others = 0;
  int moved = 0;
  for (size_t slot = 0; slot < 4093; ++slot) {
    if (before[slot] == '1') continue;
    ++others;
    if (before[slot] != after[slot]) ++moved;
  }
  EXPECT_EQ(others, 2729);
  EXPECT_EQ(moved, 10);
}

TEST(Mh, QuiescingKeepsTheTable) {
  FakeService service = Three(3, 2, 1);
  const std::string before = service.Slots(4093);
  service.Edit('1', 0);
  EXPECT_EQ(service.Slots(4093), before);
  EXPECT_EQ(service.PickOne({.client_fold = FoldOf("192.0.2.2")}), '-');
  EXPECT_EQ(service.PickOne({.client_fold = FoldOf("192.0.2.3")}), '2');
}

TEST(Mh, ARealAddedWithWeightZeroHasNoSlot) {
  EXPECT_EQ(Counts(Three(0, 1, 1)).substr(0, 4), "1:0 ");
  FakeService service = Three(0, 0, 0, {.fallback = true});
  EXPECT_TRUE(service.plan().tables().slots.empty());
  EXPECT_EQ(service.PickOne(), '-');
}

TEST(Mh, FallbackRehashesFromTheHomeSlot) {
  FakeService service = Three(1, 1, 1, {.fallback = true});
  const Request request{.client_fold = FoldOf("192.0.2.2")};  // slot 746, real 1
  service.SetOverloaded('1', true);
  // The rule spelled out: the first eligible real among the slots of H(746 + o + fold).
  char expected = '1';
  for (uint32_t o = 0; expected == '1'; ++o) {
    expected = service.InSlot(H(2654435761, (o + 746) % 4093 + request.client_fold) % 4093);
  }
  EXPECT_EQ(service.PickOne(request), expected);
  service.SetOverloaded(expected, true);
  EXPECT_EQ(service.PickOne(request), expected == '2' ? '3' : '2');
  for (const char name : {'2', '3'}) service.SetOverloaded(name, true);
  EXPECT_EQ(service.PickOne(request), '-');
}

TEST(Mh, TheTableDependsOnTheOrder) {
  FakeService service = Three(1, 1, 1);
  const std::string before = service.Slots(4093);
  service.RestoreOrder("123");
  EXPECT_NE(service.Slots(4093), before);
  service.RestoreOrder("321");
  EXPECT_EQ(service.Slots(4093), before);
}

TEST(Mh, NoMoreRealsThanSlots) {
  std::vector<RealInput> reals;
  for (uint32_t i = 0; i < 5000; ++i) {
    reals.push_back({RealId{i}, Ipv4Address::FromHost(0x0a000000 + i), Be16::FromHost(80), 1, 1});
  }
  const Plan plan = Plan::Build(Kind::kMh, {}, reals, 1);
  EXPECT_EQ(plan.size(), MaxReals(Kind::kMh));
  std::vector<int> held(plan.size());
  for (const uint16_t position : plan.tables().slots) ++held[position];
  EXPECT_EQ(held, std::vector<int>(4093, 1));
}

}  // namespace
}  // namespace fairlead::sched::mh_test
