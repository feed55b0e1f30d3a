// Everything wrong with one configuration, each with its place, and where each path stands.
//
//   Problems problems("web.yaml");
//   problems.Note("services[0].port", {42, 11});
//   problems.Add("services[0].port", "must be a whole number from 0 to 65535, not \"http\"");
//   problems.Take()[0].ToString();
//   // web.yaml:42:11: services[0].port: must be a whole number from 0 to 65535, not "http"
//
// A path without a noted place stands where its nearest noted ancestor does. A model that did not
// come from a file has no notes: its errors carry the path alone. Threads: one.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/result.h"

namespace fairlead::control {

struct Mark {
  uint32_t line = 0;  // 1-based; 0: unknown
  uint32_t column = 0;
  [[nodiscard]] bool is_known() const { return line != 0; }
  friend bool operator==(const Mark&, const Mark&) = default;
};

class Problems {
 public:
  // More than this many are counted, not kept: a file of garbage must not fill the memory.
  static constexpr size_t kMaxKept = 1000;
  // The nearest known word is looked for so often: that costs more than all else about a problem.
  static constexpr size_t kMaxSuggestions = 25;

  explicit Problems(std::string file) : file_(std::move(file)) {}

  void Note(const std::string& path, Mark mark) { marks_.insert_or_assign(path, mark); }
  // At the noted place of `path`; the second form when the place is another (a key, a list item).
  void Add(const std::string& path, std::string sentence);
  void Add(const std::string& path, Mark mark, std::string sentence);
  // In another file, such as a prefix list.
  void AddIn(const std::string& file, Mark mark, const std::string& path, std::string sentence);
  // The value of `path` cannot be relied on, so checks that use it keep quiet.
  void SetBroken(const std::string& path) { broken_.insert(path); }

  // The same for everything below `path`: it could not be read at all.
  void SetUnreadable(const std::string& path) { unreadable_.insert(path); }

  [[nodiscard]] bool IsUnreadable(const std::string& path) const {
    return unreadable_.contains(path);
  }
  // Whether something was found at `path` or below it, or it stands in something unreadable.
  [[nodiscard]] bool IsBroken(const std::string& path) const;
  [[nodiscard]] bool empty() const { return entries_.empty(); }
  [[nodiscard]] bool wants_suggestion() const { return entries_.size() < kMaxSuggestions; }
  [[nodiscard]] size_t count() const { return entries_.size() + not_kept_; }
  // "web.yaml:42:11", or the path itself when the model came from no file.
  [[nodiscard]] std::string Where(const std::string& path) const;
  [[nodiscard]] Mark MarkOf(std::string path) const;
  [[nodiscard]] const std::string& file() const { return file_; }
  // The noted places alone, but for those of the items of a list.
  [[nodiscard]] Problems PlacesWithout(const std::string& list) const;
  // All of them in file order.
  [[nodiscard]] std::vector<Error> Take();

 private:
  struct Entry {
    std::string file;
    Mark mark;
    Error error;
  };

  std::string file_;
  std::map<std::string, Mark> marks_;
  std::set<std::string> broken_;
  std::set<std::string> unreadable_;
  std::vector<Entry> entries_;
  size_t not_kept_ = 0;
};

// "web.yaml:42:11", or the file alone for an unknown mark.
std::string PlaceText(const std::string& file, Mark mark);

// `text` in double quotes with everything unprintable escaped, what is no UTF-8 included: safe on a
// terminal and in JSON. Shortened after `max_shown` bytes, between characters; pass kWhole for what
// is of no use in part, such as the name of a file.
inline constexpr size_t kWhole = std::string_view::npos;
std::string Quote(std::string_view text, size_t max_shown = 60);

}  // namespace fairlead::control
