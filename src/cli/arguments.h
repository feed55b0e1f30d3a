// The command line as a value. CLI11 is seen by those files alone that make or read
// the grammar: arguments, looking_verbs, manual, usage, word_path.
//
//   Arguments arguments;
//   if (std::optional<int> exit = ParseArguments(argc, argv, &arguments)) return *exit;
//   return Run(arguments);
//
// docs/cli.md is the manual page of all this.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/credentials.h"

namespace fairlead::cli {

enum ExitCode : int {
  kOk = 0,
  kFailed = 1,       // refused, not found, not healthy
  kUsage = 2,        // the command line is wrong
  kUnreachable = 3,  // nobody answers at the API address
  kUnconfirmed = 4,  // it would take something away and it was not confirmed: nothing was done
};

enum class Verb : uint8_t {
  kStatus,
  kReady,
  kSyncStatus,
  kFleetStatus,
  kServiceList,
  kServiceShow,
  kServiceAdd,
  kServiceEdit,
  kServiceRemove,
  kRealList,
  kRealShow,
  kRealAdd,
  kRealSet,
  kRealRemove,
  kRealDrain,
  kConnectionList,
  kConnectionCount,
  kConnectionFlush,
  kTemplateList,
  kTemplateFlush,
  kTemplatePin,
  kTemplateUnpin,
  kTemplateRetime,
  kExplain,
  kPortList,
  kPortRelease,
  kReload,
  kUpgrade,
  kDiff,
  kCheck,
  kDoctor,
  kConfigShow,
  kConfigSave,
  kConfigSchema,
  kRouteList,
  kSnatList,
  kNeighbourList,
  kTopClients,
  kTopServices,
  kDrops,
  kMetrics,
  kLogLevel,
  kIpvsadm,
  kIpvsExec,
  kComplete,
};

inline constexpr const char* kDefaultApi = "unix:/run/fairlead/api.sock";
inline constexpr const char* kDefaultIpvsSocket = "/run/fairlead/ipvs.sock";
inline constexpr const char* kDefaultConfig = "/etc/fairlead/fairlead.yaml";

struct Arguments {
  Verb verb = Verb::kStatus;
  std::string api;  // "unix:PATH", "http://HOST:PORT" or "https://HOST:PORT"
  Credentials credentials;
  bool is_json = false;

  std::string service, real;  // names; filters in lists and flushes
  std::string client, state;  // filters
  std::string client_group;   // template filter
  bool is_pinned = false;     // template list: pinned ones alone
  std::string ttl;            // template pin
  bool is_all = false;    // flush without a filter; count closing ones too; drain the last record
  uint64_t limit = 1000;  // rows; 0: all
  std::string group_by;   // count, top
  uint32_t top = 10;      // count, top: rows
  std::chrono::milliseconds interval{2000};  // top
  bool is_once = false;                      // top
  bool is_following = false;                 // drops
  std::string body;                     // adds and edits: lines of a service or real as in the file
  std::optional<int64_t> weight;        // real set
  std::string admin;                    // real set: up, quiesce, drain, down
  std::string deadline;                 // real drain
  bool is_then_remove = false;          // real drain
  bool is_everywhere = false;           // real drain, enable …: `service` is empty
  bool is_wait = false;                 // real drain
  std::string destination;              // explain: "192.0.2.10:80/tcp"; `client` is the client
  std::string port;                     // explain: input port
  bool is_later = false;                // explain
  bool shows_fragments = false;         // explain
  std::vector<std::string> interfaces;  // port release
  bool is_force = false;                // port release
  bool shows_counters = false;          // port list
  std::string file;                     // reload, check, doctor; upgrade: the program
  std::string root;                     // doctor: where another machine's files are
  bool is_yes = false;                  // reload: take away without a question
  bool is_dry_run = false;              // of every verb that changes something
  std::string level;                    // log level: to set; empty: show
  // The words after "ipvsadm", or the program of "ipvs-exec" and its words: not our grammar.
  std::vector<std::string> foreign;
  std::string socket;                 // ipvs-exec
  bool ipvsadm_clears_first = false;  // called as ipvsadm-restore
  std::vector<std::string> complete;  // the words of an unfinished line, the last one perhaps empty
};

// Nothing when `into` is to be run; otherwise the exit code, after usage, help or version has been
// printed.
//
// What is wrong is said on standard error: in a sentence, or with -o json as a problem document.
//
// `fairlead manual` prints the manual page: made when the program is built, no verb of people.
//
// Called by the name ipvsadm, ipvsadm-save or ipvsadm-restore, every word is ipvsadm's, and the API
// is that of the environment or the default.
std::optional<int> ParseArguments(int argc, const char* const* argv, Arguments* into);

// Candidates that stand for names: of services, of the reals of a service or of all, of files,
// of programs.
inline constexpr const char* kServiceNames = "@services";
inline constexpr const char* kRealNames = "@reals";
inline constexpr const char* kRealAddresses = "@addresses";  // of the reals of all services
inline constexpr const char* kFileNames = "@files";
inline constexpr const char* kProgramNames = "@programs";

// What the last of the words may become. `service` becomes the service that the words name, `at`
// the director and the credentials, if they name any.
std::vector<std::string> CandidatesOf(const std::vector<std::string>& words, std::string* service,
                                      Arguments* at);

}  // namespace fairlead::cli
