#include "control/publication.h"

#include <algorithm>
#include <set>

#include "dataplane/shard/stream_mail.h"
#include "director_fixture.h"
#include "sync/stream/creator.h"

namespace fairlead::control::publication_test {
namespace {

using namespace std::chrono_literals;

class DownProber : public Prober {
 public:
  void Start(const ProbeTarget&, std::function<void(ProbeResult)> done) override {
    waiting.push_back(std::move(done));
  }
  void AnswerAll(bool is_ok) {
    for (auto& done : std::exchange(waiting, {})) done({.is_ok = is_ok, .detail = "", .took = {}});
  }
  std::vector<std::function<void(ProbeResult)>> waiting;
};

std::string Web(int weight) {
  return R"(
services:
  - { name: web, address: 192.0.2.80, protocol: tcp, port: 80,
      health: { type: tcp, interval: 2s, timeout: 1s, fall: 1, rise: 1 },
      reals: [ { address: 10.0.0.11, weight: )" +
         std::to_string(weight) + " } ] }\n";
}

// A service with more reals than there are ids.
std::shared_ptr<const ConfigModel> TooMany(const std::string& name, const std::string& address) {
  std::string reals;
  for (int i = 1; i <= 65; ++i) reals += "{ address: 10.0.0." + std::to_string(i + 100) + " },";
  return SharedModelOf("services:\n  - { name: " + name + ", address: " + address +
                       ", protocol: tcp, port: 80, reals: [" + reals + "] }\n");
}

class PublicationTest : public testing::Test {
 protected:
  IntentWaiter Note() {
    return [this](const Result<uint64_t>& result) {
      answers_.push_back(result ? std::to_string(*result) : result.error().message.substr(0, 25));
    };
  }
  void Turn() { publication_.Turn(now_ += 5ms); }
  void Settle() {
    AdoptAll(fabric_);
    Turn();
  }
  int32_t Weight() { return publication_.snapshot()->reals[0].weight; }

  dataplane::Fabric fabric_{SmallFabric(2)};
  std::vector<PortRuntime> ports_ = TwoPorts();
  DownProber prober_;
  Publication publication_{fabric_, SharedModelOf(Web(1)), ports_, prober_, 1};
  TimePoint now_ = At(0s);
  std::vector<std::string> answers_;
};

TEST_F(PublicationTest, TheFirstTurnPublishesGenerationOne) {
  Turn();
  ASSERT_NE(publication_.snapshot(), nullptr);
  EXPECT_EQ(publication_.snapshot()->generation, 1u);
  EXPECT_FALSE(publication_.is_in_force());
  AdoptAll(fabric_);
  EXPECT_TRUE(publication_.is_in_force());
}

// Silent, and said to be so, until the director is ready; then announced at once.
TEST_F(PublicationTest, AddressesThatWaitForTheDirectorAreAnnouncedOnceItIsReady) {
  const auto sent = [this] { return fabric_.stats.neighbours().announcements_sent.value(); };
  const auto is_announced = [this] {
    return publication_.snapshot()->FindLocal(Ip("192.0.2.80"))->is_announced;
  };
  publication_.Want({SharedModelOf("policy: { announce: when-ready }" + Web(1)), {}}, Note());
  Turn();
  Settle();
  EXPECT_FALSE(is_announced());
  EXPECT_TRUE(publication_.snapshot()->FindLocal(Ip("10.0.0.1"))->is_announced);
  ASSERT_EQ(publication_.silent()->size(), 1u);
  EXPECT_EQ(publication_.silent()->at(0),
            (SilentAddress{Ip("192.0.2.80"), SilentAddress::Why::kNotReady}));
  const uint64_t generation = publication_.snapshot()->generation;
  publication_.SetReady(false);
  Settle();
  EXPECT_EQ(publication_.snapshot()->generation, generation);
  const uint64_t before = sent();
  publication_.SetReady(true);
  Settle();
  EXPECT_TRUE(is_announced());
  EXPECT_EQ(publication_.snapshot()->generation, generation + 1);
  EXPECT_TRUE(publication_.silent()->empty());
  EXPECT_EQ(sent(), before + 1) << "on the outside port";
  publication_.SetReady(true);
  Settle();
  EXPECT_EQ(publication_.snapshot()->generation, generation + 1);
}

// With no address that waits nothing is published for it.
TEST_F(PublicationTest, ReadinessChangesNothingWhereNobodyWaitsForIt) {
  publication_.Want({SharedModelOf("policy: { announce: never }" + Web(1)), {}}, Note());
  Turn();
  Settle();
  EXPECT_EQ(publication_.silent()->at(0).why, SilentAddress::Why::kNever);
  publication_.SetReady(true);
  Settle();
  EXPECT_EQ(publication_.snapshot()->generation, 1u);
  EXPECT_FALSE(publication_.snapshot()->FindLocal(Ip("192.0.2.80"))->is_announced);
}

TEST_F(PublicationTest, ChangesQueueUntilEveryWorkerHasAdoptedAndBecomeOne) {
  Turn();
  publication_.Want({SharedModelOf(Web(2)), {}}, Note());
  publication_.Want({SharedModelOf(Web(3)), {}}, Note());
  Turn();
  EXPECT_EQ(publication_.snapshot()->generation, 1u);
  fabric_.publisher.Enter(WorkerId{0}, [](auto*, auto*) {});
  Turn();
  EXPECT_EQ(publication_.snapshot()->generation, 1u);  // worker 1 has not
  AdoptAll(fabric_);
  Turn();
  EXPECT_EQ(publication_.snapshot()->generation, 2u);
  EXPECT_EQ(Weight(), 3);
  EXPECT_TRUE(answers_.empty());  // published, not yet in force
  Settle();
  EXPECT_EQ(answers_, (std::vector<std::string>{"2", "2"}));
}

TEST_F(PublicationTest, AWaiterThatThrowsKeepsNoOtherFromItsAnswer) {
  Turn();
  AdoptAll(fabric_);
  publication_.Want({SharedModelOf(Web(2)), {}}, [](auto) { throw std::bad_alloc(); });
  publication_.Want({SharedModelOf(Web(3)), {}}, Note());
  Turn();
  Settle();
  EXPECT_EQ(answers_, std::vector<std::string>{"2"});
}

TEST_F(PublicationTest, ARefusedIntentLeavesEverythingAsItWas) {
  Turn();
  Settle();
  publication_.Want({TooMany("big", "192.0.2.81"), {}}, Note());
  Turn();
  EXPECT_EQ(answers_, std::vector<std::string>{"no identifier is left for"});
  Turn();
  Settle();
  EXPECT_EQ(publication_.in_force().model->services[0].name, "web");
  EXPECT_TRUE(publication_.snapshot()->reals[0].is_available);
  EXPECT_FALSE(publication_.ids().reals()[0].is_ghost);
  EXPECT_EQ(publication_.snapshot()->service_index.size(), 1u);
}

TEST_F(PublicationTest, ARefusedIntentLeavesChecksAndSchedulersAsTheyWere) {
  Turn();
  Settle();
  now_ += 2s;
  Turn();
  prober_.AnswerAll(false);
  Turn();
  Settle();
  ASSERT_EQ(Weight(), 0);
  const uint32_t edits = publication_.snapshot()->services[0].plan.edit_count();
  publication_.Want({TooMany("web", "192.0.2.80"), {}}, Note());
  Turn();
  Turn();
  Settle();
  EXPECT_EQ(answers_, std::vector<std::string>{"no identifier is left for"});
  EXPECT_EQ(Weight(), 0);  // still down
  EXPECT_EQ(publication_.snapshot()->services[0].plan.edit_count(), edits);
  EXPECT_EQ(publication_.ids().reals().size(), 1u);
}

TEST_F(PublicationTest, ALinkThatGoesAndComesMovesTheRoutes) {
  std::vector<PortLink> links{{.is_up = true}, {.is_up = true}};
  publication_.SetLinkReader([&links] { return links; });
  Turn();
  Settle();
  const auto has_default = [this] {
    return publication_.snapshot()->routes.Find(Ip("203.0.113.5")) != nullptr;
  };
  EXPECT_TRUE(has_default());
  const uint64_t before = publication_.snapshot()->generation;
  links[0].is_up = false;
  now_ += PortLinks::kInterval;
  Turn();
  Settle();
  EXPECT_FALSE(has_default());
  EXPECT_FALSE(publication_.links().is_up(PortId{0}));
  // A line that trembles is followed once a second.
  for (int i = 0; i < 8; ++i) {
    links[0].is_up = !links[0].is_up;
    now_ += PortLinks::kInterval;
    Turn();
    Settle();
  }
  EXPECT_FALSE(has_default());
  EXPECT_EQ(publication_.snapshot()->generation, before + 1);
  links[0].is_up = true;
  now_ += 1s;
  Turn();
  Settle();
  EXPECT_TRUE(has_default());
  EXPECT_EQ(publication_.snapshot()->generation, before + 2);
}

TEST_F(PublicationTest, AFailedCheckTakesTheRealOutByTheNextSnapshot) {
  Turn();
  Settle();
  now_ += 2s;
  Turn();
  ASSERT_EQ(prober_.waiting.size(), 1u);
  prober_.AnswerAll(false);
  Turn();
  EXPECT_EQ(publication_.snapshot()->generation, 2u);
  EXPECT_EQ(Weight(), 0);
  EXPECT_FALSE(publication_.snapshot()->reals[0].templates_valid);
}

TEST_F(PublicationTest, AThresholdBelowTheLoadCountsAtOnce) {
  Turn();
  Settle();
  fabric_.loads.AddActive(WorkerId{1}, RealId{0}, 10);
  publication_.Want({SharedModelOf(R"(
services:
  - { name: web, address: 192.0.2.80, protocol: tcp, port: 80,
      reals: [ { address: 10.0.0.11, upper_threshold: 10 } ] }
)"),
                     {}},
                    Note());
  Turn();
  EXPECT_TRUE(fabric_.loads.overloaded(RealId{0}));
}

std::shared_ptr<const ConfigModel> WithThreshold(int upper) {
  return SharedModelOf(R"(
services:
  - { name: web, address: 192.0.2.80, protocol: tcp, port: 80,
      reals: [ { address: 10.0.0.11, upper_threshold: )" +
                       std::to_string(upper) + " } ] }\n");
}

// ipvsadm -e … -x 5: four connections are fewer than five, though not fewer than four, where the
// flag would go by itself. Meanwhile a worker that has not adopted the edit goes by the old rule.
TEST_F(PublicationTest, ARaisedThresholdTakesConnectionsAtOnce) {
  const RealId real{0};
  publication_.Want({WithThreshold(4), {}}, Note());
  Turn();
  Settle();
  fabric_.loads.AddActive(WorkerId{1}, real, 4);
  fabric_.loads.UpdateOverload(real, 4, 0);
  ASSERT_TRUE(fabric_.loads.overloaded(real));
  publication_.Want({WithThreshold(5), {}}, Note());
  Turn();
  EXPECT_FALSE(fabric_.loads.overloaded(real));
  fabric_.loads.UpdateOverload(real, 4, 0);  // that worker
  Settle();
  EXPECT_FALSE(fabric_.loads.overloaded(real));
  fabric_.loads.UpdateOverload(real, 5, 0);
  EXPECT_FALSE(fabric_.loads.overloaded(real));
}

TEST_F(PublicationTest, AThresholdRaisedTooLittleRefusesAsBeforeAndOneThatGoesTakesAll) {
  const RealId real{0};
  publication_.Want({WithThreshold(4), {}}, Note());
  Turn();
  Settle();
  fabric_.loads.AddActive(WorkerId{1}, real, 6);
  fabric_.loads.UpdateOverload(real, 4, 0);
  publication_.Want({WithThreshold(5), {}}, Note());
  Turn();
  Settle();
  EXPECT_TRUE(fabric_.loads.overloaded(real));
  publication_.Want({WithThreshold(0), {}}, Note());
  Turn();
  Settle();
  EXPECT_FALSE(fabric_.loads.overloaded(real));
}

// Of 64 identifiers 25 are in use, as many by ghosts, and as many are asked for.
TEST_F(PublicationTest, ReplacingAllRealsAgainAndAgainLeavesIdentifiers) {
  const auto other_reals = [](int first) {
    std::string reals;
    for (int i = 0; i < 25; ++i) reals += "{ address: 10.0.0." + std::to_string(first + i) + " },";
    return SharedModelOf(
        "services:\n  - { name: web, address: 192.0.2.80, protocol: tcp, port: 80, reals: [" +
        reals + "] }\n");
  };
  Turn();
  Settle();
  for (const int first : {2, 50, 100, 150}) {
    publication_.Want({other_reals(first), {}}, Note());
    now_ += 1s;
    Turn();
    Settle();
  }
  EXPECT_EQ(answers_, (std::vector<std::string>{"2", "3", "4", "5"}));
}

// Mailboxes as a worker empties them; the kinds of what was in them.
std::vector<dataplane::CommandKind> RunMail(dataplane::Fabric& fabric, bool is_complete) {
  using dataplane::CommandKind;
  std::vector<CommandKind> kinds;
  for (auto& mailbox : fabric.control) {
    const auto run = [&](dataplane::Command& command) {
      if (command.kind == CommandKind::kSweepConnections) {
        static_cast<dataplane::SweepConnections&>(command).is_complete = is_complete;
      } else if (command.kind == CommandKind::kSweepTemplates) {
        static_cast<dataplane::SweepTemplates&>(command).is_complete = is_complete;
      }
      if (command.kind != CommandKind::kTransmitFrame) kinds.push_back(command.kind);
    };
    while (mailbox->RunNext(run)) {
    }
  }
  return kinds;
}

// Peers know this director by sync.name, so ties are decided by it.
TEST_F(PublicationTest, RecordsAreMadeInTheNameThatPeersKnow) {
  const auto told = [this] {
    std::set<uint32_t> creators;
    for (auto& mailbox : fabric_.control) {
      const auto run = [&](dataplane::Command& command) {
        if (command.kind != dataplane::CommandKind::kTellStream) return;
        creators.insert(static_cast<dataplane::TellStream&>(command).clock.creator);
      };
      while (mailbox->RunNext(run)) {
      }
    }
    return creators;
  };
  const auto number = [](const char* name) {
    return std::set{static_cast<uint32_t>(sync::CreatorNumber(name))};
  };
  const auto want = [this](const std::string& name) {
    publication_.Want({SharedModelOf("sync: { name: " + name +
                                     ", peers: [ { name: other, address: 127.0.0.1 } ], "
                                     "listen: 127.0.0.2 }\n" +
                                     Web(1)),
                       {}},
                      Note());
    Turn();
    Settle();
    Turn();
  };
  want("edge-1");
  publication_.stream_tables().Tell(true);
  Turn();
  EXPECT_EQ(told(), number("edge-1"));
  Turn();  // takes the answers
  want("edge-2");
  EXPECT_EQ(told(), number("edge-2"));
}

// Every worker is asked, slice by slice; templates only when no worker has connections left to see,
// and nothing before the snapshot that says so is everywhere.
TEST_F(PublicationTest, ConnectionsThatExpireWithTheirRealAreSweptForEverywhere) {
  using dataplane::CommandKind;
  constexpr auto kConnections = CommandKind::kSweepConnections;
  constexpr auto kTemplates = CommandKind::kSweepTemplates;
  const auto model = [](const std::string& reals) {
    return SharedModelOf(
        "services:\n  - { name: web, address: 192.0.2.80, protocol: tcp, port: 80, policy: { "
        "expire_nodest_conn: true }, reals: [" +
        reals + "] }\n");
  };
  publication_.Want({model("{ address: 10.0.0.11 }, { address: 10.0.0.12 }"), {}}, Note());
  Turn();
  Settle();
  RunMail(fabric_, true);
  publication_.Want({model("{ address: 10.0.0.12 }"), {}}, Note());
  Turn();
  EXPECT_TRUE(RunMail(fabric_, true).empty()) << "no worker has it yet";
  Settle();
  EXPECT_TRUE(RunMail(fabric_, true).empty()) << "not within the command";
  Turn();
  EXPECT_EQ(RunMail(fabric_, false), (std::vector{kConnections, kConnections}));
  Turn();
  EXPECT_EQ(RunMail(fabric_, true), (std::vector{kConnections, kConnections})) << "next slice";
  Turn();
  EXPECT_EQ(RunMail(fabric_, true), (std::vector{kTemplates, kTemplates}));
  Turn();
  EXPECT_TRUE(RunMail(fabric_, true).empty());
}

// What a router said of a tunnel's path holds for ten minutes, for that real and for tunnels only.
TEST_F(PublicationTest, APathMtuIsLearntAndForgotten) {
  publication_.Want(
      {SharedModelOf("services:\n  - { name: web, address: 192.0.2.80, protocol: tcp, port: 80, "
                     "reals: [ { address: 10.0.0.11, forward: tun }, { address: 10.0.0.12 } ] }\n"),
       {}},
      Note());
  const auto mtu = [this](const char* real) -> uint32_t {
    for (const dataplane::RealView& view : publication_.snapshot()->reals) {
      if (view.address == Ip(real)) return view.mtu_bytes;
    }
    return 0;
  };
  const auto learn = [this](const char* real, uint16_t bytes) {
    dataplane::Event event;
    event.kind = dataplane::Event::Kind::kPathMtu;
    event.address = Ip(real);
    event.mtu_bytes = bytes;
    fabric_.events[1]->Push(event);
    Turn();
    Settle();
  };
  Turn();
  Settle();
  EXPECT_EQ(mtu("10.0.0.11"), 1400u) << "its port's";
  learn("10.0.0.11", 1300);
  EXPECT_EQ(mtu("10.0.0.11"), 1300u);
  const uint64_t generation = publication_.snapshot()->generation;
  learn("10.0.0.11", 1350);
  EXPECT_EQ(publication_.snapshot()->generation, generation) << "no news";
  learn("10.0.0.12", 1300);
  EXPECT_EQ(mtu("10.0.0.12"), 1400u) << "no tunnel";
  now_ += 8min;
  learn("10.0.0.11", 1350);
  now_ += 3min;
  Turn();
  Settle();
  EXPECT_EQ(mtu("10.0.0.11"), 1400u) << "a larger MTU keeps nothing alive";
}

// A client can have MTUs reported as fast as it likes; each rebuild costs as much as a reload.
TEST_F(PublicationTest, PathMtusAreRebuiltForOnceASecondAtMost) {
  publication_.Want(
      {SharedModelOf("services:\n  - { name: web, address: 192.0.2.80, protocol: tcp, port: 80, "
                     "reals: [ { address: 10.0.0.11, forward: tun } ] }\n"),
       {}},
      Note());
  Turn();
  Settle();
  const uint64_t before = publication_.snapshot()->generation;
  const auto mtu = [this] {
    for (const dataplane::RealView& view : publication_.snapshot()->reals) {
      if (view.address == Ip("10.0.0.11")) return uint32_t{view.mtu_bytes};
    }
    return 0u;
  };
  testing::internal::CaptureStderr();
  for (uint16_t bytes = 1390; bytes > 1340; --bytes) {  // over half a second
    dataplane::Event event;
    event.kind = dataplane::Event::Kind::kPathMtu;
    event.address = Ip("10.0.0.11");
    event.mtu_bytes = bytes;
    fabric_.events[0]->Push(event);
    Turn();
    Settle();
  }
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::ranges::count(log, '\n'), 1) << log;
  EXPECT_EQ(publication_.snapshot()->generation, before + 1);
  EXPECT_EQ(mtu(), 1390u);
  now_ += 1s;
  Turn();
  Settle();
  EXPECT_EQ(publication_.snapshot()->generation, before + 2);
  EXPECT_EQ(mtu(), 1341u);
}

}  // namespace
}  // namespace fairlead::control::publication_test
