#include "client.h"

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/ip_vs.h>
#include <sys/socket.h>

#include <cstring>
#include <stdexcept>

namespace fairlead::testing {
namespace {

using namespace ipvs;

constexpr size_t kRoom = 8192;  // of a request under construction

uint16_t NumberOf(Family family) { return family == Family::kIpv4 ? AF_INET : AF_INET6; }

std::string_view Sixteen(const IpAddress& address) {
  return {reinterpret_cast<const char*>(address.bytes().data()), 16};
}

uint16_t OnWire(uint16_t port) { return Be16::FromHost(port).raw(); }

void PutKey(RequestBuilder* request, const ServiceKey& key) {
  request->U16(IPVS_SVC_ATTR_AF, NumberOf(key.family));
  if (key.mark != 0) {
    request->U32(IPVS_SVC_ATTR_FWMARK, key.mark);
    return;
  }
  request->U16(IPVS_SVC_ATTR_PROTOCOL, key.protocol)
      .Bytes(IPVS_SVC_ATTR_ADDR, Sixteen(key.address))
      .U16(IPVS_SVC_ATTR_PORT, OnWire(key.port));
}

constexpr AttributeRule kStatistics[] = {{IPVS_STATS_ATTR_CONNS, Form::kBytes, "conns", 8},
                                         {IPVS_STATS_ATTR_INPKTS, Form::kBytes, "inpkts", 8},
                                         {IPVS_STATS_ATTR_OUTPKTS, Form::kBytes, "outpkts", 8},
                                         {IPVS_STATS_ATTR_INBYTES, Form::kBytes, "inbytes", 8},
                                         {IPVS_STATS_ATTR_OUTBYTES, Form::kBytes, "outbytes", 8},
                                         {IPVS_STATS_ATTR_CPS, Form::kBytes, "cps", 8},
                                         {IPVS_STATS_ATTR_INPPS, Form::kBytes, "inpps", 8},
                                         {IPVS_STATS_ATTR_OUTPPS, Form::kBytes, "outpps", 8},
                                         {IPVS_STATS_ATTR_INBPS, Form::kBytes, "inbps", 8},
                                         {IPVS_STATS_ATTR_OUTBPS, Form::kBytes, "outbps", 8}};

void Must(const Fault& fault) {
  if (fault) throw std::runtime_error(fault.why);
}

void ReadStatistics64(Bytes bytes, Statistics* total, Statistics* rate) {
  Attributes it;
  Must(it.Read(bytes, kStatistics));
  *total = {it.U64(IPVS_STATS_ATTR_CONNS), it.U64(IPVS_STATS_ATTR_INPKTS),
            it.U64(IPVS_STATS_ATTR_OUTPKTS), it.U64(IPVS_STATS_ATTR_INBYTES),
            it.U64(IPVS_STATS_ATTR_OUTBYTES)};
  *rate = {it.U64(IPVS_STATS_ATTR_CPS), it.U64(IPVS_STATS_ATTR_INPPS),
           it.U64(IPVS_STATS_ATTR_OUTPPS), it.U64(IPVS_STATS_ATTR_INBPS),
           it.U64(IPVS_STATS_ATTR_OUTBPS)};
}

ServiceEntry ServiceOf(const Attributes& command) {
  ServiceRequest read;
  Must(ReadService(command, Depth::kWhole, &read));
  ServiceEntry entry{.key = read.key,
                     .scheduler = read.scheduler,
                     .engine = read.engine,
                     .flags = read.flags,
                     .timeout_seconds = read.timeout_seconds,
                     .netmask = read.netmask};
  Attributes it;
  Must(it.Read(command.Raw(IPVS_CMD_ATTR_SERVICE), kServiceRules));
  ReadStatistics64(it.Raw(IPVS_SVC_ATTR_STATS64), &entry.total, &entry.rate);
  return entry;
}

DestEntry DestOf(const Attributes& command) {
  DestRequest read;
  Must(ReadDest(command, Depth::kWhole, Family::kIpv4, &read));
  Attributes it;
  Must(it.Read(command.Raw(IPVS_CMD_ATTR_DEST), kDestRules));
  DestEntry entry{.address = read.address,
                  .port = read.port,
                  .method = read.method,
                  .weight = read.weight,
                  .upper_threshold = read.upper_threshold,
                  .lower_threshold = read.lower_threshold,
                  .tunnel_type = read.tunnel_type,
                  .tunnel_port = read.tunnel_port,
                  .tunnel_flags = read.tunnel_flags,
                  .active = it.U32(IPVS_DEST_ATTR_ACTIVE_CONNS),
                  .inactive = it.U32(IPVS_DEST_ATTR_INACT_CONNS),
                  .persistent = it.U32(IPVS_DEST_ATTR_PERSIST_CONNS)};
  ReadStatistics64(it.Raw(IPVS_DEST_ATTR_STATS64), &entry.total, &entry.rate);
  return entry;
}

}  // namespace

RequestBuilder::RequestBuilder(uint16_t type, uint8_t command, uint16_t flags) : bytes_(kRoom) {
  nlmsghdr* const header = mnl_nlmsg_put_header(bytes_.data());
  header->nlmsg_type = type;
  header->nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | flags);
  header->nlmsg_seq = kSequence;
  header->nlmsg_pid = kPortId;
  auto* const generic = static_cast<genlmsghdr*>(mnl_nlmsg_put_extra_header(header, GENL_HDRLEN));
  generic->cmd = command;
  generic->version = IPVS_GENL_VERSION;
}

