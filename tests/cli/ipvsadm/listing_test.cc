// Listings against what the kernel's ipvsadm printed of the same services, byte for byte.
#include "cli/ipvsadm/listing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "cli/ipvsadm/numbers.h"
#include "cli/ipvsadm/run.h"
#include "fake_api.h"

namespace fairlead::cli::ipvsadm::listing_test {
namespace {

std::string Golden(const std::string& name) {
  std::ifstream file(std::string(GOLDEN_DIRECTORY) + "/" + name);
  EXPECT_TRUE(file) << name;
  return {std::istreambuf_iterator<char>(file), {}};
}

// services(5) of the recorded system; no names for addresses.
class PortNames : public NoNames {
 public:
  std::optional<std::string> PortName(uint16_t port, uint8_t protocol) override {
    const bool is_udp = protocol == kUdp;
    if (port == 80 && !is_udp) return "http";
    if (port == 8080 && !is_udp) return "http-alt";
    if (port == 443 && !is_udp) return "https";
    if (port == 53) return "domain";
    if (port == 5060 && is_udp) return "sip";
    return std::nullopt;
  }
};

std::string Listing(const std::string& words) {
  FakeApi api;
  api.answers["GET /v1/services?reals=true"] = {200, Golden("services.json")};
  api.answers["GET /v1/connections?limit=10000"] = {200, Golden("connections.json")};
  api.answers["GET /v1/connections?limit=10000&cursor=a%2F1"] = {200, Golden("connections2.json")};
  api.answers["GET /v1/templates?limit=10000"] = {200, Golden("templates.json")};
  api.answers["GET /v1/timeouts"] = {
      200, R"({"tcp": "15m", "tcp_fin": "120s", "udp": "5m", "none": "1s"})"};
  std::istringstream input, stream(words);
  std::vector<std::string> arguments;
  for (std::string word; stream >> word;) arguments.push_back(word);
  PortNames names;
  const Outcome outcome = RunIpvsadm(arguments, input, api, names);
  EXPECT_EQ(outcome.exit_code, 0) << words;
  EXPECT_EQ(outcome.err, "") << words;
  return outcome.out;
}

TEST(IpvsadmListing, ServicesAsTheKernelsToolPrintsThem) {
  const std::pair<const char*, const char*> kListings[] = {
      {"-Ln", "Ln.txt"},
      {"-L -n", "L-n.txt"},
      {"-ln --sort", "ln--sort.txt"},
      {"-L", "L.names.txt"},
      {"-Ln --stats", "Ln--stats.txt"},
      {"-Ln --stats --exact", "Ln--stats--exact.txt"},
      {"-Ln --rate", "Ln--rate.txt"},
      {"-Ln --thresholds", "Ln--thresholds.txt"},
      {"-Ln --persistent-conn", "Ln--persistent-conn.txt"},
      {"-Ln -t 10.100.0.1:80", "Ln-t.txt"},
      {"-Ln -t [fd64::1]:80", "Ln-t-v6.txt"},
      {"-Ln -t 10.100.0.1:80 --stats", "Ln-t--stats.txt"},
      {"-Ln -f 7", "Ln-f.txt"},
      {"-L --timeout", "L--timeout.txt"},
      {"-L --daemon", "L--daemon.txt"},
  };
  for (const auto& [words, file] : kListings) EXPECT_EQ(Listing(words), Golden(file)) << words;
}

TEST(IpvsadmListing, SaveAsTheKernelsToolPrintsIt) {
  EXPECT_EQ(Listing("-S -n"), Golden("S-n.txt"));
  EXPECT_EQ(Listing("-Sn"), Golden("S-n.txt"));
}

// The kernel mixes templates and connections by hash; here connections come first.
TEST(IpvsadmListing, EntriesAsTheKernelsToolPrintsThem) {
  const auto sorted = [](const std::string& text) {
    std::istringstream stream(text);
    std::vector<std::string> lines;
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    if (lines.size() > 2) std::sort(lines.begin() + 2, lines.end());
    return lines;
  };
  EXPECT_EQ(sorted(Listing("-Lcn")), sorted(Golden("Lcn.txt")));
  EXPECT_EQ(sorted(Listing("-Lcn --sort")), sorted(Golden("Lcn--sort.txt")));
  EXPECT_EQ(sorted(Listing("-Lcn --persistent-conn")), sorted(Golden("Lcn--persistent-conn.txt")));
}

TEST(IpvsadmListing, LinesOfEntries) {
  NoNames names;
  EntryRow row;
  row.remaining_seconds = 419 * 60 + 41;
  row.state = "ASSURED";
  row.client = *Endpoint::Parse("198.51.100.7:0");
  row.virtual_endpoint = *Endpoint::Parse("192.0.2.10:80");
  row.destination = *Endpoint::Parse("10.0.0.11:80");
  row.engine = "sip";
  row.engine_data = "abc@198.51.100.7";
  ListOptions options;
  options.is_numeric = true;
  EXPECT_EQ(EntryLine(row, options, names),
            "TCP 419:41 ASSURED     198.51.100.7:0     192.0.2.10:80      10.0.0.11:80\n");
  options.with_engine_data = true;
  EXPECT_EQ(EntryLine(row, options, names),
            "TCP 419:41 ASSURED     198.51.100.7:0     192.0.2.10:80      10.0.0.11:80       "
            "sip              abc@198.51.100.7\n");
}

ServiceRow BigService(uint64_t in_packets, uint64_t in_bytes) {
  ServiceRow row;
  row.key = {0, Family::kIpv4, kUdp, *IpAddress::Parse("10.100.0.1"), 80};
  row.total = {1, in_packets, 0, in_bytes, 0};
  row.rate = {0, in_packets, 0, in_bytes, 0};
  ServerRow server;
  server.endpoint = *Endpoint::Parse("10.1.0.99:80");
  server.total = row.total;
  server.rate = row.rate;
  row.servers = {server};
  return row;
}

TEST(IpvsadmListing, BigNumbersAsTheKernelsToolPrintsThem) {
  NoNames names;
  const auto text = [&](const ServiceRow& row, View view, bool is_exact) {
    ListOptions options;
    options.view = view;
    options.is_numeric = true;
    options.is_exact = is_exact;
    return ServicesText({row}, options, names, true);
  };
  const ServiceRow big = BigService(516200, 737133600);
  EXPECT_EQ(text(big, View::kStats, false), Golden("big.Ln--stats.txt"));
  EXPECT_EQ(text(big, View::kStats, true), Golden("big.Ln--stats--exact.txt"));
  EXPECT_EQ(text(BigService(33283, 47528722), View::kRate, false), Golden("big.Ln--rate.txt"));
  EXPECT_EQ(text(BigService(24967, 35652253), View::kRate, false), Golden("big2.Ln--rate.txt"));
  ServiceRow none = BigService(0, 0);
  none.total.connections = none.servers[0].total.connections = 0;
  EXPECT_EQ(text(none, View::kStats, false), Golden("afterZ.Ln--stats.txt"));
}

TEST(IpvsadmListing, RatesOfServersAreShortenedInBytesOnly) {
  NoNames names;
  ListOptions options;
  options.view = View::kRate;
  const std::string text =
      ServicesText({BigService(100'000'000, 100'000'000)}, options, names, false);
  EXPECT_NE(text.find("UDP  10.100.0.1:80                       0  100000K        0  100000K"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("  -> 10.1.0.99:80                        0 100000000        0  100000K"),
            std::string::npos)
      << text;
}

TEST(IpvsadmListing, NumbersAreShortenedAtFourPlaces) {
  const struct {
    uint64_t value;
    const char *shortened, *exact;
  } kNumbers[] = {
      {0, "        0", "        0"},
      {99'999'999, " 99999999", " 99999999"},
      {100'000'000, "  100000K", " 100000000"},
      {999'999'999, "  999999K", " 999999999"},
      {1'000'000'000, "    1000M", " 1000000000"},
      {12'345'678'901, "   12345M", " 12345678901"},
      {99'999'999'999, "   99999M", " 99999999999"},
      {100'000'000'000, "     100G", " 100000000000"},
      {99'999'999'999'999, "   99999G", " 99999999999999"},
      {100'000'000'000'000, "     100T", " 100000000000000"},
      {UINT64_MAX, "18446744T", " 18446744073709551615"},
  };
  for (const auto& n : kNumbers) {
    EXPECT_EQ(Counter(n.value, false), n.shortened);
    EXPECT_EQ(Counter(n.value, true), n.exact);
  }
}

TEST(IpvsadmListing, LongNamesAreCutForIpv4Only) {
  class LongNames : public NoNames {
   public:
    std::optional<std::string> NameOf(const IpAddress&) override {
      return "a-host-with-a-name-of-forty-two-characters";
    }
  } names;
  ServiceRow row = BigService(0, 0);
  row.scheduler = "rr";
  const auto after_titles = [&] {
    const std::string text = ServicesText({row}, {}, names, false);
    return text.substr(text.find("InActConn\n") + 10);
  };
  EXPECT_EQ(after_titles(),
            "UDP  a-host-with-a-name-of-forty- rr\n"
            "  -> a-host-with-a-name-of-forty- Route   1      0          0         \n");
  row.key.family = Family::kIpv6;
  row.key.address = *IpAddress::Parse("fd64::1");
  row.servers.clear();
  EXPECT_EQ(after_titles(), "UDP  [a-host-with-a-name-of-forty-two-characters]:80 rr\n");
}

// Of a director that is newer than this program: not shown, and not saved, as another.
TEST(IpvsadmListing, AMethodThatIsNotKnown) {
  NoNames names;
  ServiceRow row = BigService(0, 0);
  row.servers[0].method.reset();
  const std::string text = ServicesText({row}, {}, names, false);
  EXPECT_NE(text.find("  -> 10.1.0.99:80                 Unknown 1 "), std::string::npos) << text;
  const std::string saved = SaveText({row}, names, true);
  EXPECT_NE(saved.find(" -r 10.1.0.99:80 ? -w 1\n"), std::string::npos) << saved;
}

TEST(IpvsadmListing, Tunnels) {
  NoNames names;
  ServiceRow row = BigService(0, 0);
  row.scheduler = "rr";
  ServerRow& server = row.servers[0];
  ListOptions options;
  options.view = View::kTunnel;
  EXPECT_EQ(
      ServicesText({row}, options, names, false),
      "Prot LocalAddress:Port Scheduler Flags\n"
      "  -> RemoteAddress:Port           Forward TunnelInfo    Weight ActiveConn InActConn\n"
      "UDP  10.100.0.1:80 rr\n"
      "  -> 10.1.0.99:80                 Route   n/a           1      0          0         \n");
  server.method = ForwardMethod::kTun;
  const std::pair<Tunnel, std::string> kTunnels[] = {
      {{}, "ipip"},
      {{TunnelType::kGue, TunnelChecksum::kNone, 6080}, "gue:6080:-c"},
      {{TunnelType::kGue, TunnelChecksum::kFull, 6080}, "gue:6080:+c"},
      {{TunnelType::kGue, TunnelChecksum::kRemote, 6080}, "gue:6080:r+c"},
      {{TunnelType::kGre, TunnelChecksum::kFull}, "gre:+c"},
  };
  for (const auto& [tunnel, word] : kTunnels) {
    server.tunnel = tunnel;
    EXPECT_NE(ServicesText({row}, options, names, false).find(" Tunnel  " + word + " "),
              std::string::npos)
        << word;
  }
  server.tunnel = {TunnelType::kGue, TunnelChecksum::kNone, 6080};
  EXPECT_EQ(SaveText({row}, names, true),
            "-A -u 10.100.0.1:80 -s rr\n-a -u 10.100.0.1:80 -r 10.1.0.99:80 -i -w 1 --tun-type gue "
            "--tun-port 6080 --tun-nocsum\n");
}

}  // namespace
}  // namespace fairlead::cli::ipvsadm::listing_test
