// The operator's intent as one plain value: what a configuration file says, all defaults filled in.
//
//   LoadResult loaded = LoadConfig("/etc/fairlead/fairlead.yaml");
//   const ConfigModel& m = *loaded.model;
//   m.services[0].scheduler;                      // never "unset": defaults are already applied
//   if (m == running) return;                     // a reload that changes nothing
//
// Threads: a value; the control core owns the running one. Invariants (what Validate checks):
//   1. Names of ports, rules, prefix sets and services are unique; so are the keys of services and,
//      inside a service, the address and port of its reals.
//   2. A service carries its own resolved scheduler, forward, timeouts and policy: nobody has to
//      look at `defaults` or at the global policy again.
//   3. Every name one part uses of another (prefix set, port) exists.
//   4. Prefixes of sets and rules have no host bits; a set is sorted and has no duplicates, and the
//      sets are sorted by name.
// Lists keep the order of the file: the first rule that matches wins, and reals count as added in
// this order (schedulers see the newest, i.e. the last, first).
// Copies share services and prefixes, so models that differ in little are compared and kept at the
// cost of what differs.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "base/log.h"
#include "base/shared_list.h"
#include "base/transport.h"
#include "base/unknown_connections.h"
#include "control/config/address_match.h"
#include "control/config/duration.h"
#include "control/config/forwarding.h"
#include "control/config/health_config.h"
#include "control/config/mail_config.h"
#include "control/config/snat_config.h"
#include "control/config/sync_config.h"
#include "sched/scheduler.h"

