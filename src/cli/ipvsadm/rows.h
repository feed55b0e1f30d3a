// What listings show, as typed values: made from the director's JSON (table.h), turned into text by
// listing.h and save.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/ipvsadm/options.h"

namespace fairlead::cli::ipvsadm {

struct Traffic {  // since the last --zero, or a second
  uint64_t connections = 0, in_packets = 0, out_packets = 0, in_bytes = 0, out_bytes = 0;
};

struct ServerRow {
  Endpoint endpoint;
  // None: one that this program does not know.
  std::optional<ForwardMethod> method = ForwardMethod::kDr;
  bool is_fallback = false;  // of the configuration: shown while in use, never saved
  Tunnel tunnel;
  uint32_t weight = 1;        // what the scheduler sees now
  uint32_t saved_weight = 1;  // what the operator wants, whatever health checks say
  uint32_t upper_threshold = 0, lower_threshold = 0;
  uint64_t active = 0, inactive = 0, templates = 0;
  Traffic total, rate;
};

struct ServiceRow {
  ServiceKey key;
  std::string scheduler;
  std::vector<std::string> flags;  // "sh-fallback", "sh-port"
  std::optional<uint64_t> persistence_seconds;
  uint32_t netmask = 0xffffffff;  // IPv4, host order
  uint8_t netmask6 = 128;
  std::string engine;
  bool is_one_packet = false;
  Traffic total, rate;
  std::vector<ServerRow> servers;
};

struct EntryRow {           // a connection or a template
  uint8_t protocol = kTcp;  // kAnyProtocol: "IP", a mark's template
  uint64_t remaining_seconds = 0;
  std::string state;
  Endpoint client, virtual_endpoint, destination;
  std::string engine, engine_data;
};

}  // namespace fairlead::cli::ipvsadm
