// What each command asks of the director, and what its answers come to.
#include "cli/ipvsadm/run.h"

#include <gtest/gtest.h>

#include <sstream>

#include "fake_api.h"

namespace fairlead::cli::ipvsadm::run_test {
namespace {

class IpvsadmRun : public ::testing::Test {
 protected:
  Outcome Run(const std::string& line, const std::string& input_text = "") {
    std::istringstream input(input_text), stream(line);
    std::vector<std::string> words;
    for (std::string word; stream >> word;) words.push_back(word);
    NoNames names;
    return RunIpvsadm(words, input, api, names);
  }

  // The one request of a command that ends well and says nothing.
  std::string Asked(const std::string& line) {
    api.asked.clear();
    const Outcome outcome = Run(line);
    EXPECT_EQ(outcome.exit_code, 0) << line << ": " << outcome.err;
    EXPECT_EQ(outcome.out + outcome.err, "") << line;
    EXPECT_EQ(api.asked.size(), 1u) << line;
    return api.asked.empty() ? "" : api.asked.front();
  }

  void Refuse(int status, const std::string& sentence) {
    api.otherwise = {status, R"({"type": "x", "detail": ")" + sentence + "\"}"};
  }

  FakeApi api;
};

TEST_F(IpvsadmRun, AddsServices) {
  EXPECT_EQ(Asked("-A -t 192.0.2.10:80 -s rr"),
            R"(POST /v1/services {"address":"192.0.2.10","protocol":"tcp","port":80,)"
            R"("scheduler":"rr","one_packet":false})");
  EXPECT_EQ(Asked("-A -t 192.0.2.10:0 -p 60 -M 255.255.255.0"),
            R"(POST /v1/services {"address":"192.0.2.10","protocol":"tcp","port":0,)"
            R"("allow_any_port":true,"scheduler":"wlc",)"
            R"("persistence":{"timeout":"60s","netmask":"255.255.255.0"},"one_packet":false})");
  EXPECT_EQ(Asked("-A -u [2001:db8::1]:53 -s sh -b sh-port,sh-fallback -p -M 64 -o --pe sip"),
            R"(POST /v1/services {"address":"2001:db8::1","protocol":"udp","port":53,)"
            R"("scheduler":"sh","scheduler_flags":["sh-fallback","sh-port"],)"
            R"("persistence":{"timeout":"360s","netmask6":64},"one_packet":true,"engine":"sip"})");
  EXPECT_EQ(Asked("-A -f 7 -6 -s wrr"),
            R"(POST /v1/services {"mark":7,"family":"ipv6","scheduler":"wrr","one_packet":false})");
}

TEST_F(IpvsadmRun, ListsTimeoutsInSeconds) {
  api.answers["GET /v1/timeouts"] = {200, R"({"tcp": "15m", "tcp_fin": "1500ms", "udp": "7d"})"};
  EXPECT_EQ(Run("-L --timeout").out, "Timeout (tcp tcpfin udp): 900 1 604800\n");
  api.answers["GET /v1/timeouts"] = {200, R"({"tcp": "15 m", "tcp_fin": null})"};
  EXPECT_EQ(Run("-L --timeout").out, "Timeout (tcp tcpfin udp): 0 0 0\n");
}

TEST_F(IpvsadmRun, StartsAndStopsSynchronisation) {
  EXPECT_EQ(Asked("--start-daemon master"),
            R"(PUT /v1/sync/ipvs/master {"interface":"eth0","syncid":0})");
  EXPECT_EQ(Asked("--start-daemon backup --mcast-interface e1 --syncid 5 --sync-maxlen 1400 "
                  "--mcast-group 224.0.0.99 --mcast-port 9000 --mcast-ttl 3"),
            R"(PUT /v1/sync/ipvs/backup {"interface":"e1","syncid":5,"maxlen":1400,)"
            R"("group":"224.0.0.99","udp_port":9000,"ttl":3})");
  EXPECT_EQ(Asked("--start-daemon master --sync-maxlen 1"),
            R"(PUT /v1/sync/ipvs/master {"interface":"eth0","syncid":0,"maxlen":44})")
      << "an entry a datagram";
  EXPECT_EQ(Asked("--stop-daemon backup"), "DELETE /v1/sync/ipvs/backup");
  Refuse(409, "The master runs already; stop it first");
  EXPECT_EQ(Run("--start-daemon master").exit_code, 255);
  EXPECT_EQ(Run("--start-daemon master").err, "ipvsadm: The master runs already; stop it first\n");
}

TEST_F(IpvsadmRun, ListsDaemonsAsIpvsadmDoes) {
  api.answers["GET /v1/sync"] = {200, R"({"ipvs": null})"};
  EXPECT_EQ(Run("-L --daemon").out, "");
  const std::string rest = R"("interface": "e1", "syncid": 5, "maxlen": 1400,
      "group": "224.0.0.99", "udp_port": 9000, "ttl": 3}})";
  const std::string line =
      " sync daemon (mcast=e1, syncid=5, maxlen=1400, group=224.0.0.99, port=9000, ttl=3)\n";
  api.answers["GET /v1/sync"] = {200, R"({"ipvs": {"role": "both", )" + rest};
  EXPECT_EQ(Run("-L --daemon").out, "master" + line + "backup" + line);
  api.answers["GET /v1/sync"] = {200, R"({"ipvs": {"role": "backup", )" + rest};
  EXPECT_EQ(Run("-L --daemon").out, "backup" + line);
  Refuse(503, "busy");
  api.answers.clear();
  EXPECT_EQ(Run("-L --daemon").exit_code, 1);
}

