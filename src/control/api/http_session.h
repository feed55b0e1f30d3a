// The connections of an HTTP server: requests read, handed to the handler, answers written.
//
//   auto sessions = std::make_shared<HttpSessions>(handler);
//   HttpSessions::Begin(sessions, budget, std::move(socket), HttpPeer{"uid 1000", user});
//   sessions->CloseAll();
//
// Keep-alive, one request at a time on a connection; bodies up to kMaxBodyBytes. An idle peer is
// closed after kIdleSeconds, one that does not end its request after kRequestSeconds, and either
// earlier when its listener has no room (session_budget.h). A peer over TCP is asked for a Host and
// an Origin that are loopback names, so that a page in a browser on this machine cannot use the API
// by DNS rebinding or by a form. Threads: the io_context's one thread. Invariants: a connection
// lives as long as an operation on it, or a Responder, is outstanding; a Responder may be kept and
// called later, once; a request whose Responder is let go of without a call has failed and is
// answered 500.
#pragma once

#include <boost/asio/generic/stream_protocol.hpp>
#include <cstddef>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "control/api/http.h"
#include "control/api/session_budget.h"

namespace fairlead::api {

inline constexpr size_t kMaxBodyBytes = 1 << 20;
inline constexpr size_t kMaxHeaderBytes = 16 << 10;
inline constexpr int kIdleSeconds = 60;
inline constexpr int kRequestSeconds = 10;

// Who is at the other end.
struct HttpPeer {
  std::string name;          // "127.0.0.1", "uid 1000": what the budget counts by
  std::optional<User> user;  // of a Unix socket
};

class HttpSessions {
 public:
  explicit HttpSessions(HttpHandler handler) : handler_(std::move(handler)) {}
  HttpSessions(const HttpSessions&) = delete;
  HttpSessions& operator=(const HttpSessions&) = delete;

  static void Begin(std::shared_ptr<HttpSessions> sessions, std::shared_ptr<SessionBudget> budget,
                    boost::asio::generic::stream_protocol::socket socket, HttpPeer peer);
  void CloseAll();

 private:
  class Session;

  HttpHandler handler_;
  std::set<Session*> open_;
};

}  // namespace fairlead::api
