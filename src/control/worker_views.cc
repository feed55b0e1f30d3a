#include "control/worker_views.h"

#include <algorithm>

#include "dataplane/wire/tunnel_mtu.h"

namespace fairlead::control {

TickCount TicksFrom(Duration duration) {
  return TicksFromMilliseconds(static_cast<uint64_t>(duration.count()));
}

dataplane::Timeouts TimeoutsFrom(const TimeoutsConfig& config) {
  dataplane::Timeouts timeouts;
  timeouts.set_tcp(TicksFrom(config.tcp));
  timeouts.set_tcp_fin(TicksFrom(config.tcp_fin));
  timeouts.set_udp(TicksFrom(config.udp));
  using dataplane::TcpState;
  timeouts.Set(TcpState::kNone, TicksFrom(config.none));
  timeouts.Set(TcpState::kSynSent, TicksFrom(config.syn_sent));
  timeouts.Set(TcpState::kSynRecv, TicksFrom(config.syn_recv));
  timeouts.Set(TcpState::kTimeWait, TicksFrom(config.time_wait));
  timeouts.Set(TcpState::kClose, TicksFrom(config.close));
  timeouts.Set(TcpState::kCloseWait, TicksFrom(config.close_wait));
  timeouts.Set(TcpState::kLastAck, TicksFrom(config.last_ack));
  timeouts.Set(TcpState::kListen, TicksFrom(config.listen));
  timeouts.Set(TcpState::kSynAck, TicksFrom(config.synack));
  return timeouts;
}

dataplane::PolicyView PolicyFrom(const ServicePolicy& policy, NoListener no_listener) {
  return {.expire_quiescent_template = policy.expire_quiescent_template,
          .expire_nodest_conn = policy.expire_nodest_conn,
          .conn_reuse_mode = policy.conn_reuse_mode,
          .sloppy_tcp = policy.sloppy_tcp,
          .unknown_connections = policy.unknown_connections,
          .nat_icmp_send = policy.nat_icmp_send,
          .pmtu_disc = policy.pmtu_disc,
          .cache_bypass = policy.cache_bypass,
          .schedule_icmp = policy.schedule_icmp,
          .drop_packet = static_cast<uint8_t>(policy.drop_packet),
          .secure_tcp = static_cast<uint8_t>(policy.secure_tcp),
          .reset_without_listener = no_listener == NoListener::kRst};
}

dataplane::ServiceView ViewOf(ServiceId id, const ServiceConfig& config,
                              const PolicyConfig& policy) {
  dataplane::ServiceView view;
  view.id = id;
  view.family = config.family;
  view.protocol = config.is_mark() ? uint8_t{0} : static_cast<uint8_t>(config.protocol);
  view.address = config.address;
  view.port = Be16::FromHost(config.port);
  view.mark = config.mark;
  view.is_one_packet = config.one_packet;
  view.hashes_network = config.scheduler_flags.netmask;
  view.persistence.clients.mask4 = Be32::FromHost(config.mask4);
  view.persistence.clients.prefix_length6 = config.prefix_length6;
  view.policy = PolicyFrom(config.policy, policy.no_listener);
  view.timeouts = TimeoutsFrom(config.timeouts);
  return view;
}

uint16_t PathMtuOf(const PathMtus& path_mtus, uint16_t link_mtu_bytes, Family clients,
                   const dataplane::RealView& view) {
  const Family outer = view.address.family();
  const uint32_t least =
      dataplane::LeastTunnelMtu(clients, outer, TunnelHeaderBytes(view.tunnel, outer));
  const uint32_t learnt = path_mtus.Limit(view.address, link_mtu_bytes);
  return static_cast<uint16_t>(std::min<uint32_t>(link_mtu_bytes, std::max(learnt, least)));
}

void SetNextHop(const NextHop& hop, const PathMtus* path_mtus, Family clients,
                dataplane::RealView* view) {
  view->next_hop = hop.neighbour;
  view->output = hop.output;
  view->next_hop_address = hop.address;
  view->mtu_bytes = hop.mtu_bytes;
  if (path_mtus != nullptr && IsTunnel(view->method)) {
    view->mtu_bytes = PathMtuOf(*path_mtus, hop.mtu_bytes, clients, *view);
  }
  view->tunnel_source = hop.source;
}

}  // namespace fairlead::control
