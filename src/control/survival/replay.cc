#include "control/survival/replay.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "control/command_rule.h"
#include "control/config/dump.h"
#include "control/config/map_reader.h"
#include "control/config/section_readers.h"
#include "control/config/validate.h"
#include "control/config/yaml_tree.h"
#include "control/survival/merge_service.h"

namespace fairlead::control {
namespace {

using ServiceItem = SharedList<ServiceConfig>::Item;

// The tree of a stored text, or why there is none.
std::optional<YamlNode> Parse(const std::string& text, Problems* problems) {
  auto tree = ParseYaml(text, *problems);
  if (tree && !tree->is_map()) problems->Add("", "is not a map");
  if (!problems->empty()) return std::nullopt;
  return tree;
}

// None, and the first problem, when the text is not of such a section.
template <typename Config, typename Read>
std::optional<Config> ConfigFrom(const std::string& text, const Section& section, Read read,
                                 std::string* problem) {
  Problems problems("stored");
  Config config;
  const auto tree = Parse(text, &problems);
  if (tree) read(MapReader(problems, *tree, "", section), config);
  if (problems.empty()) return config;
  *problem = problems.Take().front().ToString();
  return std::nullopt;
}

// Builds the model: the file's, with what was changed by hand.
class Replayer {
 public:
  Replayer(const StoredIntent& stored, const ConfigModel& file)
      : stored_(stored), file_(file), model_(file) {
    for (size_t i = 0; i < file.services.size(); ++i) {
      slots_.push_back({file.services.item(i), std::nullopt});
    }
  }

  Replayed Run() {
    MergeShared();
    MergeIpvsSync();
    std::map<ServiceIdentity, size_t> places;
    for (size_t i = 0; i < slots_.size(); ++i) places.emplace(KeyOf(*slots_[i].service), i);
    for (const StoredIntent::Service& edit : stored_.services) {
      const auto it = places.find(edit.key);
      Apply(edit, it == places.end() ? nullptr : &slots_[it->second]);
    }
    Place();
    DropInvalid();
    return {.intent = {.model = std::make_shared<const ConfigModel>(std::move(model_))},
            .kept = kept_,
            .dropped = std::move(dropped_)};
  }

 private:
  struct Slot {
    ServiceItem service;            // null: removed by hand
    std::optional<uint32_t> place;  // in the list that was in force, when it was changed by hand
  };
  using OfFile = std::set<const ServiceConfig*>;
  using FileItems = std::map<ServiceIdentity, ServiceItem>;

  void Drop(const std::string& subject, const std::string& why) {
    dropped_.push_back(subject + ": " + why);
  }
  void DropAll(const std::string& subject, const std::vector<std::string>& whys) {
    for (const std::string& why : whys) Drop(subject, why);
  }

  // defaults.timeouts and policy.
  void MergeShared() {
    std::string problem;
    std::vector<std::string> conflicts;
    const auto merge = [&](const char* subject, const StoredIntent::Pair& texts, auto* config,
                           const Section& section, auto read, auto merge_both) {
      if (texts.running.empty()) return;
      using Config = std::remove_pointer_t<decltype(config)>;
      const auto before = ConfigFrom<Config>(texts.file, section, read, &problem);
      const auto running = ConfigFrom<Config>(texts.running, section, read, &problem);
      if (!before || !running) return Drop(subject, problem);
      *config = merge_both(*before, *running, *config, &conflicts);
      DropAll(subject, std::exchange(conflicts, {}));
      ++kept_;
    };
    merge(
        "defaults.timeouts", stored_.timeouts, &model_.defaults.timeouts, kTimeoutsSection,
        [](MapReader reader, TimeoutsConfig& to) { ReadTimeoutsMap(reader, to); }, MergeTimeouts);
    merge(
        "policy", stored_.policy, &model_.policy, kPolicySection,
        [](MapReader reader, PolicyConfig& to) { ReadPolicy(reader, to); }, MergePolicy);
  }

