#include "cli/ipvsadm/listing.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "cli/ipvsadm/addresses.h"
#include "cli/ipvsadm/numbers.h"

namespace fairlead::cli::ipvsadm {

namespace {

std::string_view ProtocolWord(uint8_t protocol) {
  const std::string_view word = NamesOf(protocol).listing_word;
  return word.empty() ? "IP" : word;
}

std::string_view MethodWord(const ServerRow& row) {
  return row.method ? TraitsOf(*row.method).listing_word : "Unknown";
}

std::string TunnelWord(const ServerRow& row) {
  if (!row.method || !IsTunnel(*row.method)) return "n/a";
  const char* checksum = row.tunnel.checksum == TunnelChecksum::kFull     ? "+c"
                         : row.tunnel.checksum == TunnelChecksum::kRemote ? "r+c"
                                                                          : "-c";
  switch (row.tunnel.type) {
    case TunnelType::kGue:
      return fmt::format("gue:{}:{}", row.tunnel.port, checksum);
    case TunnelType::kGre:
      return fmt::format("gre:{}", checksum);
    default:
      return "ipip";
  }
}

constexpr size_t kServiceWidth = 33, kServerWidth = 28;

// IPv4 is cut to the column, IPv6 runs over it.
std::string Fit(std::string text, Family family, size_t width) {
  if (family == Family::kIpv4 && text.size() > width) text.resize(width);
  return text;
}

class ServiceList {
 public:
  ServiceList(const ListOptions& options, Resolver& names) : options_(options), names_(names) {}

  [[nodiscard]] std::string Titles() const {
    constexpr std::string_view kFirst = "Prot LocalAddress:Port",
                               kSecond = "  -> RemoteAddress:Port";
    switch (options_.view) {
      case View::kStats:
        return fmt::format("{:<33} {:>8} {:>8} {:>8} {:>8} {:>8}\n{}\n", kFirst, "Conns", "InPkts",
                           "OutPkts", "InBytes", "OutBytes", kSecond);
      case View::kRate:
        return fmt::format("{:<33} {:>8} {:>8} {:>8} {:>8} {:>8}\n{}\n", kFirst, "CPS", "InPPS",
                           "OutPPS", "InBPS", "OutBPS", kSecond);
      case View::kThresholds:
        return fmt::format("{:<33} {:<10} {:<10} {:<10} {:<10}\n{}\n", kFirst, "Uthreshold",
                           "Lthreshold", "ActiveConn", "InActConn", kSecond);
      case View::kPersistent:
        return fmt::format("{:<33} {:<9} {:<11} {:<10} {:<10}\n{}\n", kFirst, "Weight",
                           "PersistConn", "ActiveConn", "InActConn", kSecond);
      case View::kTunnel:
        return fmt::format("{} Scheduler Flags\n{:<33} {} {:<13} {} {} {}\n", kFirst, kSecond,
                           "Forward", "TunnelInfo", "Weight", "ActiveConn", "InActConn");
      case View::kPlain:
        break;
    }
    return fmt::format("{} Scheduler Flags\n{:<33} {} {} {} {}\n", kFirst, kSecond, "Forward",
                       "Weight", "ActiveConn", "InActConn");
  }

  void Add(const ServiceRow& row, std::string* into) const {
    const std::string name = ServiceName(row.key);
    if (options_.view == View::kStats || options_.view == View::kRate) {
      const Traffic& t = options_.view == View::kStats ? row.total : row.rate;
      *into += fmt::format("{:<33}{}\n", name, Counters(t));
    } else {
      *into += name + " " + row.scheduler + Flags(row) + "\n";
    }
    for (const ServerRow& server : row.servers) *into += Server(server, row.key.protocol);
  }

 private:
  [[nodiscard]] std::string ServiceName(const ServiceKey& key) const {
    if (key.mark != 0) {
      return fmt::format("FWM  {}{}", key.mark, key.family == Family::kIpv6 ? " IPv6" : "");
    }
    const Endpoint endpoint{key.address, Be16::FromHost(key.port)};
    return Fit(fmt::format("{:<4} {}", ProtocolWord(key.protocol),
                           EndpointText(endpoint, key.protocol, names_, options_.is_numeric)),
               key.family, kServiceWidth);
  }

  [[nodiscard]] static std::string Flags(const ServiceRow& row) {
    std::string text;
    if (!row.flags.empty()) text += fmt::format(" ({})", FlagsText(row));
    if (row.persistence_seconds) {
      text += fmt::format(" persistent {}", *row.persistence_seconds);
    }
    if (const std::string mask = MaskText(row); !mask.empty()) text += " mask " + mask;
    if (row.persistence_seconds && !row.engine.empty()) text += " pe " + row.engine;
    if (row.is_one_packet) text += " ops";
    return text;
  }

