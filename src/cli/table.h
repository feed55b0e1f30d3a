// Aligned columns for people.
//
//   Table table({"SERVICE", "REALS>", "STATE!", "IN>?"});
//   table.Add({"shop", "2/2", "up", "1.2 MiB"});
//   table.Print();
//
// Marks at the end of a title: ">" numbers, aligned right; "!" states, coloured on a terminal; "?"
// may be left out, the last such column first, when a terminal is not wide enough. A line below
// says which were. "~": a name, which is cut when that is not enough; after the names the last
// column is. Addresses stay whole, for they are there to be copied: a line of long IPv6 addresses
// may be longer than the terminal is wide. A table without rows prints its titles alone. Threads: a
// value.
#pragma once

#include <string>
#include <vector>

#include "cli/screen.h"

namespace fairlead::cli {

class Table {
 public:
  explicit Table(std::vector<std::string> titles);

  // As many cells as titles.
  void Add(std::vector<std::string> cells);
  [[nodiscard]] std::string ToString(const Screen& screen = {}) const;
  // To standard output, as it suits whoever reads there.
  void Print() const;
  [[nodiscard]] bool empty() const { return rows_.size() == 1; }

 private:
  struct Column {
    bool is_right = false, is_state = false, is_optional = false, is_name = false;
  };

  [[nodiscard]] std::vector<size_t> Widths() const;
  // What the columns shown have room for, so that a line is no longer than that where it can be.
  [[nodiscard]] std::vector<size_t> Room(const std::vector<bool>& is_shown, size_t width) const;
  [[nodiscard]] std::string Line(const std::vector<std::string>& row,
                                 const std::vector<size_t>& widths,
                                 const std::vector<bool>& is_shown, bool has_colour) const;

  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;  // the first are the titles
};

}  // namespace fairlead::cli
