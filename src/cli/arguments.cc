#include "cli/arguments.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <iterator>
#include <set>

#include "cli/foreign_words.h"
#include "cli/looking_verbs.h"
#include "cli/manual.h"
#include "cli/usage.h"
#include "cli/word_path.h"

namespace fairlead::cli {

namespace {

constexpr const char* kFooter =
    "Exit codes: 0 done, 1 failed or refused, 2 wrong usage, 3 the director cannot be reached,\n"
    "4 a reload would take something away and was not confirmed.\n"
    "Try: fairlead explain 198.51.100.7 192.0.2.10:80/tcp";

class Grammar {
 public:
  explicit Grammar(Arguments* into) : into_(*into) {
    app_.require_subcommand(1);
    app_.fallthrough();  // -o and --api may follow the verb; before subcommands: they inherit it
    app_.set_version_flag("--version", "fairlead " FAIRLEAD_VERSION);
    app_.footer(kFooter);
    app_.add_option("--api", into_.api,
                    "Where the director listens: unix:PATH, http://HOST:PORT or https://HOST:PORT\n"
                    "(environment: FAIRLEAD_API; default: " +
                        std::string(kDefaultApi) + ")");
    AddCredentialOptions(&app_, &into_.credentials);
    app_.add_option_function<std::string>(
            "-o,--output", [this](const std::string& format) { into_.is_json = format == "json"; },
            "table for people, json for scripts")
        ->check(CLI::IsMember({"table", "json"}))
        ->type_name("table|json");
    Add(&app_, "status", "Show whether the director forwards, its workers, ports and drops",
        Verb::kStatus);
    Services();
    Reals();
    Connections();
    Templates();
    Others();
    AddLookingVerbs(&app_, &into_);
    AddDryRuns(&app_, &into_);
  }

  CLI::App& app() { return app_; }

 private:
  CLI::App* Add(CLI::App* parent, const std::string& name, const std::string& what, Verb verb) {
    CLI::App* command = parent->add_subcommand(name, what);
    command->callback([this, verb] { into_.verb = verb; });
    return command;
  }
  CLI::App* Group(const std::string& name, const std::string& what) {
    CLI::App* group = app_.add_subcommand(name, what);
    group->require_subcommand(1);
    return group;
  }

  void Services() {
    CLI::App* service = Group("service", "List, add, change and remove services");
    Add(service, "list", "List all services, a line each", Verb::kServiceList);
    Add(service, "show", "Show one service and its real servers", Verb::kServiceShow)
        ->add_option("service", into_.service, "Name of the service")
        ->required();
    CLI::App* add = Add(service, "add", "Add a service until the next reload", Verb::kServiceAdd);
    add->add_option("address", into_.destination,
                    "ADDRESS:PORT/tcp or /udp; leave it out with --mark");
    AddKey(add, "--mark", "mark", "Serve packets that classifier rules give this mark");
    AddKey(add, "--family", "family", "IP version of a --mark service: ipv4 or ipv6");
    AddKey(add, "--allow-any-port", "allow_any_port", "Confirm that port 0 (every port) is meant",
           true);
    AddServiceKeys(add);
    CLI::App* edit =
        Add(service, "edit", "Change a service until the next reload", Verb::kServiceEdit);
    edit->add_option("service", into_.service, "Name of the service")->required();
    AddServiceKeys(edit);
    CLI::App* remove = Add(service, "remove",
                           "Remove a service until the next reload; its on_remove decides what "
                           "happens to its connections",
                           Verb::kServiceRemove);
    remove->add_option("service", into_.service, "Name of the service");
    remove->add_flag("--all", into_.is_all, "Remove every service");
    remove->parse_complete_callback([this, remove] {
      if (into_.service.empty() == !into_.is_all) {
        throw CLI::ValidationError(remove->get_name(), "give a service, or --all");
      }
    });
  }

