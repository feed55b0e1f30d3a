#include "dataplane/wire/sip.h"

#include <gtest/gtest.h>

#include <string>

namespace fairlead::dataplane::sip_test {
namespace {

constexpr const char* kStart = "INVITE sip:bob@biloxi.com SIP/2.0\r\n";

std::string CallIdOf(const std::string& headers) {
  return std::string(FindCallId(kStart + headers));
}

// RFC 3261 section 4, the first example.
TEST(Sip, FindsTheCallIdOfTheStandardsExample) {
  EXPECT_EQ(CallIdOf("Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bK776asdhds\r\n"
                     "Max-Forwards: 70\r\n"
                     "To: Bob <sip:bob@biloxi.com>\r\n"
                     "From: Alice <sip:alice@atlanta.com>;tag=1928301774\r\n"
                     "Call-ID: a84b4c76e66710@pc33.atlanta.com\r\n"
                     "CSeq: 314159 INVITE\r\n\r\n"),
            "a84b4c76e66710@pc33.atlanta.com");
}

TEST(Sip, ReadsTheForms) {
  EXPECT_EQ(CallIdOf("i: x\r\n"), "x");
  EXPECT_EQ(CallIdOf("I:x\n"), "x");
  EXPECT_EQ(CallIdOf("CALL-id \t: \tx@y\r"), "x@y");
  EXPECT_EQ(CallIdOf("In-Reply-To: no\r\ni: yes\r\n"), "yes");
  EXPECT_EQ(CallIdOf("Call-ID: %_+`'~()<>:\\\"/[]?{}-.!*@0Az\r\n"),
            "%_+`'~()<>:\\\"/[]?{}-.!*@0Az");
}

// The same bytes in another header, or in the body, are none.
TEST(Sip, LooksAtHeadersOnly) {
  EXPECT_EQ(FindCallId("Call-ID: x\r\n"), "");  // the start line
  EXPECT_EQ(FindCallId("Call-ID: x\r\nCall-ID: y\r\n"), "y");
  EXPECT_EQ(CallIdOf("Subject: Call-ID: x\r\n"), "");
  EXPECT_EQ(CallIdOf("X-Call-ID: x\r\n"), "");
  EXPECT_EQ(CallIdOf("Call-IDs: x\r\n"), "");
  EXPECT_EQ(CallIdOf("To: b\r\n\r\nCall-ID: x\r\n"), "");
  EXPECT_EQ(CallIdOf(" Call-ID: x\r\n"), "");  // the folded end of another line
}

TEST(Sip, TheValueMustEndWithItsLine) {
  EXPECT_EQ(CallIdOf("Call-ID: x"), "");
  EXPECT_EQ(CallIdOf("Call-ID: x \r\n"), "");
  EXPECT_EQ(CallIdOf("Call-ID: x;y\r\n"), "");
  EXPECT_EQ(CallIdOf("Call-ID: \r\n x\r\n"), "");
  EXPECT_EQ(CallIdOf("Call-ID\r\n"), "");
  EXPECT_EQ(CallIdOf("Call-ID: @x\r\n"), "");
  EXPECT_EQ(CallIdOf("Call-ID: x@\r\n"), "");
  EXPECT_EQ(CallIdOf("Call-ID: x@y@z\r\n"), "");
  EXPECT_EQ(CallIdOf(std::string("Call-ID: x\0y\r\n", 14)), "");
}

TEST(Sip, TheFirstOfSeveralDecides) {
  EXPECT_EQ(CallIdOf("Call-ID: first\r\nCall-ID: second\r\n"), "first");
  EXPECT_EQ(CallIdOf("Call-ID: bad one\r\nCall-ID: second\r\n"), "");
}

TEST(Sip, AtMost255Bytes) {
  EXPECT_EQ(CallIdOf("Call-ID: " + std::string(255, 'x') + "\r\n"), std::string(255, 'x'));
  EXPECT_EQ(CallIdOf("Call-ID: " + std::string(256, 'x') + "\r\n"), "");
}

TEST(Sip, NothingThereIsNothingFound) {
  EXPECT_EQ(FindCallId(""), "");
  EXPECT_EQ(FindCallId("\r\n\r\n"), "");
  EXPECT_EQ(FindCallId("\0\0"), "");
}

}  // namespace
}  // namespace fairlead::dataplane::sip_test
