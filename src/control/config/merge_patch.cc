#include "control/config/merge_patch.h"

#include <algorithm>
#include <cassert>
#include <utility>

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

// `section`: of this level; null below it, where the readers of inner maps do not see nulls either.
YamlNode Merge(YamlNode base, const YamlNode& patch, const Section* section) {
  if (!patch.is_map()) return patch;
  if (!base.is_map()) {
    base = {};
    base.kind = YamlNode::Kind::kMap;
  }
  base.mark = patch.mark;
  for (size_t i = 0; i < patch.keys.size(); ++i) {
    const YamlKey& key = patch.keys[i];
    const YamlNode& value = patch.items[i];
    const bool is_twice =
        std::ranges::find(patch.keys.begin(), patch.keys.begin() + static_cast<ptrdiff_t>(i),
                          key.text,
                          &YamlKey::text) != patch.keys.begin() + static_cast<ptrdiff_t>(i);
    if (is_twice) {
      base.keys.push_back(key);
      base.items.push_back(value);
    } else if (value.kind != YamlNode::Kind::kNull) {
      const YamlNode* const old = FindKey(base, key.text);
      SetKey(&base, key, Merge(old == nullptr ? YamlNode{} : *old, value, nullptr));
    } else if (IsKnown(section, key.text)) {
      EraseKey(&base, key.text);
    } else {
      SetKey(&base, key, value);
    }
  }
  return base;
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

void SetKey(YamlNode* map, const YamlKey& key, YamlNode value) {
  const auto index = static_cast<size_t>(IndexOf(*map, key.text));
  if (index == map->keys.size()) {
    map->keys.push_back(key);
    map->items.push_back(std::move(value));
  } else {
    map->keys[index] = key;
    map->items[index] = std::move(value);
  }
}

}  // namespace fairlead::control
