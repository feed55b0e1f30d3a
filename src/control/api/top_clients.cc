#include "control/api/top_clients.h"

#include <boost/asio/io_context.hpp>

#include "control/api/context.h"
#include "control/api/worker_client.h"
#include "control/control_api.h"
#include "dataplane/shard/fabric.h"

namespace fairlead::api {

using dataplane::ClientSketch;
using dataplane::WatchClients;

namespace {

// What a worker counts longer than it was asked to, when nobody tells it to end.
constexpr uint32_t kSpareSeconds = 10;

}  // namespace

ClientLook::ClientLook(const Context& context, LookPlaces::Place place,
                       dataplane::ClientMeasure measure, Seconds time, size_t limit, Done done)
    : context_(context),
      place_(std::move(place)),
      measure_(measure),
      wanted_(time),
      limit_(limit),
      done_(std::move(done)),
      timer_(*context.io) {}

void ClientLook::Start(const Context& context, LookPlaces::Place place,
                       dataplane::ClientMeasure measure, Seconds time, size_t limit, Done done) {
  const std::shared_ptr<ClientLook> look(
      new ClientLook(context, std::move(place), measure, time, limit, std::move(done)));
  look->SendAll(true, &ClientLook::OnBegun);
}

void ClientLook::SendAll(bool is_begin, void (ClientLook::*then)()) {
  waiting_ = context_.workers.worker_count();
  for (size_t w = 0; w < context_.workers.worker_count(); ++w) {
    auto command = std::make_shared<WatchClients>();
    command->place = place_.number();
    command->measure = measure_;
    if (is_begin) {
      command->time = TicksFromSeconds(static_cast<uint32_t>(wanted_.count()) + kSpareSeconds);
      command->sketch =
          std::make_unique<ClientSketch>(ClientSketch::kBuckets, context_.control.fabric().hash);
    }
    const WorkerId worker{static_cast<uint8_t>(w)};
    context_.workers.Send<WatchClients>(
        worker, std::move(command),
        [self = shared_from_this(), worker, then](const std::shared_ptr<WatchClients>& back) {
          if (!back) self->outcome_.silent_worker = worker;
          if (back && back->sketch) self->sketches_.push_back(std::move(back->sketch));
          if (--self->waiting_ == 0) ((*self).*then)();
        });
  }
}

void ClientLook::OnBegun() {
  sketches_.clear();  // of a look in this place that nobody could end
  begun_ = Clock::now();
  // Whoever has begun is told of the end, whether or not there is going to be an answer.
  if (outcome_.silent_worker) return SendAll(false, &ClientLook::OnEnded);
  timer_.expires_after(std::chrono::duration_cast<Clock::duration>(wanted_));
  timer_.async_wait([self = shared_from_this()](const boost::system::error_code& ec) {
    if (ec) return;
    self->outcome_.time = Clock::now() - self->begun_;
    self->SendAll(false, &ClientLook::OnEnded);
  });
}

void ClientLook::OnEnded() {
  if (outcome_.silent_worker) return done_(std::move(outcome_));
  std::vector<const ClientSketch*> all;
  for (const auto& sketch : sketches_) all.push_back(sketch.get());
  outcome_.ranking = dataplane::RankClients(all, limit_);
  done_(std::move(outcome_));
}

}  // namespace fairlead::api
