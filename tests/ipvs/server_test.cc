// The socket: what programs may do to it, and what that does to others.

#include "control/api/ipvs/server.h"

#include <grp.h>
#include <gtest/gtest.h>
#include <linux/ip_vs.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "control/api/ipvs/peer.h"
#include "control/api/session_budget.h"
#include "test_director.h"

namespace fairlead::testing::server_test {
namespace {

using namespace ipvs;

constexpr int kRounds = 2000;

class ServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const Status listening = server->Listen(path);
    ASSERT_TRUE(listening) << listening.error().ToString();
  }
  void TearDown() override {
    server.reset();
    std::filesystem::remove_all(directory);
  }

  FileDescriptor Connect() {
    FileDescriptor socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    sockaddr_un where{};
    where.sun_family = AF_UNIX;
    path.copy(where.sun_path, sizeof where.sun_path - 1);
    EXPECT_EQ(::connect(socket.get(), reinterpret_cast<sockaddr*>(&where), sizeof where), 0);
    return socket;
  }

  void Turn() {
    director.Turn();
    director.io->restart();
    director.io->poll();
  }

  static bool Send(const FileDescriptor& socket, const Record& record) {
    return ::send(socket.get(), record.data(), record.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(record.size());
  }

  // The next record; empty: the director has closed.
  Record Receive(const FileDescriptor& socket) {
    Record record(kMostRequestBytes);
    for (int round = 0; round < kRounds; ++round) {
      Turn();
      const ssize_t length = ::recv(socket.get(), record.data(), record.size(), 0);
      if (length < 0 && errno == EAGAIN) continue;
      record.resize(static_cast<size_t>(std::max<ssize_t>(length, 0)));
      return record;
    }
    ADD_FAILURE() << "nothing came";
    return {};
  }

  int ErrorOf(const FileDescriptor& socket, const Record& request) {
    EXPECT_TRUE(Send(socket, request));
    const auto answers = ReadAnswers(Receive(socket));
    return answers.size() == 1 && answers[0].error ? *answers[0].error : -1;
  }

  const std::string directory = ::testing::TempDir() + "ipvs-" + std::to_string(::getpid());
  const std::string path = directory + "/run/ipvs.sock";
  TestDirector director{"services: [{ mark: 3 }]\n"};
  std::unique_ptr<Server> server = std::make_unique<Server>(*director.io, director.dispatcher);
};

TEST_F(ServerTest, HasItsModeAndIsRemovedAtTheEnd) {
  struct stat s {};
  ASSERT_EQ(::stat(path.c_str(), &s), 0);
  EXPECT_EQ(s.st_mode & 0777, 0660u);
  server->Close();
  EXPECT_NE(::stat(path.c_str(), &s), 0);
}

TEST_F(ServerTest, CarriesOutWhatItIsAsked) {
  const FileDescriptor socket = Connect();
  EXPECT_EQ(ErrorOf(socket, OfService(IPVS_CMD_DEL_SERVICE, ServiceOfMark(3))), 0);
  EXPECT_EQ(ErrorOf(socket, OfService(IPVS_CMD_DEL_SERVICE, ServiceOfMark(3))), ESRCH);
  EXPECT_TRUE(director.control.view()->services.empty());
  EXPECT_NE(director.control.last_author.find("pid " + std::to_string(::getpid())),
            std::string::npos);
}

TEST_F(ServerTest, SeveralMessagesOfARecordAreAnsweredInTheirOrder) {
  const FileDescriptor socket = Connect();
  Record record = OfService(IPVS_CMD_DEL_SERVICE, ServiceOfMark(4));
  const Record second = OfService(IPVS_CMD_DEL_SERVICE, ServiceOfMark(3));
  record.resize((record.size() + 3) & ~size_t{3});
  record.insert(record.end(), second.begin(), second.end());
  ASSERT_TRUE(Send(socket, record));
  EXPECT_EQ(ReadAnswers(Receive(socket)).at(0).error, ESRCH);
  EXPECT_EQ(ReadAnswers(Receive(socket)).at(0).error, 0);
}

TEST_F(ServerTest, RubbishIsPassedOver) {
  const FileDescriptor socket = Connect();
  ASSERT_TRUE(Send(socket, Record(100, 0xff)));
  ASSERT_TRUE(Send(socket, Record(3, 0)));
  EXPECT_EQ(ErrorOf(socket, OfService(IPVS_CMD_DEL_SERVICE, ServiceOfMark(3))), 0);
}

TEST_F(ServerTest, WhoSendsTooMuchIsClosed) {
  const FileDescriptor socket = Connect();
  ASSERT_TRUE(Send(socket, Record(kMostRequestBytes + 1)));
  EXPECT_TRUE(Receive(socket).empty());
  EXPECT_EQ(ErrorOf(Connect(), OfService(IPVS_CMD_DEL_SERVICE, ServiceOfMark(3))), 0)
      << "another is served";
}

TEST_F(ServerTest, AnAnswerThatNobodyTakesHoldsUpNobodyElse) {
  const FileDescriptor greedy = Connect();
  const Record list = Plain(IPVS_CMD_GET_SERVICE, true);
  for (int round = 0; round < kRounds && Send(greedy, list); ++round) Turn();
  EXPECT_FALSE(Send(greedy, list)) << "its socket is full";
  const FileDescriptor other = Connect();
  EXPECT_EQ(ErrorOf(other, OfService(IPVS_CMD_DEL_SERVICE, ServiceOfMark(3))), 0);
  EXPECT_EQ(server->sessions(), 2u);
}

// Those that only hold a connection make room for one that asks.
TEST_F(ServerTest, IdleConnectionsMakeRoom) {
  std::vector<FileDescriptor> idle;
  for (size_t i = 0; i < api::kMaxSeats + 10; ++i) {
    idle.push_back(Connect());
    Turn();
  }
  EXPECT_EQ(server->sessions(), api::kMaxSeatsOfPeer) << "all are one user's";
  EXPECT_EQ(ErrorOf(Connect(), OfService(IPVS_CMD_DEL_SERVICE, ServiceOfMark(3))), 0);
  EXPECT_TRUE(Receive(idle.front()).empty()) << "the first has gone";
}

TEST_F(ServerTest, WhoLeavesWhileAChangeIsUnderWayHarmsNobody) {
  {
    const FileDescriptor socket = Connect();
    for (int i = 0; i < 5; ++i) Turn();
    ASSERT_TRUE(Send(socket, OfService(IPVS_CMD_DEL_SERVICE, ServiceOfMark(3))));
    director.io->restart();
    director.io->poll();  // read, and on its way to the control core
  }
  for (int i = 0; i < 20; ++i) Turn();
  EXPECT_TRUE(director.control.view()->services.empty());
  EXPECT_EQ(server->sessions(), 0u);
}

TEST_F(ServerTest, TheNextDirectorTakesTheSocketOver) {
  const FileDescriptor waiting = Connect();  // connects before, is accepted after
  FileDescriptor passed = server->Release();
  ASSERT_TRUE(passed);
  Server next(*director.io, director.dispatcher);
  const Status listening = next.Listen(path, std::move(passed));
  ASSERT_TRUE(listening) << listening.error().ToString();
  EXPECT_EQ(ErrorOf(waiting, OfService(IPVS_CMD_DEL_SERVICE, ServiceOfMark(3))), 0);
}

TEST_F(ServerTest, WhereAnotherAnswersItIsNotPutAside) {
  Server second(*director.io, director.dispatcher);
  const Status refused = second.Listen(path);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().ToString(),
            "api.ipvs_socket " + path +
                ": The socket of ipvs cannot listen: another program answers on this socket; stop "
                "the other director, or give this one its own api.ipvs_socket");
}

