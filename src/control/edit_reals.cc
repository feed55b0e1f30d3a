// Adding, changing, draining and removing real servers by hand.
#include <algorithm>

#include "control/config/dump.h"
#include "control/config/merge_patch.h"
#include "control/config/section_readers.h"
#include "control/config/validate.h"
#include "control/config/validate_util.h"
#include "control/editor.h"
#include "control/model_diff.h"

namespace fairlead::control {
namespace {

constexpr Duration kMinDeadline = 1s;
constexpr Duration kMaxDeadline = 24h * 31;
constexpr KeyInfo kDrainKeys[] = {{"deadline"}, {"then_remove"}, {"all"}};
const Section kDrainSection{"", kDrainKeys};

// The API shows the admin state as `admin`; in the file it is `state`.
YamlNode WithAdminRenamed(YamlNode patch) {
  for (YamlKey& key : patch.keys) {
    if (key.text == "admin") key.text = "state";
  }
  return patch;
}

}  // namespace

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
  ValidateTakenAddresses(model_, problems_);
  CheckCommands(service);
  if (HasProblems(path)) return refusal_;
  overlay_.NoteEdit(KeyOf(*service));
  overlay_.ForgetDrain({KeyOf(*service), {added.address, added.port}});
  return Finish(service, NameOf(added));
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
  YamlNode base = TreeOf(DumpOf(old));
  DropOtherForward(&base, patch);
  const YamlNode merged = MergePatch(std::move(base), patch, kRealSection);
  *real = {};
  ReadReal(MapReader(problems_, merged, path, kRealSection), *service, *real);
  if (problems_.empty() && (real->address != old.address || real->port != old.port)) {
    return Refuse(ErrorCode::kInvalid,
                  "Address and port of a real cannot change; add another real and remove this one");
  }
  ValidateService(model_, service.place, problems_);
  ValidateTakenAddresses(model_, problems_);
  CheckCommands(service);
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

}  // namespace fairlead::control