// What is done and will hardly do what was meant is said, and changes no exit code.
TEST_F(IpvsadmRun, WarningsOfTheDirectorAreSaid) {
  api.otherwise = {201, R"({"name": "mark-21-v4", "warnings": [{"place": "mark",
                   "detail": "no classifier rule sets this mark"}]})"};
  const Outcome outcome = Run("-A -f 21");
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.err, "ipvsadm: warning: no classifier rule sets this mark\n");
  EXPECT_EQ(Run("-R", "\n-A -f 21\n-a -f 21 -r 10.0.0.1 -m\n").err,
            "ipvsadm: line 2: -A -f 21: warning: no classifier rule sets this mark\n");
}

TEST_F(IpvsadmRun, AnIpv6AddressThatMayHaveHadAPort) {
  const Outcome wrong = Run("-A -t 2001:db8::80:80");
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_EQ(wrong.err,
            "ipvsadm: 2001:db8::80:80 is an IPv6 address without a port; for one with a port write "
            "[2001:db8::80]:80\n");
  const Outcome every_port = Run("-A -t 2001:db8::80:80 -p");
  EXPECT_EQ(every_port.exit_code, 0);
  EXPECT_EQ(every_port.err,
            "ipvsadm: warning: 2001:db8::80:80 is taken as an IPv6 address without a port; for one "
            "with a port write [2001:db8::80]:80\n");
  EXPECT_EQ(Run("-a -t [2001:db8::80]:80 -r 2001:db8::11:80 -m").err,
            "ipvsadm: warning: 2001:db8::11:80 is taken as an IPv6 address without a port; for one "
            "with a port write [2001:db8::11]:80\n");
  EXPECT_EQ(Run("-a -t [2001:db8::80]:80 -r 2001:db8::abc -m").err, "");
  EXPECT_EQ(Run("-A -t 2001:db8::80 -p").err, "");
  EXPECT_EQ(Run("-A -t 2001:db8::80").err,
            "ipvsadm: port 0 is every port of the address and needs -p\n");
}

