// Numbers of a stream in which the director has put bytes, there and back, round the circle, and in
// every field of a segment that has one.
#include "dataplane/wire/sequence_shift.h"

#include <gtest/gtest.h>

#include "frames.h"

namespace fairlead::dataplane::test::sequence_shift_test {
namespace {

const Endpoint kLocal = At("10.0.1.3:1025"), kReal = At("10.0.0.11:8080");

// 30 bytes in front of the client's first byte, 1001.
constexpr SequenceShift kHeader{.initial = 1000, .delta = 30, .previous_delta = 0};

TEST(SequenceShift, BytesAreInFrontOfTheFirst) {
  EXPECT_EQ(Shifted(kHeader, 1000), 1000u) << "the SYN";
  EXPECT_EQ(Shifted(kHeader, 1001), 1031u);
  EXPECT_EQ(Shifted(kHeader, 2001), 2031u);
  EXPECT_EQ(ShiftedBack(kHeader, 1000), 1000u);
  EXPECT_EQ(ShiftedBack(kHeader, 1001), 1001u) << "nothing of the header is acknowledged";
  EXPECT_EQ(ShiftedBack(kHeader, 1002), 1001u) << "some of it";
  EXPECT_EQ(ShiftedBack(kHeader, 1030), 1001u);
  EXPECT_EQ(ShiftedBack(kHeader, 1031), 1001u) << "all of it, and nothing of the client's";
  EXPECT_EQ(ShiftedBack(kHeader, 1032), 1002u);
}

TEST(SequenceShift, IsRightRoundTheCircle) {
  constexpr SequenceShift kWraps{
      .initial = 0xfffffff0, .delta = 0x12345678, .previous_delta = 0x12345668};
  for (uint32_t number = 0xffffff00; number != 0x100; ++number) {
    ASSERT_EQ(ShiftedBack(kWraps, Shifted(kWraps, number)), number) << number;
  }
  EXPECT_EQ(Shifted(kWraps, 0xfffffff1), 0x12345669u);
  EXPECT_EQ(Shifted(kWraps, 0xfffffff0), 0x12345658u);
}

// FTP: a command was replaced by a shorter one, so numbers behind it come earlier.
TEST(SequenceShift, TakesBytesOutAsWell) {
  constexpr SequenceShift kShorter{.initial = 1000, .delta = 0u - 4, .previous_delta = 0};
  EXPECT_EQ(Shifted(kShorter, 1001), 997u);
  EXPECT_EQ(ShiftedBack(kShorter, 997), 1001u);
  EXPECT_EQ(ShiftedBack(kShorter, 996), 996u);
}

ParsedPacket ParsedOf(BytePacket& packet) {
  ParsedPacket parsed;
  EXPECT_EQ(Parse(packet, &parsed).kind, PacketKind::kFlow);
  return parsed;
}

struct Segment {
  uint8_t flags = kTcpAck;
  uint32_t sequence = 0, acknowledgement = 0;
  const char* options = "";
};
Bytes FrameOf(const Segment& s) {
  return Tcp(kLocal, kReal, s.flags, Hex("6162 63"), s.sequence, s.acknowledgement, Hex(s.options));
}
std::string ToReal(const FlowShifts& shifts, const Segment& segment) {
  BytePacket packet(FrameOf(segment));
  ShiftToReal(packet.data(), ParsedOf(packet), shifts);
  return ToHex(packet.frame());
}
std::string ToClient(const FlowShifts& shifts, const Segment& segment) {
  BytePacket packet(FrameOf(segment));
  ShiftToClient(packet.data(), ParsedOf(packet), shifts);
  return ToHex(packet.frame());
}
std::string Is(const Segment& segment) { return ToHex(FrameOf(segment)); }

TEST(SequenceShift, SequenceOneWayAcknowledgementTheOther) {
  const FlowShifts shifts{.to_real = kHeader, .to_client = {}};
  EXPECT_EQ(ToReal(shifts, {.sequence = 1001, .acknowledgement = 5000}),
            Is({.sequence = 1031, .acknowledgement = 5000}));
  EXPECT_EQ(ToReal(shifts, {.flags = kTcpSyn, .sequence = 1000}),
            Is({.flags = kTcpSyn, .sequence = 1000}));
  EXPECT_EQ(ToClient(shifts, {.sequence = 5000, .acknowledgement = 1034}),
            Is({.sequence = 5000, .acknowledgement = 1004}));
  EXPECT_EQ(ToClient(shifts, {.flags = kTcpRst, .sequence = 5000, .acknowledgement = 1034}),
            Is({.flags = kTcpRst, .sequence = 5000, .acknowledgement = 1034}))
      << "a number that acknowledges nothing";
}

TEST(SequenceShift, BothStreamsAtOnce) {
  const FlowShifts shifts{.to_real = kHeader,
                          .to_client = {.initial = 4999, .delta = 7, .previous_delta = 7}};
  EXPECT_EQ(ToReal(shifts, {.sequence = 1001, .acknowledgement = 5017}),
            Is({.sequence = 1031, .acknowledgement = 5010}));
  EXPECT_EQ(ToClient(shifts, {.sequence = 5010, .acknowledgement = 1034}),
            Is({.sequence = 5017, .acknowledgement = 1004}));
}

TEST(SequenceShift, EveryEdgeOfEverySackBlock) {
  const FlowShifts shifts{.to_real = kHeader, .to_client = {}};
  // 1041-1051 and, a duplicate (RFC 2883), 1011-1031: of the header alone.
  EXPECT_EQ(ToClient(shifts, {.sequence = 1,
                              .acknowledgement = 1031,
                              .options = "0101 0512 000003f3 00000407 00000411 0000041b"}),
            Is({.sequence = 1,
                .acknowledgement = 1001,
                .options = "0101 0512 000003e9 000003e9 000003f3 000003fd"}));
  // At an odd byte.
  EXPECT_EQ(
      ToClient(shifts,
               {.sequence = 1, .acknowledgement = 1031, .options = "01 050a 00000411 0000041b 01"}),
      Is({.sequence = 1, .acknowledgement = 1001, .options = "01 050a 000003f3 000003fd 01"}));
  // The client's blocks name bytes of the real's, which are as they were.
  EXPECT_EQ(
      ToReal(shifts,
             {.sequence = 1001, .acknowledgement = 1, .options = "0101 050a 00000411 0000041b"}),
      Is({.sequence = 1031, .acknowledgement = 1, .options = "0101 050a 00000411 0000041b"}));
}

TEST(SequenceShift, SackIsHiddenOnDemand) {
  const FlowShifts shifts{.to_real = kHeader, .to_client = {}, .hides_sack_from_client = true};
  EXPECT_EQ(
      ToClient(shifts,
               {.sequence = 1, .acknowledgement = 1001, .options = "0101 050a 00000411 0000041b"}),
      Is({.sequence = 1, .acknowledgement = 1001, .options = "0101 0101 01010101 01010101"}));
}

TEST(SequenceShift, TimestampsAndTheirEcho) {
  const FlowShifts shifts{.to_real = {}, .to_client = {}, .timestamp_shift = 0x10};
  const char* plain = "0101 080a 00000001 00000020";
  EXPECT_EQ(ToReal(shifts, {.options = plain}), Is({.options = "0101 080a 00000011 00000020"}));
  EXPECT_EQ(ToClient(shifts, {.options = plain}), Is({.options = "0101 080a 00000001 00000010"}));
  EXPECT_EQ(ToClient(shifts, {.flags = kTcpRst, .options = plain}),
            Is({.flags = kTcpRst, .options = plain}))
      << "no echo";
  EXPECT_EQ(ToReal(shifts, {.options = "0809 00000001 000000 010101"}),
            Is({.options = "0809 00000001 000000 010101"}))
      << "no timestamps of that length";
  EXPECT_EQ(ToReal(FlowShifts{}, {.options = plain}), Is({.options = plain}));
}

TEST(SequenceShift, ABadChecksumStaysBad) {
  Bytes frame = FrameOf({.sequence = 1001, .options = "01 050a 00000411 0000041b 01"});
  frame.back() ^= 1;
  BytePacket packet(frame);
  ShiftToReal(packet.data(), ParsedOf(packet), {.to_real = kHeader, .to_client = {}});
  EXPECT_EQ(ChecksumProblem(packet.frame()), "TCP checksum");
}

}  // namespace
}  // namespace fairlead::dataplane::test::sequence_shift_test
