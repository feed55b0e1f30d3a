#include "control/view_builder.h"

#include "control/publication.h"
#include "director_fixture.h"
#include "fake_prober.h"

namespace fairlead::control::view_builder_test {
namespace {

using namespace std::chrono_literals;

class ViewBuilderTest : public testing::Test {
 protected:
  void Apply(const std::string& yaml) { Apply(SharedModelOf(yaml)); }
  void Apply(const std::shared_ptr<const ConfigModel>& model) {
    publication_.Want({model, {}}, {});
    publication_.Turn(now_ += 5ms);
    AdoptAll(fabric_);
    publication_.Turn(now_ += 5ms);
  }
  ControlView View(bool is_time = true) {
    return builder_.Build({.model = *publication_.in_force().model,
                           .ports = ports_,
                           .ids = publication_.ids(),
                           .health = publication_.health(),
                           .quorums = publication_.quorums(),
                           .snapshot = *publication_.snapshot(),
                           .overlay = publication_.in_force().overlay,
                           .now = now_,
                           .is_time = is_time});
  }
  // "NAME=EFFECTIVE_WEIGHT", with "?" for a fallback and "+" for a ghost behind it.
  static std::string RealsOf(const ServiceInfo& service) {
    std::string text;
    for (const RealInfo& real : service.reals) {
      text.append(real.name).append("=").append(std::to_string(real.effective_weight));
      text.append(real.is_fallback ? "? " : real.is_ghost ? "+ " : " ");
    }
    return text;
  }
  static std::string Web(const std::string& reals) {
    return "services:\n  - { name: web, address: 192.0.2.80, protocol: tcp, port: 80, fallback: { "
           "address: 10.0.0.99 }, reals: [" +
           reals + "] }\n";
  }

