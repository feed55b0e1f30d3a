#include "control/multicast_groups.h"

#include <algorithm>
#include <set>

#include "director_fixture.h"

namespace fairlead::control::multicast_groups_test {
namespace {

using namespace std::chrono_literals;

const PortId kOutside{0}, kInside{1};

PortGroups GroupsOfModel(const ConfigModel& model, const Presence& presence = {}) {
  return GroupsOf(model, AddressesOf(model, nullptr), presence, {});
}

class MulticastGroupsTest : public testing::Test {
 protected:
  struct Sent {
    PortId port;
    uint8_t type = 0;                 // of the ICMPv6 message
    std::vector<std::string> groups;  // "4 ff02::1:ff00:10" with the type of the record
  };

  // Plays worker 0 until `end`: everything sent meanwhile.
  std::vector<Sent> Until(TimePoint end) {
    std::vector<Sent> sent;
    for (; now_ <= end; now_ += 50ms) {
      groups_.Tick(now_);
      mail_.Poll();
      const auto run = [&](dataplane::Command& command) {
        auto& frame = static_cast<dataplane::TransmitFrame&>(command);
        frame.is_sent = true;
        sent.push_back(Read(frame));
      };
      while (fabric_.control[0]->RunNext(run)) mail_.Poll();
    }
    return sent;
  }
  static Sent Read(const dataplane::TransmitFrame& frame) {
    const uint8_t* message = frame.bytes.data() + 14 + 40 + 8;
    Sent sent{frame.port, message[0], {}};
    if (sent.type != 143) {
      sent.groups.push_back(IpAddress(Ipv6Address::Load(message + 8)).ToString());
      return sent;
    }
    const int count = message[6] << 8 | message[7];
    for (int i = 0; i < count; ++i) {
      const uint8_t* record = message + 8 + i * 20;
      sent.groups.push_back(std::to_string(record[0]) + " " +
                            IpAddress(Ipv6Address::Load(record + 4)).ToString());
    }
    return sent;
  }
  void Ask(PortId port, const char* group, uint32_t delay_ms, bool is_version_1 = false) {
    groups_.OnQuery({.kind = dataplane::Event::Kind::kMulticastQuery,
                     .port = port,
                     .address = Ip(group),
                     .mac = {},
                     .is_version_1 = is_version_1,
                     .delay_ms = delay_ms},
                    now_);
  }
  // fd00::1, fd00::2 …: as many groups on both ports.
  static PortGroups Many(size_t count) {
    PortGroups all(2);
    for (size_t i = 0; i < count; ++i) {
      Ipv6Address group{{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff}};
      group.bytes[13] = static_cast<uint8_t>(i >> 16);
      group.bytes[14] = static_cast<uint8_t>(i >> 8);
      group.bytes[15] = static_cast<uint8_t>(i);
      for (auto& groups : all) groups.emplace_back(group);
    }
    return all;
  }

  dataplane::Fabric fabric_{SmallFabric()};
  ConfigModel model_ = ModelOf("");
  std::vector<PortRuntime> ports_ = TwoPorts();
  WorkerMail mail_{fabric_};
  MulticastGroups groups_{mail_, model_.ports, ports_, 1};
  TimePoint now_ = At(0s);
};

constexpr const char* kTwoVips = R"(
services:
  - { name: a, address: "2001:db8::a0", protocol: tcp, port: 80, reals: [{ address: "2001:db8::11" }] }
  - { name: b, address: "fd00::a0", protocol: tcp, port: 80, reals: [{ address: "2001:db8::11" }] }
  - { name: c, address: 192.0.2.80, protocol: tcp, port: 80, reals: [{ address: 10.0.0.11 }] }
)";

// A virtual address is answered for on every port, a port's own on that one. Two addresses with the
// same end are one group; IPv4 has none.
TEST(GroupsOf, AreThoseOfAnnouncedAddresses) {
  const PortGroups groups = GroupsOfModel(ModelOf(kTwoVips));
  const std::vector<IpAddress> outside{Ip("ff02::1:ff00:1"), Ip("ff02::1:ff00:a0")};
  EXPECT_EQ(groups, (PortGroups{outside, {Ip("ff02::1:ff00:a0")}}));
}

TEST(GroupsOf, ThatWaitForTheDirectorAreLeftOutUntilItIsReady) {
  const ConfigModel model = ModelOf("policy: { announce: when-ready }\n" + std::string(kTwoVips));
  EXPECT_EQ(GroupsOfModel(model), (PortGroups{{Ip("ff02::1:ff00:1")}, {}}));
  EXPECT_EQ(GroupsOfModel(model, {.is_ready = true}), GroupsOfModel(ModelOf(kTwoVips)));
}

// Real servers ask for them, so not where clients are.
TEST(GroupsOf, AreThoseOfLocalAddressesWhereRealServersAre) {
  ConfigModel model = ModelOf("");
  const std::vector<dataplane::LocalPool> pools{
      {.addresses = {Ip("10.0.1.1"), Ip("fd00::7:1"), Ip("fd00::7:2")}},
      {.addresses = {Ip("fd00:9::7:2")}}};
  const auto groups = [&] { return GroupsOf(model, AddressesOf(model, nullptr), {}, pools); };
  const std::vector<IpAddress> local{Ip("ff02::1:ff07:1"), Ip("ff02::1:ff07:2")};
  EXPECT_EQ(groups(), (PortGroups{{Ip("ff02::1:ff00:1")}, local}));
  model.ports[kOutside.index()].role = PortRole::kBoth;
  EXPECT_EQ(groups(), (PortGroups{{Ip("ff02::1:ff00:1"), local[0], local[1]}, local}));
}

TEST_F(MulticastGroupsTest, ReportsWhatIsNewAtOnceAndTwiceAgain) {
  groups_.Join(GroupsOfModel(model_));
  const auto sent = Until(now_ + 10s);
  ASSERT_EQ(sent.size(), 3u);
  for (const Sent& one : sent) {
    EXPECT_EQ(one.port, kOutside);
    EXPECT_EQ(one.type, 143);
    EXPECT_EQ(one.groups, std::vector<std::string>{"4 ff02::1:ff00:1"});
  }
}

TEST_F(MulticastGroupsTest, AReloadReportsTheDifference) {
  groups_.Join(GroupsOfModel(ModelOf(kTwoVips)));
  Until(now_ + 10s);
  groups_.Join(GroupsOfModel(ModelOf(kTwoVips)));
  EXPECT_TRUE(Until(now_ + 10s).empty());
  groups_.Join(GroupsOfModel(model_));
  const auto sent = Until(now_ + 10s);
  ASSERT_EQ(sent.size(), 6u);
  for (const Sent& one : sent) {
    EXPECT_EQ(one.groups, std::vector<std::string>{"3 ff02::1:ff00:a0"});
  }
}

// Left and joined again at once: nobody may be told last that it was left.
TEST_F(MulticastGroupsTest, WhatIsTakenBackIsNotRepeated) {
  groups_.Join(GroupsOfModel(ModelOf(kTwoVips)));
  Until(now_ + 10s);
  groups_.Join(GroupsOfModel(model_));
  Until(now_ + 100ms);
  groups_.Join(GroupsOfModel(ModelOf(kTwoVips)));
  for (const Sent& one : Until(now_ + 10s)) {
    EXPECT_EQ(one.groups, std::vector<std::string>{"4 ff02::1:ff00:a0"});
  }
}

TEST_F(MulticastGroupsTest, AnswersAQueryAboutAllWithinItsDelay) {
  groups_.Join(GroupsOfModel(ModelOf(kTwoVips)));
  Until(now_ + 10s);
  Ask(kOutside, "::", 1000);
  Ask(kOutside, "::", 1000);  // answered by the same report
  const auto sent = Until(now_ + 1s);
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].port, kOutside);
  EXPECT_EQ(sent[0].groups, (std::vector<std::string>{"2 ff02::1:ff00:1", "2 ff02::1:ff00:a0"}));
  EXPECT_TRUE(Until(now_ + 10s).empty());
}

