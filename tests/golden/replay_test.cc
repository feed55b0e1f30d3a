// That the replay can fail: what it must not let through, and what it takes as equal.

#include "replay.h"

#include <gtest/gtest.h>

#include "compare.h"
#include "recording.h"

namespace fairlead::golden::replay_test {
namespace {

// A recording with one case and these steps.
std::string FileWith(const std::string& steps, const std::string& title = "a case") {
  return R"({"format": 2, "name": "test", "kernel": "6.1", "cases": [{"title": ")" + title +
         R"(", "steps": [)" + steps + "]}]}";
}

constexpr const char* kTwoServers =
    R"({"t": 0, "op": "ipvsadm", "args": "-A -t 10.100.0.1:80 -s rr", "output": "", "rc": 0},
       {"t": 0, "op": "ipvsadm", "args": "-a -t 10.100.0.1:80 -r 10.1.0.11:80 -m", "output": "",
        "rc": 0},
       {"t": 0, "op": "ipvsadm", "args": "-a -t 10.100.0.1:80 -r 10.1.0.12:80 -g", "output": "",
        "rc": 0},)";

Report Play(const std::string& steps) {
  return Replay(ParseRecording(FileWith(kTwoServers + steps), "test.json"), {});
}

// The first failure; empty when there was none.
std::string FailureOf(const std::string& steps) {
  const Report report = Play(steps);
  return report.failures.empty() ? "" : report.failures[0];
}

std::string RefusalOf(const std::string& steps) {
  try {
    ParseRecording(FileWith(steps), "test.json");
  } catch (const BadRecording& e) {
    return e.what();
  }
  return "";
}

// ---- what it must not let through

TEST(Reader, RefusesAnUnknownOp) {
  EXPECT_EQ(RefusalOf(R"({"t": 0, "op": "note", "text": ""}, {"t": 0, "op": "teleport"})"),
            "test.json: case 1 \"a case\": step 2: does not know the op \"teleport\"");
}

TEST(Reader, RefusesAnUnknownKey) {
  EXPECT_EQ(RefusalOf(R"({"t": 0, "op": "note", "text": "", "colour": "red"})"),
            "test.json: case 1 \"a case\": step 1 (note): does not know the key \"colour\"");
  EXPECT_EQ(RefusalOf(R"({"t": 0, "op": "conns", "label": null, "entries": [{"proto": "TCP",
                      "src": "", "vip": "", "dst": "", "state": "", "exp": 1, "ttl": 4}]})"),
            "test.json: case 1 \"a case\": step 1 (conns): does not know the key \"ttl\"");
  EXPECT_THROW(ParseRecording(R"({"format": 2, "name": "", "kernel": "", "cases": [], "x": 1})",
                              "test.json"),
               BadRecording);
}

TEST(Reader, RefusesWhatLacksAKeyOrHasAnotherType) {
  EXPECT_EQ(RefusalOf(R"({"t": 0, "op": "sleep"})"),
            "test.json: case 1 \"a case\": step 1 (sleep): lacks the key \"seconds\"");
  EXPECT_EQ(RefusalOf(R"({"t": 0, "op": "sleep", "seconds": "3"})"),
            "test.json: case 1 \"a case\": step 1 (sleep): the key \"seconds\" has a value of a "
            "wrong type: \"3\"");
  EXPECT_EQ(RefusalOf(R"({"op": "sleep", "seconds": 3})"),
            "test.json: case 1 \"a case\": step 1: the step has no time t");
  EXPECT_EQ(RefusalOf(R"({"t": 0, "op": "watch", "event": "fell", "entry": {"proto": "TCP",
                      "src": "", "vip": "", "dst": "", "state": "", "exp": 1}})"),
            "test.json: case 1 \"a case\": step 1 (watch): does not know the event \"fell\"");
}

