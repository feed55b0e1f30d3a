#include "sync/stream/messages.h"

#include <gtest/gtest.h>

#include "hex.h"
#include "sync/stream/frame.h"

namespace fairlead::sync::messages_test {
namespace {

Hello AHello() { return {.name = "edge-1", .incarnation = 5, .first_sequence = 6, .window = 7}; }

std::vector<uint8_t> Body(const std::vector<uint8_t>& frame) {
  return {frame.begin() + kFrameHeaderBytes, frame.end()};
}

std::string NameOfRefusal(MaybeRefusal why) { return why ? std::string(NameOf(*why)) : ""; }

std::string Refused(const std::vector<uint8_t>& body) {
  Hello hello;
  return NameOfRefusal(DecodeHello(body, &hello));
}

TEST(Frames, AreCutFromPiecesOfAnySize) {
  std::vector<uint8_t> bytes;
  for (uint64_t sequence = 1; sequence <= 3; ++sequence) EncodeAcknowledge(sequence, &bytes);
  EXPECT_EQ(ToHex(bytes).substr(0, 24), "000803010000000000000001");
  for (size_t piece = 1; piece <= bytes.size(); ++piece) {
    FrameReader reader;
    std::string read;
    for (size_t at = 0; at < bytes.size(); at += piece) {
      const size_t count = std::min(piece, bytes.size() - at);
      reader.Feed({bytes.data() + at, count});
      Frame frame;
      while (reader.Next(&frame)) {
        uint64_t sequence = 0;
        EXPECT_FALSE(DecodeAcknowledge(frame.body, &sequence));
        read += std::to_string(frame.type) + ":" + std::to_string(sequence) + " ";
      }
    }
    EXPECT_EQ(read, "3:1 3:2 3:3 ") << piece;
  }
}

TEST(Frames, OneThatIsTooLargeBreaksTheReader) {
  FrameReader reader;
  Frame frame;
  reader.Feed(FromHex("80010301"));
  EXPECT_FALSE(reader.Next(&frame));
  EXPECT_TRUE(reader.is_broken());
  reader.Feed(FromHex("00000301"));
  EXPECT_FALSE(reader.Next(&frame));
}

TEST(HelloFrame, IsReadAsItWasWritten) {
  std::vector<uint8_t> bytes;
  EncodeHello(AHello(), &bytes);
  EXPECT_EQ(ToHex(Body(bytes)).substr(0, 36), "464c53590101000080010006656467652d31");
  Hello read;
  EXPECT_FALSE(DecodeHello(Body(bytes), &read));
  EXPECT_EQ(read, AHello());
}

TEST(HelloFrame, EveryPrefixIsRefused) {
  std::vector<uint8_t> bytes;
  EncodeHello(AHello(), &bytes);
  const std::vector<uint8_t> body = Body(bytes);
  for (size_t length = 0; length < body.size(); ++length) {
    EXPECT_NE(Refused({body.begin(), body.begin() + static_cast<std::ptrdiff_t>(length)}), "");
  }
}

TEST(HelloFrame, RefusesByName) {
  std::vector<uint8_t> bytes;
  EncodeHello(AHello(), &bytes);
  std::vector<uint8_t> body = Body(bytes);
  const auto with = [&body](std::string_view hex) {
    std::vector<uint8_t> more = body;
    const std::vector<uint8_t> option = FromHex(hex);
    more.insert(more.end(), option.begin(), option.end());
    return more;
  };
  EXPECT_EQ(Refused(with("000f0001ff")), "");              // unknown
  EXPECT_EQ(Refused(with("0007000101")), "");              // the first that is not known yet
  EXPECT_EQ(Refused(with("800f0001ff")), "hello_option");  // unknown and critical
  EXPECT_EQ(Refused(with("800100016d")), "hello_option");  // the name twice
  EXPECT_EQ(Refused(with("000f0002ff")), "hello_option");  // behind the end
  body[0] = 'G';
  EXPECT_EQ(Refused(body), "magic");
}

TEST(HelloFrame, VersionsMayDifferByOne) {
  const auto common = [](uint8_t version, uint8_t least) {
    return CommonVersion({.version = 2, .least_version = 1},
                         {.version = version, .least_version = least});
  };
  EXPECT_EQ(common(1, 1), 1);
  EXPECT_EQ(common(2, 1), 2);
  EXPECT_EQ(common(3, 2), 2);
  EXPECT_EQ(common(4, 3), 0);
  EXPECT_EQ(common(0, 0), 0);
  std::vector<uint8_t> bytes;
  EncodeHello({.version = 3, .least_version = 2, .name = "x"}, &bytes);
  EXPECT_EQ(Refused(Body(bytes)), "version");
}

TEST(EntriesFrame, SaysSequenceAndCount) {
  std::vector<uint8_t> bytes;
  const size_t begin = BeginEntries(&bytes);
  bytes.push_back(0xaa);
  EndEntries(begin, {.sequence = 9, .count = 1, .is_bulk = true}, &bytes);
  EXPECT_EQ(ToHex(bytes), "000d0201000000000000000900010100aa");
  EntriesHeader header;
  std::span<const uint8_t> entries;
  const std::vector<uint8_t> body = Body(bytes);
  EXPECT_FALSE(DecodeEntries(body, &header, &entries));
  EXPECT_EQ(header.sequence, 9U);
  EXPECT_EQ(header.count, 1);
  EXPECT_TRUE(header.is_bulk);
  EXPECT_FALSE(header.is_last_of_bulk);
  EXPECT_EQ(ToHex(entries), "aa");
}

TEST(EntriesFrame, RefusesByName) {
  EntriesHeader header;
  std::span<const uint8_t> entries;
  const auto refused = [&](std::string_view hex) {
    return NameOfRefusal(DecodeEntries(FromHex(hex), &header, &entries));
  };
  EXPECT_EQ(refused("0000000000000009000100"), "frame_size");
  EXPECT_EQ(refused("000000000000000901010000"), "frame_size");
  EXPECT_EQ(refused("000000000000000901000000"), "");
}

TEST(DigestsFrame, AllRangesComeInOrder) {
  std::vector<RangeDigest> digests(kStreamRanges);
  for (size_t i = 0; i < digests.size(); ++i) digests[i] = {i * 3, static_cast<uint32_t>(i)};
  std::vector<uint8_t> bytes;
  EncodeDigests(digests, &bytes);
  FrameReader reader;
  reader.Feed(bytes);
  Frame frame;
  std::vector<RangeDigest> read;
  std::vector<uint8_t> first;
  size_t frames = 0;
  for (; reader.Next(&frame); ++frames) {
    if (frames == 0) first.assign(frame.body.begin(), frame.body.end());
    EXPECT_FALSE(DecodeDigests(frame.body, &read));
  }
  EXPECT_EQ(frames, 4U);
  EXPECT_EQ(read, digests);
  EXPECT_EQ(NameOfRefusal(DecodeDigests(first, &read)), "order");
  first.pop_back();
  read.clear();
  EXPECT_EQ(NameOfRefusal(DecodeDigests(first, &read)), "frame_size");
}

TEST(SmallFrames, AreReadAsTheyWereWritten) {
  std::vector<uint8_t> bytes;
  EncodeHeartbeat({1500, 3}, &bytes);
  Heartbeat heartbeat;
  EXPECT_FALSE(DecodeHeartbeat(Body(bytes), &heartbeat));
  EXPECT_EQ(heartbeat.lag_ms, 1500U);
  EXPECT_EQ(heartbeat.ranges_left, 3U);
  EXPECT_EQ(NameOfRefusal(DecodeHeartbeat({}, &heartbeat)), "frame_size");
  uint64_t sequence = 0;
  EXPECT_EQ(NameOfRefusal(DecodeAcknowledge({}, &sequence)), "frame_size");
  bytes.clear();
  EncodeGoodbye("old_sequence", &bytes);
  EXPECT_EQ(DecodeGoodbye(Body(bytes)), "old_sequence");
  EXPECT_EQ(RefusalNamed("old_sequence"), StreamRefusal::kOldSequence);
  EXPECT_EQ(RefusalNamed("nothing"), std::nullopt);
  EXPECT_EQ(DecodeGoodbye(FromHex("610a1b5b")), "a???");
  EXPECT_EQ(DecodeGoodbye(std::vector<uint8_t>(999, 'a')).size(), 64U);
}

}  // namespace
}  // namespace fairlead::sync::messages_test