  // An option that is a key of the configuration file; a flag is that key with true.
  void AddKey(CLI::App* command, const std::string& option, const std::string& key,
              const std::string& what, bool is_flag = false) {
    if (is_flag) {
      command->add_flag_callback(
          option, [this, key] { into_.body += key + ": true\n"; }, what);
    } else {
      command->add_option_function<std::string>(
          option,
          [this, key](const std::string& value) { into_.body += key + ": " + value + "\n"; }, what);
    }
  }
  // Every other key; last, so that what is wrong is seen in the order it was written.
  void AddAnyKey(CLI::App* command) {
    command->add_option_function<std::vector<std::string>>(
        "--set",
        [this](const std::vector<std::string>& pairs) {
          for (const std::string& pair : pairs) {
            const size_t equals = pair.find('=');
            if (equals == 0 || equals == std::string::npos) {
              throw CLI::ValidationError("--set", "takes KEY=VALUE, not " + pair);
            }
            into_.body += pair.substr(0, equals) + ": " + pair.substr(equals + 1) + "\n";
          }
        },
        "KEY=VALUE: set any key of the configuration file, in its syntax; null restores the "
        "default");
  }
  void AddServiceKeys(CLI::App* command) {
    AddKey(command, "--name", "name",
           "Name of the service; by default made of its address or mark");
    AddKey(command, "--scheduler", "scheduler",
           "How a real server is chosen: rr, wrr, lc, wlc, sh, mh …");
    AddKey(command, "--scheduler-flags", "scheduler_flags",
           "Flags of the scheduler, for instance [sh-port, sh-fallback]");
    AddKey(command, "--forward", "forward",
           "Forwarding method of its real servers: nat, dr, tun or fullnat");
    AddKey(command, "--persistence", "persistence",
           "Keep clients on their real server: { timeout: 30m, netmask: 24 }, or null");
    AddKey(command, "--one-packet", "one_packet",
           "Choose a real server for each packet: true or false");
    AddAnyKey(command);
  }
  void AddRealKeys(CLI::App* command) {
    AddKey(command, "--forward", "forward", "Forwarding method: nat, dr, tun or fullnat");
    AddKey(command, "--upper-threshold", "upper_threshold",
           "Number of connections from which it takes no new ones");
    AddKey(command, "--lower-threshold", "lower_threshold",
           "Number of connections below which it takes new ones again");
    AddAnyKey(command);
  }

  CLI::App* AddRealChange(CLI::App* group, const std::string& name, const std::string& what) {
    CLI::App* command = group->add_subcommand(name, what);
    command->add_option("service", into_.service, "Name of the service")->required();
    command
        ->add_option("real", into_.real,
                     "Real server of the service: ADDRESS:PORT, or the address alone")
        ->required();
    return command;
  }
  // One that may be asked of every service at once, with the address of the real alone.
  CLI::App* AddRealState(CLI::App* group, const std::string& name, const std::string& what) {
    CLI::App* command = group->add_subcommand(name, what);
    command
        ->add_option("service", into_.service,
                     "Name of the service; with --everywhere the real server")
        ->required();
    command->add_option("real", into_.real,
                        "Real server of the service: ADDRESS:PORT, or the address alone");
    command->add_flag("--everywhere", into_.is_everywhere,
                      "In every service that has the real server");
    command->parse_complete_callback([this, command] {
      if (into_.is_everywhere != into_.real.empty()) {
        throw CLI::ValidationError(command->get_name(),
                                   into_.is_everywhere
                                       ? "with --everywhere give the real server alone"
                                       : "real is required; or name it alone, with --everywhere");
      }
      if (into_.is_everywhere) into_.real.swap(into_.service);
    });
    return command;
  }

