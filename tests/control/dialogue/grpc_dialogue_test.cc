#include "control/health/dialogue/hpack.h"
#include "conversation.h"

namespace fairlead::control::grpc_dialogue_test {
namespace {

using namespace std::string_literals;

MakeTalk Grpc(GrpcProbe grpc = {}, bool is_tls = false) {
  return [grpc, is_tls] { return MakeGrpcDialogue(grpc, SomeEndpoint(), is_tls); };
}

std::string Frame(char type, char flags, char stream, const std::string& payload) {
  return std::string{0,
                     static_cast<char>(payload.size() >> 8),
                     static_cast<char>(payload.size() & 255),
                     type,
                     flags,
                     0,
                     0,
                     0,
                     stream} +
         payload;
}

const std::string kSettings = Frame(4, 0, 0, "\0\3\0\0\0\x64"s);
const std::string kAck = Frame(4, 1, 0, "");
const std::string kHeaders = Frame(1, 4, 1, "\x88");

std::string Trailers(const std::string& code, const std::string& message = "") {
  std::string block = HpackField("grpc-status", code);
  if (!message.empty()) block += HpackField("grpc-message", message);
  return Frame(1, 5, 1, block);
}

std::string Status(char status) { return Frame(0, 0, 1, "\0\0\0\0\2\x08"s + status); }

TEST(GrpcDialogue, AsksForAService) {
  const std::string sent = Hear(Grpc({.service = "shop.Cart", .host = "shop"}), {}).sent;
  EXPECT_TRUE(sent.starts_with("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" +
                               Frame(4, 0, 0, "\0\1\0\0\0\0\0\2\0\0\0\0"s)));
  EXPECT_NE(sent.find("\x83\x86\x04\x1c/grpc.health.v1.Health/Check\x01\x04shop"), sent.npos);
  EXPECT_TRUE(sent.ends_with(Frame(0, 1, 1, "\0\0\0\0\x0b\x0a\x09shop.Cart"s)));
  EXPECT_TRUE(Hear(Grpc({}, true), {}).sent.ends_with(Frame(0, 1, 1, "\0\0\0\0\0"s)));
  EXPECT_NE(Hear(Grpc({}, true), {}).sent.find("\x83\x87\x04"), std::string::npos);
  EXPECT_NE(Hear(Grpc({.service = std::string(200, 's')}), {}).sent.find("\x0a\xc8\x01sss"),
            std::string::npos);
}

TEST(GrpcDialogue, ServingIsGood) {
  const Outcome outcome = Hear(Grpc(), {kSettings + kAck, kHeaders, Status(1), Trailers("0")});
  EXPECT_EQ(outcome.state, kGood);
  EXPECT_EQ(outcome.detail, "gRPC SERVING");
  EXPECT_NE(outcome.sent.find(kAck), std::string::npos);
  EXPECT_TRUE(outcome.sent.ends_with(Frame(7, 0, 0, std::string(8, '\0'))));
}

TEST(GrpcDialogue, FramesMayBePaddedCutAndMixed) {
  const std::string block = "\x88" + HpackField("a", std::string(200, 'b'));
  const Outcome outcome =
      Hear(Grpc(), {kSettings, Frame(8, 0, 0, "\0\0\xff\xff"s), Frame(6, 0, 0, "12345678"),
                    Frame(99, 0, 7, "new"), Frame(1, 4, 1, HpackField(8, "103")),
                    Frame(1, '\x28', 1, "\3\0\0\0\0\x10"s + block.substr(0, 50) + "pad"),
                    Frame(9, 0, 1, block.substr(50, 50)), Frame(9, 4, 1, block.substr(100)),
                    Frame(0, 8, 1, "\1\0\0\0"s + "p"), Frame(0, 0, 1, "\0\2\x08\1"s),
                    Frame(7, 0, 0, "\0\0\0\1\0\0\0\0"s), Trailers("0")});
  EXPECT_EQ(outcome.state, kGood) << outcome.detail;
  EXPECT_NE(outcome.sent.find(Frame(6, 1, 0, "12345678")), std::string::npos);
}

TEST(GrpcDialogue, OtherStatesAreBad) {
  const auto heard = [](const std::string& rest) {
    return Hear(Grpc(), {kSettings + rest}).detail;
  };
  EXPECT_EQ(heard(kHeaders + Status(2) + Trailers("0")), "gRPC NOT_SERVING");
  EXPECT_EQ(heard(kHeaders + Frame(0, 0, 1, "\0\0\0\0\0"s) + Trailers("0")), "gRPC UNKNOWN");
  EXPECT_EQ(heard(Frame(1, 5, 1,
                        "\x88" + HpackField("grpc-status", "5") +
                            HpackField("grpc-message", "unknown%20serv%69ce %2 %"))),
            "gRPC NOT_FOUND: \"unknown service %2 %\"");
  EXPECT_EQ(heard(kHeaders + Trailers("12")), "gRPC UNIMPLEMENTED");
  EXPECT_EQ(heard(kHeaders + Trailers("99")), "gRPC \"99\"");
  EXPECT_EQ(heard(Frame(1, 5, 1, "\x8d")), "HTTP \"404\" instead of gRPC");
  EXPECT_EQ(heard(kHeaders + Frame(0, 1, 1, "\0\0\0\0\2\x08\1"s)),
            "a gRPC answer without a status");
  EXPECT_EQ(heard(Frame(3, 0, 1, "\0\0\0\7"s)), "HTTP/2 stream reset, error 7");
  EXPECT_EQ(heard(Frame(7, 0, 0, "\0\0\0\0\0\0\0\0"s)), "HTTP/2 connection ended, error 0");
  EXPECT_EQ(heard(kHeaders + Frame(0, 0, 1, "\1\0\0\0\2\x08\1"s) + Trailers("0")),
            "not an answer of grpc.health.v1");
  EXPECT_EQ(heard(kHeaders + Frame(0, 0, 1, "\0\0\0\0\2\x08\x81"s) + Trailers("0")),
            "not an answer of grpc.health.v1");
}

TEST(GrpcDialogue, OtherAnswersAreBad) {
  EXPECT_EQ(Hear(Grpc(), {"HTTP/1.1 400 Bad Request\r\n"}).state, kBad);
  EXPECT_EQ(Hear(Grpc(), {kHeaders}).state, kBad);  // no settings before
  EXPECT_EQ(Hear(Grpc(), {kSettings + "\x00\x40\x01\0\0\0\0\0\1"s}).detail,
            "an HTTP/2 frame of more than 16 KiB");
  for (const std::string& frame :
       {Frame(5, 4, 1, "\0\0\0\2"s), Frame(9, 4, 1, "\x88"), Frame(1, 4, 3, "\x88"),
        Frame(1, 12, 1, "\5"), Frame(1, 12, 1, ""), Frame(1, '\x24', 1, "a"), Frame(6, 0, 0, "1"),
        Frame(7, 0, 0, "1"), Frame(3, 0, 1, "1"), Frame(0, 0, 1, "a"), Frame(1, 4, 1, ""),
        Frame(1, 0, 1, "\x88") + Frame(0, 0, 1, "a")}) {
    EXPECT_EQ(Hear(Grpc(), {kSettings + frame}).detail, "a malformed HTTP/2 answer");
  }
  EXPECT_EQ(Hear(Grpc(), {kSettings + Frame(1, 4, 1, "\xbe")}).detail,
            "an HTTP/2 answer with malformed header fields");
}

TEST(GrpcDialogue, EndlessAnswersAreBad) {
  EXPECT_EQ(HearEndlessly(Grpc(), kSettings, kSettings).detail, "HTTP/2 frames without an end");
  EXPECT_EQ(HearEndlessly(Grpc(), kSettings + Frame(1, 0, 1, ""), Frame(9, 0, 1, "")).detail,
            "HTTP/2 frames without an end");
  EXPECT_EQ(
      HearEndlessly(Grpc(), kSettings + Frame(1, 0, 1, ""), Frame(9, 0, 1, std::string(9000, 'a')))
          .detail,
      "over 64 KiB of headers");
  EXPECT_EQ(
      HearEndlessly(Grpc(), kSettings + kHeaders, Frame(0, 0, 1, std::string(999, 'a'))).detail,
      "a gRPC answer of more than 4 KiB");
}

// The examples of RFC 7541, appendices C.2 and C.4.
TEST(Hpack, ReadsTheExamplesOfTheRfc) {
  const auto huffman =
      ReadHpack("\x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff"s);
  ASSERT_TRUE(huffman);
  ASSERT_EQ(huffman->size(), 4u);
  EXPECT_EQ(huffman->back().second, "www.example.com");
  const auto custom = ReadHpack(
      "\x40\x88\x25\xa8\x49\xe9\x5b\xa9\x7d\x7f\x89\x25\xa8\x49\xe9\x5b\xb8\xe8\xb4\xbf"s);
  ASSERT_TRUE(custom);
  EXPECT_EQ(*custom, (HpackFields{{"custom-key", "custom-value"}}));
  const auto plain = ReadHpack(
      "\x40\x0a"
      "custom-key"
      "\x0d"
      "custom-header"
      "\x20\x8e");
  ASSERT_TRUE(plain);
  EXPECT_EQ(*plain, (HpackFields{{"custom-key", "custom-header"}, {":status", "500"}}));
}

TEST(Hpack, ReadsWhatItWrites) {
  const std::string longer(300, 'x');
  const auto fields = ReadHpack(HpackField(8, longer) + HpackField(longer, ""));
  ASSERT_TRUE(fields);
  EXPECT_EQ(*fields, (HpackFields{{":status", longer}, {longer, ""}}));
}

TEST(Hpack, RefusesWhatIsMalformed) {
  for (const std::string& block :
       {"\x80"s, "\xbe"s, "\x21"s, "\x3f\xe1\x1f"s, "\x7f\xff\xff\xff\xff\x01"s, "\x00"s,
        "\x00\x05"
        "ab"s,
        "\x00\x01"
        "a"s,
        "\x48\x81\xfe"s /* padding with a zero */, "\x48\x84\xff\xff\xff\xff"s /* end of string */,
        "\x48\x82\xff\xff"s /* padding of two bytes */}) {
    EXPECT_FALSE(ReadHpack(block)) << block;
  }
  EXPECT_FALSE(ReadHpack(std::string(129, '\x88')));
  EXPECT_TRUE(ReadHpack(std::string(128, '\x88')));
}

}  // namespace
}  // namespace fairlead::control::grpc_dialogue_test
