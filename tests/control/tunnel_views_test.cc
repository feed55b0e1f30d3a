// What workers see of real servers behind tunnels whose clients are of either IP version: the path,
// and the headers when the service is gone.
#include "snapshot_builder_fixture.h"

namespace fairlead::control::tunnel_views_test {
namespace {

using namespace std::chrono_literals;

class TunnelViews : public SnapshotBuilderTest {
 protected:
  // A service of each version in front of one real server, and one without a tunnel.
  static std::string Both(const std::string& more = "") {
    const std::string reals = "reals: [ { address: 10.0.0.11, forward: tun } ] }\n";
    return "services:\n"
           "  - { name: four, address: 192.0.2.80, protocol: tcp, port: 80, " +
           more + reals + "  - { name: six, address: \"2001:db8::80\", protocol: tcp, port: 80, " +
           more + reals +
           "  - { name: nat, address: 192.0.2.80, protocol: tcp, port: 81, "
           "reals: [ { address: 10.0.0.12 } ] }\n";
  }
  static std::vector<uint32_t> MtusOf(const dataplane::Snapshot& s, const char* address) {
    std::vector<uint32_t> mtus;
    for (const auto& real : s.reals) {
      if (!real.service.is_none() && real.address == Ip(address)) mtus.push_back(real.mtu_bytes);
    }
    return mtus;
  }
};

// A client can have an error told as it likes, but only about its own packets.
TEST_F(TunnelViews, AnIpv4ClientNarrowsNoPathOfIpv6Clients) {
  const ConfigModel model = ModelOf(Both());
  EXPECT_EQ(MtusOf(*Build(model), "10.0.0.11"), (std::vector<uint32_t>{1400, 1400}));
  path_mtus_.Learn(Ip("10.0.0.11"), 552, At(1s));
  EXPECT_EQ(MtusOf(*Build(model), "10.0.0.11"), (std::vector<uint32_t>{552, 1280 + 20}));
  // Reals that are built anew, and ghosts.
  EXPECT_EQ(MtusOf(*Build(ModelOf(Both("scheduler: wlc, "))), "10.0.0.11"),
            (std::vector<uint32_t>{552, 1280 + 20}));
  EXPECT_EQ(MtusOf(*Build(ModelOf("")), "10.0.0.11"), (std::vector<uint32_t>{552, 1280 + 20}));
}

// Both are fitted to what both can be told.
TEST_F(TunnelViews, APathThatIsWideEnoughHoldsForAll) {
  path_mtus_.Learn(Ip("10.0.0.11"), 1350, At(1s));
  path_mtus_.Learn(Ip("10.0.0.12"), 1350, At(1s));
  const auto s = Build(ModelOf(Both()));
  EXPECT_EQ(MtusOf(*s, "10.0.0.11"), (std::vector<uint32_t>{1350, 1350}));
  EXPECT_EQ(MtusOf(*s, "10.0.0.12"), (std::vector<uint32_t>{1400})) << "no tunnel";
}

// The link is what it is, whatever a client has to be able to send.
TEST_F(TunnelViews, NoPathIsWiderThanItsLink) {
  ports_[1].mtu_bytes = 1290;
  path_mtus_.Learn(Ip("10.0.0.11"), 600, At(1s));
  EXPECT_EQ(MtusOf(*Build(ModelOf(Both())), "10.0.0.11"), (std::vector<uint32_t>{600, 1290}));
}

TEST_F(TunnelViews, GhostsOfARemovedServiceSayOfWhichVersionTheirPacketsAre) {
  constexpr size_t kProtocolAt = 9;  // of the outer IPv4 header
  const auto inner = [](const dataplane::Snapshot& s) {
    std::vector<int> protocols;
    for (const auto& real : s.reals) {
      if (real.service.is_none() || real.address != Ip("10.0.0.11")) continue;
      EXPECT_EQ(real.egress.tunnel.length, 20);
      protocols.push_back(real.egress.tunnel.bytes[kProtocolAt]);
    }
    return protocols;
  };
  const std::vector<int> both{dataplane::kProtocolIpip, dataplane::kProtocolIpv6};
  EXPECT_EQ(inner(*Build(ModelOf(Both()))), both);
  EXPECT_EQ(inner(*Build(ModelOf(""))), both);
  EXPECT_EQ(inner(*Build(ModelOf(WebOf(kThree)))), both) << "in the next snapshot too";
}

}  // namespace
}  // namespace fairlead::control::tunnel_views_test
