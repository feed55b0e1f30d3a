#include "control/api/ipvs/replies.h"

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/ip_vs.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

namespace fairlead::ipvs {

namespace {

constexpr size_t kMostBytesSentBack = 4096;  // of a refused request

uint16_t NumberOf(Family family) { return family == Family::kIpv4 ? AF_INET : AF_INET6; }

// Sixteen bytes, whatever the family.
void PutAddress(nlmsghdr* message, uint16_t type, const IpAddress& address) {
  mnl_attr_put(message, type, address.bytes().size(), address.bytes().data());
}

void PutPort(nlmsghdr* message, uint16_t type, uint16_t port) {
  mnl_attr_put_u16(message, type, Be16::FromHost(port).raw());
}

uint32_t Small(uint64_t value) {
  return static_cast<uint32_t>(std::min<uint64_t>(value, std::numeric_limits<uint32_t>::max()));
}

// The old form: counts in 32 bits, which wrap, and rates, which do not.
void PutStatistics(nlmsghdr* message, uint16_t type, const Statistics& total,
                   const Statistics& rate) {
  nlattr* const nest = mnl_attr_nest_start(message, type);
  const auto count = [&](uint16_t attribute, uint64_t value) {
    mnl_attr_put_u32(message, attribute, static_cast<uint32_t>(value));
  };
  count(IPVS_STATS_ATTR_CONNS, total.connections);
  count(IPVS_STATS_ATTR_INPKTS, total.in_packets);
  count(IPVS_STATS_ATTR_OUTPKTS, total.out_packets);
  mnl_attr_put_u64(message, IPVS_STATS_ATTR_INBYTES, total.in_bytes);
  mnl_attr_put_u64(message, IPVS_STATS_ATTR_OUTBYTES, total.out_bytes);
  mnl_attr_put_u32(message, IPVS_STATS_ATTR_CPS, Small(rate.connections));
  mnl_attr_put_u32(message, IPVS_STATS_ATTR_INPPS, Small(rate.in_packets));
  mnl_attr_put_u32(message, IPVS_STATS_ATTR_OUTPPS, Small(rate.out_packets));
  mnl_attr_put_u32(message, IPVS_STATS_ATTR_INBPS, Small(rate.in_bytes));
  mnl_attr_put_u32(message, IPVS_STATS_ATTR_OUTBPS, Small(rate.out_bytes));
  mnl_attr_nest_end(message, nest);
}

void PutStatistics64(nlmsghdr* message, uint16_t type, const Statistics& total,
                     const Statistics& rate) {
  nlattr* const nest = mnl_attr_nest_start(message, type);
  const std::pair<uint16_t, uint64_t> all[] = {
      {IPVS_STATS_ATTR_CONNS, total.connections},   {IPVS_STATS_ATTR_INPKTS, total.in_packets},
      {IPVS_STATS_ATTR_OUTPKTS, total.out_packets}, {IPVS_STATS_ATTR_INBYTES, total.in_bytes},
      {IPVS_STATS_ATTR_OUTBYTES, total.out_bytes},  {IPVS_STATS_ATTR_CPS, rate.connections},
      {IPVS_STATS_ATTR_INPPS, rate.in_packets},     {IPVS_STATS_ATTR_OUTPPS, rate.out_packets},
      {IPVS_STATS_ATTR_INBPS, rate.in_bytes},       {IPVS_STATS_ATTR_OUTBPS, rate.out_bytes}};
  for (const auto& [attribute, value] : all) mnl_attr_put_u64(message, attribute, value);
  mnl_attr_nest_end(message, nest);
}

}  // namespace

nlmsghdr* RecordWriter::Begin(uint16_t type, uint16_t flags, const Message& to) {
  nlmsghdr* const message = mnl_nlmsg_put_header(bytes_.data() + used_);
  message->nlmsg_type = type;
  message->nlmsg_flags = flags;
  message->nlmsg_seq = to.sequence;
  message->nlmsg_pid = to.port_id;
  return message;
}

nlmsghdr* RecordWriter::BeginCommand(uint16_t type, uint8_t command, uint8_t version,
                                     uint16_t flags, const Message& to) {
  nlmsghdr* const message = Begin(type, flags, to);
  auto* const header = static_cast<genlmsghdr*>(mnl_nlmsg_put_extra_header(message, GENL_HDRLEN));
  header->cmd = command;
  header->version = version;
  return message;
}

void RecordWriter::End(const nlmsghdr* message) { used_ += NLMSG_ALIGN(message->nlmsg_len); }

Record RecordWriter::Take() {
  bytes_.resize(used_);
  return std::move(bytes_);
}

void PutService(RecordWriter* record, const Message& to, uint16_t flags,
                const ServiceEntry& entry) {
  nlmsghdr* const message =
      record->BeginCommand(kFamilyId, IPVS_CMD_NEW_SERVICE, IPVS_GENL_VERSION, flags, to);
  nlattr* const nest = mnl_attr_nest_start(message, IPVS_CMD_ATTR_SERVICE);
  const ServiceKey& key = entry.key;
  mnl_attr_put_u16(message, IPVS_SVC_ATTR_AF, NumberOf(key.family));
  if (key.mark != 0) {
    mnl_attr_put_u32(message, IPVS_SVC_ATTR_FWMARK, key.mark);
  } else {
    mnl_attr_put_u16(message, IPVS_SVC_ATTR_PROTOCOL, key.protocol);
    PutAddress(message, IPVS_SVC_ATTR_ADDR, key.address);
    PutPort(message, IPVS_SVC_ATTR_PORT, key.port);
  }
  mnl_attr_put_strz(message, IPVS_SVC_ATTR_SCHED_NAME, entry.scheduler.c_str());
  if (!entry.engine.empty()) {
    mnl_attr_put_strz(message, IPVS_SVC_ATTR_PE_NAME, entry.engine.c_str());
  }
  const ip_vs_flags all{entry.flags, ~uint32_t{0}};
  mnl_attr_put(message, IPVS_SVC_ATTR_FLAGS, sizeof all, &all);
  mnl_attr_put_u32(message, IPVS_SVC_ATTR_TIMEOUT, entry.timeout_seconds);
  mnl_attr_put_u32(
      message, IPVS_SVC_ATTR_NETMASK,
      key.family == Family::kIpv4 ? Be32::FromHost(entry.netmask).raw() : entry.netmask);
  PutStatistics(message, IPVS_SVC_ATTR_STATS, entry.total, entry.rate);
  PutStatistics64(message, IPVS_SVC_ATTR_STATS64, entry.total, entry.rate);
  mnl_attr_nest_end(message, nest);
  record->End(message);
}

void PutDest(RecordWriter* record, const Message& to, uint16_t flags, const DestEntry& entry) {
  nlmsghdr* const message =
      record->BeginCommand(kFamilyId, IPVS_CMD_NEW_DEST, IPVS_GENL_VERSION, flags, to);
  nlattr* const nest = mnl_attr_nest_start(message, IPVS_CMD_ATTR_DEST);
  PutAddress(message, IPVS_DEST_ATTR_ADDR, entry.address);
  PutPort(message, IPVS_DEST_ATTR_PORT, entry.port);
  mnl_attr_put_u32(message, IPVS_DEST_ATTR_FWD_METHOD, entry.method);
  mnl_attr_put_u32(message, IPVS_DEST_ATTR_WEIGHT, static_cast<uint32_t>(entry.weight));
  mnl_attr_put_u8(message, IPVS_DEST_ATTR_TUN_TYPE, entry.tunnel_type);
  PutPort(message, IPVS_DEST_ATTR_TUN_PORT, entry.tunnel_port);
  mnl_attr_put_u16(message, IPVS_DEST_ATTR_TUN_FLAGS, entry.tunnel_flags);
  mnl_attr_put_u32(message, IPVS_DEST_ATTR_U_THRESH, entry.upper_threshold);
  mnl_attr_put_u32(message, IPVS_DEST_ATTR_L_THRESH, entry.lower_threshold);
  mnl_attr_put_u32(message, IPVS_DEST_ATTR_ACTIVE_CONNS, entry.active);
  mnl_attr_put_u32(message, IPVS_DEST_ATTR_INACT_CONNS, entry.inactive);
  mnl_attr_put_u32(message, IPVS_DEST_ATTR_PERSIST_CONNS, entry.persistent);
  mnl_attr_put_u16(message, IPVS_DEST_ATTR_ADDR_FAMILY, NumberOf(entry.address.family()));
  PutStatistics(message, IPVS_DEST_ATTR_STATS, entry.total, entry.rate);
  PutStatistics64(message, IPVS_DEST_ATTR_STATS64, entry.total, entry.rate);
  mnl_attr_nest_end(message, nest);
  record->End(message);
}

void PutInfo(RecordWriter* record, const Message& to) {
  nlmsghdr* const message =
      record->BeginCommand(kFamilyId, IPVS_CMD_SET_INFO, IPVS_GENL_VERSION, 0, to);
  mnl_attr_put_u32(message, IPVS_INFO_ATTR_VERSION, IP_VS_VERSION_CODE);
  mnl_attr_put_u32(message, IPVS_INFO_ATTR_CONN_TAB_SIZE, kConnectionTableSize);
  record->End(message);
}

void PutTimeouts(RecordWriter* record, const Message& to, const TimeoutsRequest& timeouts) {
  nlmsghdr* const message =
      record->BeginCommand(kFamilyId, IPVS_CMD_SET_CONFIG, IPVS_GENL_VERSION, 0, to);
  mnl_attr_put_u32(message, IPVS_CMD_ATTR_TIMEOUT_TCP, timeouts.tcp_seconds);
  mnl_attr_put_u32(message, IPVS_CMD_ATTR_TIMEOUT_TCP_FIN, timeouts.tcp_fin_seconds);
  mnl_attr_put_u32(message, IPVS_CMD_ATTR_TIMEOUT_UDP, timeouts.udp_seconds);
  record->End(message);
}

void PutDaemon(RecordWriter* record, const Message& to, const DaemonRequest& daemon) {
  nlmsghdr* const message =
      record->BeginCommand(kFamilyId, IPVS_CMD_NEW_DAEMON, IPVS_GENL_VERSION, NLM_F_MULTI, to);
  nlattr* const nest = mnl_attr_nest_start(message, IPVS_CMD_ATTR_DAEMON);
  mnl_attr_put_u32(message, IPVS_DAEMON_ATTR_STATE,
                   daemon.is_master ? IP_VS_STATE_MASTER : IP_VS_STATE_BACKUP);
  mnl_attr_put_strz(message, IPVS_DAEMON_ATTR_MCAST_IFN, daemon.interface.c_str());
  mnl_attr_put_u32(message, IPVS_DAEMON_ATTR_SYNC_ID, daemon.syncid);
  mnl_attr_put_u16(message, IPVS_DAEMON_ATTR_SYNC_MAXLEN, daemon.maxlen);
  mnl_attr_put_u16(message, IPVS_DAEMON_ATTR_MCAST_PORT, daemon.port);
  mnl_attr_put_u8(message, IPVS_DAEMON_ATTR_MCAST_TTL, daemon.ttl);
  const IpAddress group = daemon.group.value_or(IpAddress());
  if (group.is_v4()) {
    mnl_attr_put_u32(message, IPVS_DAEMON_ATTR_MCAST_GROUP, group.v4().value.raw());
  } else {
    mnl_attr_put(message, IPVS_DAEMON_ATTR_MCAST_GROUP6, 16, group.v6().bytes.data());
  }
  mnl_attr_nest_end(message, nest);
  record->End(message);
}

void PutFamily(RecordWriter* record, const Message& to) {
  constexpr uint8_t kControllerVersion = 2;
  nlmsghdr* const message =
      record->BeginCommand(GENL_ID_CTRL, CTRL_CMD_NEWFAMILY, kControllerVersion, 0, to);
  mnl_attr_put_strz(message, CTRL_ATTR_FAMILY_NAME, IPVS_GENL_NAME);
  mnl_attr_put_u16(message, CTRL_ATTR_FAMILY_ID, kFamilyId);
  mnl_attr_put_u32(message, CTRL_ATTR_VERSION, IPVS_GENL_VERSION);
  mnl_attr_put_u32(message, CTRL_ATTR_HDRSIZE, 0);
  mnl_attr_put_u32(message, CTRL_ATTR_MAXATTR, IPVS_CMD_ATTR_MAX);
  nlattr* const operations = mnl_attr_nest_start(message, CTRL_ATTR_OPS);
  uint16_t index = 0;
  for (uint32_t command = IPVS_CMD_NEW_SERVICE; command <= IPVS_CMD_MAX; ++command) {
    if (command == IPVS_CMD_SET_INFO) continue;  // is in answers alone
    uint32_t can = GENL_ADMIN_PERM | GENL_CMD_CAP_HASPOL;
    const bool dumps_alone = command == IPVS_CMD_GET_DEST || command == IPVS_CMD_GET_DAEMON;
    if (!dumps_alone) can |= GENL_CMD_CAP_DO;
    if (dumps_alone || command == IPVS_CMD_GET_SERVICE) can |= GENL_CMD_CAP_DUMP;
    nlattr* const operation = mnl_attr_nest_start(message, ++index);
    mnl_attr_put_u32(message, CTRL_ATTR_OP_ID, command);
    mnl_attr_put_u32(message, CTRL_ATTR_OP_FLAGS, can);
    mnl_attr_nest_end(message, operation);
  }
  mnl_attr_nest_end(message, operations);
  record->End(message);
}

void PutFileText(RecordWriter* record, const Message& to, std::string_view text) {
  nlmsghdr* const message = record->BeginCommand(kFilesType, kReadFile, 1, NLM_F_MULTI, to);
  mnl_attr_put(message, kFileBytes, text.size(), text.data());
  record->End(message);
}

void PutDone(RecordWriter* record, const Message& to) {
  nlmsghdr* const message = record->Begin(NLMSG_DONE, NLM_F_MULTI, to);
  *static_cast<int*>(mnl_nlmsg_put_extra_header(message, sizeof(int))) = 0;
  record->End(message);
}

Record ErrorRecord(const Message& to, int number) {
  const bool sends_back = number != 0 && to.whole.size() <= kMostBytesSentBack;
  RecordWriter record(kMostBytesSentBack + RecordWriter::kMostEntryBytes);
  nlmsghdr* const message = record.Begin(NLMSG_ERROR, sends_back ? 0 : NLM_F_CAPPED, to);
  auto* const error = static_cast<nlmsgerr*>(mnl_nlmsg_put_extra_header(message, sizeof(nlmsgerr)));
  error->error = -number;
  std::memcpy(&error->msg, to.whole.data(), std::min(to.whole.size(), sizeof error->msg));
  if (sends_back && to.whole.size() > sizeof error->msg) {
    const Bytes rest = to.whole.subspan(sizeof error->msg);
    std::memcpy(mnl_nlmsg_put_extra_header(message, rest.size()), rest.data(), rest.size());
  }
  record.End(message);
  return record.Take();
}

}  // namespace fairlead::ipvs
