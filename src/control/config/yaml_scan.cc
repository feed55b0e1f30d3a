#include "control/config/yaml_scan.h"

#include "base/utf8.h"

namespace fairlead::control {
namespace {

bool IsBlank(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

// How many tokens a byte may bring: a bracket or a comma brings itself, and the value behind it
// brings itself and perhaps a key; a pair of quotes is one value.
size_t TokensOf(char c, bool begins_word) {
  switch (c) {
    case '[':
    case '{':
    case ',':
      return 3;
    case ']':
    case '}':
    case '"':
    case '\'':
      return 1;
    default:
      return begins_word ? 2 : 0;
  }
}

std::string Count(size_t n) { return std::to_string(n); }

}  // namespace

std::optional<Unfit> FindUnfit(std::string_view text, const YamlLimits& limits,
                               uint32_t first_line) {
  if (text.size() > limits.bytes) {
    return Unfit{{},
                 "larger than " + Count(limits.bytes >> 20) +
                     " MiB; put long prefix lists into files of their own"};
  }
  const size_t good = Utf8Length(text);
  Mark at{first_line, 1};
  size_t brackets = 0, tokens = 0;
  bool is_blank = true;  // the byte before
  for (size_t i = 0; i < good; ++i) {
    const char c = text[i];
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && !IsBlank(c)) || byte == 0x7f)
      return Unfit{at, "a control character; is this a text file?"};
    brackets += c == '[' || c == '{';
    tokens += TokensOf(c, is_blank && !IsBlank(c));
    if (brackets > limits.brackets) {
      return Unfit{at, "more than " + Count(limits.brackets) +
                           " lists and maps in brackets; is this a configuration?"};
    }
    if (tokens > limits.tokens)
      return Unfit{at, "more words than a configuration has; is this a configuration?"};
    is_blank = IsBlank(c);
    ++at.column;
    if (c == '\n') at = {at.line + 1, 1};
  }
  if (good < text.size()) return Unfit{at, "a byte that is not UTF-8; save the file as UTF-8"};
  return std::nullopt;
}

}  // namespace fairlead::control
