// The kernel twin over the life of several directors, each test in a network namespace of its own.
// Needs root, /dev/net/tun and ip(8), which plays the administrator.
#include "dataplane/dpdk/tap.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "kernel/line.h"
#include "kernel/link.h"
#include "kernel/netlink.h"
#include "kernel/twin.h"

namespace fairlead::edge::tap_test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kDirector = "edge-1";

// What ip(8) prints, standard error included.
std::string Ip(const std::string& words) {
  FILE* pipe = popen(("ip " + words + " 2>&1").c_str(), "r");
  std::string text;
  std::array<char, 4096> piece;
  while (fgets(piece.data(), piece.size(), pipe) != nullptr) text += piece.data();
  EXPECT_EQ(pclose(pipe), 0) << "ip " << words << ": " << text;
  return text;
}

// One line for each address: "192.0.2.2/24 2001:db8::2/64".
std::string AddressesOf(const std::string& interface) {
  std::string all;
  for (std::string rest = Ip("-br addr show dev " + interface); !rest.empty();) {
    const size_t end = rest.find_first_of(" \n");
    const std::string word = rest.substr(0, end);
    if (word.find('/') != std::string::npos) all += (all.empty() ? "" : " ") + word;
    rest = end == std::string::npos ? "" : rest.substr(end + 1);
  }
  return all;
}

// Of the main table, but for those that come with an address.
std::string RoutesOf(const std::string& interface) {
  std::string text = Ip("route show dev " + interface) + Ip("-6 route show dev " + interface);
  std::string kept;
  while (!text.empty()) {
    const std::string line = text.substr(0, text.find('\n') + 1);
    if (line.find("proto kernel") == std::string::npos) kept += line;
    text = text.substr(line.size());
  }
  return kept;
}

PortSpec Outside(std::vector<Prefix> addresses, std::vector<HostRoute> routes = {}) {
  return {.name = "outside",
          .has_host = true,
          .addresses = std::move(addresses),
          .routes = std::move(routes)};
}

Prefix P(const char* text) { return *Prefix::Parse(text); }
HostRoute Via(const char* to, const char* via) { return {P(to), *IpAddress::Parse(via)}; }

// Opens the interface by hand as another program would.
int OpenByHand(const char* name, int flags) {
  const int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
  ifreq request{};
  request.ifr_flags = static_cast<short>(flags);
  std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  EXPECT_EQ(ioctl(fd, TUNSETIFF, &request), 0) << name << ": " << std::strerror(errno);
  return fd;
}

std::optional<kernel::Link> LinkOf(const std::string& name) {
  Result<kernel::Netlink> netlink = kernel::Netlink::Open();
  EXPECT_TRUE(netlink);
  Result<std::optional<kernel::Link>> link = kernel::FindLink(*netlink, name);
  EXPECT_TRUE(link);
  return *link;
}

class TapTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(geteuid(), 0u) << "run as root: the kernel twin is a tap interface";
    ASSERT_EQ(unshare(CLONE_NEWNET), 0);
    Ip("link set lo up");
  }

  // A director's life: it opens the twin, its start is complete, and it ends.
  void LiveOnce(const PortSpec& port, const char* director = kDirector) {
    Result<Tap> tap = Tap::Open(port, director);
    ASSERT_TRUE(tap) << tap.error().ToString();
    ASSERT_TRUE(tap->Keep());
  }

  std::string RefusalOf(const PortSpec& port) {
    const Result<Tap> tap = Tap::Open(port, kDirector);
    return tap ? "not refused" : tap.error().ToString();
  }

  const PortSpec plain_ = Outside({P("192.0.2.2/24"), P("2001:db8::2/64")},
                                  {Via("0.0.0.0/0", "192.0.2.1"), Via("::/0", "2001:db8::1")});
};

TEST_F(TapTest, HasWhatTheConfigurationNames) {
  const Result<Tap> tap = Tap::Open(plain_, kDirector);
  ASSERT_TRUE(tap) << tap.error().ToString();
  EXPECT_EQ(AddressesOf("fl-outside"), "192.0.2.2/24 2001:db8::2/64");
  EXPECT_EQ(RoutesOf("fl-outside"),
            "default via 192.0.2.1 proto 70 metric 4096 \n"
            "default via 2001:db8::1 proto 70 metric 4096 pref medium\n");
  const std::optional<kernel::Link> link = LinkOf("fl-outside");
  ASSERT_TRUE(link);
  EXPECT_EQ(link->alias, "fairlead: kernel twin of director edge-1");
  EXPECT_TRUE(link->has_carrier);
}

