#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "control/config/check_files.h"
#include "control/config/command_path.h"
#include "control/config/machine_warnings.h"
#include "control/config/reach.h"
#include "control/config/validate.h"
#include "control/config/validate_util.h"

namespace fairlead::control {
namespace {

class Warner {
 public:
  using Where = std::function<std::string(const std::string&)>;

  Warner(const ConfigModel& model, const Where& where) : model_(model), where_(where) {}

  std::vector<Error> Run() {
    Marks();
    Groups();
    OnePacket();
    // A file without the key may be meant, and one whose services come by hand; one that has it and
    // nothing in it is hardly.
    if (model_.services.empty() && where_("services") != where_("") &&
        model_.api.on_reload == OnReload::kUndo)
      Add("services", "is empty: nothing is balanced, and a reload takes every service away");
    for (size_t i = 0; i < model_.services.size(); ++i) {
      const ServiceConfig& service = model_.services[i];
      if (service.reals.empty() && !service.fallback)
        Add(ItemPath("services", i), "has no reals: its clients get ICMP port unreachable");
      AddUnreachableReals(service, ItemPath("services", i) + ".");
      AddCommandFaults(service, ItemPath("services", i));
      AddFileFaults(service, ItemPath("services", i));
      AddLonelyAgents(service, ItemPath("services", i));
    }
    const AddWarning add = [this](const std::string& path, std::string sentence) {
      Add(path, std::move(sentence));
    };
    WarnOfListeners(model_, add);
    WarnOfMissingDevices(model_, add);
    WarnOfOwnAddresses(model_, add);
    WarnOfSnat(model_, add);
    WarnOfNetworks(model_, add);
    WarnOfFullnat(model_, reach_, add);
    WarnOfProxyHeaders(model_, reach_, add);
    AddChecksWithoutTwin();
    // keepalived that stops takes its real servers out: on the master their connections would end,
    // and the peer that takes over would be told so.
    if (model_.policy.service.expire_nodest_conn && model_.sync.stream.has_peers()) {
      Add("policy.expire_nodest_conn",
          "ends connections of a real server that is taken out, and sync.peers are told: leave it "
          "out where connections are to go on at the peer");
    }
    if (model_.mail) {
      AddTlsFault({.ca = model_.mail->ca}, "mail");
      AddPasswordFault(model_.mail->password_file, "mail");
    }
    return std::move(warnings_);
  }

  std::vector<Error> RunForService(size_t place) {
    const ServiceConfig& service = model_.services[place];
    const bool is_set = std::ranges::any_of(model_.classifier, [&](const ClassifierRule& rule) {
      return rule.action == RuleAction::kMark && rule.mark == service.mark;
    });
    if (service.mark != 0 && !is_set) Add("mark", kNoRuleSetsMark);
    AddUnreachableReals(service, "");
    const std::string few = WordsOfFewSideRecords(model_, service);
    if (!few.empty()) Add("forward", few);
    return std::move(warnings_);
  }

  std::vector<Error> RunForReal(const IpAddress& address) {
    if (!reach_.Contains(address)) Add("address", kNoWayThere);
    return std::move(warnings_);
  }

 private:
  static constexpr const char* kNoWayThere = "no port's network and no route leads there";
  static constexpr const char* kNoRuleSetsMark = "no classifier rule sets this mark";

  void Add(const std::string& path, std::string sentence) {
    const std::string where = where_(path);
    warnings_.push_back(
        {ErrorCode::kInvalid, std::move(sentence), where == path ? path : where + ": " + path});
  }