TEST(Reader, RefusesOtherFormatsAndTimesThatRunBackwards) {
  EXPECT_THROW(ParseRecording("{", "test.json"), BadRecording);
  EXPECT_THROW(ParseRecording(R"({"format": 1})", "test.json"), BadRecording);
  EXPECT_NE(RefusalOf(R"({"t": 2, "op": "note", "text": ""}, {"t": 1, "op": "note", "text": ""})"),
            "");
}

TEST(Replayer, FindsAWrongRealServer) {
  EXPECT_EQ(FailureOf(R"({"t": 1, "op": "connect", "src": ["10.9.0.1", 1111],
                          "dst": ["10.100.0.1", 80], "result": "rs1"})"),
            "test.json: case 1 \"a case\": step 4 (connect): the result is \"rs2\", expected "
            "\"rs1\"");
}

TEST(Replayer, FindsARowThatIsMissingOrTooMuchOrTooOld) {
  const std::string connect = R"({"t": 1, "op": "connect-hold", "src": ["10.9.0.1", 1111],
                                  "dst": ["10.100.0.1", 80], "result": "rs2"},)";
  const auto conns = [](const std::string& entries) {
    return R"({"t": 5, "op": "conns", "label": null, "entries": [)" + entries + "]}";
  };
  const auto row = [](const char* state, int seconds) {
    return R"({"proto": "TCP", "src": "10.9.0.1:1111", "vip": "10.100.0.1:80",
               "dst": "10.1.0.12:80", "state": ")" +
           std::string(state) + R"(", "exp": )" + std::to_string(seconds) + "}";
  };
  EXPECT_EQ(FailureOf(connect + conns(row("ESTABLISHED", 896))), "");
  EXPECT_EQ(FailureOf(connect + conns(row("ESTABLISHED", 895))), "");
  EXPECT_NE(FailureOf(connect + conns(row("ESTABLISHED", 898))), "");
  EXPECT_NE(FailureOf(connect + conns(row("FIN_WAIT", 896))), "");
  EXPECT_NE(FailureOf(connect + conns("")), "");
  EXPECT_NE(FailureOf(conns(row("ESTABLISHED", 896))), "");
}

TEST(Replayer, FindsWrongCountsProbesExitCodesAndListings) {
  const std::string hold = R"({"t": 1, "op": "connect-hold", "src": ["10.9.0.1", 1111],
                               "dst": ["10.100.0.1", 80], "result": "rs2"},)";
  const auto counts = [](int active) {
    return R"({"t": 1, "op": "counts", "reals": {"rs2": {"active": )" + std::to_string(active) +
           R"(, "inactive": 0}}})";
  };
  EXPECT_EQ(FailureOf(hold + counts(1)), "");
  EXPECT_NE(FailureOf(hold + counts(2)), "");
  EXPECT_EQ(FailureOf(hold + R"({"t": 1, "op": "probe", "src": ["10.9.0.1", 1111],
                                 "result": "acked"})"),
            "");
  EXPECT_NE(FailureOf(hold + R"x({"t": 1, "op": "probe", "src": ["10.9.0.1", 1111],
                                  "result": "no ACK (dropped)"})x"),
            "");
  EXPECT_NE(FailureOf(hold + R"({"t": 1, "op": "probe", "src": ["10.9.0.2", 1111],
                                 "result": "acked"})"),
            "")
      << "nobody holds it";
  EXPECT_NE(FailureOf(R"({"t": 1, "op": "ipvsadm", "args": "-D -t 10.100.0.1:81", "output": "",
                          "rc": 0})"),
            "");
  EXPECT_NE(FailureOf(R"({"t": 1, "op": "ipvsadm", "args": "-D -t 10.100.0.1:81",
                          "output": "another wording", "rc": 2})"),
            "");
  EXPECT_EQ(FailureOf(R"({"t": 1, "op": "ipvsadm", "args": "-D -t 10.100.0.1:81",
                          "output": "another wording", "rc": 255})"),
            "");
  EXPECT_NE(FailureOf(R"({"t": 1, "op": "ipvsadm", "args": "-Ln", "output": "nothing\n",
                          "rc": 0})"),
            "");
}

