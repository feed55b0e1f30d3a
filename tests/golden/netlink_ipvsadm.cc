#include "netlink_ipvsadm.h"

#include <linux/ip_vs.h>

#include <algorithm>
#include <stdexcept>

#include "cli/ipvsadm/listing.h"
#include "cli/ipvsadm/options.h"
#include "client.h"

namespace fairlead::golden {
namespace {

using namespace cli::ipvsadm;
using fairlead::testing::Answered;

ipvs::ServiceKey KeyOf(const ServiceKey& key) {
  if (key.mark != 0) return fairlead::testing::ServiceOfMark(key.mark, key.family);
  return {.family = key.address.family(),
          .protocol = key.protocol,
          .address = key.address,
          .port = key.port};
}

ServiceKey KeyOf(const ipvs::ServiceKey& key) {
  ServiceKey row;
  row.mark = key.mark;
  row.family = key.family;
  row.protocol = kAnyProtocol;
  if (key.mark != 0) return row;
  row.protocol = static_cast<uint8_t>(key.protocol);
  row.address = key.address;
  row.port = key.port;
  return row;
}

ipvs::ServiceRequest ServiceOf(const Command& command) {
  const ServiceOptions& options = command.service_options;
  ipvs::ServiceRequest request{.key = KeyOf(*command.service),
                               .scheduler = options.scheduler,
                               .engine = options.engine,
                               .flags_mask = ~uint32_t{0},
                               .timeout_seconds = options.persistence_seconds.value_or(0)};
  if (options.persistence_seconds) request.flags |= IP_VS_SVC_F_PERSISTENT;
  if (options.is_one_packet) request.flags |= IP_VS_SVC_F_ONEPACKET;
  if (options.has_fallback_flag) request.flags |= IP_VS_SVC_F_SCHED1;
  if (options.has_port_flag) request.flags |= IP_VS_SVC_F_SCHED2;
  const bool is_v6 = request.key.family == Family::kIpv6;
  request.netmask = is_v6 ? options.netmask6 : options.netmask;
  return request;
}

ipvs::DestRequest DestOf(const Command& command) {
  const ServerOptions& options = command.server_options;
  return {.address = command.real.address,
          .port = command.real.port.host(),
          .method = TraitsOf(options.method).sync_number,
          .weight = static_cast<int32_t>(options.weight),
          .upper_threshold = options.upper_threshold,
          .lower_threshold = options.lower_threshold,
          .tunnel_type = static_cast<uint8_t>(options.tunnel.type),
          .tunnel_port = options.tunnel.port,
          .tunnel_flags = static_cast<uint16_t>(options.tunnel.checksum)};
}

// None: it changes nothing.
std::optional<ipvs::Record> RequestOf(const Command& command) {
  using namespace fairlead::testing;
  switch (command.verb) {
    case Verb::kAddService:
      return OfService(IPVS_CMD_NEW_SERVICE, ServiceOf(command));
    case Verb::kEditService:
      return OfService(IPVS_CMD_SET_SERVICE, ServiceOf(command));
    case Verb::kDeleteService:
      return OfService(IPVS_CMD_DEL_SERVICE, KeyOf(*command.service));
    case Verb::kClear:
      return Plain(IPVS_CMD_FLUSH);
    case Verb::kAddServer:
      return OfDest(IPVS_CMD_NEW_DEST, KeyOf(*command.service), DestOf(command));
    case Verb::kEditServer:
      return OfDest(IPVS_CMD_SET_DEST, KeyOf(*command.service), DestOf(command));
    case Verb::kDeleteServer:
      return OfDest(IPVS_CMD_DEL_DEST, KeyOf(*command.service), DestOf(command));
    case Verb::kZero:
      return command.service ? OfService(IPVS_CMD_ZERO, KeyOf(*command.service))
                             : Plain(IPVS_CMD_ZERO);
    case Verb::kSetTimeouts:
      return SetTimeouts({command.tcp_seconds, command.tcp_fin_seconds, command.udp_seconds});
    default:
      return std::nullopt;
  }
}

Traffic TrafficOf(const ipvs::Statistics& s) {
  return {s.connections, s.in_packets, s.out_packets, s.in_bytes, s.out_bytes};
}

ServiceRow RowOf(const ipvs::ServiceEntry& entry) {
  ServiceRow row;
  row.key = KeyOf(entry.key);
  row.scheduler = entry.scheduler;
  const bool has_names = entry.scheduler == "sh" || entry.scheduler == "mh";
  const auto flag = [&](uint32_t bit, const char* name, const char* number) {
    if ((entry.flags & bit) != 0) {
      row.flags.push_back(has_names ? entry.scheduler + name : std::string(number));
    }
  };
  flag(IP_VS_SVC_F_SCHED1, "-fallback", "flag-1");
  flag(IP_VS_SVC_F_SCHED2, "-port", "flag-2");
  flag(IP_VS_SVC_F_SCHED3, "-flag-3", "flag-3");
  if ((entry.flags & IP_VS_SVC_F_PERSISTENT) != 0) row.persistence_seconds = entry.timeout_seconds;
  row.is_one_packet = (entry.flags & IP_VS_SVC_F_ONEPACKET) != 0;
  if (entry.key.family == Family::kIpv6) {
    row.netmask6 = static_cast<uint8_t>(entry.netmask);
  } else {
    row.netmask = entry.netmask;
  }
  row.engine = entry.engine;
  row.total = TrafficOf(entry.total);
  row.rate = TrafficOf(entry.rate);
  return row;
}

std::optional<ForwardMethod> MethodOf(uint32_t number) {
  for (const ForwardMethod method : kForwardMethods) {
    if (TraitsOf(method).sync_number == number) return method;
  }
  return std::nullopt;
}

ServerRow RowOf(const ipvs::DestEntry& entry) {
  ServerRow row;
  row.endpoint = {entry.address, Be16::FromHost(entry.port)};
  row.method = MethodOf(entry.method);
  row.weight = row.saved_weight = static_cast<uint32_t>(entry.weight);
  row.upper_threshold = entry.upper_threshold;
  row.lower_threshold = entry.lower_threshold;
  row.active = entry.active;
  row.inactive = entry.inactive;
  row.templates = entry.persistent;
  row.total = TrafficOf(entry.total);
  row.rate = TrafficOf(entry.rate);
  return row;
}

class Client {
 public:
  explicit Client(const AskIpvs& ask) : ask_(ask) {}

