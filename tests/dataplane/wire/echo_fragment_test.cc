#include "dataplane/wire/echo_fragment.h"

#include <gtest/gtest.h>

#include "frames.h"

namespace fairlead::dataplane::test::echo_fragment_test {
namespace {

struct Received {
  explicit Received(const std::string& hex) : packet(Hex(hex)) {
    EXPECT_EQ(Parse(packet, &parsed).kind, PacketKind::kFragment);
  }
  [[nodiscard]] bool is_first_of_echo() const { return IsFirstOfEcho(packet.data(), parsed); }
  std::string Answer() {
    if (!BuildEchoFragment(packet, &parsed)) return "no ICMP";
    return ToHex(packet.frame());
  }

  BytePacket packet;
  ParsedPacket parsed;
};

// Ethernet of a client to the director, and back.
const std::string kThere4 = "02000000000d02000000000c0800", kBack4 = "02000000000c02000000000d0800";
const std::string kThere6 = "02000000000d02000000000c86dd", kBack6 = "02000000000c02000000000d86dd";
const std::string kData = "0123456789abcdef";  // 8 bytes

TEST(EchoFragment, OfIpv4KeepsIdentificationAndPlaceAndLosesOptions) {
  // 24 bytes of header with an option, id 1234, more fragments, TOS 10.
  Received first(kThere4 + "46100028" + "12342000" + "4001c747" + "c6336407" + "c000020a" +
                 "94040000" + "0800abcd00070001" + kData);
  EXPECT_TRUE(first.is_first_of_echo());
  EXPECT_EQ(first.Answer(), kBack4 + "45100024" + "12342000" + "40015c50" + "c000020a" +
                                "c6336407" + "0000b3cd00070001" + kData);
  EXPECT_EQ(first.parsed.icmp_type, 0);
  // The last, at 16 bytes, with DF, which the reply has not.
  Received last(kThere4 + "4500001c" + "12344002" + "40013c66" + "c6336407" + "c000020a" + kData);
  EXPECT_FALSE(last.is_first_of_echo());
  EXPECT_EQ(last.Answer(),
            kBack4 + "4500001c" + "12340002" + "40017c66" + "c000020a" + "c6336407" + kData);
}

const std::string kClient6 = "20010db8000000000000000000000007";
const std::string kVip6 = "20010db8000100000000000000000010";

TEST(EchoFragment, OfIpv6KeepsItsFragmentHeaderAndLosesWhatIsInFront) {
  // Hop-by-hop options, then fragment 0 of id 00070009 with more to come, then ICMPv6.
  Received first(kThere6 + "60a00000" + "00200040" + kClient6 + kVip6 + "2c00010400000000" +
                 "3a00000100070009" + "8000abcd00070001" + kData);
  EXPECT_TRUE(first.is_first_of_echo());
  EXPECT_EQ(first.Answer(), kBack6 + "60a00000" + "00182c40" + kVip6 + kClient6 +
                                "3a00000100070009" + "8100aacd00070001" + kData);
  Received last(kThere6 + "60000000" + "00102c40" + kClient6 + kVip6 + "3a00001000070009" + kData);
  EXPECT_EQ(last.Answer(),
            kBack6 + "60000000" + "00102c40" + kVip6 + kClient6 + "3a00001000070009" + kData);
}

TEST(EchoFragment, WhatIsNoPingIsLeftAlone) {
  // A reply; a request with a code; UDP behind a fragment header; options of the destination, which
  // are part of what was cut.
  EXPECT_FALSE(Received(kThere6 + "60000000" + "00182c40" + kClient6 + kVip6 + "3a00000100070009" +
                        "8100abcd00070001" + kData)
                   .is_first_of_echo());
  EXPECT_FALSE(Received(kThere6 + "60000000" + "00182c40" + kClient6 + kVip6 + "3a00000100070009" +
                        "8001abcd00070001" + kData)
                   .is_first_of_echo());
  Received udp(kThere6 + "60000000" + "00102c40" + kClient6 + kVip6 + "1100001000070009" + kData);
  EXPECT_EQ(udp.Answer(), "no ICMP");
  EXPECT_EQ(udp.packet.length(), 14u + 40 + 16) << "unchanged";
  Received options(kThere6 + "60000000" + "00202c40" + kClient6 + kVip6 + "3c00000100070009" +
                   "3a00010400000000" + "8000abcd00070001" + kData);
  EXPECT_FALSE(options.is_first_of_echo());
  // From nobody, and to a group of hosts by its MAC.
  EXPECT_FALSE(Received(kThere6 + "60000000" + "00182c40" + std::string(32, '0') + kVip6 +
                        "3a00000100070009" + "8000abcd00070001" + kData)
                   .is_first_of_echo());
  EXPECT_FALSE(Received("ffffffffffff02000000000c86dd60000000" + std::string("00182c40") +
                        kClient6 + kVip6 + "3a00000100070009" + "8000abcd00070001" + kData)
                   .is_first_of_echo());
}

}  // namespace
}  // namespace fairlead::dataplane::test::echo_fragment_test
