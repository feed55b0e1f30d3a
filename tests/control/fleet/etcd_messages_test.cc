#include "control/fleet/etcd_messages.h"

#include <gtest/gtest.h>

#include "control/fleet/base64.h"
#include "control/fleet/line_cutter.h"

namespace fairlead::control::etcd_messages_test {
namespace {

// As etcd 3.4 writes it.
constexpr const char* kSnapshot =
    R"({"header":{"cluster_id":"3249","member_id":"33","revision":"7","raft_term":"2"},"succeeded":true,)"
    R"("responses":[{"response_range":{"header":{"revision":"7"},"kvs":[{"key":"L2YvY29tbW9u",)"
    R"("create_revision":"2","mod_revision":"5","version":"1","value":"dmVyc2lvbjogMQ=="}],"count":"1"}},)"
    R"({"response_range":{"header":{"revision":"7"}}}]})";

const std::vector<std::string> kKeys{"/f/common", "/f/directors/a"};

std::string MessageOf(const Error& error) { return error.message; }

TEST(EtcdMessages, ASnapshotAsEtcdWritesIt) {
  const auto snapshot = ReadSnapshot(kSnapshot, kKeys);
  ASSERT_TRUE(snapshot) << MessageOf(snapshot.error());
  EXPECT_EQ(snapshot->revision, 7u);
  EXPECT_EQ(snapshot->pairs[0], (EtcdPair{"/f/common", "version: 1", 5}));
  EXPECT_FALSE(snapshot->pairs[1]);
}

TEST(EtcdMessages, WhatIsNoSnapshotIsRefused) {
  const std::string good = kSnapshot;
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    text.replace(text.find(from), from.size(), to);
    return text;
  };
  for (const std::string& wrong :
       {std::string(), std::string("[]"), std::string("{}"), good.substr(0, good.size() - 1),
        good + "x", with("\"7\"", "\"seven\""), with("\"7\"", "-7"), with("\"7\"", "\"0\""),
        with("\"7\"", "\"99999999999999999999\""), with("L2YvY29tbW9u", "L2YvY29tbW9"),
        with("L2YvY29tbW9u", ""), with("\"L2YvY29tbW9u\"", "7"), with("\"5\"", "{}"),
        with("[{\"key\"", "{\"a\":[{\"key\""), with("response_range", "response_put"),
        with("{\"response_range\":{\"header\":{\"revision\":\"7\"}}}", "null")}) {
    EXPECT_FALSE(ReadSnapshot(wrong, kKeys)) << wrong;
  }
  EXPECT_FALSE(ReadSnapshot(good, {"/f/common", "/f/directors/a", "/f/b"}));
  EXPECT_FALSE(ReadSnapshot(good, {"/f/other", "/f/directors/a"})) << "another key";
  EXPECT_NE(MessageOf(ReadSnapshot("<html>", kKeys).error()).find("is this etcd"),
            std::string::npos);
}

// Numbers are texts in this JSON; another writer may write numbers.
TEST(EtcdMessages, NumbersInBothForms) {
  EXPECT_EQ(*ReadLease(R"({"ID":"7587","TTL":"10"})"), "7587");
  EXPECT_EQ(*ReadLease(R"({"ID":7587})"), "7587");
  EXPECT_FALSE(ReadLease(R"({"TTL":"10"})"));
  EXPECT_EQ(*ReadTimeToLive(R"({"result":{"ID":"1","TTL":"9"}})"), 9u);
  EXPECT_EQ(*ReadTimeToLive("{\"result\":{\"ID\":\"1\"}}\n{\"result\":{}}"), 0u) << "it has ended";
}

TEST(EtcdMessages, NestedTooDeeplyOrTooMuchIsRefused) {
  EXPECT_FALSE(ReadSnapshot(std::string(100'000, '['), kKeys));
  std::string deep = "{\"a\":";
  for (int i = 0; i < 64; ++i) deep += "{\"a\":";
  EXPECT_FALSE(ReadWatchNews(deep));
  std::string many = R"({"result":{"events":[)";
  for (size_t i = 0; i <= kMostPairs; ++i) many += R"({"kv":{"key":"Zg=="}},)";
  many.back() = ']';
  EXPECT_FALSE(ReadWatchNews(many + "}}"));
}

TEST(EtcdMessages, WhatAWatchTells) {
  const auto created = ReadWatchNews(R"({"result":{"header":{"revision":"2"},"created":true}})");
  ASSERT_TRUE(created);
  EXPECT_TRUE(created->is_created);
  const auto events = ReadWatchNews(
      R"({"result":{"events":[{"kv":{"key":"L2Y=","mod_revision":"8","value":"Zm9v"}},)"
      R"({"type":"DELETE","kv":{"key":"L2Y=","mod_revision":"9"}}]}})");
  ASSERT_TRUE(events);
  ASSERT_EQ(events->events.size(), 2u);
  EXPECT_EQ(events->events[0].pair, (EtcdPair{"/f", "foo", 8}));
  EXPECT_FALSE(events->events[0].is_gone);
  EXPECT_TRUE(events->events[1].is_gone);
  const auto old = ReadWatchNews(R"({"result":{"canceled":true,"compact_revision":"3"}})");
  ASSERT_TRUE(old);
  EXPECT_EQ(old->compact_revision, 3u);
  for (const char* wrong :
       {"", "{}", R"({"result":7})", R"({"result":{"events":7}})", R"({"result":{"events":[7]}})",
        R"({"result":{"events":[{"kv":7}]}})", R"({"result":{"events":[{"kv":{"key":"?"}}]}})",
        R"({"result":{"events":[{"type":"LOCK","kv":{"key":"Zg=="}}]}})",
        R"({"result":{"compact_revision":"x"}})", R"({"error":{"message":"no leader"}})"}) {
    EXPECT_FALSE(ReadWatchNews(wrong)) << wrong;
  }
}

// A key that is shorter than the prefix would have its head cut off beyond its end.
TEST(EtcdMessages, ARangeHasOnlyKeysBelowItsPrefix) {
  const auto range = [](const std::string& key) {
    return ReadRange(
        R"({"kvs":[{"key":")" + ToBase64(key) + R"(","mod_revision":"1"}],"more":true})",
        "/f/members/");
  };
  EXPECT_EQ(range("/f/members/a")->at(0).key, "/f/members/a");
  EXPECT_TRUE(ReadRange("{}", "/f/members/")->empty());
  for (const char* wrong : {"/f", "/f/members/", "/g/members/a"}) EXPECT_FALSE(range(wrong));
}

TEST(EtcdMessages, RequestsAsEtcdReadsThem) {
  EXPECT_EQ(ReadKeysRequest({"/f/common"}),
            R"({"success":[{"request_range":{"key":"L2YvY29tbW9u"}}]})");
  EXPECT_EQ(RangeRequest("/f/members/", 7),
            R"({"key":"L2YvbWVtYmVycy8=","range_end":"L2YvbWVtYmVyczA=","limit":"4096",)"
            R"("revision":"7"})");
  EXPECT_EQ(WatchRequest("/f/", 8),
            R"({"create_request":{"key":"L2Yv","range_end":"L2Yw","start_revision":"8",)"
            R"("progress_notify":true}})");
  EXPECT_EQ(PutRequest("/f", "foo", "12"), R"({"key":"L2Y=","value":"Zm9v","lease":"12"})");
  EXPECT_EQ(AuthenticateRequest("edge", "a\"b"), R"({"name":"edge","password":"a\"b"})");
}

TEST(EtcdMessages, RefusalsNameARemedy) {
  const auto refused = [](unsigned status, const char* body) {
    return ReadRefusal(status, body, "/etc/fairlead/fleet.yaml");
  };
  const EtcdRefusal password = refused(
      400,
      R"({"error":"etcdserver: authentication failed, invalid user ID or password","code":3})");
  EXPECT_TRUE(password.is_about_rights);
  EXPECT_EQ(password.sentence,
            "etcd refuses the user or the password; correct them in /etc/fairlead/fleet.yaml");
  EXPECT_TRUE(refused(401, R"({"error":"etcdserver: invalid auth token"})").is_token_stale);
  EXPECT_TRUE(
      refused(400, R"({"error":"etcdserver: revision of auth store is old"})").is_token_stale);
  EXPECT_TRUE(refused(404, R"({"error":"etcdserver: requested lease not found"})").is_lease_gone);
  EXPECT_NE(refused(400, R"({"error":"etcdserver: user name is empty"})").sentence.find("\"user\""),
            std::string::npos);
  EXPECT_TRUE(refused(403, R"({"error":"etcdserver: permission denied"})").is_about_rights);
  EXPECT_FALSE(refused(503, R"({"error":"etcdserver: no leader"})").is_about_rights);
  EXPECT_EQ(refused(404, "<html>").sentence,
            "the server answers with HTTP status 404 and does not seem to be etcd");
}

TEST(LineCutter, CutsWhereverThePiecesEnd) {
  const std::string text = "one\n\ntwo\nthree\nrest";
  for (size_t piece = 1; piece <= text.size(); ++piece) {
    LineCutter cutter(5);
    std::string lines;
    for (size_t at = 0; at < text.size(); at += piece) {
      EXPECT_TRUE(cutter.Feed(text.substr(at, piece),
                              [&](std::string_view line) { lines += std::string(line) + "|"; }));
    }
    EXPECT_EQ(lines, "one|two|three|");
  }
}

TEST(LineCutter, AnEndlessLineIsRefused) {
  LineCutter cutter(1000);
  size_t fed = 0;
  while (cutter.Feed("123456789", [](std::string_view) { FAIL(); })) ASSERT_LE(fed += 9, 1000u);
  EXPECT_EQ(fed, 999u);
}

}  // namespace
}  // namespace fairlead::control::etcd_messages_test
