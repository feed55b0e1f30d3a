// Whose packets source NAT serves: what real servers send of their own (docs/snat.md).
#include <gtest/gtest.h>

#include "snat_bed.h"

namespace fairlead::dataplane::snat_served_test {
namespace {

using namespace snat_bed;

const std::string kReal = "10.0.0.11";

class SnatServed : public SnatBed {
 protected:
  // A service with one real server.
  void AddReal(const ServiceSpec& service, uint16_t port, ForwardMethod method) {
    d_.AddReal(d_.AddService(service), kReal, port, {.method = method});
  }
  std::string Ask(uint16_t port) { return Send(kInside, Udp(kReal, port, kWorld, 53)); }
};
INSTANTIATE_TEST_SUITE_P(Workers, SnatServed, testing::Values(1, 2, 3));

// A service of TCP says nothing of datagrams, on whatever ports it is.
TEST_P(SnatServed, ARealOfAllPortsOfTcpAsksOverUdp) {
  AddReal({.port = 0, .persistence_seconds = 600}, 0, ForwardMethod::kNat);
  Serve();
  EXPECT_EQ(Ask(40000), "out 203.0.113.9:53 <- 192.0.2.3:40000 UDP ttl 63\n");
  EXPECT_EQ(Send(kOutside, Udp(kWorld, 53, kLocal, 40000)),
            "in 10.0.0.11:40000 <- 203.0.113.9:53 UDP ttl 63\n");
  // What is late of the host is no flow's: it is dropped, as any host's.
  EXPECT_EQ(Send(kInside, ErrorAbout(Udp(kWorld, 9, kReal, 40001), kReal, kWorld, 3, 3, 0, 28)),
            "");
  EXPECT_EQ(d_.dropped(DropReason::kSnatUnsupported), 1u);
  // Of TCP each port is the service's, but a SYN begins a flow.
  EXPECT_EQ(Send(kInside, Tcp(kReal, 40002, kWorld, 443, kTcpAck)),
            "out 203.0.113.9:443 <- 10.0.0.11:40002 TCP A ttl 63\n");
  EXPECT_EQ(Send(kInside, Tcp(kReal, 40002, kWorld, 443, kTcpSyn)),
            "out 203.0.113.9:443 <- 192.0.2.3:40002 TCP S ttl 63\n");
}

// These may be late answers to clients.
TEST_P(SnatServed, DatagramsOfARealOfAllPortsOfUdpKeepTheirAddress) {
  AddReal({.port = 0, .protocol = kProtocolUdp, .persistence_seconds = 600}, 0,
          ForwardMethod::kNat);
  Serve();
  EXPECT_EQ(Ask(40000), "out 203.0.113.9:53 <- 10.0.0.11:40000 UDP ttl 63\n");
  EXPECT_EQ(Sum().begun, 0u);
}

// It answers local endpoints and never a client, so what goes to the world is its own, from the
// service's port too.
TEST_P(SnatServed, WhatAFullnatRealSendsIsItsOwn) {
  AddReal({.port = 53, .protocol = kProtocolUdp}, 53, ForwardMethod::kFullnat);
  Rule("10.0.0.0/24", {kLocal}, 1, 65535);
  Publish();
  EXPECT_EQ(Ask(53), "out 203.0.113.9:53 <- 192.0.2.3:53 UDP ttl 63\n");
  EXPECT_EQ(Send(kOutside, Udp(kWorld, 53, kLocal, 53)),
            "in 10.0.0.11:53 <- 203.0.113.9:53 UDP ttl 63\n");
  EXPECT_EQ(Send(kInside, ErrorAbout(Udp(kWorld, 9, kReal, 53), kReal, kWorld, 3, 3, 0, 28)), "");
  EXPECT_EQ(d_.dropped(DropReason::kSnatUnsupported), 1u);
  EXPECT_EQ(d_.CheckConservation(), "");
}

}  // namespace
}  // namespace fairlead::dataplane::snat_served_test
