#include "control/port_links.h"

#include <gtest/gtest.h>

#include "director_fixture.h"

namespace fairlead::control::port_links_test {
namespace {

using namespace std::chrono_literals;

class PortLinksTest : public testing::Test {
 protected:
  PortLinksTest() {
    links_.SetReader([this] {
      ++reads_;
      return now_;
    });
  }

  std::vector<PortLink> now_{{true, 10000, true}, {true, 1000, true}};
  int reads_ = 0;
  PortLinks links_{{"outside", "inside"}};
};

TEST_F(PortLinksTest, IsUpUntilTheReaderHasSpoken) {
  EXPECT_TRUE(links_.is_up(PortId{0}));
  EXPECT_EQ(links_.states()[0].link.speed_mbps, 0u);
  EXPECT_TRUE(links_.Tick(At(0ms)).empty()) << "a port that is up is no news";
  EXPECT_EQ(links_.states()[0].link, (PortLink{true, 10000, true}));
}

TEST_F(PortLinksTest, TellsOfEachChangeOnce) {
  now_[1].is_up = false;
  EXPECT_EQ(links_.Tick(At(0ms)), std::vector<PortId>{PortId{1}});
  EXPECT_FALSE(links_.is_up(PortId{1}));
  EXPECT_TRUE(links_.is_up(PortId{0}));
  EXPECT_TRUE(links_.Tick(At(100ms)).empty());
  now_[1].is_up = true;
  EXPECT_EQ(links_.Tick(At(200ms)), std::vector<PortId>{PortId{1}});
  EXPECT_EQ(links_.states()[1].downs, 1u);
  EXPECT_EQ(links_.states()[0].downs, 0u);
}

TEST_F(PortLinksTest, AnotherSpeedIsShownAndIsNoChange) {
  links_.Tick(At(0ms));
  now_[0].speed_mbps = 1000;
  EXPECT_TRUE(links_.Tick(At(100ms)).empty());
  EXPECT_EQ(links_.states()[0].link.speed_mbps, 1000u);
}

// Switches have to learn where its addresses are now.
TEST_F(PortLinksTest, ABondThatUsesAnotherMemberIsAChange) {
  now_[0].members = {{"net_af_packet0", true, true}, {"net_af_packet1", true, false}};
  EXPECT_TRUE(links_.Tick(At(0ms)).empty()) << "nothing was known before";
  EXPECT_TRUE(links_.Tick(At(100ms)).empty());
  now_[0].members = {{"net_af_packet0", false, false}, {"net_af_packet1", true, true}};
  EXPECT_EQ(links_.Tick(At(200ms)), std::vector<PortId>{PortId{0}});
  EXPECT_EQ(links_.states()[0].downs, 0u);
  EXPECT_EQ(links_.states()[0].link.members, now_[0].members);
  now_[0].members[0].is_up = true;
  EXPECT_TRUE(links_.Tick(At(300ms)).empty()) << "it carries nothing";
}

TEST_F(PortLinksTest, ReadsNotOftenerThanItsInterval) {
  for (int i = 0; i < 20; ++i) links_.Tick(At(i * 10ms));
  EXPECT_EQ(reads_, 2);
}

TEST_F(PortLinksTest, AReaderThatSaysLessChangesNothing) {
  now_.clear();
  EXPECT_TRUE(links_.Tick(At(0ms)).empty());
  EXPECT_TRUE(links_.is_up(PortId{1}));
}

}  // namespace
}  // namespace fairlead::control::port_links_test
