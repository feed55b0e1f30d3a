// The options and exit codes of ipvsadm (ipvs.md, ipvsadm grammar and ipvsadm exit codes).
#include "cli/ipvsadm/options.h"

#include <gtest/gtest.h>

#include <random>
#include <sstream>

namespace fairlead::cli::ipvsadm::options_test {
namespace {

// Knows one host and a few ports.
class FewNames : public NoNames {
 public:
  std::optional<IpAddress> AddressOf(const std::string& host, Family family) override {
    if (host != "real1" || family != Family::kIpv4) return std::nullopt;
    return IpAddress::Parse("10.0.0.11");
  }
  std::optional<uint16_t> PortOf(const std::string& name, uint8_t protocol) override {
    if (name == "http" && protocol == kTcp) return 80;
    if (name == "domain" && protocol == kUdp) return 53;
    return std::nullopt;
  }
};

std::vector<std::string> WordsOf(const std::string& line) {
  std::istringstream stream(line);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

Parsed Parse(const std::string& line) {
  FewNames names;
  return ParseCommand(WordsOf(line), names);
}

Command Good(const std::string& line) {
  const Parsed parsed = Parse(line);
  EXPECT_TRUE(parsed.command) << line << ": " << parsed.message;
  return parsed.command.value_or(Command{});
}

std::string KeyOf(const std::string& line) {
  NoNames names;
  const Command command = Good(line);
  return command.service ? OptionOf(*command.service, names, true) : "none";
}

TEST(IpvsadmOptions, NoWordsAreAList) { EXPECT_EQ(Good("").verb, Verb::kList); }

TEST(IpvsadmOptions, EveryCommandHasItsNames) {
  const struct {
    const char* line;
    Verb verb;
  } kLines[] = {
      {"-A -t 192.0.2.1:80", Verb::kAddService},
      {"--add-service -t 192.0.2.1:80", Verb::kAddService},
      {"-E -t 192.0.2.1:80", Verb::kEditService},
      {"--edit-service -t 192.0.2.1:80", Verb::kEditService},
      {"-D -t 192.0.2.1:80", Verb::kDeleteService},
      {"--delete-service -t 192.0.2.1:80", Verb::kDeleteService},
      {"-C", Verb::kClear},
      {"--clear", Verb::kClear},
      {"-R", Verb::kRestore},
      {"--restore", Verb::kRestore},
      {"-S", Verb::kSave},
      {"--save -n", Verb::kSave},
      {"-a -t 192.0.2.1:80 -r 10.0.0.1", Verb::kAddServer},
      {"--add-server -t 192.0.2.1:80 -r 10.0.0.1", Verb::kAddServer},
      {"-e -t 192.0.2.1:80 -r 10.0.0.1", Verb::kEditServer},
      {"--edit-server -t 192.0.2.1:80 -r 10.0.0.1", Verb::kEditServer},
      {"-d -t 192.0.2.1:80 -r 10.0.0.1", Verb::kDeleteServer},
      {"--delete-server -t 192.0.2.1:80 -r 10.0.0.1", Verb::kDeleteServer},
      {"-d -t 192.0.2.1:80 -r [2001:db8::1]:80", Verb::kDeleteServer},
      {"-L", Verb::kList},
      {"-l", Verb::kList},
      {"--list", Verb::kList},
      {"-Z", Verb::kZero},
      {"--zero -f 7", Verb::kZero},
      {"--set 900 120 300", Verb::kSetTimeouts},
      {"--start-daemon master --mcast-interface eth0", Verb::kStartDaemon},
      {"--stop-daemon=backup", Verb::kStopDaemon},
      {"-h", Verb::kHelp},
      {"--help", Verb::kHelp},
      {"-v", Verb::kVersion},
      {"--version", Verb::kVersion},
  };
  for (const auto& [line, verb] : kLines) EXPECT_EQ(Good(line).verb, verb) << line;
}

TEST(IpvsadmOptions, Services) {
  EXPECT_EQ(KeyOf("-D -t 192.0.2.1:80"), "-t 192.0.2.1:80");
  EXPECT_EQ(KeyOf("-D -t 192.0.2.1:http"), "-t 192.0.2.1:80");
  EXPECT_EQ(KeyOf("-D -t192.0.2.1:80"), "-t 192.0.2.1:80");
  EXPECT_EQ(KeyOf("-D --tcp-service=192.0.2.1:80"), "-t 192.0.2.1:80");
  EXPECT_EQ(KeyOf("-D --udp-service 192.0.2.1:domain"), "-u 192.0.2.1:53");
  EXPECT_EQ(KeyOf("-D --sctp-service 192.0.2.1:5000"), "--sctp-service 192.0.2.1:5000");
  EXPECT_EQ(KeyOf("-D -t real1"), "-t 10.0.0.11:0");
  EXPECT_EQ(KeyOf("-D -t [2001:db8::1]:80"), "-t [2001:db8::1]:80");
  EXPECT_EQ(KeyOf("-D -t 2001:db8::1"), "-t [2001:db8::1]:0");
  EXPECT_EQ(KeyOf("-D -f 7"), "-f 7");
  EXPECT_EQ(KeyOf("-D -f 4294967295 -6"), "-f 4294967295 -6");
}

TEST(IpvsadmOptions, DefaultsOfAService) {
  const ServiceOptions service = Good("-A -t 192.0.2.1:80").service_options;
  EXPECT_EQ(service.scheduler, "wlc");
  EXPECT_FALSE(service.persistence_seconds);
  EXPECT_EQ(service.netmask, 0xffffffffu);
  EXPECT_EQ(service.netmask6, 128);
  EXPECT_FALSE(service.is_one_packet);
  EXPECT_EQ(service.engine, "");
}

TEST(IpvsadmOptions, EverythingOfAService) {
  const ServiceOptions service =
      Good("-A -u 192.0.2.1:5060 -s sh -p 90 -M 255.255.255.0 --pe sip -o -b sh-port,flag-1")
          .service_options;
  EXPECT_EQ(service.scheduler, "sh");
  EXPECT_EQ(service.persistence_seconds, 90u);
  EXPECT_EQ(service.netmask, 0xffffff00u);
  EXPECT_EQ(service.engine, "sip");
  EXPECT_TRUE(service.is_one_packet);
  EXPECT_TRUE(service.has_port_flag);
  EXPECT_TRUE(service.has_fallback_flag);
  EXPECT_EQ(Good("-A -t [2001:db8::1]:80 -p -M 64").service_options.netmask6, 64);
  EXPECT_EQ(Good("-A -f 3 -6 -p -M 64").service_options.netmask6, 64);
}

TEST(IpvsadmOptions, PersistenceTakesAValueOrNone) {
  const auto seconds = [](const std::string& line) {
    return Good(line).service_options.persistence_seconds.value_or(0);
  };
  EXPECT_EQ(seconds("-A -t 192.0.2.1:80 -p"), 360u);
  EXPECT_EQ(seconds("-A -p -t 192.0.2.1:80"), 360u);
  EXPECT_EQ(seconds("-A -t 192.0.2.1:80 --persistent"), 360u);
  EXPECT_EQ(seconds("-A -t 192.0.2.1:80 -p 1800 -s rr"), 1800u);
  EXPECT_EQ(seconds("-A -t 192.0.2.1:80 -p1800"), 1800u);
  EXPECT_EQ(seconds("-A -t 192.0.2.1:80 --persistent=2678400"), 2678400u);
}

TEST(IpvsadmOptions, Servers) {
  const Command plain = Good("-a -t 192.0.2.1:80 -r 10.0.0.1");
  EXPECT_EQ(plain.real.ToString(), "10.0.0.1:80");
  EXPECT_EQ(plain.server_options.method, ForwardMethod::kDr);
  EXPECT_EQ(plain.server_options.weight, 1u);
  const Command full = Good("-a -t 192.0.2.1:80 -r real1:8080 -m -w 65535 -x 2147483647 -y 9");
  EXPECT_EQ(full.real.ToString(), "10.0.0.11:8080");
  EXPECT_EQ(full.server_options.method, ForwardMethod::kNat);
  EXPECT_EQ(full.server_options.weight, 65535u);
  EXPECT_EQ(full.server_options.upper_threshold, 2147483647u);
  EXPECT_EQ(full.server_options.lower_threshold, 9u);
}

// Every described method and transport has its option, and a server one method.
TEST(IpvsadmOptions, EveryMethodAndTransport) {
  for (const ForwardMethod method : kForwardMethods) {
    const std::string line =
        "-a -t 192.0.2.1:80 -r 10.0.0.1 " + std::string(TraitsOf(method).option);
    EXPECT_EQ(Good(line).server_options.method, method) << line;
    for (const ForwardMethod other : kForwardMethods) {
      if (other == method) continue;
      EXPECT_FALSE(Parse(line + " " + std::string(TraitsOf(other).option)).command) << line;
    }
  }
  for (const Transport transport : kTransports) {
    const std::string line = "-A " + std::string(TraitsOf(transport).option) + " 192.0.2.1:80";
    EXPECT_EQ(Good(line).service->protocol, static_cast<uint8_t>(transport)) << line;
  }
}

TEST(IpvsadmOptions, PortsOfServersThatCannotBeRewritten) {
  const auto real = [](const std::string& line) { return Good(line).real.ToString(); };
  EXPECT_EQ(real("-a -t 192.0.2.1:80 -r 10.0.0.1:8080 -g"), "10.0.0.1:80");
  EXPECT_EQ(real("-e -t 192.0.2.1:80 -r 10.0.0.1:8080 -i"), "10.0.0.1:80");
  EXPECT_EQ(real("-a -r 10.0.0.1:8080 -i -t 192.0.2.1:80"), "10.0.0.1:80");
  EXPECT_EQ(real("-a -f 7 -r 10.0.0.1:8080 -g"), "10.0.0.1:8080");
  EXPECT_EQ(real("-a -f 7 -r 10.0.0.1"), "10.0.0.1:0");
  EXPECT_EQ(real("-d -t 192.0.2.1:80 -r 10.0.0.1:8080"), "10.0.0.1:8080");
  EXPECT_EQ(real("-d -t 192.0.2.1:80 -r 10.0.0.1"), "10.0.0.1:80");
}

TEST(IpvsadmOptions, Tunnels) {
  const auto tunnel = [](const std::string& line) {
    return Good("-a -t 192.0.2.1:80 -r 10.0.0.1 -i " + line).server_options.tunnel;
  };
  EXPECT_EQ(tunnel("").type, TunnelType::kIpip);
  EXPECT_EQ(tunnel("--tun-type gue --tun-port 6080").port, 6080);
  EXPECT_EQ(tunnel("--tun-type gue --tun-port 1 --tun-remcsum").checksum, TunnelChecksum::kRemote);
  EXPECT_EQ(tunnel("--tun-type gre --tun-csum").checksum, TunnelChecksum::kFull);
}

TEST(IpvsadmOptions, Lists) {
  EXPECT_TRUE(Good("-Ln").list.is_numeric);
  EXPECT_TRUE(Good("-L --nosort -X").list.is_exact);
  EXPECT_FALSE(Good("-L --nosort").list.is_sorted);
  EXPECT_TRUE(Good("-ln --sort").list.is_sorted);
  EXPECT_EQ(Good("-Lcn").list.what, ListWhat::kConnections);
  EXPECT_EQ(Good("-L -c --sort --persistent-conn").list.with_engine_data, true);
  EXPECT_EQ(Good("-L --timeout").list.what, ListWhat::kTimeouts);
  EXPECT_EQ(Good("-L --daemon").list.what, ListWhat::kDaemons);
  // Of several views the first of this order is shown.
  EXPECT_EQ(Good("-L --tun-info --persistent-conn --thresholds --rate --stats").list.view,
            View::kStats);
  EXPECT_EQ(Good("-L --tun-info --persistent-conn --thresholds --rate").list.view, View::kRate);
  EXPECT_EQ(Good("-L --tun-info --persistent-conn --thresholds").list.view, View::kThresholds);
  EXPECT_EQ(Good("-L --tun-info --persistent-conn").list.view, View::kPersistent);
  EXPECT_EQ(Good("-L --tun-info").list.view, View::kTunnel);
  EXPECT_EQ(Good("-L").list.view, View::kPlain);
}

TEST(IpvsadmOptions, WhatMakesNoDifference) {
  EXPECT_EQ(Good("-h -q --bogus x").verb, Verb::kHelp);
  EXPECT_EQ(Good("-v -n").verb, Verb::kVersion);
  EXPECT_EQ(Good("-A -t 192.0.2.1:80 -M 24").service_options.netmask, 24u) << "no length";
  EXPECT_EQ(Good("-C --sort").verb, Verb::kClear);
  EXPECT_EQ(Good("-L -c --tun-info").list.what, ListWhat::kConnections);
  EXPECT_EQ(Good("-a -t 192.0.2.1:80 -r 10.0.0.1 -w +5").server_options.weight, 5u);
  EXPECT_EQ(Good("-a -t 192.0.2.1:80 -r 10.0.0.1 -w 010").server_options.weight, 10u);
}

// Whatever is typed, there is a command or a sentence and a code; run under sanitizers too.
TEST(IpvsadmOptions, AnyWordsEndWell) {
  const char* const kWords[] = {"-A",
                                "-E",
                                "-L",
                                "-a",
                                "-Lcn",
                                "-t",
                                "192.0.2.1:80",
                                "-u",
                                "[",
                                "[]:",
                                "[::1]:80",
                                ":",
                                "-f",
                                "7",
                                "-6",
                                "-p",
                                "-M",
                                "255.255.255.0",
                                "64",
                                "-r",
                                "10.0.0.1",
                                "--tun-type",
                                "gue",
                                "-i",
                                "--tun-port",
                                "-b",
                                "sh-port,",
                                ",",
                                "",
                                "-",
                                "--",
                                "--set",
                                "1",
                                "99999999999999999999",
                                "-w",
                                "-w=",
                                "--weight=",
                                "-c",
                                "--stats",
                                "-p300",
                                "--persistent=",
                                "=",
                                "-o",
                                "--start-daemon"};
  std::mt19937 random(14);
  FewNames names;
  for (int round = 0; round < 20000; ++round) {
    std::vector<std::string> words(random() % 9);
    for (std::string& word : words) word = kWords[random() % std::size(kWords)];
    const Parsed parsed = ParseCommand(words, names);
    if (parsed.command) continue;
    ASSERT_NE(parsed.message, "");
    ASSERT_TRUE(parsed.exit_code == 2 || parsed.exit_code == 255) << parsed.exit_code;
  }
}

TEST(IpvsadmOptions, Times) {
  const Command command = Good("--set 0 2678400 7");
  EXPECT_EQ(command.tcp_seconds, 0u);
  EXPECT_EQ(command.tcp_fin_seconds, 2678400u);
  EXPECT_EQ(command.udp_seconds, 7u);
}

TEST(IpvsadmOptions, UnknownWordsExitWith255) {
  for (const char* line :
       {"-q", "--frobnicate", "-t 192.0.2.1:80", "-n", "foo", "-Ln -U", "-L --frobnicate", "-Lq",
        "--set -1 2 3", "-A -t", "-A -t 192.0.2.1:80 -s", "-L --stats=1", "--start-daemon"}) {
    const Parsed parsed = Parse(line);
    EXPECT_FALSE(parsed.command) << line;
    EXPECT_EQ(parsed.exit_code, 255) << line << ": " << parsed.message;
    EXPECT_NE(parsed.message, "") << line;
  }
}

const std::string kAdd = "-A -t 192.0.2.1:80 ", kReal = "-a -t 192.0.2.1:80 -r 10.0.0.1 ";
const std::string kWrongLines[] = {
    // values
    "-A -t 1234:80",
    "-A -t :80",
    "-A -t nobody:80",
    "-A -t 192.0.2.1:65536",
    "-A -t 192.0.2.1:-1",
    "-A -t 192.0.2.1:smtp",
    "-A -t [2001:db8::1]",
    "-A -t [2001:db8::1:80",
    "-A -t [192.0.2.1]:80",
    "-A -f 0",
    "-A -f 4294967296",
    "-A -f x",
    kAdd + "-p 0",
    kAdd + "-p 2678401",
    kAdd + "-p x",
    kAdd + "-p -M 4294967296",
    kAdd + "-p -M 255.255.255.256",
    "-A -t [2001:db8::1]:80 -p -M 129",
    "-A -t [2001:db8::1]:80 -p -M 0",
    "-A -M 64 -t [2001:db8::1]:80 -p",
    kAdd + "-b nonsense",
    "-A -M 255.255.255.0 -t [2001:db8::1]:80 -p",
    kReal + "-w 65536",
    kReal + "-w -1",
    kReal + "-w 1x",
    kReal + "-x 2147483648",
    kReal + "-i --tun-type udp",
    kReal + "-i --tun-type gue --tun-port 0",
    "--set 1 2",
    "--set 1 2 3 4",
    "--set 1 2 x",
    "--set 1 2 2678401",
    "--start-daemon maker",
    "--start-daemon master --syncid 300",
    "--start-daemon master --sync-maxlen 0",
    "--start-daemon master --mcast-group 10.0.0.1",
    "--start-daemon master --mcast-port 65536",
    "--start-daemon master --mcast-ttl 256",
    // missing
    "-A",
    "-E -s rr",
    "-D",
    "-a -t 192.0.2.1:80",
    "-d -t 192.0.2.1:80",
    "-e -r 10.0.0.1",
    // not of this command
    "-D -t 192.0.2.1:80 -s rr",
    "-C -n",
    "-Z -n",
    "-R -n",
    "-S -t 192.0.2.1:80",
    kAdd + "-r 10.0.0.1",
    kAdd + "-n",
    kReal + "-s rr",
    "-d -t 192.0.2.1:80 -r 10.0.0.1 -m",
    "-L -s rr",
    "-L -r 10.0.0.1",
    "--stop-daemon master --mcast-interface eth0",

    // twice, or against each other
    kAdd + "-A",
    kAdd + "-L",
    kAdd + "-s rr -s wrr",
    kAdd + "-u 192.0.2.1:80",
    kAdd + "-t 192.0.2.2:80",
    kReal + "-g -m",
    kReal + "-m -m",
    kAdd + "extra",
    "-L extra",
    "-A -6 -f 7",
    "-A -t 192.0.2.1:80 -6",
    // together impossible
    "-A -t 192.0.2.1:0",
    "-A -t 192.0.2.1",
    "-E -t 192.0.2.1:0 -s rr",
    kAdd + "-o",
    kAdd + "-s rr -b sh-port",
    kAdd + "-s sh -b mh-port",
    "-a -t 192.0.2.1:80 -r [2001:db8::1]:80",
    "-a -f 8 -6 -r [2001:db8::1] -g",
    "-a -f 8 -6 -r 10.0.0.1",
    kReal + "--tun-type ipip",
    kReal + "-m --tun-csum",
    kReal + "-i --tun-type gue",
    kReal + "-i --tun-port 6080",
    kReal + "-i --tun-csum",
    kReal + "-i --tun-type gre --tun-remcsum",
    kReal + "-i --tun-type gre --tun-csum --tun-nocsum",
    // lists
    "-L -c -t 192.0.2.1:80",
    "-L -c --timeout",
    "-L --timeout --daemon",
    "-L --daemon -f 7",
    "-L -c --stats",
    "-L -c --rate",
    "-L -c --thresholds",

    "-L --timeout --stats",
    "-L --daemon --persistent-conn",
};

TEST(IpvsadmOptions, WrongLinesExitWith2) {
  for (const std::string& line : kWrongLines) {
    const Parsed parsed = Parse(line);
    EXPECT_FALSE(parsed.command) << line;
    EXPECT_EQ(parsed.exit_code, 2) << line << ": " << parsed.message;
    EXPECT_NE(parsed.message, "") << line;
  }
}

TEST(IpvsadmOptions, PortZeroIsForPersistentServicesAndMarks) {
  EXPECT_EQ(KeyOf("-A -t 192.0.2.1:0 -p"), "-t 192.0.2.1:0");
  EXPECT_EQ(KeyOf("-D -t 192.0.2.1:0"), "-t 192.0.2.1:0");
  EXPECT_EQ(Good("-a -t 192.0.2.1:0 -r 10.0.0.1").real.ToString(), "10.0.0.1:0");
  EXPECT_TRUE(Good("-A -u 192.0.2.1:53 -o").service_options.is_one_packet);
  EXPECT_TRUE(Good("-A -f 7 -o").service_options.is_one_packet);
}

}  // namespace
}  // namespace fairlead::cli::ipvsadm::options_test
