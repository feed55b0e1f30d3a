// Generic netlink through the library: what a program sees of the family IPVS, and that it sees
// everything else as before. The programs need CAP_NET_ADMIN, as with the kernel's IPVS.
#include <cstdio>
#include <fstream>

#include "fake_director.h"
#include "run_client.h"

namespace fairlead::preload::netlink_test {
namespace {

class Netlink : public PreloadTest {
 protected:
  std::string Client(const std::string& verb, const std::string& word = "") {
    const Outcome outcome =
        word.empty() ? Run({PRELOAD_CLIENT, verb}) : Run({PRELOAD_CLIENT, verb, word});
    EXPECT_EQ(outcome.exit_code, 0);
    EXPECT_EQ(outcome.errors, "");
    return outcome.output;
  }

  FakeDirector director_{socket_};
};

TEST_F(Netlink, ResolvesTheFamilyAndLeavesOthersToTheKernel) {
  EXPECT_EQ(Client("resolve"), "ipvs: seq 7 type 16\nethtool: there\n");
  EXPECT_EQ(Client("connected"), "ipvs: seq 7 type 16\nethtool: there\n");
}

TEST_F(Netlink, AnswersAsMuchAsAProgramAskedFor) {
  EXPECT_EQ(Client("change"),
            "seq 1 error 0\n"
            "errno Resource temporarily unavailable\n"
            "seq 3 error -17\n"
            "seq 4 type 32560\n"
            "errno Resource temporarily unavailable\n");
  EXPECT_EQ(director_.changes(), 4);
}

TEST_F(Netlink, DumpsOfAMegabyteComeWholeByEveryCall) {
  director_.dump_messages = 10'000;
  for (const char* reader : {"recvmsg", "peek", "recv", "read", "recvmmsg"}) {
    SCOPED_TRACE(reader);
    const std::string seen = Client("dump", reader);
    EXPECT_EQ(seen.substr(0, seen.find('\n')), "10000 messages, done");
    EXPECT_NE(seen.find("errno Resource temporarily unavailable\n"), std::string::npos) << seen;
  }
}

TEST_F(Netlink, DatagramsFitIntoWhatTheProgramReadsWith) {
  director_.dump_messages = 2'000;
  EXPECT_EQ(Client("dump", "small").substr(0, 38), "2000 messages, done\nlongest 4000\nerrno");
  EXPECT_EQ(Client("dump", "recv").substr(0, 39), "2000 messages, done\nlongest 32700\nerrno");
}

TEST_F(Netlink, DumpsGoOnOverAnotherDescriptorOfTheSocket) {
  director_.dump_messages = 2'000;
  EXPECT_EQ(Client("dup"), "2000 messages, done\n");
}

TEST_F(Netlink, ADumpGoesOnWhileADescriptorOfItsSocketIsLeft) {
  director_.dump_messages = 2'000;
  EXPECT_EQ(Client("dup-left"), "2000 messages, done\n");
  EXPECT_EQ(Client("dup-left-full"), "2000 messages, done\n");
  EXPECT_EQ(Client("vfork"), "2000 messages, done\n");
}

TEST_F(Netlink, HoweverASocketIsClosedItsDumpEnds) {
  director_.dump_messages = 2'000;
  for (const char* how : {"dup2", "dup3", "close_range", "closefrom", "syscall"}) {
    EXPECT_EQ(Client("given-up", how), "2000 messages, done\n") << how;
  }
}

TEST_F(Netlink, PollAndEpollWakeForAnswers) {
  director_.dump_messages = 2'000;
  EXPECT_EQ(Client("epoll"),
            "errno Resource temporarily unavailable\n"
            "2000 messages, done\n"
            "afterwards ready: 0\n"
            "poll: 1, seq 2 error 0\n");
}

TEST_F(Netlink, OneDumpAtATimeAndAnAbandonedOneHarmsNobody) {
  director_.dump_messages = 2'000;
  EXPECT_EQ(Client("two-dumps"), "seq 2 error -16\n2000 messages, done\n");
}

TEST_F(Netlink, ADumpIsReadFromTheDirectorAsTheProgramReads) {
  director_.dump_messages = 100'000;
  director_.record_bytes = 4'000;
  Running program({PRELOAD_CLIENT, "two-dumps"}, socket_);
  program.Finish();
  // The first dump was given up after its first datagrams: what a socket holds was sent of it.
  EXPECT_LT(director_.records_sent(), 2'501 + 300);
}

TEST_F(Netlink, ChildrenHaveConnectionsOfTheirOwn) {
  EXPECT_EQ(Client("fork"),
            "parent: seq 1 error 0\n"
            "child: seq 2 error 0\n"
            "child: 3 messages, done\n"
            "parent: seq 4 error 0\n");
  EXPECT_EQ(director_.connections(), 2);
}

TEST_F(Netlink, ThreadsAskAtTheSameTime) {
  director_.dump_messages = 300;
  EXPECT_EQ(Client("threads"), "400 good\n");
  EXPECT_EQ(director_.changes(), 200);
}

TEST_F(Netlink, AThreadReadsWhatAnotherAsksFor) {
  director_.dump_messages = 2'000;
  EXPECT_EQ(Client("reader-thread"), "2000 messages, done\n2000 messages, done\n");
}

TEST_F(Netlink, OneDatagramForBothIsAnsweredInItsOrder) {
  EXPECT_EQ(Client("batch"), "seq 1 type 16\nseq 2 error 0\nseq 3 type 16\n");
  EXPECT_EQ(director_.changes(), 1);
}

TEST_F(Netlink, ARestartOfTheDirectorIsWaitedFor) {
  Running program({PRELOAD_CLIENT, "restarts"}, socket_);
  EXPECT_EQ(program.ReadLine(), "seq 1 error 0");
  director_.Stop();
  program.WriteLine();
  ::usleep(20'000);
  director_.Start();
  EXPECT_EQ(program.ReadLine(), "seq 2 error 0");
  // It hangs up with a request in its hands: the request is made again.
  director_.ends_after_reading = true;
  program.WriteLine();
  EXPECT_EQ(program.ReadLine(), "seq 3 error 0");
  EXPECT_EQ(program.Finish().errors, "");
  EXPECT_EQ(director_.changes(), 3);
}

TEST_F(Netlink, ADumpThatBreaksOffIsAnError) {
  director_.dump_messages = 10'000;
  director_.dump_ends_after = 3;
  EXPECT_EQ(Client("dump", "recvmsg").substr(0, 38), "981 messages, seq 1 error -104\nlongest");
}

TEST_F(Netlink, DescriptorsThatADaemonClosesAreNotMistaken) {
  EXPECT_EQ(Client("closes-all"), "seq 1 error 0\nseq 2 error 0\nthe pipe has 0 bytes\n");
}

TEST_F(Netlink, WithoutADirectorItIsAKernelWithoutIpvs) {
  director_.Stop();
  std::remove(socket_.c_str());
  const Outcome outcome = Run({PRELOAD_CLIENT, "resolve"});
  EXPECT_EQ(outcome.output, "ipvs: seq 7 error -2\nno name in the answer\nethtool: there\n");
  EXPECT_EQ(outcome.errors, "libfairlead-ipvs: the director cannot be reached (socket " + socket_ +
                                "): No such file or directory\n");
  EXPECT_EQ(Run({PRELOAD_CLIENT, "change"}).output.substr(0, 15), "seq 1 error -2\n");
}

TEST_F(Netlink, NothingIsWrittenToWhatAProgramHasPutInStandardErrorsPlace) {
  director_.Stop();
  std::remove(socket_.c_str());
  EXPECT_EQ(Client("tells-nobody-else", folder_ + "/file"),
            "ipvs: seq 7 error -2\nno name in the answer\nethtool: there\n"
            "the file has 0 bytes\n");
}

TEST_F(Netlink, WithoutTheCapabilityThereIsNoIpvs) {
  const Outcome outcome = Run({"setpriv", "--bounding-set=-net_admin", PRELOAD_CLIENT, "resolve"});
  EXPECT_EQ(outcome.output, "ipvs: seq 7 error -2\nno name in the answer\nethtool: there\n");
  EXPECT_EQ(outcome.errors,
            "libfairlead-ipvs: this program cannot be answered without CAP_NET_ADMIN, as with the "
            "kernel's IPVS (socket " +
                socket_ + "): Operation not permitted\n");
}

TEST_F(Netlink, LibnlIsServed) {
  director_.dump_messages = 10'000;
  EXPECT_EQ(Run({LIBNL_CLIENT}).output,
            "family 32560\n"
            "dump Success, 10000 messages\n"
            "command 1: Success\n"
            "command 2: Object exists\n"
            "command 1: Success\n"
            "ethtool there\n");
}

TEST_F(Netlink, NobodyLoadsTheModuleOrSpeaksToTheKernelsIpvs) {
  const std::string modprobe = folder_ + "/modprobe";
  std::ofstream(modprobe) << "#!/bin/sh\nexit 9\n";
  std::filesystem::permissions(modprobe, std::filesystem::perms::owner_all);
  EXPECT_EQ(Client("modules", modprobe),
            "system: 0\nexecl: 0\nexecv of another: 9\nProtocol not available\n");
}

}  // namespace
}  // namespace fairlead::preload::netlink_test
