// The only file that includes CLI11.
#include "cli/arguments.h"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>

namespace fairlead::cli {

namespace {

constexpr const char* kFooter =
    "Exit codes: 0 done, 1 failed or refused, 2 wrong usage, 3 the director cannot be reached.\n"
    "Try: fairlead explain 198.51.100.7 192.0.2.10:80/tcp";

class Grammar {
 public:
  explicit Grammar(Arguments* into) : into_(*into) {
    app_.require_subcommand(1);
    app_.fallthrough();  // -o and --api may follow the verb; before subcommands: they inherit it
    app_.set_version_flag("--version", "fairlead " FAIRLEAD_VERSION);
    app_.footer(kFooter);
    app_.add_option("--api", into_.api,
                    "Where the director listens: unix:PATH or http://HOST:PORT\n"
                    "(environment: FAIRLEAD_API; default: " +
                        std::string(kDefaultApi) + ")");
    app_.add_option_function<std::string>(
            "-o,--output", [this](const std::string& format) { into_.is_json = format == "json"; },
            "table for people, json for scripts")
        ->check(CLI::IsMember({"table", "json"}))
        ->type_name("table|json");
    Add(&app_, "status", "Whether it forwards, its workers, ports and drops", Verb::kStatus);
    Services();
    Reals();
    Connections();
    Templates();
    Others();
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
    CLI::App* service = Group("service", "Services");
    Add(service, "list", "One line for each service", Verb::kServiceList);
    Add(service, "show", "A service and its reals", Verb::kServiceShow)
        ->add_option("service", into_.service, "Name of the service")
        ->required();
    CLI::App* add = Add(service, "add", "A new service, until the next reload", Verb::kServiceAdd);
    add->add_option("address", into_.destination, "ADDRESS:PORT/tcp or /udp; none with --mark");
    AddKey(add, "--mark", "mark", "Take what classifier rules have given this mark");
    AddKey(add, "--family", "family", "ipv4 or ipv6, with --mark");
    AddKey(add, "--allow-any-port", "allow_any_port", "Say that port 0 is meant", true);
    AddServiceKeys(add);
    CLI::App* edit =
        Add(service, "edit", "Change keys of a service until the next reload", Verb::kServiceEdit);
    edit->add_option("service", into_.service, "Name of the service")->required();
    AddServiceKeys(edit);
    CLI::App* remove = Add(service, "remove",
                           "Remove a service until the next reload; its "
                           "connections meet what its on_remove says",
                           Verb::kServiceRemove);
    remove->add_option("service", into_.service, "Name of the service");
    remove->add_flag("--all", into_.is_all, "Every service");
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
        "KEY=VALUE: any key of the configuration file; VALUE as there, null for the default");
  }
  void AddServiceKeys(CLI::App* command) {
    AddKey(command, "--name", "name", "Its name; default: made of its address or mark");
    AddKey(command, "--scheduler", "scheduler", "rr, wrr, lc, wlc, sh, mh …");
    AddKey(command, "--scheduler-flags", "scheduler_flags", "As [sh-port, sh-fallback]");
    AddKey(command, "--forward", "forward", "nat, dr or tun: what its reals have by default");
    AddKey(command, "--persistence", "persistence", "As { timeout: 30m, netmask: 24 }, or null");
    AddKey(command, "--one-packet", "one_packet", "A real for each packet: true or false");
    AddAnyKey(command);
  }
  void AddRealKeys(CLI::App* command) {
    AddKey(command, "--forward", "forward", "nat, dr or tun");
    AddKey(command, "--upper-threshold", "upper_threshold", "Connections it takes at the most");
    AddKey(command, "--lower-threshold", "lower_threshold", "Below so many it takes more again");
    AddAnyKey(command);
  }

  CLI::App* AddRealChange(CLI::App* group, const std::string& name, const std::string& what) {
    CLI::App* command = group->add_subcommand(name, what);
    command->add_option("service", into_.service, "Name of the service")->required();
    command->add_option("real", into_.real, "Its real server: ADDRESS:PORT, or the address alone")
        ->required();
    return command;
  }

