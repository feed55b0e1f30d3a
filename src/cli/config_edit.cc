#include "cli/config_edit.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "control/config/dump.h"
#include "control/config/yaml_tree.h"
#include "control/config/yaml_writer.h"

namespace fairlead::cli {

namespace {

using control::Mark;
using control::YamlNode;

const YamlNode* ValueAt(const YamlNode& map, const std::string& key) {
  for (size_t i = 0; i < map.keys.size(); ++i) {
    if (map.keys[i].text == key) return &map.items[i];
  }
  return nullptr;
}

bool IsSame(const YamlNode& a, const YamlNode& b) {
  const auto same_key = [](const control::YamlKey& x, const control::YamlKey& y) {
    return x.text == y.text;
  };
  return a.kind == b.kind && a.text == b.text && std::ranges::equal(a.keys, b.keys, same_key) &&
         std::ranges::equal(a.items, b.items, IsSame);
}

std::string TextOf(const YamlNode& scalar) {
  return scalar.is_quoted ? control::Scalar(scalar.text) : scalar.text;
}

bool IsMapList(const YamlNode& node) {
  return node.is_list() && std::ranges::all_of(node.items, &YamlNode::is_map);
}

YamlNode TreeOf(const std::string& yaml) {
  control::Problems problems("dump.yaml");
  return control::ParseYaml(yaml, problems).value_or(YamlNode{});
}

class Editor {
 public:
  explicit Editor(const std::string& text) : text_(text) {}

  // `was` and `is`: dumps of what the file's map says and of what it is to say.
  void Compare(const YamlNode& was, const YamlNode& is, const YamlNode& file,
               const std::string& path) {
    for (const control::YamlKey& key : was.keys) {
      if (ValueAt(is, key.text) == nullptr) Refuse(path, key.text);
    }
    for (size_t i = 0; i < is.keys.size(); ++i) {
      const std::string& key = is.keys[i].text;
      const YamlNode* const before = ValueAt(was, key);
      if (before == nullptr) {
        Add(file, key, is.items[i], path);
      } else if (!IsSame(*before, is.items[i])) {
        Change(*before, is.items[i], file, key, path);
      }
    }
  }

  void Refuse(const std::string& path, const std::string& what) {
    if (!refusal_.empty()) refusal_ += ", ";
    refusal_ += path + (what.empty() ? "" : "." + what);
  }

  Result<ConfigEdit> Finish() {
    if (!refusal_.empty()) {
      return Error{ErrorCode::kInvalid,
                   "these changes cannot be written into the file in place: " + refusal_ +
                       ". Write them by hand; fairlead diff says what they are",
                   ""};
    }
    std::ranges::stable_sort(edits_, {}, &Edit::offset);
    ConfigEdit done{text_, {}};
    for (auto edit = edits_.rbegin(); edit != edits_.rend(); ++edit) {
      done.text.replace(edit->offset, edit->length, edit->text);
    }
    for (const Edit& edit : edits_) done.changes.push_back(edit.what);
    return done;
  }

 private:
  struct Edit {
    size_t offset = 0, length = 0;
    std::string text, what;
  };

  [[nodiscard]] size_t OffsetOf(Mark mark) const {
    size_t offset = 0;
    for (uint32_t line = 1; line < mark.line && offset != text_.npos; ++line) {
      offset = text_.find('\n', offset);
      if (offset != text_.npos) ++offset;
    }
    return offset == text_.npos ? text_.size() : offset + mark.column - 1;
  }

  void Change(const YamlNode& before, const YamlNode& now, const YamlNode& file,
              const std::string& key, const std::string& path) {
    const YamlNode* const written = ValueAt(file, key);
    if (before.is_map() && now.is_map()) {
      if (written == nullptr) return AddDifference(file, key, before, now, path);
      return written->is_map() ? Compare(before, now, *written, path + "." + key)
                               : Refuse(path, key);
    }
    if (IsMapList(before) && IsMapList(now)) {
      return CompareItems(before, now, written, path + "." + key);
    }
    if (!now.is_scalar()) return Refuse(path, key);
    if (written == nullptr) return Add(file, key, now, path);
    return written->is_scalar() ? Replace(*written, key, now, path) : Refuse(path, key);
  }

