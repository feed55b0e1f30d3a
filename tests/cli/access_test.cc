// The command line at a director that asks who it is.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/json/parse.hpp>
#include <filesystem>
#include <fstream>

#include "base/file_descriptor.h"
#include "cli/api_client.h"
#include "run_cli.h"
#include "test_authority.h"

namespace fairlead::testing::access_test {
namespace {

class CliAccessTest : public CliTest {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(director.directory());
    ours_ = std::make_unique<TestAuthority>(director.directory(), "ours");
    api::ListenSpec spec("https://127.0.0.1:0");
    spec.certificate = spec.key = ours_->Issue("127.0.0.1", 3600);
    spec.client_ca = ours_->file();
    spec.tokens = Write("tokens", "read:a-read-token-of-the-test prometheus\n");
    api::ApiConfig config;
    config.listen = {spec};
    director.Start();
    server = std::make_unique<api::ApiServer>(director, config);
    ASSERT_TRUE(server->Start());
    at_ = "--api " + server->addresses()[0] + " ";
    known_ = at_ + "--ca " + ours_->file() + " ";
  }
  std::string Write(const std::string& name, const std::string& text, mode_t mode = 0600) {
    const std::string path = director.directory() + "/" + name;
    std::ofstream(path) << text;
    ::chmod(path.c_str(), mode);
    return path;
  }

  std::unique_ptr<TestAuthority> ours_;
  std::string at_, known_;
};

TEST_F(CliAccessTest, ATokenOrACertificateIsShown) {
  const std::string token = Write("token", "a-read-token-of-the-test\n");
  EXPECT_EQ(RunAt(known_ + "--token-file " + token + " service list").exit_code, 0);
  EXPECT_EQ(
      RunAt(known_ + "--certificate " + ours_->Issue("ops", 3600) + " service list").exit_code, 0);
  ::setenv("FAIRLEAD_CA", ours_->file().c_str(), 1);
  ::setenv("FAIRLEAD_TOKEN_FILE", token.c_str(), 1);
  const Outcome outcome = RunAt(at_ + "service list");
  ::unsetenv("FAIRLEAD_CA");
  ::unsetenv("FAIRLEAD_TOKEN_FILE");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
}

TEST_F(CliAccessTest, WhatIsMissingIsSaid) {
  const Outcome nobody = RunAt(known_ + "-o json service list");
  EXPECT_EQ(nobody.exit_code, 1);
  EXPECT_EQ(boost::json::parse(nobody.err).at("type").as_string(),
            "urn:fairlead:problem:needs-token");
  const Outcome untrusted = RunAt(at_ + "service list");
  EXPECT_EQ(untrusted.exit_code, 3);
  EXPECT_NE(untrusted.err.find("its certificate cannot be trusted"), std::string::npos)
      << untrusted.err;
  EXPECT_NE(untrusted.err.find("--ca FILE"), std::string::npos) << untrusted.err;
  const Outcome late =
      RunAt(known_ + "--certificate " + ours_->Issue("late", -10) + " service list");
  EXPECT_EQ(late.exit_code, 3);
  EXPECT_NE(late.err.find("look at --certificate and --key"), std::string::npos) << late.err;
}

TEST_F(CliAccessTest, TheOtherSchemeIsNamed) {
  const std::string address = server->addresses()[0];
  const std::string port = address.substr(address.rfind(':'));
  const Outcome plain = RunAt("--api http://127.0.0.1" + port + " service list");
  EXPECT_EQ(plain.exit_code, 3);
  EXPECT_NE(plain.err.find("if it speaks TLS, give https://127.0.0.1" + port), std::string::npos)
      << plain.err;
}

// The socket of a group that the user is not in: only root can try that.
TEST(ASocketOfAGroup, IsForItsMembers) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  const std::string directory = ::testing::TempDir() + "group-" + std::to_string(::getpid());
  std::filesystem::create_directory(directory);
  const std::string path = directory + "/api.sock";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(socket.get(), 1), 0);
  ASSERT_EQ(::chown(path.c_str(), 0, 1), 0);  // daemon's, everywhere
  ASSERT_EQ(::chmod(path.c_str(), 0660), 0);
  ASSERT_EQ(::seteuid(65534), 0);
  const auto reply = cli::ApiClient("unix:" + path, {}).Send("GET", "/v1/status", "");
  ASSERT_EQ(::seteuid(0), 0);
  std::filesystem::remove_all(directory);
  ASSERT_FALSE(reply);
  const std::string& sentence = reply.error().message;
  EXPECT_NE(sentence.find("usermod -aG daemon nobody, then log in again"), std::string::npos)
      << sentence;
  EXPECT_EQ(sentence.find("Is fairleadd running?"), std::string::npos) << sentence;
}

