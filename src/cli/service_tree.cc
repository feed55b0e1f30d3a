#include "cli/service_tree.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "cli/yaml_text.h"
#include "control/config/dump.h"
#include "control/config/problems.h"

namespace fairlead::cli {

namespace {

using control::RealConfig;
using control::ServiceConfig;
using control::YamlNode;

// What is written even if it is the default, because people look for it.
constexpr std::array<std::string_view, 9> kAlways = {
    "name", "mark", "family", "address", "protocol", "port", "allow_any_port", "weight", "timeout"};

}  // namespace

bool IsSame(const YamlNode& a, const YamlNode& b) {
  const auto same_key = [](const control::YamlKey& x, const control::YamlKey& y) {
    return x.text == y.text;
  };
  return a.kind == b.kind && a.text == b.text && std::ranges::equal(a.keys, b.keys, same_key) &&
         std::ranges::equal(a.items, b.items, IsSame);
}

YamlNode Differing(const YamlNode& map, const YamlNode& base) {
  YamlNode rest = map;
  rest.keys.clear();
  rest.items.clear();
  for (size_t i = 0; i < map.keys.size(); ++i) {
    const std::string& key = map.keys[i].text;
    const bool is_kept = std::ranges::find(kAlways, key) != kAlways.end();
    const YamlNode* const known = is_kept ? nullptr : ValueAt(base, key);
    if (known != nullptr && IsSame(*known, map.items[i])) continue;
    const bool are_maps = known != nullptr && known->is_map() && map.items[i].is_map();
    rest.keys.push_back(map.keys[i]);
    rest.items.push_back(are_maps ? Differing(map.items[i], *known) : map.items[i]);
  }
  return rest;
}

YamlNode TreeOfDump(const std::string& yaml) {
  control::Problems problems("dump.yaml");
  return control::ParseYaml(yaml, problems).value_or(YamlNode{});
}

YamlNode TreeOfNew(const RealConfig& real, const ServiceConfig& service) {
  const RealConfig base{.address = real.address, .port = real.port, .forward = service.forward};
  return Differing(TreeOfDump(control::DumpOf(real)), TreeOfDump(control::DumpOf(base)));
}

YamlNode TreeOfNew(const ServiceConfig& service, const control::ConfigModel& file) {
  ServiceConfig base;
  base.name = service.name;
  base.mark = service.mark;
  base.family = service.family;
  base.protocol = service.protocol;
  base.address = service.address;
  base.port = service.port;
  base.scheduler = file.defaults.scheduler;
  base.forward = file.defaults.forward;
  base.timeouts = file.defaults.timeouts;
  base.policy = file.policy.service;
  base.announce = file.policy.announce;
  if (service.persistence) base.persistence.emplace();
  YamlNode tree =
      Differing(TreeOfDump(control::DumpOf(service)), TreeOfDump(control::DumpOf(base)));
  for (size_t i = 0; i < tree.keys.size(); ++i) {
    if (tree.keys[i].text != "reals") continue;
    for (size_t r = 0; r < service.reals.size(); ++r) {
      tree.items[i].items[r] = TreeOfNew(service.reals[r], service);
    }
  }
  return tree;
}

}  // namespace fairlead::cli
