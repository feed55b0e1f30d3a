#include <gtest/gtest.h>

#include <algorithm>

#include "fake_service.h"

namespace fairlead::sched::sh_test {
namespace {

// List order C, B, A with weights 1, 2, 3.
FakeService Abc(Flags flags = {}) {
  FakeService service(Kind::kSh, flags);
  service.Add('A', 3);
  service.Add('B', 2);
  service.Add('C', 1);
  return service;
}

struct Vector {
  const char* client;
  size_t bucket;
  char real;
  size_t bucket_with_port;
  char real_with_port;
};

// Buckets of sh (ipvs.md, sh and dh); the port is 12345.
constexpr Vector kVectors[] = {
    {"192.0.2.1", 50, 'B', 145, 'B'}, {"192.0.2.2", 148, 'A', 243, 'A'},
    {"192.0.2.3", 246, 'C', 85, 'B'}, {"192.0.2.4", 88, 'A', 183, 'A'},
    {"10.0.0.1", 39, 'A', 134, 'B'},  {"198.51.100.7", 171, 'A', 9, 'A'},
};

// A service in which bucket b belongs to real b alone tells which bucket a client has.
size_t BucketOf(const Request& request, Flags flags) {
  std::vector<RealInput> reals;
  for (uint32_t i = 0; i < 256; ++i) reals.push_back({RealId{i}, {}, {}, 1, 1});
  const Plan plan = Plan::Build(Kind::kSh, flags, reals, 1);
  State state = InitialState(plan);
  return Pick(plan, &state, request, LoadBoard(1, 256)).real.index();
}

TEST(Sh, Buckets) {
  const FakeService service = Abc();
  ASSERT_EQ(service.plan().tables().slots.size(), 256u);
  EXPECT_EQ(service.Slots(13), "CBBAAACBBAAAC");
  const std::string all = service.Slots(256);
  EXPECT_EQ(std::ranges::count(all, 'C'), 43);
  EXPECT_EQ(std::ranges::count(all, 'B'), 86);
  EXPECT_EQ(std::ranges::count(all, 'A'), 127);
}

TEST(Sh, SpecVectors) {
  FakeService plain = Abc();
  FakeService with_port = Abc({.port = true});
  for (const Vector& v : kVectors) {
    const Request request{.client_fold = FoldOf(v.client), .client_port = 12345};
    EXPECT_EQ(BucketOf(request, {}), v.bucket) << v.client;
    EXPECT_EQ(plain.PickOne(request), v.real) << v.client;
    EXPECT_EQ(BucketOf(request, {.port = true}), v.bucket_with_port) << v.client;
    EXPECT_EQ(with_port.PickOne(request), v.real_with_port) << v.client;
  }
}

TEST(Sh, Ipv6) {
  ASSERT_EQ(FoldOf("2001:db8::1"), 0x20010db9u);
  EXPECT_EQ(BucketOf({.client_fold = FoldOf("2001:db8::1")}, {}), 63u);
}

TEST(Sh, WeightZeroKeepsABucketAndItsClientsGetNobody) {
  FakeService service = Abc();
  service.Edit('C', 0);
  EXPECT_EQ(service.Slots(7), "CBBAAAC");
  EXPECT_EQ(service.PickOne({.client_fold = FoldOf("192.0.2.3")}), '-');
  EXPECT_EQ(service.PickOne({.client_fold = FoldOf("192.0.2.1")}), 'B');
}

TEST(Sh, FallbackTriesOtherBucketsInAFixedOrder) {
  FakeService service = Abc({.fallback = true});
  const Request request{.client_fold = FoldOf("192.0.2.3")};  // bucket 246, C
  service.SetOverloaded('C', true);
  // Tried: (246 + 246) mod 256 = 236, which is 236 mod 6 = 2 in the pattern: B.
  EXPECT_EQ(service.PickOne(request), 'B');
  service.SetOverloaded('B', true);
  EXPECT_EQ(service.PickOne(request), 'A');  // 237
  service.SetOverloaded('A', true);
  EXPECT_EQ(service.PickOne(request), '-');
}

TEST(Sh, LateRealsMayGetNoBucket) {
  FakeService service(Kind::kSh);
  service.Add('A', 1);
  service.Add('B', 0x7fffffff);
  EXPECT_EQ(service.Slots(256), std::string(256, 'B'));
}

TEST(Sh, NobodyThere) { EXPECT_EQ(FakeService(Kind::kSh, {.fallback = true}).PickOne(), '-'); }

}  // namespace
}  // namespace fairlead::sched::sh_test
