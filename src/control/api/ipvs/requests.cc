#include "control/api/ipvs/requests.h"

#include <linux/genetlink.h>
#include <linux/ip_vs.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "base/transport.h"

namespace fairlead::ipvs {

namespace {

#define FAIRLEAD_RULE(type, form, ...) \
  AttributeRule { type, Form::form, #type __VA_OPT__(, ) __VA_ARGS__ }

constexpr AttributeRule kCommand[] = {
    FAIRLEAD_RULE(IPVS_CMD_ATTR_SERVICE, kNested),
    FAIRLEAD_RULE(IPVS_CMD_ATTR_DEST, kNested),
    FAIRLEAD_RULE(IPVS_CMD_ATTR_DAEMON, kNested),
    FAIRLEAD_RULE(IPVS_CMD_ATTR_TIMEOUT_TCP, kU32),
    FAIRLEAD_RULE(IPVS_CMD_ATTR_TIMEOUT_TCP_FIN, kU32),
    FAIRLEAD_RULE(IPVS_CMD_ATTR_TIMEOUT_UDP, kU32),
};
constexpr AttributeRule kService[] = {
    FAIRLEAD_RULE(IPVS_SVC_ATTR_AF, kU16),
    FAIRLEAD_RULE(IPVS_SVC_ATTR_PROTOCOL, kU16),
    FAIRLEAD_RULE(IPVS_SVC_ATTR_ADDR, kBytes, 16),
    FAIRLEAD_RULE(IPVS_SVC_ATTR_PORT, kU16),
    FAIRLEAD_RULE(IPVS_SVC_ATTR_FWMARK, kU32),
    FAIRLEAD_RULE(IPVS_SVC_ATTR_SCHED_NAME, kText, IP_VS_SCHEDNAME_MAXLEN - 1),
    FAIRLEAD_RULE(IPVS_SVC_ATTR_PE_NAME, kText, IP_VS_PENAME_MAXLEN),
    FAIRLEAD_RULE(IPVS_SVC_ATTR_FLAGS, kBytes, sizeof(ip_vs_flags)),
    FAIRLEAD_RULE(IPVS_SVC_ATTR_TIMEOUT, kU32),
    FAIRLEAD_RULE(IPVS_SVC_ATTR_NETMASK, kU32),
    FAIRLEAD_RULE(IPVS_SVC_ATTR_STATS, kNested),
    FAIRLEAD_RULE(IPVS_SVC_ATTR_STATS64, kNested),
};
constexpr AttributeRule kDest[] = {
    FAIRLEAD_RULE(IPVS_DEST_ATTR_ADDR, kBytes, 16),
    FAIRLEAD_RULE(IPVS_DEST_ATTR_PORT, kU16),
    FAIRLEAD_RULE(IPVS_DEST_ATTR_FWD_METHOD, kU32),
    FAIRLEAD_RULE(IPVS_DEST_ATTR_WEIGHT, kU32),
    FAIRLEAD_RULE(IPVS_DEST_ATTR_U_THRESH, kU32),
    FAIRLEAD_RULE(IPVS_DEST_ATTR_L_THRESH, kU32),
    FAIRLEAD_RULE(IPVS_DEST_ATTR_ACTIVE_CONNS, kU32),
    FAIRLEAD_RULE(IPVS_DEST_ATTR_INACT_CONNS, kU32),
    FAIRLEAD_RULE(IPVS_DEST_ATTR_PERSIST_CONNS, kU32),
    FAIRLEAD_RULE(IPVS_DEST_ATTR_STATS, kNested),
    FAIRLEAD_RULE(IPVS_DEST_ATTR_ADDR_FAMILY, kU16),
    FAIRLEAD_RULE(IPVS_DEST_ATTR_STATS64, kNested),
    FAIRLEAD_RULE(IPVS_DEST_ATTR_TUN_TYPE, kU8),
    FAIRLEAD_RULE(IPVS_DEST_ATTR_TUN_PORT, kU16),
    FAIRLEAD_RULE(IPVS_DEST_ATTR_TUN_FLAGS, kU16),
};
constexpr AttributeRule kDaemon[] = {
    FAIRLEAD_RULE(IPVS_DAEMON_ATTR_STATE, kU32),
    FAIRLEAD_RULE(IPVS_DAEMON_ATTR_MCAST_IFN, kText, IP_VS_IFNAME_MAXLEN),
    FAIRLEAD_RULE(IPVS_DAEMON_ATTR_SYNC_ID, kU32),
    FAIRLEAD_RULE(IPVS_DAEMON_ATTR_SYNC_MAXLEN, kU16),
    FAIRLEAD_RULE(IPVS_DAEMON_ATTR_MCAST_GROUP, kU32),
    FAIRLEAD_RULE(IPVS_DAEMON_ATTR_MCAST_GROUP6, kBytes, 16),
    FAIRLEAD_RULE(IPVS_DAEMON_ATTR_MCAST_PORT, kU16),
    FAIRLEAD_RULE(IPVS_DAEMON_ATTR_MCAST_TTL, kU8),
};
constexpr AttributeRule kFamily[] = {
    FAIRLEAD_RULE(CTRL_ATTR_FAMILY_ID, kU16),
    FAIRLEAD_RULE(CTRL_ATTR_FAMILY_NAME, kText, GENL_NAMSIZ - 1),
};
constexpr AttributeRule kFile[] = {
    {kFilePath, Form::kText, "the path", kMostPathBytes},
    {kFileBytes, Form::kBytes, "what to write", 4096},
};
#undef FAIRLEAD_RULE

// Of what a request must have, the first that is missing.
Fault FindMissing(const Attributes& attributes, std::span<const AttributeRule> rules,
                  std::initializer_list<uint16_t> types) {
  for (const uint16_t type : types) {
    if (attributes.Has(type)) continue;
    return {EINVAL, std::string(std::ranges::find(rules, type, &AttributeRule::type)->name) +
                        " is missing"};
  }
  return {};
}

std::optional<Family> FamilyOf(uint16_t number) {
  if (number == AF_INET) return Family::kIpv4;
  if (number == AF_INET6) return Family::kIpv6;
  return std::nullopt;
}

Fault UnknownFamily(uint16_t number) {
  return {EAFNOSUPPORT, std::to_string(number) + " is the number of no address family of services"};
}

// Bytes that are missing are zero.
IpAddress AddressOf(Family family, Bytes bytes) {
  Ipv6Address whole;
  std::ranges::copy(bytes.first(std::min<size_t>(bytes.size(), 16)), whole.bytes.begin());
  if (family == Family::kIpv6) return whole;
  return Ipv4Address::Load(whole.bytes.data());
}

// Whatever is wrong in a service, a real server or a daemon, the kernel says EINVAL.
Fault ReadInner(Bytes bytes, std::span<const AttributeRule> rules, Attributes* into) {
  Fault fault = into->Read(bytes, rules);
  if (fault) fault.number = EINVAL;
  return fault;
}

}  // namespace

const std::span<const AttributeRule> kServiceRules{kService}, kDestRules{kDest},
    kCommandRules{kCommand};

std::string ServiceKey::ToString() const {
  if (mark != 0) {
    return "mark " + std::to_string(mark) + (family == Family::kIpv4 ? " ipv4" : " ipv6");
  }
  const bool is_known = protocol < 256 && IsTransport(static_cast<uint8_t>(protocol));
  const std::string word = is_known ? std::string(TraitsOf(static_cast<Transport>(protocol)).word)
                                    : "protocol " + std::to_string(protocol);
  return word + " " + Endpoint{address, Be16::FromHost(port)}.ToString();
}

Fault ReadCommand(const Message& message, Attributes* command) {
  if (!message.has_command) return {EINVAL, "The message has no header of generic netlink"};
  return command->Read(message.attributes, kCommandRules);
}

Fault ReadService(const Attributes& command, Depth depth, ServiceRequest* service) {
  if (!command.Has(IPVS_CMD_ATTR_SERVICE)) return {EINVAL, "IPVS_CMD_ATTR_SERVICE is missing"};
  Attributes it;
  if (Fault fault = ReadInner(command.Raw(IPVS_CMD_ATTR_SERVICE), kServiceRules, &it)) return fault;
  if (Fault fault = FindMissing(it, kServiceRules, {IPVS_SVC_ATTR_AF})) return fault;
  ServiceKey& key = service->key;
  if (!it.Has(IPVS_SVC_ATTR_FWMARK)) {
    if (Fault fault = FindMissing(
            it, kServiceRules, {IPVS_SVC_ATTR_PROTOCOL, IPVS_SVC_ATTR_ADDR, IPVS_SVC_ATTR_PORT})) {
      return fault;
    }
  }
  const auto family = FamilyOf(it.U16(IPVS_SVC_ATTR_AF));
  if (!family) return UnknownFamily(it.U16(IPVS_SVC_ATTR_AF));
  key.family = *family;
  if (it.Has(IPVS_SVC_ATTR_FWMARK)) {
    key.mark = it.U32(IPVS_SVC_ATTR_FWMARK);
    key.address = AddressOf(*family, {});
  } else {
    key.protocol = it.U16(IPVS_SVC_ATTR_PROTOCOL);
    key.address = AddressOf(*family, it.Raw(IPVS_SVC_ATTR_ADDR));
    key.port = it.Port(IPVS_SVC_ATTR_PORT);
  }
  if (depth == Depth::kKey) return {};
  if (Fault fault = FindMissing(it, kServiceRules,
                                {IPVS_SVC_ATTR_SCHED_NAME, IPVS_SVC_ATTR_FLAGS,
                                 IPVS_SVC_ATTR_TIMEOUT, IPVS_SVC_ATTR_NETMASK})) {
    return fault;
  }
  service->scheduler = it.Text(IPVS_SVC_ATTR_SCHED_NAME);
  service->engine = it.Text(IPVS_SVC_ATTR_PE_NAME);
  const Bytes flags = it.Raw(IPVS_SVC_ATTR_FLAGS);
  ip_vs_flags pair{};
  std::memcpy(&pair, flags.data(), flags.size());  // at most as much, by its rule
  service->flags = pair.flags;
  service->flags_mask = pair.mask;
  service->timeout_seconds = it.U32(IPVS_SVC_ATTR_TIMEOUT);
  const uint32_t netmask = it.U32(IPVS_SVC_ATTR_NETMASK);
  service->netmask = *family == Family::kIpv4 ? Be32::FromRaw(netmask).host() : netmask;
  return {};
}

Fault ReadDest(const Attributes& command, Depth depth, Family family, DestRequest* dest) {
  if (!command.Has(IPVS_CMD_ATTR_DEST)) return {EINVAL, "IPVS_CMD_ATTR_DEST is missing"};
  Attributes it;
  if (Fault fault = ReadInner(command.Raw(IPVS_CMD_ATTR_DEST), kDestRules, &it)) return fault;
  if (Fault fault = FindMissing(it, kDestRules, {IPVS_DEST_ATTR_ADDR, IPVS_DEST_ATTR_PORT})) {
    return fault;
  }
  // 0 is what programs say that know of no second family.
  if (const uint16_t number = it.U16(IPVS_DEST_ATTR_ADDR_FAMILY); number != 0) {
    dest->family = FamilyOf(number);
    if (!dest->family) return UnknownFamily(number);
  }
  dest->address = AddressOf(dest->family.value_or(family), it.Raw(IPVS_DEST_ATTR_ADDR));
  dest->port = it.Port(IPVS_DEST_ATTR_PORT);
  if (depth == Depth::kKey) return {};
  if (Fault fault = FindMissing(it, kDestRules,
                                {IPVS_DEST_ATTR_FWD_METHOD, IPVS_DEST_ATTR_WEIGHT,
                                 IPVS_DEST_ATTR_U_THRESH, IPVS_DEST_ATTR_L_THRESH})) {
    return fault;
  }
  dest->method = it.U32(IPVS_DEST_ATTR_FWD_METHOD) & IP_VS_CONN_F_FWD_MASK;
  dest->weight = static_cast<int32_t>(it.U32(IPVS_DEST_ATTR_WEIGHT));
  dest->upper_threshold = it.U32(IPVS_DEST_ATTR_U_THRESH);
  dest->lower_threshold = it.U32(IPVS_DEST_ATTR_L_THRESH);
  dest->tunnel_type = it.U8(IPVS_DEST_ATTR_TUN_TYPE);
  dest->tunnel_port = it.Port(IPVS_DEST_ATTR_TUN_PORT);
  dest->tunnel_flags = it.U16(IPVS_DEST_ATTR_TUN_FLAGS);
  return {};
}

TimeoutsRequest ReadTimeouts(const Attributes& command) {
  return {command.U32(IPVS_CMD_ATTR_TIMEOUT_TCP), command.U32(IPVS_CMD_ATTR_TIMEOUT_TCP_FIN),
          command.U32(IPVS_CMD_ATTR_TIMEOUT_UDP)};
}

Fault ReadDaemon(const Attributes& command, Depth depth, DaemonRequest* daemon) {
  if (!command.Has(IPVS_CMD_ATTR_DAEMON)) return {EINVAL, "IPVS_CMD_ATTR_DAEMON is missing"};
  Attributes it;
  if (Fault fault = ReadInner(command.Raw(IPVS_CMD_ATTR_DAEMON), kDaemon, &it)) return fault;
  if (Fault fault = FindMissing(it, kDaemon, {IPVS_DAEMON_ATTR_STATE})) return fault;
  const uint32_t state = it.U32(IPVS_DAEMON_ATTR_STATE);
  if (state != IP_VS_STATE_MASTER && state != IP_VS_STATE_BACKUP) {
    return {EINVAL, "A daemon is master (1) or backup (2), and not " + std::to_string(state)};
  }
  daemon->is_master = state == IP_VS_STATE_MASTER;
  if (depth == Depth::kKey) return {};
  if (Fault fault =
          FindMissing(it, kDaemon, {IPVS_DAEMON_ATTR_MCAST_IFN, IPVS_DAEMON_ATTR_SYNC_ID})) {
    return fault;
  }
  daemon->interface = it.Text(IPVS_DAEMON_ATTR_MCAST_IFN);
  daemon->syncid = it.U32(IPVS_DAEMON_ATTR_SYNC_ID);
  daemon->maxlen = it.U16(IPVS_DAEMON_ATTR_SYNC_MAXLEN);
  daemon->port = it.U16(IPVS_DAEMON_ATTR_MCAST_PORT);  // in this machine's order
  daemon->ttl = it.U8(IPVS_DAEMON_ATTR_MCAST_TTL);
  if (it.Has(IPVS_DAEMON_ATTR_MCAST_GROUP6)) {
    daemon->group = AddressOf(Family::kIpv6, it.Raw(IPVS_DAEMON_ATTR_MCAST_GROUP6));
  } else if (it.Has(IPVS_DAEMON_ATTR_MCAST_GROUP)) {
    daemon->group = AddressOf(Family::kIpv4, it.Raw(IPVS_DAEMON_ATTR_MCAST_GROUP));
  }
  return {};
}

Fault ReadFamilyQuestion(const Message& message, std::string* name, uint16_t* id) {
  if (!message.has_command) return {EINVAL, "The message has no header of generic netlink"};
  Attributes it;
  if (Fault fault = it.Read(message.attributes, kFamily)) return fault;
  *name = it.Text(CTRL_ATTR_FAMILY_NAME);
  *id = it.U16(CTRL_ATTR_FAMILY_ID);
  return {};
}

Fault ReadFile(const Message& message, FileRequest* file) {
  if (!message.has_command) return {EINVAL, "The message has no header of generic netlink"};
  Attributes it;
  if (Fault fault = it.Read(message.attributes, kFile)) return fault;
  if (Fault fault = FindMissing(it, kFile, {kFilePath})) return fault;
  file->path = it.Text(kFilePath);
  const Bytes bytes = it.Raw(kFileBytes);
  file->bytes.assign(bytes.begin(), bytes.end());
  return {};
}

}  // namespace fairlead::ipvs