TEST_F(TapTest, OutlivesItsDescriptorWithoutCarrier) {
  LiveOnce(plain_);
  const std::optional<kernel::Link> left = LinkOf("fl-outside");
  ASSERT_TRUE(left);
  EXPECT_FALSE(left->has_carrier);
  EXPECT_EQ(AddressesOf("fl-outside"), "192.0.2.2/24 2001:db8::2/64");

  const Result<Tap> tap = Tap::Open(plain_, kDirector);
  ASSERT_TRUE(tap) << tap.error().ToString();
  const std::optional<kernel::Link> adopted = LinkOf("fl-outside");
  ASSERT_TRUE(adopted);
  EXPECT_EQ(adopted->index, left->index);
  EXPECT_TRUE(adopted->has_carrier);
}

TEST_F(TapTest, AStartThatFailsLeavesTheTwinsThatWereThereAndNoNewOne) {
  LiveOnce(plain_);
  Ip("addr add 192.0.2.9/24 dev fl-outside");
  PortSpec inside = Outside({P("10.0.0.1/24")});
  inside.name = "inside";
  {
    const Result<Tap> adopted = Tap::Open(plain_, kDirector);
    const Result<Tap> made = Tap::Open(inside, kDirector);
    ASSERT_TRUE(adopted && made);
    EXPECT_EQ(AddressesOf("fl-inside"), "10.0.0.1/24");
  }
  EXPECT_FALSE(LinkOf("fl-inside"));
  EXPECT_THAT(AddressesOf("fl-outside"), HasSubstr("192.0.2.9/24"));
}

TEST_F(TapTest, AdoptionKeepsWhatOthersHavePutThere) {
  LiveOnce(plain_);
  Ip("addr add 192.0.2.9/24 dev fl-outside");
  Ip("addr add 203.0.113.9/32 dev fl-outside");
  Ip("addr add 2001:db8::9/64 dev fl-outside nodad");
  Ip("route add 198.51.100.0/24 via 192.0.2.1 dev fl-outside proto bird");
  Ip("route add 2001:db8:9::/48 dev fl-outside");
  const Result<Tap> tap = Tap::Open(plain_, kDirector);
  ASSERT_TRUE(tap) << tap.error().ToString();
  for (const char* address : {"192.0.2.9/24", "203.0.113.9/32", "2001:db8::9/64"}) {
    EXPECT_THAT(AddressesOf("fl-outside"), HasSubstr(address));
  }
  EXPECT_THAT(RoutesOf("fl-outside"), HasSubstr("198.51.100.0/24 via 192.0.2.1 proto bird"));
  EXPECT_THAT(RoutesOf("fl-outside"), HasSubstr("2001:db8:9::/48"));
}

TEST_F(TapTest, AdoptionAddsWhatIsMissing) {
  LiveOnce(plain_);
  Ip("addr del 192.0.2.2/24 dev fl-outside");
  Ip("addr del 2001:db8::2/64 dev fl-outside");
  LiveOnce(plain_);
  EXPECT_EQ(AddressesOf("fl-outside"), "192.0.2.2/24 2001:db8::2/64");
  EXPECT_THAT(RoutesOf("fl-outside"), HasSubstr("default via 192.0.2.1 proto 70 metric 4096"));
}

// 192.0.2.9 is a secondary address of the one that goes: the kernel would take it along.
TEST_F(TapTest, WhatTheConfigurationNoLongerNamesGoes) {
  LiveOnce(Outside({P("192.0.2.2/24"), P("198.51.100.2/24"), P("2001:db8::2/64"), P("fd00::2/64")},
                   {Via("0.0.0.0/0", "192.0.2.1"), Via("203.0.113.0/24", "198.51.100.1"),
                    Via("::/0", "2001:db8::1")}));
  Ip("addr add 192.0.2.9/24 dev fl-outside");
  Ip("route add 192.88.99.0/24 via 192.0.2.7 dev fl-outside");
  LiveOnce(Outside({P("192.0.2.3/24"), P("2001:db8::2/48")}, {Via("0.0.0.0/0", "192.0.2.254")}));
  EXPECT_EQ(AddressesOf("fl-outside"), "192.0.2.9/24 192.0.2.3/24 2001:db8::2/48");
  EXPECT_THAT(RoutesOf("fl-outside"), HasSubstr("default via 192.0.2.254 proto 70"));
  EXPECT_THAT(RoutesOf("fl-outside"), HasSubstr("192.88.99.0/24 via 192.0.2.7"));
  for (const char* gone : {"192.0.2.1 ", "203.0.113.0/24", "2001:db8::1"}) {
    EXPECT_THAT(RoutesOf("fl-outside"), Not(HasSubstr(gone)));
  }
}

