// The persistence engine sip: a template for each client and Call-ID.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "byte_director.h"
#include "dataplane/worker/commands.h"

namespace fairlead::dataplane::sip_engine_test {
namespace {

constexpr const char* kVip4 = "192.0.2.10";
constexpr const char* kVip6 = "2001:db8::10";

struct Family6 {
  bool is_ipv6;
  size_t workers;
};

class SipEngine : public testing::TestWithParam<Family6> {
 protected:
  SipEngine() : d_({.workers = GetParam().workers}) {
    const bool v6 = GetParam().is_ipv6;
    vip_ = v6 ? kVip6 : kVip4;
    client_ = v6 ? "2001:db8:7::" : "198.51.100.";
    service_ = d_.AddService({.address = vip_,
                              .port = 5060,
                              .protocol = kProtocolUdp,
                              .persistence_seconds = 600,
                              .is_one_packet = true});
    d_.service(service_).persistence.engine = PersistenceEngine::kSip;
    for (int i = 1; i <= 3; ++i) {
      d_.AddReal(service_, (v6 ? "fd00::1" : "10.0.0.1") + std::to_string(i), 5060);
    }
    d_.Publish();
  }
  // The real a message of this call reaches, or "-".
  std::string Say(const std::string& call_id, int client = 7) {
    return Send("INVITE sip:b@c SIP/2.0\r\nVia: x\r\nCall-ID: " + call_id + "\r\n\r\n", client);
  }
  std::string Send(const std::string& payload, int client = 7) {
    const auto sent =
        d_.Send(kOutside, Datagram(client_ + std::to_string(client), ++port_, vip_, 5060, payload));
    if (sent.size() != 1 || sent[0].port != kInside) return "-";
    const std::string text = Text(sent[0].frame);
    return text.substr(0, text.find(" <-"));
  }
  size_t Templates() {
    size_t count = 0;
    for (size_t w = 0; w < d_.worker_count(); ++w) count += d_.worker(w).shard().templates().size();
    return count;
  }