TEST_F(MulticastGroupsTest, AnswersAQueryAboutItsOwnGroupAlone) {
  groups_.Join(GroupsOfModel(ModelOf(kTwoVips)));
  Until(now_ + 10s);
  Ask(kInside, "ff02::1:ff00:a0", 1000);
  Ask(kInside, "ff02::1:ff00:a1", 1000);
  Ask(PortId{7}, "::", 1000);
  const auto sent = Until(now_ + 10s);
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].port, kInside);
  EXPECT_EQ(sent[0].groups, std::vector<std::string>{"2 ff02::1:ff00:a0"});
}

TEST_F(MulticastGroupsTest, SpeaksVersion1ForAWhileAfterAQueryOfIt) {
  groups_.Join(GroupsOfModel(ModelOf(kTwoVips)));
  Until(now_ + 10s);
  Ask(kOutside, "::", 1000, true);
  const auto sent = Until(now_ + 10s);
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(sent[0].type, 131);
  EXPECT_EQ(sent[0].groups, std::vector<std::string>{"ff02::1:ff00:1"});
  EXPECT_EQ(sent[1].groups, std::vector<std::string>{"ff02::1:ff00:a0"});
  groups_.Join(PortGroups(2));
  std::set<int> types;
  for (const Sent& one : Until(now_ + 10s)) {
    if (one.port == kOutside) types.insert(one.type);
  }
  EXPECT_EQ(types, std::set<int>{132});
  Until(now_ + MulticastGroups::kVersion1Time);
  Ask(kOutside, "::", 0);
  groups_.Join(GroupsOfModel(model_));
  EXPECT_EQ(Until(now_ + 100ms).at(0).type, 143);
}

// 20,000 addresses: every group is told, in few frames, at no tick more than the link and the mail
// take, and no list is walked once for each.
TEST_F(MulticastGroupsTest, ManyGroupsArePacedAndComplete) {
  constexpr size_t kCount = 20'000;
  groups_.Join(Many(kCount));
  std::multiset<std::string> told;
  size_t frames = 0;
  for (int i = 0; i < 100; ++i) {
    const auto sent = Until(now_);
    EXPECT_LE(sent.size(), MulticastGroups::kFramesPerTick);
    frames += sent.size();
    for (const Sent& one : sent) {
      if (one.port == kInside) told.insert(one.groups.begin(), one.groups.end());
    }
  }
  for (const Sent& one : Until(now_ + 10s)) {
    ++frames;
    if (one.port == kInside) told.insert(one.groups.begin(), one.groups.end());
  }
  EXPECT_LT(frames, 2100u);  // 6 times 328 full ones
  EXPECT_EQ(told.size(), 3 * kCount);
  EXPECT_EQ(std::set<std::string>(told.begin(), told.end()).size(), kCount);
  Ask(kOutside, "::", 100);
  size_t answered = 0;
  for (const Sent& one : Until(now_ + 10s)) answered += one.groups.size();
  EXPECT_EQ(answered, kCount);
}

}  // namespace
}  // namespace fairlead::control::multicast_groups_test
