#include "cli/text_edits.h"

#include <algorithm>
#include <utility>

namespace fairlead::cli {

// What is put in stands before what is taken out at the same place, and so is made after it.
void TextEdits::Sort() {
  std::ranges::stable_sort(
      edits_, {}, [](const Edit& edit) { return std::pair(edit.offset, edit.length != 0); });
}

std::optional<std::string> TextEdits::ApplyTo(std::string text) {
  Sort();
  for (size_t i = 0; i + 1 < edits_.size(); ++i) {
    if (edits_[i].offset + edits_[i].length > edits_[i + 1].offset) return std::nullopt;
  }
  std::string done;
  size_t from = 0;
  for (const Edit& edit : edits_) {
    done.append(text, from, edit.offset - from).append(edit.text);
    from = edit.offset + edit.length;
  }
  return done.append(text, from);
}

std::vector<std::string> TextEdits::Changes(const YamlText& yaml) {
  Sort();
  std::vector<std::string> changes;
  for (const Edit& edit : edits_) {
    if (edit.what.empty()) continue;
    const bool is_new_line =
        edit.text.starts_with('\n') || (edit.length > 0 && yaml.text()[edit.offset] == '\n');
    changes.push_back(std::to_string(yaml.LineOf(edit.offset) + (is_new_line ? 1 : 0)) + ": " +
                      edit.what);
  }
  return changes;
}

}  // namespace fairlead::cli
