#include "control/fleet/fleet_source.h"

#include <gtest/gtest.h>

#include "control/fleet/base64.h"
#include "fake_etcd.h"

namespace fairlead::control::fleet_source_test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr const char* kCreated = R"({"result":{"created":true}})";
constexpr const char* kCompacted = R"({"result":{"canceled":true,"compact_revision":"9"}})";
constexpr const char* kNoToken = R"({"error":"etcdserver: invalid auth token","code":16})";

std::string PairOf(const std::string& key, const std::string& value, int revision) {
  return R"({"key":")" + ToBase64(key) + R"(","value":")" + ToBase64(value) +
         R"(","mod_revision":")" + std::to_string(revision) + R"("})";
}

std::string SnapshotOf(int revision, const std::string& common) {
  return R"({"header":{"revision":")" + std::to_string(revision) +
         R"("},"responses":[{"response_range":{"kvs":[)" + PairOf("/f/common", common, 3) +
         R"(]}},{"response_range":{}}]})";
}

std::string RangeOf(const std::string& pairs) { return R"({"kvs":[)" + pairs + "]}"; }

std::string PutOf(const std::string& key, const std::string& value, int revision) {
  return R"({"result":{"events":[{"kv":)" + PairOf(key, value, revision) + "}]}}";
}

class FleetSourceTest : public testing::Test {
 protected:
  void Make(const LocalFile& local = {}) {
    source_.emplace(etcd_, FleetSource::Setup{.place = *ParseEtcdPlace("etcd://127.0.0.1/f"),
                                              .name = "edge-1",
                                              .local = local});
    Pass(milliseconds(0));
  }
  void Pass(milliseconds time) { source_->Turn(now_ += time); }
  void AnswerAll(int revision, const std::string& common, const std::string& members = "") {
    etcd_.Answer(200, SnapshotOf(revision, common));
    etcd_.Answer(200, RangeOf(members));
  }
  void Connect() {
    AnswerAll(7, "one", PairOf("/f/members/edge-2", "{}", 4));
    etcd_.Say(kCreated);
  }
  // How long it waits before it asks again.
  milliseconds PauseNow() {
    milliseconds waited(0);
    const size_t before = etcd_.posts;
    while (etcd_.posts == before && waited < seconds(60)) {
      Pass(milliseconds(10));
      waited += milliseconds(10);
    }
    return waited;
  }

  FakeEtcd etcd_;
  std::optional<FleetSource> source_;
  TimePoint now_{};
};

TEST_F(FleetSourceTest, ReadsAllAndWatchesFromTheNextMoment) {
  Make();
  EXPECT_EQ(etcd_.asked(), "/v3/kv/txn");
  EXPECT_FALSE(source_->documents());
  Connect();
  EXPECT_TRUE(source_->is_connected());
  EXPECT_EQ(source_->documents()->common, (Document{"etcd:/f/common", "one", 3}));
  EXPECT_FALSE(source_->documents()->own.is_there());
  EXPECT_EQ(source_->members().size(), 1u);
  ASSERT_TRUE(etcd_.stream);
  EXPECT_EQ(etcd_.stream->body, WatchRequest("/f/", 8));
}

TEST_F(FleetSourceTest, ADocumentThatChangesHasAllReadAgain) {
  Make();
  Connect();
  etcd_.Say(PutOf("/f/directors/edge-2", "another's", 8));
  EXPECT_EQ(etcd_.asked(), "") << "that is for edge-2";
  etcd_.Say(PutOf("/f/common", "two", 9));
  etcd_.Say(PutOf("/f/common", "three", 10));
  EXPECT_EQ(etcd_.posts, 3u) << "one read is under way, the next one waits";
  etcd_.Answer(200, SnapshotOf(9, "two"));
  EXPECT_EQ(source_->documents()->common.text, "two");
  EXPECT_EQ(etcd_.posts, 4u);
  etcd_.Answer(200, SnapshotOf(10, "three"));
  EXPECT_EQ(source_->documents()->common.text, "three");
  EXPECT_EQ(etcd_.streams, 1u);
  EXPECT_EQ(source_->members().count("edge-2"), 1u) << "members are told by the watch";
}

TEST_F(FleetSourceTest, MembersComeAndGo) {
  Make();
  Connect();
  etcd_.Say(PutOf("/f/members/edge-3", "{\"generation\":5}", 8));
  EXPECT_EQ(source_->members().at("edge-3")->generation, 5u);
  etcd_.Say(R"({"result":{"events":[{"type":"DELETE","kv":{"key":")" +
            ToBase64("/f/members/edge-2") + R"(","mod_revision":"9"}}]}})");
  EXPECT_EQ(source_->members().count("edge-2"), 0u);
  EXPECT_EQ(etcd_.posts, 2u);
}

