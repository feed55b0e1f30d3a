// One change by hand under way: a copy of the model to change, and what its reading finds. For
// ApplyEdit alone.
//
//   return std::visit(Editor(before, now), edit);
//
// One function for each kind of edit; they stand by what they edit: edit_services.cc,
// edit_reals.cc, edit_inherited.cc and edit_config.cc. What they share is in editor.cc. Threads:
// pure.
#pragma once

#include <string>
#include <vector>

#include "control/apply_edit.h"
#include "control/config/problems.h"
#include "control/config/yaml_tree.h"

namespace fairlead::control {

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
  EditResult operator()(const StartIpvsSync& edit);
  EditResult operator()(const StopIpvsSync& edit);
  EditResult operator()(const ReplaceConfig& edit);

 private:
  // A service of the model under edit; it is a copy of the one in force.
  struct Service {
    size_t place = 0;
    ServiceConfig* config = nullptr;
    ServiceConfig& operator*() const { return *config; }
    ServiceConfig* operator->() const { return config; }
  };
  using Real = std::vector<RealConfig>::iterator;

  static EditRefusal Refuse(ErrorCode code, std::string sentence) {
    return {code, {{code, std::move(sentence), ""}}};
  }
  bool FindService(const std::string& name, Service* service);
  bool FindReal(Service service, const std::string& name, Real* real);
  // Null, and a refusal, when it is no map.
  const YamlNode* ReadBody(const EditBody& body);
  Service At(size_t place) { return {place, &model_.services.Edit(place)}; }
  static std::string PathOf(const Service& service);
  // Whether a service that stands at `place` has a key or a name of another: a refusal then.
  bool HasTwin(size_t place);
  // Problems with commands that nobody on this machine has listed.
  void CheckCommands(const Service& service);
  // The problems found, `root` cut off their paths; only when there are any.
  bool HasProblems(const std::string& root);
  EditResult Finish(const Service& service, const std::string& real);
  EditResult Finish() { return Edited{TakeIntent()}; }
  Intent TakeIntent();

  const Intent& before_;
  const TimePoint now_;
  ConfigModel model_;
  Overlay overlay_ = before_.overlay;
  Problems problems_{"body"};
  EditRefusal refusal_;  // of the function that returned false
};

}  // namespace fairlead::control
