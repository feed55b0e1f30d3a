#include "control/model_diff.h"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_set>

#include "control/config/keys.h"
#include "control/config/model.h"
#include "control/config/names.h"
#include "control/forward_word.h"
#include "control/identity.h"
#include "control/snat_diff.h"

namespace fairlead::control {
namespace {

class Sentences {
 public:
  explicit Sentences(std::string subject) : subject_(std::move(subject)) {}

  void Add(const std::string& what) {
    list_.push_back(subject_.empty() ? what : subject_ + ": " + what);
  }
  // "what a → b", when they differ.
  void Change(const std::string& what, const std::string& a, const std::string& b) {
    if (a != b) Add(what + " " + a + " → " + b);
  }
  void Change(const std::string& what, uint64_t a, uint64_t b) {
    Change(what, std::to_string(a), std::to_string(b));
  }
  // Each key of a section, with its values where they are words.
  template <typename Config, size_t N>
  void ChangeKeys(const std::string& section, const ConfigKey<Config> (&keys)[N],
                  const Config& before, const Config& after) {
    for (const ConfigKey<Config>& key : keys) {
      if (key.is_equal(before, after)) continue;
      const std::string what = section + "." + std::string(key.name);
      const std::string a = key.text == nullptr ? "" : key.text(before);
      const std::string b = key.text == nullptr ? "" : key.text(after);
      if (IsWord(a) && IsWord(b) && a != b) {
        Change(what, a, b);
      } else {
        Add(what + " changed");
      }
    }
  }
  template <typename T>
  void ChangeIf(const std::string& what, const T& a, const T& b) {
    if (!(a == b)) Add(what + " changed");
  }
  std::vector<std::string> Take() { return std::move(list_); }

 private:
  // SubjectOf takes the last word before the arrow for the value.
  static bool IsWord(const std::string& text) {
    return !text.empty() && text.find(' ') == std::string::npos;
  }

