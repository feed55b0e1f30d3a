// A worker with a service of many reals chooses as a scan of the load board would, whatever changes
// the loads: clients that a template sends past the scheduler, TCP states, expiry, edits.
#include <gtest/gtest.h>

#include "byte_director.h"

namespace fairlead::dataplane::least_loaded_test {
namespace {

const std::string kVip = "192.0.2.10";

std::string ClientAddress(uint32_t n) {
  return IpAddress(Ipv4Address::FromHost(0xc6336400u + n)).ToString();
}

class LeastLoaded : public testing::TestWithParam<std::tuple<sched::Kind, uint32_t>> {
 protected:
  static constexpr size_t kReals = 48;

  void SetUp() override {
    const auto [kind, seed] = GetParam();
    d_ = std::make_unique<ByteDirector>(DirectorSpec{.seed = seed});
    web_ = d_->AddService({.scheduler = kind, .persistence_seconds = 20});
    for (size_t i = 0; i < kReals; ++i) AddReal();
    d_->Publish();
  }
  void AddReal() {
    const auto n = static_cast<uint32_t>(reals_.size());
    const std::string address = IpAddress(Ipv4Address::FromHost(0x0a00000bu + n)).ToString();
    reals_.push_back(d_->AddReal(web_, address, 80, {.weight = 1 + static_cast<int32_t>(n % 3)}));
  }
  RealId AnyReal() { return reals_[d_->Random(static_cast<uint32_t>(reals_.size()))]; }

  // Whom a scan would choose: a preview has no tournament.
  std::string Scan() {
    Shard& shard = d_->worker(0).shard();
    sched::State state = sched::PreviewOf(shard.scheduler_states[web_.index()]);
    const RealId real =
        sched::Pick(shard.snapshot->services[web_.index()].plan, &state, {}, d_->fabric().loads)
            .real;
    return real.is_none() ? "" : d_->real(real).address.ToString();
  }
  // The real a SYN of this flow went to; empty: none.
  std::string Connect(const std::string& client, uint16_t port) {
    for (const Sent& sent : d_->Send(kOutside, Tcp(client, port, kVip, 80, kTcpSyn))) {
      const std::string text = Text(sent.frame);
      if (sent.port == kInside) return text.substr(0, text.find(':'));
    }
    return "";
  }
  void EditSomething() {
    const RealId real = AnyReal();
    switch (d_->Random(4)) {
      case 0:
        d_->SetWeight(real, static_cast<int32_t>(d_->Random(4)));
        break;
      case 1:
        AddReal();
        break;
      case 2:
        d_->RemoveReal(real, Remains::kContinue);
        std::erase(reals_, real);
        removed_.push_back(real);
        break;
      default:  // as the control core does, before it publishes
        d_->real(real).upper_threshold = d_->Random(5);
        d_->fabric().loads.UpdateOverload(real, d_->real(real).upper_threshold, 0);
    }
    d_->Publish();
  }

  std::unique_ptr<ByteDirector> d_;
  ServiceId web_;
  std::vector<RealId> reals_, removed_;
};

INSTANTIATE_TEST_SUITE_P(Kinds, LeastLoaded,
                         testing::Combine(testing::Values(sched::Kind::kWlc, sched::Kind::kLc,
                                                          sched::Kind::kSed, sched::Kind::kNq),
                                          testing::Values(1u, 2u, 3u)),
                         [](const auto& p) {
                           return std::string(sched::KindName(std::get<0>(p.param))) +
                                  std::to_string(std::get<1>(p.param));
                         });

TEST_P(LeastLoaded, EveryChoiceIsThatOfAScan) {
  std::vector<std::pair<uint32_t, uint16_t>> flows;
  uint32_t clients = 0;
  size_t chosen = 0;
  for (int step = 0; step < 4000; ++step) {
    const uint32_t dice = d_->Random(100);
    if (dice < 30) {
      const std::string expected = Scan();
      ASSERT_EQ(Connect(ClientAddress(clients), 1024), expected) << "step " << step;
      flows.emplace_back(clients++, uint16_t{1024});
      chosen += !expected.empty();
    } else if (dice < 40 && clients > 0) {  // known: its template decides, if it still has one
      const uint32_t client = d_->Random(clients);
      const auto port = static_cast<uint16_t>(1025 + d_->Random(60000));
      Connect(ClientAddress(client), port);
      flows.emplace_back(client, port);
    } else if (dice < 85 && !flows.empty()) {
      const auto [client, port] = flows[d_->Random(static_cast<uint32_t>(flows.size()))];
      const uint8_t flags = std::array{kTcpAck, kTcpAck, kTcpFin, kTcpRst}[d_->Random(4)];
      d_->Send(kOutside, Tcp(ClientAddress(client), port, kVip, 80, flags));
    } else if (dice < 98) {
      d_->Advance(d_->Random(4));
      if (flows.size() > 300) flows.erase(flows.begin(), flows.begin() + 100);
    } else if (reals_.size() > 40) {
      EditSomething();
    } else {
      for (int i = 0; i < 8; ++i) AddReal();
      d_->Publish();
    }
    ASSERT_NE(d_->worker(0).shard().scheduler_states[web_.index()].tournament, nullptr);
  }
  EXPECT_GT(chosen, 800u);
  EXPECT_EQ(d_->CheckConservation(), "");
}

}  // namespace
}  // namespace fairlead::dataplane::least_loaded_test