TEST_F(ServerTest, AStaleSocketIsReplaced) {
  ASSERT_TRUE(server->Release());  // and closed: as after a director that was killed
  Server next(*director.io, director.dispatcher);
  EXPECT_TRUE(next.Listen(path));
}

TEST_F(ServerTest, TheSocketHasItsGroupAndItsMode) {
  const auto rights = [](const std::string& at) {
    struct stat entry {};
    EXPECT_EQ(::stat(at.c_str(), &entry), 0);
    return entry;
  };
  EXPECT_EQ(rights(path).st_mode & 0777u, 0660u);
  api::ListenSpec spec(path + "2");
  spec.mode = 0600;
  group* const own = ::getgrgid(::getegid());
  if (own != nullptr) spec.group = own->gr_name;
  Server second(*director.io, director.dispatcher);
  ASSERT_TRUE(second.Listen(spec));
  EXPECT_EQ(rights(spec.where).st_mode & 0777u, 0600u);
  EXPECT_EQ(rights(spec.where).st_gid, ::getegid());
  // Passed on, it has what the next configuration says.
  FileDescriptor passed = second.Release();
  spec.mode = 0666;
  Server third(*director.io, director.dispatcher);
  ASSERT_TRUE(third.Listen(spec, std::move(passed)));
  EXPECT_EQ(rights(spec.where).st_mode & 0777u, 0666u);
  spec = api::ListenSpec(path + "3");
  spec.group = "no-such-group";
  Server fourth(*director.io, director.dispatcher);
  const Status refused = fourth.Listen(spec);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().ToString(), "api.ipvs_socket " + spec.where +
                                            ": There is no group no-such-group; make it (groupadd "
                                            "--system no-such-group), or name another");
}

TEST(PeerName, IsPlain) {
  EXPECT_EQ(PlainName("keepalived\n"), "keepalived");
  EXPECT_EQ(PlainName("a b\"\n,\x01\xff"), "a?b?????");
  EXPECT_EQ(PlainName(""), "");
}

TEST(Peers, TheDirectorsUserMayUseIt) {
  int pair[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
  const FileDescriptor one(pair[0]), other(pair[1]);
  const auto peer = PeerOf(one.get(), 12345);
  ASSERT_TRUE(peer);
  EXPECT_TRUE(peer->may_use);
  EXPECT_EQ(peer->uid, ::geteuid());
  EXPECT_EQ(peer->pid, ::getpid());
  EXPECT_FALSE(peer->program.empty());
}

}  // namespace
}  // namespace fairlead::testing::server_test