  // Commands that this machine would not run. The file may be for another one.
  void AddCommandFaults(const ServiceConfig& service, const std::string& path) {
    const auto check = [this](const CommandLine& command, const std::string& place) {
      if (command.empty()) return;
      const auto [fault, is_new] = command_faults_.try_emplace(command[0]);
      if (is_new) fault->second = FaultOfCommand(command[0]);
      if (is_new && fault->second.empty()) {
        fault->second = FaultForUser(command[0], model_.director.script_user);
      }
      if (!fault->second.empty()) Add(place, "would not be run on this machine: " + fault->second);
      AddStrangeWords(command, place);
    };
    const auto check_list = [&](const std::vector<HealthConfig>& list, const std::string& place) {
      for (size_t i = 0; i < list.size(); ++i) {
        check(list[i].command, (list.size() == 1 ? place : ItemPath(place, i)) + ".command");
      }
    };
    check_list(service.health, path + ".health");
    check(service.on_up, path + ".on_up");
    check(service.on_down, path + ".on_down");
    for (size_t i = 0; i < service.reals.size(); ++i) {
      const RealConfig& real = service.reals[i];
      const std::string place = ItemPath(path + ".reals", i);
      if (real.health) check_list(*real.health, place + ".health");
      check(real.on_up, place + ".on_up");
      check(real.on_down, place + ".on_down");
    }
  }

  // "{adress}" is passed on as it stands, which is hardly meant.
  void AddStrangeWords(const CommandLine& command, const std::string& place) {
    constexpr std::string_view kSmall = "abcdefghijklmnopqrstuvwxyz_";
    const bool is_check = place.ends_with(".command");
    for (size_t i = 1; i < command.size(); ++i) {
      const std::string_view text = command[i];
      for (size_t at = text.find('{'); at != text.npos; at = text.find('{', at + 1)) {
        const size_t end = text.find_first_not_of(kSmall, at + 1);
        if (end == text.npos || text[end] != '}' || end == at + 1) continue;
        const std::string word(text.substr(at, end - at + 1));
        if (is_check && (word == "{address}" || word == "{port}")) continue;
        Add(ItemPath(place, i),
            Quote(word) + (is_check ? " is passed on as it stands: only "
                                      "{address} and {port} are replaced"
                                    : " is passed on as it stands: what the "
                                      "command may know is in its environment"));
      }
    }
  }

  // Files of TLS and of passwords that are not there, or are not what they should be.
  void AddFileFaults(const ServiceConfig& service, const std::string& path) {
    const auto check_list = [&](const std::vector<HealthConfig>& list, const std::string& place) {
      for (size_t i = 0; i < list.size(); ++i) {
        const HealthConfig& health = list[i];
        const std::string at = list.size() == 1 ? place : ItemPath(place, i);
        AddTlsFault({.ca = health.ca, .certificate = health.certificate, .key = health.key}, at);
        AddPasswordFault(health.password_file, at);
      }
    };
    check_list(service.health, path + ".health");
    for (size_t i = 0; i < service.reals.size(); ++i) {
      const auto& own = service.reals[i].health;
      if (own) check_list(*own, ItemPath(path + ".reals", i) + ".health");
    }
  }
  void AddTlsFault(const NamedTlsFiles& files, const std::string& path) {
    if (files == NamedTlsFiles{}) return;
    const auto [fault, is_new] = tls_faults_.try_emplace(files);
    if (is_new) fault->second = FaultOfTlsFiles(files);
    if (!fault->second) return;
    Add(path + "." + std::string(fault->second->key),
        "cannot be used on this machine: " + fault->second->sentence);
  }
  void AddPasswordFault(const std::string& file, const std::string& path) {
    AddPlainFault(file, path + ".password_file");
  }
  void AddPlainFault(const std::string& file, const std::string& path) {
    if (file.empty()) return;
    const auto [fault, is_new] = plain_faults_.try_emplace(file);
    if (is_new) fault->second = FaultOfPlainFile(file);
    if (fault->second.empty()) return;
    Add(path, "cannot be used on this machine: " + fault->second);
  }