nlmsghdr* RequestBuilder::message() { return reinterpret_cast<nlmsghdr*>(bytes_.data()); }

RequestBuilder& RequestBuilder::U8(uint16_t type, uint8_t value) {
  mnl_attr_put_u8(message(), type, value);
  return *this;
}
RequestBuilder& RequestBuilder::U16(uint16_t type, uint16_t value) {
  mnl_attr_put_u16(message(), type, value);
  return *this;
}
RequestBuilder& RequestBuilder::U32(uint16_t type, uint32_t value) {
  mnl_attr_put_u32(message(), type, value);
  return *this;
}
RequestBuilder& RequestBuilder::Text(uint16_t type, const std::string& value) {
  mnl_attr_put_strz(message(), type, value.c_str());
  return *this;
}
RequestBuilder& RequestBuilder::Bytes(uint16_t type, std::string_view value) {
  mnl_attr_put(message(), type, value.size(), value.data());
  return *this;
}
RequestBuilder& RequestBuilder::Nest(uint16_t type) {
  nests_.push_back(static_cast<size_t>(
      reinterpret_cast<uint8_t*>(mnl_attr_nest_start(message(), type)) - bytes_.data()));
  return *this;
}
RequestBuilder& RequestBuilder::EndNest() {
  mnl_attr_nest_end(message(), reinterpret_cast<nlattr*>(bytes_.data() + nests_.back()));
  nests_.pop_back();
  return *this;
}

Record RequestBuilder::Take() {
  bytes_.resize(message()->nlmsg_len);
  return std::move(bytes_);
}

ServiceKey ServiceAt(uint16_t protocol, std::string_view endpoint) {
  const Endpoint at = *Endpoint::Parse(endpoint);
  return {.family = at.address.family(),
          .protocol = protocol,
          .address = at.address,
          .port = at.port.host()};
}

ServiceKey ServiceOfMark(uint32_t mark, Family family) {
  return {.family = family,
          .mark = mark,
          .address = family == Family::kIpv4 ? IpAddress() : IpAddress(Ipv6Address{})};
}

Record Plain(uint8_t command, bool is_dump) {
  return RequestBuilder(kFamilyId, command, is_dump ? NLM_F_DUMP : NLM_F_ACK).Take();
}

Record OfService(uint8_t command, const ServiceRequest& service) {
  RequestBuilder request(kFamilyId, command, NLM_F_ACK);
  request.Nest(IPVS_CMD_ATTR_SERVICE);
  PutKey(&request, service.key);
  request.Text(IPVS_SVC_ATTR_SCHED_NAME, service.scheduler);
  if (!service.engine.empty()) request.Text(IPVS_SVC_ATTR_PE_NAME, service.engine);
  const ip_vs_flags flags{service.flags, service.flags_mask};
  request.Bytes(IPVS_SVC_ATTR_FLAGS, {reinterpret_cast<const char*>(&flags), sizeof flags});
  request.U32(IPVS_SVC_ATTR_TIMEOUT, service.timeout_seconds);
  request.U32(IPVS_SVC_ATTR_NETMASK, service.key.family == Family::kIpv4
                                         ? Be32::FromHost(service.netmask).raw()
                                         : service.netmask);
  return request.EndNest().Take();
}

