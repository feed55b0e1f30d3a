#include "control/traffic_ledger.h"

#include <set>

#include "director_fixture.h"

namespace fairlead::control::traffic_ledger_test {
namespace {

// Two examples of the estimate (ipvs.md, statistics).
TEST(RateEstimate, GoesAQuarterOfTheWayEachTick) {
  std::vector<uint64_t> shown;
  int64_t rate = 0;
  for (int tick = 0; tick < 8; ++tick) {
    rate = NextCountRate(rate, tick < 4 ? 200 : 0);  // 100 a second
    shown.push_back(ShownCountRate(rate));
  }
  EXPECT_EQ(shown, (std::vector<uint64_t>{25, 44, 58, 68, 51, 38, 29, 22}));
  shown.clear();
  rate = 0;
  for (int tick = 0; tick < 6; ++tick) {
    rate = NextByteRate(rate, 2'000'000);
    shown.push_back(ShownByteRate(rate));
  }
  EXPECT_EQ(shown, (std::vector<uint64_t>{250000, 437500, 578125, 683594, 762695, 822021}));
}

class TrafficLedgerTest : public testing::Test {
 protected:
  // One pass of a snapshot with these services on port 80, each with the real 10.0.0.<octet>.
  void Configure(const std::vector<const char*>& services) {
    std::set<ServiceId> configured;
    for (const char* address : services) {
      const ServiceId id = ids_.BeginService(KeyAt(address));
      ids_.InternReal(id, {Ip("10.0.0.11"), 80}, stats_);
      ids_.EndService(id, now_);
      configured.insert(id);
    }
    for (uint32_t i = 0; i < ids_.services().size(); ++i) {
      const bool is_gone = ids_.services()[i].is_configured && !configured.contains(ServiceId{i});
      if (is_gone) ids_.RemoveService(ServiceId{i}, now_);
    }
    ledger_.Follow(ids_, stats_);
  }
  static ServiceIdentity KeyAt(const char* address) {
    return {.protocol = 6, .address = Ip(address), .port = 80};
  }
  RealId RealOf(const char* service) {
    return ids_.FindReal(ids_.FindService(KeyAt(service)), {Ip("10.0.0.11"), 80});
  }
  void Count(const char* service, uint64_t connections) {
    stats_.traffic(WorkerId{0}, RealOf(service)).connections.Add(connections);
  }
  // Connections since zero of a service and of its real.
  std::string Since(const char* service) {
    const ServiceId id = ids_.FindService(KeyAt(service));
    const uint64_t sum = TrafficOfServices(ids_, stats_)[id.index()].connections;
    const RealId real = RealOf(service);
    return std::to_string(sum - ledger_.service(id).zero.connections) + " " +
           std::to_string(TrafficOf(ids_, stats_, real).connections -
                          ledger_.real(real).zero.connections);
  }

  dataplane::StatsBoard stats_{1, 8, 1};
  sched::LoadBoard loads_{1, 8};
  IdMap ids_{8};
  TrafficLedger ledger_;
  TimePoint now_ = At(0s);
};

TEST_F(TrafficLedgerTest, ZeroOfOneServiceLeavesTheOthers) {
  Configure({"192.0.2.80", "192.0.2.81"});
  Count("192.0.2.80", 5);
  Count("192.0.2.81", 7);
  ledger_.Zero(ids_, stats_, ids_.FindService(KeyAt("192.0.2.80")));
  Count("192.0.2.80", 1);
  EXPECT_EQ(Since("192.0.2.80"), "1 1");
  EXPECT_EQ(Since("192.0.2.81"), "7 7");
  EXPECT_EQ(ledger_.total().zero.connections, 0u);
  ledger_.Zero(ids_, stats_, ServiceId{});
  EXPECT_EQ(Since("192.0.2.81"), "0 0");
  EXPECT_EQ(ledger_.total().zero.connections, 13u);
}

TEST_F(TrafficLedgerTest, AServiceAddedAgainStartsAtZero) {
  Configure({"192.0.2.80"});
  Count("192.0.2.80", 5);
  Configure({});
  Configure({"192.0.2.80"});
  EXPECT_EQ(Since("192.0.2.80"), "0 0");
  Count("192.0.2.80", 2);
  EXPECT_EQ(Since("192.0.2.80"), "2 2");
}

TEST_F(TrafficLedgerTest, AnIdInOtherHandsStartsAtZero) {
  Configure({"192.0.2.80"});
  Count("192.0.2.80", 5);
  ledger_.Tick(ids_, stats_);
  Configure({});
  now_ += kIdleBeforeReuse;
  ASSERT_EQ(ids_.Collect(now_, loads_, stats_), 1u);
  Configure({"192.0.2.90"});
  EXPECT_EQ(RealOf("192.0.2.90"), RealId{0}) << "the same id";
  Count("192.0.2.90", 200);
  ledger_.Tick(ids_, stats_);
  EXPECT_EQ(Since("192.0.2.90"), "200 200");
  EXPECT_EQ(ledger_.real(RealId{0}).rate.shown().connections, 25u);
}

TEST_F(TrafficLedgerTest, RatesOfServiceRealAndTotal) {
  Configure({"192.0.2.80", "192.0.2.81"});
  Count("192.0.2.80", 200);
  Count("192.0.2.81", 100);
  ledger_.Tick(ids_, stats_);
  EXPECT_EQ(ledger_.service(ids_.FindService(KeyAt("192.0.2.80"))).rate.shown().connections, 25u);
  EXPECT_EQ(ledger_.real(RealOf("192.0.2.81")).rate.shown().connections, 12u);
  EXPECT_EQ(ledger_.total().rate.shown().connections, 37u);
  ledger_.Zero(ids_, stats_, ServiceId{});
  EXPECT_EQ(ledger_.total().rate.shown().connections, 0u);
}

}  // namespace
}  // namespace fairlead::control::traffic_ledger_test