  std::string subject_;
  std::vector<std::string> list_;
};

std::string Word(SchedulerKind kind) { return std::string(ToWord(kind)); }
std::string Word(const Forwarding& forward) { return ForwardWord(forward); }
std::string Word(AdminState state) { return std::string(ToWord(state)); }

std::string Word(bool is_on) { return is_on ? "true" : "false"; }
std::string Word(Announce announce) { return std::string(ToWord(announce)); }
std::string Word(Engine engine) { return std::string(ToWord(engine)); }
std::string Word(const std::optional<OnRemove>& on_remove) {
  return on_remove ? std::string(ToWord(*on_remove)) : "unset";
}
// "http,tcp"; one word.
std::string Word(const std::vector<HealthConfig>& checks) {
  std::string text;
  for (const HealthConfig& check : checks) {
    text += (text.empty() ? "" : ",") + std::string(ToWord(check.type));
  }
  return text.empty() ? "none" : text;
}
std::string Word(const std::optional<std::vector<HealthConfig>>& checks) {
  return checks ? Word(*checks) : "unset";
}

std::string Seconds(Duration duration) {
  const auto ms = duration.count();
  return ms % 1000 == 0 ? std::to_string(ms / 1000) + "s" : std::to_string(ms) + "ms";
}

std::string CountOf(size_t n, const std::string& one, const std::string& many) {
  return std::to_string(n) + " " + (n == 1 ? one : many);
}

std::map<RealIdentity, const RealConfig*> ByKey(const std::vector<RealConfig>& reals) {
  std::map<RealIdentity, const RealConfig*> result;
  for (const RealConfig& real : reals) result[{real.address, real.port}] = &real;
  return result;
}

// With the types of the checks where these differ.
template <typename Checks>
void CompareHealth(const std::string& what, const Checks& before, const Checks& after,
                   Sentences* sentences) {
  if (before == after) return;
  if (Word(before) == Word(after)) {
    sentences->Add(what + " changed");
  } else {
    sentences->Change(what, Word(before), Word(after));
  }
}

void CompareReal(const RealConfig& before, const RealConfig& after, Sentences* sentences) {
  const std::string name = "real " + NameOf(after);
  sentences->Change(name + " weight", before.weight, after.weight);
  sentences->Change(name + " forward", Word(before.forward), Word(after.forward));
  sentences->Change(name + " state", Word(before.state), Word(after.state));
  sentences->Change(name + " upper_threshold", before.upper_threshold, after.upper_threshold);
  sentences->Change(name + " lower_threshold", before.lower_threshold, after.lower_threshold);
  CompareHealth(name + " health", before.health, after.health, sentences);
  sentences->ChangeIf(name + " on_up", before.on_up, after.on_up);
  sentences->ChangeIf(name + " on_down", before.on_down, after.on_down);
}

void CompareReals(const ServiceConfig& before, const ServiceConfig& after, Sentences* sentences) {
  const auto old_reals = ByKey(before.reals);
  const auto new_reals = ByKey(after.reals);
  for (const RealConfig& real : before.reals) {
    if (new_reals.contains({real.address, real.port})) continue;
    sentences->Add("real " + NameOf(real) + " removed");
  }
  std::vector<RealIdentity> old_order, new_order;
  for (const RealConfig& real : after.reals) {
    const auto known = old_reals.find({real.address, real.port});
    if (known == old_reals.end()) {
      sentences->Add("real " + NameOf(real) + " added with weight " + std::to_string(real.weight));
    } else {
      CompareReal(*known->second, real, sentences);
      new_order.push_back(known->first);
    }
  }
  for (const RealConfig& real : before.reals) {
    const RealIdentity key{real.address, real.port};
    if (new_reals.contains(key)) old_order.push_back(key);
  }
  if (old_order != new_order) sentences->Add("order of its reals changed");
}

std::string PersistenceText(const std::optional<PersistenceConfig>& persistence) {
  if (!persistence) return "none";
  return persistence->timeout == kInfinite ? "infinite" : Seconds(persistence->timeout);
}

void ComparePersistence(const PersistenceConfig& before, const PersistenceConfig& after,
                        Sentences* sentences) {
  if (before.mask4 != after.mask4 || before.prefix_length6 != after.prefix_length6 ||
      before.netmasks != after.netmasks || before.client_groups != after.client_groups) {
    sentences->Add(after.rekey == 0ms
                       ? "persistence netmask changed; known clients are scheduled anew"
                       : "persistence netmask changed; known clients keep their reals when they "
                         "come back within " +
                             Seconds(after.rekey));
  }
  const bool has_other_timer = before.renew != after.renew || before.step != after.step ||
                               before.max_lifetime != after.max_lifetime;
  if (has_other_timer) sentences->Add("persistence renewal changed; for new templates");
  sentences->ChangeIf("persistence rekey", before.rekey, after.rekey);
  sentences->ChangeIf("persistence group", before.group, after.group);
  sentences->Change("persistence spread", before.spread, after.spread);
}

std::vector<std::string> CompareService(const ServiceConfig& before, const ServiceConfig& after) {
  Sentences sentences("service " + after.name);
  sentences.Change("name", before.name, after.name);
  sentences.Change("scheduler", Word(before.scheduler), Word(after.scheduler));
  sentences.ChangeIf("scheduler_flags", before.scheduler_flags, after.scheduler_flags);
  if (before.mask4 != after.mask4 || before.prefix_length6 != after.prefix_length6) {
    sentences.Add("netmask changed; other clients hash together from now on");
  }
  sentences.Change("persistence", PersistenceText(before.persistence),
                   PersistenceText(after.persistence));
  if (before.persistence && after.persistence) {
    ComparePersistence(*before.persistence, *after.persistence, &sentences);
  }
  sentences.Change("engine", Word(before.engine), Word(after.engine));
  sentences.Change("one_packet", Word(before.one_packet), Word(after.one_packet));
  sentences.ChangeIf("timeouts", before.timeouts, after.timeouts);
  sentences.ChangeKeys("policy", kServicePolicyKeys, before.policy, after.policy);
  sentences.Change("announce", Word(before.announce), Word(after.announce));
  sentences.Change("on_remove", Word(before.on_remove), Word(after.on_remove));
  CompareHealth("health", before.health, after.health, &sentences);
  sentences.Change("quorum", before.quorum, after.quorum);
  sentences.Change("hysteresis", before.hysteresis, after.hysteresis);
  sentences.ChangeIf("on_up", before.on_up, after.on_up);
  sentences.ChangeIf("on_down", before.on_down, after.on_down);
  sentences.ChangeIf("fallback", before.fallback, after.fallback);
  CompareReals(before, after, &sentences);
  return sentences.Take();
}

using Services = std::vector<const ServiceConfig*>;

// Those of `list` that `other` does not share.
Services NotShared(const SharedList<ServiceConfig>& list, const SharedList<ServiceConfig>& other) {
  size_t first = 0, end = list.size(), other_end = other.size();
  while (first < std::min(end, other_end) && list.item(first) == other.item(first)) ++first;
  while (end > first && other_end > first && list.item(end - 1) == other.item(other_end - 1)) {
    --end;
    --other_end;
  }
  std::unordered_set<const ServiceConfig*> shared;
  for (size_t i = first; i < other_end; ++i) shared.insert(other.item(i).get());
  Services rest;
  for (size_t i = first; i < end; ++i) {
    if (!shared.contains(list.item(i).get())) rest.push_back(list.item(i).get());
  }
  return rest;
}

std::vector<std::string> CompareServices(const ConfigModel& model_before,
                                         const ConfigModel& model_after) {
  const Services before = NotShared(model_before.services, model_after.services);
  const Services after = NotShared(model_after.services, model_before.services);
  std::vector<std::string> all;
  std::map<ServiceIdentity, const ServiceConfig*> old_services;
  for (const ServiceConfig* service : before) old_services[KeyOf(*service)] = service;
  for (const ServiceConfig* item : after) {
    const ServiceConfig& service = *item;
    const auto known = old_services.find(KeyOf(service));
    if (known == old_services.end()) {
      all.push_back("service " + service.name + ": added with " +
                    CountOf(service.reals.size(), "real server", "real servers"));
      continue;
    }
    for (std::string& line : CompareService(*known->second, service)) {
      all.push_back(std::move(line));
    }
    old_services.erase(known);
  }
  for (const ServiceConfig* service : before) {
    if (old_services.contains(KeyOf(*service)))
      all.push_back("service " + service->name + ": removed");
  }
  return all;
}

std::string RouteText(const RouteConfig& route) {
  return "route " + route.to.ToString() + " via " + route.via.ToString();
}

void CompareRoutes(const ConfigModel& before, const ConfigModel& after, Sentences* sentences) {
  if (before.routes == after.routes) return;
  std::set<std::string> old_routes, new_routes;
  for (const RouteConfig& route : before.routes) old_routes.insert(RouteText(route));
  for (const RouteConfig& route : after.routes) new_routes.insert(RouteText(route));
  for (const RouteConfig& route : before.routes) {
    if (!new_routes.contains(RouteText(route))) sentences->Add(RouteText(route) + ": removed");
  }
  for (const RouteConfig& route : after.routes) {
    if (!old_routes.contains(RouteText(route))) sentences->Add(RouteText(route) + ": added");
  }
}

void ComparePrefixSets(const ConfigModel& before, const ConfigModel& after, Sentences* sentences) {
  std::map<std::string, const PrefixSet*> old_sets;
  for (const PrefixSet& set : before.prefix_sets) old_sets[set.name] = &set;
  for (const PrefixSet& set : after.prefix_sets) {
    const auto known = old_sets.find(set.name);
    const std::string name = "prefix set " + set.name;
    if (known == old_sets.end()) {
      sentences->Add(name + ": added with " + CountOf(set.prefixes.size(), "prefix", "prefixes"));
      continue;
    }
    const size_t count = known->second->prefixes.size();
    if (count != set.prefixes.size()) {
      sentences->Change(name + ": prefixes", count, set.prefixes.size());
    } else {
      sentences->ChangeIf(name, *known->second, set);
    }
    old_sets.erase(known);
  }
  for (const auto& [name, set] : old_sets) sentences->Add("prefix set " + name + ": removed");
}

void ComparePeers(const StreamConfig& before, const StreamConfig& after, Sentences* sentences) {
  const auto find = [](const StreamConfig& stream, const std::string& name) {
    return std::ranges::find(stream.peers, name, &SyncPeer::name);
  };
  for (const SyncPeer& peer : before.peers) {
    if (find(after, peer.name) == after.peers.end()) {
      sentences->Add("sync: peer " + peer.name + " removed");
    }
  }
  for (const SyncPeer& peer : after.peers) {
    const auto known = find(before, peer.name);
    const std::string address = peer.address.ToString();
    if (known == before.peers.end()) {
      sentences->Add("sync: peer " + peer.name + " added at " + address);
    } else {
      sentences->Change("sync: peer " + peer.name + " address", known->address.ToString(), address);
    }
  }
  const auto kind = [](const StreamConfig& s) { return s.has_fleet_peers ? "fleet" : "listed"; };
  sentences->Change("sync.peers", kind(before), kind(after));
  if (before.has_peers() && !after.has_peers())
    sentences->Add("sync: off; no director is told of connections any more");
}

// Paths, not what is in the files: those are looked at again without a reload.
void CompareStream(const StreamConfig& before, const StreamConfig& after, Sentences* sentences) {
  const auto change = [&](const std::string& key, std::string StreamConfig::*value) {
    const auto text = [&](const StreamConfig& stream) {
      return (stream.*value).empty() ? std::string("none") : stream.*value;
    };
    sentences->Change("sync." + key, text(before), text(after));
  };
  ComparePeers(before, after, sentences);
  change("name", &StreamConfig::name);
  sentences->Change("sync.listen", before.listen.ToString(), after.listen.ToString());
  change("key_file", &StreamConfig::key_file);
  change("certificate", &StreamConfig::certificate);
  change("key", &StreamConfig::key);
  change("ca", &StreamConfig::ca);
  sentences->Change("sync.ready_lag", Seconds(before.ready_lag), Seconds(after.ready_lag));
  sentences->Change("sync.ready_timeout", Seconds(before.ready_timeout),
                    Seconds(after.ready_timeout));
}

void CompareSync(const SyncConfig& before, const SyncConfig& after, Sentences* sentences) {
  CompareStream(before.stream, after.stream, sentences);
  const auto role_of = [](const SyncConfig& sync) {
    return sync.ipvs ? std::string(ToWord(sync.ipvs->role)) : "off";
  };
  sentences->Change("sync.ipvs.role", role_of(before), role_of(after));
  if (!before.ipvs || !after.ipvs) return;
  IpvsSyncConfig rest = *after.ipvs;
  rest.role = before.ipvs->role;
  sentences->ChangeIf("sync.ipvs", *before.ipvs, rest);
}

// What a sentence is about: all but its values.
std::string SubjectOf(const std::string& sentence) {
  const size_t arrow = sentence.find(" → ");
  if (arrow == std::string::npos) return sentence;
  return sentence.substr(0, sentence.rfind(' ', arrow - 1));
}

}  // namespace

Losses LossesOf(const ConfigModel& file, const ConfigModel& running, const ConfigModel& loaded) {
  Losses losses;
  if (std::vector<std::string> edits = DescribeChanges(file, running); !edits.empty()) {
    std::unordered_set<std::string> undone;
    for (const std::string& sentence : DescribeChanges(loaded, running)) {
      undone.insert(SubjectOf(sentence));
    }
    for (std::string& edit : edits) {
      if (undone.contains(SubjectOf(edit))) losses.edits.push_back(std::move(edit));
    }
  }
  std::set<ServiceIdentity> kept;
  for (const ServiceConfig* service : NotShared(loaded.services, running.services)) {
    kept.insert(KeyOf(*service));
  }
  for (const ServiceConfig* service : NotShared(running.services, loaded.services)) {
    if (!kept.contains(KeyOf(*service))) losses.services.push_back(service->name);
  }
  return losses;
}

std::string NameOf(const RealConfig& real) {
  return Endpoint{real.address, Be16::FromHost(real.port)}.ToString();
}

std::vector<std::string> DescribeChanges(const ConfigModel& before, const ConfigModel& after) {
  std::vector<std::string> all = CompareServices(before, after);
  Sentences sentences("");
  CompareRoutes(before, after, &sentences);
  ComparePrefixSets(before, after, &sentences);
  for (const std::string& line : DescribeSnatChanges(before, after)) sentences.Add(line);
  if (before.classifier.size() != after.classifier.size()) {
    sentences.Change("classifier: rules", before.classifier.size(), after.classifier.size());
  } else {
    sentences.ChangeIf("classifier", before.classifier, after.classifier);
  }
  sentences.ChangeIf("client_groups", before.client_groups, after.client_groups);
  sentences.ChangeKeys("policy", kServicePolicyKeys, before.policy.service, after.policy.service);
  sentences.ChangeKeys("policy", kGlobalPolicyKeys, before.policy, after.policy);
  sentences.ChangeIf("defaults", before.defaults, after.defaults);
  sentences.Change("api.on_reload", std::string(ToWord(before.api.on_reload)),
                   std::string(ToWord(after.api.on_reload)));
  sentences.ChangeIf("mail", before.mail, after.mail);
  CompareSync(before.sync, after.sync, &sentences);
  sentences.Change("log level", std::string(ToWord(before.log.level)),
                   std::string(ToWord(after.log.level)));
  for (std::string& line : sentences.Take()) all.push_back(std::move(line));
  return all;
}

}  // namespace fairlead::control
