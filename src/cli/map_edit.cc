#include "cli/map_edit.h"

#include <algorithm>

#include "cli/entry_edits.h"
#include "cli/service_tree.h"

namespace fairlead::cli {

namespace {

using control::YamlNode;

bool IsMapList(const YamlNode& node) {
  return node.is_list() && std::ranges::all_of(node.items, &YamlNode::is_map);
}

}  // namespace

void MapEdit::Compare(const YamlNode& was, const YamlNode& is, const YamlNode& written,
                      const std::string& whose) {
  std::vector<std::string> gone;
  for (const control::YamlKey& key : was.keys) {
    if (ValueAt(is, key.text) == nullptr) gone.push_back(key.text);
  }
  CutAll(written, gone, whose);
  for (size_t i = 0; i < is.keys.size(); ++i) {
    const std::string& key = is.keys[i].text;
    const YamlNode* const before = ValueAt(was, key);
    if (before == nullptr) {
      Add(written, key, is.items[i], whose);
    } else if (!IsSame(*before, is.items[i])) {
      Change(*before, is.items[i], written, key, whose);
    }
  }
}

void MapEdit::Change(const YamlNode& before, const YamlNode& now, const YamlNode& written,
                     const std::string& key, const std::string& whose) {
  size_t i = 0;
  while (i < written.keys.size() && written.keys[i].text != key) ++i;
  if (i == written.keys.size()) {
    // Of a map that the file leaves out, the keys that are to be different.
    const bool are_maps = before.is_map() && now.is_map();
    return Add(written, key, are_maps ? Differing(now, before) : now, whose);
  }
  const YamlNode& value = written.items[i];
  if (before.is_map() && now.is_map() && value.is_map()) {
    return Compare(before, now, value, whose + ": " + key);
  }
  if (ChangeItems(before, now, value, whose + ": " + key)) return;
  Replace(written, i, now, whose);
}

// As many maps as before, each with another value perhaps: checks.
bool MapEdit::ChangeItems(const YamlNode& before, const YamlNode& now, const YamlNode& written,
                          const std::string& whose) {
  const size_t count = now.items.size();
  if (!IsMapList(before) || !IsMapList(now) || !IsMapList(written) ||
      before.items.size() != count || written.items.size() != count) {
    return false;
  }
  for (size_t i = 0; i < count; ++i) {
    Compare(before.items[i], now.items[i], written.items[i], whose);
  }
  return true;
}

// What stands there, where its end can be told; else the key is cut out and added.
void MapEdit::Replace(const YamlNode& map, size_t i, const YamlNode& now,
                      const std::string& whose) {
  const YamlNode& value = map.items[i];
  const std::string& key = map.keys[i].text;
  const auto end = yaml_.EndOf(value);
  const size_t start = yaml_.OffsetOf(value.mark);
  // Comments between brackets have no place in what would stand there instead.
  if (end && yaml_.IsFlow(value) && yaml_.HasComment(start, *end)) return Leave(whose, key);
  if (end && (value.is_scalar() || yaml_.IsFlow(value))) {
    const std::string was =
        value.is_scalar() ? value.text : std::string(yaml_.text().substr(start, *end - start));
    const std::string is = now.is_scalar() ? now.text : yaml_.Flow(now);
    edits_->Put(start, *end - start, yaml_.Flow(now), key + ": " + was + " → " + is);
  } else if (Cut(map, {key}, false)) {
    Add(map, key, now, whose);
  } else {
    Leave(whose, key);
  }
}

// Together in braces, where neighbours share commas; on lines each for itself.
void MapEdit::CutAll(const YamlNode& map, const std::vector<std::string>& keys,
                     const std::string& whose) {
  if (keys.empty()) return;
  if (yaml_.IsFlow(map) && Cut(map, keys, true)) return;
  for (const std::string& key : keys) {
    if (yaml_.IsFlow(map) || !Cut(map, {key}, true)) Leave(whose, key);
  }
}

bool MapEdit::Cut(const YamlNode& map, const std::vector<std::string>& keys, bool is_told) {
  std::vector<bool> goes;
  std::vector<std::string> what;
  for (const control::YamlKey& key : map.keys) {
    goes.push_back(std::ranges::find(keys, key.text) != keys.end());
    what.push_back(is_told ? key.text + " removed" : "");
  }
  if (std::ranges::count(goes, true) != std::ssize(keys)) return false;
  return EntryEdits(yaml_, edits_).Cut(map, goes, what, 0, false);
}

void MapEdit::Add(const YamlNode& map, const std::string& key, const YamlNode& value,
                  const std::string& whose) {
  const std::string entry = yaml_.Key(key) + yaml_.Flow(value);
  if (yaml_.IsFlow(map)) {
    edits_->Put(yaml_.OffsetOf(map.mark) + 1, 0, " " + entry + (map.keys.empty() ? " " : ","),
                entry);
  } else if (!InsertLine(map, entry, entry)) {
    Leave(whose, key);
  }
}

// Below the first key that is whole on its line.
bool MapEdit::InsertLine(const YamlNode& map, const std::string& entry, const std::string& what) {
  for (size_t i = 0; i < map.keys.size(); ++i) {
    const control::Mark at = map.keys[i].mark;
    const auto end = yaml_.EndOf(map.items[i]);
    if (!end || map.items[i].mark.line != at.line || !yaml_.IsRestBlank(*end) ||
        yaml_.LineOf(*end) != at.line) {
      continue;
    }
    edits_->Put(yaml_.LineEnd(*end), 0, "\n" + std::string(at.column - 1, ' ') + entry, what);
    return true;
  }
  return false;
}

}  // namespace fairlead::cli
