#include "base/transport.h"

#include <gtest/gtest.h>
#include <netinet/in.h>

#include <string>

namespace fairlead::transport_test {
namespace {

TEST(Transport, IsWhatOthersCallIt) {
  std::string text;
  for (const Transport transport : kTransports) {
    const TransportTraits traits = TraitsOf(transport);
    text += std::to_string(static_cast<unsigned>(transport)) + " " + std::string(traits.word) +
            " " + std::string(traits.option) + " " + std::string(traits.listing_word) +
            (traits.has_states ? " has states\n" : "\n");
  }
  EXPECT_EQ(text,
            "6 tcp -t TCP has states\n"
            "17 udp -u UDP\n");
  EXPECT_EQ(static_cast<int>(Transport::kTcp), IPPROTO_TCP);
  EXPECT_EQ(static_cast<int>(Transport::kUdp), IPPROTO_UDP);
}

TEST(Transport, IsFoundByItsWordAlone) {
  for (const Transport transport : kTransports) {
    EXPECT_EQ(TransportOf(TraitsOf(transport).word), transport);
  }
  EXPECT_EQ(TransportOf(""), std::nullopt);
  EXPECT_EQ(TransportOf("sctp"), std::nullopt);
}

TEST(Transport, IsNoOtherProtocol) {
  size_t count = 0;
  for (unsigned protocol = 0; protocol < 256; ++protocol) {
    count += IsTransport(static_cast<uint8_t>(protocol)) ? 1 : 0;
  }
  EXPECT_EQ(count, kTransports.size());
  EXPECT_FALSE(IsTransport(IPPROTO_ICMP));
  EXPECT_FALSE(IsTransport(IPPROTO_SCTP));
}

}  // namespace
}  // namespace fairlead::transport_test
