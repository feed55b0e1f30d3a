// One function a section of the file: a YAML node into its part of the model.
//
// Each reports what is wrong by itself (types, ranges, missing keys); what depends on other parts
// is for validate.h. Lists in the model keep one entry for each in the file, also for one that
// could not be read, so that services[2] means the same in both. Threads: one, but for the file of
// a prefix set.
#pragma once

#include <string>

#include "control/config/map_reader.h"
#include "control/config/model.h"
#include "control/config/prefix_files.h"

namespace fairlead::control {

// yaml_loader.cc: the whole of a file named `file`.
ConfigModel ReadModel(MapReader& root, const std::string& file, PrefixFiles& files);

// read_director.cc: the process itself.
void ReadDirector(MapReader reader, DirectorConfig& director);
// Whether the file says director.side_records; else the default is chosen once the services are
// known.
bool SaysSideRecords(const YamlNode* director);
void ChooseSideRecords(ConfigModel* model);
void ReadLog(MapReader reader, LogConfig& log);
// As useradd and groupadd take it. Whether there is one is for the machine that runs the director.
// `what`: "the name of a user".
Result<std::string> ReadAccountName(const YamlNode& node, const char* what);

// read_probe.cc: an absolute path, as files of certificates, keys and passwords have.
void ReadFilePath(MapReader& reader, std::string_view key, std::string* to);
// The name of a server in its certificate.
Result<std::string> ReadServerName(const YamlNode& node);

// read_api.cc
void ReadApi(MapReader reader, ApiConfig& api);

// read_sync.cc
void ReadSync(MapReader reader, SyncConfig& sync);
void ReadIpvsSync(MapReader reader, IpvsSyncConfig& config);

// read_mail.cc
void ReadMail(MapReader reader, std::optional<MailConfig>& mail);

// read_network.cc
void ReadPort(MapReader reader, PortConfig& port);
void ReadRoute(MapReader reader, RouteConfig& route);

// read_snat.cc
void ReadSnat(MapReader reader, SnatConfig& rule);

// read_classifier.cc. `directory`: what file names of prefix sets are relative to; `files`: what
// they are read through.
void ReadPrefixSets(Problems& problems, const YamlNode& node, const std::string& directory,
                    PrefixFiles& files, std::vector<PrefixSet>& sets);
// `index`: of the rule in its list, for the name of one that has none.
void ReadRule(MapReader reader, size_t index, ClassifierRule& rule);
void ReadClientGroup(MapReader reader, ClientGroup& group);
// "@set", an address or a prefix, or a list of these.
void ReadMatch(MapReader& reader, std::string_view key, AddressMatch& match);

// read_policy.cc: what services share. The readers of single keys are for services as well.
void ReadDefaults(MapReader reader, DefaultsConfig& defaults);
void ReadPolicy(MapReader reader, PolicyConfig& policy);
void ReadServicePolicy(MapReader& reader, ServicePolicy& policy);
void ReadTimeouts(MapReader& reader, TimeoutsConfig& timeouts);       // the key `timeouts`
void ReadTimeoutsMap(MapReader reader, TimeoutsConfig& timeouts);     // what stands there
void ReadSchedulerName(MapReader& reader, SchedulerKind& scheduler);  // the key `scheduler`

// read_forward.cc: the key `forward`. `forward` is what is inherited.
void ReadForward(MapReader& reader, Forwarding& forward);

// read_service.cc. `model` gives the defaults and the policy, which are read before.
void ReadService(MapReader reader, const ConfigModel& model, ServiceConfig& service);
// `service` gives what a real does not say.
void ReadReal(MapReader reader, const ServiceConfig& service, RealConfig& real);
// What a service without a name is called: "tcp-192.0.2.80-80", "mark-2-v4".
std::string DerivedName(const ServiceConfig& service);
// read_persistence.cc
void ReadPersistence(MapReader reader, PersistenceConfig& persistence);
// read_health.cc: the key `health`, a check or a list of them; for a real also `none`.
inline constexpr size_t kMostChecksOfAReal = 16;
void ReadHealth(MapReader& reader, std::vector<HealthConfig>* checks);
void ReadHealthOfReal(MapReader& reader, std::optional<std::vector<HealthConfig>>* checks);
// A key whose value is [/path, argument, …].
inline constexpr size_t kMostCommandWords = 64;
inline constexpr std::string_view kCommandPathForm = "an absolute path without \".\" and \"..\"";
void ReadCommand(MapReader& reader, std::string_view key, CommandLine* command);
bool IsCommandPath(std::string_view path);

}  // namespace fairlead::control