  // Of a change.
  [[nodiscard]] int ErrorOf(const ipvs::Record& request) const {
    const auto answers = Ask(request);
    if (answers.size() != 1 || !answers[0].error) throw std::runtime_error("no acknowledgement");
    return *answers[0].error;
  }

  // Every service, or the one; nothing when that is not there.
  [[nodiscard]] std::vector<ServiceRow> Services(const std::optional<ServiceKey>& one) const {
    using namespace fairlead::testing;
    std::vector<ServiceRow> rows;
    for (const Answered& answer : Ask(one ? OfService(IPVS_CMD_GET_SERVICE, KeyOf(*one))
                                          : Plain(IPVS_CMD_GET_SERVICE, true))) {
      if (!answer.service) continue;
      ServiceRow& row = rows.emplace_back(RowOf(*answer.service));
      for (const Answered& dest : Ask(OfService(IPVS_CMD_GET_DEST, answer.service->key, true))) {
        if (dest.dest) row.servers.push_back(RowOf(*dest.dest));
      }
    }
    return rows;
  }

  [[nodiscard]] ipvs::TimeoutsRequest Timeouts() const {
    const auto answers = Ask(fairlead::testing::Plain(IPVS_CMD_GET_CONFIG));
    if (answers.empty() || !answers[0].timeouts) throw std::runtime_error("no timeouts");
    return *answers[0].timeouts;
  }

 private:
  [[nodiscard]] std::vector<Answered> Ask(const ipvs::Record& request) const {
    std::vector<Answered> all;
    for (const ipvs::Record& record : ask_(request)) {
      for (Answered& one : fairlead::testing::ReadAnswers(record)) all.push_back(std::move(one));
    }
    return all;
  }

  const AskIpvs& ask_;
};

CommandResult ListServices(const Client& client, const Command& command, Resolver& names) {
  std::vector<ServiceRow> rows = client.Services(command.service);
  if (command.service && rows.empty()) return {"", "No such service\n", kExitList};
  if (command.list.is_sorted) Sort(&rows);
  return {ServicesText(rows, command.list, names, !command.service), "", 0};
}

}  // namespace

std::optional<CommandResult> RunThroughNetlink(const std::vector<std::string>& words,
                                               const AskIpvs& ask, Resolver& names) {
  const Parsed parsed = ParseCommand(words, names);
  if (!parsed.command) return CommandResult{"", parsed.message, parsed.exit_code};
  const Command& command = *parsed.command;
  const Client client(ask);
  if (const auto request = RequestOf(command)) {
    const int error = client.ErrorOf(*request);
    return CommandResult{"", error == 0 ? "" : "error " + std::to_string(error),
                         error == 0 ? 0 : kExitOther};
  }
  if (command.verb == Verb::kSave) {
    std::vector<ServiceRow> rows = client.Services(std::nullopt);
    Sort(&rows);
    return CommandResult{SaveText(rows, names, command.list.is_numeric), "", 0};
  }
  if (command.verb != Verb::kList) return std::nullopt;
  if (command.list.what == ListWhat::kServices) return ListServices(client, command, names);
  if (command.list.what != ListWhat::kTimeouts) return std::nullopt;
  const ipvs::TimeoutsRequest timeouts = client.Timeouts();
  return CommandResult{
      TimeoutsLine(timeouts.tcp_seconds, timeouts.tcp_fin_seconds, timeouts.udp_seconds), "", 0};
}

}  // namespace fairlead::golden
