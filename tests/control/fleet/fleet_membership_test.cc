#include "control/fleet/fleet_membership.h"

#include <gtest/gtest.h>

#include "control/fleet/etcd_messages.h"
#include "fake_etcd.h"

namespace fairlead::control::fleet_membership_test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr const char* kNoToken = R"({"error":"etcdserver: invalid auth token","code":16})";

class FleetMembershipTest : public testing::Test {
 protected:
  static FleetMember Own(const std::string& version, uint64_t generation = 1) {
    return {.generation = generation, .version = version};
  }
  static std::string PutOfOwn(const FleetMember& own) {
    return PutRequest("/f/members/edge-1", MemberToJson(own), "77");
  }
  void Pass(milliseconds time, const std::string& version = "v1", bool is_seen = true) {
    membership_.Turn(now_ += time, "t", Own(version), is_seen);
  }
  void Join() {
    Pass(milliseconds(0));
    etcd_.Answer(200, R"({"ID":"77","TTL":"10"})");
    Pass(milliseconds(50));
    etcd_.Answer(200, "{}");
  }

  FakeEtcd etcd_;
  FleetMembership membership_{etcd_, {.key = "/f/members/edge-1", .local_file = "l"}};
  TimePoint now_{};
};

TEST_F(FleetMembershipTest, WritesUnderALeaseAndKeepsItAlive) {
  Pass(milliseconds(0));
  EXPECT_EQ(etcd_.asked(), "/v3/lease/grant");
  etcd_.Answer(200, R"({"ID":"77","TTL":"10"})");
  Pass(milliseconds(50));
  EXPECT_EQ(etcd_.question().body, PutOfOwn(Own("v1")));
  etcd_.Answer(200, "{}");
  EXPECT_TRUE(membership_.is_member());
  Pass(seconds(1));
  EXPECT_EQ(etcd_.asked(), "");
  Pass(seconds(3));
  EXPECT_EQ(etcd_.asked(), "/v3/lease/keepalive");
  etcd_.Answer(200, R"({"result":{"ID":"77","TTL":"10"}})");
  EXPECT_EQ(etcd_.posts, 3u);
}

TEST_F(FleetMembershipTest, WhatHasChangedIsWrittenAtItsPace) {
  Join();
  Pass(milliseconds(100), "v2");
  EXPECT_EQ(etcd_.asked(), "");
  Pass(FleetMembership::kPace, "v3");
  EXPECT_EQ(etcd_.question().body, PutOfOwn(Own("v3")));
}

// Each write is a revision that the store keeps until it is compacted.
TEST_F(FleetMembershipTest, AGenerationAloneIsWrittenSeldom) {
  Join();
  const auto pass = [&](milliseconds time, const FleetMember& own) {
    membership_.Turn(now_ += time, "t", own, true);
  };
  size_t writes = 0;
  for (uint64_t i = 2; i < 102; ++i) {  // ten seconds
    pass(milliseconds(100), Own("v1", i));
    if (etcd_.asked() == "/v3/kv/put") ++writes;
    if (!etcd_.asked().empty()) etcd_.Answer(200, R"({"result":{"ID":"77","TTL":"10"}})");
  }
  EXPECT_EQ(writes, 1u);
  pass(FleetMembership::kPace, Own("v2", 102));
  ASSERT_EQ(etcd_.asked(), "/v3/kv/put");
  EXPECT_EQ(etcd_.question().body, PutOfOwn(Own("v2", 102))) << "with all else at once";
}

// The kernel of a process that is frozen keeps the watch's connection, so only this shows it.
TEST_F(FleetMembershipTest, WhoeverDoesNotAnswerTwiceIsTold) {
  Join();
  Pass(seconds(4));
  etcd_.FailAsked("no answer in 4 s");
  EXPECT_FALSE(membership_.TakeSilence());
  Pass(FleetMembership::kRetry);
  etcd_.Answer(503, R"({"error":"etcdserver: request timed out","code":14})");
  EXPECT_TRUE(membership_.TakeSilence());
  EXPECT_FALSE(membership_.TakeSilence());
}

