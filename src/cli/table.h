// Aligned columns for people.
//
//   Table table({"SERVICE", "REALS>"});      // ">" ends a title: numbers, aligned right
//   table.Add({"shop", "2/2"});
//   std::fputs(table.ToString().c_str(), stdout);
//
// A table without rows prints its titles alone. Threads: a value.
#pragma once

#include <string>
#include <vector>

namespace fairlead::cli {

class Table {
 public:
  explicit Table(std::vector<std::string> titles);

  // As many cells as titles.
  void Add(std::vector<std::string> cells);
  [[nodiscard]] std::string ToString() const;
  [[nodiscard]] bool empty() const { return rows_.size() == 1; }

 private:
  std::vector<bool> is_right_;
  std::vector<std::vector<std::string>> rows_;  // the first are the titles
};

}  // namespace fairlead::cli
