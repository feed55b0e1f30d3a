// The text of ipvsadm -S (ipvs.md, ipvsadm save).
#include <fmt/format.h>

#include "cli/ipvsadm/addresses.h"
#include "cli/ipvsadm/listing.h"

namespace fairlead::cli::ipvsadm {

namespace {

// For a method that this program does not know: no restore takes it for another.
constexpr std::string_view kNoOption = "?";

std::string ServiceLine(const ServiceRow& row, const std::string& service) {
  std::string line = fmt::format("-A {} -s {}", service, row.scheduler);
  if (row.persistence_seconds) line += fmt::format(" -p {}", *row.persistence_seconds);
  if (const std::string mask = MaskText(row); !mask.empty()) line += " -M " + mask;
  if (row.persistence_seconds && !row.engine.empty()) line += " --pe " + row.engine;
  if (row.is_one_packet) line += " -o";
  if (!row.flags.empty()) line += fmt::format(" -b {}", FlagsText(row));
  return line + "\n";
}

std::string TunnelText(const Tunnel& tunnel) {
  if (tunnel.type == TunnelType::kIpip) return " --tun-type ipip";
  std::string text = tunnel.type == TunnelType::kGue
                         ? fmt::format(" --tun-type gue --tun-port {}", tunnel.port)
                         : " --tun-type gre";
  switch (tunnel.checksum) {
    case TunnelChecksum::kFull:
      return text + " --tun-csum";
    case TunnelChecksum::kRemote:
      return text + " --tun-remcsum";
    default:
      return text + " --tun-nocsum";
  }
}

}  // namespace

std::string SaveText(const std::vector<ServiceRow>& rows, Resolver& names, bool is_numeric) {
  std::string text;
  for (const ServiceRow& row : rows) {
    const std::string service = OptionOf(row.key, names, is_numeric);
    text += ServiceLine(row, service);
    for (const ServerRow& server : row.servers) {
      if (server.is_fallback) continue;
      const bool is_tunnel = server.method && IsTunnel(*server.method);
      text += fmt::format("-a {} -r {} {} -w {}{}\n", service,
                          EndpointText(server.endpoint, row.key.protocol, names, is_numeric),
                          server.method ? TraitsOf(*server.method).option : kNoOption,
                          server.saved_weight, is_tunnel ? TunnelText(server.tunnel) : "");
    }
  }
  return text;
}

}  // namespace fairlead::cli::ipvsadm
