// The director that this program is to take over from, when it was started for that (--hand-over);
// docs/upgrade.md.
//
//   auto predecessor = Predecessor::Meet(options.hand_over);
//   if (!predecessor) return predecessor.error();
//   …configuration, DPDK without devices, a look at the arena; predecessor->Refuse(why) ends it…
//   Result<Estate> estate = predecessor->TakeOver();   // it has stopped; ours from here on
//   …
//   predecessor->SayForwarding();
//
// Until TakeOver returns, that director forwards and nothing of it may be touched. Threads: main's.
#pragma once

#include <string>

#include "base/result.h"
#include "main/handover.h"

namespace fairlead {

class Predecessor {
 public:
  // `descriptor`: what --hand-over says.
  static Result<Predecessor> Meet(int descriptor);

  // Its packets are, so ours are to be.
  [[nodiscard]] bool has_packets_on_hugepages() const { return has_packets_on_hugepages_; }
  // It goes on, and says why there is no upgrade. Nothing may be asked of it afterwards.
  void Refuse(const std::string& why) const;
  // Says that all is ready and waits until it has stopped. What we say goes where what it said
  // went.
  Result<Estate> TakeOver() const;
  void SayForwarding() const;

 private:
  Predecessor(HandoverChannel channel, bool has_packets_on_hugepages)
      : channel_(std::move(channel)), has_packets_on_hugepages_(has_packets_on_hugepages) {}

  HandoverChannel channel_;
  bool has_packets_on_hugepages_;
};

}  // namespace fairlead