namespace fairlead::control {

// ---- director ---------------------------------------------------------------------------------

enum class AutoOnOff : uint8_t { kAuto, kOn, kOff };
enum class IdlePolicy : uint8_t { kPoll, kSleep };

struct WorkersConfig {
  enum class Kind : uint8_t { kAuto, kCount, kCores };
  Kind kind = Kind::kAuto;
  uint32_t count = 0;           // kCount: 1…kMaxWorkers
  std::vector<uint32_t> cores;  // kCores: CPU numbers, each once
  friend bool operator==(const WorkersConfig&, const WorkersConfig&) = default;
};

struct DirectorConfig {
  std::string name = "fairlead";
  WorkersConfig workers;
  IdlePolicy idle = IdlePolicy::kPoll;
  // Capacities over all workers, in records. Unset in the file: all but the first and the last are
  // a quarter of connections.
  uint64_t connections = 1u << 20;
  uint64_t connections6 = 1u << 18;
  uint64_t templates = 1u << 18;
  uint64_t side_records = 1u << 18;
  uint64_t snat_flows = 1u << 18;
  uint64_t fragments = 1u << 12;
  std::string arena = "auto";  // "auto", "none" or an absolute path (docs/survival.md)
  AutoOnOff hugepages = AutoOnOff::kAuto;
  bool telemetry = false;        // tools of DPDK can attach (docs/ports.md)
  std::vector<std::string> eal;  // extra EAL arguments, verbatim
  // Whose rights commands have (docs/health.md); "root" only when the file says so.
  std::string script_user = "nobody";
  std::vector<std::string> scripts{};  // paths that configuration from elsewhere may name
  friend bool operator==(const DirectorConfig&, const DirectorConfig&) = default;
};

// ---- ports and routes -------------------------------------------------------------------------

enum class PortRole : uint8_t { kBoth, kOutside, kInside };
enum class ExceptionPath : uint8_t { kNone, kTap };
enum class KernelIngress : uint8_t { kAuto, kClosed, kOpen };

enum class BondMode : uint8_t { kActiveBackup, kBalanceXor, k8023ad };

enum class LacpRate : uint8_t { kSlow, kFast };

// Several devices that are one (docs/vlan_and_bond.md).
inline constexpr size_t kMaxBondMembers = 8;
struct BondConfig {
  BondMode mode = BondMode::kActiveBackup;
  std::vector<std::string> members{};  // as `device` of a port
  std::string primary{};               // of active-backup: the name of a member, or empty
  LacpRate rate = LacpRate::kSlow;     // of 802.3ad: what the partner is asked for
  friend bool operator==(const BondConfig&, const BondConfig&) = default;
};

struct PortConfig {
  std::string name{};
  std::string device{};  // PCI address or vdev with its arguments; of a bond: BondText (devices.h)
  std::optional<BondConfig> bond{};
  std::optional<uint16_t> vlan{};  // 1…4094; none: frames without a tag
  PortRole role = PortRole::kBoth;
  std::vector<Prefix> addresses{};  // as written: host bits are the port's own address
  uint16_t mtu = 1500;              // bytes of IP packet
  ExceptionPath exception = ExceptionPath::kNone;
  KernelIngress kernel_ingress = KernelIngress::kAuto;  // of a packet socket (docs/ports.md)
  std::optional<uint16_t> queues{};       // rx/tx queue pairs; none: auto, one per worker
  std::optional<uint16_t> descriptors{};  // per queue; none: auto, the driver's advice
  bool offloads = true;  // use the checksum offloads the port has; false: software always
  std::vector<TunnelType> decapsulate{};  // tunnels that end here, each once; empty: none
  friend bool operator==(const PortConfig&, const PortConfig&) = default;
};

struct RouteConfig {
  Prefix to{};
  IpAddress via{};
  friend bool operator==(const RouteConfig&, const RouteConfig&) = default;
};

// ---- classifier -------------------------------------------------------------------------------

struct PrefixSet {
  std::string name{};
  SharedVector<Prefix> prefixes{};  // sorted: IPv4 first, by address, then by length
  friend bool operator==(const PrefixSet&, const PrefixSet&) = default;
};

// Numbers of Transport, and kAny.
enum class Protocol : uint8_t {
  kAny = 0,
  kTcp = static_cast<uint8_t>(Transport::kTcp),
  kUdp = static_cast<uint8_t>(Transport::kUdp),
};
enum class RuleAction : uint8_t { kMark, kDrop };

struct ClassifierRule {
  std::string name{};  // "rule-N" (1-based) when the file gives none
  RuleAction action = RuleAction::kMark;
  uint32_t mark = 0;  // kMark: 1…2^32-1; kDrop: 0
  Protocol protocol = Protocol::kAny;
  AddressMatch source{};
  AddressMatch destination{};
  // Empty: any. With protocol any, a port condition matches TCP and UDP only.
  std::vector<PortRange> source_ports{};
  std::vector<PortRange> destination_ports{};
  std::string input_port{};  // name of a port, or empty for every port
  friend bool operator==(const ClassifierRule&, const ClassifierRule&) = default;
};

struct ClientGroup {  // networks that persistence.client_groups may take for one client
  std::string name{};
  AddressMatch source{};
  friend bool operator==(const ClientGroup&, const ClientGroup&) = default;
};

// ---- defaults and policy ----------------------------------------------------------------------

using SchedulerKind = sched::Kind;

// Whether a real of half the weight gets about half the connections. The others hash, take the
// weight for a limit or a rank, or do not look at it.
constexpr bool GoesByWeight(SchedulerKind kind) {
  switch (kind) {
    case SchedulerKind::kWrr:
    case SchedulerKind::kWlc:
    case SchedulerKind::kSed:
    case SchedulerKind::kNq:
    case SchedulerKind::kTwos:
    case SchedulerKind::kLblc:
    case SchedulerKind::kLblcr:
      return true;
    default:
      return false;
  }
}
// Of several services with one address the first of these counts.
enum class Announce : uint8_t { kAlways, kWhenReady, kFollowKernel, kNever };
enum class NoListener : uint8_t { kRst, kDrop };

// Idle time after which a connection in that state is forgotten (ipvs.md, set timeouts).
struct TimeoutsConfig {
  Duration tcp = 15min;     // ESTABLISHED
  Duration tcp_fin = 2min;  // FIN_WAIT
  Duration udp = 5min;
  // The other states of TCP, by the names of listings.
  Duration none = 2s;
  Duration syn_sent = 2min;
  Duration syn_recv = 1min;
  Duration time_wait = 2min;
  Duration close = 10s;
  Duration close_wait = 1min;
  Duration last_ack = 30s;
  Duration listen = 2min;
  Duration synack = 2min;
  friend bool operator==(const TimeoutsConfig&, const TimeoutsConfig&) = default;
};

struct DefaultsConfig {
  SchedulerKind scheduler = SchedulerKind::kWlc;
  Forwarding forward{};
  TimeoutsConfig timeouts{};
  friend bool operator==(const DefaultsConfig&, const DefaultsConfig&) = default;
};

// Of drop_entry, drop_packet and secure_tcp; numbers as in the sysctls (ipvs.md, defences).
enum class DefenceMode : uint8_t { kOff = 0, kAuto = 1, kAlways = 3 };

// What a service may set for itself: ipvs sysctls (ipvs.md, sysctls), and unknown_connections.
struct ServicePolicy {
  bool cache_bypass = false;
  uint8_t conn_reuse_mode = 1;  // 0…3
  DefenceMode drop_packet = DefenceMode::kOff;
  bool expire_nodest_conn = false;
  bool expire_quiescent_template = false;
  Duration lblc_expiration = 24h;   // an unused destination is forgotten after it
  Duration lblcr_expiration = 24h;  // the same, and an unchanged set shrinks after it
  bool nat_icmp_send = false;
  bool pmtu_disc = true;
  bool schedule_icmp = false;
  DefenceMode secure_tcp = DefenceMode::kOff;
  bool sloppy_tcp = false;
  UnknownConnections unknown_connections = UnknownConnections::kReset;
  friend bool operator==(const ServicePolicy&, const ServicePolicy&) = default;
};

struct PolicyConfig {
  ServicePolicy service{};    // what a service has when it says nothing
  uint32_t am_droprate = 10;  // drop_packet 3: drop one new connection in so many; 0: none
  DefenceMode drop_entry = DefenceMode::kOff;
  uint8_t amemthresh = 10;  // percent of a worker's connection table; less free is low
  NoListener no_listener = NoListener::kRst;  // TCP to a virtual address nobody listens on
  Announce announce = Announce::kAlways;      // what a service has when it says nothing
  uint32_t kernel_routes = 0;                 // taken from the kernel, at most; 0: none
  friend bool operator==(const PolicyConfig&, const PolicyConfig&) = default;
};

// ---- services ---------------------------------------------------------------------------------

struct SchedulerFlags {  // sh-port/mh-port, sh-fallback/mh-fallback and sh-netmask/mh-netmask
  bool port = false;
  bool fallback = false;
  bool netmask = false;
  friend bool operator==(const SchedulerFlags&, const SchedulerFlags&) = default;
};

// How a template goes on when its timer fires, and what a new connection does to it (ipvs.md,
// template timer).
enum class Renew : uint8_t { kLinux, kLegacy120, kFull, kStep, kAfterLastClose, kFixed };

// A time without end: persistence.timeout only.
inline constexpr Duration kInfinite = Duration::max();

// Clients of these networks have a netmask of their own; the longest prefix decides.
struct NetmaskRule {
  AddressMatch source{};
  uint32_t mask4 = 0xffffffff;  // as in PersistenceConfig
  uint8_t prefix_length6 = 128;
  friend bool operator==(const NetmaskRule&, const NetmaskRule&) = default;
};

struct PersistenceConfig {
  Duration timeout = 6min;       // 1 s … 31 d or kInfinite
  uint32_t mask4 = 0xffffffff;   // host order; may have holes (ipvs.md, template key)
  uint8_t prefix_length6 = 128;  // 1…128
  Renew renew = Renew::kLinux;
  Duration step{0};          // kStep: 1 s … 31 d; else 0
  Duration max_lifetime{0};  // 1 s … 31 d; 0: none
  // After the netmask has changed, a client's old template tells its real for so long; 0: not.
  Duration rekey{0};
  std::vector<NetmaskRule> netmasks{};
  std::vector<std::string> client_groups{};  // names; a group wins over every netmask
  std::string group{};                       // services of one group share their clients' reals
  uint8_t spread = 1;                        // templates, and so reals, a client may have
  friend bool operator==(const PersistenceConfig&, const PersistenceConfig&) = default;
};

// What a removed real's connections meet; docs/persistence.md, wishes 7 and 33.
enum class OnRemove : uint8_t { kDrain, kHold, kExpire, kReset };

enum class AdminState : uint8_t { kUp, kQuiesce, kDrain, kDown };

struct RealConfig {
  IpAddress address{};
  // 0: the packet keeps its port. For DR and TUN it is the service's port; in a mark service any,
  // and under NAT in a port-0 service any: a name that changes no packet.
  uint16_t port = 0;
  uint32_t weight = 1;           // 0…65535
  uint32_t upper_threshold = 0;  // connections; 0: none
  uint32_t lower_threshold = 0;  // 0: three quarters of the upper (ipvs.md, thresholds)
  Forwarding forward{};
  AdminState state = AdminState::kUp;
  // None: the checks of its service. Empty: it is not checked.
  std::optional<std::vector<HealthConfig>> health{};
  CommandLine on_up{}, on_down{};  // run when its checks change their minds
  friend bool operator==(const RealConfig&, const RealConfig&) = default;
};

struct FallbackConfig {  // the sorry server: used while no real can take a new connection
  IpAddress address{};
  uint16_t port = 0;  // as in RealConfig
  Forwarding forward{};
  friend bool operator==(const FallbackConfig&, const FallbackConfig&) = default;
};

// What besides the client's address names its persistence template (ipvs.md, SIP engine).
enum class Engine : uint8_t { kNone, kSip };

struct ServiceConfig {
  std::string name{};  // "tcp-192.0.2.80-80" or "mark-2-v4" when the file gives none
  // Key: the mark and family, or (mark 0) protocol, address and port.
  uint32_t mark = 0;
  Family family = Family::kIpv4;       // of the address, or the mark service's own
  Protocol protocol = Protocol::kTcp;  // address services: kTcp or kUdp; mark: kAny
  IpAddress address{};
  uint16_t port = 0;  // 0: every port (allow_any_port and persistence are then set)
  bool allow_any_port = false;

