#include "cli/ipvsadm/line_rules.h"

#include <initializer_list>

namespace fairlead::cli::ipvsadm {

namespace {

OptionSet SetOf(std::initializer_list<Option> options) {
  OptionSet set;
  for (const Option option : options) set.set(static_cast<size_t>(option));
  return set;
}

const OptionSet kService =
    SetOf({Option::kTcpService, Option::kUdpService, Option::kSctpService, Option::kMarkService});
const OptionSet kMethods =
    SetOf({Option::kGatewaying, Option::kIpip, Option::kMasquerading, Option::kFullnat});
const OptionSet kChecksums =
    SetOf({Option::kTunnelNoChecksum, Option::kTunnelChecksum, Option::kTunnelRemoteChecksum});
const OptionSet kTunnelOptions = SetOf({Option::kTunnelType, Option::kTunnelPort}) | kChecksums;
const OptionSet kKinds = SetOf({Option::kConnection, Option::kTimeout, Option::kDaemon});
const OptionSet kViews = SetOf({Option::kStats, Option::kRate, Option::kThresholds,
                                Option::kPersistentConnections, Option::kTunnelInfo});
const OptionSet kViewsOfEntries = SetOf({Option::kPersistentConnections, Option::kTunnelInfo});

struct Line {
  const Rule& rule;
  const OptionSet& seen;
  const std::vector<std::string>& flags;
  Command& command;