  [[nodiscard]] std::string Counters(const Traffic& t) const {
    const bool x = options_.is_exact;
    return Counter(t.connections, x) + Counter(t.in_packets, x) + Counter(t.out_packets, x) +
           Counter(t.in_bytes, x) + Counter(t.out_bytes, x);
  }

  [[nodiscard]] std::string Server(const ServerRow& row, uint8_t protocol) const {
    const std::string head = fmt::format(
        "  -> {:<28}", Fit(EndpointText(row.endpoint, protocol, names_, options_.is_numeric),
                           row.endpoint.address.family(), kServerWidth));
    return head + Columns(row) + "\n";
  }

  [[nodiscard]] std::string Columns(const ServerRow& row) const {
    const bool x = options_.is_exact;
    switch (options_.view) {
      case View::kStats:
        return Counters(row.total);
      case View::kRate:  // the first three of a server are never shortened
        return Counter(row.rate.connections, true) + Counter(row.rate.in_packets, true) +
               Counter(row.rate.out_packets, true) + Counter(row.rate.in_bytes, x) +
               Counter(row.rate.out_bytes, x);
      case View::kThresholds:
        return fmt::format(" {:<10} {:<10} {:<10} {:<10}", row.upper_threshold, row.lower_threshold,
                           row.active, row.inactive);
      case View::kPersistent:
        return fmt::format(" {:<9} {:<11} {:<10} {:<10}", row.weight, row.templates, row.active,
                           row.inactive);
      case View::kTunnel:
        return fmt::format(" {:<7} {:<13} {:<6} {:<10} {:<10}", MethodWord(row), TunnelWord(row),
                           row.weight, row.active, row.inactive);
      case View::kPlain:
        break;
    }
    return fmt::format(" {:<7} {:<6} {:<10} {:<10}", MethodWord(row), row.weight, row.active,
                       row.inactive);
  }

  const ListOptions& options_;
  Resolver& names_;
};

}  // namespace

void Sort(std::vector<ServiceRow>* rows) {
  std::stable_sort(rows->begin(), rows->end(),
                   [](const auto& a, const auto& b) { return a.key < b.key; });
  for (ServiceRow& row : *rows) {
    std::stable_sort(row.servers.begin(), row.servers.end(),
                     [](const auto& a, const auto& b) { return a.endpoint < b.endpoint; });
  }
}

std::string FlagsText(const ServiceRow& row) {
  std::string text;
  for (const std::string& flag : row.flags) text += (text.empty() ? "" : ",") + flag;
  return text;
}

std::string MaskText(const ServiceRow& row) {
  if (row.key.family == Family::kIpv6) {
    return row.netmask6 == 128 ? "" : std::to_string(row.netmask6);
  }
  return row.netmask == 0xffffffff ? "" : IpAddress(Ipv4Address::FromHost(row.netmask)).ToString();
}

std::string ServicesText(const std::vector<ServiceRow>& rows, const ListOptions& options,
                         Resolver& names, bool with_version) {
  const ServiceList list(options, names);
  std::string text = with_version ? "IP Virtual Server version 1.2.1 (size=4096)\n" : "";
  text += list.Titles();
  for (const ServiceRow& row : rows) list.Add(row, &text);
  return text;
}

std::string EntryTitles(const ListOptions& options) {
  std::string text =
      "IPVS connection entries\n"
      "pro expire state       source             virtual            destination";
  if (options.with_engine_data) text += "        pe name          pe_data";
  return text + "\n";
}

std::string EntryLine(const EntryRow& row, const ListOptions& options, Resolver& names) {
  const auto text = [&](const Endpoint& endpoint) {
    return EndpointText(endpoint, row.protocol, names, options.is_numeric);
  };
  const std::string expire =
      fmt::format("{:02}:{:02}", row.remaining_seconds / 60, row.remaining_seconds % 60);
  std::string line = fmt::format("{:<3} {:<6} {:<11} {:<18} {:<18} ", ProtocolWord(row.protocol),
                                 expire, row.state, text(row.client), text(row.virtual_endpoint));
  if (options.with_engine_data && !row.engine.empty()) {
    return line +
           fmt::format("{:<18} {:<16} {}\n", text(row.destination), row.engine, row.engine_data);
  }
  return line + text(row.destination) + "\n";
}

std::string TimeoutsLine(uint64_t tcp_seconds, uint64_t tcp_fin_seconds, uint64_t udp_seconds) {
  return fmt::format("Timeout (tcp tcpfin udp): {} {} {}\n", tcp_seconds, tcp_fin_seconds,
                     udp_seconds);
}

}  // namespace fairlead::cli::ipvsadm
