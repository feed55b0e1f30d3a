// Listings in ipvsadm's columns, byte for byte (ipvs.md, ipvsadm listings): scripts cut them apart.
//
//   fputs(ServicesText(rows, {.view = View::kStats}, names, true).c_str(), stdout);
//
// Pure but for the resolver, which is asked only when names are wanted.
#pragma once

#include <string>
#include <vector>

#include "cli/ipvsadm/resolver.h"
#include "cli/ipvsadm/rows.h"

namespace fairlead::cli::ipvsadm {

// Services by key, servers by address and port.
void Sort(std::vector<ServiceRow>* rows);

// `with_version`: the line above the titles; a listing of one service has none.
std::string ServicesText(const std::vector<ServiceRow>& rows, const ListOptions& options,
                         Resolver& names, bool with_version);

std::string EntryTitles(const ListOptions& options);
std::string EntryLine(const EntryRow& row, const ListOptions& options, Resolver& names);

std::string TimeoutsLine(uint64_t tcp_seconds, uint64_t tcp_fin_seconds, uint64_t udp_seconds);

// The text of -S: lines that -R reads (ipvs.md, ipvsadm save).
std::string SaveText(const std::vector<ServiceRow>& rows, Resolver& names, bool is_numeric);

// "sh-fallback,sh-port".
std::string FlagsText(const ServiceRow& row);
// "255.255.255.0" or "64"; empty for a full one.
std::string MaskText(const ServiceRow& row);

}  // namespace fairlead::cli::ipvsadm
