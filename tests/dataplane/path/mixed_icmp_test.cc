// FULLNAT between the IP versions: ICMP errors from both sides (RFC 7915 sections 4.2 and 5.2).
#include <gtest/gtest.h>

#include "mixed_bed.h"

namespace fairlead::dataplane::mixed_icmp_test {
namespace {

using namespace fullnat_bed;

struct Mapped {
  uint8_t type, code;
  uint32_t rest;
  const char* becomes;  // "type/code", empty: no such error there
  uint32_t new_rest;
};

// Of IPv4, as IPv6 says it.
const std::vector<Mapped> kFrom4 = {
    {3, 0, 0, "1/0", 0},    {3, 1, 0, "1/0", 0},       {3, 2, 0, "4/1", 6},
    {3, 3, 0, "1/4", 0},    {3, 4, 1400, "2/0", 1420}, {3, 4, 600, "2/0", 1280},
    {3, 5, 0, "1/0", 0},    {3, 9, 0, "1/1", 0},       {3, 10, 0, "1/1", 0},
    {3, 13, 0, "1/1", 0},   {3, 15, 0, "1/1", 0},      {3, 14, 0, "", 0},
    {11, 0, 0, "3/0", 0},   {11, 1, 0, "3/1", 0},      {4, 0, 0, "", 0},
    {3, 4, 0, "2/0", 1280},
};
// Of IPv6, as IPv4 says it.
const std::vector<Mapped> kFrom6 = {
    {1, 0, 0, "3/1", 0},
    {1, 1, 0, "3/10", 0},
    {1, 2, 0, "3/1", 0},
    {1, 3, 0, "3/1", 0},
    {1, 4, 0, "3/3", 0},
    {1, 5, 0, "", 0},
    {2, 0, 1400, "3/4", 1380},
    {3, 0, 0, "11/0", 0},
    {3, 1, 0, "11/1", 0},
    {4, 1, 6, "3/2", 0},
    {4, 0, 7, "12/0", 8u << 24},
    {4, 0, 24, "12/0", 16u << 24},
    {4, 2, 40, "", 0},
    {4, 0, 2, "", 0},
    {9, 0, 0, "", 0},
};

class MixedIcmp : public MixedBed {
 protected:
  // The quoted packet's line, as far as its protocol.
  static std::string Quoted(const Frame& f) {
    const int before = f[14] >> 4 == 4 ? 28 : 48;
    const std::string text = Text(Frame(f.begin() + before, f.end()));
    return text.substr(0, text.find(" TCP"));
  }
  static std::string Bare(const std::string& address) {
    return address.find(':') == std::string::npos ? address : "[" + address + "]";
  }
  void Check(PortId port, const Frame& error, const Mapped& mapped, const std::string& line,
             const std::string& quoted) {
    SCOPED_TRACE(std::to_string(mapped.type) + "/" + std::to_string(mapped.code));
    const uint64_t before = d_.dropped(DropReason::kCannotTranslate);
    const auto sent = d_.Send(port, error);
    if (std::string(mapped.becomes).empty()) {
      EXPECT_TRUE(sent.empty()) << Text(sent[0].frame);
      EXPECT_EQ(d_.dropped(DropReason::kCannotTranslate), before + 1);
      return;
    }
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_EQ(sent[0].port, port == kOutside ? kInside : kOutside);
    EXPECT_EQ(Text(sent[0].frame), line + " ICMP " + mapped.becomes + " ttl 63");
    EXPECT_EQ(Rest(sent[0].frame), mapped.new_rest);
    EXPECT_EQ(Quoted(sent[0].frame), quoted);
  }
};
INSTANTIATE_TEST_SUITE_P(Workers, MixedIcmp, testing::Values(1, 2));

TEST_P(MixedIcmp, ErrorsOfTheClientsSideReachTheReal) {
  for (const bool is_46 : {true, false}) {
    const Ends& ends = is_46 ? kEnds46 : kEnds64;
    Serve(ends);
    const Endpoint local = Open(1234);
    const Frame seen = Tcp(ends.vip, 80, ends.client, 1234, kTcpAck);
    for (const Mapped& mapped : is_46 ? kFrom4 : kFrom6) {
      const Frame error = ErrorAbout(seen, is_46 ? "203.0.113.1" : "2001:db8:9::1", ends.vip,
                                     mapped.type, mapped.code, mapped.rest);
      Check(kOutside, error, mapped, Bare(ends.real) + " <- " + Bare(local.address.ToString()),
            local.ToString() + " <- " + Written(ends.real, 8080));
    }
  }
  EXPECT_EQ(d_.CheckConservation(), "");
}

TEST_P(MixedIcmp, ErrorsFromBehindReachTheClientFromTheService) {
  for (const bool is_46 : {true, false}) {
    const Ends& ends = is_46 ? kEnds46 : kEnds64;
    Serve(ends);
    const Endpoint local = Open(1234);
    const std::string to = local.address.ToString();
    const Frame seen = Tcp(to, local.port.host(), ends.real, 8080, kTcpAck);
    for (const Mapped& mapped : is_46 ? kFrom6 : kFrom4) {
      const Frame error = ErrorAbout(seen, is_46 ? "fd00::150" : "10.0.0.150", to, mapped.type,
                                     mapped.code, mapped.rest);
      Check(kInside, error, mapped, Bare(ends.client) + " <- " + Bare(ends.vip),
            Written(ends.vip, 80) + " <- " + Written(ends.client, 1234));
    }
    EXPECT_EQ(d_.fabric().stats.SumTraffic(real_).out_packets, (is_46 ? kFrom6 : kFrom4).size());
  }
  EXPECT_EQ(d_.CheckConservation(), "");
}

// The quoted header says how long the packet was, and the error is as long as one may be.
TEST_P(MixedIcmp, TheQuotedHeaderIsTranslatedToo) {
  Serve(kEnds64);
  const Endpoint local = Open(1234);
  const Frame seen =
      Tcp(local.address.ToString(), local.port.host(), "10.0.0.11", 8080, kTcpAck, 61, 1440, true);
  const auto to_client =
      d_.Send(kInside, ErrorAbout(seen, "10.0.0.150", local.address.ToString(), 3, 4, 1400, 1480));
  ASSERT_EQ(to_client.size(), 1u);
  const Frame& six = to_client[0].frame;
  EXPECT_EQ(six.size(), 14 + 1280u);
  EXPECT_EQ(six[62] >> 4, 6);
  EXPECT_EQ(Be16::Load(&six[66]).host(), 1460);
  EXPECT_EQ(six[68], kProtocolTcp);
  EXPECT_EQ(six[69], 61);

  const Frame client_saw = Tcp("2001:db8::10", 80, "2001:db8:7::7", 1234, kTcpAck, 61, 1220);
  const auto to_real =
      d_.Send(kOutside, ErrorAbout(client_saw, "2001:db8:9::1", "2001:db8::10", 2, 0, 1280, 1280));
  ASSERT_EQ(to_real.size(), 1u);
  const Frame& four = to_real[0].frame;
  EXPECT_EQ(four.size(), 14 + 576u);
  EXPECT_EQ(Rest(four), 1260u);
  EXPECT_EQ(four[42], 0x45);
  EXPECT_EQ(Be16::Load(&four[44]).host(), 1260);
  EXPECT_EQ(four[50], 61);
  EXPECT_EQ(four[51], kProtocolTcp);
}

TEST_P(MixedIcmp, ADamagedErrorIsDropped) {
  Serve(kEnds64);
  const Endpoint local = Open(1234);
  const Frame seen = Tcp(local.address.ToString(), local.port.host(), "10.0.0.11", 8080, kTcpAck);
  Frame error = ErrorAbout(seen, "10.0.0.150", local.address.ToString(), 3, 1);
  error[36] ^= 1;
  EXPECT_EQ(Send(kInside, error), "");
  EXPECT_EQ(d_.dropped(DropReason::kBadIcmp), 1u);
}

}  // namespace
}  // namespace fairlead::dataplane::mixed_icmp_test