  [[nodiscard]] bool Has(Option option) const { return seen.test(static_cast<size_t>(option)); }
  [[nodiscard]] bool HasAny(const OptionSet& options) const { return (seen & options).any(); }
};

std::string CheckAllowed(const Line& line) {
  const OptionSet excess = line.seen & ~line.rule.allowed & ~SetOf({Option::kSort});
  for (size_t i = 0; i < excess.size(); ++i) {
    if (excess.test(i)) {
      return NameOf(static_cast<Option>(i)) + " is not an option of " + NameOf(line.rule.command);
    }
  }
  if (line.rule.needs_service && !line.command.service) {
    return NameOf(line.rule.command) + " needs a service: -t, -u, --sctp-service or -f";
  }
  const bool needs_real = line.rule.verb == Verb::kAddServer ||
                          line.rule.verb == Verb::kEditServer ||
                          line.rule.verb == Verb::kDeleteServer;
  if (needs_real && !line.Has(Option::kRealServer)) {
    return NameOf(line.rule.command) + " needs a real server: -r";
  }
  return "";
}

std::string CheckService(const Line& line) {
  if (line.command.verb != Verb::kAddService && line.command.verb != Verb::kEditService) return "";
  const ServiceKey& key = *line.command.service;
  const ServiceOptions& service = line.command.service_options;
  if (key.mark == 0 && key.port == 0 && !service.persistence_seconds) {
    const std::string& brackets = line.command.service_in_brackets;
    if (!brackets.empty()) {
      return key.address.ToString() +
             " is an IPv6 address without a port; for one with a port write " + brackets;
    }
    return "port 0 is every port of the address and needs -p";
  }
  if (service.is_one_packet && key.mark == 0 && key.protocol != kUdp) {
    return "-o is for UDP services and marks";
  }
  if (key.family == Family::kIpv6 && service.netmask != 0xffffffff) {
    return "-M comes after an IPv6 service, and is a prefix length then";
  }
  for (const std::string& flag : line.flags) {
    const bool is_named = flag.starts_with("sh-") || flag.starts_with("mh-");
    if (is_named && flag.substr(0, 2) != service.scheduler) {
      return "the flag " + flag + " is for the scheduler " + flag.substr(0, 2);
    }
  }
  return "";
}

std::string CheckTunnel(const Line& line) {
  const ServerOptions& server = line.command.server_options;
  if (line.HasAny(kTunnelOptions) && !IsTunnel(server.method)) {
    return "tunnel options need -i";
  }
  if ((line.seen & kChecksums).count() > 1) {
    return "give only one of --tun-nocsum, --tun-csum and --tun-remcsum";
  }
  const TunnelType type = server.tunnel.type;
  if (line.Has(Option::kTunnelPort) != (type == TunnelType::kGue)) {
    return "--tun-type gue needs --tun-port, and the other types take none";
  }
  if (type == TunnelType::kIpip && line.HasAny(kChecksums)) {
    return "--tun-type ipip has no checksum";
  }
  if (type == TunnelType::kGre && line.Has(Option::kTunnelRemoteChecksum)) {
    return "--tun-remcsum is for --tun-type gue";
  }
  return "";
}

std::string CheckServer(const Line& line) {
  if (!line.Has(Option::kRealServer)) return "";
  const ServiceKey& key = *line.command.service;
  const ServerOptions& server = line.command.server_options;
  if ((line.seen & kMethods).count() > 1) return "give only one of -g, -i, -m and --fullnat";
  const bool is_removed = line.command.verb == Verb::kDeleteServer;
  const bool is_of_its_family = line.command.real.address.family() == key.family;
  if (!is_removed && !is_of_its_family && !IsTunnel(server.method)) {
    return "the real server must have an address of the service's IP version";
  }
  const bool keeps_port = is_removed || key.mark != 0 || TraitsOf(server.method).may_change_port;
  if (line.command.real.port.is_zero() || !keeps_port)
    line.command.real.port = Be16::FromHost(key.port);
  return CheckTunnel(line);
}

std::string CheckList(const Line& line) {
  if (line.command.verb != Verb::kList) return "";
  ListOptions& list = line.command.list;
  if ((line.seen & kKinds).count() + (line.command.service ? 1u : 0u) > 1) {
    return "give only one of a service, --connection, --timeout and --daemon";
  }
  if (line.HasAny(kKinds)) {
    OptionSet views = kViews;
    if (line.Has(Option::kConnection)) {
      list.with_engine_data = line.Has(Option::kPersistentConnections);
      views &= ~kViewsOfEntries;
    }
    return line.HasAny(views) ? "--stats, --rate and the other views are for lists of services"
                              : "";
  }
  list.view = line.Has(Option::kStats)                   ? View::kStats
              : line.Has(Option::kRate)                  ? View::kRate
              : line.Has(Option::kThresholds)            ? View::kThresholds
              : line.Has(Option::kPersistentConnections) ? View::kPersistent
              : line.Has(Option::kTunnelInfo)            ? View::kTunnel
                                                         : View::kPlain;
  return "";
}

}  // namespace

const Rule* RuleOf(Option command) {
  const OptionSet key = kService | SetOf({Option::kIpv6});
  const OptionSet service =
      key | SetOf({Option::kScheduler, Option::kPersistent, Option::kNetmask, Option::kEngine,
                   Option::kSchedulerFlags, Option::kOnePacket});
  const OptionSet real = key | SetOf({Option::kRealServer});
  const OptionSet server =
      real | kMethods | kTunnelOptions | SetOf({Option::kWeight, Option::kUpper, Option::kLower});
  const OptionSet list = key | kKinds | kViews |
                         SetOf({Option::kNumeric, Option::kExact, Option::kSort, Option::kNoSort});
  const OptionSet sync_id = SetOf({Option::kSyncId});
  const OptionSet daemon =
      sync_id | SetOf({Option::kMulticastInterface, Option::kSyncMaxLength, Option::kMulticastGroup,
                       Option::kMulticastPort, Option::kMulticastTtl});
  static const Rule kRules[] = {
      {Option::kAddService, Verb::kAddService, true, service},
      {Option::kEditService, Verb::kEditService, true, service},
      {Option::kDeleteService, Verb::kDeleteService, true, key},
      {Option::kClear, Verb::kClear, false, {}},
      {Option::kRestore, Verb::kRestore, false, {}},
      {Option::kSave, Verb::kSave, false, SetOf({Option::kNumeric})},
      {Option::kAddServer, Verb::kAddServer, true, server},
      {Option::kEditServer, Verb::kEditServer, true, server},
      {Option::kDeleteServer, Verb::kDeleteServer, true, real},
      {Option::kList, Verb::kList, false, list},
      {Option::kZero, Verb::kZero, false, key},
      {Option::kSet, Verb::kSetTimeouts, false, {}},
      {Option::kStartDaemon, Verb::kStartDaemon, false, daemon},
      {Option::kStopDaemon, Verb::kStopDaemon, false, sync_id},
      {Option::kHelp, Verb::kHelp, false, {}},
      {Option::kVersion, Verb::kVersion, false, {}},
  };
  for (const Rule& rule : kRules) {
    if (rule.command == command) return &rule;
  }
  return nullptr;
}

std::string FaultOf(const Rule& rule, const OptionSet& seen, const std::vector<std::string>& flags,
                    Command* command) {
  const Line line{rule, seen, flags, *command};
  for (const auto& check : {CheckAllowed, CheckService, CheckServer, CheckList}) {
    if (std::string fault = check(line); !fault.empty()) return fault;
  }
  return "";
}

}  // namespace fairlead::cli::ipvsadm