  // As a whole: half of what one side wants is what neither does.
  void MergeIpvsSync() {
    const StoredIntent::Pair& texts = stored_.ipvs_sync;
    if (texts == StoredIntent::Pair{}) return;
    std::string problem;
    const auto config_of = [&](const std::string& text) -> std::optional<IpvsSyncConfig> {
      if (text.empty()) return std::nullopt;
      return ConfigFrom<IpvsSyncConfig>(
          text, kIpvsSyncSection,
          [](MapReader reader, IpvsSyncConfig& to) { ReadIpvsSync(reader, to); }, &problem);
    };
    const auto before = config_of(texts.file), running = config_of(texts.running);
    std::optional<IpvsSyncConfig>& now = model_.sync.ipvs;
    if (!problem.empty()) return Drop("sync.ipvs", problem);
    if (now == running) return;
    if (now != before) return Drop("sync.ipvs", "was changed in the file as well");
    now = running;
    ++kept_;
  }

  std::optional<ServiceConfig> ServiceFrom(const std::string& text, std::string* problem) const {
    const auto read = [this](MapReader reader, ServiceConfig& to) {
      ReadService(reader, file_, to);
    };
    return ConfigFrom<ServiceConfig>(text, kServiceSection, read, problem);
  }

  // `now`: the service in the file; null: the file has none.
  void Apply(const StoredIntent::Service& edit, Slot* now) {
    std::string problem;
    std::optional<ServiceConfig> before, running;
    if (!edit.text.file.empty()) before = ServiceFrom(edit.text.file, &problem);
    if (!edit.text.running.empty()) running = ServiceFrom(edit.text.running, &problem);
    const ServiceConfig* const named = now != nullptr ? now->service.get()
                                       : running      ? &*running
                                                      : nullptr;
    const std::string subject = "service " + (named == nullptr ? "" : named->name);
    if (!problem.empty()) return Drop(subject, problem);
    if (!running) {
      if (now != nullptr) Remove(subject, before, now);
    } else if (!before) {
      Add(subject, *std::move(running), edit.place, now);
    } else if (now == nullptr) {
      if (*running != *before) Drop(subject, "was removed from the file");
    } else {
      Change(subject, *before, *std::move(running), edit.place, now);
    }
  }

  void Remove(const std::string& subject, const std::optional<ServiceConfig>& before, Slot* now) {
    if (before && *before != *now->service) {
      return Drop(subject, "was removed by hand and changed in the file");
    }
    now->service = nullptr;
    ++kept_;
  }

  void Add(const std::string& subject, ServiceConfig running, uint32_t place, Slot* now) {
    if (now != nullptr) {
      if (running != *now->service) Drop(subject, "was added in the file as well");
      return;
    }
    added_.push_back({std::make_shared<const ServiceConfig>(std::move(running)), place});
    ++kept_;
  }

  void Change(const std::string& subject, const ServiceConfig& before, ServiceConfig running,
              uint32_t place, Slot* now) {
    now->place = place;
    std::vector<std::string> conflicts;
    ServiceConfig merged = *now->service == before
                               ? std::move(running)
                               : MergeService(before, running, *now->service, &conflicts);
    DropAll(subject, conflicts);
    if (merged == *now->service && merged != before) return;  // nothing is left of the change
    now->service = std::make_shared<const ServiceConfig>(std::move(merged));
    ++kept_;
  }

  // Over a file with as many services as before, what was changed by hand stands where it stood;
  // otherwise where the file has it, and what was added stands at the end.
  void Place() {
    std::vector<Slot> all;
    for (Slot& slot : slots_) {
      if (slot.service != nullptr) all.push_back(std::move(slot));
    }
    for (Slot& slot : added_) all.push_back(std::move(slot));
    if (file_.services.size() == stored_.file_services) {
      std::vector<Slot> ordered(all.size());
      std::vector<bool> is_taken(all.size());
      for (Slot& slot : all) {
        if (!slot.place || *slot.place >= all.size() || is_taken[*slot.place]) {
          slot.place.reset();
          continue;
        }
        is_taken[*slot.place] = true;
        ordered[*slot.place].service = slot.service;
      }
      size_t next = 0;
      for (Slot& slot : all) {
        if (slot.place) continue;
        while (is_taken[next]) ++next;
        ordered[next++].service = std::move(slot.service);
      }
      all = std::move(ordered);
    }
    model_.services.clear();
    for (Slot& slot : all) model_.services.push_back(std::move(slot.service));
  }

