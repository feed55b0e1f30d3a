// Tags as bytes: what moves and what does not, and what is wrong with a frame that has one.
#include "dataplane/wire/vlan_tag.h"

#include <gtest/gtest.h>

#include <string>

#include "frames.h"

namespace fairlead::dataplane::test::vlan_tag_test {
namespace {

const char* const kMacs = "02000000000d 02000000000c";

// The label of the reason; "none": the tag is to be taken off.
std::string Judge(const char* hex, bool is_one_off = false) {
  const Bytes frame = Hex(kMacs) + Hex(hex);
  const DropReason reason = JudgeTag(frame.data(), static_cast<uint32_t>(frame.size()), is_one_off);
  return reason == DropReason::kCount ? "none" : std::string(TextOf(reason).label);
}

TEST(VlanTag, IsTakenOffAndPutOn) {
  Bytes frame = Hex(kMacs) + Hex("8100 a078 0800 45000014");
  const Bytes before = frame;
  uint16_t vlan = 0;
  ASSERT_TRUE(TakeTagOff(frame.data(), static_cast<uint32_t>(frame.size()), &vlan));
  EXPECT_EQ(vlan, 0x078);
  EXPECT_EQ(ToHex(std::span(frame).subspan(kVlanTagLength)),
            ToHex(Hex(kMacs) + Hex("0800 45000014")));
  PutTagOn(frame.data() + kVlanTagLength, 0xa078);
  EXPECT_EQ(ToHex(frame), ToHex(before));
}

TEST(VlanTag, AFrameWithoutAWholeOneStaysAsItIs) {
  for (const char* hex :
       {"0800 4500 0014", "88a8 0078 0800", "8100", "8100 0078", "8100 0078 08"}) {
    Bytes frame = Hex(kMacs) + Hex(hex);
    const Bytes before = frame;
    uint16_t vlan = 7;
    EXPECT_FALSE(TakeTagOff(frame.data(), static_cast<uint32_t>(frame.size()), &vlan)) << hex;
    EXPECT_EQ(frame, before) << hex;
    EXPECT_EQ(vlan, 7) << hex;
  }
}

TEST(VlanTag, OneOfAPriorityAloneIsTakenOff) {
  EXPECT_EQ(Judge("8100 0000 0800"), "none");
  EXPECT_EQ(Judge("8100 e000 0806"), "none");
  EXPECT_EQ(Judge("8100 1000 86dd"), "none") << "a frame that may be dropped first (DEI)";
  EXPECT_EQ(Judge("8100 a000 88cc"), "none") << "what it then is says the parser";
}

TEST(VlanTag, OthersHaveTheirNames) {
  EXPECT_EQ(Judge("88cc"), "unknown_ethertype");
  EXPECT_EQ(Judge("0081 0000 0800"), "unknown_ethertype");
  EXPECT_EQ(Judge("8100 0001 0800"), "unknown_vlan");
  EXPECT_EQ(Judge("8100 efff 0800"), "unknown_vlan");
  EXPECT_EQ(Judge("8100 0078 8100 0082 0800"), "unknown_vlan") << "the outer one says where";
  EXPECT_EQ(Judge("8100 0000 8100 0000 0800"), "second_vlan_tag");
  EXPECT_EQ(Judge("8100 0000 88a8 0000 0800"), "second_vlan_tag");
  EXPECT_EQ(Judge("88a8 0000 0800"), "second_vlan_tag");
  EXPECT_EQ(Judge("88a8 0078 8100 0082 0800"), "second_vlan_tag");
  for (const char* cut : {"8100", "8100 00", "8100 0000", "8100 0000 08"}) {
    EXPECT_EQ(Judge(cut), "truncated") << cut;
  }
}

TEST(VlanTag, BehindOneThatIsOffNoneIsTaken) {
  EXPECT_EQ(Judge("8100 0000 0800", true), "second_vlan_tag");
  EXPECT_EQ(Judge("8100 0078 0800", true), "second_vlan_tag");
  EXPECT_EQ(Judge("88a8 0078 0800", true), "second_vlan_tag");
  EXPECT_EQ(Judge("8100", true), "second_vlan_tag");
  EXPECT_EQ(Judge("88cc", true), "unknown_ethertype");
}

}  // namespace
}  // namespace fairlead::dataplane::test::vlan_tag_test
