// Who has most, while a request waits: a look at the clients of all workers (client_watch.h).
//
//   if (auto place = places->Take()) {
//     ClientLook::Start(context, *std::move(place), ClientMeasure::kPackets, 2s, done);
//   }                                                  // else: kClientLooks are on their way
//
// Threads: the API thread. Invariants: a place has one look; a worker that is told of its beginning
// is told of its end.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "dataplane/shard/mailbox.h"

namespace fairlead::api {

struct Context;

// The places for looks that workers have. Outlives what is taken of it.
class LookPlaces : public std::enable_shared_from_this<LookPlaces> {
 public:
  // A place, until this goes.
  class Place {
   public:
    Place(std::shared_ptr<LookPlaces> of, size_t number) : of_(std::move(of)), number_(number) {}
    Place(Place&& other) noexcept = default;
    Place& operator=(Place&&) = delete;
    ~Place() {
      if (of_) of_->is_taken_[number_] = false;
    }
    [[nodiscard]] size_t number() const { return number_; }

   private:
    std::shared_ptr<LookPlaces> of_;
    size_t number_;
  };

  std::optional<Place> Take() {
    for (size_t i = 0; i < dataplane::kClientLooks; ++i) {
      if (is_taken_[i]) continue;
      is_taken_[i] = true;
      return Place(shared_from_this(), i);
    }
    return std::nullopt;
  }

 private:
  bool is_taken_[dataplane::kClientLooks] = {};
};

class ClientLook : public std::enable_shared_from_this<ClientLook> {
 public:
  using Seconds = std::chrono::duration<double>;
  struct Outcome {
    std::optional<WorkerId> silent_worker;  // it did not answer in time: there is nothing else
    dataplane::ClientRanking ranking;
    Seconds time{0};  // that was counted
  };
  using Done = std::function<void(Outcome)>;

  static void Start(const Context& context, LookPlaces::Place place,
                    dataplane::ClientMeasure measure, Seconds time, size_t limit, Done done);

 private:
  using Clock = std::chrono::steady_clock;

  ClientLook(const Context& context, LookPlaces::Place place, dataplane::ClientMeasure measure,
             Seconds time, size_t limit, Done done);

  // To every worker, with a sketch to begin and without one to end; `then` when all have answered.
  void SendAll(bool is_begin, void (ClientLook::*then)());
  void OnBegun();
  void OnEnded();

  const Context& context_;
  const LookPlaces::Place place_;
  const dataplane::ClientMeasure measure_;
  const Seconds wanted_;
  const size_t limit_;
  const Done done_;
  boost::asio::steady_timer timer_;
  size_t waiting_ = 0;
  Clock::time_point begun_;
  Outcome outcome_;
  std::vector<std::unique_ptr<dataplane::ClientSketch>> sketches_;
};

}  // namespace fairlead::api
