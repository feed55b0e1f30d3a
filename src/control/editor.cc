#include "control/editor.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "control/config/scalar_reader.h"
#include "control/config/section_readers.h"
#include "control/config/suggest.h"
#include "control/config/validate_util.h"
#include "control/model_diff.h"

namespace fairlead::control {
namespace {

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

// "body:1:3: services[4].reals[0].weight" → "body:1:3: reals[0].weight"
void CutRoot(const std::string& root, std::string* place) {
  const size_t at = place->find(root);
  if (root.empty() || at == std::string::npos) return;
  size_t length = root.size();
  if (at + length < place->size() && (*place)[at + length] == '.') ++length;
  place->erase(at, length);
  if (place->ends_with(": ")) place->resize(place->size() - 2);
}

}  // namespace

std::string Editor::PathOf(const Service& service) { return ItemPath("services", service.place); }

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
  const YamlNode* const tree = body.tree();
  if (tree != nullptr && tree->kind == YamlNode::Kind::kNull) {
    problems_.Add("", "is empty; write {} when there is nothing to say");
  } else if (tree != nullptr && !tree->is_map() && tree->kind != YamlNode::Kind::kBroken) {
    problems_.Add("", tree->mark, WrongValue(*tree, "a map of keys and values").message);
  }
  return HasProblems("") ? nullptr : tree;
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

const ServiceConfig* FindService(const ConfigModel& model, const std::string& name) {
  const auto place = PlaceOf(model, name);
  return place ? &model.services[*place] : nullptr;
}

EditResult ApplyEdit(const Edit& edit, const Intent& before, TimePoint now) {
  return std::visit(Editor(before, now), edit);
}

}  // namespace fairlead::control