  void Reals() {
    CLI::App* real = Group("real", "List, add, change, drain and remove real servers");
    Add(real, "list", "List the real servers of one service, or of all", Verb::kRealList)
        ->add_option("service", into_.service, "Name of the service");
    CLI::App* add = AddRealChange(real, "add", "Add a real server until the next reload");
    CLI::App* set = AddRealChange(real, "set", "Change a real server until the next reload");
    for (CLI::App* command : {add, set}) {
      command->add_option("--weight", into_.weight, "Weight, 0 to 65535")
          ->check(CLI::Range(0, 65535));
      command->add_option("--state", into_.admin, "State: up, quiesce, drain or down")
          ->check(CLI::IsMember({"up", "quiesce", "drain", "down"}));
      AddRealKeys(command);
    }
    add->callback([this] { into_.verb = Verb::kRealAdd; });
    AddRealChange(real, "remove", "Remove a real server until the next reload")->callback([this] {
      into_.verb = Verb::kRealRemove;
    });
    set->callback([this, set] {
      into_.verb = Verb::kRealSet;
      if (!into_.weight && into_.admin.empty() && into_.body.empty()) {
        throw CLI::ValidationError(set->get_name(), "give --weight, --state or another key");
      }
    });
    constexpr struct {
      const char *name, *admin, *what;
    } kStates[] = {
        {"enable", "up", "Send new clients to it again"},
        {"quiesce", "quiesce",
         "Send no new clients; known (persistent) clients and connections stay"},
        {"disable", "down", "As drain, and show it as down"},
    };
    CLI::App* drain = AddRealState(
        real, "drain", "Send no new connections, not even of known clients; running ones stay");
    drain->add_option(
        "--deadline", into_.deadline,
        "Reset the connections left after this time, for instance 10m; by default never");
    drain->add_flag("--then-remove", into_.is_then_remove,
                    "Remove the real when it is drained, or at the deadline");
    drain->add_flag("--all", into_.is_all,
                    "Wait for closed connections too, until none refers to the real");
    drain->add_flag("--wait", into_.is_wait,
                    "Show the progress and return when the drain has ended");
    drain->callback([this] { into_.verb = Verb::kRealDrain; });
    for (const auto& state : kStates) {
      AddRealState(real, state.name, state.what)->callback([this, admin = state.admin] {
        into_.verb = Verb::kRealSet;
        into_.admin = admin;
      });
    }
  }

  // The states that `connection list` shows; a test compares them with the director's.
  static constexpr const char* kTcpStates[] = {"NONE",     "ESTABLISHED", "SYN_SENT", "SYN_RECV",
                                               "FIN_WAIT", "TIME_WAIT",   "CLOSE",    "CLOSE_WAIT",
                                               "LAST_ACK", "LISTEN",      "SYNACK"};

  void AddFilters(CLI::App* command, bool with_state) {
    command->add_option("--client", into_.client,
                        "Client address or network, for instance 198.51.100.0/24");
    command->add_option("--service", into_.service, "Name of the service");
    command->add_option("--real", into_.real, "ADDRESS:PORT, or the address alone");
    if (!with_state) return;
    command->add_option("--state", into_.state, "TCP state")
        ->check(CLI::IsMember(std::set<std::string>(std::begin(kTcpStates), std::end(kTcpStates)),
                              CLI::ignore_case));
  }
  void AddLimit(CLI::App* command) {
    command->add_option("--limit", into_.limit, "Show at most this many rows; 0: all")
        ->capture_default_str();
  }
  void AddAll(CLI::App* command, bool with_state) {
    command->add_flag("--all", into_.is_all, "Select everything; needed when no filter is given");
    command->parse_complete_callback([this, command, with_state] {
      const bool is_filtered = !into_.client.empty() || !into_.service.empty() ||
                               !into_.client_group.empty() || !into_.real.empty() ||
                               (with_state && !into_.state.empty());
      if (!is_filtered && !into_.is_all) {
        throw CLI::ValidationError(command->get_name(), "give a filter, or --all for everything");
      }
    });
  }

