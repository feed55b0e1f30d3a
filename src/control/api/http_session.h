// The connections of an HTTP server: requests read, handed to the handler, answers written.
//
//   auto sessions = std::make_shared<HttpSessions>(handler);
//   HttpSessions::Begin(sessions, door, std::move(socket), peer);
//   sessions->CloseAll();
//
// Keep-alive, one request at a time on a connection; bodies up to kMaxBodyBytes. An idle peer is
// closed after kIdleSeconds, one that does not end its handshake of TLS after kHandshakeSeconds or
// its request after kRequestSeconds, and either earlier when its listener has no room (door.h). The
// body of a request from nobody who is let in is hardly read. A peer over plain TCP is asked for a
// Host and an Origin that are loopback names, one over TLS for an Origin that is its Host, so that
// a page in a browser cannot use the API by DNS rebinding or by a form. Threads: the io_context's
// one thread. Invariants: a connection lives as long as an operation on it, or a Responder, is
// outstanding; a Responder may be kept and called later, once; a request whose Responder is let go
// of without a call has failed and is answered 500.
#pragma once

#include <boost/asio/generic/stream_protocol.hpp>
#include <cstddef>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "control/api/door.h"
#include "control/api/http.h"

namespace fairlead::api {

inline constexpr size_t kMaxBodyBytes = 1 << 20;
// Of a body that comes from nobody who is let in.
inline constexpr size_t kMaxStrangersBytes = 16 << 10;
inline constexpr size_t kMaxHeaderBytes = 16 << 10;
// Of an answer that goes on, while its peer takes none of it.
inline constexpr size_t kMaxQueuedBytes = 256 << 10;
inline constexpr int kIdleSeconds = 60;
inline constexpr int kRequestSeconds = 10;
inline constexpr int kHandshakeSeconds = 5;

class HttpSessions {
 public:
  explicit HttpSessions(HttpHandler handler) : handler_(std::move(handler)) {}
  HttpSessions(const HttpSessions&) = delete;
  HttpSessions& operator=(const HttpSessions&) = delete;

  static void Begin(std::shared_ptr<HttpSessions> sessions, std::shared_ptr<Door> door,
                    boost::asio::generic::stream_protocol::socket socket, HttpPeer peer);
  void CloseAll();

 private:
  class Session;

  HttpHandler handler_;
  std::set<Session*> open_;
};

}  // namespace fairlead::api
