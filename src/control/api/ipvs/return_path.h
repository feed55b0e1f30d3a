// Carries what became of a change from the control core back to the API thread.
//
//   auto path = std::make_shared<ReturnPath>(io, [](Fault fault) { … });
//   control.Change(edit, [path](const EditOutcome& outcome) { path->Give(…); });
//
// Threads: Give and the end on any; `done` runs on the API thread, once: let go of without a word,
// it hears that the director is stopping.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <functional>
#include <memory>
#include <utility>

#include "base/faults.h"
#include "control/api/ipvs/wire.h"

namespace fairlead::ipvs {

class ReturnPath {
 public:
  ReturnPath(std::shared_ptr<boost::asio::io_context> io, std::function<void(Fault)> done)
      : io_(std::move(io)), done_(std::move(done)) {}
  ~ReturnPath() {
    if (!done_) return;
    try {
      Give({EAGAIN, "The director is stopping, or its log says why"});
    } catch (...) {  // no memory for the answer: the peer's connection ends without one
      NoteFault(Thread::kControl);
    }
  }
  ReturnPath(const ReturnPath&) = delete;
  ReturnPath& operator=(const ReturnPath&) = delete;

  void Give(Fault fault) {
    boost::asio::post(
        *io_, [done = std::exchange(done_, nullptr), fault = std::move(fault)] { done(fault); });
  }

 private:
  const std::shared_ptr<boost::asio::io_context> io_;
  std::function<void(Fault)> done_;
};

}  // namespace fairlead::ipvs
