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
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/ip_address.h"
#include "base/result.h"
#include "base/shared_list.h"
#include "control/config/model.h"
#include "control/edit.h"
#include "control/model_diff.h"
#include "dataplane/shard/counters.h"
#include "dataplane/shard/fabric.h"

namespace fairlead::control {

enum class HealthState : uint8_t { kUnchecked, kUp, kDown };

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
  std::string forward;           // nat, dr, tun
  int32_t weight = 0;            // as configured
  int32_t effective_weight = 0;  // what the scheduler sees now
  uint32_t upper_threshold = 0, lower_threshold = 0;
  AdminState admin = AdminState::kUp;
  HealthState health = HealthState::kUnchecked;
  std::string health_detail;  // "HTTP 200 in 3 ms", "connection refused"
  bool is_fallback = false;
  std::optional<DrainInfo> drain{};
  std::string connections_are;  // what packets of its connections meet: serve, move, continue …
  bool is_ghost = false;        // removed, still referred to by connections or templates
  dataplane::TrafficSum baseline;
  dataplane::TrafficSum zero;  // counted before `ipvsadm -Z`, or in the service's life before
  dataplane::TrafficSum rate;  // a second
};

// Durations of one real's health checks (fairlead_health_check_duration_seconds).
struct HealthHistogram {
  std::vector<double> bounds_seconds;  // upper bounds; the last bucket is +Inf
  std::vector<uint64_t> counts;        // per bucket, not cumulative; one more than bounds
  double sum_seconds = 0;
};

// Health checks as a whole, and what hinders them (docs/health.md).
struct HealthSummary {
  size_t checks = 0;  // different questions
  size_t allowed_at_once = 0;
  double interval_stretch = 1;  // by how much all intervals are longer than configured
  std::vector<std::pair<std::string, uint64_t>> local_errors{};  // by reason, all reasons
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
  int prefix_length = 32;            // of a client; of a mask with holes the number of its ones
  uint32_t mask = 0;                 // IPv4, host order; may have holes
  std::string engine;                // "sip", or empty
  bool is_one_packet = false;
  bool is_on_fallback = false;
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
  std::vector<Prefix> addresses;
};

// What the whole director's policy says of floods; a service may say otherwise for two of them.
struct DefenceInfo {
  DefenceMode drop_entry = DefenceMode::kOff;
  DefenceMode drop_packet = DefenceMode::kOff;
  DefenceMode secure_tcp = DefenceMode::kOff;
  uint8_t amemthresh = 10;  // percent
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
  bool is_ready = false;  // a snapshot is published and every worker has adopted it
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
  struct MemoryUse {
    std::string use;  // connections, connections6, templates, packets
    uint64_t bytes = 0;
    uint64_t records = 0;  // that have room in it
  };
  std::vector<MemoryUse> memory;
};

struct ReloadOutcome {
  bool ok = false;
  uint64_t generation = 0;
  std::vector<Error> errors;         // every problem of a refused file
  std::vector<std::string> changes;  // "service shop: real 10.0.0.12:80 weight 1 → 3"
  std::string path{};                // of the file
  Losses losses{};                   // what it takes away
  std::vector<std::string> warnings{};
  std::vector<std::string> waiting{};  // of the changes those that need a restart
};

// What became of a change by hand.
struct EditOutcome {
  bool is_stale = false;               // not tried: the generation is no longer the one asked for
  std::optional<EditRefusal> refusal;  // none: it is in force on every worker
  uint64_t generation = 0;             // that carries it; of what runs, if it was refused
  std::string service{}, real{};       // names of what was edited, as the view has them
  std::vector<std::string> changes{};  // "service shop: real 10.0.0.12:80 weight 1 → 3"
};

// Signs of life of the control core's thread; both only rise.
struct ControlVitals {
  uint64_t turns = 0;
  uint64_t longest_work_ns =
      0;  // CPU time of the longest single piece of work since the first turn
};

// What the API thread may ask of the control core. Callable from any thread; `done` runs on the
// control core's thread, so post it back.
class ControlApi {
 public:
  virtual ~ControlApi() = default;
  [[nodiscard]] virtual std::shared_ptr<const ControlView> view() const = 0;
  // Reads the configuration file again (`path` empty: the one loaded last) and applies it.
  virtual void Reload(std::string path, std::function<void(ReloadOutcome)> done) = 0;
  // What a Reload would do now. Changes nothing.
  virtual void PreviewReload(std::string path, std::function<void(ReloadOutcome)> done) = 0;
  // A change by hand, until the next reload.
  virtual void Change(Edit edit, std::function<void(EditOutcome)> done) = 0;
  // The same, only if nothing has changed since `generation`. The control core decides that where
  // changes are in line; who has no line may look at the view, as this does.
  virtual void ChangeAt(uint64_t generation, Edit edit, std::function<void(EditOutcome)> done) {
    if (view()->generation == generation) return Change(std::move(edit), std::move(done));
    EditOutcome stale;
    stale.is_stale = true;
    stale.generation = view()->generation;
    done(std::move(stale));
  }
  // Lets the figures that are shown "since zero" of a service, or of everything (no name), start
  // over; the view shows it when `done` is called.
  virtual void Zero(std::string service, std::function<void(Status)> done) = 0;
  [[nodiscard]] virtual ControlVitals vitals() const = 0;
  virtual dataplane::Fabric& fabric() = 0;
};

}  // namespace fairlead::control