TEST(Replayer, FindsAStateMachineThatGoesAnotherWay) {
  const auto table = [](const char* next, int seconds) {
    return R"({"t": 1, "op": "state-table", "forward": "NAT", "secure_tcp": 0,
               "paths": {"SYN_RECV": ["in:S"]}, "table": {"SYN_RECV in:FA": ")" +
           std::string(next) + R"("}, "timeouts": {"SYN_RECV": )" + std::to_string(seconds) + "}}";
  };
  const std::string only_nat = R"({"t": 0, "op": "ipvsadm",
      "args": "-d -t 10.100.0.1:80 -r 10.1.0.12:80", "output": "", "rc": 0},)";
  EXPECT_EQ(Play(only_nat + table("TIME_WAIT", 60)).failures.size(), 0u);
  EXPECT_EQ(Play(only_nat + table("CLOSE", 60)).failures.size(), 1u);
  EXPECT_EQ(Play(only_nat + table("TIME_WAIT", 30)).failures.size(), 2u);
}

// A connection of 60 s; what polling sees of it.
TEST(Replayer, FindsAnEventThatComesEarlyOrNotAtAll) {
  const std::string raw = R"({"t": 1, "op": "raw-tcp", "src": ["10.8.0.1", 1111],
                              "dst": ["10.100.0.1", 80], "flags": "S"},)";
  const auto watch = [](double at, const char* event, int seconds) {
    return R"({"t": )" + std::to_string(at) + R"(, "op": "watch", "event": ")" + event +
           R"(", "entry": {"proto": "TCP", "src": "10.8.0.1:1111", "vip": "10.100.0.1:80",
               "dst": "10.1.0.12:80", "state": "SYN_RECV", "exp": )" +
           std::to_string(seconds) + "}}";
  };
  EXPECT_EQ(FailureOf(raw + watch(1, "new", 60)), "");
  EXPECT_EQ(FailureOf(raw + watch(2, "present", 59)), "");
  EXPECT_NE(FailureOf(raw + watch(2, "present", 55)), "");
  EXPECT_NE(FailureOf(raw + watch(9, "new", 51)), "") << "it was there before";
  EXPECT_EQ(FailureOf(raw + watch(62.1, "gone", 0)), "");
  EXPECT_NE(FailureOf(raw + watch(59, "gone", 0)), "") << "it is still there";
  EXPECT_NE(FailureOf(raw + watch(70, "gone", 0)), "") << "it went nine seconds earlier";
  EXPECT_NE(FailureOf(watch(62.1, "gone", 0)), "") << "it never was";
}

// -p 30, DR: closed at once, the connection stays 120 s; the template's timer runs out at 30, 90
// and 150. The recorded kernel is late, and the more often its timer has fired the later.
TEST(Replayer, FollowsATimerThatIsSetAgain) {
  const std::string start = R"(
      {"t": 0, "op": "ipvsadm", "args": "-A -t 10.100.0.2:80 -s rr -p 30", "output": "", "rc": 0},
      {"t": 0, "op": "ipvsadm", "args": "-a -t 10.100.0.2:80 -r 10.1.0.13:80 -g", "output": "",
       "rc": 0},
      {"t": 0, "op": "connect", "src": ["10.9.0.1", 1111], "dst": ["10.100.0.2", 80],
       "result": "rs3"},)";
  const auto row = [](int seconds) {
    return R"({"proto": "TCP", "src": "10.9.0.1:0", "vip": "10.100.0.2:80", "dst": "10.1.0.13:80",
               "state": "ASSURED", "exp": )" +
           std::to_string(seconds) + "}";
  };
  const auto watch = [&](double at, const char* event, int seconds, int before) {
    return R"({"t": )" + std::to_string(at) + R"(, "op": "watch", "event": ")" + event +
           R"(", "entry": )" + row(seconds) + (before < 0 ? "" : R"(, "old": )" + row(before)) +
           "}";
  };
  const std::string first = watch(31.1, "timer", 59, 0) + ",";
  const std::string second = watch(92.2, "timer", 59, 0) + ",";
  EXPECT_EQ(FailureOf(start + first + second + watch(153.2, "gone", 0, -1)), "");
  EXPECT_EQ(FailureOf(start + watch(30.1, "timer", 60, 0)), "");
  EXPECT_NE(FailureOf(start + watch(29, "timer", 60, 0)), "");
  EXPECT_NE(FailureOf(start + watch(32, "timer", 59, 0)), "");
  EXPECT_NE(FailureOf(start + watch(30.1, "timer", 30, 0)), "");
  EXPECT_NE(FailureOf(start + first + watch(91, "gone", 0, -1)), "");
}

