// The Unix socket `api.ipvs_socket`: records of seqpacket in, answers out (docs/ipvs_socket.md).
//
//   Server server(io, dispatcher);
//   if (Status s = server.Listen("/run/fairlead/ipvs.sock"); !s) return s;
//   io.run();
//
// A connection's requests are answered in their order; the next record is read when the one before
// is answered, so what a peer sends without taking answers waits in its own socket. There are as
// many connections as session_budget.h allows; the one that has been idle longest goes first. A
// peer that does not take an answer for kStallSeconds is closed, as is one whose record is longer
// than kMostRequestBytes. An idle one may stay: a program keeps its netlink socket open.
// Threads: the io_context's one thread; Listen before it runs.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>

#include "base/file_descriptor.h"
#include "base/result.h"
#include "control/api/listen_spec.h"

namespace fairlead::ipvs {

class Dispatcher;

inline constexpr int kStallSeconds = 30;

class Server {
 public:
  // `dispatcher` outlives it.
  Server(boost::asio::io_context& io, Dispatcher& dispatcher);
  ~Server();  // closes
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // `where` is an absolute path: the directory is made, a stale socket replaced; then it has group
  // and mode. `passed`: a socket that listens there already; none: it is made.
  Status Listen(const api::ListenSpec& spec, FileDescriptor passed = {});
  // Accepts no more, closes what is open and removes the socket.
  void Close();
  // The same, but gives away the listening socket; nobody who connects meanwhile is refused. None
  // when it does not listen.
  FileDescriptor Release();
  [[nodiscard]] size_t sessions() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace fairlead::ipvs
