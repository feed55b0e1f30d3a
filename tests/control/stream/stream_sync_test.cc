// Two directors over real sockets of this machine.
#include "control/sync/stream/stream_sync.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/write.hpp>
#include <filesystem>
#include <fstream>
#include <utility>

#include "control/stream/stream_pair.h"
#include "test_certificate.h"

namespace fairlead::control::stream_sync_test {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using std::chrono::milliseconds;

// A free port of the loopback device, most likely still free a moment later.
uint16_t FreePort() {
  asio::io_context io;
  return tcp::acceptor(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0))
      .local_endpoint()
      .port();
}

Endpoint Local(uint16_t port) { return {Ipv4Address::FromHost(0x7f00'0001), Be16::FromHost(port)}; }

class KeyFile {
 public:
  explicit KeyFile(const std::string& text) {
    ::close(::mkstemp(path.data()));
    Write(text);
  }
  ~KeyFile() { std::filesystem::remove(path); }
  void Write(const std::string& text) const { std::ofstream(path) << text; }

  std::string path = std::filesystem::temp_directory_path() / "fairlead-key-XXXXXX";
};

struct One {
  One(asio::io_context& io, std::string own, uint64_t incarnation)
      : name(std::move(own)), sync(io, tables, {.incarnation = incarnation, .seed = incarnation}) {}

  [[nodiscard]] StreamPeerInfo info() const { return sync.info()->peers.at(0); }
  [[nodiscard]] StreamState state() const { return info().state; }

  std::string name;
  StreamConfig config;
  FakeStreamTables tables;
  StreamSync sync;
};

class StreamSyncTest : public testing::Test {
 protected:
  StreamSyncTest() {
    const uint16_t port_a = FreePort(), port_b = FreePort();
    a.config.listen = Local(port_a);
    b.config.listen = Local(port_b);
    a.config.peers = {{"b", Local(port_b)}};
    b.config.peers = {{"a", Local(port_a)}};
  }
  void UseKeys(const std::string& of_a, const std::string& of_b) {
    a.config.key_file = of_a;
    b.config.key_file = of_b;
  }
  void Turn() {
    now += milliseconds(5);
    if (is_a_on) a.sync.Turn(now, a.config, a.name);
    b.sync.Turn(now, b.config, b.name);
    io.restart();
    io.run_for(milliseconds(1));
  }
  // At most so many turns; false: it did not come to that.
  template <typename Condition>
  bool Until(Condition condition, int turns = 4000) {
    for (int i = 0; i < turns; ++i) {
      if (condition()) return true;
      Turn();
    }
    return condition();
  }
  bool UntilInSync() {
    Turn();
    return Until(
        [this] { return a.state() == StreamState::kInSync && b.state() == StreamState::kInSync; });
  }
  // Whether that is why there is no session.
  bool UntilError(const One& one, const std::string& words) {
    Turn();
    return Until([&] { return one.info().last_error.find(words) != std::string::npos; }, 1500);
  }

  asio::io_context io;
  TimePoint now{std::chrono::hours(1)};
  bool is_a_on = true;
  One a{io, "a", 1}, b{io, "b", 2};
};

TEST_F(StreamSyncTest, MeetInTheClearOverLoopback) {
  for (uint32_t i = 0; i < 3000; ++i) a.tables.Put(EntryOf(i));
  a.tables.slice = 1000;
  ASSERT_TRUE(UntilInSync()) << a.info().last_error << b.info().last_error;
  EXPECT_EQ(b.tables.entries.size(), 3000U);
  EXPECT_TRUE(a.info().calls);
  EXPECT_FALSE(b.info().calls);
  EXPECT_FALSE(a.sync.info()->is_encrypted);
  EXPECT_TRUE(b.sync.info()->is_listening);
  EXPECT_EQ(b.info().counts.connections_in, 3000U);
  EXPECT_EQ(b.sync.guests(), 0U);
  b.tables.Put(EntryOf(5000));
  EXPECT_TRUE(Until([this] { return a.tables.entries.size() == 3001; }));
}

// `peers: fleet`: directors come and go, also all of them.
TEST_F(StreamSyncTest, OneOfAFleetListensBeforeThereAreOthers) {
  const auto peers_of_b = std::exchange(b.config.peers, {});
  EXPECT_FALSE(Until([this] { return b.sync.info() != nullptr; }, 50));
  b.config.has_fleet_peers = true;
  ASSERT_TRUE(Until([this] { return b.sync.info() && b.sync.info()->is_listening; }));
  EXPECT_TRUE(b.sync.info()->is_of_fleet);
  EXPECT_TRUE(b.sync.info()->peers.empty());
  EXPECT_TRUE(b.sync.readiness().empty());
  b.config.peers = peers_of_b;
  a.tables.Put(EntryOf(1));
  ASSERT_TRUE(UntilInSync()) << a.info().last_error << b.info().last_error;
  EXPECT_EQ(b.tables.entries.size(), 1U);
  b.config.peers.clear();
  Turn();
  EXPECT_TRUE(b.sync.info()->is_listening);
  EXPECT_TRUE(Until([this] { return a.state() != StreamState::kInSync; }));
}

TEST_F(StreamSyncTest, MeetWithASharedKey) {
  const KeyFile one("0123456789abcdef0123456789abcdef\n"), same("0123456789abcdef0123456789abcdef");
  UseKeys(one.path, same.path);
  a.tables.Put(EntryOf(1));
  ASSERT_TRUE(UntilInSync()) << a.info().last_error << b.info().last_error;
  EXPECT_EQ(b.tables.entries.size(), 1U);
  EXPECT_TRUE(a.sync.info()->is_encrypted);
}

TEST_F(StreamSyncTest, AnotherKeyIsRefused) {
  const KeyFile one("0123456789abcdef0123456789abcdef"), other("0123456789abcdef0123456789abcdee");
  UseKeys(one.path, other.path);
  EXPECT_TRUE(UntilError(a, "the same key in sync.key_file")) << a.info().last_error;
  EXPECT_EQ(b.state(), StreamState::kAwaited);
  EXPECT_GT(b.sync.info()->strangers, 0U);
  // Replaced at run time: the next attempt has it.
  other.Write("0123456789abcdef0123456789abcdef");
  EXPECT_TRUE(UntilInSync()) << a.info().last_error;
  EXPECT_EQ(a.info().last_error, "");  // at once
}

TEST_F(StreamSyncTest, NothingGoesInTheClearToWhoHasAKey) {
  const KeyFile key("0123456789abcdef0123456789abcdef");
  UseKeys("", key.path);
  EXPECT_TRUE(Until([this] { return b.sync.info() && b.sync.info()->strangers > 0; }));
  EXPECT_EQ(b.state(), StreamState::kAwaited);
  EXPECT_EQ(a.info().counts.entries_in, 0U);
}

TEST_F(StreamSyncTest, AKeyThatOthersMayReadOrThatIsShortIsRefused) {
  const KeyFile key("0123456789abcdef");
  const KeyFile little("0123456789abcde\n");
  UseKeys(key.path, little.path);
  std::filesystem::permissions(key.path, std::filesystem::perms(0644));
  Turn();
  EXPECT_NE(a.sync.info()->problem.find("everybody may read"), std::string::npos)
      << a.sync.info()->problem;
  EXPECT_NE(b.sync.info()->problem.find("openssl rand"), std::string::npos);
  for (int i = 0; i < 200; ++i) Turn();
  EXPECT_EQ(b.sync.info()->strangers, 0U);  // the other does not even try
}

TEST_F(StreamSyncTest, MeetWithCertificatesOfTheirNames) {
  const TestCertificate of_a("a", 86400), of_b("b", 86400);
  a.config.certificate = a.config.key = of_a.file();
  b.config.certificate = b.config.key = of_b.file();
  a.config.ca = of_b.file();
  b.config.ca = of_a.file();
  for (const auto& file : {of_a.file(), of_b.file()}) {
    std::filesystem::permissions(file, std::filesystem::perms(0600));
  }
  ASSERT_TRUE(UntilInSync()) << a.info().last_error << b.info().last_error
                             << a.sync.info()->problem;
}

TEST_F(StreamSyncTest, ACertificateOfAnotherNameIsRefused) {
  const TestCertificate of_a("a", 86400), of_c("c", 86400);
  a.config.certificate = a.config.key = of_a.file();
  b.config.certificate = b.config.key = of_c.file();
  a.config.ca = of_c.file();
  b.config.ca = of_a.file();
  for (const auto& file : {of_a.file(), of_c.file()}) {
    std::filesystem::permissions(file, std::filesystem::perms(0600));
  }
  EXPECT_TRUE(UntilError(a, "not of the name \"b\"")) << a.info().last_error;
  EXPECT_EQ(b.state(), StreamState::kAwaited);
}

TEST_F(StreamSyncTest, ACertificateOfAnotherAuthorityIsRefused) {
  const TestCertificate of_a("a", 86400), of_b("b", 86400);
  a.config.certificate = a.config.key = of_a.file();
  b.config.certificate = b.config.key = of_b.file();
  a.config.ca = b.config.ca = of_b.file();
  for (const auto& file : {of_a.file(), of_b.file()}) {
    std::filesystem::permissions(file, std::filesystem::perms(0600));
  }
  EXPECT_TRUE(UntilError(a, "the other's sync.ca has signed")) << a.info().last_error;
  EXPECT_EQ(b.info().counts.sessions, 0U);
}

TEST_F(StreamSyncTest, AnUnknownNameIsRefusedAndToldWhy) {
  b.config.peers[0].name = "aa";
  EXPECT_TRUE(UntilError(a, "sync.peers there must have \"a\"")) << a.info().last_error;
  b.config.peers[0].name = "a";
  EXPECT_TRUE(UntilInSync()) << a.info().last_error;
}

TEST_F(StreamSyncTest, GoesOnAfterARestartOfThePeer) {
  ASSERT_TRUE(UntilInSync());
  is_a_on = false;
  ASSERT_TRUE(Until([this] { return b.state() == StreamState::kAwaited; }));
  EXPECT_NE(b.info().last_error.find("nothing was heard"), std::string::npos);
  EXPECT_FALSE(b.sync.readiness()[0].is_reachable);
  b.tables.Put(EntryOf(7));
  is_a_on = true;
  ASSERT_TRUE(UntilInSync());
  EXPECT_EQ(a.tables.entries.size(), 1U);
  EXPECT_TRUE(b.sync.readiness()[0].is_taken_in);
  EXPECT_EQ(b.info().counts.sessions, 2U);
}

// It answers, and refuses: that is no reason to wait for longer than for one that is away.
TEST_F(StreamSyncTest, APeerThatRefusesAgainAndAgainStopsCounting) {
  b.config.peers[0].name = "aa";
  Turn();
  const TimePoint begun = a.sync.readiness()[0].unreachable_since;
  EXPECT_EQ(begun, now);
  Readiness gate;
  const ReadyRule rule{.ready_lag = milliseconds(500), .ready_timeout = std::chrono::seconds(5)};
  EXPECT_TRUE(Until([&] {
    now += milliseconds(100);
    gate.Turn(now, {.is_forwarding = true, .peers = a.sync.readiness()}, rule);
    return gate.is_ready() && a.info().counts.sessions >= 4;
  }));
  EXPECT_EQ(a.sync.readiness()[0].unreachable_since, begun);
  b.config.peers[0].name = "a";
  ASSERT_TRUE(UntilInSync());
  // One that had given all it has counts anew.
  is_a_on = false;
  ASSERT_TRUE(Until([this] { return b.state() == StreamState::kAwaited; }));
  EXPECT_EQ(b.sync.readiness()[0].unreachable_since, now);
}

// A lag that comes and goes is one line a minute.
TEST_F(StreamSyncTest, ALagNearTheThresholdDoesNotFloodTheLog) {
  ASSERT_TRUE(UntilInSync());
  a.config.ready_lag = b.config.ready_lag = Duration{100};
  Turn();
  testing::internal::CaptureStderr();
  for (uint32_t i = 0; i < 5; ++i) {
    b.tables.is_stuck = true;
    a.tables.Put(EntryOf(i));
    EXPECT_TRUE(Until([this] { return a.state() == StreamState::kBehind; }, 200));
    Turn();
    b.tables.is_stuck = false;
    EXPECT_TRUE(UntilInSync());
    Turn();
  }
  const std::string log = testing::internal::GetCapturedStderr();
  const auto count = [&log](const std::string& words) {
    size_t found = 0;
    for (size_t at = log.find(words); at != std::string::npos; at = log.find(words, at + 1))
      ++found;
    return found;
  };
  EXPECT_LE(count("not in sync any more"), 2U) << log;  // of each of the two
  EXPECT_GE(count("not in sync any more"), 1U);
  EXPECT_LE(count("in sync with a director"), 2U) << log;
}

// Whoever calls, and without a silence that looks like a lag.
TEST_F(StreamSyncTest, OneThatStopsSaysSo) {
  const KeyFile key("0123456789abcdef0123456789abcdef");
  UseKeys(key.path, key.path);
  ASSERT_TRUE(UntilInSync()) << a.info().last_error;
  EXPECT_TRUE(a.sync.Leave(now));
  EXPECT_TRUE(Until([this] { return b.state() == StreamState::kAwaited; }, 500));
  EXPECT_EQ(b.info().last_error, "the peer has been stopped");
  EXPECT_FALSE(b.sync.readiness()[0].is_reachable);
  for (int i = 0; i < 300; ++i) Turn();
  EXPECT_EQ(b.info().counts.sessions, 1U);  // it does not call any more
  EXPECT_FALSE(a.sync.Leave(now));
}

TEST_F(StreamSyncTest, AListenerThatStopsSaysSo) {
  ASSERT_TRUE(UntilInSync());
  EXPECT_TRUE(b.sync.Leave(now));
  EXPECT_TRUE(Until([this] { return a.state() == StreamState::kUnreachable; }, 500));
  EXPECT_EQ(a.info().last_error, "the peer has been stopped");
}

// As when keepalived brings its services after the peer's table has come.
TEST_F(StreamSyncTest, ATableIsAskedForAgainWhenAServiceIsThereThatWasLacking) {
  for (uint32_t i = 0; i < 100; ++i) b.tables.Put(EntryOf(i));
  a.tables.is_unserved = true;
  a.sync.NoteServed(1);
  ASSERT_TRUE(UntilInSync());
  EXPECT_TRUE(a.tables.entries.empty());
  a.sync.NoteServed(1);
  for (int i = 0; i < 100; ++i) Turn();
  EXPECT_EQ(a.info().counts.sessions, 1U) << "nothing has changed";

  a.tables.is_unserved = false;
  a.sync.NoteServed(2);
  EXPECT_TRUE(Until([this] { return a.tables.entries.size() == 100; }));
  ASSERT_TRUE(UntilInSync());
  EXPECT_EQ(a.info().counts.sessions, 2U);
  EXPECT_EQ(a.info().last_error, "");
  EXPECT_EQ(b.info().last_error, "");
  a.sync.NoteServed(3);
  for (int i = 0; i < 600; ++i) Turn();
  EXPECT_EQ(a.info().counts.sessions, 2U) << "nothing has been refused since";
}

TEST_F(StreamSyncTest, ATableIsNotAskedForAgainAllTheTime) {
  b.tables.Put(EntryOf(1));
  a.tables.is_unserved = true;
  ASSERT_TRUE(UntilInSync());
  for (uint64_t served = 1; served <= 800; ++served) {
    a.sync.NoteServed(served);
    Turn();
  }
  EXPECT_GE(a.info().counts.sessions, 2U);
  EXPECT_LE(a.info().counts.sessions, 4U) << "in four seconds";
}

TEST_F(StreamSyncTest, PeersComeAndGoWithTheConfiguration) {
  EXPECT_EQ(a.sync.info(), nullptr);
  ASSERT_TRUE(UntilInSync());
  EXPECT_TRUE(a.tables.is_told);
  const auto peers = std::exchange(a.config.peers, {});
  ASSERT_TRUE(Until([this] { return b.state() == StreamState::kAwaited; }));
  EXPECT_EQ(a.sync.info(), nullptr);
  EXPECT_FALSE(a.tables.is_told);
  a.config.peers = peers;
  EXPECT_TRUE(UntilInSync());
}

TEST_F(StreamSyncTest, AnAddressThatNobodyListensOnIsNamed) {
  a.config.peers[0].address = Local(FreePort());
  EXPECT_TRUE(UntilError(a, "cannot connect to 127.0.0.1:")) << a.info().last_error;
  EXPECT_EQ(a.state(), StreamState::kUnreachable);
}

TEST_F(StreamSyncTest, AListenerThatCannotBeIsNamed) {
  const tcp::acceptor taken(
      io, tcp::endpoint(asio::ip::address_v4::loopback(), b.config.listen.port.host()));
  Turn();
  EXPECT_FALSE(b.sync.info()->is_listening);
  EXPECT_NE(b.sync.info()->problem.find("sync.listen must be"), std::string::npos);
}

TEST_F(StreamSyncTest, StrangersHaveFewSeatsAndLittleTime) {
  is_a_on = false;
  Turn();
  std::vector<tcp::socket> strangers;
  for (int i = 0; i < 12; ++i) {
    strangers.emplace_back(io).connect(b.sync.listen_endpoint());
    Turn();
    Turn();
    EXPECT_LE(b.sync.guests(), StreamSync::kMostGuests);
  }
  EXPECT_EQ(b.sync.guests(), StreamSync::kMostGuests);
  EXPECT_EQ(b.sync.info()->strangers, 4U);
  EXPECT_TRUE(Until([this] { return b.sync.guests() == 0; }, 1200));
  is_a_on = true;
  EXPECT_TRUE(UntilInSync());
}

TEST_F(StreamSyncTest, GuestsOfTheConfigurationBeforeAreClosed) {
  is_a_on = false;
  Turn();
  tcp::socket guest(io);
  guest.connect(b.sync.listen_endpoint());
  ASSERT_TRUE(Until([this] { return b.sync.guests() == 1; }, 100));
  const KeyFile key("0123456789abcdef0123456789abcdef");
  b.config.key_file = key.path;
  Turn();
  EXPECT_EQ(b.sync.guests(), 0U);
}

TEST_F(StreamSyncTest, AGuestOfTheKeyBeforeIsNotSeated) {
  const KeyFile key("0123456789abcdef0123456789abcdef");
  UseKeys(key.path, key.path);
  is_a_on = false;
  Turn();
  const auto tls = StreamTls::Make(StreamTls::SpecOf(b.config));
  ASSERT_TRUE(tls);
  const auto link = std::make_shared<StreamLink>(tcp::socket(io), *tls, StreamLink::Side::kDialer);
  bool is_closed = false;
  link->Dial(b.sync.listen_endpoint(), {.opened = [] {},
                                        .received = [](std::span<const uint8_t>) {},
                                        .closed = [&](const std::string&) { is_closed = true; }});
  ASSERT_TRUE(Until([&] { return link->is_open() && b.sync.guests() == 1; }, 200));
  key.Write("0123456789abcdef0123456789abcdee");
  now += StreamSync::kFileLook;
  Turn();
  ASSERT_EQ(b.sync.guests(), 1U);
  std::vector<uint8_t> hello;
  sync::EncodeHello({.name = "a", .incarnation = 1, .first_sequence = 1, .window = 16384}, &hello);
  link->Send(std::move(hello));
  EXPECT_TRUE(Until([&] { return is_closed; }, 800));
  EXPECT_EQ(b.info().counts.sessions, 0U);
  EXPECT_EQ(b.sync.info()->strangers, 1U);
}

// However many turns there are in a second.
TEST_F(StreamSyncTest, StrangersOfOtherAddressesAreFewASecond) {
  is_a_on = false;
  Turn();
  std::vector<tcp::socket> strangers;
  const auto call = [&] {
    tcp::socket& stranger = strangers.emplace_back(io, tcp::v4());
    stranger.bind({asio::ip::address_v4(0x7f00'0002), 0});
    stranger.connect(b.sync.listen_endpoint());
    stranger.non_blocking(true);
    now -= milliseconds(10);
    Turn();
    Turn();
  };
  const auto is_open = [&](size_t i) {
    char byte = 0;
    boost::system::error_code error;
    strangers.at(i).read_some(asio::buffer(&byte, 1), error);
    return error == asio::error::would_block;
  };
  for (int i = 0; i < 40; ++i) call();
  EXPECT_TRUE(
      Until([this] { return b.sync.info()->strangers == 40 - StreamSync::kMostGuests; }, 20));
  EXPECT_TRUE(is_open(StreamSync::kStrangersASecond - 1));
  EXPECT_FALSE(is_open(StreamSync::kStrangersASecond));
  EXPECT_FALSE(is_open(39));
  now += std::chrono::seconds(1);
  call();
  EXPECT_TRUE(is_open(40));
  // A peer's address is let in all the same.
  is_a_on = true;
  EXPECT_TRUE(UntilInSync());
}

TEST_F(StreamSyncTest, WhatIsNoHelloIsRefused) {
  is_a_on = false;
  Turn();
  for (const std::string& text : {std::string("GET / HTTP/1.1\r\n\r\n"), std::string(2000, '\1')}) {
    tcp::socket stranger(io);
    stranger.connect(b.sync.listen_endpoint());
    asio::write(stranger, asio::buffer(text));
    const uint64_t before = b.sync.info()->strangers;
    EXPECT_TRUE(Until([&] { return b.sync.info()->strangers == before + 1; }, 200));
    EXPECT_EQ(b.sync.guests(), 0U);
  }
}

}  // namespace
}  // namespace fairlead::control::stream_sync_test
