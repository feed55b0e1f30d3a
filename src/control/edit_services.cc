// Adding, changing and removing services by hand.
#include <algorithm>

#include "control/command_rule.h"
#include "control/config/dump.h"
#include "control/config/merge_patch.h"
#include "control/config/section_readers.h"
#include "control/config/validate.h"
#include "control/editor.h"

namespace fairlead::control {

bool Editor::HasTwin(size_t place) {
  const SharedList<ServiceConfig>& services = model_.services;
  const ServiceConfig& own = services[place];
  for (size_t i = 0; i < services.size(); ++i) {
    if (i == place) continue;
    if (KeyOf(services[i]) == KeyOf(own)) {
      refusal_ = Refuse(ErrorCode::kExists, "There is already the service \"" + services[i].name +
                                                "\" for " + DerivedName(own) +
                                                "; change it, or remove it first");
      return true;
    }
    if (services[i].name == own.name) {
      refusal_ =
          Refuse(ErrorCode::kExists, "The name \"" + own.name + "\" is taken by another service");
      return true;
    }
  }
  return false;
}

void Editor::CheckCommands(const Service& service) {
  const auto earlier = std::ranges::find_if(
      before_.model->services,
      [&](const ServiceConfig& each) { return KeyOf(each) == KeyOf(*service); });
  const bool is_new = earlier == before_.model->services.end();
  control::CheckCommands(*service, is_new ? nullptr : &*earlier, model_.director.scripts,
                         PathOf(service), problems_);
}

EditResult Editor::operator()(const AddService& edit) {
  const YamlNode* const body = ReadBody(edit.body);
  if (body == nullptr) return refusal_;
  model_.services.push_back(ServiceConfig{});
  const Service service = At(model_.services.size() - 1);
  const std::string path = PathOf(service);
  ReadService(MapReader(problems_, *body, path, kServiceSection), model_, *service);
  if (problems_.empty() && HasTwin(service.place)) return refusal_;
  ValidateService(model_, service.place, problems_);
  ValidateTakenAddresses(model_, problems_);
  CheckCommands(service);
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
  DropOtherForward(&base, *patch);
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
  if (problems_.empty() && HasTwin(service.place)) return refusal_;
  ValidateService(model_, service.place, problems_);
  ValidateTakenAddresses(model_, problems_);
  CheckCommands(service);
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

}  // namespace fairlead::control
