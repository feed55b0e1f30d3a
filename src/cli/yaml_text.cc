#include "cli/yaml_text.h"

#include <algorithm>

#include "control/config/yaml_writer.h"

namespace fairlead::cli {

namespace {

using control::YamlNode;

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

// A quote or a # in the middle of a word is a letter of it.
bool BeginsToken(char before) {
  return IsBlank(before) || std::string_view("\n[{,:").find(before) != std::string_view::npos;
}

bool IsJsonWord(const std::string& text) {
  return text == "true" || text == "false" ||
         (!text.empty() && text.find_first_not_of("0123456789") == std::string::npos &&
          (text[0] != '0' || text.size() == 1));
}

bool IsListOfMaps(const YamlNode& node) {
  return node.is_list() && !node.items.empty() &&
         std::ranges::all_of(node.items, &YamlNode::is_map);
}

std::string InDoubleQuotes(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

}  // namespace

const YamlNode* ValueAt(const YamlNode& map, std::string_view key) {
  for (size_t i = 0; i < map.keys.size(); ++i) {
    if (map.keys[i].text == key) return &map.items[i];
  }
  return nullptr;
}

YamlText::YamlText(const std::string& text, const YamlNode& root) : text_(text), lines_{0} {
  for (size_t at = text.find('\n'); at != std::string::npos; at = text.find('\n', at + 1)) {
    lines_.push_back(at + 1);
  }
  is_json_ = root.is_map() && !root.keys.empty() && IsFlow(root) &&
             text[OffsetOf(root.keys[0].mark)] == '"';
}

// ---- places -----------------------------------------------------------------------------------

size_t YamlText::OffsetOf(control::Mark mark) const {
  if (mark.line == 0 || mark.line > lines_.size()) return text_.size();
  return std::min(lines_[mark.line - 1] + mark.column - 1, text_.size());
}

size_t YamlText::LineOf(size_t offset) const {
  return static_cast<size_t>(std::ranges::upper_bound(lines_, offset) - lines_.begin());
}

size_t YamlText::LineStart(size_t offset) const { return lines_[LineOf(offset) - 1]; }

size_t YamlText::LineEnd(size_t offset) const {
  return std::min(text_.find('\n', offset), text_.size());
}

bool YamlText::IsFlow(const YamlNode& node) const {
  const size_t offset = OffsetOf(node.mark);
  return offset < text_.size() && (text_[offset] == '{' || text_[offset] == '[');
}

bool YamlText::IsFirstOnLine(size_t offset) const {
  return std::all_of(text_.begin() + static_cast<ptrdiff_t>(LineStart(offset)),
                     text_.begin() + static_cast<ptrdiff_t>(offset), IsBlank);
}

bool YamlText::IsRestBlank(size_t offset) const {
  const size_t end = LineEnd(offset);
  size_t at = offset;
  while (at < end && IsBlank(text_[at])) ++at;
  return at == end || (text_[at] == '#' && at > offset);
}

bool YamlText::HasComment(size_t from, size_t to) const {
  return text_.substr(from, to - from).find('#') != std::string::npos;
}

std::optional<size_t> YamlText::CommaAfter(size_t offset) const {
  for (size_t at = offset; at < text_.size(); ++at) {
    if (text_[at] == ',') return at;
    if (text_[at] == '#') {
      at = LineEnd(at);
    } else if (!IsBlank(text_[at]) && text_[at] != '\n') {
      break;
    }
  }
  return std::nullopt;
}

std::optional<size_t> YamlText::QuoteEnd(size_t offset) const {
  const char quote = text_[offset];
  for (size_t at = offset + 1; at < text_.size(); ++at) {
    if (quote == '"' && text_[at] == '\\') {
      ++at;
    } else if (text_[at] == quote) {
      if (quote == '"' || at + 1 == text_.size() || text_[at + 1] != quote) return at + 1;
      ++at;  // '' is a quote inside
    }
  }
  return std::nullopt;
}

std::optional<size_t> YamlText::BracketEnd(size_t offset) const {
  size_t depth = 0;
  for (size_t at = offset; at < text_.size(); ++at) {
    const char c = text_[at];
    const bool begins = at == 0 || BeginsToken(text_[at - 1]);
    if ((c == '"' || c == '\'') && begins) {
      const auto end = QuoteEnd(at);
      if (!end) return std::nullopt;
      at = *end - 1;
    } else if (c == '#' && begins) {
      at = LineEnd(at);
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if ((c == '}' || c == ']') && --depth == 0) {
      return at + 1;
    }
  }
  return std::nullopt;
}

std::optional<size_t> YamlText::EndOfScalar(const YamlNode& node) const {
  const size_t offset = OffsetOf(node.mark);
  if (offset >= text_.size()) return std::nullopt;
  if (node.is_quoted) {
    const bool is_quote = text_[offset] == '"' || text_[offset] == '\'';
    return is_quote ? QuoteEnd(offset) : std::nullopt;
  }
  if (text_.compare(offset, node.text.size(), node.text) != 0) return std::nullopt;
  return offset + node.text.size();
}

std::optional<size_t> YamlText::KeyEnd(const control::YamlKey& key) const {
  const size_t offset = OffsetOf(key.mark);
  for (const std::string quote : {"", "\"", "'"}) {
    const std::string token = quote + key.text + quote;
    if (text_.compare(offset, token.size(), token) != 0) continue;
    size_t at = offset + token.size();
    while (at < text_.size() && IsBlank(text_[at])) ++at;
    if (at < text_.size() && text_[at] == ':') return at + 1;
  }
  return std::nullopt;
}

std::optional<size_t> YamlText::EndOf(const YamlNode& node) const {
  if (node.is_scalar()) return EndOfScalar(node);
  if (!node.is_map() && !node.is_list()) return std::nullopt;
  if (IsFlow(node)) return BracketEnd(OffsetOf(node.mark));
  if (node.items.empty()) return std::nullopt;
  if (node.is_map() && node.items.back().kind == YamlNode::Kind::kNull) {
    return KeyEnd(node.keys.back());
  }
  return EndOf(node.items.back());
}

// Of the item that begins at `offset`.
std::optional<size_t> YamlText::DashBefore(size_t offset) const {
  size_t at = offset;
  while (at > 0 && IsBlank(text_[at - 1])) --at;
  if (at == 0 || at == offset || text_[at - 1] != '-' || !IsFirstOnLine(at - 1)) {
    return std::nullopt;
  }
  return at - 1;
}

std::optional<std::vector<YamlText::Entry>> YamlText::EntriesOf(const YamlNode& collection) const {
  std::vector<Entry> entries;
  const bool is_block = !IsFlow(collection);
  for (size_t i = 0; i < collection.items.size(); ++i) {
    const YamlNode& item = collection.items[i];
    std::optional<size_t> start, end = EndOf(item);
    if (collection.is_map()) {
      start = OffsetOf(collection.keys[i].mark);
      if (item.kind == YamlNode::Kind::kNull) end = KeyEnd(collection.keys[i]);
    } else {
      start = is_block ? DashBefore(OffsetOf(item.mark)) : OffsetOf(item.mark);
    }
    if (!start || !end || *end < *start) return std::nullopt;
    entries.push_back({*start, *end});
  }
  return entries;
}

// ---- writing ----------------------------------------------------------------------------------

std::string YamlText::Key(const std::string& key) const {
  return (is_json_ ? InDoubleQuotes(key) : key) + ": ";
}

std::string YamlText::Flow(const YamlNode& node) const {
  if (node.is_scalar()) {
    if (is_json_) return IsJsonWord(node.text) ? node.text : InDoubleQuotes(node.text);
    return node.is_quoted ? control::Scalar(node.text) : node.text;
  }
  if (!node.is_map() && !node.is_list()) return is_json_ ? "null" : "";
  std::string inner;
  for (size_t i = 0; i < node.items.size(); ++i) {
    inner += i == 0 ? "" : ", ";
    if (node.is_map()) inner += Key(node.keys[i].text);
    inner += Flow(node.items[i]);
  }
  if (node.is_list()) return "[" + inner + "]";
  return inner.empty() ? "{}" : "{ " + inner + " }";
}

std::string YamlText::Block(const YamlNode& map, size_t indent) const {
  const std::string blanks(indent, ' ');
  std::string lines;
  for (size_t i = 0; i < map.keys.size(); ++i) {
    const YamlNode& value = map.items[i];
    lines += (i == 0 ? "" : "\n") + blanks + map.keys[i].text + ":";
    if (!IsListOfMaps(value)) {
      lines += " " + Flow(value);
      continue;
    }
    for (const YamlNode& item : value.items) lines += "\n" + blanks + "  - " + Flow(item);
  }
  return lines;
}

std::string YamlText::BlockItem(const YamlNode& map, size_t indent) const {
  std::string lines = Block(map, indent + 2);
  lines[indent] = '-';
  return lines;
}

}  // namespace fairlead::cli