TEST_F(FleetMembershipTest, ARefusalIsNoSilence) {
  Join();
  for (int i = 0; i < 4; ++i) {
    Pass(seconds(2), "v" + std::to_string(i + 2));
    const bool is_put = etcd_.asked() == "/v3/kv/put";
    EXPECT_NE(etcd_.asked(), "/v3/lease/grant") << "the lease is good for the next attempt";
    if (is_put) etcd_.Answer(429, R"({"error":"etcdserver: mvcc: database space exceeded"})");
    if (!is_put) etcd_.Answer(200, R"({"result":{"ID":"77","TTL":"10"}})");
    EXPECT_FALSE(membership_.TakeSilence());
  }
  EXPECT_FALSE(membership_.is_member());
}

// Else nobody would be asked any more.
TEST_F(FleetMembershipTest, AQuestionThatCannotBeAskedIsAskedAgain) {
  etcd_.is_broken = true;
  EXPECT_THROW(Pass(milliseconds(0)), std::bad_alloc);
  etcd_.is_broken = false;
  Pass(milliseconds(50));
  EXPECT_EQ(etcd_.asked(), "/v3/lease/grant");
}

TEST_F(FleetMembershipTest, AfterAFaultAllBeginsAnew) {
  Join();
  Pass(seconds(4));
  membership_.Reset();
  EXPECT_FALSE(membership_.is_member());
  etcd_.Answer(200, R"({"result":{"ID":"77","TTL":"10"}})");  // too late
  Pass(FleetMembership::kRetry);
  EXPECT_EQ(etcd_.asked(), "/v3/lease/grant");
}

TEST_F(FleetMembershipTest, ALeaseThatHasEndedIsAskedForAnew) {
  Join();
  Pass(seconds(4));
  etcd_.Answer(200, R"({"result":{"ID":"77"}})");
  EXPECT_FALSE(membership_.is_member());
  Pass(milliseconds(50));
  EXPECT_EQ(etcd_.asked(), "/v3/lease/grant");
}

TEST_F(FleetMembershipTest, AnEntryThatSomebodyHasTakenAwayComesBack) {
  Join();
  Pass(seconds(2), "v1", false);
  EXPECT_EQ(etcd_.asked(), "") << "it may still be on its way";
  Pass(milliseconds(1100), "v1", false);
  etcd_.Answer(200, R"({"result":{"ID":"77","TTL":"10"}})");
  Pass(milliseconds(50), "v1", false);
  EXPECT_EQ(etcd_.asked(), "/v3/kv/put");
}

TEST_F(FleetMembershipTest, AFailureIsTriedAgainAndSaid) {
  Pass(milliseconds(0));
  etcd_.FailAsked("no answer in 4 s");
  EXPECT_EQ(membership_.problem(), "no answer in 4 s");
  Pass(milliseconds(500));
  EXPECT_EQ(etcd_.asked(), "");
  Pass(FleetMembership::kRetry);
  EXPECT_EQ(etcd_.asked(), "/v3/lease/grant");
  etcd_.Answer(200, R"({"ID":"78"})");
  Pass(milliseconds(50));
  etcd_.Answer(404, R"({"error":"etcdserver: requested lease not found"})");
  Pass(FleetMembership::kRetry);
  EXPECT_EQ(etcd_.asked(), "/v3/lease/grant") << "the lease is gone";
}

TEST_F(FleetMembershipTest, ALoginThatHasRunOutIsToldOnce) {
  Join();
  Pass(seconds(1), "v2");
  etcd_.Answer(401, kNoToken);
  EXPECT_TRUE(membership_.TakeStaleToken());
  EXPECT_FALSE(membership_.TakeStaleToken());
}

TEST_F(FleetMembershipTest, WhoLeavesGivesTheLeaseBack) {
  Join();
  bool is_done = false;
  membership_.Leave("t", [&] { is_done = true; });
  EXPECT_EQ(etcd_.asked(), "/v3/lease/revoke");
  EXPECT_EQ(etcd_.question().body, KeepAliveRequest("77"));
  etcd_.Answer(200, "{}");
  EXPECT_TRUE(is_done);
}

}  // namespace
}  // namespace fairlead::control::fleet_membership_test
