#include "cli/ipvsadm/options.h"

#include <algorithm>

#include "cli/ipvsadm/addresses.h"
#include "cli/ipvsadm/line_rules.h"
#include "cli/ipvsadm/words.h"

namespace fairlead::cli::ipvsadm {

namespace {

constexpr uint32_t kDefaultPersistence = 360;
constexpr uint32_t kMostWeight = 65535;
constexpr uint32_t kMostThreshold = 0x7fffffff;

// One command line. Stops at the first fault, as the exit code depends on which that is.
class Parser {
 public:
  Parser(const std::vector<std::string>& arguments, Resolver& names)
      : names_(names), scanner_(arguments) {}

  Parsed Run() {
    if (ReadWords()) {
      Fail(FaultOf(*rule_, seen_, flags_, &command_));
      if (message_.empty()) return {command_, "", 0};
    }
    return {std::nullopt, message_, exit_code_};
  }

 private:
  bool Fail(const std::string& message, int exit_code = kExitUsage) {
    message_ = message;
    exit_code_ = exit_code;
    return false;
  }

  bool ReadWords() {
    const auto first = scanner_.Next();
    if (first && first->option <= kLastCommand) {
      rule_ = RuleOf(first->option);
      command_.verb = rule_->verb;
    } else if (!first && scanner_.error().empty() && scanner_.positional().empty()) {
      rule_ = RuleOf(Option::kList);  // no words at all
    } else {
      const std::string what =
          scanner_.error().empty() ? "a command comes first" : scanner_.error();
      return Fail(what + "; see -h", kExitOther);
    }
    if (IsAside()) return true;
    if (first && !ReadDaemonState(*first)) return false;
    while (const auto word = scanner_.Next()) {
      const auto bit = static_cast<size_t>(word->option);
      if (word->option <= kLastCommand) {
        return Fail(NameOf(word->option) + ": give only one command");
      }
      if (seen_.test(bit)) return Fail(NameOf(word->option) + " is given twice");
      seen_.set(bit);
      if (!ReadOption(*word)) return false;
    }
    if (!scanner_.error().empty()) return Fail(scanner_.error() + "; see -h", kExitOther);
    return ReadPositional();
  }

  bool ReadDaemonState(const Word& word) {
    if (word.option != Option::kStartDaemon && word.option != Option::kStopDaemon) return true;
    command_.daemon.is_master = *word.value == "master";
    if (command_.daemon.is_master || *word.value == "backup") return true;
    return Fail(NameOf(word.option) + " is followed by master or backup");
  }

  // What follows -h and -v is not looked at.
  [[nodiscard]] bool IsAside() const {
    return command_.verb == Verb::kHelp || command_.verb == Verb::kVersion;
  }

  // Only --set has words that are no options: its three times.
  bool ReadPositional() {
    const auto& words = scanner_.positional();
    if (command_.verb != Verb::kSetTimeouts) {
      return words.empty() || Fail("\"" + words.front() + "\" belongs to no option");
    }
    if (words.size() != 3) return Fail("--set is followed by three times: tcp, tcpfin, udp");
    uint32_t* const into[] = {&command_.tcp_seconds, &command_.tcp_fin_seconds,
                              &command_.udp_seconds};
    for (size_t i = 0; i < 3; ++i) {
      if (!Number(words[i], 0, kMostSeconds, "a time in seconds", into[i])) return false;
    }
    return true;
  }

  bool ReadOption(const Word& word);
  bool ReadServiceOption(const Word& word);
  bool ReadServerOption(const Word& word);
  bool ReadListOption(const Word& word);
  bool ReadDaemonOption(const Word& word);
  bool ReadService(const std::string& text, uint8_t protocol);
  bool ReadNetmaskOption(const std::string& text);
  bool ReadFlags(const std::string& text);

  bool Number(const std::string& text, uint32_t least, uint32_t most, const std::string& what,
              uint32_t* into) {
    const auto number = ReadNumber(text, least, most);
    if (!number) {
      return Fail("\"" + text + "\" is not " + what + ", " + std::to_string(least) + " to " +
                  std::to_string(most));
    }
    *into = *number;
    return true;
  }