  SchedulerKind scheduler = SchedulerKind::kWlc;
  SchedulerFlags scheduler_flags{};
  // With the netmask flag and without persistence: as in PersistenceConfig, which else says it.
  uint32_t mask4 = 0xffffffff;
  uint8_t prefix_length6 = 128;
  std::optional<PersistenceConfig> persistence{};
  Engine engine = Engine::kNone;  // kSip: needs persistence, for UDP and marks
  bool one_packet = false;
  Forwarding forward{};  // what its reals have when they say nothing
  TimeoutsConfig timeouts{};
  ServicePolicy policy{};
  Announce announce = Announce::kAlways;
  // None: drain when the file drops a real, hold when it is removed by hand as ipvsadm -d does,
  // expire in both cases where policy.expire_nodest_conn says so.
  std::optional<OnRemove> on_remove{};
  std::vector<HealthConfig> health{};  // all must pass; empty: reals are not checked
  uint32_t quorum = 1;                 // weight of living reals that the service needs
  uint32_t hysteresis = 0;             // so much less loses the quorum, so much more regains it
  CommandLine on_up{}, on_down{};      // run when the quorum is regained or lost
  std::optional<FallbackConfig> fallback{};
  std::vector<RealConfig> reals{};

  [[nodiscard]] bool is_mark() const { return mark != 0; }
  [[nodiscard]] const std::vector<HealthConfig>& ChecksFor(const RealConfig& real) const {
    return real.health ? *real.health : health;
  }
  friend bool operator==(const ServiceConfig&, const ServiceConfig&) = default;
};

// ---- api, log ---------------------------------------------------------------------------------

// What whoever is let in may do: look, or also change.
enum class ApiRole : uint8_t { kRead, kAdmin };

struct ApiListen {
  enum class Kind : uint8_t { kUnix, kHttp, kHttps };
  Kind kind = Kind::kUnix;
  std::string path{};   // kUnix: absolute
  Endpoint endpoint{};  // kHttp: a loopback address
  ApiRole role = ApiRole::kAdmin;
  std::string group{};   // kUnix: of the socket; empty: the director's
  uint16_t mode = 0660;  // kUnix
  // Absolute paths; empty: none. kHttps has the first two and one of the others.
  std::string certificate{}, key{}, client_ca{};
  std::string crl{};     // only with client_ca
  std::string tokens{};  // also kHttp
  friend bool operator==(const ApiListen&, const ApiListen&) = default;
};

inline constexpr const char* kDefaultApiSocket = "/run/fairlead/api.sock";
inline constexpr const char* kDefaultIpvsSocket = "/run/fairlead/ipvs.sock";

// The kernel's interface to IPVS on a Unix socket.
struct IpvsSocketConfig {
  std::string path = kDefaultIpvsSocket;  // absolute; empty: not served
  std::string group{};                    // of the socket; empty: the director's
  uint16_t mode = 0660;
  friend bool operator==(const IpvsSocketConfig&, const IpvsSocketConfig&) = default;
};

// What a reload does with changes by hand: takes them back, or lays them over the file as a start
// does.
enum class OnReload : uint8_t { kUndo, kKeep };

struct ApiConfig {
  std::vector<ApiListen> listen = {{ApiListen::Kind::kUnix, kDefaultApiSocket, {}}};
  // Where the file says nothing, it lies beside the first Unix socket of `listen`.
  IpvsSocketConfig ipvs_socket{};
  OnReload on_reload = OnReload::kUndo;
  friend bool operator==(const ApiConfig&, const ApiConfig&) = default;
};

struct LogConfig {
  LogLevel level = LogLevel::kInfo;
  friend bool operator==(const LogConfig&, const LogConfig&) = default;
};

// ---- all of it --------------------------------------------------------------------------------

struct ConfigModel {
  DirectorConfig director;
  std::vector<PortConfig> ports;
  std::vector<RouteConfig> routes;
  std::vector<PrefixSet> prefix_sets;
  std::vector<ClassifierRule> classifier;
  DefaultsConfig defaults;
  std::vector<ClientGroup> client_groups;
  PolicyConfig policy;
  SharedList<ServiceConfig> services;
  std::vector<SnatConfig> snat;
  SyncConfig sync;
  ApiConfig api;
  LogConfig log;
  std::optional<MailConfig> mail{};  // none: no mail is sent
  friend bool operator==(const ConfigModel&, const ConfigModel&) = default;
};

}  // namespace fairlead::control
