#include "dataplane/wire/sip.h"

namespace fairlead::dataplane {
namespace {

constexpr bool IsBlank(char c) { return c == ' ' || c == '\t'; }

// RFC 3261 section 25.1, "word".
constexpr bool IsWordCharacter(char c) {
  constexpr std::string_view kMarks = "-.!%*_+`'~()<>:\\\"/[]?{}";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         kMarks.find(c) != std::string_view::npos;
}

constexpr char ToLower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// The rest of the line behind `name`, blanks, colon and blanks; data() is null for another header.
std::string_view ValueOf(std::string_view line, std::string_view name) noexcept {
  if (line.size() < name.size()) return {};
  for (size_t i = 0; i < name.size(); ++i) {
    if (ToLower(line[i]) != name[i]) return {};
  }
  line.remove_prefix(name.size());
  while (!line.empty() && IsBlank(line[0])) line.remove_prefix(1);
  if (line.empty() || line[0] != ':') return {};
  line.remove_prefix(1);
  while (!line.empty() && IsBlank(line[0])) line.remove_prefix(1);
  return line;
}

bool IsCallId(std::string_view value) noexcept {
  if (value.empty() || value.size() > kMaxCallId) return false;
  const size_t at = value.find('@');
  if (at == 0 || at == value.size() - 1) return false;
  for (size_t i = 0; i < value.size(); ++i) {
    if (i != at && !IsWordCharacter(value[i])) return false;
  }
  return true;
}

// Cuts the first line, without its end, off `rest`. False: the line has no end, or nothing is left.
bool TakeLine(std::string_view* rest, std::string_view* line) noexcept {
  const size_t end = rest->find_first_of("\r\n");
  if (end == std::string_view::npos) return false;
  *line = rest->substr(0, end);
  const bool is_pair = (*rest)[end] == '\r' && end + 1 < rest->size() && (*rest)[end + 1] == '\n';
  rest->remove_prefix(end + (is_pair ? 2 : 1));
  return true;
}

}  // namespace

std::string_view FindCallId(std::string_view message) noexcept {
  std::string_view line;
  if (!TakeLine(&message, &line)) return {};  // the start line
  while (TakeLine(&message, &line) && !line.empty()) {
    std::string_view value = ValueOf(line, "call-id");
    if (value.data() == nullptr) value = ValueOf(line, "i");
    if (value.data() == nullptr) continue;
    return IsCallId(value) ? value : std::string_view{};
  }
  return {};
}

}  // namespace fairlead::dataplane
