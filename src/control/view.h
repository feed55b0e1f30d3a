// What the control core shows of itself to the API thread: an immutable value, replaced whole at
// every change.
//
//   std::shared_ptr<const ControlView> view = control.view();   // any thread
//   for (const ServiceInfo& service : view->services) …
//
// Views share services of which nothing has changed, and with many services rates and the words of
// health checks are brought up to date some services at a time (view_builder.h).
//
// Live figures (connections, packets) are not here: the API thread reads the boards with the ids
// given here and subtracts the baselines, so that what it shows only rises, over reloads and reused
// ids.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/ip_address.h"
#include "base/shared_list.h"
#include "control/config/model.h"
#include "control/health/health_state.h"
#include "control/port_links.h"
#include "control/presence.h"
#include "control/readiness.h"
#include "control/sync/stream/stream_info.h"
#include "control/sync/sync_info.h"
#include "dataplane/shard/counters.h"
#include "dataplane/tables/template_record.h"

namespace fairlead::control {

// A drain that was asked for at run time.
struct DrainInfo {
  std::optional<int64_t> remaining_seconds{};  // none: no deadline
  bool then_remove = false;
  bool waits_for_all = false;  // for closed connections' records too
  bool is_over = false;        // the deadline has passed: what is left is reset
  bool is_ended = false;       // nothing is waited for any more
};

// How a drain ended; counts are connections.
struct DrainOutcome {
  std::string service, real;
  uint64_t finished = 0;  // by themselves, of those it waited for
  uint64_t cut = 0;       // of these, by the deadline
  uint64_t left = 0;      // records of closed ones, which were not waited for
  bool is_removed = false;
};

struct RealInfo {
  RealId id;
  std::string name;  // "10.0.0.11:80", the contract's {address:port}
  Endpoint endpoint;
  std::string forward;               // nat, dr, tun, fullnat
  Tunnel tunnel;                     // with tun
  LocalAddresses local_addresses{};  // with fullnat, as configured; a removed real has none
  ClientAddress client_address = ClientAddress::kNone;  // with fullnat
  int32_t weight = 0;                                   // as configured
  int32_t effective_weight = 0;                         // what the scheduler sees now
  double part = 1;  // of it, before it was rounded up and while slow_start lasts
  uint32_t upper_threshold = 0, lower_threshold = 0;
  AdminState admin = AdminState::kUp;
  HealthState health = HealthState::kUnchecked;
  std::string health_detail;        // "HTTP 200 in 3 ms", "connection refused"
  std::vector<CheckInfo> checks{};  // all that it must pass
  int32_t living_weight = 0;        // what it adds to the quorum
  bool is_fallback = false;
  std::optional<DrainInfo> drain{};
  std::string connections_are;  // what packets of its connections meet: serve, move, continue …
  bool is_ghost = false;        // removed, still referred to by connections or templates
  dataplane::TrafficSum baseline;
  dataplane::TrafficSum zero;  // counted before `ipvsadm -Z`, or in the service's life before
  dataplane::TrafficSum rate;  // a second
};

struct ServiceInfo {
  ServiceId id;
  std::string name;
  Family family = Family::kIpv4;
  uint8_t protocol = 0;  // 6, 17; 0 with a mark
  IpAddress address;
  Be16 port;
  uint32_t mark = 0;
  std::string scheduler;
  std::vector<std::string> scheduler_flags;
  bool is_persistent = false;
  uint32_t persistence_seconds = 0;  // UINT32_MAX: infinite
  // Of a client: by persistence, else as sh-netmask and mh-netmask hash it.
  int prefix_length = 32;  // of a mask with holes the number of its ones
  uint32_t mask = 0;       // IPv4, host order; may have holes
  std::string engine;      // "sip", or empty
  bool is_one_packet = false;
  bool is_on_fallback = false;
  uint32_t quorum = 1, hysteresis = 0;  // of the configuration
  uint64_t living_weight = 0;           // what the quorum is compared with
  bool has_quorum = true;
  std::vector<RealInfo> reals;  // list order; ghosts last
  struct Health {
    std::string real;
    HealthHistogram histogram;
  };
  std::vector<Health> health_checks;
  dataplane::TrafficSum retired;  // of reals that are gone for good
  dataplane::TrafficSum zero;     // as for a real
  dataplane::TrafficSum rate;
};

struct GroupInfo {  // a client group or a persistence group
  dataplane::GroupNumber number;
  std::string name;
};

struct ClassifierRuleInfo {
  std::string name;
  std::string text;  // "mark 1 tcp from @aol-proxies to 192.0.2.80 ports 80,443"
};

// A way to a network, and whether it is the one that is taken.
struct RouteInfo {
  std::string to, via;  // via: empty, on link
  std::string port;     // empty: no port leads there
  std::string source;   // connected, static, kernel
  bool is_used = false;
};

struct PortInfo {
  PortId id;
  std::string name;
  std::string device;
  uint16_t vlan = 0;  // 0: none
  MacAddress mac;
  uint16_t mtu_bytes = 0;
  std::string role;
  std::string host_interface;   // the kernel twin, or empty
  std::string steering;         // as in PortRuntime
  std::string kernel_ingress;   // likewise
  size_t multicast_groups = 0;  // joined for its addresses
  PortLinks::State link;
  std::vector<Prefix> addresses;
  std::vector<Prefix> kernel_addresses;  // what others have put on its twin
};

// What the whole director's policy says of floods; a service may say otherwise for two of them.
struct DefenceInfo {
  DefenceMode drop_entry = DefenceMode::kOff;
  DefenceMode drop_packet = DefenceMode::kOff;
  DefenceMode secure_tcp = DefenceMode::kOff;
  uint8_t amemthresh = 10;  // percent
};

// What this director has taken over from the one before (docs/survival.md).
struct RestoredRecords {
  struct Count {
    std::string name;  // a table, or why records were dropped
    uint64_t records = 0;
  };
  std::chrono::system_clock::time_point when{};  // the take-up
  std::string reason{};  // what was found, as "after-crash"; empty: no arena
  uint64_t down_milliseconds = 0;
  std::vector<Count> kept{};     // by table
  std::vector<Count> dropped{};  // by cause
};
struct Restored {
  RestoredRecords records{};
  size_t edits = 0;                          // changes by hand that hold again
  std::vector<std::string> dropped_edits{};  // and those that do not, with why
  std::vector<std::string> problems{};       // kept state that could not be used
};

// A rule of source NAT.
struct SnatInfo {
  std::string source, output;  // output empty: every port that is not inside
  std::vector<std::string> addresses{};
  uint16_t first_port = 0, last_port = 0;
  uint16_t slot = 0;  // of its counters
};

struct ControlView {
  uint64_t generation = 0;  // of the snapshot
  // What is in force, and what the file has of it: they differ by the changes by hand.
  std::shared_ptr<const ConfigModel> model, file_model;
  std::shared_ptr<const std::vector<std::string>> differences;  // in sentences
  std::string director_name;
  std::string config_path;  // of the file in force
  std::string start_path;   // of the file of the start: what may be loaded lies beside or below it
  std::chrono::system_clock::time_point started;
  std::chrono::system_clock::time_point last_reload;
  bool last_reload_ok = true;
  std::string last_reload_error;
  bool is_ready = false;  // readiness.h, and below it why not
  std::vector<NotReady> not_ready;
  std::vector<PeerState> peers;  // of sync.peers
  std::shared_ptr<const SilentAddresses>
      silent;  // virtual addresses that are not announced; null: none
  DefenceInfo defence;
  std::vector<DrainOutcome> ended_drains;  // the last ones, newest last
  HealthSummary health;
  SharedList<ServiceInfo> services;
  size_t real_ids = 0;               // ids of reals are below this
  dataplane::TrafficSum total_zero;  // of all that was ever counted, as for a real
  dataplane::TrafficSum total_rate;
  SharedVector<ClassifierRuleInfo> rules;
  std::vector<GroupInfo> groups;
  std::vector<PortInfo> ports;
  std::vector<SnatInfo> snat;                            // in the order in which they are asked
  std::shared_ptr<const std::vector<RouteInfo>> routes;  // as preferred; null: not known yet
  uint64_t kernel_routes = 0, refused_kernel_routes = 0;
  struct MemoryUse {
    std::string use;  // connections, connections6, templates, side, packets
    uint64_t bytes = 0;
    uint64_t records = 0;  // that have room in it
  };
  std::vector<MemoryUse> memory;
  std::shared_ptr<const SyncInfo> sync;      // null: sync.ipvs is off
  std::shared_ptr<const StreamInfo> stream;  // null: sync.peers has none
  std::shared_ptr<const Restored> restored;  // null: nothing was there, or nothing is kept
  std::string keep_problem;  // why a restart now would not find what is in force; or empty
};

}  // namespace fairlead::control
