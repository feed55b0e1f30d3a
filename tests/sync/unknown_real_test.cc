// Connections of services and real servers that no configuration names, with `as-kernel`: taken in,
// forwarded as the message says, and the real server's own once it is configured.
#include <gtest/gtest.h>

#include <algorithm>

#include "dataplane/tables/transport_state.h"
#include "sync/ipvs/datagram_writer.h"
#include "sync_bed.h"
#include "sync_text.h"

namespace fairlead::sync::unknown_real_test {
namespace {

using dataplane::SyncFault;

constexpr const char* kVip = "10.100.0.1";

IpAddress Address(const std::string& text) { return *IpAddress::Parse(text); }

// An established connection of 10.8.0.1.
SyncEntry Entry(uint16_t port, const std::string& real, ForwardMethod method = ForwardMethod::kNat,
                const std::string& vip = kVip) {
  SyncEntry entry;
  entry.protocol = kProtocolTcp;
  entry.state = 1;
  entry.flags = TraitsOf(method).sync_number;
  entry.client = Address("10.8.0.1");
  entry.virtual_address = Address(vip);
  entry.real = Address(real);
  entry.client_port = Be16::FromHost(port);
  entry.virtual_port = entry.real_port = Be16::FromHost(80);
  entry.timeout_seconds = 900;
  return entry;
}

class UnknownReal : public testing::Test {
 protected:
  UnknownReal() { bed.Ipvsadm("--start-daemon backup --mcast-interface y0 --syncid 7"); }

  void Shop(const std::string& more = "") {
    bed.Ipvsadm("-A -t 10.100.0.1:80 -s rr" + more);
    bed.Ipvsadm("-a -t 10.100.0.1:80 -r 10.1.0.11:80 -m");
  }
  void Hear(const std::vector<SyncEntry>& entries) {
    DatagramWriter writer({.syncid = 7});
    const auto give = [&] {
      const std::span<const uint8_t> payload = writer.Take();
      bed.Hear(Bytes(payload.begin(), payload.end()));
    };
    for (const SyncEntry& entry : entries) {
      if (!writer.Fits(entry)) give();
      writer.Add(entry);
    }
    give();
  }
  std::vector<std::string> Names() {
    std::vector<std::string> names;
    for (const BedRow& row : bed.Table()) names.push_back(row.name);
    return names;
  }
  // Where an ACK of the client goes to: "server 10.1.0.12", or "" when nothing comes out.
  std::string Ack(uint16_t port, const std::string& vip = kVip) {
    const auto out =
        bed.Packet("client", Tcp(Address("10.8.0.1"), Be16::FromHost(port), Address(vip),
                                 Be16::FromHost(80), dataplane::kTcpAck));
    if (out.size() != 1) return "";
    const Bytes& p = out[0].packet;
    return out[0].port + " " + std::to_string(p[16]) + "." + std::to_string(p[17]) + "." +
           std::to_string(p[18]) + "." + std::to_string(p[19]);
  }

