#include "control/config/merge_patch.h"

#include <algorithm>
#include <cassert>
#include <unordered_map>
#include <utility>
#include <vector>

namespace fairlead::control {
namespace {

void ForgetMarks(YamlNode* node) {
  node->mark = {};
  for (YamlKey& key : node->keys) key.mark = {};
  for (YamlNode& item : node->items) ForgetMarks(&item);
}

ptrdiff_t IndexOf(const YamlNode& map, std::string_view key) {
  return std::ranges::find(map.keys, key, &YamlKey::text) - map.keys.begin();
}

bool IsKnown(const Section* section, std::string_view key) {
  return section == nullptr ||
         std::ranges::find(section->keys, key, &KeyInfo::name) != section->keys.end();
}

// What a patch makes of the keys of one map. A key is looked for by its hash: whoever sends a patch
// chooses how many there are.
class Merger {
 public:
  // `section`: of this level; null below it, where the readers of inner maps do not see nulls
  // either.
  Merger(const YamlNode& patch, const Section* section) : patch_(patch), section_(section) {
    for (size_t i = 0; i < patch.keys.size(); ++i) first_.emplace(patch.keys[i].text, i);
  }

  YamlNode Merge(YamlNode base) {
    YamlNode merged;
    merged.kind = YamlNode::Kind::kMap;
    merged.mark = patch_.mark;
    std::vector<bool> is_done(patch_.keys.size());
    for (size_t i = 0; i < base.keys.size(); ++i) {
      const auto change = first_.find(base.keys[i].text);
      if (change == first_.end()) {
        merged.keys.push_back(std::move(base.keys[i]));
        merged.items.push_back(std::move(base.items[i]));
      } else if (!is_done[change->second]) {
        is_done[change->second] = true;
        Add(change->second, std::move(base.items[i]), &merged);
      }
    }
    for (size_t i = 0; i < patch_.keys.size(); ++i) {
      if (is_done[i]) continue;
      if (first_.at(patch_.keys[i].text) == i) {
        Add(i, {}, &merged);
      } else {
        merged.keys.push_back(patch_.keys[i]);
        merged.items.push_back(patch_.items[i]);
      }
    }
    return merged;
  }

 private:
  // What change `i` of the patch makes of `old`.
  void Add(size_t i, YamlNode old, YamlNode* merged);

  const YamlNode& patch_;
  const Section* const section_;
  std::unordered_map<std::string_view, size_t> first_;  // the first of each key
};

YamlNode Merge(YamlNode base, const YamlNode& patch, const Section* section) {
  if (!patch.is_map()) return patch;
  if (!base.is_map()) base = {};
  return Merger(patch, section).Merge(std::move(base));
}

void Merger::Add(size_t i, YamlNode old, YamlNode* merged) {
  const YamlKey& key = patch_.keys[i];
  const YamlNode& value = patch_.items[i];
  const bool is_null = value.kind == YamlNode::Kind::kNull;
  if (is_null && IsKnown(section_, key.text)) return;
  merged->keys.push_back(key);
  merged->items.push_back(is_null ? value : control::Merge(std::move(old), value, nullptr));
}

// The word of a key, `otherwise` when it is not there.
std::string_view WordOf(const YamlNode& map, std::string_view key, std::string_view otherwise) {
  const YamlNode* const value = FindKey(map, key);
  return value == nullptr ? otherwise : std::string_view(value->text);
}

}  // namespace

YamlNode TreeOf(const std::string& text) {
  Problems problems("");
  auto tree = ParseYaml(text, problems);
  assert(tree && problems.empty());
  ForgetMarks(&*tree);
  return *std::move(tree);
}

YamlNode MergePatch(YamlNode base, const YamlNode& patch, const Section& section) {
  return Merge(std::move(base), patch, &section);
}

const YamlNode* FindKey(const YamlNode& map, std::string_view key) {
  const ptrdiff_t index = IndexOf(map, key);
  return index == std::ssize(map.keys) ? nullptr : &map.items[static_cast<size_t>(index)];
}

void EraseKey(YamlNode* map, std::string_view key) {
  const ptrdiff_t index = IndexOf(*map, key);
  if (index == std::ssize(map->keys)) return;
  map->keys.erase(map->keys.begin() + index);
  map->items.erase(map->items.begin() + index);
}

void DropOtherForward(YamlNode* base, const YamlNode& patch) {
  for (size_t i = 0; i < base->keys.size(); ++i) {
    YamlNode& old = base->items[i];
    const YamlNode* const value = FindKey(patch, base->keys[i].text);
    if (value == nullptr || !value->is_map() || !old.is_map()) continue;
    if (base->keys[i].text == "fallback") DropOtherForward(&old, *value);
    if (base->keys[i].text != "forward") continue;
    const std::string_view method = WordOf(old, "method", ""), type = WordOf(old, "type", "ipip");
    if (WordOf(*value, "method", method) != method) {
      old = {};
    } else if (WordOf(*value, "type", type) != type) {
      EraseKey(&old, "port");
      EraseKey(&old, "checksum");
    }
  }
}

}  // namespace fairlead::control
