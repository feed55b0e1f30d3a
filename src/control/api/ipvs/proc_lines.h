// The lines of IPVS's files below /proc/net, to the byte as the kernel writes them.
//
//   std::string text(kServicesHead);
//   AppendService(service, &text);        // "TCP  C000020A:0050 wlc  \n"
//   AppendReal(fabric, real, &text);      // "  -> 0A00000B:0050      Masq    2      8          2
//   …"
//
// Where this director has what the kernel has not: a time without end stands as the longest of
// ipvsadm, 31 days; a template of a client group has its client's address as 0. Threads: pure
// functions, but that AppendReal reads the boards.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "dataplane/shard/counters.h"
#include "dataplane/shard/mailbox.h"

namespace fairlead::api {
class NameIndex;
}
namespace fairlead::control {
struct RealInfo;
struct ServiceInfo;
}  // namespace fairlead::control
namespace fairlead::dataplane {
class Fabric;
}

namespace fairlead::ipvs {

inline constexpr std::string_view kServicesHead =
    "IP Virtual Server version 1.2.1 (size=4096)\n"
    "Prot LocalAddress:Port Scheduler Flags\n"
    "  -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n";
void AppendService(const control::ServiceInfo& service, std::string* text);
void AppendReal(const dataplane::Fabric& fabric, const control::RealInfo& real, std::string* text);

// Of ip_vs_conn and of ip_vs_conn_sync, which says where each comes from.
enum class ConnectionStyle : uint8_t { kPlain, kOrigin };
std::string_view ConnectionsHead(ConnectionStyle style);
void AppendConnection(const dataplane::ConnectionRow& row, ConnectionStyle style,
                      std::string* text);
void AppendTemplate(const api::NameIndex& names, const dataplane::TemplateRow& row,
                    ConnectionStyle style, std::string* text);

std::string StatsText(const dataplane::TrafficSum& total, const dataplane::TrafficSum& rate);
// A row for each worker, where the kernel has one for each CPU; `workers` since the start.
std::string WorkerStatsText(std::span<const dataplane::TrafficSum> workers,
                            const dataplane::TrafficSum& total, const dataplane::TrafficSum& rate);

inline constexpr std::string_view kAppsText = "prot port    usecnt name\n";  // there are none

}  // namespace fairlead::ipvs
