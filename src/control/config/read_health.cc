#include <algorithm>
#include <span>

#include "control/config/health_keys.h"
#include "control/config/section_readers.h"

namespace fairlead::control {
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

namespace {

// What does not go together, or is missing; each key by itself has been read.
void CheckTogether(MapReader& reader, const HealthConfig& health) {
  const auto refuse = [&](std::string_view key, std::string sentence) {
    if (reader.Has(key)) reader.problems().Add(reader.PathOf(key), std::move(sentence));
  };
  const bool has_password = reader.Has("password_file");
  if (health.method == HttpMethod::kHead) {
    refuse("expect_body", "cannot be looked at: a HEAD is answered without a body");
  }
  if (!health.verify) refuse("ca", "has no use with \"verify: false\"");
  if (!reader.Has("certificate")) refuse("key", "needs the key \"certificate\" beside it");
  if (reader.Has("steps")) {
    for (const char* key : {"send", "receive"}) {
      refuse(key, "cannot be combined with steps; make it the first of them");
    }
  }
  if (health.type == HealthType::kMysql && has_password && !reader.Has("user")) {
    refuse("password_file", "needs the key \"user\" beside it");
  }
  if (health.type == HealthType::kRedis && !has_password) {
    refuse("user", "needs the key \"password_file\" beside it");
  }
  if (health.type == HealthType::kLdap && !has_password) {
    refuse("bind_dn",
           "needs the key \"password_file\" beside it: a name without a password is an anonymous "
           "bind");
  }
  if (health.type == HealthType::kLdap && !reader.Has("bind_dn")) {
    refuse("password_file", "needs the key \"bind_dn\" beside it");
  }
  if (health.type == HealthType::kAgent) {
    reader.Require("port", "an agent listens on one of its own");
  }
}

void ReadHealthMap(MapReader reader, HealthConfig& health) {
  constexpr size_t kDeciding = 2;  // type and tls, which say what else there may be
  const std::span keys(kHealthKeys);
  reader.Require("type");
  ReadKeys(reader, keys.first(kDeciding), &health);
  const bool is_decided = reader.Has("type") && !reader.problems().IsBroken(reader.PathOf("type"));
  if (is_decided) {
    HealthConfig supposed = health;
    // A word that is no bool was meant to say something.
    if (reader.problems().IsBroken(reader.PathOf("tls"))) supposed.tls = true;
    RefuseKeys(reader, keys, supposed);
    if (health.type == HealthType::kScript) reader.Require("command");
  }
  ReadKeys(reader, keys.subspan(kDeciding), &health);
  if (is_decided) CheckTogether(reader, health);
}

}  // namespace

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
