// Says in the log which virtual addresses the director begins or ceases to answer for, and why.
//
//   log.Note(AnswersOf(model, addresses, presence));     // after each publication that may have
//   changed it
//
// At most kLines for one change, then how many more. Threads: the control core.
#pragma once

#include <string>
#include <vector>

#include "control/presence.h"

namespace fairlead::control {

class AnswerLog {
 public:
  static constexpr size_t kLines = 10;

  // What it is told first is said in one line.
  void Note(std::vector<AnsweredVip> now);

 private:
  std::vector<AnsweredVip> last_;  // sorted by address
  bool is_first_ = true;
};

}  // namespace fairlead::control
