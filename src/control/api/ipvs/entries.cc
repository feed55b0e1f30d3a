#include "control/api/ipvs/entries.h"

#include <linux/ip_vs.h>

#include <algorithm>

#include "base/forward_method.h"
#include "control/api/figures.h"
#include "control/view.h"

namespace fairlead::ipvs {

namespace {

bool HasFlag(const control::ServiceInfo& service, std::string_view ending) {
  return std::ranges::any_of(service.scheduler_flags,
                             [&](const std::string& flag) { return flag.ends_with(ending); });
}

Statistics StatisticsOf(const dataplane::TrafficSum& sum) {
  return {sum.connections, sum.in_packets, sum.out_packets, sum.in_bytes, sum.out_bytes};
}

uint32_t NetmaskOf(const control::ServiceInfo& service) {
  const bool has_one = service.is_persistent || HasFlag(service, "-netmask");
  if (service.family == Family::kIpv6) {
    return has_one ? static_cast<uint32_t>(service.prefix_length) : 128;
  }
  return has_one ? service.mask : 0xffffffff;
}

}  // namespace

ServiceKey KeyOf(const control::ServiceInfo& service) {
  ServiceKey key{.family = service.family, .mark = service.mark};
  if (service.family == Family::kIpv6) key.address = Ipv6Address{};
  if (service.mark != 0) return key;
  key.protocol = service.protocol;
  key.address = service.address;
  key.port = service.port.host();
  return key;
}

uint32_t FlagsOf(const control::ServiceInfo& service) {
  uint32_t flags = IP_VS_SVC_F_HASHED;
  if (service.is_persistent) flags |= IP_VS_SVC_F_PERSISTENT;
  if (service.is_one_packet) flags |= IP_VS_SVC_F_ONEPACKET;
  if (HasFlag(service, "-fallback")) flags |= IP_VS_SVC_F_SCHED_SH_FALLBACK;
  if (HasFlag(service, "-port")) flags |= IP_VS_SVC_F_SCHED_SH_PORT;
  return flags;
}

ServiceEntry EntryOf(const dataplane::Fabric& fabric, const control::ServiceInfo& service) {
  const api::Figures figures = api::FiguresOf(fabric, service);
  return {.key = KeyOf(service),
          .scheduler = service.scheduler,
          .engine = service.engine,
          .flags = FlagsOf(service),
          .timeout_seconds =
              service.is_persistent ? std::min(service.persistence_seconds, kMostSeconds) : 0,
          .netmask = NetmaskOf(service),
          .total = StatisticsOf(api::SinceZero(figures, service)),
          .rate = StatisticsOf(service.rate)};
}

bool IsListed(const control::RealInfo& real) {
  return !real.is_ghost && !(real.is_fallback && real.effective_weight == 0);
}

DestEntry EntryOf(const dataplane::Fabric& fabric, const control::RealInfo& real) {
  const api::Figures figures = api::FiguresOf(fabric, real);
  const auto method = ForwardMethodOf(real.forward);
  return {.address = real.endpoint.address,
          .port = real.endpoint.port.host(),
          .method = method ? TraitsOf(*method).sync_number : uint32_t{0},
          .weight = real.effective_weight,
          .upper_threshold = real.upper_threshold,
          .lower_threshold = real.lower_threshold,
          .tunnel_type = static_cast<uint8_t>(real.tunnel.type),
          .tunnel_port = real.tunnel.port,
          .tunnel_flags = static_cast<uint16_t>(real.tunnel.checksum),
          .active = figures.active,
          .inactive = figures.inactive,
          .persistent = figures.templates,
          .total = StatisticsOf(api::SinceZero(figures, real)),
          .rate = StatisticsOf(real.rate)};
}

}  // namespace fairlead::ipvs
