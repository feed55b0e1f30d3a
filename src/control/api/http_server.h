// HTTP/1.1 over Unix sockets, loopback TCP and TLS: bytes in, HttpRequest out, HttpResponse back.
//
//   HttpServer server(io, [](HttpRequest request, Responder respond) { … });
//   if (Status s = server.Listen("unix:/run/fairlead/api.sock"); !s) return s;
//   io.run();
//
// What a connection may do and for how long is in http_session.h, how many there may be in door.h,
// and who may do what in access.h. Threads: everything on the
// io_context's one thread; Listen before it runs.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_descriptor.h"
#include "base/result.h"
#include "control/api/http.h"
#include "control/api/listen_spec.h"

namespace fairlead::api {

struct Door;
class HttpSessions;

class HttpServer {
 public:
  HttpServer(boost::asio::io_context& io, HttpHandler handler);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // "unix:/absolute/path": the directory is made, a stale socket replaced.
  // "http://127.0.0.1:9480", "https://[::1]:9480", "http://localhost:0": port 0 takes a free one.
  // Its files are read before it listens. `passed`: a socket that listens there already; none: it
  // is made.
  Status Listen(const ListenSpec& spec, FileDescriptor passed = {});
  // What Listen bound, with the real port.
  [[nodiscard]] std::vector<std::string> addresses() const;
  // Accepts no more, closes what is open and removes the sockets it made.
  void Close();
  // The same, but gives away the listening sockets, by what Listen was told; nobody who connects
  // meanwhile is refused.
  std::vector<NamedDescriptor> Release();

 private:
  class Listener;
  // Accepts on what listens. `path`: of a Unix socket, to be removed at the end; else empty.
  template <typename Protocol>
  void Start(typename Protocol::acceptor acceptor, std::shared_ptr<Door> door,
             const std::string& where, const std::string& address, const std::string& path);

  boost::asio::io_context& io_;
  const std::shared_ptr<HttpSessions> sessions_;
  std::vector<std::shared_ptr<Listener>> listeners_;
};

}  // namespace fairlead::api