  void Connections() {
    CLI::App* group = Group("connection", "List, count and end connections");
    CLI::App* list = Add(group, "list", "List connections", Verb::kConnectionList);
    AddFilters(list, true);
    AddLimit(list);
    CLI::App* count =
        Add(group, "count", "Count open connections, in total or by group", Verb::kConnectionCount);
    AddFilters(count, true);
    CLI::Option* by =
        count->add_option("--by", into_.group_by, "Count by service, real, state or client")
            ->check(CLI::IsMember({"service", "real", "state", "client"}));
    count->add_option("--top", into_.top, "Show at most this many groups; needs --by")
        ->needs(by)
        ->capture_default_str();
    count->add_flag("--all", into_.is_all, "Count closing connections too");
    CLI::App* flush =
        Add(group, "flush", "Forget connections that match; their next packets are reset",
            Verb::kConnectionFlush);
    AddFilters(flush, true);
    AddAll(flush, true);
  }

  void AddTemplateFilters(CLI::App* command) {
    AddFilters(command, false);
    command->add_option("--group", into_.client_group, "Name of a client group");
  }

  void Templates() {
    CLI::App* group = Group(
        "template",
        "List, flush and pin persistence templates: which client stays with which real server");
    CLI::App* list = Add(group, "list", "List templates", Verb::kTemplateList);
    AddTemplateFilters(list);
    list->add_flag("--pinned", into_.is_pinned, "List only pinned templates");
    AddLimit(list);
    CLI::App* flush =
        Add(group, "flush", "Unbind clients that match, except pinned ones", Verb::kTemplateFlush);
    AddTemplateFilters(flush);
    AddAll(flush, false);
    CLI::App* pin = Add(group, "pin", "Bind a client to a real server by hand", Verb::kTemplatePin);
    pin->add_option("service", into_.service, "Name of a persistent service")->required();
    pin->add_option("client", into_.client,
                    "Address, or the network that the service takes for one client")
        ->required();
    pin->add_option("real", into_.real, "ADDRESS:PORT, or the address alone")->required();
    pin->add_option("--ttl", into_.ttl, "Unpin after this time, for instance 8h; by default never");
    CLI::App* unpin = Add(group, "unpin", "Unbind pinned clients that match", Verb::kTemplateUnpin);
    AddTemplateFilters(unpin);
    AddAll(unpin, false);
    CLI::App* retime =
        Add(group, "retime", "Give matching clients the present persistence of their service",
            Verb::kTemplateRetime);
    AddTemplateFilters(retime);
    AddAll(retime, false);
  }

  void Others() {
    Add(&app_, "ipvsadm",
        "Run ipvsadm's commands: ipvsadm -Ln, ipvsadm -A -t 192.0.2.10:80 -s rr …", Verb::kIpvsadm);
    CLI::App* exec = Add(&app_, "ipvs-exec",
                         "Run a program of the kernel's IPVS (keepalived, ipvsadm, ldirectord) "
                         "against the director",
                         Verb::kIpvsExec);
    exec->add_option(
        "--socket", into_.socket,
        "The director's api.ipvs_socket (environment: FAIRLEAD_IPVS_SOCKET; default: " +
            std::string(kDefaultIpvsSocket) + ")");
    exec->add_option("command", into_.foreign, "The program, and its own words to the end");
    CLI::App* explain = Add(
        &app_, "explain", "Say where a client's next connection would go, and why", Verb::kExplain);
    explain->add_option("client", into_.client, "CLIENT or CLIENT:PORT")->required();
    explain->add_option("destination", into_.destination, "ADDRESS:PORT/tcp or /udp")->required();
    explain->add_option("--port", into_.port,
                        "Port that the packet arrives at; by default an outside port");
    explain->add_flag(
        "--later", into_.is_later,
        "Ask about a packet that is no SYN, of a TCP connection the client already has");
    explain->add_flag("--fragments", into_.shows_fragments,
                      "Also say what becomes of a datagram that comes in fragments");
    CLI::App* const port = Group("port", "Ports");
    Add(port, "list", "List the ports: device, link, speed, traffic", Verb::kPortList)
        ->add_flag("--counters", into_.shows_counters, "Also what their drivers count, but zeros");
    CLI::App* release = Add(port, "release",
                            "Reopen interfaces that a director left closed to the kernel, and "
                            "remove kernel twins that it left; needs no director",
                            Verb::kPortRelease);
    release->add_option("interface", into_.interfaces,
                        "Interfaces; by default all that are closed, and all twins left");
    release->add_flag("--force", into_.is_force,
                      "Reopen interfaces of a running director too, but for its twins");
    Add(Group("sync", "Synchronisation with other directors"), "status",
        "Show what was received from other directors, and what was sent to them",
        Verb::kSyncStatus);
    Add(Group("fleet", "The directors that have one store of configurations"), "status",
        "Show which of them runs what, and why one refuses what it was told", Verb::kFleetStatus);
    CLI::App* reload =
        Add(&app_, "reload", "Read the configuration file again and apply it", Verb::kReload);
    reload->add_option("file", into_.file, "File to load instead of the one loaded last");
    reload->add_flag("--yes", into_.is_yes,
                     "Do not ask before changes by hand or services are taken away; without it a "
                     "person at a terminal is asked, and a script gets exit code 4");
    Add(&app_, "upgrade",
        "Replace the running director by the program that is on disk now, while traffic goes on",
        Verb::kUpgrade)
        ->add_option("binary", into_.file,
                     "Program to start instead of the one it was started from");
    Add(&app_, "diff", "Show what was changed by hand since the file was read", Verb::kDiff);
    Add(&app_, "check", "Check a configuration file; needs no director", Verb::kCheck)
        ->add_option("file", into_.file, "The file")
        ->required();
    Add(&app_, "metrics", "Print all counters in the Prometheus text format", Verb::kMetrics);
    Add(Group("log", "The director's log"), "level",
        "Show which lines are logged, or change it until the next reload", Verb::kLogLevel)
        ->add_option("level", into_.level, "debug, info, warning or error")
        ->check(CLI::IsMember({"debug", "info", "warning", "error"}));
  }

