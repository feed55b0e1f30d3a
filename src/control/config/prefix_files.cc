#include "control/config/prefix_files.h"

#include <algorithm>
#include <utility>

#include "control/config/prefix_file.h"
#include "control/config/read_file.h"

namespace fairlead::control {

Result<SharedVector<Prefix>> PrefixFiles::Read(const std::string& file, const std::string& path,
                                               Problems& problems) {
  auto text = ReadFile(file, kMaxPrefixFileBytes);
  if (!text) return text.error();
  const auto known = known_.find(file);
  if (known != known_.end() && known->second.text == *text) {
    known->second.is_used = true;
    return known->second.prefixes;
  }
  const size_t problems_before = problems.count();
  std::vector<Prefix> parsed = ParsePrefixList(*text, file, path, problems);
  SortPrefixes(parsed);
  SharedVector<Prefix> prefixes = std::move(parsed);
  if (problems.count() != problems_before) return prefixes;
  known_.insert_or_assign(file, Known{*std::move(text), prefixes, true});
  return prefixes;
}

bool PrefixFiles::AreUnchanged() const {
  return is_complete_ && std::ranges::all_of(known_, [](const auto& entry) {
           const auto text = ReadFile(entry.first, kMaxPrefixFileBytes);
           return text && *text == entry.second.text;
         });
}

void PrefixFiles::Begin() {
  is_complete_ = false;
  for (auto& [file, known] : known_) known.is_used = false;
}

void PrefixFiles::End() {
  std::erase_if(known_, [](const auto& entry) { return !entry.second.is_used; });
  is_complete_ = true;
}

}  // namespace fairlead::control
