// Entries of a list or map in a YAML file put in and taken out, each in the layout of those beside
// it.
//
//   EntryEdits entries(yaml, &edits);
//   entries.Cut(list, {false, true}, {"", "real 10.0.0.12 removed"}, key_end)
//   entries.Insert(list, {{.after = 0, .node = &real, .what = "real 10.0.0.13 added"}})
//
// false: it cannot be done without touching what is somebody else's, and nothing was put into
// `edits`. Comments on lines of their own stay; one behind an entry goes with it. Threads: a value.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "cli/text_edits.h"
#include "cli/yaml_text.h"

namespace fairlead::cli {

class EntryEdits {
 public:
  struct New {
    ptrdiff_t after = -1;  // index of the entry before it; -1: it is to be the first
    const control::YamlNode* node = nullptr;
    std::string what{};
  };

  EntryEdits(const YamlText& yaml, TextEdits* edits) : yaml_(yaml), edits_(edits) {}

  // `key_end`: of the key whose value the collection is. A list of lines that loses all its items
  // gets "[]" there, unless `is_refilled`.
  bool Cut(const control::YamlNode& collection, const std::vector<bool>& goes,
           const std::vector<std::string>& what, size_t key_end, bool is_refilled);
  // Maps into a list that has items, in order of `after`. `is_emptied`: all of its own are cut.
  bool Insert(const control::YamlNode& list, const std::vector<New>& items, bool is_emptied);
  // Maps as a list's first items, where the file says "key:" or "key: []" on a line. `is_short`: a
  // line each, if they have no lists of their own.
  bool Fill(const control::YamlNode& list, size_t key_end, size_t key_column, bool is_short,
            const std::vector<New>& items);
  // An item behind a dash in column `indent`.
  [[nodiscard]] std::string LinesOf(const New& item, size_t indent, bool is_short) const;

 private:
  using Entries = std::vector<YamlText::Entry>;

  bool CutLines(const control::YamlNode& collection, const Entries& entries,
                const std::vector<bool>& goes, const std::vector<std::string>& what);
  void CutFlow(const Entries& entries, const std::vector<bool>& goes,
               const std::vector<std::string>& what);
  void CutWhole(const Entries& entries, const std::string& what);
  void CutTail(const Entries& entries, size_t first, const std::string& what);
  void CutRun(const Entries& entries, size_t first, size_t next, const std::string& what);
  bool InsertLines(const control::YamlNode& list, const Entries& entries,
                   const std::vector<New>& items);
  [[nodiscard]] std::string LeadOf(const YamlText::Entry& beside) const;
  void InsertFirst(const YamlText::Entry& first, const New& item, bool has_more);
  void InsertAfter(const Entries& entries, const New& item, bool is_first, bool has_more);

  const YamlText& yaml_;
  TextEdits* edits_;
};

}  // namespace fairlead::cli