  // Checks go by sockets of the kernel, which has no way through a port without a twin. It may have
  // another one, by an interface of its own. What a script does nobody knows.
  void AddChecksWithoutTwin() {
    struct Checked {
      size_t reals = 0;
      std::string first;
    };
    std::map<size_t, Checked> by_port;
    for (size_t i = 0; i < model_.services.size(); ++i) {
      const ServiceConfig& service = model_.services[i];
      for (size_t r = 0; r < service.reals.size(); ++r) {
        const std::optional<size_t> port = PortWithoutTwin(service, service.reals[r]);
        if (!port) continue;
        Checked& checked = by_port[*port];
        if (checked.reals++ == 0) checked.first = ItemPath(ItemPath("services", i) + ".reals", r);
      }
    }
    for (const auto& [port, checked] : by_port) {
      const std::string count =
          checked.reals == 1 ? "a real server" : std::to_string(checked.reals) + " real servers";
      Add(ItemPath("ports", port),
          "health checks of " + count + " (" + (checked.reals == 1 ? "" : "the first is ") +
              checked.first +
              ") go through this port, which has no kernel twin: add exception: tap, or they fail "
              "unless the machine has another way there");
    }
  }
  [[nodiscard]] std::optional<size_t> PortWithoutTwin(const ServiceConfig& service,
                                                      const RealConfig& real) const {
    for (const HealthConfig& check : service.ChecksFor(real)) {
      if (check.type == HealthType::kScript) continue;
      const std::optional<size_t> port = reach_.PortFor(check.address.value_or(real.address));
      if (port && model_.ports[*port].exception != ExceptionPath::kTap) return port;
    }
    return std::nullopt;
  }

  // An agent that is silent changes nothing, so a dead server would stay.
  void AddLonelyAgents(const ServiceConfig& service, const std::string& path) {
    const auto check = [this](const std::vector<HealthConfig>& list, const std::string& place) {
      if (list.empty() || !std::ranges::all_of(list, [](const HealthConfig& each) {
            return each.type == HealthType::kAgent;
          })) {
        return;
      }
      Add(place, "an agent that gives no answer takes nobody out; add another check, such as tcp");
    };
    check(service.health, path + ".health");
    for (size_t i = 0; i < service.reals.size(); ++i) {
      const auto& own = service.reals[i].health;
      if (own) check(*own, ItemPath(path + ".reals", i) + ".health");
    }
  }

  // A client group nobody names, and services that share clients but see them differently.
  void Groups() {
    std::set<std::string> used;
    std::map<std::string, size_t> first_of;
    for (size_t i = 0; i < model_.services.size(); ++i) {
      const auto& persistence = model_.services[i].persistence;
      if (!persistence) continue;
      used.insert(persistence->client_groups.begin(), persistence->client_groups.end());
      if (persistence->group.empty()) continue;
      const auto [first, is_new] = first_of.emplace(persistence->group, i);
      if (is_new) continue;
      const PersistenceConfig& other = *model_.services[first->second].persistence;
      if (persistence->mask4 == other.mask4 &&
          persistence->prefix_length6 == other.prefix_length6 &&
          persistence->netmasks == other.netmasks &&
          persistence->client_groups == other.client_groups &&
          persistence->spread == other.spread) {
        continue;
      }
      Add(ItemPath("services", i) + ".persistence.group",
          "service " + Quote(model_.services[first->second].name) +
              " of this group has other netmasks, client groups or spread: a client of both may "
              "get two reals");
    }
    for (size_t i = 0; i < model_.client_groups.size(); ++i) {
      if (used.contains(model_.client_groups[i].name)) continue;
      Add(ItemPath("client_groups", i), "no service names it in persistence.client_groups");
    }
  }

  void Marks() {
    std::set<uint32_t> set_by_rules, used;
    for (const ServiceConfig& service : model_.services) used.insert(service.mark);
    for (size_t i = 0; i < model_.classifier.size(); ++i) {
      const ClassifierRule& rule = model_.classifier[i];
      if (rule.action != RuleAction::kMark) continue;
      set_by_rules.insert(rule.mark);
      // With services that come by hand nobody knows what marks there will be.
      if (!used.contains(rule.mark) && model_.api.on_reload == OnReload::kUndo)
        Add(ItemPath("classifier", i) + ".mark",
            "no service has this mark: the rule only keeps later rules from matching");
    }
    for (size_t i = 0; i < model_.services.size(); ++i) {
      const uint32_t mark = model_.services[i].mark;
      if (mark != 0 && !set_by_rules.contains(mark))
        Add(ItemPath("services", i) + ".mark", kNoRuleSetsMark);
    }
  }