  // Items that are the same things in the same order: checks, and reals with their addresses.
  void CompareItems(const YamlNode& before, const YamlNode& now, const YamlNode* written,
                    const std::string& path) {
    const bool is_list = written != nullptr && IsMapList(*written);
    if (!is_list || before.items.size() != now.items.size() ||
        written->items.size() != now.items.size()) {
      return Refuse(path, "");
    }
    for (size_t i = 0; i < now.items.size(); ++i) {
      for (const char* identity : {"address", "port"}) {
        const YamlNode* const a = ValueAt(before.items[i], identity);
        const YamlNode* const b = ValueAt(now.items[i], identity);
        if ((a == nullptr) != (b == nullptr) || (a != nullptr && a->text != b->text)) {
          return Refuse(path, "");
        }
      }
      Compare(before.items[i], now.items[i], written->items[i],
              path + "[" + std::to_string(i) + "]");
    }
  }

  // The file must have there what the tree says, as it says it.
  void Replace(const YamlNode& written, const std::string& key, const YamlNode& now,
               const std::string& path) {
    const size_t offset = OffsetOf(written.mark);
    for (const std::string quote : {"", "\"", "'"}) {
      const std::string token = quote + written.text + quote;
      if (written.is_quoted == quote.empty() || text_.compare(offset, token.size(), token) != 0) {
        continue;
      }
      edits_.push_back({offset, token.size(), TextOf(now),
                        std::to_string(written.mark.line) + ": " + key + ": " + written.text +
                            " → " + now.text});
      return;
    }
    Refuse(path, key);
  }

  void Add(const YamlNode& file, const std::string& key, const YamlNode& value,
           const std::string& path) {
    if (!value.is_scalar()) return Refuse(path, key);
    Insert(file, key + ": " + TextOf(value), path);
  }

  // Of a map that the file does not have, the keys that are to be different.
  void AddDifference(const YamlNode& file, const std::string& key, const YamlNode& before,
                     const YamlNode& now, const std::string& path) {
    std::string inner;
    for (size_t i = 0; i < now.keys.size(); ++i) {
      const YamlNode* const old = ValueAt(before, now.keys[i].text);
      if (old != nullptr && IsSame(*old, now.items[i])) continue;
      if (!now.items[i].is_scalar()) return Refuse(path, key);
      inner += (inner.empty() ? "" : ", ") + now.keys[i].text + ": " + TextOf(now.items[i]);
    }
    Insert(file, key + ": { " + inner + " }", path);
  }

  // Into { … } as its first key; into lines below the first that is whole on its line.
  void Insert(const YamlNode& map, const std::string& entry, const std::string& path) {
    const size_t offset = OffsetOf(map.mark);
    if (offset < text_.size() && text_[offset] == '{') {
      edits_.push_back(
          {offset + 1, 0, " " + entry + ",", std::to_string(map.mark.line) + ": " + entry});
      return;
    }
    for (size_t i = 0; i < map.keys.size(); ++i) {
      const Mark at = map.keys[i].mark;
      if (!map.items[i].is_scalar() || map.items[i].mark.line != at.line) continue;
      const size_t end = std::min(text_.find('\n', OffsetOf(at)), text_.size());
      edits_.push_back({end, 0, "\n" + std::string(at.column - 1, ' ') + entry,
                        std::to_string(at.line + 1) + ": " + entry});
      return;
    }
    Refuse(path, entry);
  }

  const std::string& text_;
  std::vector<Edit> edits_;
  std::string refusal_;
};

}  // namespace

Result<ConfigEdit> EditConfig(const std::string& text, const control::ConfigModel& from,
                              const control::ConfigModel& to) {
  Editor editor(text);
  const YamlNode file = TreeOf(text);
  const YamlNode* const services = file.is_map() ? ValueAt(file, "services") : nullptr;
  const size_t count = services == nullptr ? 0 : services->items.size();
  const auto same_name = [](const control::ServiceConfig& a, const control::ServiceConfig& b) {
    return a.name == b.name;
  };
  if (!std::ranges::equal(from.services, to.services, same_name) || count != to.services.size()) {
    editor.Refuse("services", "");
    return editor.Finish();
  }
  for (size_t i = 0; i < count; ++i) {
    if (from.services[i] == to.services[i]) continue;
    editor.Compare(TreeOf(control::DumpOf(from.services[i])),
                   TreeOf(control::DumpOf(to.services[i])), services->items[i],
                   "services[" + std::to_string(i) + "]");
  }
  return editor.Finish();
}

}  // namespace fairlead::cli
