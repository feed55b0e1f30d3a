#include "control/config/service_pieces.h"

#include <algorithm>

namespace fairlead::control {
namespace {

constexpr std::string_view kKey = "services:";

// Gives the lines of a text one by one.
class Lines {
 public:
  explicit Lines(std::string_view text) : text_(text) {}

  bool Next() {
    begin_ = end_;
    if (begin_ >= text_.size()) return false;
    end_ = std::min(text_.find('\n', begin_), text_.size() - 1) + 1;
    ++number_;
    column_ = 0;
    while (begin_ + column_ < end_ && text_[begin_ + column_] == ' ') ++column_;
    return true;
  }
  [[nodiscard]] size_t begin() const { return begin_; }
  [[nodiscard]] uint32_t number() const { return number_; }
  // Of the first byte that is no blank, from 0.
  [[nodiscard]] size_t column() const { return column_; }
  // From there on, with the line end.
  [[nodiscard]] std::string_view content() const {
    return text_.substr(begin_ + column_, end_ - begin_ - column_);
  }
  // A blank line or a comment.
  [[nodiscard]] bool is_empty() const {
    const std::string_view rest = content();
    return rest.empty() || rest[0] == '\n' || rest[0] == '#';
  }
  [[nodiscard]] bool is_item() const {
    const std::string_view rest = content();
    return rest.starts_with("- ") || rest.starts_with("-\n");
  }

 private:
  std::string_view text_;
  size_t begin_ = 0, end_ = 0, column_ = 0;
  uint32_t number_ = 0;
};

bool IsServicesLine(const Lines& line) {
  if (line.column() != 0 || !line.content().starts_with(kKey)) return false;
  const std::string_view rest = line.content().substr(kKey.size());
  const size_t first = rest.find_first_not_of(' ');
  return first == std::string_view::npos || rest[first] == '\n' ||
         (rest[first] == '#' && first > 0);
}

// "---", "..." and "%YAML" begin or end a document.
bool IsDocumentLine(const Lines& line) {
  const std::string_view rest = line.content();
  return line.column() == 0 &&
         (rest.starts_with("---") || rest.starts_with("...") || rest.starts_with("%"));
}

}  // namespace

std::optional<ServicePieces> CutServices(std::string_view text) {
  Lines line(text);
  bool is_found = false;
  while (!is_found && line.Next()) is_found = IsServicesLine(line);
  if (!is_found) return std::nullopt;
  do {
    if (!line.Next()) return std::nullopt;
  } while (line.is_empty());
  if (!line.is_item()) return std::nullopt;
  ServicePieces pieces;
  pieces.before = {0, line.begin(), 1};
  const size_t column = line.column();
  const auto end_last = [&](size_t end) {
    if (!pieces.services.empty()) pieces.services.back().end = end;
  };
  pieces.after = {text.size(), text.size(), 1};
  do {
    if (line.is_empty() || line.column() > column) continue;
    end_last(line.begin());
    if (line.column() == column && line.is_item()) {
      pieces.services.push_back({line.begin(), text.size(), line.number()});
      continue;
    }
    if (line.column() != 0) return std::nullopt;
    pieces.after = {line.begin(), text.size(), line.number()};
    break;
  } while (line.Next());
  if (pieces.after.begin == text.size()) return pieces;
  do {
    if (IsDocumentLine(line)) return std::nullopt;
  } while (line.Next());
  return pieces;
}

bool IsSelfContained(std::string_view piece) {
  for (size_t at = piece.find_first_of("|>\t\r"); at != std::string_view::npos;
       at = piece.find_first_of("|>\t\r", at + 1)) {
    if (piece[at] == '\t' || piece[at] == '\r') return false;
    // A block scalar begins where a value may: after "key: ", "- " or "? ".
    const size_t word = at == 0 ? std::string_view::npos : piece.find_last_not_of(" \n", at - 1);
    if (word == std::string_view::npos || word + 1 == at) continue;
    if (piece[word] == ':' || piece[word] == '-' || piece[word] == '?') return false;
  }
  return true;
}

}  // namespace fairlead::control
