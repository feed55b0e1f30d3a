#include "control/config/problems.h"

#include <algorithm>
#include <cstdio>

#include "base/utf8.h"

namespace fairlead::control {

std::string PlaceText(const std::string& file, Mark mark) {
  if (!mark.is_known()) return file;
  return file + ":" + std::to_string(mark.line) + ":" + std::to_string(mark.column);
}

Mark Problems::MarkOf(std::string path) const {
  for (;;) {
    if (auto it = marks_.find(path); it != marks_.end()) return it->second;
    const size_t cut = path.find_last_of(".[");
    if (cut == std::string::npos) break;
    path.resize(cut);
  }
  const auto root = marks_.find("");
  return root == marks_.end() ? Mark{} : root->second;
}

void Problems::Add(const std::string& path, std::string sentence) {
  Add(path, MarkOf(path), std::move(sentence));
}

void Problems::Add(const std::string& path, Mark mark, std::string sentence) {
  AddIn(file_, mark, path, std::move(sentence));
}

void Problems::AddIn(const std::string& file, Mark mark, const std::string& path,
                     std::string sentence) {
  broken_.insert(path);
  if (entries_.size() >= kMaxKept) {
    ++not_kept_;
    return;
  }
  std::string place = file.empty() ? "" : PlaceText(file, mark);
  if (!place.empty() && !path.empty()) place += ": ";
  entries_.push_back({file, mark, {ErrorCode::kInvalid, std::move(sentence), place + path}});
}

bool Problems::IsBroken(const std::string& path) const {
  if (broken_.contains(path)) return true;
  // Below: the paths that go on with "." or "[". Both sort after `path` itself, with other paths
  // ("port" and "ports") possibly between them, so each is looked for on its own.
  for (const char next : {'.', '['}) {
    const std::string below = path + next;
    const auto it = broken_.lower_bound(below);
    if (it != broken_.end() && it->starts_with(below)) return true;
  }
  if (unreadable_.empty()) return false;
  for (std::string up = path;;) {
    if (unreadable_.contains(up)) return true;
    if (up.empty()) return false;
    const size_t cut = up.find_last_of(".[");
    up.resize(cut == std::string::npos ? 0 : cut);
  }
}

std::string Problems::Where(const std::string& path) const {
  const Mark mark = MarkOf(path);
  return mark.is_known() ? PlaceText(file_, mark) : path;
}

Problems Problems::PlacesWithout(const std::string& list) const {
  Problems places(file_);
  for (const auto& [path, mark] : marks_) {
    if (!path.starts_with(list + "[")) places.marks_.emplace_hint(places.marks_.end(), path, mark);
  }
  return places;
}

std::vector<Error> Problems::Take() {
  // The configuration file first, then the files it names, in the order they were read.
  std::stable_sort(entries_.begin(), entries_.end(), [this](const Entry& a, const Entry& b) {
    if (a.file != file_ || b.file != file_) return a.file == file_ && b.file != file_;
    return std::tie(a.mark.line, a.mark.column) < std::tie(b.mark.line, b.mark.column);
  });
  std::vector<Error> errors;
  errors.reserve(entries_.size() + 1);
  for (Entry& entry : entries_) errors.push_back(std::move(entry.error));
  if (not_kept_ > 0) {
    errors.push_back(
        {ErrorCode::kInvalid, "and " + std::to_string(not_kept_) + " more problems", file_});
  }
  entries_.clear();
  not_kept_ = 0;
  return errors;
}

std::string Quote(std::string_view text, size_t max_shown) {
  std::string quoted = "\"";
  size_t at = 0;
  while (at < text.size()) {
    const size_t length = Utf8CharacterLength(text.substr(at));
    if (std::max<size_t>(length, 1) > max_shown - std::min(at, max_shown)) break;
    const auto byte = static_cast<unsigned char>(text[at]);
    if (length == 0 || byte < 0x20 || byte == 0x7f) {
      char escape[5];
      std::snprintf(escape, sizeof escape, "\\x%02x", byte);
      quoted += escape;
    } else {
      quoted += text.substr(at, length);
    }
    at += std::max<size_t>(length, 1);
  }
  if (at < text.size()) quoted += "...";
  return quoted + "\"";
}

}  // namespace fairlead::control
