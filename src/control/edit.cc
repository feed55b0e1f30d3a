#include "control/edit.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "control/config/dump.h"
#include "control/config/merge_patch.h"
#include "control/config/section_readers.h"
#include "control/config/suggest.h"
#include "control/config/validate.h"
#include "control/config/validate_util.h"
#include "control/model_diff.h"

namespace fairlead::control {
namespace {

// The file that places of errors name: "body:1:12: weight: must be …".
constexpr const char* kBody = "body";

EditRefusal Refuse(ErrorCode code, std::string sentence) {
  return {code, {{code, std::move(sentence), ""}}};
}

std::string Nearest(std::string_view name, const std::vector<std::string_view>& names) {
  const std::string_view close = Suggest(name, names);
  return close.empty() ? "" : "; did you mean \"" + std::string(close) + "\"?";
}

std::optional<size_t> PlaceOf(const ConfigModel& model, const std::string& name) {
  auto found = std::ranges::find(model.services, name, &ServiceConfig::name);
  if (found == model.services.end()) found = std::ranges::find(model.services, name, DerivedName);
  if (found == model.services.end()) return std::nullopt;
  return static_cast<size_t>(found - model.services.begin());
}

// One edit under way: a copy of the model to change, and what its reading finds.
class Editor {
 public:
  Editor(const Intent& before, TimePoint now) : before_(before), now_(now), model_(*before.model) {}

  EditResult operator()(const AddService& edit);
  EditResult operator()(const PatchService& edit);
  EditResult operator()(const RemoveService& edit);
  EditResult operator()(const RemoveAllServices& edit);
  EditResult operator()(const AddReal& edit);
  EditResult operator()(const PatchReal& edit);
  EditResult operator()(const DrainReal& edit);
  EditResult operator()(const RemoveReal& edit);
  EditResult operator()(const PatchTimeouts& edit);
  EditResult operator()(const PatchPolicy& edit);

 private:
  // A service of the model under edit; it is a copy of the one in force.
  struct Service {
    size_t place = 0;
    ServiceConfig* config = nullptr;
    ServiceConfig& operator*() const { return *config; }
    ServiceConfig* operator->() const { return config; }
  };
  using Real = std::vector<RealConfig>::iterator;

  bool FindService(const std::string& name, Service* service);
  bool FindReal(Service service, const std::string& name, Real* real);
  // Null, and a refusal, when it is no map.
  const YamlNode* ReadBody(const EditBody& body);
  Service At(size_t place) { return {place, &model_.services.Edit(place)}; }
  static std::string PathOf(const Service& service) { return ItemPath("services", service.place); }
  // The problems found, `root` cut off their paths; only when there are any.
  bool HasProblems(const std::string& root);
  EditResult Finish(const Service& service, const std::string& real);
  EditResult Finish() { return Edited{TakeIntent()}; }
  Intent TakeIntent();