  ByteDirector d_;
  ServiceId service_;
  std::string vip_, client_;
  uint16_t port_ = 10000;
};

TEST_P(SipEngine, ACallKeepsItsRealWhateverItsPort) {
  const std::string first = Say("a@x");
  EXPECT_NE(first, "-");
  for (int i = 0; i < 5; ++i) EXPECT_EQ(Say("a@x"), first);
  EXPECT_EQ(Templates(), 1u);
}

// Round robin would send six messages over three reals; six calls do just that.
TEST_P(SipEngine, EachCallIsScheduledByItself) {
  std::set<std::string> reals;
  for (int call = 0; call < 12; ++call) reals.insert(Say("call-" + std::to_string(call)));
  EXPECT_EQ(reals.size(), 3u);
  EXPECT_EQ(Templates(), 12u);
}

TEST_P(SipEngine, TheClientMustMatchToo) {
  Say("a@x", 7);
  Say("a@x", 8);
  EXPECT_EQ(Templates(), 2u);
}

// No ICMP, no connection, no template: a named drop.
TEST_P(SipEngine, WhatHasNoCallIdIsDropped) {
  EXPECT_EQ(Send("hi"), "-");
  EXPECT_EQ(Say("bad one"), "-");
  EXPECT_EQ(Say(std::string(256, 'x')), "-");
  EXPECT_EQ(Send("INVITE x\r\nCall-ID: unterminated"), "-");
  EXPECT_EQ(d_.dropped(DropReason::kNoCallId), 4u);
  EXPECT_EQ(Templates(), 0u);
  EXPECT_EQ(d_.CheckConservation(), "");
}

TEST_P(SipEngine, TheListingShowsTheCallAndTheAddress) {
  Say("a84b4c76e66710@pc33.atlanta.com");
  Say(std::string(200, 'y'));
  std::set<std::string> seen;
  for (size_t w = 0; w < d_.worker_count(); ++w) {
    ListTemplates list;
    list.rows.reserve(100);
    RunListTemplates(d_.worker(w).shard(), &list);
    for (const TemplateRow& row : list.rows) {
      EXPECT_EQ(row.virtual_address.ToString(), vip_);
      const size_t shown = std::min<size_t>(row.engine_length, row.engine_text.size());
      seen.insert(std::to_string(row.engine_length) + " " +
                  std::string(row.engine_text.data(), shown));
    }
  }
  EXPECT_EQ(seen, (std::set<std::string>{"31 a84b4c76e66710@pc33.atlanta.com",
                                         "200 " + std::string(35, 'y')}));
}

// A real calls: the message leaves from the service, and the answer finds that real, in one-packet
// scheduling and without.
TEST_P(SipEngine, ACallThatARealBeginsStaysWithIt) {
  for (const bool is_one_packet : {true, false}) {
    d_.service(service_).is_one_packet = is_one_packet;
    d_.Publish();
    for (int n = 1; n <= 3; ++n) {
      const std::string real = (GetParam().is_ipv6 ? "fd00::1" : "10.0.0.1") + std::to_string(n);
      const std::string call = "out-" + std::to_string(n) + (is_one_packet ? "o" : "c");
      const auto sent = d_.Send(kInside, Datagram(real, 5060, client_ + "9", 5060,
                                                  "INVITE x\r\nCall-ID: " + call + "\r\n\r\n"));
      ASSERT_EQ(sent.size(), 1u);
      EXPECT_EQ(sent[0].port, kOutside);
      const std::string text = Text(sent[0].frame);
      EXPECT_NE(text.find("<- " + (GetParam().is_ipv6 ? "[" + vip_ + "]" : vip_) + ":5060 UDP"),
                std::string::npos)
          << text;
      EXPECT_EQ(text.find("BAD"), std::string::npos) << text;
      for (int i = 0; i < 3; ++i) {
        const std::string at = Say(call, 9);
        EXPECT_EQ(at, (GetParam().is_ipv6 ? "[" + real + "]" : real) + ":5060");
      }
    }
  }
  EXPECT_EQ(Templates(), 6u);
  EXPECT_EQ(d_.CheckConservation(), "");
}

// The real that speaks last has the call: a template that named another gives way.
TEST_P(SipEngine, ARealTakesACallOver) {
  const std::string before = Say("a@x", 9);
  const std::string other = before.find("13") == std::string::npos ? "3" : "2";
  const std::string real = (GetParam().is_ipv6 ? "fd00::1" : "10.0.0.1") + other;
  d_.Send(kInside, Datagram(real, 5060, client_ + "9", 5060, "BYE x\r\ni: a@x\r\n\r\n"));
  EXPECT_NE(Say("a@x", 9).find(real), std::string::npos);
}

// What a real sends that is no SIP is routed as ever.
TEST_P(SipEngine, OtherPacketsOfARealAreRouted) {
  const std::string real = GetParam().is_ipv6 ? "fd00::11" : "10.0.0.11";
  const auto sent = d_.Send(kInside, Datagram(real, 5060, client_ + "9", 5060, "hi"));
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_NE(Text(sent[0].frame).find(real), std::string::npos);
  EXPECT_EQ(Templates(), 0u);
}

TEST_P(SipEngine, NothingIsLeftAfterQuietTime) {
  for (int call = 0; call < 20; ++call) Say("call-" + std::to_string(call), call % 3 + 1);
  d_.Advance(700);
  EXPECT_EQ(d_.CheckNothingLeft(), "");
}

INSTANTIATE_TEST_SUITE_P(Families, SipEngine,
                         testing::Values(Family6{false, 1}, Family6{true, 1}, Family6{false, 4},
                                         Family6{true, 4}));

// Without one-packet scheduling the connection remembers; a mark service takes UDP alone.
TEST(SipEngineOnMarks, TcpIsDropped) {
  ByteDirector d;
  ClassifierBuilder rules;
  rules.AddRule({.mark = 3});
  d.draft().classifier = rules.Build();
  const ServiceId calls = d.AddService({.mark = 3, .persistence_seconds = 600});
  d.service(calls).persistence.engine = PersistenceEngine::kSip;
  d.AddReal(calls, "10.0.0.11", 5060);
  d.Publish();
  EXPECT_EQ(d.Send(kOutside, Tcp("198.51.100.7", 1234, kVip4, 5060, kTcpSyn)).size(), 0u);
  EXPECT_EQ(d.dropped(DropReason::kNoCallId), 1u);
  const Frame invite = Datagram("198.51.100.7", 1234, kVip4, 5060, "INVITE x\r\ni: q@x\r\n\r\n");
  EXPECT_EQ(d.Send(kOutside, invite).size(), 1u);
  // A known flow is looked up by its endpoints: what it carries does not matter any more.
  EXPECT_EQ(d.Send(kOutside, Udp("198.51.100.7", 1234, kVip4, 5060)).size(), 1u);
}

}  // namespace
}  // namespace fairlead::dataplane::sip_engine_test
