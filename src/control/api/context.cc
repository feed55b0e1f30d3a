#include "control/api/context.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "base/faults.h"
#include "control/api/problem.h"

namespace fairlead::api {

ReturnTicket::~ReturnTicket() {
  if (!respond_) return;
  try {
    Answer([] {
      return Problem(503, "stopping",
                     "The request was not carried out: the director is stopping, or the log says "
                     "why; try again later");
    });
  } catch (...) {  // no memory for the answer: the client's connection ends without one
    NoteFault(Thread::kControl);
  }
}

void ReturnTicket::Answer(std::function<HttpResponse()> make) {
  boost::asio::post(*io_, [respond = std::exchange(respond_, nullptr), make = std::move(make)] {
    respond(make());
  });
}

}  // namespace fairlead::api
