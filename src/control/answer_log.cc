#include "control/answer_log.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace fairlead::control {
namespace {

void SayHowMany(const std::vector<AnsweredVip>& all) {
  const auto answered = std::ranges::count_if(all, &AnsweredVip::is_answered);
  LogInfo("virtual addresses",
          {{"answered_for", answered}, {"silent", static_cast<int64_t>(all.size()) - answered}});
}

}  // namespace

void AnswerLog::Note(std::vector<AnsweredVip> now) {
  const std::vector<AnsweredVip> before = std::exchange(last_, std::move(now));
  if (std::exchange(is_first_, false)) return SayHowMany(last_);
  size_t changes = 0;
  for (const AnsweredVip& vip : last_) {
    const auto old = std::ranges::lower_bound(before, vip.address, {}, &AnsweredVip::address);
    const bool is_known = old != before.end() && old->address == vip.address;
    const bool was_answered = is_known && old->is_answered;
    if (was_answered == vip.is_answered || ++changes > kLines) continue;
    LogInfo(
        vip.is_answered ? "begins to answer for a virtual address"
                        : "answers for a virtual address no more",
        {{"address", vip.address.ToString()}, {"why", WhyAnswered(vip.announce, vip.is_answered)}});
  }
  if (changes > kLines) SayHowMany(last_);
}

}  // namespace fairlead::control
