// The destinations that lblc remembers live with the worker, follow snapshots, and are not touched
// by explain.
#include <gtest/gtest.h>

#include <algorithm>

#include "byte_director.h"

namespace fairlead::dataplane::destinations_test {
namespace {

// A mark service catches every destination, as transparent caches want it.
class Destinations : public testing::Test {
 protected:
  Destinations() {
    ClassifierBuilder rules;
    rules.AddRule({.protocol = kProtocolTcp, .mark = 7});
    d_.draft().classifier = rules.Build();
    caches_ = d_.AddService({.mark = 7, .scheduler = sched::Kind::kLblc});
    a_ = d_.AddReal(caches_, "10.0.0.11", 0, {.method = ForwardMethod::kDr});
    b_ = d_.AddReal(caches_, "10.0.0.12", 0, {.method = ForwardMethod::kDr});
    d_.Publish();
  }
  // The real that a new connection to this site reaches: 'a' or 'b'.
  char Open(const std::string& site) {
    const auto sent = d_.Send(kOutside, Tcp("198.51.100.7", ++port_, site, 80, kTcpSyn));
    if (sent.size() != 1) return '-';
    const MacAddress to = MacAddress::Load(sent[0].frame.data());
    return to == HostMac("10.0.0.11") ? 'a' : to == HostMac("10.0.0.12") ? 'b' : '?';
  }
  const sched::State& State() { return d_.worker(0).shard().scheduler_states[caches_.index()]; }

  ByteDirector d_;
  ServiceId caches_;
  RealId a_, b_;
  uint16_t port_ = 1000;
};

TEST_F(Destinations, StickToTheirCache) {
  EXPECT_EQ(Open("203.0.113.1"), 'b');
  EXPECT_EQ(Open("203.0.113.2"), 'a');
  EXPECT_EQ(Open("203.0.113.3"), 'b');
  EXPECT_EQ(Open("203.0.113.2"), 'a');
  EXPECT_EQ(Open("203.0.113.1"), 'b');
  EXPECT_EQ(State().known->size(), 3u);
}

TEST_F(Destinations, SurviveAnEditAndGoWithTheScheduler) {
  Open("203.0.113.1");
  d_.SetWeight(a_, 5);
  d_.Publish();
  EXPECT_EQ(Open("203.0.113.1"), 'b');
  ASSERT_EQ(State().known->size(), 1u);
  d_.service(caches_).plan = sched::Plan::Build(sched::Kind::kRr, {}, {}, 0);
  d_.Publish();
  EXPECT_EQ(State().known, nullptr);
}

TEST_F(Destinations, ExplainForetellsAndRemembersNothing) {
  const ExplainQuestion question{.client = *Endpoint::Parse("198.51.100.7:9"),
                                 .destination = *Endpoint::Parse("203.0.113.1:80")};
  EXPECT_EQ(d_.Explain(question).real, b_);
  EXPECT_EQ(State().known->size(), 0u);
  EXPECT_EQ(Open("203.0.113.1"), 'b');
  EXPECT_EQ(d_.Explain(question).real, b_) << "wlc alone would say a";
}

// The worker's turns forget what was not used for policy.lblc_expiration.
TEST_F(Destinations, AreForgottenAfterTheirLifetime) {
  d_.service(caches_).plan = sched::Plan::Build(
      sched::Kind::kLblc, {.destination_lifetime = TicksFromSeconds(3600)}, {}, 0);
  d_.Publish();
  Open("203.0.113.1");
  d_.Advance(3590);
  EXPECT_EQ(State().known->size(), 1u);
  d_.Advance(130);
  EXPECT_EQ(State().known->size(), 0u);
}

}  // namespace
}  // namespace fairlead::dataplane::destinations_test