// ---- the network of the recordings

TEST(GoldenNetwork, AnswersIpv6ByNatDrAndTunnel) {
  const auto ipvsadm = [](const std::string& args) {
    return R"({"t": 0, "op": "ipvsadm", "args": ")" + args + R"(", "output": "", "rc": 0},)";
  };
  const auto on = [](const std::string& op, int port, const std::string& rest) {
    return R"({"t": 1, "op": ")" + op + R"(", "src": ["fd09::5", )" + std::to_string(port) + "], " +
           rest + "},";
  };
  const auto to = [](int port, const std::string& result) {
    return R"("dst": ["fd64::1", )" + std::to_string(port) + R"(], "result": ")" + result + "\"";
  };
  const Report report = Play(
      ipvsadm("-A -t [fd64::1]:80 -s rr") + ipvsadm("-a -t [fd64::1]:80 -r [fd01::11]:8080 -m") +
      ipvsadm("-a -t [fd64::1]:80 -r [fd01::12]:80 -i") +
      ipvsadm("-a -t [fd64::1]:80 -r [fd01::13]:80 -g") + ipvsadm("-A -u [fd64::1]:53 -s rr") +
      ipvsadm("-a -u [fd64::1]:53 -r [fd01::11]:53 -m") +
      ipvsadm("-a -u [fd64::1]:53 -r [fd01::12]:54 -m") +
      ipvsadm("-a -u [fd64::1]:53 -r [fd01::13]:53 -i") + on("connect", 1, to(80, "rs3")) +
      on("connect", 2, to(80, "rs2")) + on("connect", 3, to(80, "rs1")) +
      on("connect", 4, to(81, "REFUSED")) + on("connect-hold", 5, to(80, "rs3")) +
      on("connect-hold", 6, to(80, "rs2")) + on("connect-hold", 7, to(80, "rs1")) +
      on("probe", 5, R"("result": "acked")") + on("probe", 6, R"("result": "acked")") +
      on("probe", 7, R"("result": "acked")") + on("server-RST", 7, R"("rs": "rs1")") +
      on("probe", 7, R"("result": "RST …")") +
      on("probe", 7, R"("result": "errno 32 Broken pipe")") + on("udp", 8, to(53, "rs3")) +
      on("udp", 9, to(53, "Connection refused")) + on("udp", 10, to(53, "rs1")) +
      on("udp", 11, to(54, "Connection refused")) + R"({"t": 1, "op": "close-all", "rs": "rs3"})");
  for (const std::string& failure : report.failures) ADD_FAILURE() << failure;
}

// Six unreachable messages at once for one client, then one a second.
TEST(GoldenNetwork, HearsOfUnreachablePortsAtTheRateOfTheKernel) {
  std::string steps;
  for (int i = 0; i < 9; ++i) {
    steps += R"({"t": )" + std::string(i < 8 ? "1" : "2") +
             R"(, "op": "udp", "src": ["10.9.0.1", )" + std::to_string(400 + i) +
             R"(], "dst": ["10.100.0.1", 77], "result": ")" +
             (i < 6 || i == 8 ? "Connection refused" : "TIMEOUT") + R"("},)";
  }
  steps.pop_back();
  const Report report = Play(steps);
  for (const std::string& failure : report.failures) ADD_FAILURE() << failure;
}

