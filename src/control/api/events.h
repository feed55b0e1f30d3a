// State changes as they happen, as server-sent events (GET /v1/events): reals that fail and come
// back, quorums, generations, drains that end.
//
//   EventHub hub(io, control);
//   if (!hub.Follow(push)) …there are kMostFollowers already…
//   …every kLookInterval the view is held against the one before, and `push` gets text…
//
// What has happened is what differs between two views of the control core, so following costs it
// nothing, and a state that came and went in between is not told. Nobody follows: nothing is
// compared. A follower who does not take his events is dropped and counted; there is no memory of
// events that nobody was there to take. Threads: the API thread; dropped() and size() there too.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "control/api/http.h"

namespace fairlead::control {
class ControlApi;
struct ControlView;
}  // namespace fairlead::control

namespace fairlead::api {

inline constexpr size_t kMostFollowers = 16;
inline constexpr std::chrono::milliseconds kLookInterval{200};
// A line that says nothing, so that one who has gone is noticed.
inline constexpr std::chrono::seconds kHeartbeat{15};

struct StateEvent {
  std::string kind;  // real, service, drain, generation, ready, reload
  std::string data;  // a JSON object
};

// What has changed, in the order of services; at most kMostEventsAtOnce, and then one of the kind
// `missed`: look at everything.
inline constexpr size_t kMostEventsAtOnce = 500;
std::vector<StateEvent> EventsBetween(const control::ControlView& before,
                                      const control::ControlView& after);

class EventHub {
 public:
  EventHub(boost::asio::io_context& io, const control::ControlApi& control)
      : control_(control), timer_(io) {}

  // Whether one more may follow; those who have gone leave their place to him.
  bool HasRoom();
  // False: there are too many, or he has gone. The first event tells the generation.
  bool Follow(Push push);
  [[nodiscard]] size_t size() const { return followers_.size(); }
  [[nodiscard]] uint64_t dropped() const { return dropped_; }

 private:
  using Clock = std::chrono::steady_clock;
  void Wait();
  void Look();
  // To everybody; who does not take it is forgotten.
  void Send(const std::string& text);
  std::string TextOf(const StateEvent& event);

  const control::ControlApi& control_;
  boost::asio::steady_timer timer_;
  std::vector<Push> followers_;
  std::shared_ptr<const control::ControlView> seen_;
  Clock::time_point next_heartbeat_{};
  uint64_t last_id_ = 0, dropped_ = 0;
};

}  // namespace fairlead::api