TEST_F(CliAccessTest, FilesThatDoNotDoAreNamed) {
  const std::string open = Write("open", "a-read-token-of-the-test\n", 0644);
  const std::string empty = Write("empty", "\n");
  for (const auto& [words, sentence] : std::vector<std::pair<std::string, std::string>>{
           {"--token-file " + open, "chmod o= " + open},
           {"--token-file " + empty, "its first line is no token"},
           {"--token-file /nowhere", "No such file"},
           {"--ca /nowhere", "The file of --ca cannot be used: /nowhere"},
           {"--certificate /nowhere", "The file of --certificate cannot be used: /nowhere"},
           {"--key /nowhere", "it needs --certificate too"}}) {
    const Outcome outcome = RunAt(at_ + words + " service list");
    EXPECT_EQ(outcome.exit_code, 2) << words;
    EXPECT_NE(outcome.err.find(sentence), std::string::npos) << outcome.err;
    EXPECT_EQ(outcome.err.find("a-read-token"), std::string::npos);
  }
}

TEST_F(CliAccessTest, NoTokenGoesOverThePlainNetwork) {
  const std::string token = Write("token", "a-read-token-of-the-test\n");
  const Outcome outcome =
      RunAt("--api http://192.0.2.1:9480 --token-file " + token + " service list");
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_NE(outcome.err.find("The token could be read on the way"), std::string::npos);
}

// ---- a director that hangs ----------------------------------------------------------------------

// A listener that nobody accepts at, with room for one; closed at the end.
FileDescriptor ListenDeaf(const sockaddr* address, socklen_t size) {
  FileDescriptor socket(::socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(::bind(socket.get(), address, size), 0);
  EXPECT_EQ(::listen(socket.get(), 0), 0);
  return socket;
}

constexpr cli::Patience kShort{std::chrono::milliseconds(50), std::chrono::milliseconds(50)};
constexpr const char* kSilent = " has not answered for 0.05 seconds: it is busy, or it hangs; ";

TEST(ADirectorThatHangs, IsNotWaitedForForEver) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = ::testing::TempDir() + "deaf-" + std::to_string(::getpid());
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const FileDescriptor socket =
      ListenDeaf(reinterpret_cast<const sockaddr*>(&address), sizeof address);
  cli::ApiClient client("unix:" + path, {}, kShort);
  for (const char* where : {"the answer", "the connection: the queue is full"}) {
    const auto reply = client.Send("GET", "/v1/status", "");
    ASSERT_FALSE(reply) << where;
    EXPECT_EQ(reply.error().code, ErrorCode::kUnavailable) << where;
    EXPECT_NE(reply.error().message.find(kSilent), std::string::npos) << reply.error().message;
  }
  ::unlink(path.c_str());
}

TEST(ADirectorThatHangs, IsNotWaitedForOverTcp) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const plain = reinterpret_cast<sockaddr*>(&address);
  const FileDescriptor socket = ListenDeaf(plain, size);
  ASSERT_EQ(::getsockname(socket.get(), plain, &size), 0);
  const std::string port = std::to_string(ntohs(address.sin_port));
  for (const char* scheme : {"https://127.0.0.1:", "http://127.0.0.1:"}) {
    const auto reply = cli::ApiClient(scheme + port, {}, kShort).Send("GET", "/v1/status", "");
    ASSERT_FALSE(reply) << scheme;
    EXPECT_NE(reply.error().message.find(kSilent), std::string::npos) << reply.error().message;
  }
}

}  // namespace
}  // namespace fairlead::testing::access_test
