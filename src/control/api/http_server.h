// HTTP/1.1 over Unix sockets and loopback TCP: bytes in, HttpRequest out, HttpResponse back.
//
//   HttpServer server(io, [](HttpRequest request, Responder respond) { … });
//   if (Status s = server.Listen("unix:/run/fairlead/api.sock"); !s) return s;
//   io.run();
//
// Keep-alive, one request at a time on a connection; bodies up to kMaxBodyBytes. An idle peer is
// closed after kIdleSeconds, one that does not end its request after kRequestSeconds, and either
// earlier when a listener has no room (session_budget.h). A TCP listener takes loopback addresses
// only, and refuses requests whose Host or Origin is no loopback name, so that a page in a browser
// on this machine cannot use the API by DNS rebinding or by a form. Threads: everything on the
// io_context's one thread; Listen before it runs. Invariant: a Responder may be kept and called
// later, once; a request whose Responder is let go of without a call has failed and is answered
// 500.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_descriptor.h"
#include "base/result.h"
#include "control/api/http.h"

namespace fairlead::api {

inline constexpr size_t kMaxBodyBytes = 1 << 20;
inline constexpr size_t kMaxHeaderBytes = 16 << 10;
inline constexpr int kIdleSeconds = 60;
inline constexpr int kRequestSeconds = 10;

class HttpServer {
 public:
  HttpServer(boost::asio::io_context& io, HttpHandler handler);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // "unix:/absolute/path": the directory is made, a stale socket replaced, mode 0660.
  // "http://127.0.0.1:9480", "http://[::1]:9480", "http://localhost:0": port 0 takes a free one.
  // `passed`: a socket that listens there already; none: it is made.
  Status Listen(const std::string& where, FileDescriptor passed = {});
  // What Listen bound, with the real port.
  [[nodiscard]] std::vector<std::string> addresses() const;
  // Accepts no more, closes what is open and removes the sockets it made.
  void Close();
  // The same, but gives away the listening sockets, by what Listen was told; nobody who connects
  // meanwhile is refused.
  std::vector<NamedDescriptor> Release();

 private:
  struct Shared;
  class Session;
  class Listener;
  // Accepts on what listens. `path`: of a Unix socket, to be removed at the end; else empty.
  template <typename Protocol>
  void Start(typename Protocol::acceptor acceptor, const std::string& where,
             const std::string& address, const std::string& path);
  void CloseSessions();

  std::shared_ptr<Shared> shared_;
  std::vector<std::shared_ptr<Listener>> listeners_;
};

}  // namespace fairlead::api