Record OfService(uint8_t command, const ServiceKey& key, bool is_dump) {
  RequestBuilder request(kFamilyId, command, is_dump ? NLM_F_DUMP : NLM_F_ACK);
  request.Nest(IPVS_CMD_ATTR_SERVICE);
  PutKey(&request, key);
  return request.EndNest().Take();
}

Record OfDest(uint8_t command, const ServiceKey& service, const DestRequest& dest) {
  RequestBuilder request(kFamilyId, command, NLM_F_ACK);
  request.Nest(IPVS_CMD_ATTR_SERVICE);
  PutKey(&request, service);
  request.EndNest().Nest(IPVS_CMD_ATTR_DEST);
  request.U16(IPVS_DEST_ATTR_ADDR_FAMILY, NumberOf(dest.address.family()))
      .Bytes(IPVS_DEST_ATTR_ADDR, Sixteen(dest.address))
      .U16(IPVS_DEST_ATTR_PORT, OnWire(dest.port));
  if (command != IPVS_CMD_DEL_DEST) {
    request.U32(IPVS_DEST_ATTR_FWD_METHOD, dest.method)
        .U32(IPVS_DEST_ATTR_WEIGHT, static_cast<uint32_t>(dest.weight))
        .U8(IPVS_DEST_ATTR_TUN_TYPE, dest.tunnel_type)
        .U16(IPVS_DEST_ATTR_TUN_PORT, OnWire(dest.tunnel_port))
        .U16(IPVS_DEST_ATTR_TUN_FLAGS, dest.tunnel_flags)
        .U32(IPVS_DEST_ATTR_U_THRESH, dest.upper_threshold)
        .U32(IPVS_DEST_ATTR_L_THRESH, dest.lower_threshold);
  }
  return request.EndNest().Take();
}

Record SetTimeouts(const TimeoutsRequest& timeouts) {
  return RequestBuilder(kFamilyId, IPVS_CMD_SET_CONFIG, NLM_F_ACK)
      .U32(IPVS_CMD_ATTR_TIMEOUT_TCP, timeouts.tcp_seconds)
      .U32(IPVS_CMD_ATTR_TIMEOUT_TCP_FIN, timeouts.tcp_fin_seconds)
      .U32(IPVS_CMD_ATTR_TIMEOUT_UDP, timeouts.udp_seconds)
      .Take();
}

std::vector<Answered> ReadAnswers(const Record& record) {
  std::vector<Answered> answers;
  RecordReader reader(record);
  while (const auto message = reader.Next()) {
    Answered& one = answers.emplace_back();
    one.type = message->type;
    one.flags = message->flags;
    one.sequence = message->sequence;
    one.port_id = message->port_id;
    one.is_done = message->type == NLMSG_DONE;
    if (message->type == NLMSG_ERROR) {
      int number = 0;
      std::memcpy(&number, message->whole.data() + NLMSG_HDRLEN, sizeof number);
      one.error = -number;
    }
    if (message->type == kFilesType) {
      constexpr AttributeRule kText[] = {{kFileBytes, Form::kBytes, "text", 65535}};
      Attributes it;
      Must(it.Read(message->attributes, kText));
      const auto bytes = it.Raw(kFileBytes);
      one.text.assign(bytes.begin(), bytes.end());
    }
    if (message->type != kFamilyId) continue;
    one.command = message->command;
    Attributes command;
    if (one.command == IPVS_CMD_SET_INFO) continue;
    Must(ReadCommand(*message, &command));
    if (one.command == IPVS_CMD_NEW_SERVICE) one.service = ServiceOf(command);
    if (one.command == IPVS_CMD_NEW_DEST) one.dest = DestOf(command);
    if (one.command == IPVS_CMD_SET_CONFIG) one.timeouts = ReadTimeouts(command);
    if (one.command == IPVS_CMD_NEW_DAEMON) {
      Must(ReadDaemon(command, Depth::kWhole, &one.daemon.emplace()));
    }
  }
  return answers;
}

}  // namespace fairlead::testing
