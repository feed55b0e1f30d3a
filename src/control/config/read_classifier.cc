#include <algorithm>

#include "control/config/prefix_file.h"
#include "control/config/section_readers.h"

namespace fairlead::control {
namespace {

void ReadSetFile(MapReader reader, const std::string& directory, PrefixFiles& files,
                 PrefixSet& set) {
  std::string file;
  if (!reader.Require("file") || !reader.Read("file", &file, ReadText)) return;
  if (file[0] != '/') file = directory + file;
  auto prefixes = files.Read(file, reader.path(), reader.problems());
  if (!prefixes) {
    reader.problems().Add(reader.PathOf("file"),
                          "cannot read " + Quote(file, kWhole) + ": " + prefixes.error().message);
    return;
  }
  set.prefixes = *std::move(prefixes);
}

void ReadSet(Problems& problems, const YamlNode& node, const std::string& path,
             const std::string& directory, PrefixFiles& files, PrefixSet& set) {
  problems.Note(path, node.mark);
  if (node.is_map()) {
    ReadSetFile(MapReader(problems, node, path, kPrefixSetSection), directory, files, set);
  } else if (node.is_list()) {
    std::vector<Prefix> prefixes;
    for (size_t i = 0; i < node.items.size(); ++i) {
      if (node.items[i].kind == YamlNode::Kind::kBroken) continue;
      if (const auto prefix = ReadPrefix(node.items[i]))
        prefixes.push_back(*prefix);
      else
        problems.Add(path + "[" + std::to_string(i) + "]", node.items[i].mark,
                     prefix.error().message);
    }
    SortPrefixes(prefixes);
    set.prefixes = std::move(prefixes);
  } else if (node.kind != YamlNode::Kind::kBroken) {
    problems.Add(path, WrongValue(node, "a list of prefixes or { file: NAME }").message);
  }
}

void ReadAction(MapReader& reader, ClassifierRule& rule) {
  const bool has_action = reader.Word("action", &rule.action);
  reader.Number("mark", &rule.mark, 1, UINT32_MAX);
  if (rule.action == RuleAction::kDrop && reader.Has("mark"))
    reader.problems().Add(reader.PathOf("mark"), "a rule either marks or drops; remove one");
  else if (has_action && rule.action == RuleAction::kMark)
    reader.Require("mark");
  else if (!reader.Has("action"))
    reader.Require("mark", "or write \"action: drop\"");
}

}  // namespace

void ReadMatch(MapReader& reader, std::string_view key, AddressMatch& match) {
  reader.ForOneOrMany(key, [&](const YamlNode& item, const std::string& path) {
    reader.problems().Note(path, item.mark);
    if (item.is_scalar() && item.text.starts_with("@")) {
      match.sets.push_back(item.text.substr(1));
      return;
    }
    if (!item.is_scalar()) {
      reader.problems().Add(path, WrongValue(item, "\"@SET\", an address or a prefix").message);
    } else if (const auto prefix = ReadPrefix(item)) {
      match.prefixes.push_back(*prefix);
    } else {
      reader.problems().Add(path, prefix.error().message);
    }
  });
}

void ReadPrefixSets(Problems& problems, const YamlNode& node, const std::string& directory,
                    PrefixFiles& files, std::vector<PrefixSet>& sets) {
  const std::string root = "prefix_sets";
  problems.Note(root, node.mark);
  if (!node.is_map()) {
    if (node.kind != YamlNode::Kind::kBroken)
      problems.Add(root, WrongValue(node, "a map of names and prefixes").message);
    problems.SetUnreadable(root);
    return;
  }
  std::map<std::string_view, Mark> seen;
  for (size_t i = 0; i < node.keys.size(); ++i) {
    const YamlKey& key = node.keys[i];
    if (key.is_broken) continue;
    YamlNode name;
    name.kind = YamlNode::Kind::kScalar;
    name.text = key.text;
    if (const auto checked = ReadName(name); !checked) {
      problems.Add(root, key.mark, "the name of a set " + checked.error().message);
      continue;
    }
    const std::string path = root + "." + key.text;
    if (const auto [first, is_new] = seen.emplace(key.text, key.mark); !is_new) {
      problems.Add(path, key.mark,
                   "is given twice; the first is on line " + std::to_string(first->second.line));
      continue;
    }
    sets.push_back({key.text, {}});
    ReadSet(problems, node.items[i], path, directory, files, sets.back());
  }
  std::ranges::sort(sets, {}, &PrefixSet::name);
}

void ReadRule(MapReader reader, size_t index, ClassifierRule& rule) {
  rule.name = "rule-" + std::to_string(index + 1);
  reader.Read("name", &rule.name, ReadName);
  ReadAction(reader, rule);
  constexpr std::string_view kPlanned[] = {"icmp", "sctp", "ah", "esp"};
  reader.Word("protocol", &rule.protocol, kPlanned);
  ReadMatch(reader, "source", rule.source);
  ReadMatch(reader, "destination", rule.destination);
  const auto read_port = [](const YamlNode& node) { return ReadRange(node, 0, 65535); };
  reader.ReadOneOrMany("source_port", &rule.source_ports, read_port);
  reader.ReadOneOrMany("destination_port", &rule.destination_ports, read_port);
  reader.Read("input_port", &rule.input_port, ReadName);
}

void ReadClientGroup(MapReader reader, ClientGroup& group) {
  reader.Require("name");
  reader.Require("source");
  reader.Read("name", &group.name, ReadName);
  ReadMatch(reader, "source", group.source);
}

}  // namespace fairlead::control
