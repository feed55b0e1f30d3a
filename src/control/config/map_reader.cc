#include "control/config/map_reader.h"

#include "control/config/foreign_words.h"
#include "control/config/suggest.h"

namespace fairlead::control {
namespace {

std::string FormOf(const Section& section) {
  std::string form = "a map of keys and values";
  if (!section.example.empty()) form.append(", such as ").append(section.example);
  return form;
}

// "addresses" of a refused key that "is called addresses here"; empty: it is refused otherwise.
std::string_view OurWordFor(const KeyInfo& refused) {
  constexpr std::string_view kCalled = "is called ";
  if (!refused.refusal.starts_with(kCalled)) return {};
  const std::string_view rest = refused.refusal.substr(kCalled.size());
  return rest.substr(0, rest.find_first_of(" ,;"));
}

}  // namespace

MapReader::MapReader(Problems& problems, const YamlNode& node, std::string path,
                     const Section& section)
    : problems_(problems), path_(std::move(path)) {
  problems_.Note(path_, node.mark);
  if (!node.is_map()) {
    problems_.SetUnreadable(path_);
    if (node.kind == YamlNode::Kind::kNull)
      problems_.Add(path_, node.mark, "has no value; write {} to take the defaults");
    else if (node.kind != YamlNode::Kind::kBroken)
      problems_.Add(path_, node.mark, WrongValue(node, FormOf(section)).message);
    return;
  }
  std::map<std::string_view, Mark> seen;
  for (size_t i = 0; i < node.keys.size(); ++i) {
    const YamlKey& key = node.keys[i];
    if (key.is_broken) continue;
    if (const auto [first, is_new] = seen.emplace(key.text, key.mark); !is_new) {
      problems_.Add(PathOf(key.text), key.mark,
                    "is given twice; the first is on line " + std::to_string(first->second.line));
      continue;
    }
    CheckKey(key, section);
    problems_.Note(PathOf(key.text), node.items[i].mark);
    values_.emplace(key.text, &node.items[i]);
  }
}

void MapReader::CheckKey(const YamlKey& key, const Section& section) {
  for (const KeyInfo& known : section.keys) {
    if (known.name != key.text) continue;
    if (known.refusal.empty()) return;
    problems_.Add(PathOf(key.text), key.mark, std::string(known.refusal));
    if (const std::string_view ours = OurWordFor(known); !ours.empty()) meant_.insert(ours);
    return;
  }
  has_merge_key_ |= key.text == "<<";
  // Quoted like this, a key can be anything without making the path unreadable.
  const bool is_word =
      key.text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") == std::string::npos &&
      !key.text.empty();
  problems_.Add(PathOf(is_word ? key.text : Quote(key.text)), key.mark,
                UnknownKeySentence(key.text, section));
}

// With the key that was probably meant, or those there are.
std::string MapReader::UnknownKeySentence(std::string_view key, const Section& section) {
  if (key == "<<") return "merge keys (<<) are not allowed; write the values out";
  std::string sentence = "unknown key";
  if (!problems_.wants_suggestion()) return sentence;
  const bool is_of_services = section.name.empty() || section.name.starts_with("services");
  const std::string hint = is_of_services ? ForeignWordHint(key) : "";
  if (!hint.empty()) return sentence + "; " + hint;
  std::vector<std::string_view> names;
  for (const KeyInfo& known : section.keys) {
    if (known.refusal.empty()) names.push_back(known.name);
  }
  if (const auto close = Suggest(key, names); !close.empty()) {
    meant_.insert(close);
    return sentence + "; did you mean \"" + std::string(close) + "\"?";
  }
  sentence += "; the keys here are ";
  for (size_t i = 0; i < names.size(); ++i)
    sentence += (i == 0 ? "" : ", ") + std::string(names[i]);
  return sentence;
}

std::string MapReader::PathOf(std::string_view key) const {
  return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
}

const YamlNode* MapReader::Find(std::string_view key) const {
  const auto it = values_.find(key);
  if (it == values_.end() || it->second->kind == YamlNode::Kind::kBroken) return nullptr;
  return it->second;
}

bool MapReader::Require(std::string_view key, std::string_view why) {
  if (Has(key)) return true;
  // A map that could not be read at all has already been reported.
  if (problems_.IsUnreadable(path_)) return false;
  // A merge key may have been meant to bring this one.
  if (has_merge_key_ || IsMeant(key)) {
    problems_.SetBroken(PathOf(key));
    return false;
  }
  std::string sentence = "the key \"" + std::string(key) + "\" is missing";
  if (!why.empty()) sentence += "; " + std::string(why);
  problems_.Add(path_, std::move(sentence));
  problems_.SetBroken(PathOf(key));
  return false;
}

}  // namespace fairlead::control
