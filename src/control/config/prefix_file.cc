#include "control/config/prefix_file.h"

#include <algorithm>
#include <tuple>

#include "control/config/scalar_reader.h"

namespace fairlead::control {

std::vector<Prefix> ParsePrefixList(std::string_view text, const std::string& file,
                                    const std::string& path, Problems& problems) {
  constexpr std::string_view kBlank = " \t\r";
  std::vector<Prefix> prefixes;
  size_t broken = 0;
  uint32_t line_number = 0;
  while (!text.empty()) {
    ++line_number;
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    line = line.substr(0, line.find('#'));
    const size_t first = line.find_first_not_of(kBlank);
    if (first == std::string_view::npos) continue;
    const std::string_view word = line.substr(first, line.find_last_not_of(kBlank) - first + 1);
    if (auto prefix = ParseNetwork(word)) {
      prefixes.push_back(*prefix);
    } else if (++broken <= kMaxPrefixFileErrors) {
      // Not a word of the line: the file may be one that the reader of the problem may not read.
      problems.AddIn(file, {line_number, static_cast<uint32_t>(first) + 1}, path,
                     Prefix::Parse(word) ? "has bits set after the prefix length"
                                         : "is not an address or prefix such as 192.0.2.0/24");
    }
  }
  if (broken > kMaxPrefixFileErrors) {
    problems.AddIn(file, {line_number, 1}, path,
                   std::to_string(broken - kMaxPrefixFileErrors) + " more lines are not prefixes");
  }
  return prefixes;
}

void SortPrefixes(std::vector<Prefix>& prefixes) {
  std::sort(prefixes.begin(), prefixes.end(), [](const Prefix& a, const Prefix& b) {
    return std::tie(a.address, a.length) < std::tie(b.address, b.length);
  });
  prefixes.erase(std::unique(prefixes.begin(), prefixes.end()), prefixes.end());
}

}  // namespace fairlead::control
