#include "conversation.h"

namespace fairlead::control::ldap_dialogue_test {
namespace {

using namespace std::string_literals;

MakeTalk Ldap(LdapProbe ldap = {}) {
  return [ldap] { return MakeLdapDialogue(ldap); };
}

// LDAPMessage with a bind response of that result and text.
std::string Response(char result, const std::string& text) {
  const std::string body =
      "\x0a\1"s + result + "\4\0"s + "\4" + static_cast<char>(text.size()) + text;
  const std::string operation = "\x61" + std::string(1, static_cast<char>(body.size())) + body;
  return "\x30" + std::string(1, static_cast<char>(operation.size() + 3)) + "\2\1\1" + operation;
}

TEST(LdapDialogue, BindsWithoutAndWithAName) {
  const Outcome anonymous = Hear(Ldap(), {Response(0, "")});
  EXPECT_EQ(anonymous.state, kGood);
  EXPECT_EQ(anonymous.detail, "LDAP anonymous bind");
  EXPECT_EQ(anonymous.sent, "\x30\x0c\2\1\1\x60\7\2\1\3\4\0\x80\0\x30\5\2\1\2\x42\0"s);
  const Outcome named = Hear(Ldap({.bind_dn = "cn=a", .password = "b"}), {Response(0, "ok")});
  EXPECT_EQ(named.detail, "LDAP bind");
  EXPECT_TRUE(named.sent.starts_with("\x30\x11\2\1\1\x60\x0c\2\1\3\4\4cn=a\x80\1b"s));
  // Lengths of more than a byte, in question and answer.
  const Outcome longer = Hear(Ldap({.bind_dn = std::string(300, 'd')}),
                              {"\x30\x84\0\0\0\x0c\2\1\1\x61\7\x0a\1\0\4\0\4\0"s});
  EXPECT_EQ(longer.state, kGood);
  EXPECT_TRUE(
      longer.sent.starts_with("\x30\x82\x01\x3c\2\1\1\x60\x82\x01\x35\2\1\3\4\x82\x01\x2c"s));
}

TEST(LdapDialogue, ARefusalIsBad) {
  EXPECT_EQ(Hear(Ldap(), {Response(49, "")}).detail, "LDAP result 49 (invalid credentials)");
  EXPECT_EQ(Hear(Ldap(), {Response(80, "odd")}).detail, "LDAP result 80: \"odd\"");
  EXPECT_EQ(Hear(Ldap(), {"\x30\x0c\2\1\0\x78\7\x0a\1\x34\4\0\4\0"s}).detail,
            "LDAP notice of disconnection, result 52 (unavailable)");
}

TEST(LdapDialogue, DoesNotRepeatThePassword) {
  const MakeTalk named = Ldap({.bind_dn = "cn=a", .password = "hunter2"});
  EXPECT_EQ(Hear(named, {Response(49, "not hunter2")}).detail,
            "LDAP result 49 (invalid credentials)");
  EXPECT_EQ(Hear(named, {"what is hunter2?"}).detail, "not an LDAP answer");
}

TEST(LdapDialogue, OtherAnswersAreBad) {
  EXPECT_EQ(Hear(Ldap(), {"HTTP/1.1 400"}).state, kBad);
  EXPECT_EQ(Hear(Ldap(), {"\x30\x80\0\0"s}).state, kBad);  // indefinite length
  EXPECT_EQ(Hear(Ldap(), {"\x30\x85\0\0\0\0\1"s}).state, kBad);
  EXPECT_EQ(Hear(Ldap(), {"\x30\x84\xff\xff\xff\xff"}).state, kBad);  // four gigabytes
  EXPECT_EQ(Hear(Ldap(), {"\x30\0"s}).detail, "a malformed LDAP answer");
  EXPECT_EQ(Hear(Ldap(), {"\x30\3\2\1\1"s}).detail, "a malformed LDAP answer");
  EXPECT_EQ(Hear(Ldap(), {"\x30\5\2\1\1\x61\0"s}).state, kBad);
  EXPECT_EQ(Hear(Ldap(), {"\x30\5\2\1\1\x61\x7f"s}).state, kBad);  // longer than what is round it
  EXPECT_EQ(Hear(Ldap(), {"\x30\x0c\2\1\2\x61\7\x0a\1\0\4\0\4\0"s}).state, kBad);  // another's
  EXPECT_EQ(Hear(Ldap(), {"\x30\x0c\2\1\0\x78\7\x0a\1\0\4\0\4\0"s}).state, kBad);
  EXPECT_EQ(Hear(Ldap(), {"\x30\x0c\2"}, Then::kEnds).detail,
            "closed before the end of its answer");
}

}  // namespace
}  // namespace fairlead::control::ldap_dialogue_test