  Arguments& into_;
  CLI::App app_{"fairlead: control a running Fairlead director", "fairlead"};
};

void FillInApi(Arguments* into) {
  const char* from_environment = std::getenv("FAIRLEAD_API");
  if (into->api.empty() && from_environment != nullptr) into->api = from_environment;
  if (into->api.empty()) into->api = kDefaultApi;
  FillInCredentials(&into->credentials);
}

// `fairlead complete WORD…`: words of a line that nobody has finished, so they are not parsed.
bool IsCompletion(int argc, const char* const* argv, Arguments* into) {
  if (argc < 2 || std::string_view(argv[1]) != "complete") return false;
  into->verb = Verb::kComplete;
  into->complete.assign(argv + 2, argv + argc);
  return true;
}

}  // namespace

std::optional<int> ParseArguments(int argc, const char* const* argv, Arguments* into) {
  if (!IsCalledIpvsadm(argc, argv, into) && !IsCompletion(argc, argv, into)) {
    const int own = CountOwnWords(argc, argv);
    const std::vector<std::string> words(argv + std::min(1, argc), argv + own);
    Grammar grammar(into);
    if (words == std::vector<std::string>{"manual"}) {
      std::cout << ManualPage(grammar.app());
      return kOk;
    }
    try {
      grammar.app().parse(own, argv);
    } catch (const CLI::ParseError& e) {
      return EndParsing(grammar.app(), e, words);
    }
    if (const auto refused = RefuseOtherThanUtf8(words, *into)) return refused;
    into->foreign.assign(argv + own, argv + argc);
  }
  FillInApi(into);
  return std::nullopt;
}

std::vector<std::string> CandidatesOf(const std::vector<std::string>& words, std::string* service,
                                      Arguments* at) {
  Arguments unused;
  Grammar grammar(&unused);
  const std::vector<std::string> before(words.begin(), words.end() - (words.empty() ? 0 : 1));
  const WordPath path = FollowWords(grammar.app(), before);
  *service = ServiceIn(path);
  if (const auto given = path.given.find("--api"); given != path.given.end()) {
    at->api = given->second;
  }
  TakeCredentials(path.given, &at->credentials);
  return CandidatesAt(path, words.empty() ? "" : words.back());
}

}  // namespace fairlead::cli
