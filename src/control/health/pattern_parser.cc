#include "control/health/pattern_parser.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <string>
#include <utility>

#include "base/ascii.h"

namespace fairlead::control {
namespace {

using Kind = PatternNode::Kind;
using Bytes = Pattern::Bytes;

Bytes All(int (*claim)(int)) {
  Bytes bytes;
  for (int byte = 0; byte < 128; ++byte) bytes[static_cast<size_t>(byte)] = claim(byte) != 0;
  return bytes;
}

int IsWordByte(int byte) { return byte == '_' || std::isalnum(byte) ? 1 : 0; }

Bytes One(unsigned char byte) {
  Bytes bytes;
  bytes[byte] = true;
  return bytes;
}

std::optional<Bytes> NamedClass(std::string_view name) {
  using Test = int (*)(int);
  constexpr std::array<std::pair<std::string_view, Test>, 8> kNames{{{"alpha", std::isalpha},
                                                                     {"digit", std::isdigit},
                                                                     {"alnum", std::isalnum},
                                                                     {"space", std::isspace},
                                                                     {"upper", std::isupper},
                                                                     {"lower", std::islower},
                                                                     {"xdigit", std::isxdigit},
                                                                     {"punct", std::ispunct}}};
  for (const auto& [known, test] : kNames) {
    if (known == name) return All(test);
  }
  return std::nullopt;
}

// Recursive descent; the first fault ends it.
class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) {}

  Result<PatternNode> Run() {
    ReadFlags();
    PatternNode tree = Choice(0);
    if (fault_.empty() && !rest_.empty()) fault_ = "has a ) without a (";
    if (!fault_.empty()) return Error{ErrorCode::kInvalid, fault_, {}};
    return tree;
  }

 private:
  bool Take(std::string_view what) {
    if (!rest_.starts_with(what)) return false;
    rest_.remove_prefix(what.size());
    return true;
  }
  char Next() {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }
  [[nodiscard]] bool is_over() const { return !fault_.empty() || rest_.empty(); }
  PatternNode Fault(std::string what) {
    if (fault_.empty()) fault_ = std::move(what);
    return {};
  }

  void ReadFlags() {
    for (const std::string_view flags : {"(?i)", "(?s)", "(?is)", "(?si)"}) {
      if (!Take(flags)) continue;
      ignores_case_ = flags.find('i') != flags.npos;
      dot_is_all_ = flags.find('s') != flags.npos;
      return;
    }
  }

  PatternNode Choice(int depth) {
    if (depth > PatternNode::kMostDepth) return Fault("has groups in more than 32 groups");
    PatternNode choice{.kind = Kind::kChoice};
    do {
      choice.parts.push_back(Sequence(depth));
    } while (fault_.empty() && Take("|"));
    return choice.parts.size() == 1 ? std::move(choice.parts.front()) : choice;
  }

  PatternNode Sequence(int depth) {
    PatternNode sequence{.kind = Kind::kSequence};
    while (!is_over() && rest_.front() != '|' && rest_.front() != ')') {
      PatternNode atom = Atom(depth);
      const bool is_repeated = Repeat(&atom);
      if (is_repeated && Repeat(&atom)) return Fault("repeats a repetition; put it into a group");
      sequence.parts.push_back(std::move(atom));
    }
    return sequence;
  }

  // Whether a repetition has followed.
  bool Repeat(PatternNode* atom) {
    if (is_over()) return false;
    uint32_t least = 0, most = PatternNode::kEndless;
    if (Take("*")) {
    } else if (Take("+")) {
      least = 1;
    } else if (Take("?")) {
      most = 1;
    } else if (rest_.size() > 1 && rest_[0] == '{' && IsDigit(rest_[1])) {
      if (!Counts(&least, &most)) return false;
    } else {
      return false;
    }
    if (!Take("?") && !rest_.empty() && rest_.front() == '+') {
      Fault("has a possessive repetition (*+, ++, ?+), which is not known here");
    }
    PatternNode repeat{.kind = Kind::kRepeat, .least = least, .most = most};
    repeat.parts.push_back(std::move(*atom));
    *atom = std::move(repeat);
    return true;
  }

  bool Counts(uint32_t* least, uint32_t* most) {
    rest_.remove_prefix(1);
    const auto number = [&]() -> uint32_t {
      uint32_t value = 0;
      while (!rest_.empty() && IsDigit(rest_.front())) {
        value = std::min<uint32_t>(value * 10 + static_cast<uint32_t>(Next() - '0'), 10000);
      }
      return value;
    };
    *least = *most = number();
    if (Take(",")) *most = rest_.starts_with('}') ? PatternNode::kEndless : number();
    if (!Take("}")) Fault("has a { that no } ends");
    const uint32_t biggest = *most == PatternNode::kEndless ? *least : std::max(*least, *most);
    if (biggest > PatternNode::kMostRepetitions) Fault("repeats more than 255 times");
    if (*most < *least) Fault("repeats at most fewer times than at least");
    return fault_.empty();
  }

