// The shortest story that still goes wrong, by leaving steps out.
//
//   const std::vector<Step> least = Shrink(story, [](const auto& s) { return Play(s) != ""; });
//
// Precondition: `fails(story)`, and it says the same of the same story each time. Every sub-story
// must be playable: a step whose ground is gone does nothing. Result: no single step can be left
// out any more.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace fairlead::dataplane {

template <typename Step, typename Fails>
std::vector<Step> Shrink(std::vector<Step> story, Fails&& fails) {
  // Halves first, since most of a long story has nothing to do with it; then ever smaller pieces.
  size_t piece = story.size() / 2 + story.size() % 2;
  while (piece > 0) {
    bool is_shorter = false;
    for (size_t at = 0; at < story.size();) {
      const size_t end = at + piece < story.size() ? at + piece : story.size();
      std::vector<Step> without(story.begin(), story.begin() + static_cast<long>(at));
      without.insert(without.end(), story.begin() + static_cast<long>(end), story.end());
      if (fails(without)) {
        story = std::move(without);
        is_shorter = true;
      } else {
        at = end;
      }
    }
    // Single steps until none can go: one may have been needed only by a later one that went.
    if (piece > 1 || !is_shorter) piece /= 2;
  }
  return story;
}

}  // namespace fairlead::dataplane
