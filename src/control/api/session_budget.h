// Who may have how many connections to one listener, and who has to go when there is no room.
//
//   SessionBudget budget;
//   if (!budget.MakeRoom("uid 1000")) return;            // no seat: the newcomer is closed
//   Seat seat{"uid 1000", [this] { Close(); }};
//   budget.Add(&seat);                                   // … budget.Remove(&seat)
//
// Each listener has its own budget, so whoever fills one leaves the others alone; a Unix socket is
// not at the mercy of who may only reach the loopback. A newcomer is let in as long as somebody can
// make room: a connection that waits for its peer (to send a request, or to take an answer) is
// worth less than one that has just come. The peer with the most connections gives one up, the one
// that has waited longest; so idle connections push out each other, and whoever asks is answered.
// Threads: one.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <set>
#include <string>

namespace fairlead::api {

// Of one listener; and of these one peer's: an address, or the user at the other end of a Unix
// socket. So two peers cannot keep out a third.
inline constexpr size_t kMaxSeats = 128;
inline constexpr size_t kMaxSeatsOfPeer = 96;

struct Seat {
  using TimePoint = std::chrono::steady_clock::time_point;

  std::string peer;
  std::function<void()> leave;  // closes the connection
  // Since when its peer is to do something; none: a request is being answered.
  std::optional<TimePoint> waits_since{};
};

class SessionBudget {
 public:
  explicit SessionBudget(size_t seats = kMaxSeats, size_t of_peer = kMaxSeatsOfPeer)
      : max_seats_(seats), max_of_peer_(of_peer) {}

  // Whether `peer` can have one more. Others may have to leave, and have no seat any more then.
  bool MakeRoom(const std::string& peer);

  void Add(Seat* seat) { seats_.insert(seat); }
  void Remove(Seat* seat) { seats_.erase(seat); }
  [[nodiscard]] size_t size() const { return seats_.size(); }
  [[nodiscard]] size_t CountOf(const std::string& peer) const;

 private:
  [[nodiscard]] std::string Greediest() const;
  // The connection of `peer` that has waited longest leaves; false when all are being answered.
  bool Dismiss(const std::string& peer);

  const size_t max_seats_, max_of_peer_;
  std::set<Seat*> seats_;
};

}  // namespace fairlead::api