TEST_F(IpvsadmRun, TheDirectorIsNoRealServer) {
  for (const char* real : {"127.0.0.1", "127.0.0.1:80", "127.8.9.1:80"}) {
    for (const char* verb : {"-a", "-e"}) {
      const Outcome outcome = Run(std::string(verb) + " -t 192.0.2.10:80 -r " + real + " -m");
      EXPECT_EQ(outcome.exit_code, 255) << real;
      EXPECT_NE(outcome.err.find(" is the director itself, which cannot be a real server"),
                std::string::npos)
          << outcome.err;
    }
  }
  EXPECT_EQ(Run("-a -t [2001:db8::80]:80 -r [::1]:80 -m").exit_code, 255);
  EXPECT_TRUE(api.asked.empty());
  EXPECT_EQ(Run("-d -t 192.0.2.10:80 -r 127.0.0.1:80").exit_code, 0) << "the director's to say";
}

TEST_F(IpvsadmRun, EditsReplaceEverything) {
  EXPECT_EQ(Asked("-E -t 192.0.2.10:80"),
            R"(PATCH /v1/services/tcp-192.0.2.10-80 {"scheduler":"wlc","scheduler_flags":null,)"
            R"("persistence":null,"netmask":null,"one_packet":false,"engine":null})");
  EXPECT_EQ(Asked("-E -t 192.0.2.10:80 -s sh -b sh-netmask -M 255.255.255.0"),
            R"(PATCH /v1/services/tcp-192.0.2.10-80 {"scheduler":"sh",)"
            R"("scheduler_flags":["sh-netmask"],"persistence":null,"netmask":"255.255.255.0",)"
            R"("one_packet":false,"engine":null})");
  EXPECT_EQ(Asked("-E -f 7 -s rr -p 30 -b flag-1"),
            R"(PATCH /v1/services/mark-7-v4 {"scheduler":"rr","scheduler_flags":null,)"
            R"("persistence":{"timeout":"30s","netmask":"255.255.255.255"},"netmask":null,)"
            R"("one_packet":false,)"
            R"("engine":null})");
  EXPECT_EQ(Asked("-e -t 192.0.2.10:80 -r 10.0.0.11"),
            R"(PATCH /v1/services/tcp-192.0.2.10-80/reals/10.0.0.11:80 {"weight":1,)"
            R"("forward":"dr","upper_threshold":0,"lower_threshold":0})");
}

TEST_F(IpvsadmRun, AddsAndRemovesServers) {
  EXPECT_EQ(Asked("-a -t 192.0.2.10:80 -r 10.0.0.11:8080 -m -w 3 -x 100 -y 50"),
            R"(POST /v1/services/tcp-192.0.2.10-80/reals {"weight":3,"forward":"nat",)"
            R"("upper_threshold":100,"lower_threshold":50,"address":"10.0.0.11","port":8080})");
  EXPECT_EQ(Asked("-a -f 7 -6 -r [2001:db8::11]:0 -i"),
            R"(POST /v1/services/mark-7-v6/reals {"weight":1,)"
            R"("forward":{"method":"tun","type":"ipip"},"upper_threshold":0,"lower_threshold":0,)"
            R"("address":"2001:db8::11","port":0})");
  EXPECT_EQ(Asked("-d -t [2001:db8::1]:80 -r [2001:db8::11]:80"),
            "DELETE /v1/services/tcp-2001:db8::1-80/reals/%5B2001:db8::11%5D:80");
  // Every port: under NAT a port that is given names the real server, and -d wants that name.
  EXPECT_EQ(Asked("-d -t 192.0.2.10:0 -r 10.0.0.11:80"),
            "DELETE /v1/services/tcp-192.0.2.10-0/reals/10.0.0.11:80");
  EXPECT_EQ(Asked("-e -t 192.0.2.10:0 -r 10.0.0.11:80 -m").substr(0, 55),
            "PATCH /v1/services/tcp-192.0.2.10-0/reals/10.0.0.11:80 ");
  EXPECT_EQ(Asked("-e -t 192.0.2.10:0 -r 10.0.0.11:80 -g").substr(0, 54),
            "PATCH /v1/services/tcp-192.0.2.10-0/reals/10.0.0.11:0 ");
}

