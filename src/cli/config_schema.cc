#include "cli/config_schema.h"

#include <algorithm>
#include <map>
#include <string>
#include <string_view>

#include "control/config/keys.h"
#include "control/config/schema.h"

namespace fairlead::cli {

namespace json = boost::json;

namespace {

using control::KeyInfo;
using control::Section;

// What keys.h says of a key, by section and name.
struct Described {
  std::string text;
  json::array words{};  // all that it may be; empty: nobody says
};
using Descriptions = std::map<std::pair<const Section*, std::string_view>, Described>;

// "`rst` \| `drop`", as the documentation has words, without its marks.
std::string WithoutMarks(std::string_view text) {
  std::string plain(text);
  std::erase_if(plain, [](char c) { return c == '`' || c == '\\'; });
  return plain;
}

json::array WordsIn(const std::string& range) {
  json::array words;
  for (size_t at = 0; at < range.size();) {
    const size_t end = std::min(range.find(" | ", at), range.size());
    words.emplace_back(range.substr(at, end - at));
    at = end + 3;
  }
  return words;
}

template <typename Keys>
void Describe(const Section& section, const Keys& keys, Descriptions* all) {
  for (const auto& key : keys) {
    const std::string written =
        key.range != nullptr ? key.range(key) : std::string(key.range_words);
    const std::string range = WithoutMarks(written);
    Described described{WithoutMarks(key.effect) + " (" + range + ")"};
    const bool is_words = key.range != nullptr && written.starts_with('`');
    if (is_words) described.words = WordsIn(range);
    if (range == "bool") described.words = {true, false};
    (*all)[{&section, key.name}] = std::move(described);
  }
}

Descriptions AllDescriptions() {
  Descriptions all;
  Describe(control::kTimeoutsSection, control::kTimeoutKeys, &all);
  for (const Section* policy : {&control::kPolicySection, &control::kServicePolicySection}) {
    Describe(*policy, control::kServicePolicyKeys, &all);
  }
  Describe(control::kPolicySection, control::kGlobalPolicyKeys, &all);
  Describe(control::kPersistenceSection, control::kPersistenceKeys, &all);
  return all;
}

// The section of the maps that a key has as its value, or as the items of its list; null: it has
// none. A name ends in the key, then [] for a list, or .* for a map of names.
const Section* SectionOf(const Section& parent, std::string_view key) {
  const std::string own(key);
  const std::string within = parent.name.empty() ? own : std::string(parent.name) + "." + own;
  const Section* elsewhere = nullptr;
  for (const Section* section : control::AllSections()) {
    std::string_view name = section->name;
    if (name.ends_with("[]")) name.remove_suffix(2);
    if (name.ends_with(".*")) name.remove_suffix(2);
    if (name == within) return section;
    if (name.ends_with("." + own)) elsewhere = section;  // "*.forward", "services[].health"
  }
  return elsewhere;
}

// "services-reals": what may stand in a reference as it is.
std::string NameOf(const Section& section) {
  std::string name(section.name);
  std::erase_if(name, [](char c) { return c == '[' || c == ']' || c == '*'; });
  std::ranges::replace(name, '.', '-');
  if (name.starts_with('-')) name = "any" + name;
  return name.ends_with('-') ? name + "entry" : name;
}

json::object Reference(const Section& section) {
  return {{"$ref", "#/definitions/" + NameOf(section)}};
}

// A map, or a list of maps; what else the key may be, as `auto` or a word, passes.
void Nest(const Section& section, json::object* value) {
  json::object map = Reference(section);
  if (section.name.ends_with(".*")) {
    map = {{"type", "object"},
           {"additionalProperties",
            json::object{{"if", json::object{{"type", "object"}}}, {"then", map}}}};
  }
  (*value)["if"] = json::object{{"type", "object"}};
  (*value)["then"] = map;
  (*value)["items"] = json::object{{"if", json::object{{"type", "object"}}}, {"then", map}};
}

json::object ValueOf(const Section& section, const KeyInfo& key, const Descriptions& all) {
  json::object value;
  if (const auto found = all.find({&section, key.name}); found != all.end()) {
    value["description"] = found->second.text;
    if (!found->second.words.empty()) value["enum"] = found->second.words;
  }
  if (const Section* inner = SectionOf(section, key.name)) Nest(*inner, &value);
  return value;
}

json::object DefinitionOf(const Section& section, const Descriptions& all) {
  json::object properties;
  for (const KeyInfo& key : section.keys) {
    if (key.refusal.empty()) properties[key.name] = ValueOf(section, key, all);
  }
  return {
      {"type", "object"}, {"properties", std::move(properties)}, {"additionalProperties", false}};
}

}  // namespace

json::object ConfigSchema() {
  const Descriptions all = AllDescriptions();
  json::object definitions;
  for (const Section* section : control::AllSections()) {
    if (!section->name.empty()) definitions[NameOf(*section)] = DefinitionOf(*section, all);
  }
  json::object schema = {{"$schema", "http://json-schema.org/draft-07/schema#"},
                         {"title", "Configuration of the Fairlead director"}};
  for (const auto& member : DefinitionOf(control::kRootSection, all)) {
    schema[member.key()] = member.value();
  }
  schema["required"] = {"version", "ports"};
  schema["definitions"] = std::move(definitions);
  return schema;
}

}  // namespace fairlead::cli
