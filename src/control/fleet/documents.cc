#include "control/fleet/documents.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "control/command_rule.h"
#include "control/config/devices.h"
#include "control/config/section_readers.h"
#include "control/config/validate.h"
#include "control/config/validate_util.h"

namespace fairlead::control {
namespace {

// No document has so many lines (kFileLimits.bytes).
constexpr uint32_t kSecondLine = 1u << 25;

constexpr std::array<std::string_view, 4> kNamedLists{"ports", "services", "classifier",
                                                      "client_groups"};

// A line of the second document in the words of one of the first: "FIRST:33554435:3: ports[0]" and
// "… on line 33554436".
void NameDocument(const Documents& documents, Error* error) {
  const std::string head = documents.common.place + ":";
  const auto line_at = [](const std::string& text, size_t at) {
    uint32_t line = 0;
    std::from_chars(text.data() + at, text.data() + text.size(), line);
    return line;
  };
  const auto shorten = [](std::string* text, size_t at, uint32_t line) {
    text->replace(at, std::to_string(line).size(), std::to_string(line - kSecondLine + 1));
  };
  if (error->place.starts_with(head)) {
    const uint32_t line = line_at(error->place, head.size());
    if (line >= kSecondLine) {
      shorten(&error->place, head.size(), line);
      error->place.replace(0, head.size(), documents.own.place + ":");
    }
  }
  constexpr std::string_view kOnLine = " on line ";
  const size_t said = error->message.rfind(kOnLine);
  if (said == std::string::npos) return;
  const uint32_t line = line_at(error->message, said + kOnLine.size());
  if (line >= kSecondLine) shorten(&error->message, said + kOnLine.size(), line);
}

const YamlNode* ValueOf(const YamlNode& map, std::string_view key) {
  for (size_t i = 0; i < map.keys.size(); ++i) {
    if (map.keys[i].text == key && !map.keys[i].is_broken) return &map.items[i];
  }
  return nullptr;
}

// Empty: it has none.
std::string_view NameOfItem(const YamlNode& item) {
  const YamlNode* const name = item.is_map() ? ValueOf(item, "name") : nullptr;
  return name != nullptr && name->is_scalar() ? std::string_view(name->text) : std::string_view();
}

YamlNode MergeMaps(YamlNode common, YamlNode own, bool is_root);

// The names of `own` that come twice stay twice, so that the reader sees them.
YamlNode MergeNamed(YamlNode common, YamlNode own) {
  std::unordered_map<std::string, size_t> places;
  for (size_t i = 0; i < common.items.size(); ++i) {
    const std::string name(NameOfItem(common.items[i]));
    if (!name.empty()) places.emplace(name, i);
  }
  for (YamlNode& item : own.items) {
    const auto known = places.find(std::string(NameOfItem(item)));
    if (known == places.end()) {
      common.items.push_back(std::move(item));
      continue;
    }
    YamlNode& place = common.items[known->second];
    place = MergeMaps(std::move(place), std::move(item), /*is_root=*/false);
    places.erase(known);
  }
  common.mark = own.mark;
  return common;
}

YamlNode MergeValues(std::string_view key, YamlNode common, YamlNode own, bool is_root) {
  if (common.is_map() && own.is_map()) {
    return MergeMaps(std::move(common), std::move(own), /*is_root=*/false);
  }
  const bool is_named = is_root && std::ranges::find(kNamedLists, key) != kNamedLists.end();
  if (is_named && common.is_list() && own.is_list()) {
    return MergeNamed(std::move(common), std::move(own));
  }
  return own;
}

YamlNode MergeMaps(YamlNode common, YamlNode own, bool is_root) {
  std::unordered_map<std::string, size_t> places;
  for (size_t i = 0; i < common.keys.size(); ++i) {
    if (!common.keys[i].is_broken) places.emplace(common.keys[i].text, i);
  }
  std::unordered_set<size_t> gone;
  for (size_t i = 0; i < own.keys.size(); ++i) {
    const auto known = own.keys[i].is_broken ? places.end() : places.find(own.keys[i].text);
    if (known == places.end()) {  // also a key that `own` has twice, which its reader refuses
      common.keys.push_back(std::move(own.keys[i]));
      common.items.push_back(std::move(own.items[i]));
      continue;
    }
    const size_t place = known->second;
    places.erase(known);
    if (own.items[i].kind == YamlNode::Kind::kNull) {
      gone.insert(place);
      continue;
    }
    common.items[place] = MergeValues(own.keys[i].text, std::move(common.items[place]),
                                      std::move(own.items[i]), is_root);
    common.keys[place] = std::move(own.keys[i]);
  }
  if (gone.empty()) return common;
  YamlNode rest;
  rest.kind = common.kind;
  rest.mark = common.mark;
  for (size_t i = 0; i < common.keys.size(); ++i) {
    if (gone.contains(i)) continue;
    rest.keys.push_back(std::move(common.keys[i]));
    rest.items.push_back(std::move(common.items[i]));
  }
  return rest;
}

// A document that is not there, or says nothing, is an empty map. Nothing: it is no map.
std::optional<YamlNode> Parse(const Document& document, uint32_t first_line, Problems& problems) {
  auto root = ParseYaml(document.text, problems, first_line);
  if (!root) return std::nullopt;
  if (root->kind == YamlNode::Kind::kNull) {
    root->kind = YamlNode::Kind::kMap;
    root->mark = {first_line, 1};
  }
  if (root->is_map()) return root;
  if (root->kind != YamlNode::Kind::kBroken) {
    problems.Add("", root->mark, WrongValue(*root, "a map of keys and values").message);
  }
  return std::nullopt;
}

// The keys that are for the machine alone.
void RefuseLocalKeys(const YamlNode& root, const LocalFile& local, Problems& problems) {
  const YamlNode* const director = ValueOf(root, "director");
  if (director == nullptr || !director->is_map()) return;
  for (const YamlKey& key : director->keys) {
    if (key.text == "name") {
      problems.Add("director.name", key.mark, "is what --name says, so leave it out here");
    } else if (key.text == "scripts" || key.text == "script_user" || key.text == "eal") {
      problems.Add("director." + key.text, key.mark,
                   "is for the machine alone: write it into " + local.path + " there");
    }
  }
}

// What is wrong with a prefix file is said in errors, which the fleet sees: so only files that are
// meant for it.
void CheckPrefixFiles(const YamlNode& root, const LocalFile& local, Problems& problems) {
  const YamlNode* const sets = ValueOf(root, "prefix_sets");
  if (sets == nullptr || !sets->is_map()) return;
  for (size_t i = 0; i < sets->items.size(); ++i) {
    const YamlNode& set = sets->items[i];
    const YamlNode* const file = set.is_map() ? ValueOf(set, "file") : nullptr;
    if (file == nullptr || !file->is_scalar() || file->text.find('/') == std::string::npos)
      continue;
    problems.Add(
        "prefix_sets." + sets->keys[i].text + ".file", file->mark,
        "must be a name without \"/\": the file lies beside " + local.path + " on each director");
  }
}

bool IsPciAddress(std::string_view name) {
  return name.find(':') != std::string_view::npos &&
         name.find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos;
}

// DPDK has drivers that open any file, or load one: only those that do not, and no paths.
bool IsHarmlessDevice(std::string_view device) {
  constexpr std::array<std::string_view, 4> kKinds{"net_af_packet", "net_af_xdp", "net_tap",
                                                   "net_null"};
  if (device.find('/') != std::string_view::npos) return false;
  if (device.find("xdp_prog") != std::string_view::npos) return false;
  const std::string_view name = DeviceName(device);
  return IsPciAddress(name) || std::ranges::any_of(kKinds, [&](std::string_view kind) {
           if (!name.starts_with(kind)) return false;
           const std::string_view rest = name.substr(kind.size());
           return rest.find_first_not_of("0123456789") == std::string_view::npos;
         });
}

void CheckDevices(const ConfigModel& model, const LocalFile& local, Problems& problems) {
  for (size_t i = 0; i < model.ports.size(); ++i) {
    const PortConfig& port = model.ports[i];
    const std::string path = ItemPath("ports", i) + ".device";
    const std::vector<std::string> devices = DevicesOf(port);
    for (size_t d = 0; d < devices.size(); ++d) {
      const std::string& device = devices[d];
      if (device.empty() || IsHarmlessDevice(device)) continue;
      if (std::ranges::find(local.devices, device) != local.devices.end()) continue;
      problems.Add(port.bond ? ItemPath(path + ".bond.members", d) : path,
                   Quote(device) +
                       " may not be named from here: PCI addresses, net_af_packet, net_af_xdp, "
                       "net_tap and net_null without paths may; add it to \"devices\" of " +
                       local.path + " there, and restart");
    }
  }
}

void CheckRights(const ConfigModel& model, const LocalFile& local, Problems& problems) {
  const CommandRights rights{
      local.scripts, local.password_files,
      "add it to \"scripts\" of " + local.path + " there, and restart",
      "add it to \"password_files\" of " + local.path + " there, and restart"};
  for (size_t i = 0; i < model.services.size(); ++i) {
    CheckCommands(model.services[i], nullptr, rights, ItemPath("services", i), problems);
  }
  if (model.mail) CheckPasswordFile(model.mail->password_file, rights, "mail", problems);
}

}  // namespace

YamlNode MergeTrees(YamlNode common, YamlNode own) {
  return MergeMaps(std::move(common), std::move(own), /*is_root=*/true);
}

bool HaveSameTexts(const Documents& one, const Documents& other) {
  const bool is_any = one.revision() != 0, is_other = other.revision() != 0;
  return is_any == is_other && one.common.text == other.common.text &&
         one.own.text == other.own.text;
}

LoadResult LoadDocuments(const Documents& documents, const std::string& name,
                         const LocalFile& local) {
  Problems problems(documents.common.place);
  LoadResult result;
  auto common = Parse(documents.common, 1, problems);
  auto own = Parse(documents.own, kSecondLine, problems);
  if (common && own) {
    const YamlNode root = MergeTrees(*std::move(common), *std::move(own));
    RefuseLocalKeys(root, local, problems);
    CheckPrefixFiles(root, local, problems);
    MapReader reader(problems, root, "", kRootSection);
    PrefixFiles files;
    ConfigModel model = ReadModel(reader, local.path, files);
    model.director.name = name;
    model.director.scripts = local.scripts;
    model.director.script_user = local.script_user;
    model.director.eal = local.eal;
    Validate(model, problems);
    CheckRights(model, local, problems);
    CheckDevices(model, local, problems);
    if (problems.empty()) {
      result.warnings =
          FindWarnings(model, [&](const std::string& path) { return problems.Where(path); });
      result.model = std::move(model);
    }
  }
  result.errors = problems.Take();
  for (auto* list : {&result.errors, &result.warnings}) {
    for (Error& error : *list) NameDocument(documents, &error);
  }
  return result;
}

}  // namespace fairlead::control