TEST_F(IpvsadmRun, OtherChanges) {
  EXPECT_EQ(Asked("-D -u 192.0.2.10:53"), "DELETE /v1/services/udp-192.0.2.10-53");
  EXPECT_EQ(Asked("-C"), "DELETE /v1/services");
  EXPECT_EQ(Asked("-Z"), "POST /v1/zero {}");
  EXPECT_EQ(Asked("-Z -f 7"), R"(POST /v1/zero {"service":"mark-7-v4"})");
  EXPECT_EQ(Asked("--set 900 0 300"), R"(PATCH /v1/timeouts {"tcp":"900s","udp":"300s"})");
  EXPECT_EQ(Asked("--set 0 0 0"), "PATCH /v1/timeouts {}");
}

TEST_F(IpvsadmRun, WhatTheDirectorRefusesExitsWith255) {
  Refuse(409, "there is one already");
  for (const char* line :
       {"-A -t 192.0.2.10:80", "-E -t 192.0.2.10:80", "-D -t 192.0.2.10:80", "-C", "-Z",
        "-a -t 192.0.2.10:80 -r 10.0.0.1", "-e -t 192.0.2.10:80 -r 10.0.0.1",
        "-d -t 192.0.2.10:80 -r 10.0.0.1", "--set 1 2 3"}) {
    const Outcome outcome = Run(line);
    EXPECT_EQ(outcome.exit_code, 255) << line;
    EXPECT_EQ(outcome.err, "ipvsadm: there is one already\n") << line;
    EXPECT_EQ(outcome.out, "") << line;
  }
}

TEST_F(IpvsadmRun, EveryProblemOfARefusalIsSaid) {
  api.otherwise = {422, R"({"detail": "2 problems", "errors": [{"place": "body:1:1",
                   "detail": "first"}, {"detail": "second"}]})"};
  EXPECT_EQ(Run("-C").err, "ipvsadm: first; second\n");
  api.otherwise = {500, "<html>"};
  EXPECT_EQ(Run("-C").err, "ipvsadm: the director answered with HTTP status 500\n");
}

TEST_F(IpvsadmRun, FailedListingsExitWith1) {
  Refuse(503, "not ready");
  for (const char* line : {"-L", "-Ln --stats", "-Lc", "-L --timeout", "-S"}) {
    EXPECT_EQ(Run(line).exit_code, 1) << line;
  }
  api.otherwise = {200, R"({"services": []})"};
  const Outcome outcome = Run("-Ln -t 192.0.2.10:80");
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.err, "ipvsadm: there is no such service\n");
  EXPECT_EQ(Run("-Ln").exit_code, 0);
}

TEST_F(IpvsadmRun, WithoutADirectorTheCodeIs2) {
  api.is_gone = true;
  for (const char* line : {"-L", "-C", "-S", "-A -t 192.0.2.10:80"}) {
    const Outcome outcome = Run(line);
    EXPECT_EQ(outcome.exit_code, 2) << line;
    EXPECT_EQ(outcome.err, "ipvsadm: nobody is there\n") << line;
  }
  api.is_gone = false;
  api.otherwise = {200, "welcome"};
  EXPECT_EQ(Run("-L").exit_code, 2);
}

TEST_F(IpvsadmRun, HelpAndVersionAskNobody) {
  EXPECT_EQ(Run("-h").exit_code, 0);
  EXPECT_NE(Run("--help").out.find("-A|-E SERVICE"), std::string::npos);
  EXPECT_EQ(Run("-v").out.substr(0, 13), "ipvsadm v1.31");
  EXPECT_TRUE(api.asked.empty());
}

TEST_F(IpvsadmRun, UsageIsSaidOnStandardError) {
  const Outcome unknown = Run("-q");
  EXPECT_EQ(unknown.exit_code, 255);
  EXPECT_EQ(unknown.err, "ipvsadm: -q: unknown option; see -h\n");
  const Outcome wrong = Run("-A -t 192.0.2.10:80 -o");
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_EQ(wrong.err, "ipvsadm: -o is for UDP services and marks\n");
}