TEST_F(TapTest, AnAddressThatWasThereBeforeTheConfigurationNamedItStays) {
  LiveOnce(Outside({}));
  Ip("addr add 192.0.2.2/24 dev fl-outside");
  LiveOnce(Outside({P("192.0.2.2/24")}));
  LiveOnce(Outside({}));
  EXPECT_EQ(AddressesOf("fl-outside"), "192.0.2.2/24");
}

TEST_F(TapTest, ARouteMovesToAnotherTwinInEitherOrder) {
  PortSpec with = Outside({P("192.0.2.2/24")}, {Via("0.0.0.0/0", "192.0.2.1")});
  PortSpec without = Outside({P("192.0.2.3/24")});
  for (const bool is_winner_first : {true, false}) {
    with.name = "a";
    without.name = "b";
    LiveOnce(with);
    LiveOnce(without);
    std::swap(with.name, without.name);
    LiveOnce(is_winner_first ? with : without);
    LiveOnce(is_winner_first ? without : with);
    EXPECT_EQ(RoutesOf("fl-a"), "");
    EXPECT_THAT(RoutesOf("fl-b"), HasSubstr("default via 192.0.2.1 proto 70 metric 4096"));
    Ip("link del fl-a");
    Ip("link del fl-b");
  }
}

TEST_F(TapTest, WaysToOneNetworkStandInTheirOrder) {
  HostRoute spare = Via("0.0.0.0/0", "192.0.2.3");
  spare.preference = 1;
  LiveOnce(Outside({P("192.0.2.2/24")}, {Via("0.0.0.0/0", "192.0.2.1"), spare}));
  EXPECT_THAT(RoutesOf("fl-outside"), HasSubstr("default via 192.0.2.1 proto 70 metric 4096"));
  EXPECT_THAT(RoutesOf("fl-outside"), HasSubstr("default via 192.0.2.3 proto 70 metric 4097"));
  LiveOnce(Outside({P("192.0.2.2/24")}, {Via("0.0.0.0/0", "192.0.2.3")}));
  EXPECT_THAT(RoutesOf("fl-outside"), HasSubstr("default via 192.0.2.3 proto 70 metric 4096"));
  EXPECT_THAT(RoutesOf("fl-outside"), Not(HasSubstr("metric 4097")));
}

TEST_F(TapTest, TheLineOfAnInterfaceFollowsItsOtherEnd) {
  Ip("link add near type veth peer name far");
  Ip("link set near up");
  auto line = kernel::ReadLine("near");
  ASSERT_TRUE(line && *line);
  EXPECT_FALSE((*line)->is_up) << "the other end is down";
  Ip("link set far up");
  // The kernel carries that over from a work queue of its own.
  for (int i = 0; i < 500 && !(*line)->is_up; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    line = kernel::ReadLine("near");
    ASSERT_TRUE(line && *line);
  }
  EXPECT_TRUE((*line)->is_up);
  EXPECT_EQ((*line)->speed_mbps, 10000u) << "of every veth";
  EXPECT_TRUE((*line)->is_full_duplex);
  Ip("link set near down");
  line = kernel::ReadLine("near");
  EXPECT_FALSE((*line)->is_up);
  Ip("link del near");
  line = kernel::ReadLine("near");
  ASSERT_TRUE(line);
  EXPECT_FALSE(line->has_value());
}