  dataplane::Fabric fabric_{SmallFabric()};
  std::vector<PortRuntime> ports_ = TwoPorts();
  FakeProber prober_;
  Publication publication_{fabric_, SharedModelOf(""), ports_, prober_, 1};
  ViewBuilder builder_;
  TimePoint now_ = At(0s);
};

TEST_F(ViewBuilderTest, RealsStandNewestFirstAndGhostsLast) {
  Apply(Web("{ address: 10.0.0.11 }, { address: 10.0.0.12, weight: 2 }"));
  EXPECT_EQ(RealsOf(View().services[0]), "10.0.0.99:80=0? 10.0.0.12:80=2 10.0.0.11:80=1 ");
  Apply(Web("{ address: 10.0.0.12, weight: 2 }"));
  EXPECT_EQ(RealsOf(View().services[0]), "10.0.0.99:80=0? 10.0.0.12:80=2 10.0.0.11:80=0+ ");
}

TEST_F(ViewBuilderTest, ShowsThePartOfAWeightThatSlowStartLeaves) {
  Apply(R"(
services:
  - { name: web, address: 192.0.2.80, protocol: tcp, port: 80, scheduler: wlc,
      health: { type: tcp, interval: 1s, fall: 1, rise: 1, slow_start: 20s }, reals: [ { address: 10.0.0.11 } ] }
)");
  for (const bool is_ok : {false, true}) {
    for (const TimePoint end = now_ + 2s; now_ < end;) publication_.Turn(now_ += 50ms);
    ASSERT_FALSE(prober_.asked.empty());
    prober_.AnswerAll(is_ok);
    publication_.Turn(now_ += 50ms);
    AdoptAll(fabric_);
  }
  const RealInfo real = View().services[0].reals[0];
  EXPECT_EQ(real.effective_weight, 1);
  EXPECT_DOUBLE_EQ(real.part, 0.05);
}

TEST_F(ViewBuilderTest, SaysWhenTheFallbackServes) {
  Apply(Web("{ address: 10.0.0.11, weight: 0 }"));
  const ServiceInfo service = View().services[0];
  EXPECT_TRUE(service.is_on_fallback);
  EXPECT_EQ(RealsOf(service), "10.0.0.99:80=1? 10.0.0.11:80=0 ");
}

TEST_F(ViewBuilderTest, FiguresNeverFallWhenARealIsGoneForGood) {
  Apply(Web("{ address: 10.0.0.11 }, { address: 10.0.0.12 }"));
  const auto total = [this] {
    const ServiceInfo service = View().services[0];
    dataplane::TrafficSum sum = service.retired;
    for (const RealInfo& real : service.reals) {
      sum += fabric_.stats.SumTraffic(real.id);
      sum -= real.baseline;
    }
    return sum.connections;
  };
  fabric_.stats.traffic(WorkerId{0}, View().services[0].reals[1].id).connections.Add(5);
  EXPECT_EQ(total(), 5u);
  Apply(Web("{ address: 10.0.0.11 }"));
  EXPECT_EQ(total(), 5u);
  publication_.Turn(now_ += 1h);
  EXPECT_EQ(RealsOf(View().services[0]), "10.0.0.99:80=0? 10.0.0.11:80=1 ");  // no ghost any more
  EXPECT_EQ(total(), 5u);
  Apply(Web("{ address: 10.0.0.11 }, { address: 10.0.0.13 }"));  // its id is used again
  EXPECT_EQ(total(), 5u);
}

// Runs of places whose services `view` shows by other objects than `before`: "0-255 300-300 ".
std::string Anew(const ControlView& before, const ControlView& view) {
  std::string text;
  const auto is_new = [&](size_t i) {
    return i < view.services.size() && before.services.item(i) != view.services.item(i);
  };
  for (size_t i = 0; i < view.services.size(); ++i) {
    if (!is_new(i)) continue;
    text += std::to_string(i) + "-";
    while (is_new(i + 1)) ++i;
    text += std::to_string(i) + " ";
  }
  return text;
}

TEST_F(ViewBuilderTest, OnlyWhatHasChangedAndSomeInTurnAreWrittenAnew) {
  static_assert(ViewBuilder::kWorkAtOnce == 256 * ViewBuilder::kWorkOfService);
  std::string yaml = "services:\n";
  for (int port = 1; port <= 522; ++port) {
    yaml += "  - { address: 192.0.2.80, protocol: tcp, port: " + std::to_string(port) +
            ", reals: [] }\n";
  }
  Apply(yaml);
  ControlView last = View(false);
  ASSERT_EQ(last.services.size(), 522u);
  EXPECT_EQ(builder_.rounds(), 3u);
  const auto anew = [&](bool is_time) {
    const ControlView before = std::exchange(last, View(is_time));
    return Anew(before, last);
  };
  EXPECT_EQ(anew(false), "");
  for (const char* turn : {"0-255 ", "256-511 ", "512-521 ", "0-255 "}) {
    EXPECT_EQ(anew(true), turn);
  }
  ConfigModel model = *publication_.in_force().model;
  model.services.Edit(300).scheduler = SchedulerKind::kRr;
  Apply(std::make_shared<const ConfigModel>(model));
  EXPECT_EQ(anew(false), "300-300 ");
  EXPECT_EQ(last.services[300].scheduler, "rr");
  model.services.Edit(3).scheduler = SchedulerKind::kRr;
  Apply(std::make_shared<const ConfigModel>(model));
  EXPECT_EQ(anew(true), "3-3 256-511 ");
}

TEST_F(ViewBuilderTest, ShowsPortsAndRules) {
  Apply("classifier:\n  - { name: a, mark: 7, destination: 192.0.2.90 }\n");
  const ControlView view = View();
  ASSERT_EQ(view.ports.size(), 2u);
  EXPECT_EQ(view.ports[0].role, "outside");
  EXPECT_EQ(view.ports[0].addresses.size(), 2u);
  ASSERT_EQ(view.rules.size(), 1u);
  EXPECT_EQ(view.rules[0].text, "mark 7 to 192.0.2.90");
}

}  // namespace
}  // namespace fairlead::control::view_builder_test