  Resolver& names_;
  Scanner scanner_;
  const Rule* rule_ = nullptr;
  OptionSet seen_;
  Command command_;
  std::vector<std::string> flags_;
  std::string message_;
  int exit_code_ = 0;
};

bool Parser::ReadOption(const Word& word) {
  if (word.option < Option::kRealServer) return ReadServiceOption(word);
  if (word.option < Option::kConnection) return ReadServerOption(word);
  if (word.option < Option::kSyncId) return ReadListOption(word);
  return ReadDaemonOption(word);
}

bool Parser::ReadService(const std::string& text, uint8_t protocol) {
  if (command_.service) return Fail("give only one service");
  const auto endpoint = ReadEndpoint(text, protocol, names_);
  if (!endpoint) return Fail(endpoint.error().message);
  command_.service_in_brackets = InBrackets(text);
  command_.service =
      ServiceKey{0, endpoint->address.family(), protocol, endpoint->address, endpoint->port.host()};
  return true;
}

bool Parser::ReadServiceOption(const Word& word) {
  ServiceOptions& service = command_.service_options;
  switch (word.option) {
    case Option::kTcpService:
      return ReadService(*word.value, kTcp);
    case Option::kUdpService:
      return ReadService(*word.value, kUdp);
    case Option::kSctpService:
      return ReadService(*word.value, kSctp);
    case Option::kMarkService: {
      if (command_.service) return Fail("give only one service");
      ServiceKey& key = command_.service.emplace();
      key.protocol = kAnyProtocol;
      return Number(*word.value, 1, UINT32_MAX, "a mark", &key.mark);
    }
    case Option::kIpv6:
      if (!command_.service || command_.service->mark == 0) {
        return Fail("-6 comes after -f: only a mark has no address to tell the IP version");
      }
      command_.service->family = Family::kIpv6;
      return true;
    case Option::kPersistent:
      service.persistence_seconds = kDefaultPersistence;
      return !word.value || Number(*word.value, 1, kMostSeconds, "a time in seconds",
                                   &*service.persistence_seconds);
    case Option::kNetmask:
      return ReadNetmaskOption(*word.value);
    case Option::kSchedulerFlags:
      return ReadFlags(*word.value);
    case Option::kScheduler:
      service.scheduler = *word.value;
      return true;
    case Option::kEngine:
      service.engine = *word.value;
      return true;
    default:
      service.is_one_packet = true;
      return true;
  }
}

// The family is that of the service as far as the line has been read.
bool Parser::ReadNetmaskOption(const std::string& text) {
  ServiceOptions& service = command_.service_options;
  if (command_.service && command_.service->family == Family::kIpv6) {
    uint32_t prefix_length = 0;
    if (!Number(text, 1, 128, "the length of a prefix", &prefix_length)) return false;
    service.netmask6 = static_cast<uint8_t>(prefix_length);
    return true;
  }
  const auto mask = ReadMask(text, names_);
  if (!mask) return Fail("\"" + text + "\" is not a netmask");
  service.netmask = *mask;
  return true;
}

bool Parser::ReadFlags(const std::string& text) {
  for (size_t at = 0; at <= text.size();) {
    const size_t comma = std::min(text.find(',', at), text.size());
    const std::string flag = text.substr(at, comma - at);
    at = comma + 1;
    ServiceOptions& service = command_.service_options;
    if (flag == "flag-1" || flag == "sh-fallback" || flag == "mh-fallback") {
      service.has_fallback_flag = true;
    } else if (flag == "flag-2" || flag == "sh-port" || flag == "mh-port") {
      service.has_port_flag = true;
    } else if (flag == "sh-netmask" || flag == "mh-netmask") {  // ours; flag-3 is nothing in IPVS
      service.has_netmask_flag = true;
    } else if (flag != "flag-3") {  // no scheduler has a meaning for it
      return Fail("\"" + flag + "\" is not a flag of a scheduler");
    }
    flags_.push_back(flag);
  }
  return true;
}

bool Parser::ReadServerOption(const Word& word) {
  ServerOptions& server = command_.server_options;
  uint32_t port = 0;
  switch (word.option) {
    case Option::kRealServer: {
      const auto endpoint =
          ReadEndpoint(*word.value, command_.service ? command_.service->protocol : kTcp, names_);
      if (!endpoint) return Fail(endpoint.error().message);
      command_.real = *endpoint;
      command_.real_in_brackets = InBrackets(*word.value);
      return true;
    }
    case Option::kGatewaying:
      server.method = ForwardMethod::kDr;
      return true;
    case Option::kIpip:
      server.method = ForwardMethod::kTun;
      return true;
    case Option::kMasquerading:
      server.method = ForwardMethod::kNat;
      return true;
    case Option::kFullnat:
      server.method = ForwardMethod::kFullnat;
      return true;
    case Option::kWeight:
      return Number(*word.value, 0, kMostWeight, "a weight", &server.weight);
    case Option::kUpper:
      return Number(*word.value, 0, kMostThreshold, "a threshold", &server.upper_threshold);
    case Option::kLower:
      return Number(*word.value, 0, kMostThreshold, "a threshold", &server.lower_threshold);
    case Option::kTunnelType:
      if (const auto type = TunnelTypeOf(*word.value)) {
        server.tunnel.type = *type;
      } else {
        return Fail("\"" + *word.value + "\" is not a type of tunnel; give ipip, gue or gre");
      }
      return true;
    case Option::kTunnelPort:
      if (!Number(*word.value, 1, 65535, "a port", &port)) return false;
      server.tunnel.port = static_cast<uint16_t>(port);
      return true;
    case Option::kTunnelChecksum:
      server.tunnel.checksum = TunnelChecksum::kFull;
      return true;
    case Option::kTunnelRemoteChecksum:
      server.tunnel.checksum = TunnelChecksum::kRemote;
      return true;
    default:
      return true;
  }
}

bool Parser::ReadListOption(const Word& word) {
  ListOptions& list = command_.list;
  switch (word.option) {
    case Option::kConnection:
      list.what = ListWhat::kConnections;
      return true;
    case Option::kTimeout:
      list.what = ListWhat::kTimeouts;
      return true;
    case Option::kDaemon:
      list.what = ListWhat::kDaemons;
      return true;
    case Option::kNumeric:
      list.is_numeric = true;
      return true;
    case Option::kExact:
      list.is_exact = true;
      return true;
    case Option::kNoSort:
      list.is_sorted = false;
      return true;
    default:  // the views, of which the first of a fixed order wins; --sort
      return true;
  }
}

bool Parser::ReadDaemonOption(const Word& word) {
  DaemonOptions& daemon = command_.daemon;
  switch (word.option) {
    case Option::kSyncId:
      return Number(*word.value, 0, 255, "a sync id", &daemon.syncid);
    case Option::kSyncMaxLength:
      return Number(*word.value, 1, 65507, "a length", &daemon.maxlen);
    case Option::kMulticastPort:
      return Number(*word.value, 1, 65535, "a port", &daemon.port);
    case Option::kMulticastTtl:
      return Number(*word.value, 1, 255, "a TTL", &daemon.ttl);
    case Option::kMulticastGroup:
      daemon.group = IpAddress::Parse(*word.value);
      return (daemon.group && daemon.group->is_multicast()) ||
             Fail("\"" + *word.value + "\" is not a multicast address");
    default:
      daemon.interface = *word.value;
      return true;
  }
}

}  // namespace

Parsed ParseCommand(const std::vector<std::string>& arguments, Resolver& names) {
  return Parser(arguments, names).Run();
}

std::string OptionOf(const ServiceKey& key, Resolver& names, bool is_numeric) {
  if (key.mark != 0) {
    return "-f " + std::to_string(key.mark) + (key.family == Family::kIpv6 ? " -6" : "");
  }
  return std::string(NamesOf(key.protocol).option) + " " +
         EndpointText({key.address, Be16::FromHost(key.port)}, key.protocol, names, is_numeric);
}

}  // namespace fairlead::cli::ipvsadm
