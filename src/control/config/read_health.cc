#include <algorithm>
#include <span>

#include "control/config/keys.h"
#include "control/config/section_readers.h"

namespace fairlead::control {
namespace {

// A request line and a header are built from these: nothing that could end either.
Result<std::string> ReadPath(const YamlNode& node) {
  auto text = ReadText(node);
  if (!text) return text;
  if ((*text)[0] != '/' || text->find(' ') != std::string::npos)
    return WrongValue(node, "a path that begins with / and has no blanks");
  return text;
}

Result<std::string> ReadHost(const YamlNode& node) {
  auto text = ReadText(node);
  if (text && text->find(' ') != std::string::npos) return WrongValue(node, "a host name");
  return text;
}

}  // namespace

// Checked here as far as the text goes; the file itself when it is run (command_path.h).
void ReadCommand(MapReader& reader, std::string_view key, CommandLine* command) {
  const YamlNode* const node = reader.Find(key);
  if (node == nullptr) return;
  constexpr std::string_view kForm = "a list of a path and arguments, such as [/usr/bin/check, -v]";
  if (node->is_list() && node->items.empty()) {
    reader.problems().Add(reader.PathOf(key), node->mark,
                          "must not be empty; leave the key out instead");
    return;
  }
  if (!node->is_list()) {
    reader.problems().Add(reader.PathOf(key), node->mark, WrongValue(*node, kForm).message);
    return;
  }
  if (node->items.size() > kMostCommandWords) {
    reader.problems().Add(
        reader.PathOf(key), node->mark,
        "has more than " + std::to_string(kMostCommandWords) + " words; write a script that has");
    return;
  }
  CommandLine words;
  reader.ReadOneOrMany(key, &words, ReadText);
  if (words.size() != node->items.size()) return;  // said already
  if (!IsCommandPath(words[0])) {
    reader.problems().Add(reader.PathOf(key) + "[0]", node->items[0].mark,
                          WrongValue(node->items[0], kCommandPathForm).message);
    return;
  }
  *command = std::move(words);
}

bool IsCommandPath(std::string_view path) {
  if (path.empty() || path[0] != '/' || path.back() == '/') return false;
  for (size_t at = 0; at < path.size();) {
    const size_t end = std::min(path.find('/', at + 1), path.size());
    const std::string_view part = path.substr(at + 1, end - at - 1);
    if (part.empty() || part == "." || part == "..") return false;
    at = end;
  }
  return true;
}

void ReadHealthAddress(MapReader& reader, const HealthKey& key, HealthConfig& to) {
  reader.Read(key.name, &to.address, ReadUnicast);
}

void ReadHealthSource(MapReader& reader, const HealthKey& key, HealthConfig& to) {
  reader.Read(key.name, &to.source, ReadUnicast);
}

void ReadHealthCommand(MapReader& reader, const HealthKey& key, HealthConfig& to) {
  ReadCommand(reader, key.name, &to.command);
}

void ReadHealthPath(MapReader& reader, const HealthKey& key, HealthConfig& to) {
  reader.Read(key.name, &to.path, ReadPath);
}

void ReadHealthHost(MapReader& reader, const HealthKey& key, HealthConfig& to) {
  reader.Read(key.name, &to.host, ReadHost);
}

void ReadHealthExpect(MapReader& reader, const HealthKey& key, HealthConfig& to) {
  if (!reader.Has(key.name)) return;
  to.expect.clear();
  reader.ReadOneOrMany(key.name, &to.expect, [](const YamlNode& node) -> Result<StatusRange> {
    const auto range = ReadRange(node, 100, 599);
    if (!range) return range.error();
    return StatusRange{range->first, range->last};
  });
}

void ReadHealthMap(MapReader reader, HealthConfig& health) {
  const std::span keys(kHealthKeys);
  reader.Require("type");
  ReadKeys(reader, keys.first(1), &health);  // the type, which says what else there may be
  if (reader.Has("type") && !reader.problems().IsBroken(reader.PathOf("type"))) {
    RefuseKeys(reader, keys, health);
    if (health.type == HealthType::kScript) reader.Require("command");
  }
  ReadKeys(reader, keys.subspan(1), &health);
}

void ReadHealth(MapReader& reader, std::vector<HealthConfig>* checks) {
  const YamlNode* const node = reader.Find("health");
  if (node == nullptr) return;
  checks->clear();
  if (node->is_list() && node->items.size() > kMostChecksOfAReal) {
    reader.problems().Add(
        reader.PathOf("health"), node->mark,
        "has more than " + std::to_string(kMostChecksOfAReal) + " checks, which is the most");
    return;
  }
  reader.ForOneOrMany("health", [&](const YamlNode& item, const std::string& path) {
    ReadHealthMap(MapReader(reader.problems(), item, path, kHealthSection), checks->emplace_back());
  });
}

void ReadHealthOfReal(MapReader& reader, std::optional<std::vector<HealthConfig>>* checks) {
  const YamlNode* const node = reader.Find("health");
  if (node == nullptr) return;
  checks->emplace();
  if (node->is_scalar() && node->text == "none") return;
  if (!node->is_scalar()) return ReadHealth(reader, &**checks);
  reader.problems().Add(reader.PathOf("health"), node->mark,
                        WrongValue(*node, "a check, a list of checks or none").message);
}

}  // namespace fairlead::control