  SyncBed bed{1};
};

TEST_F(UnknownReal, OfAKnownServiceGetsWhatItsConnectionsGet) {
  Shop();
  Hear({Entry(2000, "10.1.0.12")});
  EXPECT_EQ(Names(), std::vector<std::string>{"TCP 10.8.0.1:2000 10.100.0.1:80 10.1.0.12:80"});
  EXPECT_EQ(Ack(2000), "server 10.1.0.12");
  // And back.
  const auto back =
      bed.Packet("server", Tcp(Address("10.1.0.12"), Be16::FromHost(80), Address("10.8.0.1"),
                               Be16::FromHost(2000), dataplane::kTcpAck));
  ASSERT_EQ(back.size(), 1u);
  EXPECT_EQ(back[0].port, "client");
  EXPECT_EQ(Bytes(back[0].packet.begin() + 12, back[0].packet.begin() + 16),
            (Bytes{10, 100, 0, 1}));
}

TEST_F(UnknownReal, OfNoServiceByEachMethod) {
  Hear({Entry(2000, "10.1.0.12"), Entry(2001, "10.1.0.13", ForwardMethod::kDr),
        Entry(2002, "10.1.0.14", ForwardMethod::kTun)});
  EXPECT_EQ(Names().size(), 3u);
  EXPECT_EQ(Ack(2000), "server 10.1.0.12");
  EXPECT_EQ(Ack(2001), "server 10.100.0.1") << "the virtual address stays";
  EXPECT_EQ(Ack(2002), "server 10.1.0.14") << "of the outer header";
}

// The second message finds the connection, and the state follows.
TEST_F(UnknownReal, ALaterMessageIsFollowedWithoutAnotherWay) {
  Hear({Entry(2000, "10.1.0.12")});
  SyncEntry closed = Entry(2000, "10.1.0.12");
  closed.state = static_cast<uint16_t>(dataplane::TcpState::kTimeWait);
  closed.Set(SyncFlag::kInactive);
  closed.timeout_seconds = 120;
  Hear({closed});
  ASSERT_EQ(bed.Table().size(), 1u);
  EXPECT_EQ(bed.Table()[0].state, "TIME_WAIT");
  EXPECT_EQ(bed.received().connections, 2u);
}

// Nothing breaks when it is configured at last, and its connections are its own.
TEST_F(UnknownReal, IsItselfOnceItIsConfigured) {
  Hear({Entry(2000, "10.1.0.12")});
  bed.Ipvsadm("-A -t 10.100.0.1:80 -s rr");
  bed.Ipvsadm("-a -t 10.100.0.1:80 -r 10.1.0.12:80 -m");
  EXPECT_EQ(bed.LoadOf("10.1.0.12:80"), (std::pair<uint32_t, uint32_t>{1, 0}));
  EXPECT_EQ(Ack(2000), "server 10.1.0.12");
  EXPECT_EQ(Names().size(), 1u);
}

// A service that the look-up finds in another way is not the one that messages named. The next
// message gives the connection to it.
TEST_F(UnknownReal, GoesToAServiceForAllPortsWithTheNextMessage) {
  Hear({Entry(2000, "10.1.0.12")});
  bed.Ipvsadm("-A -t 10.100.0.1:0 -s rr -p 300");
  bed.Ipvsadm("-a -t 10.100.0.1:0 -r 10.1.0.12:0 -m");
  EXPECT_EQ(bed.LoadOf("10.1.0.12:0"), (std::pair<uint32_t, uint32_t>{0, 0}));
  Hear({Entry(2000, "10.1.0.12")});
  EXPECT_EQ(bed.LoadOf("10.1.0.12:0"), (std::pair<uint32_t, uint32_t>{1, 0}));
  EXPECT_EQ(Names().size(), 1u);
}

// A service for all ports has one such real server for each address, whatever the ports.
TEST_F(UnknownReal, OfAServiceForAllPortsIsOneForEachAddress) {
  bed.Ipvsadm("-A -t 10.100.0.1:0 -s rr -p 300");
  std::vector<SyncEntry> entries;
  for (uint16_t port = 1; port <= 40; ++port) {
    entries.push_back(Entry(port, "10.1.0.12"));
    entries.back().virtual_port = entries.back().real_port = Be16::FromHost(port);
  }
  Hear(entries);
  EXPECT_EQ(Names().size(), 40u);
  EXPECT_EQ(bed.unknown_count(), 1u);
}

// Its template is there, and holds for nobody: a new connection of the client goes elsewhere.
TEST_F(UnknownReal, ATemplateOfOneHoldsOnlyOnceItIsConfigured) {
  Shop(" -p 300");
  SyncEntry held = Entry(0, "10.1.0.12");
  held.Set(SyncFlag::kTemplate);
  held.timeout_seconds = 300;
  Hear({held});
  EXPECT_EQ(Names(), std::vector<std::string>{"TCP 10.8.0.1:0 10.100.0.1:80 10.1.0.12:80"});
  EXPECT_EQ(bed.received().templates, 1u);
  bed.Ipvsadm("-a -t 10.100.0.1:80 -r 10.1.0.12:80 -m");
  for (int i = 0; i < 2; ++i) {
    const auto out =
        bed.Packet("client", TcpFrom(static_cast<uint16_t>(3000 + i), 80, dataplane::kTcpSyn));
    ASSERT_EQ(out.size(), 1u);
    EXPECT_EQ(out[0].packet[19], 12);
  }
}

TEST_F(UnknownReal, WhatCannotBeARealServerIsRefusedByName) {
  Shop();
  SyncEntry local = Entry(2000, "10.1.0.12"), portless = Entry(2001, "10.1.0.12"),
            templated = Entry(0, "10.1.0.12", ForwardMethod::kNat, "10.100.0.9");
  local.flags |= 1;  // a local node
  portless.real_port = Be16{};
  templated.Set(SyncFlag::kTemplate);
  Hear({local, portless, Entry(2002, "0.0.0.0"), Entry(2003, "10.0.0.1"), templated});
  EXPECT_EQ(bed.RefusedFor(SyncFault::kImpossibleReal), 4u);
  EXPECT_EQ(bed.RefusedFor(SyncFault::kService), 1u) << "nothing asks for such a template";
  EXPECT_EQ(Names().size(), 0u);
  EXPECT_EQ(bed.unknown_count(), 0u);
}

// A flood names others each time. This director has ids for 256, fewer than kMostUnknown.
TEST_F(UnknownReal, ThereAreNoMoreThanThereAreIdsFor) {
  constexpr size_t kRoom = 256;
  std::vector<SyncEntry> entries;
  for (size_t i = 0; i < kRoom + 10; ++i) {
    entries.push_back(Entry(static_cast<uint16_t>(2000 + i),
                            "10.3." + std::to_string(i / 200) + "." + std::to_string(i % 200)));
  }
  for (size_t i = 0; i < entries.size(); i += 100) {
    Hear({entries.begin() + static_cast<ptrdiff_t>(i),
          entries.begin() + static_cast<ptrdiff_t>(std::min(i + 100, entries.size()))});
  }
  EXPECT_EQ(bed.unknown_count(), kRoom);
  EXPECT_EQ(bed.RefusedFor(SyncFault::kUnknownFull), 10u);
  EXPECT_EQ(Names().size(), kRoom);
}

}  // namespace
}  // namespace fairlead::sync::unknown_real_test