TEST_F(IpvsadmRun, RestoreReadsLines) {
  const Outcome outcome = Run("-R",
                              "# services\n"
                              "\n"
                              "-A -f 7 -s rr   # mark\n"
                              "  ipvsadm --zero\n"
                              "ipvsadm\n");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  ASSERT_EQ(api.asked.size(), 2u);
  EXPECT_EQ(api.asked[0],
            R"(POST /v1/services {"mark":7,"family":"ipv4","scheduler":"rr","one_packet":false})");
  EXPECT_EQ(api.asked[1], "POST /v1/zero {}");
}

TEST_F(IpvsadmRun, RestoreAddsAServiceWithItsServers) {
  const std::string web =
                        "-A -t 192.0.2.10:80 -s rr\n"
                        "-a -t 192.0.2.10:80 -r 10.0.0.11:80 -m\n"
                        "-a -t 192.0.2.10:80 -r 10.0.0.12:80 -m\n",
                    again = "-a -t 192.0.2.10:80 -r 10.0.0.12:80 -m\n",
                    other = "-a -t 192.0.2.20:80 -r 10.0.0.11:80 -m\n";
  EXPECT_EQ(Run("-R", web + again + other).exit_code, 0);
  ASSERT_EQ(api.asked.size(), 3u);
  EXPECT_EQ(api.asked[0], R"(POST /v1/services {"address":"192.0.2.10","protocol":"tcp","port":80,)"
                          R"("scheduler":"rr","one_packet":false,"reals":[)"
                          R"({"weight":1,"forward":"nat","upper_threshold":0,"lower_threshold":0,)"
                          R"("address":"10.0.0.11","port":80},)"
                          R"({"weight":1,"forward":"nat","upper_threshold":0,"lower_threshold":0,)"
                          R"("address":"10.0.0.12","port":80}]})");
  EXPECT_EQ(api.asked[1].substr(0, 41), "POST /v1/services/tcp-192.0.2.10-80/reals");
  EXPECT_EQ(api.asked[2].substr(0, 41), "POST /v1/services/tcp-192.0.2.20-80/reals");
}

TEST_F(IpvsadmRun, RestoreSaysWhichLinesWereRefused) {
  api.answers["POST /v1/services"] = {409, R"({"detail": "there is one already"})"};
  api.answers["POST /v1/services/mark-7-v4/reals"] = {422, R"({"detail": "no good"})"};
  const Outcome outcome = Run("-R", "-A -f 7\n-a -f 7 -r 10.0.0.1 -m\n-a -f 7 -r 10.0.0.2 -m\n");
  EXPECT_EQ(outcome.exit_code, 255);
  EXPECT_EQ(outcome.err,
            "ipvsadm: line 1: -A -f 7: there is one already\n"
            "ipvsadm: line 2: -a -f 7 -r 10.0.0.1 -m: no good\n"
            "ipvsadm: line 3: -a -f 7 -r 10.0.0.2 -m: no good\n");
  EXPECT_EQ(api.asked.size(), 4u);
  EXPECT_EQ(Run("-R", "-A -f 7\n-a -f 7 -r 10.0.0.1 -m\n-Z\n").exit_code, 0) << "the last line";
}

TEST_F(IpvsadmRun, RestoreEndsAtAWrongLineAndGoesOnAfterARefusedOne) {
  EXPECT_EQ(Run("-R", "-A -t 192.0.2.10:80\n-A -t\n-C\n").exit_code, 255);
  EXPECT_EQ(api.asked.size(), 1u);
  api.asked.clear();
  const Outcome stopped = Run("-R", "# saved\n\nipvsadm -A -t 192.0.2.10:0   # web\n-C\n");
  EXPECT_EQ(stopped.exit_code, 2);
  EXPECT_EQ(
      stopped.err,
      "ipvsadm: line 3: -A -t 192.0.2.10:0: port 0 is every port of the address and needs -p. "
      "It stopped here: what the lines before have done stays, those after were not read\n");
  EXPECT_TRUE(api.asked.empty());
  const std::string many(200, 'x');
  EXPECT_NE(
      Run("-R", "-A -t " + many + ":80\n").err.find("line 1: -A -t " + many.substr(0, 74) + "…: "),
      std::string::npos);
  EXPECT_EQ(Run("-R", "-R\n-C\n").exit_code, 255);
  EXPECT_TRUE(api.asked.empty());
  api.answers["DELETE /v1/services/mark-7-v4"] = {404, R"({"detail": "no such service"})"};
  EXPECT_EQ(Run("-R", "-D -f 7\n-C\n").exit_code, 0);
  EXPECT_EQ(Run("-R", "-C\n-D -f 7\n").exit_code, 255);
}