  // What a change by hand would be refused for. Services of the file itself are right.
  void DropInvalid() {
    OfFile of_file;
    FileItems file_items;
    for (size_t i = 0; i < file_.services.size(); ++i) {
      of_file.insert(file_.services.item(i).get());
      file_items.emplace(KeyOf(file_.services[i]), file_.services.item(i));
    }
    DropInvalidServices(of_file, file_items);
    DropTakenAddresses(of_file, file_items);
    if (AreDistinct(model_.services)) return;
    // What was taken back has the name of something that was added.
    for (const ServiceConfig& service : model_.services)
      kept_ -= of_file.contains(&service) ? 0 : 1;
    model_.services = file_.services;
    Drop("services", "the changes that are left do not go together");
  }

  void DropInvalidServices(const OfFile& of_file, const FileItems& file_items) {
    std::map<std::string, size_t> names;
    for (const ServiceConfig& service : model_.services) ++names[service.name];
    for (size_t i = 0; i < model_.services.size();) {
      const ServiceItem service = model_.services.item(i);
      const auto original = file_items.find(KeyOf(*service));
      std::string why =
          of_file.contains(service.get())
              ? ""
              : ProblemOf(i, original == file_items.end() ? nullptr : original->second.get());
      if (why.empty() && !of_file.contains(service.get()) && names[service->name] > 1) {
        why = "another service has this name";
      }
      if (why.empty()) {
        ++i;
        continue;
      }
      Drop("service " + service->name, why);
      --kept_;
      --names[service->name];
      if (original == file_items.end()) {
        model_.services.Remove(i);
      } else {
        ++names[original->second->name];
        model_.services.Set(i++, original->second);
      }
    }
  }

  // Whose local addresses or real servers are somebody else's by now, or who has become somebody
  // else: one of source NAT too. One service does not show that, so they are laid over those of the
  // file one by one; seldom is it needed.
  void DropTakenAddresses(const OfFile& of_file, const FileItems& file_items) {
    if (ProblemOfAddresses().empty()) return;
    std::vector<ServiceItem> changed, all;  // null in `all`: left out
    for (size_t i = 0; i < model_.services.size(); ++i) {
      ServiceItem item = model_.services.item(i);
      if (!of_file.contains(item.get())) {
        const auto original = file_items.find(KeyOf(*item));
        changed.push_back(
            std::exchange(item, original == file_items.end() ? nullptr : original->second));
      } else {
        changed.push_back(nullptr);
      }
      all.push_back(std::move(item));
    }
    const auto take_up = [&] {
      model_.services.clear();
      for (const ServiceItem& item : all) {
        if (item != nullptr) model_.services.push_back(item);
      }
    };
    for (size_t i = 0; i < all.size(); ++i) {
      if (changed[i] == nullptr) continue;
      const ServiceItem original = std::exchange(all[i], changed[i]);
      take_up();
      const std::string why = ProblemOfAddresses();
      if (why.empty()) continue;
      Drop("service " + changed[i]->name, why);
      --kept_;
      all[i] = original;
    }
    take_up();
  }

  [[nodiscard]] std::string ProblemOfAddresses() const {
    Problems problems("stored");
    ValidateTakenAddresses(model_, problems);
    return problems.empty() ? "" : problems.Take().front().ToString();
  }

  // `of_file`: the file's service with the same key; null: there is none.
  [[nodiscard]] std::string ProblemOf(size_t place, const ServiceConfig* of_file) const {
    Problems problems("stored");
    ValidateService(model_, place, problems);
    CheckCommands(model_.services[place], of_file, file_.director.scripts,
                  "services[" + std::to_string(place) + "]", problems);
    return problems.empty() ? "" : problems.Take().front().ToString();
  }