  PatternNode Atom(int depth) {
    const char c = Next();
    switch (c) {
      case '(':
        return Group(depth);
      case '[':
        return Class();
      case '.': {
        Bytes any;
        any.set();
        if (!dot_is_all_) any['\n'] = false;
        return {.kind = Kind::kBytes, .bytes = any};
      }
      case '^':
        return {.kind = Kind::kAssertion, .assertion = Pattern::Op::kLineBegin};
      case '$':
        return {.kind = Kind::kAssertion, .assertion = Pattern::Op::kLineEnd};
      case '*':
      case '+':
      case '?':
        return Fault(std::string("has a ") + c + " with nothing before it; write \\" + c);
      case '\\':
        if (Take("b")) return {.kind = Kind::kAssertion, .assertion = Pattern::Op::kWordEdge};
        if (Take("B")) return {.kind = Kind::kAssertion, .assertion = Pattern::Op::kNoWordEdge};
        return {.kind = Kind::kBytes, .bytes = Cased(Escape())};
      default:
        return {.kind = Kind::kBytes, .bytes = Cased(One(static_cast<unsigned char>(c)))};
    }
  }

  PatternNode Group(int depth) {
    if (!Take("?:") && rest_.starts_with('?')) {
      return Fault(
          "has a (? that is not known here: no looking ahead or behind, no names, and "
          "flags only at the beginning");
    }
    PatternNode inside = Choice(depth + 1);
    if (!Take(")")) return Fault("has a ( that no ) ends");
    return inside;
  }

  // After the backslash.
  Bytes Escape() {
    if (rest_.empty()) {
      Fault("ends in a backslash");
      return {};
    }
    const char c = Next();
    switch (c) {
      case 'd':
        return All(std::isdigit);
      case 'D':
        return ~All(std::isdigit);
      case 'w':
        return All(IsWordByte);
      case 'W':
        return ~All(IsWordByte);
      case 's':
        return All(std::isspace);
      case 'S':
        return ~All(std::isspace);
      case 't':
        return One('\t');
      case 'r':
        return One('\r');
      case 'n':
        return One('\n');
      case '0':
        return One(0);
      case 'x': {
        const int high = rest_.size() < 2 ? -1 : HexDigit(rest_[0]);
        const int low = rest_.size() < 2 ? -1 : HexDigit(rest_[1]);
        if (high < 0 || low < 0) {
          Fault("has a \\x without two hex digits");
          return {};
        }
        rest_.remove_prefix(2);
        return One(static_cast<unsigned char>(high * 16 + low));
      }
      default:
        if (IsDigit(c)) {
          Fault("has a back reference, which is not known here");
        } else if (std::isalpha(static_cast<unsigned char>(c))) {
          Fault(std::string("has a \\") + c + ", which is not known here");
        }
        return One(static_cast<unsigned char>(c));
    }
  }

  // After the [.
  PatternNode Class() {
    const bool is_negated = Take("^");
    Bytes bytes;
    bool is_first = true;
    while (fault_.empty()) {
      if (rest_.empty()) return Fault("has a [ that no ] ends");
      if (!std::exchange(is_first, false) && Take("]")) break;
      bytes |= ClassPart();
    }
    bytes = Cased(bytes);
    return {.kind = Kind::kBytes, .bytes = is_negated ? ~bytes : bytes};
  }

  Bytes ClassPart() {
    if (Take("[:")) {
      const size_t end = rest_.find(":]");
      const auto named = end == rest_.npos ? std::nullopt : NamedClass(rest_.substr(0, end));
      if (!named) {
        Fault("has a [: that is no class: alpha, digit, alnum, space, upper, lower, xdigit, punct");
        return {};
      }
      rest_.remove_prefix(end + 2);
      return *named;
    }
    const Bytes first = ClassByte();
    if (rest_.size() < 2 || rest_[0] != '-' || rest_[1] == ']') return first;
    rest_.remove_prefix(1);
    const Bytes last = ClassByte();
    if (first.count() != 1 || last.count() != 1) {
      Fault("has a range with an end that is no single byte");
      return {};
    }
    const size_t from = first._Find_first(), to = last._Find_first();
    if (from > to) Fault("has a range that goes backwards");
    Bytes bytes;
    for (size_t byte = from; byte <= to; ++byte) bytes[byte] = true;
    return bytes;
  }

  Bytes ClassByte() {
    const char c = Next();
    if (c != '\\') return One(static_cast<unsigned char>(c));
    if (Take("b")) return One('\b');
    return Escape();
  }

  [[nodiscard]] Bytes Cased(Bytes bytes) const {
    if (!ignores_case_) return bytes;
    for (size_t lower = 'a'; lower <= 'z'; ++lower) {
      const size_t upper = lower - 'a' + 'A';
      bytes[lower] = bytes[upper] = bytes[lower] || bytes[upper];
    }
    return bytes;
  }

  std::string_view rest_;
  std::string fault_;
  bool ignores_case_ = false;
  bool dot_is_all_ = false;
};

}  // namespace

Result<PatternNode> ParsePattern(std::string_view text) { return Parser(text).Run(); }

}  // namespace fairlead::control
