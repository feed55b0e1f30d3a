#include "control/config/schema.h"

#include <algorithm>
#include <array>

#include "control/config/health_keys.h"
#include "control/config/keys.h"
#include "control/config/mail_keys.h"
#include "control/config/sync_keys.h"

namespace fairlead::control {
namespace {

constexpr std::string_view kNotYet = "is not supported by this version";
constexpr std::string_view kNotHere =
    "is a Linux sysctl with no meaning here; it is not supported by this version";

constexpr std::string_view kCalledAddress = "is called address here";
constexpr std::string_view kBondPlace =
    "belongs in device: write device: { bond: { mode: 802.3ad, members: [ … ] } }";

constexpr KeyInfo kRootKeys[] = {{"version"},     {"director"},   {"ports"},    {"routes"},
                                 {"prefix_sets"}, {"classifier"}, {"defaults"}, {"client_groups"},
                                 {"policy"},      {"services"},   {"snat"},     {"sync"},
                                 {"api"},         {"log"},        {"mail"}};

constexpr KeyInfo kDirectorKeys[] = {{"name"},
                                     {"workers"},
                                     {"idle"},
                                     {"connections"},
                                     {"connections6"},
                                     {"templates"},
                                     {"side_records"},
                                     {"snat_flows"},
                                     {"fragments"},
                                     {"arena"},
                                     {"hugepages"},
                                     {"telemetry"},
                                     {"eal"},
                                     {"script_user", {}, true},
                                     {"scripts", {}, true}};

constexpr KeyInfo kPortKeys[] = {{"name"},
                                 {"device"},
                                 {"role"},
                                 {"addresses"},
                                 {"mtu"},
                                 {"exception"},
                                 {"queues"},
                                 {"descriptors"},
                                 {"offloads"},
                                 {"kernel_ingress"},
                                 {"vlan"},
                                 {"decapsulate"},
                                 {"bond", kBondPlace},
                                 {"vlan_id", "is called vlan here"}};

constexpr KeyInfo kDeviceKeys[] = {{"bond"}};
constexpr KeyInfo kBondKeys[] = {{"mode"},
                                 {"members"},
                                 {"primary"},
                                 {"rate"},
                                 {"slaves", "is called members here"},
                                 {"lacp_rate", "is called rate here"}};

constexpr KeyInfo kRouteKeys[] = {{"to"}, {"via"}};

constexpr KeyInfo kSnatKeys[] = {{"source"},
                                 {"output"},
                                 {"addresses"},
                                 {"ports"},
                                 {"to", "is called addresses here"},
                                 {"to_source", "is called addresses here"},
                                 {"masquerade", "is no key: name the addresses of the port"}};

constexpr KeyInfo kPrefixSetKeys[] = {{"file"}};

constexpr KeyInfo kRuleKeys[] = {
    {"name"},        {"mark"},        {"action"},           {"protocol"},  {"source"},
    {"destination"}, {"source_port"}, {"destination_port"}, {"input_port"}};

constexpr KeyInfo kDefaultsKeys[] = {{"scheduler"}, {"forward"}, {"timeouts"}};

constexpr KeyInfo kForwardKeys[] = {{"method"},          {"type"},          {"port"}, {"checksum"},
                                    {"local_addresses"}, {"client_address"}};

constexpr KeyInfo kClientGroupKeys[] = {{"name"}, {"source"}};

template <size_t N, size_t M>
constexpr std::array<KeyInfo, N + M> Join(const std::array<KeyInfo, N>& a,
                                          const std::array<KeyInfo, M>& b) {
  std::array<KeyInfo, N + M> all{};
  std::copy(a.begin(), a.end(), all.begin());
  std::copy(b.begin(), b.end(), all.begin() + N);
  return all;
}

template <size_t N>
constexpr std::array<KeyInfo, N> ByName(std::array<KeyInfo, N> keys) {
  std::ranges::sort(keys, {}, &KeyInfo::name);
  return keys;
}

constexpr auto kTimeoutsKeys =
    Join(NamesOf(kTimeoutKeys),
         std::to_array<KeyInfo>({{"established", "is called tcp here, as in ipvsadm"},
                                 {"fin_wait", "is called tcp_fin here, as in ipvsadm"},
                                 {"sctp", kNotYet}}));

// The sysctls of IPVS (ipvs.md, sysctls) that are not ours yet, or never will be.
constexpr auto kRefusedSysctls = std::to_array<KeyInfo>(
    {{"backup_only", kNotYet},
     {"conn_lfactor", kNotHere},
     {"conn_max", "is not supported by this version; director.connections is the limit"},
     {"conntrack", kNotHere},
     {"debug_level", kNotHere},
     {"est_cpulist", kNotHere},
     {"est_nice", kNotHere},
     {"ignore_tunneled", kNotYet},
     {"run_estimation", kNotHere},
     {"sloppy_sctp", kNotYet},
     {"snat_reroute", kNotHere},
     {"svc_lfactor", kNotHere},
     {"sync_persist_mode", "is called persist_mode here; set it in sync.ipvs"},
     {"sync_ports", "is called ports here; set it in sync.ipvs"},
     {"sync_qlen_max", kNotYet},
     {"sync_refresh_period", "is called refresh_period here; set it in sync.ipvs"},
     {"sync_retries", "is called retries here; set it in sync.ipvs"},
     {"sync_sock_size", kNotYet},
     {"sync_threshold", "is called threshold here; set it in sync.ipvs"},
     {"sync_version", "is called version here; set it in sync.ipvs"}});

constexpr auto kPolicyKeys =
    Join(ByName(Join(NamesOf(kServicePolicyKeys), NamesOf(kGlobalPolicyKeys))), kRefusedSysctls);

constexpr std::string_view kGlobalOnly =
    "holds for the whole director; set it in the top-level policy";

constexpr auto GlobalKeysInAService() {
  auto keys = NamesOf(kGlobalPolicyKeys);
  for (KeyInfo& key : keys) {
    key.refusal = key.name == "announce" ? "is a key of the service itself" : kGlobalOnly;
  }
  return keys;
}

constexpr auto kPolicyOfServiceKeys =
    Join(NamesOf(kServicePolicyKeys), Join(GlobalKeysInAService(), kRefusedSysctls));

constexpr KeyInfo kServiceKeys[] = {
    {"name", {}, true},
    {"mark"},
    {"family"},
    {"address"},
    {"protocol"},
    {"port"},
    {"allow_any_port"},
    {"scheduler"},
    {"scheduler_flags"},
    {"netmask"},
    {"netmask6"},
    {"persistence"},
    {"engine"},
    {"one_packet"},
    {"forward"},
    {"timeouts"},
    {"policy"},
    {"announce"},
    {"on_remove"},
    {"health"},
    {"quorum"},
    {"hysteresis"},
    {"on_up", {}, true},
    {"on_down", {}, true},
    {"fallback"},
    {"reals"},
    {"type", "belongs in forward: write { method: tun, type: ipip }"},
    {"local_addresses",
     "belongs in forward: write { method: fullnat, local_addresses: [10.0.1.0/28] }"},
    {"client_address", "belongs in forward: write { method: fullnat, client_address: toa, … }"},
    {"ip", kCalledAddress},
    {"real_servers", "is called reals here"}};

constexpr auto kPersistenceNames = NamesOf(kPersistenceKeys);

constexpr KeyInfo kNetmaskRuleKeys[] = {{"source"}, {"netmask"}, {"netmask6"}};

constexpr auto kHealthNames =
    Join(NamesOf(kHealthKeys),
         std::to_array<KeyInfo>({{"password",
                                  "belongs in a file: the configuration is shown to everybody who "
                                  "may read it; name the file in password_file"}}));

constexpr KeyInfo kBodyKeys[] = {
    {"contains", {}, true}, {"matches", {}, true}, {"sha256", {}, true}};
constexpr KeyInfo kReceiveKeys[] = {
    {"contains", {}, true}, {"matches", {}, true}, {"sha256", "is for expect_body of HTTP alone"}};
constexpr KeyInfo kStepKeys[] = {{"send", {}, true}, {"receive"}};

constexpr KeyInfo kFallbackKeys[] = {{"address"}, {"port"}, {"forward"}, {"ip", kCalledAddress}};

constexpr KeyInfo kRealKeys[] = {
    {"address"},           {"port"},  {"weight"}, {"upper_threshold"}, {"lower_threshold"},
    {"forward"},           {"state"}, {"health"}, {"on_up", {}, true}, {"on_down", {}, true},
    {"ip", kCalledAddress}};

constexpr KeyInfo kApiKeys[] = {{"listen"},      {"ipvs_socket"}, {"on_reload"}, {"token_file"},
                                {"certificate"}, {"key"},         {"client_ca"}, {"crl"}};

constexpr KeyInfo kListenKeys[] = {{"address"},   {"role"},        {"group"},
                                   {"mode"},      {"certificate"}, {"key"},
                                   {"client_ca"}, {"crl"},         {"tokens"}};

constexpr KeyInfo kIpvsSocketKeys[] = {{"path"}, {"group"}, {"mode"}};

constexpr KeyInfo kLogKeys[] = {{"level"}};

constexpr auto kSyncNames = Join(NamesOf(kStreamKeys), std::to_array<KeyInfo>({{"ipvs"}}));
constexpr auto kIpvsSyncNames = NamesOf(kIpvsSyncKeys);

constexpr auto kMailNames =
    Join(NamesOf(kMailKeys),
         std::to_array<KeyInfo>({{"password", "belongs in a file: name it in password_file"}}));

}  // namespace

const Section kRootSection{"", kRootKeys};
const Section kDirectorSection{"director", kDirectorKeys};
const Section kPortSection{"ports[]", kPortKeys};
const Section kDeviceSection{"ports[].device", kDeviceKeys};
const Section kBondSection{"ports[].device.bond", kBondKeys};
const Section kRouteSection{"routes[]", kRouteKeys};
const Section kSnatSection{"snat[]", kSnatKeys};
const Section kPrefixSetSection{"prefix_sets.*", kPrefixSetKeys};
const Section kRuleSection{"classifier[]", kRuleKeys};
const Section kDefaultsSection{"defaults", kDefaultsKeys};
const Section kTimeoutsSection{"*.timeouts", kTimeoutsKeys};
const Section kForwardSection{"*.forward", kForwardKeys};
const Section kClientGroupSection{"client_groups[]", kClientGroupKeys};
const Section kPolicySection{"policy", kPolicyKeys};
const Section kServiceSection{"services[]", kServiceKeys};
const Section kServicePolicySection{"services[].policy", kPolicyOfServiceKeys};
const Section kPersistenceSection{"services[].persistence", kPersistenceNames};
const Section kNetmaskRuleSection{"services[].persistence.netmasks[]", kNetmaskRuleKeys};
const Section kHealthSection{"services[].health", kHealthNames, "{ type: tcp }"};
const Section kBodySection{"*.expect_body", kBodyKeys};
const Section kReceiveSection{"*.receive", kReceiveKeys};
const Section kStepSection{"*.steps[]", kStepKeys};
const Section kFallbackSection{"services[].fallback", kFallbackKeys, "{ address: 10.0.0.99 }"};
const Section kRealSection{"services[].reals[]", kRealKeys, "{ address: 10.0.0.11 }"};
const Section kApiSection{"api", kApiKeys};
const Section kListenSection{"api.listen[]", kListenKeys};
const Section kIpvsSocketSection{"api.ipvs_socket", kIpvsSocketKeys};
const Section kLogSection{"log", kLogKeys};
const Section kSyncSection{"sync", kSyncNames};
const Section kIpvsSyncSection{"sync.ipvs", kIpvsSyncNames};
const Section kMailSection{"mail", kMailNames};

std::span<const Section* const> AllSections() {
  static constexpr const Section* kAll[] = {
      &kRootSection,          &kDirectorSection,    &kPortSection,        &kRouteSection,
      &kPrefixSetSection,     &kRuleSection,        &kDefaultsSection,    &kTimeoutsSection,
      &kForwardSection,       &kClientGroupSection, &kPolicySection,      &kServiceSection,
      &kServicePolicySection, &kPersistenceSection, &kNetmaskRuleSection, &kHealthSection,
      &kBodySection,          &kReceiveSection,     &kStepSection,        &kFallbackSection,
      &kRealSection,          &kApiSection,         &kListenSection,      &kIpvsSocketSection,
      &kLogSection,           &kSyncSection,        &kIpvsSyncSection,    &kMailSection,
      &kDeviceSection,        &kBondSection,        &kSnatSection};
  return kAll;
}

}  // namespace fairlead::control