  void Reals() {
    CLI::App* real = Group("real", "Real servers");
    Add(real, "list", "Reals of one service, or of all", Verb::kRealList)
        ->add_option("service", into_.service, "Name of the service");
    CLI::App* add = AddRealChange(real, "add", "A new real, until the next reload; the newest");
    CLI::App* set = AddRealChange(real, "set", "Change keys of a real until the next reload");
    for (CLI::App* command : {add, set}) {
      command->add_option("--weight", into_.weight, "0 to 65535")->check(CLI::Range(0, 65535));
      command->add_option("--state", into_.admin, "up, quiesce, drain or down")
          ->check(CLI::IsMember({"up", "quiesce", "drain", "down"}));
      AddRealKeys(command);
    }
    add->callback([this] { into_.verb = Verb::kRealAdd; });
    AddRealChange(real, "remove", "Remove a real until the next reload; its connections wait")
        ->callback([this] { into_.verb = Verb::kRealRemove; });
    set->callback([this, set] {
      into_.verb = Verb::kRealSet;
      if (!into_.weight && into_.admin.empty() && into_.body.empty()) {
        throw CLI::ValidationError(set->get_name(), "give --weight, --state or another key");
      }
    });
    constexpr struct {
      const char *name, *admin, *what;
    } kStates[] = {
        {"enable", "up", "Take new clients again, by the configured weight"},
        {"quiesce", "quiesce", "No new clients; known (persistent) clients and connections go on"},
        {"disable", "down", "As drain, and shown and counted as down"},
    };
    CLI::App* drain = AddRealChange(
        real, "drain", "No new connections, also of known clients; running ones go on");
    drain->add_option("--deadline", into_.deadline,
                      "What is left then is reset: a duration, as 10m; default: none");
    drain->add_flag("--then-remove", into_.is_then_remove,
                    "Remove the real when nothing is left, or at the deadline");
    drain->add_flag("--wait", into_.is_wait, "Show the progress and return when it is over");
    drain->callback([this] { into_.verb = Verb::kRealDrain; });
    for (const auto& state : kStates) {
      AddRealChange(real, state.name, state.what)->callback([this, admin = state.admin] {
        into_.verb = Verb::kRealSet;
        into_.admin = admin;
      });
    }
  }

  void AddFilters(CLI::App* command, bool with_state) {
    command->add_option("--client", into_.client, "Address or prefix, as 198.51.100.0/24");
    command->add_option("--service", into_.service, "Name of a service");
    command->add_option("--real", into_.real, "ADDRESS:PORT, or the address alone");
    if (with_state) command->add_option("--state", into_.state, "TCP state, as ESTABLISHED");
  }
  void AddLimit(CLI::App* command) {
    command->add_option("--limit", into_.limit, "Rows at the most; 0: all")->capture_default_str();
  }
  void AddAll(CLI::App* command, bool with_state) {
    command->add_flag("--all", into_.is_all, "Everything: needed when no filter is given");
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
    CLI::App* group = Group("connection", "Connections");
    CLI::App* list = Add(group, "list", "Live connections", Verb::kConnectionList);
    AddFilters(list, true);
    AddLimit(list);
    CLI::App* count = Add(group, "count", "How many match, and of whom", Verb::kConnectionCount);
    AddFilters(count, true);
    count->add_option("--by", into_.group_by, "service, real, state or client")
        ->check(CLI::IsMember({"service", "real", "state", "client"}));
    count->add_option("--top", into_.top, "Groups to show")->capture_default_str();
    CLI::App* flush = Add(group, "flush", "Forget connections that match", Verb::kConnectionFlush);
    AddFilters(flush, true);
    AddAll(flush, true);
  }

  void AddTemplateFilters(CLI::App* command) {
    AddFilters(command, false);
    command->add_option("--group", into_.client_group, "Name of a client group");
  }