// What a server does not hear acknowledged it says again: NAT sees each, and each restarts the
// timer.
TEST(GoldenNetwork, ServersSendTheirSynAckAgain) {
  const std::string syn = R"({"t": 1, "op": "raw-tcp", "src": ["10.8.0.1", 1111],
                              "dst": ["10.100.0.2", 80], "flags": "S"},)";
  const std::string service = R"(
      {"t": 0, "op": "ipvsadm", "args": "-A -t 10.100.0.2:80 -s rr", "output": "", "rc": 0},
      {"t": 0, "op": "ipvsadm", "args": "-a -t 10.100.0.2:80 -r 10.1.0.13:80 -m", "output": "",
       "rc": 0},)";
  EXPECT_EQ(FailureOf(service + syn + R"({"t": 40, "op": "conns", "label": null, "entries": [
                {"proto": "TCP", "src": "10.8.0.1:1111", "vip": "10.100.0.2:80",
                 "dst": "10.1.0.13:80", "state": "SYN_RECV", "exp": 52}]})"),
            "")
      << "the last one before comes 31 s after the first";
}

// ---- what is equal

TEST(Compare, KnowsKindsOfListings) {
  EXPECT_EQ(KindOf(""), Listing::kExact);
  EXPECT_EQ(KindOf("-Ln"), Listing::kExact);
  EXPECT_EQ(KindOf("-S -n"), Listing::kExact);
  EXPECT_EQ(KindOf("-A -t 10.100.0.1:80 -s lc"), Listing::kExact);
  EXPECT_EQ(KindOf("-Lcn"), Listing::kConnections);
  EXPECT_EQ(KindOf("-L -n --connection"), Listing::kConnections);
  EXPECT_EQ(KindOf("-Ln --stats"), Listing::kCounters);
  EXPECT_EQ(KindOf("-l --rate"), Listing::kCounters);
}

TEST(Compare, TakesConnectionsInAnyOrderAndASecondApart) {
  const std::string head = "IPVS connection entries\n";
  const std::string a = "TCP 00:29  ASSURED     10.9.0.1:0         x\n";
  const std::string b = "TCP 01:59  TIME_WAIT   10.9.0.1:1         x\n";
  const std::string later = "TCP 01:58  TIME_WAIT   10.9.0.1:1         x\n";
  const std::string much_later = "TCP 01:57  TIME_WAIT   10.9.0.1:1         x\n";
  const auto same = [&](const std::string& x, const std::string& y) {
    return CompareListings(Listing::kConnections, head + x, head + y).empty();
  };
  EXPECT_TRUE(same(a + b, b + a));
  EXPECT_TRUE(same(a + b, later + a));
  EXPECT_FALSE(same(a + b, much_later + a));
  EXPECT_FALSE(same(a + b, a));
  EXPECT_FALSE(same(a, a + b));
  EXPECT_FALSE(CompareListings(Listing::kConnections, head + a, "another head\n" + a).empty());
}

TEST(Compare, LeavesCountersOutAndNothingElse) {
  const auto same = [](const std::string& x, const std::string& y) {
    return CompareListings(Listing::kCounters, x, y).empty();
  };
  EXPECT_TRUE(same("  -> 10.1.0.11:80      1  2 3\n", "  -> 10.1.0.11:80      4 5K 6\n"));
  EXPECT_FALSE(same("  -> 10.1.0.11:80      1\n", "  -> 10.1.0.12:80      1\n"));
  EXPECT_FALSE(CompareListings(Listing::kExact, "a 1\n", "a 2\n").empty());
}

}  // namespace
}  // namespace fairlead::golden::replay_test