  const Intent& before_;
  const TimePoint now_;
  ConfigModel model_;
  Overlay overlay_ = before_.overlay;
  Problems problems_{kBody};
  EditRefusal refusal_;  // of the function that returned false
};

bool Editor::FindService(const std::string& name, Service* service) {
  if (const auto place = PlaceOf(model_, name)) {
    *service = At(*place);
    return true;
  }
  std::vector<std::string_view> names;
  for (const ServiceConfig& each : model_.services) names.push_back(each.name);
  refusal_ =
      Refuse(ErrorCode::kNotFound, "There is no service \"" + name + "\"" + Nearest(name, names));
  return false;
}

bool Editor::FindReal(Service service, const std::string& name, Real* real) {
  auto& reals = service->reals;
  *real = std::ranges::find(reals, name, NameOf);
  if (*real != reals.end()) return true;
  const auto endpoint = Endpoint::Parse(name);
  const auto address = IpAddress::Parse(name);
  const auto is_it = [&](const RealConfig& each) {
    if (endpoint) return each.address == endpoint->address && each.port == endpoint->port.host();
    return address && each.address == *address;
  };
  *real = std::ranges::find_if(reals, is_it);
  const auto count = std::ranges::count_if(reals, is_it);
  if (count == 1) return true;
  const std::string where = " in service \"" + service->name + "\"";
  if (count > 1) {
    refusal_ = Refuse(ErrorCode::kInvalid, "\"" + name + "\" means more than one real" + where +
                                               "; add the port, for instance " + NameOf(**real));
    return false;
  }
  std::vector<std::string> names;
  for (const RealConfig& each : reals) names.push_back(NameOf(each));
  refusal_ = Refuse(ErrorCode::kNotFound, "There is no real \"" + name + "\"" + where +
                                              Nearest(name, {names.begin(), names.end()}));
  return false;
}

const YamlNode* Editor::ReadBody(const EditBody& body) {
  problems_ = body.problems();
  const std::optional<YamlNode>& tree = body.tree();
  if (tree && tree->kind == YamlNode::Kind::kNull) {
    problems_.Add("", "is empty; write {} when there is nothing to say");
  } else if (tree && !tree->is_map() && tree->kind != YamlNode::Kind::kBroken) {
    problems_.Add("", tree->mark, WrongValue(*tree, "a map of keys and values").message);
  }
  return HasProblems("") ? nullptr : &*tree;
}

// "body:1:3: services[4].reals[0].weight" → "body:1:3: reals[0].weight"
void CutRoot(const std::string& root, std::string* place) {
  const size_t at = place->find(root);
  if (root.empty() || at == std::string::npos) return;
  size_t length = root.size();
  if (at + length < place->size() && (*place)[at + length] == '.') ++length;
  place->erase(at, length);
  if (place->ends_with(": ")) place->resize(place->size() - 2);
}

bool Editor::HasProblems(const std::string& root) {
  if (problems_.empty()) return false;
  refusal_ = {ErrorCode::kInvalid, problems_.Take()};
  for (Error& error : refusal_.errors) CutRoot(root, &error.place);
  return true;
}

Intent Editor::TakeIntent() {
  return {std::make_shared<const ConfigModel>(std::move(model_)), std::move(overlay_),
          before_.file_model()};
}

EditResult Editor::Finish(const Service& service, const std::string& real) {
  const std::string name = service->name;
  return Edited{TakeIntent(), name, real};
}

// ---- services ---------------------------------------------------------------------------------

// Whether a service that stands at `place` has a key or a name of another.
std::optional<EditRefusal> FindTwin(const SharedList<ServiceConfig>& services, size_t place) {
  const ServiceConfig& own = services[place];
  for (size_t i = 0; i < services.size(); ++i) {
    if (i == place) continue;
    if (KeyOf(services[i]) == KeyOf(own)) {
      return Refuse(ErrorCode::kExists, "There is already the service \"" + services[i].name +
                                            "\" for " + DerivedName(own) +
                                            "; change it, or remove it first");
    }
    if (services[i].name == own.name) {
      return Refuse(ErrorCode::kExists,
                    "The name \"" + own.name + "\" is taken by another service");
    }
  }
  return std::nullopt;
}

EditResult Editor::operator()(const AddService& edit) {
  const YamlNode* const body = ReadBody(edit.body);
  if (body == nullptr) return refusal_;
  model_.services.push_back(ServiceConfig{});
  const Service service = At(model_.services.size() - 1);
  const std::string path = PathOf(service);
  ReadService(MapReader(problems_, *body, path, kServiceSection), model_, *service);
  if (problems_.empty()) {
    if (auto twin = FindTwin(model_.services, service.place)) return *twin;
  }
  ValidateService(model_, service.place, problems_);
  if (HasProblems(path)) return refusal_;
  return Finish(service, "");
}

EditResult Editor::operator()(const PatchService& edit) {
  Service service;
  if (!FindService(edit.service, &service)) return refusal_;
  const YamlNode* const patch = ReadBody(edit.body);
  if (patch == nullptr) return refusal_;
  const ServiceConfig old = *service;
  // A list is patched as a whole or not at all: thousands of reals need not be parsed for that.
  ServiceConfig without_reals = old;
  without_reals.reals.clear();
  YamlNode base = TreeOf(DumpOf(without_reals));
  // Flags belong to their scheduler, so they go with it, and what they need with them.
  const YamlNode* const scheduler = FindKey(*patch, "scheduler");
  if (scheduler != nullptr && scheduler->text != ToWord(old.scheduler)) {
    for (const char* key : {"scheduler_flags", "netmask", "netmask6"}) EraseKey(&base, key);
  }
  const YamlNode merged = MergePatch(std::move(base), *patch, kServiceSection);
  const std::string path = PathOf(service);
  *service = {};
  ReadService(MapReader(problems_, merged, path, kServiceSection), model_, *service);
  const bool has_reals = FindKey(*patch, "reals") != nullptr;
  if (!has_reals) service->reals = old.reals;
  if (problems_.empty() && KeyOf(*service) != KeyOf(old)) {
    return Refuse(ErrorCode::kInvalid,
                  "What a service is for (address, protocol and port, or mark and family) cannot "
                  "change; add another service and remove this one");
  }
  if (problems_.empty()) {
    if (auto twin = FindTwin(model_.services, service.place)) return *twin;
  }
  ValidateService(model_, service.place, problems_);
  if (HasProblems(path)) return refusal_;
  // Whoever lists the reals sets their states: deadlines are taken back, as by PatchReal.
  if (has_reals) {
    const ServiceIdentity key = KeyOf(*service);
    for (const RealConfig& real : old.reals) overlay_.ForgetDrain({key, {real.address, real.port}});
  }
  return Finish(service, "");
}

EditResult Editor::operator()(const RemoveService& edit) {
  Service service;
  if (!FindService(edit.service, &service)) return refusal_;
  const std::string name = service->name;
  overlay_.Forget(KeyOf(*service));
  model_.services.Remove(service.place);
  return Edited{TakeIntent(), name};
}

EditResult Editor::operator()(const RemoveAllServices&) {
  model_.services.clear();
  overlay_ = {};
  return Finish();
}

// ---- reals ------------------------------------------------------------------------------------

EditResult Editor::operator()(const AddReal& edit) {
  Service service;
  if (!FindService(edit.service, &service)) return refusal_;
  const YamlNode* const body = ReadBody(edit.body);
  if (body == nullptr) return refusal_;
  RealConfig added;
  const std::string path = ItemPath(PathOf(service) + ".reals", service->reals.size());
  ReadReal(MapReader(problems_, *body, path, kRealSection), *service, added);
  const bool is_there = std::ranges::any_of(service->reals, [&](const RealConfig& real) {
    return real.address == added.address && real.port == added.port;
  });
  if (problems_.empty() && is_there) {
    return Refuse(ErrorCode::kExists, "Service \"" + service->name + "\" has the real " +
                                          NameOf(added) +
                                          " already; change it, or remove it first");
  }
  service->reals.push_back(added);
  ValidateService(model_, service.place, problems_);
  if (HasProblems(path)) return refusal_;
  overlay_.NoteEdit(KeyOf(*service));
  overlay_.ForgetDrain({KeyOf(*service), {added.address, added.port}});
  return Finish(service, NameOf(added));
}

// The API shows the admin state as `admin`; in the file it is `state`.
YamlNode WithAdminRenamed(YamlNode patch) {
  for (YamlKey& key : patch.keys) {
    if (key.text == "admin") key.text = "state";
  }
  return patch;
}

EditResult Editor::operator()(const PatchReal& edit) {
  Service service;
  Real real;
  if (!FindService(edit.service, &service)) return refusal_;
  if (!FindReal(service, edit.real, &real)) return refusal_;
  const YamlNode* const sent = ReadBody(edit.body);
  if (sent == nullptr) return refusal_;
  const YamlNode patch = WithAdminRenamed(*sent);
  const RealConfig old = *real;
  const std::string path =
      ItemPath(PathOf(service) + ".reals", static_cast<size_t>(real - service->reals.begin()));
  const YamlNode merged = MergePatch(TreeOf(DumpOf(old)), patch, kRealSection);
  *real = {};
  ReadReal(MapReader(problems_, merged, path, kRealSection), *service, *real);
  if (problems_.empty() && (real->address != old.address || real->port != old.port)) {
    return Refuse(ErrorCode::kInvalid,
                  "Address and port of a real cannot change; add another real and remove this one");
  }
  ValidateService(model_, service.place, problems_);
  if (HasProblems(path)) return refusal_;
  const ServiceIdentity key = KeyOf(*service);
  const Overlay::Key real_key{key, {real->address, real->port}};
  if (real->weight > 0) {
    overlay_.SetLastWeight(real_key, 0);
  } else if (old.weight > 0) {
    overlay_.SetLastWeight(real_key, static_cast<int32_t>(old.weight));
  }
  // Whoever sets the state, to drain included, takes a deadline back.
  if (FindKey(patch, "state") != nullptr) overlay_.ForgetDrain(real_key);
  overlay_.NoteEdit(key);
  return Finish(service, NameOf(*real));
}

constexpr Duration kMinDeadline = 1s;
constexpr Duration kMaxDeadline = 24h * 31;
constexpr KeyInfo kDrainKeys[] = {{"deadline"}, {"then_remove"}, {"all"}};
const Section kDrainSection{"", kDrainKeys};

EditResult Editor::operator()(const DrainReal& edit) {
  Service service;
  Real real;
  if (!FindService(edit.service, &service)) return refusal_;
  if (!FindReal(service, edit.real, &real)) return refusal_;
  const EditBody nothing("{}");
  const YamlNode* const body = ReadBody(edit.body.text().empty() ? nothing : edit.body);
  if (body == nullptr) return refusal_;
  MapReader reader(problems_, *body, "", kDrainSection);
  const Overlay::Key key{KeyOf(*service), {real->address, real->port}};
  // Asked for again: what is not said stays as it is.
  const DrainPlan* const before = overlay_.FindDrain(key);
  DrainPlan plan = before == nullptr ? DrainPlan{} : *before;
  Duration deadline{};
  if (reader.Time("deadline", &deadline, kMinDeadline, kMaxDeadline)) {
    plan.until = now_ + deadline;
    plan.is_over = false;
  }
  reader.Bool("then_remove", &plan.then_remove);
  reader.Bool("all", &plan.waits_for_all);
  if (HasProblems("")) return refusal_;
  real->state = AdminState::kDrain;
  overlay_.SetDrain(key, plan);
  overlay_.NoteEdit(KeyOf(*service));
  return Finish(service, NameOf(*real));
}

EditResult Editor::operator()(const RemoveReal& edit) {
  Service service;
  Real real;
  if (!FindService(edit.service, &service)) return refusal_;
  if (!FindReal(service, edit.real, &real)) return refusal_;
  const std::string name = NameOf(*real);
  const ServiceIdentity key = KeyOf(*service);
  overlay_.SetLastWeight({key, {real->address, real->port}}, 0);
  overlay_.ForgetDrain({key, {real->address, real->port}});
  overlay_.NoteEdit(key);
  service->reals.erase(real);  // which cannot make a model invalid
  return Finish(service, name);
}

// ---- what services inherit --------------------------------------------------------------------

EditResult Editor::operator()(const PatchTimeouts& edit) {
  using T = TimeoutsConfig;
  static constexpr Duration T::*kKeys[] = {&T::tcp,        &T::tcp_fin,  &T::udp,       &T::none,
                                           &T::syn_sent,   &T::syn_recv, &T::time_wait, &T::close,
                                           &T::close_wait, &T::last_ack, &T::listen,    &T::synack};
  static_assert(sizeof(T) == std::size(kKeys) * sizeof(Duration));
  const YamlNode* const patch = ReadBody(edit.body);
  if (patch == nullptr) return refusal_;
  const TimeoutsConfig old = model_.defaults.timeouts;
  const YamlNode merged = MergePatch(TreeOf(DumpOf(old)), *patch, kTimeoutsSection);
  TimeoutsConfig now;
  ReadTimeoutsMap(MapReader(problems_, merged, "", kTimeoutsSection), now);
  if (HasProblems("")) return refusal_;
  model_.defaults.timeouts = now;
  for (size_t i = 0; i < model_.services.size(); ++i) {
    TimeoutsConfig timeouts = model_.services[i].timeouts;
    for (const auto key : kKeys) {
      if (timeouts.*key == old.*key) timeouts.*key = now.*key;
    }
    if (timeouts != model_.services[i].timeouts) model_.services.Edit(i).timeouts = timeouts;
  }
  return Finish();
}

// The policy of a service with the new global value of every key that had the old one.
ServicePolicy Inherit(const ServicePolicy& own, const YamlNode& old, const YamlNode& now) {
  YamlNode tree = TreeOf(DumpOf(own));
  for (size_t i = 0; i < tree.keys.size(); ++i) {
    const YamlNode* const before = FindKey(old, tree.keys[i].text);
    const YamlNode* const after = FindKey(now, tree.keys[i].text);
    if (before == nullptr || after == nullptr || before->text != tree.items[i].text) continue;
    tree.items[i] = *after;
  }
  Problems problems("");
  MapReader reader(problems, tree, "", kServicePolicySection);
  ServicePolicy inherited = own;
  ReadServicePolicy(reader, inherited);
  return inherited;
}

EditResult Editor::operator()(const PatchPolicy& edit) {
  const YamlNode* const patch = ReadBody(edit.body);
  if (patch == nullptr) return refusal_;
  const PolicyConfig old = model_.policy;
  const YamlNode merged = MergePatch(TreeOf(DumpOf(old)), *patch, kPolicySection);
  PolicyConfig now;
  ReadPolicy(MapReader(problems_, merged, "", kPolicySection), now);
  if (HasProblems("")) return refusal_;
  model_.policy = now;
  const YamlNode old_tree = TreeOf(DumpOf(old.service));
  const YamlNode new_tree = TreeOf(DumpOf(now.service));
  // Of thousands of services most have the same.
  std::vector<std::pair<ServicePolicy, ServicePolicy>> known;
  const auto inherit = [&](const ServicePolicy& own) {
    const auto found = std::ranges::find(known, own, &decltype(known)::value_type::first);
    if (found != known.end()) return found->second;
    return known.emplace_back(own, Inherit(own, old_tree, new_tree)).second;
  };
  for (size_t i = 0; i < model_.services.size(); ++i) {
    const ServiceConfig& service = model_.services[i];
    const ServicePolicy policy = inherit(service.policy);
    const Announce announce = service.announce == old.announce ? now.announce : service.announce;
    if (policy == service.policy && announce == service.announce) continue;
    ServiceConfig& edited = model_.services.Edit(i);
    edited.policy = policy;
    edited.announce = announce;
  }
  return Finish();
}

}  // namespace

EditBody::EditBody(const std::string& text) {
  auto parsed = std::make_shared<Parsed>(Parsed{text, {}, Problems(kBody)});
  parsed->tree = ParseYaml(text, parsed->problems, 1, kBodyLimits);
  parsed_ = std::move(parsed);
}

const ServiceConfig* FindService(const ConfigModel& model, const std::string& name) {
  const auto place = PlaceOf(model, name);
  return place ? &model.services[*place] : nullptr;
}

EditResult ApplyEdit(const Edit& edit, const Intent& before, TimePoint now) {
  return std::visit(Editor(before, now), edit);
}

}  // namespace fairlead::control
