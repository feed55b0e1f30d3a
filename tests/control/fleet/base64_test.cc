#include "control/fleet/base64.h"

#include <gtest/gtest.h>

#include <vector>

namespace fairlead::control::base64_test {
namespace {

// RFC 4648 section 10.
TEST(Base64, TheVectorsOfTheRfc) {
  const std::vector<std::pair<std::string, std::string>> vectors = {{"", ""},
                                                                    {"f", "Zg=="},
                                                                    {"fo", "Zm8="},
                                                                    {"foo", "Zm9v"},
                                                                    {"foob", "Zm9vYg=="},
                                                                    {"fooba", "Zm9vYmE="},
                                                                    {"foobar", "Zm9vYmFy"}};
  for (const auto& vector : vectors) {
    EXPECT_EQ(ToBase64(vector.first), vector.second);
    EXPECT_EQ(FromBase64(vector.second), vector.first);
  }
}

TEST(Base64, AnyBytesComeBack) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) {
    bytes += static_cast<char>(i * 7);
    EXPECT_EQ(FromBase64(ToBase64(bytes)), bytes);
  }
}

TEST(Base64, WhatIsNoneIsRefused) {
  for (const char* wrong : {"Z", "Zg", "Zg=", "Zg===", "=", "====", "Z===", "Zm9v=", "Zm 9v",
                            "Zm9\n", "Zm-_", "Zh==", "Zm9=", "Zg==Zg==", "=Zm9"}) {
    EXPECT_FALSE(FromBase64(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace fairlead::control::base64_test