// Whatever is listed can be saved, and what was saved is read as the same requests again.
TEST_F(IpvsadmRun, SavedLinesRestore) {
  api.answers["GET /v1/services?reals=true"] = {200, R"({"services": [
    {"family": "ipv4", "mark": 7, "scheduler": "mh", "scheduler_flags": ["mh-port"],
     "persistence": {"timeout_seconds": 120, "mask": "255.0.255.0"}, "one_packet": false,
     "reals": [
       {"name": "10.0.0.12:0", "forward": "dr", "weight": 3, "effective_weight": 0, "admin": "up"},
       {"name": "10.0.0.11:0", "forward": "nat", "weight": 3, "effective_weight": 0,
        "admin": "drain"},
       {"name": "10.0.0.13:0", "forward": "nat", "weight": 1, "removed": true, "admin": "up"},
       {"name": "10.0.0.99:0", "forward": "nat", "weight": 1, "effective_weight": 1,
        "fallback": true, "admin": "up"}]},
    {"family": "ipv6", "address": "2001:db8::1", "port": 53, "protocol": "udp", "one_packet": true,
     "scheduler": "rr", "persistence": {"timeout_seconds": 60, "netmask": 64},
     "reals": [{"name": "[2001:db8::11]:53", "forward": "tun", "weight": 2, "effective_weight": 2,
                "admin": "up"}]}]})"};
  const Outcome saved = Run("-S -n");
  EXPECT_EQ(saved.out,
            "-A -u [2001:db8::1]:53 -s rr -p 60 -M 64 -o\n"
            "-a -u [2001:db8::1]:53 -r [2001:db8::11]:53 -i -w 2 --tun-type ipip\n"
            "-A -f 7 -s mh -p 120 -M 255.0.255.0 -b mh-port\n"
            "-a -f 7 -r 10.0.0.11:0 -m -w 0\n"
            "-a -f 7 -r 10.0.0.12:0 -g -w 3\n");
  api.asked.clear();
  EXPECT_EQ(Run("-R", saved.out).err, "");
  ASSERT_EQ(api.asked.size(), 2u);
  EXPECT_EQ(api.asked[1],
            R"(POST /v1/services {"mark":7,"family":"ipv4","scheduler":"mh",)"
            R"("scheduler_flags":["mh-port"],)"
            R"("persistence":{"timeout":"120s","netmask":"255.0.255.0"},"one_packet":false,)"
            R"("reals":[{"weight":0,"forward":"nat","upper_threshold":0,"lower_threshold":0,)"
            R"("address":"10.0.0.11","port":0},)"
            R"({"weight":3,"forward":"dr","upper_threshold":0,"lower_threshold":0,)"
            R"("address":"10.0.0.12","port":0}]})");
  // In a listing a fallback shows while it is in use, and weights are those in force.
  const std::string list = Run("-Ln -f 7").out;
  EXPECT_NE(list.find("  -> 10.0.0.99:0                  Masq    1 "), std::string::npos) << list;
  EXPECT_NE(list.find("  -> 10.0.0.12:0                  Route   0 "), std::string::npos) << list;
  EXPECT_NE(list.find("mask 255.0.255.0"), std::string::npos) << list;
}

