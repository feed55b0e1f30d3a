// A connection that comes while memory runs out, at each of its allocations in turn: it is closed,
// nothing of it stays behind, and the next one is answered.
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <new>
#include <thread>
#include <utility>

#include "../base/short_memory.h"
#include "control/api/http_server.h"
#include "http_peer.h"

namespace fairlead::api::no_memory_test {
namespace {

using testing::HttpPeer;

class NoMemory : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(server_.Listen("http://127.0.0.1:0")); }

  // What the API thread does; true when all had the memory that they wanted.
  bool Turn(long allowed) {
    g_allocations_left = allowed;
    bool has_failed = false;
    try {
      io_.poll();
    } catch (const std::bad_alloc&) {
      has_failed = true;
    }
    has_failed |= g_allocations_left == 0;
    g_allocations_left = -1;
    return !has_failed;
  }

  boost::asio::io_context io_;
  HttpServer server_{io_, [](HttpRequest, const Responder& respond) {
                       HttpResponse response;
                       response.body = "ok\n";
                       respond(std::move(response));
                     }};
};

TEST_F(NoMemory, AConnectionIsMadeOrLeavesNothingBehind) {
  const std::string address = server_.addresses()[0];
  { const HttpPeer first(address); }
  Turn(-1);  // makes what is kept after a first connection
  const long before = g_allocations_alive;
  bool is_enough = false;
  for (long allowed = 0; !is_enough; ++allowed) {
    ASSERT_LT(allowed, 100);
    {
      const HttpPeer peer(address);
      is_enough = Turn(allowed);
    }
    Turn(-1);  // sees that the peer has gone
    ASSERT_EQ(g_allocations_alive, before) << "with " << allowed;
  }
  HttpPeer peer(address);
  std::thread api([&] { io_.run(); });
  EXPECT_EQ(peer.Ask("GET /").body, "ok\n");
  io_.stop();
  api.join();
}

}  // namespace
}  // namespace fairlead::api::no_memory_test