TEST_F(FleetSourceTest, OfAMemberOnlyWhatCanBeReadIsKept) {
  Make();
  AnswerAll(7, "one",
            PairOf("/f/members/edge-2", std::string(kMostMemberBytes + 1, 'x'), 4) + "," +
                PairOf("/f/members/" + std::string(1000, 'x'), "{}", 5));
  etcd_.Say(kCreated);
  ASSERT_EQ(source_->members().size(), 1u) << "a name that is none is nobody's";
  EXPECT_FALSE(source_->members().at("edge-2"));
  etcd_.Say(PutOf("/f/members/edge-2", "{}", 8));
  EXPECT_TRUE(source_->members().at("edge-2"));
}

// Whoever may write there must not keep the others from their documents.
TEST_F(FleetSourceTest, MembersThatAreTooManyBytesAreDoneWithout) {
  Make();
  etcd_.Answer(200, SnapshotOf(7, "one"));
  etcd_.FailAsked("the answer has too many bytes", ErrorCode::kInvalid);
  ASSERT_TRUE(etcd_.stream);
  etcd_.Say(kCreated);
  EXPECT_TRUE(source_->is_connected());
  EXPECT_EQ(source_->documents()->common.text, "one");
  EXPECT_EQ(source_->counts().failures, 0u);
}

TEST_F(FleetSourceTest, AMemberOutsideOfItsPlaceIsAFailureAndTriedAgain) {
  Make();
  AnswerAll(7, "one", PairOf("/f", "{}", 4));
  EXPECT_FALSE(source_->is_connected());
  EXPECT_EQ(source_->counts().failures, 1u);
  EXPECT_LE(PauseNow(), FleetSource::kFirstPause + milliseconds(10));
  EXPECT_EQ(etcd_.asked(), "/v3/kv/txn");
}

TEST_F(FleetSourceTest, AfterAFailureAsksAnotherServerAfterAPauseThatGrows) {
  Make();
  milliseconds least = FleetSource::kFirstPause / 2, most = FleetSource::kFirstPause;
  for (int i = 0; i < 8; ++i) {
    etcd_.FailAsked("connection refused");
    EXPECT_EQ(etcd_.next_servers, size_t(i) + 1);
    const milliseconds pause = PauseNow();
    EXPECT_GE(pause, least);
    EXPECT_LE(pause, most + milliseconds(10));
    least = std::min(least * 2, FleetSource::kLongestPause / 2);
    most = std::min(most * 2, FleetSource::kLongestPause);
  }
  EXPECT_EQ(source_->problem(), "connection refused");
  Connect();
  EXPECT_EQ(source_->problem(), "");
  EXPECT_EQ(source_->counts().failures, 8u);
}

TEST_F(FleetSourceTest, WhatWasHeardStaysWhileTheStoreIsAway) {
  Make();
  Connect();
  Pass(FleetSource::kGoodWatch);
  etcd_.EndStream(Error{ErrorCode::kUnavailable, "it has closed the connection", ""});
  EXPECT_FALSE(source_->is_connected());
  EXPECT_EQ(source_->documents()->common.text, "one");
  EXPECT_EQ(source_->members().size(), 1u);
  EXPECT_LE(PauseNow(), FleetSource::kFirstPause + milliseconds(10)) << "the watch was a good one";
  AnswerAll(20, "two");
  EXPECT_EQ(source_->documents()->common.text, "two");
  EXPECT_TRUE(source_->members().empty());
}

// A server that lets everybody in and throws him out again must not be asked all the time.
TEST_F(FleetSourceTest, AWatchThatEndsAtOnceDoesNotShortenThePause) {
  Make();
  milliseconds last(0);
  for (int i = 0; i < 6; ++i) {
    Connect();
    etcd_.EndStream(EtcdReply{200, ""});
    last = PauseNow();
  }
  EXPECT_GE(last, FleetSource::kLongestPause / 2);
}

