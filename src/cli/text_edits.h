// Changes of a text by place, made together at the end.
//
//   TextEdits edits;
//   edits.Put(12, 3, "new", "weight: 1 → 5");   // instead of three bytes
//   edits.Put(12, 0, "before ", "");            // in front of them
//   edits.ApplyTo(text), edits.Changes(yaml)    // {"2: weight: 1 → 5"}
//
// Several that are put in at one place come in the order in which they were put. Threads: a value.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "cli/yaml_text.h"

namespace fairlead::cli {

class TextEdits {
 public:
  // `what` is for people; empty: part of another one.
  void Put(size_t offset, size_t length, std::string text, std::string what) {
    edits_.push_back({offset, length, std::move(text), std::move(what)});
  }
  // Nothing when two of them touch the same bytes.
  [[nodiscard]] std::optional<std::string> ApplyTo(std::string text);
  // "LINE: what", in the order of the file.
  [[nodiscard]] std::vector<std::string> Changes(const YamlText& yaml);

 private:
  struct Edit {
    size_t offset = 0, length = 0;
    std::string text, what;
  };
  void Sort();

  std::vector<Edit> edits_;
};

}  // namespace fairlead::cli
