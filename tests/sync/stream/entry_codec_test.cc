#include "sync/stream/entry_codec.h"

#include <gtest/gtest.h>

#include "hex.h"
#include "stream/stream_entries.h"
#include "sync/stream/range.h"

namespace fairlead::sync::entry_codec_test {
namespace {

std::vector<uint8_t> Encoded(const StreamEntry& entry) {
  std::vector<uint8_t> bytes;
  EncodeEntry(entry, &bytes);
  return bytes;
}

// What is read of the bytes, in order.
std::string Read(const std::vector<uint8_t>& bytes) {
  EntryReader reader(bytes);
  StreamEntry entry;
  std::string text;
  for (;;) {
    switch (reader.Next(&entry)) {
      case EntryStep::kTaken:
        text += Print(entry) + "\n";
        break;
      case EntryStep::kLeftOut:
        text += std::string(NameOf(reader.refusal())) + "\n";
        break;
      case EntryStep::kBroken:
        return text + std::string(NameOf(reader.refusal())) + "!\n";
      case EntryStep::kEnd:
        return text;
    }
  }
}

std::string ReadOf(const StreamEntry& entry) { return Read(Encoded(entry)); }

std::string ReadWithOption(std::string_view option_hex) {
  std::vector<uint8_t> bytes = Encoded(ConnectionEntry());
  const std::vector<uint8_t> option = FromHex(option_hex);
  bytes.insert(bytes.end(), option.begin(), option.end());
  bytes[1] = static_cast<uint8_t>(bytes.size());
  return Read(bytes);
}

TEST(EntryCodec, WritesTheseBytes) {
  EXPECT_EQ(ToHex(Encoded(ConnectionEntry())),
            "0038"
            "000601000000"
            "00000023"
            "4e2100501f900000"
            "000dbba0000db7b8"
            "0102030405060708"
            "1112131415161718"
            "0a080001c00002500a00000b");
}

TEST(EntryCodec, ReadsWhatItWrote) {
  StreamEntry all = ConnectionEntry();
  all.event = StreamEvent::kGone;
  all.mark = 3;
  all.packets = 12;
  all.to_real = {.initial = 1, .delta = 2, .previous_delta = 3};
  all.to_client = {.initial = 4, .delta = 5, .previous_delta = 6};
  StreamEntry sip = TemplateEntry6();
  sip.engine_length = 4;
  sip.engine_data = {'a', 'b', '@', 'c'};
  sip.client_group = 9;
  sip.service_group = 11;
  sip.scope = 3;
  sip.spread = 2;
  for (const StreamEntry& entry : {ConnectionEntry(), TemplateEntry6(), all, sip}) {
    EXPECT_EQ(ReadOf(entry), Print(entry) + "\n");
  }
}

TEST(EntryCodec, AnUnknownOptionIsSkippedUnlessItIsCritical) {
  const std::string plain = Print(ConnectionEntry()) + "\n";
  EXPECT_EQ(ReadWithOption("2a02ffff"), plain);
  EXPECT_EQ(ReadWithOption("2a00"), plain);
  EXPECT_EQ(ReadWithOption("aa02ffff"), "entry_option\n");
}

TEST(EntryCodec, OptionsThatMakeNoSenseLeaveTheEntryOut) {
  EXPECT_EQ(ReadWithOption("2a"), "entry_option\n");                        // no length
  EXPECT_EQ(ReadWithOption("2a03ffff"), "entry_option\n");                  // behind the entry
  EXPECT_EQ(ReadWithOption("0603ffffff"), "entry_option\n");                // another length
  EXPECT_EQ(ReadWithOption("060400000001060400000001"), "entry_option\n");  // twice
  EXPECT_EQ(ReadWithOption("8200"), "entry_option\n");                      // no engine data
}

TEST(EntryCodec, LeavesOutWhatCannotBeAndGoesOn) {
  const auto refused = [](auto change) {
    StreamEntry entry = ConnectionEntry();
    change(&entry);
    std::vector<uint8_t> bytes = Encoded(entry);
    EncodeEntry(ConnectionEntry(), &bytes);
    const std::string text = Read(bytes);
    EXPECT_NE(text.find(Print(ConnectionEntry())), std::string::npos) << text;
    return text.substr(0, text.find('\n'));
  };
  EXPECT_EQ(refused([](StreamEntry* e) { e->protocol = 1; }), "protocol");
  EXPECT_EQ(refused([](StreamEntry* e) { e->protocol = 0; }), "protocol");
  EXPECT_EQ(refused([](StreamEntry* e) { e->state = 11; }), "state");
  EXPECT_EQ(refused([](StreamEntry* e) { e->flags |= 0x2000; }), "flags");
  EXPECT_EQ(refused([](StreamEntry* e) { e->flags |= 0x1000; }), "flags");
  EXPECT_EQ(refused([](StreamEntry* e) { e->flags |= 7; }), "method");
  EXPECT_EQ(refused([](StreamEntry* e) { e->client_bits = 24; }), "key");
  EXPECT_EQ(refused([](StreamEntry* e) { e->scope = 1; }), "key");
  EXPECT_EQ(refused([](StreamEntry* e) { *e = TemplateEntry6(), e->client_bits = 129; }), "key");
  EXPECT_EQ(
      refused([](StreamEntry* e) { *e = TemplateEntry6(), e->client_port = Be16::FromRaw(1); }),
      "key");
  EXPECT_EQ(refused([](StreamEntry* e) { *e = TemplateEntry6(), e->protocol = 6; }), "shape");
}

TEST(EntryCodec, AnUnknownShapeIsLeftOut) {
  std::vector<uint8_t> bytes = Encoded(ConnectionEntry());
  bytes[2] |= 0x80;
  EXPECT_EQ(Read(bytes), "shape\n");
}

TEST(EntryCodec, ASizeThatCannotBeEndsTheReading) {
  const std::vector<uint8_t> whole = Encoded(TemplateEntry6());
  for (size_t length = 1; length < whole.size(); ++length) {
    EXPECT_EQ(Read({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)}),
              "entry_size!\n")
        << length;
  }
  std::vector<uint8_t> small = Encoded(ConnectionEntry());
  small[1] = 55;
  EXPECT_EQ(Read(small), "entry_size!\n");
  small[1] = 56;
  small[2] |= static_cast<uint8_t>(EntryShape::kIpv6);
  EXPECT_EQ(Read(small), "entry_size!\n");
}

TEST(EntryCodec, NoEntryIsLargerThanSaid) {
  StreamEntry entry = TemplateEntry6();
  entry.engine_length = kMostEngineDataBytes;
  entry.client_group = entry.packets = 1;
  entry.to_real.delta = 1;
  EXPECT_EQ(Encoded(entry).size(), kMostStreamEntryBytes);
}

TEST(Range, IsTheSameOnEveryDirector) {
  EXPECT_EQ(RangeOf(ConnectionEntry()), 2186U);
  EXPECT_EQ(RangeOf(ConnectionEntry(20002)), 3556U);
  EXPECT_EQ(RangeOf(TemplateEntry6()), 3973U);
}

}  // namespace
}  // namespace fairlead::sync::entry_codec_test
