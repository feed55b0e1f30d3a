#include "control/config/suggest.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace fairlead::control {

size_t EditDistance(std::string_view a, std::string_view b) {
  // Optimal string alignment: three rows of the usual table, the oldest one for swaps.
  std::vector<size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  std::iota(last.begin(), last.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

std::string_view Suggest(std::string_view word, std::span<const std::string_view> candidates) {
  constexpr size_t kMaxLength = 64;  // the table is quadratic, and no known word is longer
  std::string_view best;
  if (word.size() > kMaxLength) return best;
  candidates = candidates.first(std::min(candidates.size(), kMaxCandidates));
  size_t best_distance = kMaxLength;
  for (const std::string_view candidate : candidates) {
    if (candidate.size() > kMaxLength) continue;
    const size_t limit = std::max<size_t>(1, std::max(word.size(), candidate.size()) / 3);
    const size_t least = std::max(word.size(), candidate.size()) -
                         std::min(word.size(), candidate.size());  // letters to insert
    if (least > limit || least >= best_distance) continue;
    const size_t distance = EditDistance(word, candidate);
    if (distance <= limit && distance < best_distance && distance < candidate.size()) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

}  // namespace fairlead::control
