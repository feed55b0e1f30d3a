#include "dataplane/tables/transport_state.h"

#include <gtest/gtest.h>

namespace fairlead::dataplane::transport_state_test {
namespace {

TEST(TransportState, OfTcpIsThatOfItsTable) {
  for (uint8_t state = 0; state < kTcpStateCount; ++state) {
    EXPECT_EQ(NameOf(Transport::kTcp, state), NameOf(static_cast<TcpState>(state)));
    EXPECT_EQ(IsHalfOpen(Transport::kTcp, state), IsHalfOpen(static_cast<TcpState>(state)));
    EXPECT_EQ(IsClosing(Transport::kTcp, state), IsClosing(static_cast<TcpState>(state)));
  }
  EXPECT_EQ(NameOf(Transport::kTcp, kTcpStateCount), "?");
}

TEST(TransportState, ClosingHasOneSideAtItsEnd) {
  std::string closing;
  for (uint8_t state = 0; state < kTcpStateCount; ++state) {
    if (IsClosing(Transport::kTcp, state))
      closing += std::string(NameOf(Transport::kTcp, state)) + " ";
  }
  EXPECT_EQ(closing, "FIN_WAIT TIME_WAIT CLOSE CLOSE_WAIT LAST_ACK ");
}

TEST(TransportState, OfUdpIsNothingButAName) {
  EXPECT_EQ(NameOf(Transport::kUdp, 0), "UDP");
  EXPECT_FALSE(IsHalfOpen(Transport::kUdp, 0));
  EXPECT_FALSE(IsClosing(Transport::kUdp, 0));
}

}  // namespace
}  // namespace fairlead::dataplane::transport_state_test