  // Replies of one-packet scheduling belong to no connection: source and port say whose they are.
  void OnePacket() {
    const auto takes_udp = [](const ServiceConfig& service) {
      return service.is_mark() || service.protocol == Protocol::kUdp;
    };
    std::map<std::pair<IpAddress, uint16_t>, std::vector<size_t>> users;  // of each real's port
    bool is_any_one_packet = false;
    for (size_t i = 0; i < model_.services.size(); ++i) {
      const ServiceConfig& service = model_.services[i];
      if (service.one_packet) is_any_one_packet = true;
      if (!service.one_packet || !service.is_mark()) continue;
      if (std::ranges::any_of(service.reals, RepliesPassHere))
        Add(ItemPath("services", i) + ".one_packet",
            "its replies leave with the real's address, since a mark service has no address to "
            "translate them to: use forward dr or tun, or a service with an address");
    }
    if (!is_any_one_packet) return;
    for (size_t i = 0; i < model_.services.size(); ++i) {
      if (!takes_udp(model_.services[i])) continue;
      for (const RealConfig& real : model_.services[i].reals)
        if (RepliesPassHere(real)) users[{real.address, real.port}].push_back(i);
    }
    for (size_t i = 0; i < model_.services.size(); ++i) {
      const ServiceConfig& service = model_.services[i];
      if (!service.one_packet || service.is_mark()) continue;
      for (size_t r = 0; r < service.reals.size(); ++r) {
        if (RepliesPassHere(service.reals[r]))
          Shared(i, r, users.at({service.reals[r].address, service.reals[r].port}));
      }
    }
  }
  static bool RepliesPassHere(const RealConfig& real) {
    return RewritesReplies(real.forward.method);
  }
  void Shared(size_t service, size_t real, const std::vector<size_t>& users) {
    for (const size_t other : users) {
      if (other == service) continue;
      Add(ItemPath(ItemPath("services", service) + ".reals", real),
          "service " + Quote(model_.services[other].name) +
              " has this real and port too: a reply of one-packet scheduling does not show which "
              "of "
              "the two it belongs to, so it leaves with the address of the one-packet service that "
              "comes first");
      return;
    }
  }

  void AddUnreachableReals(const ServiceConfig& service, const std::string& path) {
    for (size_t r = 0; r < service.reals.size(); ++r) {
      if (!reach_.Contains(service.reals[r].address)) AddUnreachable(ItemPath(path + "reals", r));
    }
    if (service.fallback && !reach_.Contains(service.fallback->address))
      AddUnreachable(path + "fallback");
  }

  // Paths are made only for what is warned of: there may be 100,000 reals.
  void AddUnreachable(const std::string& path) { Add(path + ".address", kNoWayThere); }

  const ConfigModel& model_;
  const Where& where_;
  const Reach reach_{model_};
  std::map<std::string, std::string> command_faults_;  // by path; empty: it would be run
  std::map<std::string, std::string> plain_faults_;    // likewise
  std::map<NamedTlsFiles, std::optional<FileFault>> tls_faults_;
  std::vector<Error> warnings_;
};

const Warner::Where kAsItIs = [](const std::string& path) { return path; };

}  // namespace

std::vector<Error> FindWarningsOfService(const ConfigModel& model, size_t place) {
  return Warner(model, kAsItIs).RunForService(place);
}

std::vector<Error> FindWarningsOfReal(const ConfigModel& model, const IpAddress& address) {
  return Warner(model, kAsItIs).RunForReal(address);
}

std::vector<Error> FindWarnings(const ConfigModel& model,
                                const std::function<std::string(const std::string&)>& where) {
  return Warner(model, where).Run();
}

}  // namespace fairlead::control