  void Templates() {
    CLI::App* group = Group("template", "Persistence templates: which client is bound to whom");
    CLI::App* list = Add(group, "list", "Live templates", Verb::kTemplateList);
    AddTemplateFilters(list);
    list->add_flag("--pinned", into_.is_pinned, "Only those pinned by hand");
    AddLimit(list);
    CLI::App* flush =
        Add(group, "flush", "Unbind clients that match, but for pinned ones", Verb::kTemplateFlush);
    AddTemplateFilters(flush);
    AddAll(flush, false);
    CLI::App* pin = Add(group, "pin", "Bind a client to a real by hand", Verb::kTemplatePin);
    pin->add_option("service", into_.service, "Name of a persistent service")->required();
    pin->add_option("client", into_.client,
                    "Address, or a network that the service takes for one client")
        ->required();
    pin->add_option("real", into_.real, "ADDRESS:PORT, or the address alone")->required();
    pin->add_option("--ttl", into_.ttl, "For how long, as 8h; default: until it is unpinned");
    CLI::App* unpin = Add(group, "unpin", "Unbind pinned clients that match", Verb::kTemplateUnpin);
    AddTemplateFilters(unpin);
    AddAll(unpin, false);
    CLI::App* retime = Add(group, "retime",
                           "Apply the persistence a service has now to clients "
                           "that match and were known before",
                           Verb::kTemplateRetime);
    AddTemplateFilters(retime);
    AddAll(retime, false);
  }

  void Others() {
    Add(&app_, "ipvsadm", "IPVS's command: ipvsadm -Ln, ipvsadm -A -t 192.0.2.10:80 -s rr …",
        Verb::kIpvsadm);
    CLI::App* explain =
        Add(&app_, "explain", "Where a client's next connection would go, and why", Verb::kExplain);
    explain->add_option("client", into_.client, "CLIENT or CLIENT:PORT")->required();
    explain->add_option("destination", into_.destination, "ADDRESS:PORT/tcp or /udp")->required();
    explain->add_option("--port", into_.port, "Port it comes in by; default: an outside port");
    Add(&app_, "reload", "Apply the configuration file again", Verb::kReload)
        ->add_option("file", into_.file, "Another file than the one it was started with");
    Add(&app_, "diff", "What was changed by hand since the file was read", Verb::kDiff);
    Add(&app_, "check", "Say what is wrong with a configuration file; needs no director",
        Verb::kCheck)
        ->add_option("file", into_.file, "The file")
        ->required();
    Add(&app_, "metrics", "All counters in the Prometheus text form", Verb::kMetrics);
  }

  Arguments& into_;
  CLI::App app_{"Fairlead, a layer-4 load-balancing director: its command line", "fairlead"};
};

// How many words come before those of ipvsadm, itself included; all when it is not there.
int WordsBeforeIpvsadm(int argc, const char* const* argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "ipvsadm") return i + 1;
    if (word == "--api" || word == "-o" || word == "--output") {
      ++i;  // its value
    } else if (!word.starts_with('-')) {
      break;
    }
  }
  return argc;
}

// Whether the program was called by one of ipvsadm's names; the words are all its own then.
bool IsCalledIpvsadm(int argc, const char* const* argv, Arguments* into) {
  const std::string path = argc > 0 ? argv[0] : "";
  const std::string name = path.substr(path.rfind('/') + 1);
  if (name != "ipvsadm" && name != "ipvsadm-save" && name != "ipvsadm-restore") return false;
  into->verb = Verb::kIpvsadm;
  if (name == "ipvsadm-save") into->ipvsadm = {"--save"};
  if (name == "ipvsadm-restore") into->ipvsadm = {"--restore"};
  into->ipvsadm_clears_first = name == "ipvsadm-restore";
  into->ipvsadm.insert(into->ipvsadm.end(), argv + 1, argv + argc);
  return true;
}

}  // namespace

std::optional<int> ParseArguments(int argc, const char* const* argv, Arguments* into) {
  if (!IsCalledIpvsadm(argc, argv, into)) {
    const int own = WordsBeforeIpvsadm(argc, argv);
    Grammar grammar(into);
    try {
      grammar.app().parse(own, argv);
    } catch (const CLI::ParseError& e) {
      // Help and version end well; everything else is usage.
      return grammar.app().exit(e, std::cout, std::cerr) == 0 ? kOk : kUsage;
    }
    into->ipvsadm.assign(argv + own, argv + argc);
  }
  const char* from_environment = std::getenv("FAIRLEAD_API");
  if (into->api.empty() && from_environment != nullptr) into->api = from_environment;
  if (into->api.empty()) into->api = kDefaultApi;
  return std::nullopt;
}

}  // namespace fairlead::cli
