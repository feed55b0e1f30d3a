#include "control/config/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <sstream>

namespace fairlead::control {
namespace {

// Thrown out of the parser when going on would cost too much. Never leaves this file.
struct TooMuch {
  Mark mark;
  std::string sentence;
};

// Theirs is 0-based, and -1 when unknown.
Mark ToMark(const YAML::Mark& mark, uint32_t first_line) {
  if (mark.line < 0) return {};
  return {static_cast<uint32_t>(mark.line) + first_line, static_cast<uint32_t>(mark.column) + 1};
}

// Builds the tree from the parser's events. `open_` holds the path of unfinished lists and maps;
// in a map, events alternate between key and value.
class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(Problems& problems, uint32_t first_line, const YamlLimits& limits)
      : problems_(problems), first_line_(first_line), limits_(limits) {}

  YamlNode TakeRoot() { return std::move(root_); }
  [[nodiscard]] size_t documents() const { return documents_; }
  [[nodiscard]] Mark last_quoted() const { return last_quoted_; }

  void OnDocumentStart(const YAML::Mark& at) override {
    if (++documents_ == 2)
      problems_.Add("", ToMark(at), "a second YAML document (---); only one is allowed");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& at, YAML::anchor_t anchor) override {
    Leaf(at, anchor, YamlNode::Kind::kNull);
  }
  void OnAlias(const YAML::Mark& at, YAML::anchor_t) override {
    problems_.Add("", ToMark(at), "aliases (*name) are not allowed; write the value out");
    Leaf(at, 0, YamlNode::Kind::kBroken);
  }
  void OnScalar(const YAML::Mark& at, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    YamlNode node = Start(at, tag, anchor, YamlNode::Kind::kScalar);
    node.text = value;
    node.is_quoted = tag == "!";
    if (node.is_quoted) last_quoted_ = node.mark;
    Finish(std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& at, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(Start(at, tag, anchor, YamlNode::Kind::kList));
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& at, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(Start(at, tag, anchor, YamlNode::Kind::kMap));
  }
  void OnMapEnd() override { Close(); }

 private:
  [[nodiscard]] Mark ToMark(const YAML::Mark& mark) const {
    return control::ToMark(mark, first_line_);
  }
  YamlNode Start(const YAML::Mark& at, const std::string& tag, YAML::anchor_t anchor,
                 YamlNode::Kind kind) {
    YamlNode node;
    node.kind = kind;
    node.mark = ToMark(at);
    if (++nodes_ > limits_.nodes) {
      throw TooMuch{node.mark, "more than " + std::to_string(limits_.nodes) +
                                   " values; put long prefix lists into files of their own"};
    }
    if (anchor != 0)
      problems_.Add("", node.mark, "anchors (&name) are not allowed; write the value out");
    // yaml-cpp says "?" for a plain value and "!" for a quoted one; anything else was written.
    // It is not shown: it may be a password that should have been quoted.
    if (!tag.empty() && tag != "?" && tag != "!")
      problems_.Add("", node.mark,
                    "tags (!name) are not allowed; put a value that begins with \"!\" into quotes");
    return node;
  }

  void Leaf(const YAML::Mark& at, YAML::anchor_t anchor, YamlNode::Kind kind) {
    Finish(Start(at, "", anchor, kind));
  }

  void Open(YamlNode node) {
    if (open_.size() >= kMaxYamlDepth) {
      throw TooMuch{node.mark, "nested deeper than " + std::to_string(kMaxYamlDepth) + " levels"};
    }
    open_.push_back(std::move(node));
  }

  void Close() {
    YamlNode node = std::move(open_.back());
    open_.pop_back();
    Finish(std::move(node));
  }

  void Finish(YamlNode node) {
    if (open_.empty()) {
      if (documents_ == 1) root_ = std::move(node);
      return;
    }
    YamlNode& parent = open_.back();
    const bool is_key = parent.is_map() && parent.keys.size() == parent.items.size();
    if (!is_key) {
      // An absent value has no place of its own worth showing: its key's is better.
      if (node.kind == YamlNode::Kind::kNull && parent.is_map())
        node.mark = parent.keys.back().mark;
      parent.items.push_back(std::move(node));
      return;
    }
    if (!node.is_scalar() && node.kind != YamlNode::Kind::kBroken)
      problems_.Add("", node.mark, "a key must be a plain word");
    if (parent.keys.size() >= limits_.keys) {
      throw TooMuch{node.mark, "more than " + std::to_string(limits_.keys) + " keys in one map"};
    }
    parent.keys.push_back({std::move(node.text), node.mark, !node.is_scalar()});
  }

  Problems& problems_;
  const uint32_t first_line_;
  const YamlLimits& limits_;
  YamlNode root_;
  std::vector<YamlNode> open_;
  Mark last_quoted_;
  size_t nodes_ = 0;
  size_t documents_ = 0;
};

// The text from a place to the end; empty when the place is not in the text.
std::string_view TextFrom(std::string_view text, Mark at) {
  for (uint32_t line = 1; line < at.line; ++line) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  const size_t skip = at.column == 0 ? 0 : at.column - 1;
  return skip < text.size() ? text.substr(skip) : std::string_view{};
}

// yaml-cpp 0.7 takes a quote that is never closed as one that ends with the file.
bool IsUnclosedQuote(std::string_view rest) {
  if (rest.empty() || (rest[0] != '"' && rest[0] != '\'')) return false;
  for (size_t i = 1; i < rest.size(); ++i) {
    if (rest[0] == '"' && rest[i] == '\\') {
      ++i;
    } else if (rest[i] == rest[0]) {
      // In single quotes, two of them are one of the text.
      if (rest[0] == '"' || i + 1 >= rest.size() || rest[i + 1] != rest[0]) return false;
      ++i;
    }
  }
  return true;
}

// yaml-cpp's own words, with what usually stands behind them.
std::string SyntaxSentence(const YAML::Exception& e, std::string_view text) {
  const Mark at = ToMark(e.mark, 1);
  const std::string_view here = TextFrom(text, at);
  const std::string_view line = TextFrom(text, {at.line, 1});
  if (!here.empty() && (here[0] == '@' || here[0] == '`'))
    return std::string("not valid YAML: a value that begins with ") + here[0] + " needs quotes";
  if (line.substr(0, line.find_first_not_of(" \t")).find('\t') != std::string_view::npos)
    return "not valid YAML: lines are indented with blanks, not with tabs";
  std::string sentence = "not valid YAML: " + e.msg;
  if (e.msg == YAML::ErrorMsg::END_OF_MAP || e.msg == YAML::ErrorMsg::END_OF_SEQ)
    sentence += "; is this line indented as its neighbours are?";
  return sentence;
}

}  // namespace

std::optional<YamlNode> ParseYaml(const std::string& text, Problems& problems, uint32_t first_line,
                                  const YamlLimits& limits) {
  if (const auto unfit = FindUnfit(text, limits, first_line)) {
    problems.Add("", unfit->mark, unfit->sentence);
    return std::nullopt;
  }
  std::istringstream stream(text);
  TreeBuilder builder(problems, first_line, limits);
  try {
    YAML::Parser parser(stream);
    while (builder.documents() < 2 && parser.HandleNextDocument(builder)) {
    }
  } catch (const TooMuch& e) {
    problems.Add("", e.mark, e.sentence);
    return std::nullopt;
  } catch (const YAML::Exception& e) {
    problems.Add("", ToMark(e.mark, first_line), SyntaxSentence(e, text));
    return std::nullopt;
  }
  const Mark quoted = builder.last_quoted();
  const uint32_t quoted_line = quoted.is_known() ? quoted.line - first_line + 1 : 0;
  if (IsUnclosedQuote(TextFrom(text, {quoted_line, quoted.column}))) {
    problems.Add("", quoted, "not valid YAML: this quote is never closed");
    return std::nullopt;
  }
  return builder.TakeRoot();
}

size_t CountNodes(const YamlNode& node) {
  size_t count = 1 + node.keys.size();
  for (const YamlNode& item : node.items) count += CountNodes(item);
  return count;
}

}  // namespace fairlead::control
