// A listening socket for `api.listen`, or why there is none and what to do. Used by http_server.cc.
//
//   auto acceptor = ListenOnPath(io, "unix:/run/fairlead/api.sock");
//   auto acceptor = ListenOnLoopback(io, "http://127.0.0.1:9480");
//
// Threads: before the io_context runs.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <string>

#include "base/result.h"

namespace fairlead::api {

// The directory is made, a stale socket replaced; mode 0660.
Result<boost::asio::local::stream_protocol::acceptor> ListenOnPath(boost::asio::io_context& io,
                                                                   const std::string& where);
// A loopback address; port 0 takes a free one.
Result<boost::asio::ip::tcp::acceptor> ListenOnLoopback(boost::asio::io_context& io,
                                                        const std::string& where);

}  // namespace fairlead::api
