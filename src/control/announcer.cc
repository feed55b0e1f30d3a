#include "control/announcer.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <unordered_set>
#include <utility>

#include "dataplane/wire/arp.h"
#include "dataplane/wire/neighbour_discovery.h"

namespace fairlead::control {

void Announcer::Announce(std::vector<Announcement> all, TimePoint now,
                         const std::vector<IpAddress>& returned) {
  std::ranges::sort(all);
  const std::vector<Announcement> before = std::exchange(all_, std::move(all));
  const std::unordered_set<IpAddress> again(returned.begin(), returned.end());
  if (!again.empty()) {
    std::erase_if(first_, [&](const Announcement& what) { return again.contains(what.address); });
    std::erase_if(repeats_, [&](const Repeat& each) { return again.contains(each.what.address); });
  }
  for (const Announcement& what : all_) {
    if (again.contains(what.address) || !std::ranges::binary_search(before, what)) {
      first_.push_back(what);
    }
  }
  Tick(now);
}

void Announcer::AnnounceAgain(PortId port) {
  std::erase_if(first_, [port](const Announcement& what) { return what.port == port; });
  std::ranges::copy_if(all_, std::back_inserter(first_),
                       [port](const Announcement& what) { return what.port == port; });
}

void Announcer::Tick(TimePoint now) {
  Refill(now);
  // What is gone since must not be announced.
  for (; credit_ > 0 && !first_.empty(); first_.pop_front()) {
    const Announcement what = first_.front();
    if (!IsHere(what)) continue;
    if (!Send(what)) break;
    repeats_.push_back({what, now + kInterval, kRepeats});
  }
  while (credit_ > 0 && first_.empty() && !repeats_.empty() && repeats_.front().when <= now) {
    const Repeat repeat = repeats_.front();
    const bool is_here = IsHere(repeat.what);
    if (is_here && !Send(repeat.what)) break;
    repeats_.pop_front();
    if (is_here && repeat.left > 1) {
      repeats_.push_back({repeat.what, now + kInterval, repeat.left - 1});
    }
  }
  counters_.announcements_waiting.Set(first_.size());
}

void Announcer::Refill(TimePoint now) {
  if (refilled_ == TimePoint{}) {
    credit_ = kAtOnce;
    refilled_ = now;
  }
  constexpr std::chrono::nanoseconds kEach =
      std::chrono::nanoseconds(std::chrono::seconds{1}) / static_cast<int64_t>(kPerSecond);
  const int64_t earned = (now - refilled_) / kEach;
  refilled_ += earned * kEach;
  credit_ = std::min(kAtOnce, credit_ + static_cast<size_t>(earned));
}

bool Announcer::IsHere(const Announcement& what) const {
  return std::ranges::binary_search(all_, what);
}

bool Announcer::Send(const Announcement& what) {
  std::array<uint8_t, dataplane::kMaxFrameBytes> frame{};
  const MacAddress& ours = runtimes_[what.port.index()].mac;
  const uint32_t length =
      what.address.is_v4()
          ? dataplane::BuildGratuitousArp(frame.data(), ours, what.address.v4())
          : dataplane::BuildUnsolicitedAdvertisement(frame.data(), ours, what.address.v6());
  if (!mail_.SendFrame(what.port, {frame.data(), length}, Urgency::kOrdinary)) return false;
  --credit_;
  counters_.announcements_sent.Add(1);
  return true;
}

}  // namespace fairlead::control