  const StoredIntent& stored_;
  const ConfigModel& file_;
  ConfigModel model_;
  std::vector<Slot> slots_, added_;
  size_t kept_ = 0;
  std::vector<std::string> dropped_;
};

// Of reals that still are what the overlay is about.
Overlay OverlayFrom(const StoredIntent& stored, const ConfigModel& model,
                    const ReplayClock& clock) {
  std::map<Overlay::Key, const RealConfig*> reals;
  if (!stored.drains.empty() || !stored.last_weights.empty()) {
    for (const ServiceConfig& service : model.services) {
      for (const RealConfig& real : service.reals) {
        reals.emplace(Overlay::Key{KeyOf(service), {real.address, real.port}}, &real);
      }
    }
  }
  Overlay overlay;
  for (const auto& [key, weight] : stored.last_weights) {
    const auto real = reals.find(key);
    if (real != reals.end() && real->second->weight == 0) overlay.SetLastWeight(key, weight);
  }
  for (const auto& [key, plan] : stored.drains) {
    const auto real = reals.find(key);
    if (real == reals.end() || real->second->state != AdminState::kDrain) continue;
    DrainPlan kept = plan;
    if (kept.until && !clock.is_same_boot) kept.until = clock.now;
    overlay.SetDrain(key, kept);
  }
  return overlay;
}

}  // namespace

Replayed Replay(const StoredIntent& stored, std::shared_ptr<const ConfigModel> file,
                const ReplayClock& clock) {
  const bool is_changed = !stored.services.empty() || !stored.timeouts.running.empty() ||
                          !stored.policy.running.empty() ||
                          stored.ipvs_sync != StoredIntent::Pair{};
  Replayed replayed;
  if (is_changed) replayed = Replayer(stored, *file).Run();
  if (is_changed && *replayed.intent.model != *file) {
    replayed.intent.file = std::move(file);
  } else {
    replayed.intent.model = std::move(file);
  }
  replayed.intent.overlay = OverlayFrom(stored, *replayed.intent.model, clock);
  return replayed;
}

// ---- writing down -----------------------------------------------------------------------------

std::string ChangesByHand::TextOf(const Item& service) {
  if (const auto next = next_texts_.find(service.get()); next != next_texts_.end()) {
    return next->second.text;
  }
  const auto known = texts_.find(service.get());
  std::string text = known == texts_.end() ? DumpOf(*service) : std::move(known->second.text);
  next_texts_.emplace(service.get(), Text{service, text});
  return text;
}

void ChangesByHand::Describe(const Intent& intent, StoredIntent* stored) {
  const ConfigModel& running = *intent.model;
  const ConfigModel& file = *intent.file_model();
  next_texts_.clear();
  stored->file_services = static_cast<uint32_t>(file.services.size());
  std::set<const ServiceConfig*> in_running;
  for (size_t i = 0; i < running.services.size(); ++i) {
    in_running.insert(running.services.item(i).get());
  }
  std::map<ServiceIdentity, StoredIntent::Service> changed;
  std::set<const ServiceConfig*> in_file;
  for (size_t i = 0; i < file.services.size(); ++i) {
    const Item& item = file.services.item(i);
    in_file.insert(item.get());
    if (in_running.contains(item.get())) continue;
    const ServiceIdentity key = KeyOf(*item);
    changed[key] = {.key = key, .place = 0, .text = {TextOf(item), ""}};
  }
  for (size_t i = 0; i < running.services.size(); ++i) {
    const Item& item = running.services.item(i);
    if (in_file.contains(item.get())) continue;
    StoredIntent::Service& service = changed[KeyOf(*item)];
    service.key = KeyOf(*item);
    service.place = static_cast<uint32_t>(i);
    service.text.running = TextOf(item);
  }
  stored->services.clear();
  for (auto& [key, service] : changed) stored->services.push_back(std::move(service));
  stored->timeouts = stored->policy = {};
  if (running.defaults.timeouts != file.defaults.timeouts) {
    stored->timeouts = {DumpOf(file.defaults.timeouts), DumpOf(running.defaults.timeouts)};
  }
  if (running.policy != file.policy) {
    stored->policy = {DumpOf(file.policy), DumpOf(running.policy)};
  }
  stored->ipvs_sync = {};
  if (running.sync.ipvs != file.sync.ipvs) {
    const auto text_of = [](const std::optional<IpvsSyncConfig>& sync) {
      return sync ? DumpOf(*sync) : std::string();
    };
    stored->ipvs_sync = {text_of(file.sync.ipvs), text_of(running.sync.ipvs)};
  }
  const Overlay& overlay = intent.overlay;
  stored->last_weights.assign(overlay.last_weights().begin(), overlay.last_weights().end());
  stored->drains.assign(overlay.drains().begin(), overlay.drains().end());
  texts_.swap(next_texts_);
}

}  // namespace fairlead::control
