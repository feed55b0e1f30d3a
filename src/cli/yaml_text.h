// Where things stand in the text of a YAML file, and how new ones are written there.
//
//   const YamlText yaml(text, tree);
//   yaml.OffsetOf(node.mark), yaml.EndOf(node)      // [first byte, byte after the last)
//   yaml.Flow(node)                                 // "{ address: 10.0.0.13, weight: 2 }"
//   yaml.Block(node, 4)                             // "    scheduler: wrr\n    port: 80"
//
// Ends are found by reading the text itself, because the parser tells only where a node begins.
// What cannot be told (block scalars, plain text over several lines) is told as nothing, so that
// nobody cuts there. Threads: pure; the text must outlive the object.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/config/yaml_tree.h"

namespace fairlead::cli {

class YamlText {
 public:
  // One item of a list from its dash or first byte on, or one key of a map with its value.
  struct Entry {
    size_t start = 0, end = 0;
  };

  YamlText(const std::string& text, const control::YamlNode& root);

  [[nodiscard]] size_t OffsetOf(control::Mark mark) const;
  [[nodiscard]] std::optional<size_t> EndOf(const control::YamlNode& node) const;
  // After "key:" of a map's entry.
  [[nodiscard]] std::optional<size_t> KeyEnd(const control::YamlKey& key) const;
  // Nothing when one of them cannot be told.
  [[nodiscard]] std::optional<std::vector<Entry>> EntriesOf(
      const control::YamlNode& collection) const;

  [[nodiscard]] size_t LineStart(size_t offset) const;
  [[nodiscard]] size_t LineEnd(size_t offset) const;  // of its \n, or of the text
  [[nodiscard]] size_t LineOf(size_t offset) const;   // from 1
  [[nodiscard]] size_t ColumnOf(size_t offset) const { return offset - LineStart(offset); }
  [[nodiscard]] bool IsFlow(const control::YamlNode& node) const;  // in brackets or braces
  [[nodiscard]] bool IsFirstOnLine(size_t offset) const;           // but for blanks
  [[nodiscard]] bool IsRestBlank(size_t offset) const;             // but for a comment
  [[nodiscard]] bool HasComment(size_t from, size_t to) const;
  // Of the comma that follows, over blanks and comments.
  [[nodiscard]] std::optional<size_t> CommaAfter(size_t offset) const;

  // How a node is written: as JSON when the file is that.
  [[nodiscard]] std::string Key(const std::string& key) const;
  [[nodiscard]] std::string Flow(const control::YamlNode& node) const;
  // The keys of a map, each on its line; lists of maps as lines below. No newline at the end.
  [[nodiscard]] std::string Block(const control::YamlNode& map, size_t indent) const;
  // The same as an item of a list; `indent` is that of the dash.
  [[nodiscard]] std::string BlockItem(const control::YamlNode& map, size_t indent) const;

  [[nodiscard]] std::string_view text() const { return text_; }

 private:
  [[nodiscard]] std::optional<size_t> QuoteEnd(size_t offset) const;
  [[nodiscard]] std::optional<size_t> BracketEnd(size_t offset) const;
  [[nodiscard]] std::optional<size_t> EndOfScalar(const control::YamlNode& node) const;
  [[nodiscard]] std::optional<size_t> DashBefore(size_t offset) const;

  const std::string& text_;
  std::vector<size_t> lines_;  // where each begins
  bool is_json_ = false;
};

// The value of a map's key; null: it has none.
const control::YamlNode* ValueAt(const control::YamlNode& map, std::string_view key);

}  // namespace fairlead::cli
