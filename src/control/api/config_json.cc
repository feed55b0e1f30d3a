#include "control/api/config_json.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <set>
#include <string_view>

#include "control/config/dump.h"
#include "control/config/merge_patch.h"
#include "control/config/model.h"
#include "control/config/schema.h"
#include "control/config/units.h"
#include "control/edit.h"
#include "control/view.h"

namespace fairlead::api {

namespace json = boost::json;
using control::YamlNode;

namespace {

// Of these a value is text also when it looks like something else.
bool IsText(std::string_view key) {
  static const std::set<std::string_view> texts = [] {
    std::set<std::string_view> names;
    for (const control::Section* section : control::AllSections()) {
      for (const control::KeyInfo& each : section->keys) {
        if (each.is_text) names.insert(each.name);
      }
    }
    return names;
  }();
  return texts.contains(key);
}

// `key`: that the value, or the list it is in, belongs to.
json::value ToJson(const YamlNode& node, std::string_view key) {
  switch (node.kind) {
    case YamlNode::Kind::kMap: {
      json::object object;
      for (size_t i = 0; i < node.keys.size(); ++i) {
        object[node.keys[i].text] = ToJson(node.items[i], node.keys[i].text);
      }
      return object;
    }
    case YamlNode::Kind::kList: {
      json::array array;
      for (const YamlNode& item : node.items) array.push_back(ToJson(item, key));
      return array;
    }
    case YamlNode::Kind::kScalar:
      if (!node.is_quoted && !IsText(key)) {
        if (node.text == "true" || node.text == "false") return node.text == "true";
        if (const auto number = control::ParseDigits(node.text)) return *number;
      }
      return json::value(node.text);
    case YamlNode::Kind::kNull:
    case YamlNode::Kind::kBroken:
      break;
  }
  return nullptr;
}

const control::ServiceConfig* FindConfig(const control::ControlView& view,
                                         const control::ServiceInfo& service) {
  return view.model == nullptr ? nullptr : control::FindService(*view.model, service.name);
}

}  // namespace

json::object ConfigToJson(const std::string& dump) {
  return ToJson(control::TreeOf(dump), "").as_object();
}

json::value ConfigOf(const control::ControlView& view, const control::ServiceInfo& service) {
  const control::ServiceConfig* const config = FindConfig(view, service);
  if (config == nullptr) return nullptr;
  return ConfigToJson(control::DumpOf(*config));
}

json::value ConfigOf(const control::ControlView& view, const control::ServiceInfo& service,
                     const control::RealInfo& real) {
  const control::ServiceConfig* const config = FindConfig(view, service);
  if (config == nullptr || real.is_ghost || real.is_fallback) return nullptr;
  const auto found = std::ranges::find_if(config->reals, [&](const control::RealConfig& each) {
    return each.address == real.endpoint.address && each.port == real.endpoint.port.host();
  });
  if (found == config->reals.end()) return nullptr;
  return ConfigToJson(control::DumpOf(*found));
}

}  // namespace fairlead::api
