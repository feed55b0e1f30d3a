#include "cli/table.h"

#include <algorithm>
#include <cstdio>
#include <string_view>

namespace fairlead::cli {

namespace {

constexpr size_t kGap = 2;    // blanks between columns
constexpr size_t kLeast = 6;  // characters of a text that was cut

// Characters, not bytes: continuation bytes of UTF-8 take no room.
size_t Width(const std::string& text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

bool HasAny(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::ranges::any_of(words,
                             [&](std::string_view word) { return text.find(word) != text.npos; });
}

// Red for what has failed, yellow for what somebody wants so or what is near a limit.
std::string_view ColourOf(std::string_view state) {
  if (HasAny(state, {"DOWN", "FALLBACK", "LOST", "failed"})) return "\033[31m";
  if (HasAny(state, {"drain", "quiesce", "down", "removed", "overloaded", "IN USE", "invalid"})) {
    return "\033[33m";
  }
  return state == "up" || state == "ESTABLISHED" || state == "reachable" ? "\033[32m" : "";
}

// At most so many characters; what was longer ends with "…".
std::string Cut(const std::string& text, size_t characters) {
  if (Width(text) <= characters) return text;
  size_t bytes = 0;
  for (size_t n = 0; bytes < text.size(); ++bytes) {
    const bool begins = (static_cast<unsigned char>(text[bytes]) & 0xc0) != 0x80;
    if (begins && n++ == characters - 1) break;
  }
  return text.substr(0, bytes) + "…";
}

size_t LineWidth(const std::vector<size_t>& widths, const std::vector<bool>& is_shown) {
  size_t sum = 0, shown = 0;
  for (size_t i = 0; i < widths.size(); ++i) {
    if (!is_shown[i]) continue;
    sum += widths[i];
    ++shown;
  }
  return shown == 0 ? 0 : sum + (shown - 1) * kGap;
}

}  // namespace

Table::Table(std::vector<std::string> titles) : columns_(titles.size()) {
  for (size_t i = 0; i < titles.size(); ++i) {
    for (std::string& title = titles[i]; !title.empty(); title.pop_back()) {
      if (title.back() == '>') {
        columns_[i].is_right = true;
      } else if (title.back() == '!') {
        columns_[i].is_state = true;
      } else if (title.back() == '?') {
        columns_[i].is_optional = true;
      } else if (title.back() == '~') {
        columns_[i].is_name = true;
      } else {
        break;
      }
    }
  }
  rows_.push_back(std::move(titles));
}

void Table::Add(std::vector<std::string> cells) {
  cells.resize(columns_.size());
  rows_.push_back(std::move(cells));
}

std::vector<size_t> Table::Widths() const {
  std::vector<size_t> widths(columns_.size());
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Width(row[i]));
  }
  return widths;
}

std::vector<size_t> Table::Room(const std::vector<bool>& is_shown, size_t width) const {
  std::vector<size_t> room = Widths();
  for (size_t i = 0; i < room.size(); ++i) {
    const size_t line = LineWidth(room, is_shown), least = std::max(kLeast, Width(rows_[0][i]));
    if (!columns_[i].is_name || !is_shown[i] || line <= width) continue;
    room[i] -= std::min(line - width, room[i] - std::min(room[i], least));
  }
  // What is left over is the last text's to give: a sentence, of which the beginning says most.
  const size_t last = columns_.size() - 1, line = LineWidth(room, is_shown);
  const size_t excess = line > width ? line - width : 0;
  if (!columns_[last].is_right && room[last] >= excess + kLeast) room[last] -= excess;
  return room;
}

std::string Table::Line(const std::vector<std::string>& row, const std::vector<size_t>& widths,
                        const std::vector<bool>& is_shown, bool has_colour) const {
  std::string line;
  size_t blanks = 0;  // before the next text: none are left at the end of a line
  for (size_t i = 0; i < row.size(); ++i) {
    if (!is_shown[i]) continue;
    const size_t pad = widths[i] - Width(row[i]);
    if (columns_[i].is_right) blanks += pad;
    if (!row[i].empty()) {
      const std::string_view colour =
          has_colour && columns_[i].is_state ? ColourOf(row[i]) : std::string_view();
      line.append(blanks, ' ')
          .append(colour)
          .append(row[i])
          .append(colour.empty() ? "" : "\033[0m");
      blanks = 0;
    }
    blanks += kGap + (columns_[i].is_right ? 0 : pad);
  }
  return line + "\n";
}

std::string Table::ToString(const Screen& screen) const {
  const std::vector<size_t> widths = Widths();
  std::vector<bool> is_shown(columns_.size(), true);
  std::string left_out;
  for (size_t i = columns_.size(); screen.width > 0 && i-- > 0;) {
    if (LineWidth(widths, is_shown) <= screen.width) break;
    if (!columns_[i].is_optional) continue;
    is_shown[i] = false;
    left_out = rows_[0][i] + (left_out.empty() ? "" : ", ") + left_out;
  }
  const std::vector<size_t> room = screen.width > 0 ? Room(is_shown, screen.width) : widths;
  std::string text;
  for (size_t r = 0; r < rows_.size(); ++r) {
    std::vector<std::string> row = rows_[r];
    for (size_t i = 0; i < row.size(); ++i) row[i] = Cut(row[i], room[i]);
    text += Line(row, room, is_shown, screen.has_colour && r > 0);
  }
  if (!left_out.empty()) text += "(no room for " + left_out + ")\n";
  return text;
}

void Table::Print() const { std::fputs(ToString(Screen::OfStandardOutput()).c_str(), stdout); }

}  // namespace fairlead::cli
