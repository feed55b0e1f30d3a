// What checks change in many services at once, and when it is told.
#include <set>

#include "base/log.h"
#include "control/publication.h"
#include "director_fixture.h"
#include "fake_prober.h"

namespace fairlead::control::publication_of_many_test {
namespace {

using namespace std::chrono_literals;

// More services than one snapshot changes because of their checks, all just asked.
class PublicationOfManyTest : public testing::Test {
 protected:
  static constexpr size_t kServices = kFlippedAtOnce + 200;
  PublicationOfManyTest() {
    SetLogLevel(LogLevel::kError);  // a line for each of them
    Turn();
    for (int i = 0; i < 500 && prober_.asked.size() < kServices; ++i) {
      publication_.Turn(now_ += 100ms);
    }
    EXPECT_EQ(prober_.asked.size(), kServices);
  }
  ~PublicationOfManyTest() override { SetLogLevel(LogLevel::kInfo); }
  static dataplane::FabricConfig Room() {
    dataplane::FabricConfig config = SmallFabric(1);
    config.reals = 2048;
    return config;
  }
  static std::string Services() {
    std::string yaml = "services:\n";
    for (size_t i = 1; i <= kServices; ++i) {
      yaml += "  - { address: 192.0.2.80, protocol: tcp, port: " + std::to_string(i) +
              ", health: { type: tcp, fall: 1 }, reals: [ { address: 10.0.0.11" +
              (i % 2 == 0 ? ", on_down: [/bin/down] } ] }\n" : " } ] }\n");
    }
    return yaml;
  }
  void Turn() {
    publication_.Turn(now_ += 5ms);
    AdoptAll(fabric_);
  }

  dataplane::Fabric fabric_{Room()};
  const std::vector<PortRuntime> ports_ = TwoPorts();
  FakeProber prober_;
  Publication publication_{fabric_, SharedModelOf(Services()), ports_, prober_, 1};
  TimePoint now_ = At(0s);
};

// A router in front of all real servers dies, or one server that all checks ask: what the workers
// have to adopt in one turn is bounded, and in the end they know of all.
TEST_F(PublicationOfManyTest, ChecksThatFailTogetherGoIntoSeveralSnapshots) {
  prober_.AnswerAll(false);
  std::vector<size_t> adopted;
  for (int i = 0; i < 5; ++i) {
    const uint64_t before = publication_.snapshot()->generation;
    Turn();
    if (publication_.snapshot()->generation != before) {
      adopted.push_back(publication_.snapshot()->changed_services.size());
    }
  }
  EXPECT_EQ(adopted, (std::vector<size_t>{kFlippedAtOnce, kServices - kFlippedAtOnce}));
  for (const auto& service : publication_.snapshot()->services) {
    for (const auto& real : service.plan.reals()) EXPECT_EQ(real.weight, 0);
  }
}

// Some go into the snapshot of the reload, others wait for the next one.
TEST_F(PublicationOfManyTest, WhatChangesWhileMailIsAskedForIsToldOnceOfEach) {
  std::set<std::string> told;
  size_t notices = 0, commands = 0;
  publication_.SetNotify([&](const Notification& notice) {
    if (!notice.title.starts_with("real server")) return;  // of its quorum
    told.insert(notice.title);
    commands += notice.command.empty() ? 0 : 1;
    ++notices;
  });
  prober_.AnswerAll(false);
  const std::string mail =
      "mail: { server: \"10.0.0.25:25\", from: lb@example.com, to: [ops@example.com] }\n";
  publication_.Want({SharedModelOf(mail + Services()), {}}, {});
  for (int i = 0; i < 5; ++i) Turn();
  EXPECT_EQ(notices, kServices);
  EXPECT_EQ(told.size(), kServices);
  EXPECT_EQ(commands, kServices / 2);
}

}  // namespace
}  // namespace fairlead::control::publication_of_many_test
