#include "base/forward_method.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace fairlead::forward_method_test {
namespace {

// What outside parties rely on: the configuration, ipvsadm, and other directors on the wire.
TEST(ForwardMethod, IsWhatOthersCallIt) {
  std::string text;
  for (const ForwardMethod method : kForwardMethods) {
    const MethodTraits traits = TraitsOf(method);
    text += std::string(traits.word) + " " + std::string(traits.option) + " " +
            std::string(traits.listing_word) + " " + std::to_string(traits.sync_number) + "\n";
  }
  EXPECT_EQ(text,
            "nat -m Masq 0\n"
            "dr -g Route 3\n"
            "tun -i Tunnel 2\n"
            "fullnat --fullnat FullNat 0\n");
}

TEST(ForwardMethod, IsFoundByItsWordAlone) {
  std::set<std::string_view> words, options, listing_words;
  for (const ForwardMethod method : kForwardMethods) {
    EXPECT_EQ(ForwardMethodOf(TraitsOf(method).word), method);
    words.insert(TraitsOf(method).word);
    options.insert(TraitsOf(method).option);
    listing_words.insert(TraitsOf(method).listing_word);
  }
  EXPECT_EQ(words.size(), kForwardMethods.size());
  EXPECT_EQ(options.size(), kForwardMethods.size());
  EXPECT_EQ(listing_words.size(), kForwardMethods.size());
  EXPECT_EQ(ForwardMethodOf(""), std::nullopt);
  EXPECT_EQ(ForwardMethodOf("localnode"), std::nullopt);
}

// The masks of the hot path and the descriptions say the same.
TEST(ForwardMethod, IsAskedInOneInstruction) {
  for (const ForwardMethod method : kForwardMethods) {
    const MethodTraits traits = TraitsOf(method);
    EXPECT_EQ(RewritesReplies(method), traits.rewrites_replies) << traits.word;
    EXPECT_EQ(MadeHeaderBytes(method, Family::kIpv4), traits.made_header_ip4) << traits.word;
    EXPECT_EQ(MadeHeaderBytes(method, Family::kIpv6), traits.made_header_ip6) << traits.word;
    EXPECT_EQ(IsTunnel(method), traits.made_header_ip6 != 0) << traits.word;
    // Who answers past the director answers from the virtual port.
    EXPECT_TRUE(traits.rewrites_replies || !traits.may_change_port) << traits.word;
    EXPECT_EQ(TranslatesClient(method), traits.translates_client) << traits.word;
    // An answer to our own address comes here.
    EXPECT_TRUE(traits.rewrites_replies || !traits.translates_client) << traits.word;
  }
}

}  // namespace
}  // namespace fairlead::forward_method_test