TEST_F(FleetSourceTest, WhoRestsBeginsAnewAndIsNoFailure) {
  Make();
  AnswerAll(7, "one");
  source_->Rest();
  EXPECT_FALSE(etcd_.stream);
  etcd_.Say(kCreated);
  EXPECT_FALSE(source_->is_connected()) << "of a stream that is over";
  EXPECT_EQ(source_->documents()->common.text, "one");
  Pass(milliseconds(50));
  EXPECT_EQ(etcd_.asked(), "/v3/kv/txn");
  EXPECT_EQ(source_->counts().failures, 0u);
}

TEST_F(FleetSourceTest, ARevisionThatWasCompactedIsReadAnewAtOnce) {
  Make();
  AnswerAll(7, "one");
  etcd_.Say(kCompacted);
  EXPECT_EQ(etcd_.asked(), "/v3/kv/txn");
  EXPECT_EQ(source_->counts().compactions, 1u);
  EXPECT_EQ(source_->counts().failures, 0u);
  AnswerAll(12, "two");
  EXPECT_EQ(etcd_.stream->body, WatchRequest("/f/", 13));
}

TEST_F(FleetSourceTest, AStoreThatCompactsAllTheTimeIsNotAskedAllTheTime) {
  Make();
  AnswerAll(7, "one");
  etcd_.Say(kCompacted);
  AnswerAll(12, "two");
  etcd_.Say(kCreated);
  etcd_.Say(kCompacted);
  EXPECT_EQ(etcd_.asked(), "") << "after a pause";
  EXPECT_EQ(source_->counts().failures, 1u);
  PauseNow();
  Connect();
  Pass(FleetSource::kLongestPause);
  etcd_.Say(kCompacted);
  EXPECT_EQ(etcd_.asked(), "/v3/kv/txn");
}

TEST_F(FleetSourceTest, WhatCannotBeUnderstoodIsAFailure) {
  Make();
  etcd_.Answer(200, "<html>");
  EXPECT_NE(source_->problem().find("cannot be understood"), std::string::npos);
  PauseNow();
  Connect();
  etcd_.Say("{\"result\":");
  EXPECT_FALSE(source_->is_connected());
  EXPECT_FALSE(etcd_.stream);
  etcd_.Say(PutOf("/f/common", "late", 9));
  EXPECT_EQ(etcd_.asked(), "") << "of a stream that is over";
}

TEST_F(FleetSourceTest, LogsInFirstAndAgainWhenTheLoginHasRunOut) {
  LocalFile local;
  local.user = "edge";
  local.password = "s3cret";
  Make(local);
  EXPECT_EQ(etcd_.asked(), "/v3/auth/authenticate");
  etcd_.Answer(200, R"({"token":"t1"})");
  EXPECT_EQ(etcd_.question().token, "t1");
  Connect();
  etcd_.Say(PutOf("/f/common", "two", 9));
  etcd_.Answer(401, kNoToken);
  EXPECT_EQ(etcd_.asked(), "/v3/auth/authenticate") << "at once";
  etcd_.Answer(200, R"({"token":"t2"})");
  etcd_.Answer(401, kNoToken);
  EXPECT_EQ(etcd_.asked(), "") << "but not for ever";
}

// As etcd 3.4 says it: created and canceled in one.
TEST_F(FleetSourceTest, AWatchWhoseLoginHasRunOutHasItMadeAnew) {
  LocalFile local;
  local.user = "edge";
  local.password = "s3cret";
  Make(local);
  for (const char* why : {"invalid auth token", "revision of auth store is old"}) {
    EXPECT_EQ(etcd_.asked(), "/v3/auth/authenticate");
    etcd_.Answer(200, R"({"token":"t1"})");
    AnswerAll(7, "one");
    etcd_.Say(R"({"result":{"created":true,"canceled":true,)"
              R"("cancel_reason":"rpc error: desc = etcdserver: )" +
              std::string(why) + R"("}})");
    EXPECT_FALSE(source_->is_connected());
    PauseNow();
  }
  EXPECT_EQ(etcd_.asked(), "/v3/auth/authenticate");
}

TEST_F(FleetSourceTest, AWrongPasswordIsSaid) {
  LocalFile local;
  local.user = "edge";
  local.password = "wrong";
  local.path = "/etc/local.yaml";
  Make(local);
  etcd_.Answer(400,
               R"({"error":"etcdserver: authentication failed, invalid user ID or password"})");
  EXPECT_TRUE(source_->is_problem_about_rights());
  EXPECT_EQ(source_->problem(),
            "etcd refuses the user or the password; correct them in /etc/local.yaml");
}

}  // namespace
}  // namespace fairlead::control::fleet_source_test
