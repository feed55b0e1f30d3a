#include "control/api/session_budget.h"

#include <algorithm>
#include <map>

namespace fairlead::api {

bool SessionBudget::MakeRoom(const std::string& peer) {
  if (CountOf(peer) >= max_of_peer_ && !Dismiss(peer)) return false;
  return size() < max_seats_ || Dismiss(Greediest());
}

size_t SessionBudget::CountOf(const std::string& peer) const {
  return static_cast<size_t>(
      std::ranges::count_if(seats_, [&](const Seat* seat) { return seat->peer == peer; }));
}

std::string SessionBudget::Greediest() const {
  std::map<std::string, size_t> counts;
  std::string greediest;
  size_t most = 0;
  for (const Seat* seat : seats_) {
    if (++counts[seat->peer] <= most) continue;
    most = counts[seat->peer];
    greediest = seat->peer;
  }
  return greediest;
}

bool SessionBudget::Dismiss(const std::string& peer) {
  Seat* longest = nullptr;
  for (Seat* seat : seats_) {
    if (seat->peer != peer || !seat->waits_since) continue;
    if (longest == nullptr || *seat->waits_since < *longest->waits_since) longest = seat;
  }
  if (longest == nullptr) return false;
  Remove(longest);
  longest->leave();
  return true;
}

}  // namespace fairlead::api
