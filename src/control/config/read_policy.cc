#include "control/config/section_readers.h"

namespace fairlead::control {
namespace {

constexpr Duration kMinTimeout = 1s;
constexpr Duration kMaxTimeout = 24h * 31;  // what ipvsadm takes (spec section 4.7)

// Methods and tunnels of spec section 5 that are still to come.
constexpr std::string_view kPlannedForwards[] = {"fullnat", "gue", "gre", "localnode", "bypass"};

void ReadTunnelType(MapReader& reader, const ForwardMethod method) {
  const YamlNode* const type = reader.Find("type");
  if (type == nullptr) return;
  if (method != ForwardMethod::kTun) {
    reader.problems().Add(reader.PathOf("type"), "only \"method: tun\" has a type");
  } else if (type->is_scalar() && (type->text == "gue" || type->text == "gre")) {
    reader.problems().Add(reader.PathOf("type"), NotSupported(*type, "ipip").message);
  } else if (!type->is_scalar() || type->text != "ipip") {
    reader.problems().Add(reader.PathOf("type"), WrongValue(*type, "ipip").message);
  }
}

// The word, or the number of the sysctl; 1 and 2 are one, for the second only reports the first.
Result<DefenceMode> ReadDefenceMode(const YamlNode& node) {
  if (const auto number = ReadNumber(node, 0, 3)) {
    return *number == 2 ? DefenceMode::kAuto : static_cast<DefenceMode>(*number);
  }
  if (node.is_scalar()) {
    if (const auto mode = FromWord<DefenceMode>(node.text)) return *mode;
  }
  return WrongValue(node, "0 or off, 1 or auto, 3 or always");
}

}  // namespace

void ReadSchedulerName(MapReader& reader, SchedulerKind& scheduler) {
  reader.Word("scheduler", &scheduler);
}

void ReadForward(MapReader& reader, ForwardMethod& forward) {
  const YamlNode* const node = reader.Find("forward");
  if (node == nullptr) return;
  if (!node->is_map()) {
    reader.Word("forward", &forward, kPlannedForwards);
    return;
  }
  MapReader inner(reader.problems(), *node, reader.PathOf("forward"), kForwardSection);
  if (!inner.Require("method")) return;
  if (inner.Word("method", &forward, kPlannedForwards)) ReadTunnelType(inner, forward);
}

void ReadTimeouts(MapReader& reader, TimeoutsConfig& timeouts) {
  const YamlNode* const node = reader.Find("timeouts");
  if (node == nullptr) return;
  ReadTimeoutsMap(MapReader(reader.problems(), *node, reader.PathOf("timeouts"), kTimeoutsSection),
                  timeouts);
}

void ReadTimeoutsMap(MapReader reader, TimeoutsConfig& timeouts) {
  reader.Time("tcp", &timeouts.tcp, kMinTimeout, kMaxTimeout);
  reader.Time("tcp_fin", &timeouts.tcp_fin, kMinTimeout, kMaxTimeout);
  reader.Time("udp", &timeouts.udp, kMinTimeout, kMaxTimeout);
  reader.Time("none", &timeouts.none, kMinTimeout, kMaxTimeout);
  reader.Time("syn_sent", &timeouts.syn_sent, kMinTimeout, kMaxTimeout);
  reader.Time("syn_recv", &timeouts.syn_recv, kMinTimeout, kMaxTimeout);
  reader.Time("time_wait", &timeouts.time_wait, kMinTimeout, kMaxTimeout);
  reader.Time("close", &timeouts.close, kMinTimeout, kMaxTimeout);
  reader.Time("close_wait", &timeouts.close_wait, kMinTimeout, kMaxTimeout);
  reader.Time("last_ack", &timeouts.last_ack, kMinTimeout, kMaxTimeout);
  reader.Time("listen", &timeouts.listen, kMinTimeout, kMaxTimeout);
  reader.Time("synack", &timeouts.synack, kMinTimeout, kMaxTimeout);
}

void ReadDefaults(MapReader reader, DefaultsConfig& defaults) {
  ReadSchedulerName(reader, defaults.scheduler);
  ReadForward(reader, defaults.forward);
  ReadTimeouts(reader, defaults.timeouts);
}

void ReadServicePolicy(MapReader& reader, ServicePolicy& policy) {
  reader.Bool("cache_bypass", &policy.cache_bypass);
  reader.Number("conn_reuse_mode", &policy.conn_reuse_mode, 0, 3);
  reader.Read("drop_packet", &policy.drop_packet, ReadDefenceMode);
  reader.Bool("expire_nodest_conn", &policy.expire_nodest_conn);
  reader.Bool("expire_quiescent_template", &policy.expire_quiescent_template);
  reader.Time("lblc_expiration", &policy.lblc_expiration, kMinTimeout, kMaxTimeout);
  reader.Time("lblcr_expiration", &policy.lblcr_expiration, kMinTimeout, kMaxTimeout);
  reader.Bool("nat_icmp_send", &policy.nat_icmp_send);
  reader.Bool("pmtu_disc", &policy.pmtu_disc);
  reader.Bool("schedule_icmp", &policy.schedule_icmp);
  reader.Read("secure_tcp", &policy.secure_tcp, ReadDefenceMode);
  reader.Bool("sloppy_tcp", &policy.sloppy_tcp);
}

void ReadPolicy(MapReader reader, PolicyConfig& policy) {
  ReadServicePolicy(reader, policy.service);
  reader.Number("am_droprate", &policy.am_droprate, 0, 1'000'000);
  reader.Number("amemthresh", &policy.amemthresh, 1, 100);
  reader.Read("drop_entry", &policy.drop_entry, ReadDefenceMode);
  reader.Word("no_listener", &policy.no_listener);
  constexpr std::string_view kPlanned[] = {"when-the-kernel-has-it"};
  reader.Word("announce", &policy.announce, kPlanned);
}

}  // namespace fairlead::control
