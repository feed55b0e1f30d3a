#include "control/api/context.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "control/api/problem.h"

namespace fairlead::api {

ReturnTicket::~ReturnTicket() {
  if (!respond_) return;
  Answer([] { return Problem(503, "stopping", "The director is stopping; try again later"); });
}

void ReturnTicket::Answer(std::function<HttpResponse()> make) {
  boost::asio::post(*io_, [respond = std::exchange(respond_, nullptr), make = std::move(make)] {
    respond(make());
  });
}

}  // namespace fairlead::api
