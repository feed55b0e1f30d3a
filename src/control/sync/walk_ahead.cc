#include "control/sync/walk_ahead.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace fairlead::control {
namespace {

using sync::StreamEntry;

bool IsSameRecord(const StreamEntry& a, const StreamEntry& b) {
  return a.kind == b.kind && a.client == b.client && a.client_port == b.client_port &&
         a.virtual_address == b.virtual_address && a.virtual_port == b.virtual_port &&
         a.protocol == b.protocol && a.scope == b.scope && a.spread == b.spread &&
         a.client_group == b.client_group && a.service_group == b.service_group &&
         a.engine_length == b.engine_length &&
         std::memcmp(a.engine_data.data(), b.engine_data.data(), a.engine_length) == 0;
}

}  // namespace

void WalkAhead::Begin(uint32_t first, uint32_t count) {
  Clear();
  first_ = first;
  ranges_.resize(count);
  is_filling_ = true;
}

void WalkAhead::Add(const StreamEntry& entry) {
  const uint32_t at = sync::RangeOf(entry) - first_;
  if (at < ranges_.size()) ranges_[at].entries.push_back(entry);
}

bool WalkAhead::End() {
  is_filling_ = false;
  if (kept_.size() > kMostKept && ranges_.size() > 1) {
    Clear();
    return false;
  }
  for (Range& range : ranges_) range.is_here = true;
  for (const Kept& kept : std::exchange(kept_, {})) Apply(kept.entry, kept.is_taken);
  return true;
}

void WalkAhead::Follow(const StreamEntry& news) { Note(news, false); }
void WalkAhead::FollowTaken(const StreamEntry& entry) { Note(entry, true); }

void WalkAhead::Note(const StreamEntry& entry, bool is_taken) {
  if (ranges_.empty() || sync::RangeOf(entry) - first_ >= ranges_.size()) return;
  if (!is_filling_) return Apply(entry, is_taken);
  // A pass for one range alone is never given up.
  if (kept_.size() <= kMostKept || ranges_.size() == 1) kept_.push_back({entry, is_taken});
}

void WalkAhead::Apply(const StreamEntry& entry, bool is_taken) {
  Range& range = ranges_[sync::RangeOf(entry) - first_];
  if (!range.is_here) return;
  const auto known = std::ranges::find_if(
      range.entries, [&](const StreamEntry& e) { return IsSameRecord(e, entry); });
  const bool is_known = known != range.entries.end();
  if (entry.event == sync::StreamEvent::kGone) {
    if (is_known && known->real == entry.real) range.entries.erase(known);
  } else if (is_known && (!is_taken || known->real == entry.real)) {
    *known = entry;
  } else if (!is_known && !is_taken) {
    range.entries.push_back(entry);
  }
}

std::vector<StreamEntry> WalkAhead::Take(uint32_t range) {
  Range& taken = ranges_[range - first_];
  taken.is_here = false;
  return std::exchange(taken.entries, {});
}

void WalkAhead::Clear() {
  ranges_.clear();
  kept_.clear();
  is_filling_ = false;
}

}  // namespace fairlead::control
