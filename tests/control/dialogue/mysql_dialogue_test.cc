#include "control/health/dialogue/mysql_auth.h"
#include "conversation.h"

namespace fairlead::control::mysql_dialogue_test {
namespace {

using namespace std::string_literals;

MakeTalk Mysql(MysqlProbe mysql = {}) {
  return [mysql] { return MakeMysqlDialogue(mysql); };
}

std::string Packet(char number, const std::string& payload) {
  return {std::string{static_cast<char>(payload.size() & 255),
                      static_cast<char>(payload.size() >> 8), 0, number} +
          payload};
}

std::string Greeting(const std::string& plugin, const std::string& version = "8.0.36") {
  return Packet(0, "\x0a" + version + "\0"s + "\1\0\0\0"s + "abcdefgh" + "\0\xff\xff\x21\2\0"s +
                       "\xff\xdf\x15"s + std::string(10, '\0') + "ijklmnopqrst\0"s + plugin +
                       "\0"s);
}

std::string Err(char number, uint16_t code, const std::string& text) {
  return Packet(number, "\xff"s + static_cast<char>(code & 255) + static_cast<char>(code >> 8) +
                            "#28000" + text);
}

const std::string kOk = "\0\0\0\2\0\0\0"s;
const std::string kQuit = "\1\0\0\0\1"s;

std::string Hex(std::string_view bytes) {
  std::string hex;
  for (const char c : bytes) {
    constexpr std::string_view kHex = "0123456789abcdef";
    hex += kHex[static_cast<unsigned char>(c) >> 4];
    hex += kHex[c & 15];
  }
  return hex;
}

// Computed with Python's hashlib from the definitions of the two plugins.
TEST(MysqlAuth, AnswersScrambles) {
  const std::string scramble = "abcdefghijklmnopqrst";
  EXPECT_EQ(Hex(*MysqlAnswer("mysql_native_password", "secret", scramble)),
            "8817c50fa779daef010ee7577825b0847df9842e");
  EXPECT_EQ(Hex(*MysqlAnswer("caching_sha2_password", "secret", scramble)),
            "c76e2898612a4cf042c77fa8c4702c4c64c0c2c557c53c4d75595aaa6abae809");
  EXPECT_EQ(MysqlAnswer("caching_sha2_password", "", scramble), "");
  EXPECT_EQ(MysqlAnswer("sha256_password", "secret", scramble), std::nullopt);
}

TEST(MysqlDialogue, WithoutAUserARefusalIsAnAnswer) {
  const Outcome refused =
      Hear(Mysql(), {Greeting("mysql_native_password"), Err(2, 1045, "Access denied")});
  EXPECT_EQ(refused.state, kGood);
  EXPECT_EQ(refused.detail, "MySQL \"8.0.36\"");
  EXPECT_EQ(refused.sent, Packet(1, "\1\xa2\x08\0\0\x40\0\0\x21"s + std::string(23, '\0') +
                                        "\0\0"s + "mysql_native_password\0"s));
  const Outcome let_in = Hear(Mysql(), {Greeting("caching_sha2_password"), Packet(2, kOk)});
  EXPECT_EQ(let_in.state, kGood);
  EXPECT_TRUE(let_in.sent.ends_with(kQuit));
}

TEST(MysqlDialogue, MariaDbSaysItsOwnVersion) {
  EXPECT_EQ(
      Hear(Mysql(), {Greeting("mysql_native_password", "5.5.5-10.11.19-MariaDB"), Packet(2, kOk)})
          .detail,
      "MySQL \"10.11.19-MariaDB\"");
}

TEST(MysqlDialogue, LogsIn) {
  const MysqlProbe user{.user = "probe", .password = "secret"};
  const Outcome native = Hear(Mysql(user), {Greeting("mysql_native_password"), Packet(2, kOk)});
  EXPECT_EQ(native.state, kGood);
  const std::string answer =
      *MysqlAnswer("mysql_native_password", "secret", "abcdefghijklmnopqrst");
  EXPECT_NE(native.sent.find("probe\0\x14"s + answer + "mysql_native_password\0"s),
            std::string::npos);
  EXPECT_TRUE(native.sent.ends_with(kQuit));
  const Outcome sha2 =
      Hear(Mysql(user), {Greeting("caching_sha2_password"), Packet(2, "\1\3"), Packet(3, kOk)});
  EXPECT_EQ(sha2.state, kGood);
  const Outcome refused =
      Hear(Mysql(user), {Greeting("mysql_native_password"), Err(2, 1045, "Access denied")});
  EXPECT_EQ(refused.state, kBad);
  EXPECT_EQ(refused.detail, "MySQL error 1045: \"Access denied\"");
}

TEST(MysqlDialogue, ThePasswordNeverTravelsWhole) {
  const MysqlProbe user{.user = "probe", .password = "secret"};
  const Outcome whole = Hear(Mysql(user), {Greeting("caching_sha2_password"), Packet(2, "\1\4")});
  EXPECT_EQ(whole.state, kBad);
  EXPECT_NE(whole.detail.find("log in once over TLS"), std::string::npos);
  EXPECT_EQ(whole.sent.find("secret"), std::string::npos);
  const Outcome clear = Hear(Mysql(user), {Greeting("mysql_native_password"),
                                           Packet(2, "\xfe" + "mysql_clear_password\0"s)});
  EXPECT_EQ(clear.detail, "MySQL wants a login by \"mysql_clear_password\", not known here");
  EXPECT_EQ(clear.sent.find("secret"), std::string::npos);
}

TEST(MysqlDialogue, FollowsASwitchOfThePlugin) {
  const MysqlProbe user{.user = "probe", .password = "secret"};
  const Outcome outcome =
      Hear(Mysql(user),
           {Greeting("sha256_password"),
            Packet(2, "\xfe" + "mysql_native_password\0tsrqponmlkjihgfedcba\0"s), Packet(4, kOk)});
  EXPECT_EQ(outcome.state, kGood);
  EXPECT_TRUE(outcome.sent.ends_with(
      Packet(3, *MysqlAnswer("mysql_native_password", "secret", "tsrqponmlkjihgfedcba")) + kQuit));
  EXPECT_EQ(Hear(Mysql(user), {Greeting("mysql_native_password"), Packet(2, "\xfe")}).detail,
            "MySQL asks for the login of versions before 4.1");
}

TEST(MysqlDialogue, OtherAnswersAreBad) {
  EXPECT_EQ(Hear(Mysql(), {Err(0, 1040, "Too many connections")}).detail,
            "MySQL error 1040: \"Too many connections\"");
  EXPECT_EQ(Hear(Mysql(), {Packet(0, "\xff\x69\x04Host 'a' is blocked"s)}).detail,
            "MySQL error 1129: \"Host 'a' is blocked\"");
  EXPECT_EQ(Hear(Mysql(), {Err(0, 1045, "")}).state, kBad);  // before any login
  EXPECT_EQ(Hear(Mysql(), {"SSH-2.0-x\r\n"}).detail, "not a MySQL packet");
  EXPECT_EQ(Hear(Mysql(), {"\0\0\0\0"s}).detail, "not a MySQL packet");
  EXPECT_EQ(Hear(Mysql(), {Packet(0, "\x09")}).detail, "not a greeting of MySQL's protocol 10");
  const std::string greeting = Greeting("a").substr(4);
  for (size_t length = 1; length < 7 + 1 + 31 + 12; ++length) {
    EXPECT_EQ(Hear(Mysql(), {Packet(0, greeting.substr(0, length))}).state, kBad) << length;
  }
  EXPECT_EQ(Hear(Mysql(), {Greeting("a"), Packet(2, "\x77")}).detail,
            "not an answer of MySQL to a login");
  EXPECT_EQ(Hear(Mysql(), {Greeting("a"), Packet(2, "\xff")}).detail, "a cut error of MySQL");
  EXPECT_EQ(Hear(Mysql(), {Greeting("a")}, Then::kEnds).detail,
            "closed before the end of its answer");
  EXPECT_EQ(HearEndlessly(Mysql(), Greeting("a"), Packet(2, "\1\3")).detail,
            "MySQL packets without an end");
}

}  // namespace
}  // namespace fairlead::control::mysql_dialogue_test
