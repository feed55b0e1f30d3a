#include "control/announcer.h"

#include <algorithm>
#include <map>

#include "control/publication.h"
#include "dataplane/wire/arp.h"
#include "director_fixture.h"

namespace fairlead::control::announcer_test {
namespace {

using namespace std::chrono_literals;

std::vector<Announcement> Addresses(uint32_t count) {
  std::vector<Announcement> all;
  for (uint32_t i = 0; i < count; ++i) {
    all.push_back({PortId{0}, IpAddress(Ipv4Address::FromHost(0xc6120000 + i))});
  }
  return all;
}

// Plays worker 0: at most `most` frames, by the address they announce.
class Ear {
 public:
  explicit Ear(dataplane::Fabric& fabric) : fabric_(fabric) {}

  size_t Hear(size_t most = ~size_t{0}) {
    size_t count = 0;
    const auto hear = [&](dataplane::Command& command) {
      auto& frame = static_cast<dataplane::TransmitFrame&>(command);
      frame.is_sent = true;
      dataplane::ArpMessage arp;
      if (!dataplane::ParseArp(frame.bytes.data(), frame.length, &arp)) return;  // ND
      if (!arp.is_gratuitous()) return;
      ++times[IpAddress(arp.sender)];
      ++count;
    };
    for (; most > 0 && fabric_.control[0]->RunNext(hear); --most) {
    }
    return count;
  }
  // How many addresses were announced that often.
  [[nodiscard]] size_t Heard(int how_often) const {
    return static_cast<size_t>(
        std::ranges::count_if(times, [&](const auto& t) { return t.second == how_often; }));
  }
  std::map<IpAddress, int> times;

 private:
  dataplane::Fabric& fabric_;
};

class AnnouncerTest : public testing::Test {
 protected:
  void Turn() {
    now_ += 50ms;
    mail_.Poll();
    announcer_.Tick(now_);
  }

  dataplane::Fabric fabric_{SmallFabric()};
  std::vector<PortRuntime> ports_ = TwoPorts();
  WorkerMail mail_{fabric_};
  Announcer announcer_{mail_, fabric_.stats.neighbours(), ports_};
  Ear ear_{fabric_};
  TimePoint now_ = At(0s);
};

TEST_F(AnnouncerTest, NewAddressesAreAnnouncedThreeTimes) {
  announcer_.Announce({{PortId{0}, Ip("192.0.2.80")}, {PortId{0}, Ip("192.0.2.82")}}, now_);
  EXPECT_EQ(ear_.Hear(), 2u);
  size_t more = 0;
  for (int i = 0; i < 100; ++i) {
    Turn();
    more += ear_.Hear();
  }
  EXPECT_EQ(more, 4u);
  announcer_.Announce({{PortId{0}, Ip("192.0.2.80")}, {PortId{0}, Ip("192.0.2.81")}}, now_);
  EXPECT_EQ(ear_.Hear(), 1u) << "only the new one";
  EXPECT_EQ(ear_.times[Ip("192.0.2.81")], 1);
}

TEST_F(AnnouncerTest, WhatIsGoneIsNotAnnouncedAgain) {
  announcer_.Announce(Addresses(1000), now_);
  ear_.Hear();
  announcer_.Announce(Addresses(10), now_);
  for (int i = 0; i < 100; ++i) {
    Turn();
    ear_.Hear();
  }
  EXPECT_EQ(ear_.Heard(3), 10u);
  EXPECT_EQ(ear_.times.size(), 200u) << "those that went out at once";
}

TEST_F(AnnouncerTest, APortThatIsBackIsAnnouncedAgainAlone) {
  announcer_.Announce({{PortId{0}, Ip("192.0.2.80")}, {PortId{1}, Ip("192.0.2.81")}}, now_);
  for (int i = 0; i < 100; ++i) {
    Turn();
    ear_.Hear();
  }
  ASSERT_EQ(ear_.Heard(3), 2u);
  announcer_.AnnounceAgain(PortId{1});
  announcer_.AnnounceAgain(PortId{1});  // twice in one turn is once
  for (int i = 0; i < 100; ++i) {
    Turn();
    ear_.Hear();
  }
  EXPECT_EQ(ear_.times[Ip("192.0.2.80")], 3);
  EXPECT_EQ(ear_.times[Ip("192.0.2.81")], 6);
}

// All of the first round before any of the second, however many there are and however slow the
// worker is.
TEST_F(AnnouncerTest, ManyAddressesArePacedAndComplete) {
  for (const uint32_t count : {6000u, 20000u}) {
    SCOPED_TRACE(count);
    ear_.times.clear();
    announcer_.Announce({}, now_);
    announcer_.Announce(Addresses(count), now_);
    const TimePoint begun = now_;
    while (announcer_.waiting() > 0) {
      Turn();
      EXPECT_LE(ear_.Hear(120), Announcer::kAtOnce);
      ASSERT_LT(now_ - begun, 30s);
    }
    ear_.Hear();
    EXPECT_EQ(ear_.times.size(), count);
    EXPECT_GE(ear_.Heard(1) + Announcer::kAtOnce, count);
    EXPECT_GE(now_ - begun,
              std::chrono::milliseconds(count * 1000 / Announcer::kPerSecond) - 200ms);
    for (int i = 0; i < 40 * 20; ++i) {
      Turn();
      ear_.Hear(120);
    }
    EXPECT_EQ(ear_.Heard(3), count);
  }
}

TEST_F(AnnouncerTest, AWorkerThatStandsStillMakesNothingGrow) {
  announcer_.Announce(Addresses(20000), now_);
  for (int i = 0; i < 1000; ++i) Turn();
  EXPECT_EQ(mail_.frames_out(), WorkerMail::kShare[1]);
  EXPECT_EQ(announcer_.waiting(), 20000 - WorkerMail::kShare[1]);
  EXPECT_EQ(fabric_.stats.neighbours().announcements_waiting.value(), announcer_.waiting());
}

// From the configuration to the wire, and all commands are back at the end.
TEST(Announcements, TwentyThousandServicesAtAStart) {
  constexpr uint32_t kServices = 20000;
  ConfigModel model = ModelOf(R"(
services:
  - { name: web, address: 192.0.2.80, protocol: tcp, port: 80 }
)");
  const ServiceConfig web = model.services[0];
  model.services.clear();
  for (uint32_t i = 0; i < kServices; ++i) {
    ServiceConfig service = web;
    service.name = "web" + std::to_string(i);
    service.address = IpAddress(Ipv4Address::FromHost(0xc6120000 + i));
    model.services.push_back(std::move(service));
  }
  dataplane::Fabric fabric(SmallFabric(2));
  const std::vector<PortRuntime> ports = TwoPorts();
  SilentProber prober;
  Publication publication(fabric, std::make_shared<const ConfigModel>(std::move(model)), ports,
                          prober, 1);
  Ear ear(fabric);
  TimePoint now = At(0s);
  for (int i = 0; i < 40 * 20; ++i) {
    publication.Turn(now += 50ms);
    AdoptAll(fabric);
    ear.Hear();
  }
  EXPECT_EQ(ear.Heard(3), kServices + 2) << "and both ports' own";
  publication.Turn(now);
  EXPECT_EQ(fabric.control[0]->out(), 0u);
}

}  // namespace
}  // namespace fairlead::control::announcer_test