TEST_F(TapTest, TheMtuOfAnInterfaceCanBeSet) {
  Ip("link add near type veth peer name far");
  EXPECT_TRUE(kernel::SetMtu("near", 9600));
  EXPECT_FALSE(kernel::SetMtu("near", 100'000)) << "more than a veth can do";
  Ip("link del near");
  const Status gone = kernel::SetMtu("near", 9600);
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().message, "near: No such device");
}

TEST_F(TapTest, ARouteOfSomebodyElseWins) {
  Ip("link add other type veth peer name peer");
  Ip("link set other up");
  Ip("addr add 10.9.0.1/24 dev other");
  Ip("route add default via 10.9.0.2 dev other metric 4096");
  LiveOnce(plain_);
  EXPECT_THAT(RoutesOf("other"), HasSubstr("default via 10.9.0.2"));
  EXPECT_THAT(RoutesOf("fl-outside"), Not(HasSubstr("192.0.2.1")));
}

TEST_F(TapTest, AnotherKindOfInterfaceIsRefusedAndStays) {
  Ip("link add fl-outside type veth peer name peer");
  EXPECT_EQ(RefusalOf(plain_),
            "port outside: the kernel twin is to be called fl-outside, but that is an interface of "
            "kind veth; rename it (ip link set fl-outside name OTHER), or the port");
  EXPECT_EQ(LinkOf("fl-outside")->kind, "veth");
  Ip("link del fl-outside");
  Ip("tuntap add fl-outside mode tun");
  EXPECT_THAT(RefusalOf(plain_), HasSubstr("that is a tun interface without Ethernet"));
  EXPECT_TRUE(LinkOf("fl-outside"));
}

TEST_F(TapTest, OneThatIsOpenIsRefused) {
  const Result<Tap> first = Tap::Open(plain_, kDirector);
  ASSERT_TRUE(first);
  EXPECT_THAT(RefusalOf(Outside({})), HasSubstr("port outside: another process has the kernel twin "
                                                "fl-outside open"));
  EXPECT_EQ(AddressesOf("fl-outside"), "192.0.2.2/24 2001:db8::2/64");
  EXPECT_TRUE(LinkOf("fl-outside")->has_carrier);
}

TEST_F(TapTest, OneWithSeveralQueuesIsMadeAnewUnlessItIsOpen) {
  const int held = OpenByHand("fl-outside", IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE);
  ASSERT_EQ(ioctl(held, TUNSETPERSIST, 1), 0);
  EXPECT_THAT(RefusalOf(plain_), HasSubstr("another process has the kernel twin fl-outside open"));
  close(held);
  ASSERT_TRUE(LinkOf("fl-outside")->is_multi_queue);
  LiveOnce(plain_);
  EXPECT_FALSE(LinkOf("fl-outside")->is_multi_queue);
  EXPECT_EQ(AddressesOf("fl-outside"), "192.0.2.2/24 2001:db8::2/64");
}

// One with headers before each frame, as a virtual machine's: the next descriptor says what it
// reads.
TEST_F(TapTest, OneThatAnotherProgramHadIsReadAsFrames) {
  const int other = OpenByHand("fl-outside", IFF_TAP | IFF_VNET_HDR);
  ASSERT_EQ(ioctl(other, TUNSETPERSIST, 1), 0);
  close(other);
  const Result<Tap> tap = Tap::Open(plain_, kDirector);
  ASSERT_TRUE(tap) << tap.error().ToString();
  ifreq request{};
  ASSERT_EQ(ioctl(tap->fd(), TUNGETIFF, &request), 0);
  EXPECT_EQ(request.ifr_flags & (IFF_TAP | IFF_TUN | IFF_NO_PI | IFF_VNET_HDR),
            IFF_TAP | IFF_NO_PI);
}

TEST_F(TapTest, AdoptedItCarriesFrames) {
  LiveOnce(plain_);
  const Result<Tap> tap = Tap::Open(plain_, kDirector);
  ASSERT_TRUE(tap);
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(9);
  to.sin_addr.s_addr = htonl(0xc000024d);  // 192.0.2.77
  // The kernel drops what it sends until it has noticed the carrier, a moment later.
  std::array<uint8_t, 2048> frame;
  ssize_t length = -1;
  for (int tries = 0; length < 0 && tries < 1000; ++tries) {
    ASSERT_EQ(sendto(fd, "hello", 5, 0, reinterpret_cast<sockaddr*>(&to), sizeof to), 5);
    length = read(tap->fd(), frame.data(), frame.size());
    while (length > 0 && (frame[12] != 0x08 || frame[13] != 0)) {  // what IPv6 says by itself
      length = read(tap->fd(), frame.data(), frame.size());
    }
    if (length < 0) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  close(fd);
  ASSERT_EQ(length, 14 + 20 + 8 + 5);
  EXPECT_EQ(std::memcmp(frame.data() + 42, "hello", 5), 0);
}

TEST_F(TapTest, PassesFromOneProcessToTheNextWithoutLosingItsCarrier) {
  Result<Tap> old = Tap::Open(plain_, kDirector);
  ASSERT_TRUE(old && old->Keep());
  const int passed = fcntl(old->fd(), F_DUPFD, 0);  // without FD_CLOEXEC, as from a socket
  close(old->Release());
  EXPECT_EQ(old->fd(), -1);
  EXPECT_TRUE(LinkOf("fl-outside")->has_carrier);
  PortSpec next = plain_;
  next.addresses[0] = P("192.0.2.3/24");
  {
    const Result<Tap> tap = Tap::Adopt(passed, next, kDirector);
    ASSERT_TRUE(tap) << tap.error().ToString();
    EXPECT_EQ(tap->fd(), passed);
    EXPECT_EQ(tap->name(), "fl-outside");
    EXPECT_EQ(tap->mac(), old->mac());
    EXPECT_NE(fcntl(passed, F_GETFD) & FD_CLOEXEC, 0);
    EXPECT_NE(fcntl(passed, F_GETFL) & O_NONBLOCK, 0);
    EXPECT_EQ(AddressesOf("fl-outside"), "192.0.2.3/24 2001:db8::2/64");
  }
  EXPECT_FALSE(LinkOf("fl-outside")->has_carrier);
}

TEST_F(TapTest, ADescriptorOfAnythingElseIsRefusedAndClosed) {
  const auto refusal_of = [&](int fd) {
    const Result<Tap> tap = Tap::Adopt(fd, plain_, kDirector);
    EXPECT_EQ(fcntl(fd, F_GETFD), -1) << "still open";
    return tap ? "not refused" : tap.error().ToString();
  };
  EXPECT_THAT(refusal_of(open("/dev/null", O_RDWR | O_CLOEXEC)),
              HasSubstr("port outside: the descriptor that was passed on is no tap interface"));
  EXPECT_THAT(refusal_of(open("/dev/net/tun", O_RDWR | O_CLOEXEC)),
              HasSubstr("is no tap interface"));
  EXPECT_THAT(refusal_of(OpenByHand("fl-inside", IFF_TAP | IFF_NO_PI)),
              HasSubstr("is that of fl-inside, not of fl-outside"));
  for (const int flags : {IFF_TAP, IFF_TAP | IFF_NO_PI | IFF_VNET_HDR, IFF_TUN | IFF_NO_PI,
                          IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE}) {
    EXPECT_THAT(refusal_of(OpenByHand("fl-outside", flags)),
                HasSubstr("reads other frames than a kernel twin's"));
  }
}

TEST_F(TapTest, TwinsThatNoPortHasAreRemoved) {
  for (const char* name : {"outside", "old", "open"}) {
    PortSpec port = Outside({});
    port.name = name;
    LiveOnce(port);
  }
  PortSpec port = Outside({});
  port.name = "theirs";
  LiveOnce(port, "edge-2");
  port.name = "inside";
  LiveOnce(port, "edge-2");
  Ip("tuntap add fl-byhand mode tap");
  const int held = OpenByHand("fl-open", IFF_TAP | IFF_NO_PI);
  Ip("link set fl-open down");  // held all the same

  EdgeConfig config;
  config.name = kDirector;
  config.ports = {Outside({}), {.name = "inside"}};
  RemoveTwinsWithoutPort(config);
  const std::string left = Ip("-br link show");
  for (const char* stays : {"fl-outside", "fl-open", "fl-theirs", "fl-byhand"}) {
    EXPECT_THAT(left, HasSubstr(stays));
  }
  EXPECT_THAT(left, Not(HasSubstr("fl-old")));
  EXPECT_THAT(left, Not(HasSubstr("fl-inside"))) << "the port is to have no twin";
  close(held);
}

TEST_F(TapTest, TwinsAreListedByTheirMark) {
  LiveOnce(plain_);
  PortSpec port = Outside({});
  port.name = "inside";
  const Result<Tap> held = Tap::Open(port, "edge-2");
  ASSERT_TRUE(held);
  Ip("tuntap add fl-byhand mode tap");
  Result<kernel::Netlink> netlink = kernel::Netlink::Open();
  ASSERT_TRUE(netlink);
  const Result<std::vector<kernel::Twin>> twins = kernel::ListTwins(*netlink);
  ASSERT_TRUE(twins);
  ASSERT_EQ(twins->size(), 2u);
  EXPECT_EQ((*twins)[0].link.name, "fl-outside");
  EXPECT_EQ((*twins)[0].director, "edge-1");
  EXPECT_FALSE((*twins)[0].is_held());
  EXPECT_EQ((*twins)[1].director, "edge-2");
  EXPECT_TRUE((*twins)[1].is_held());
}

}  // namespace
}  // namespace fairlead::edge::tap_test