// A netmask that sh or mh hash under, without persistence; -M alone has no use there, as in IPVS.
TEST_F(IpvsadmRun, NetmaskOfAHashIsSavedAndRestored) {
  api.answers["GET /v1/services?reals=true"] = {200, R"({"services": [
    {"family": "ipv4", "address": "192.0.2.10", "port": 80, "protocol": "tcp", "scheduler": "sh",
     "scheduler_flags": ["sh-netmask"], "persistence": null, "netmask": 24, "reals": []},
    {"family": "ipv4", "mark": 8, "scheduler": "mh", "scheduler_flags": ["mh-netmask"],
     "persistence": null, "netmask": 16, "mask": "255.0.255.0", "reals": []},
    {"family": "ipv6", "mark": 9, "scheduler": "mh", "scheduler_flags": ["mh-netmask", "mh-port"],
     "persistence": null, "netmask": 64, "reals": []}]})"};
  const std::string saved = Run("-S -n").out;
  EXPECT_EQ(saved,
            "-A -t 192.0.2.10:80 -s sh -M 255.255.255.0 -b sh-netmask\n"
            "-A -f 8 -s mh -M 255.0.255.0 -b mh-netmask\n"
            "-A -f 9 -6 -s mh -M 64 -b mh-netmask,mh-port\n");
  api.asked.clear();
  EXPECT_EQ(Run("-R", saved).err, "");
  ASSERT_EQ(api.asked.size(), 3u);
  EXPECT_NE(api.asked[0].find(R"("netmask":"255.255.255.0")"), std::string::npos) << api.asked[0];
  EXPECT_NE(api.asked[1].find(R"("netmask":"255.0.255.0")"), std::string::npos) << api.asked[1];
  EXPECT_NE(api.asked[2].find(R"("netmask6":64)"), std::string::npos) << api.asked[2];
  EXPECT_NE(Run("-Ln").out.find("TCP  192.0.2.10:80 sh (sh-netmask) mask 255.255.255.0\n"),
            std::string::npos);
  EXPECT_EQ(Asked("-A -t 192.0.2.10:80 -s rr -M 255.255.255.0").find("netmask"), std::string::npos);
}

// Persistence without an end is the longest time that -p takes, so that it can be restored.
TEST_F(IpvsadmRun, InfinitePersistence) {
  for (const char* seconds : {"null", "4294967295"}) {
    api.answers["GET /v1/services?reals=true"] = {
        200, std::string(R"({"services": [{"family": "ipv4", "mark": 7, "scheduler": "rr",
             "persistence": {"netmask": 32, "timeout_seconds": )") +
                 seconds + "}}]}"};
    EXPECT_EQ(Run("-S").out, "-A -f 7 -s rr -p 2678400\n");
  }
}

TEST_F(IpvsadmRun, RenamedTemplatesAndMarksInTheTable) {
  api.answers["GET /v1/connections?limit=10000"] = {200, R"({"connections": []})"};
  api.answers["GET /v1/templates?limit=10000"] = {200, R"({"templates": [
    {"protocol": "tcp", "client": "198.51.100.0/24", "virtual": "192.0.2.10:80", "assured": false,
     "destination": "10.0.0.11:80", "valid": false, "remaining_ms": 59999},
    {"protocol": null, "client": "2001:db8:5::/64", "virtual": null, "mark": 7, "assured": true,
     "destination": "[2001:db8::11]:0", "valid": true, "remaining_ms": 1000},
    {"protocol": "tcp", "client": "group campus", "virtual": "192.0.2.10:80", "assured": false,
     "destination": "10.0.0.11:80", "valid": true, "remaining_ms": null}]})"};
  const std::string text = Run("-Lcn").out;
  EXPECT_EQ(text.substr(text.find('\n', text.find('\n') + 1) + 1),
            "TCP 00:59  NONE        198.51.100.0:0     192.0.2.10:65535   10.0.0.11:65535\n"
            "IP  00:01  ASSURED     [2001:db8:5::]:0   [0:7::]:0          [2001:db8::11]:0\n"
            "TCP 44640:00 NONE        0.0.0.0:0          192.0.2.10:80      10.0.0.11:80\n");
}

}  // namespace
}  // namespace fairlead::cli::ipvsadm::run_test
