// A listening socket for `api.listen` or `api.ipvs_socket`, or why there is none and what to do.
// Used by http_server.cc and ipvs/server.cc.
//
//   auto acceptor = ListenOnPath(io, ListenSpec("unix:/run/fairlead/api.sock"));
//   auto acceptor = ListenOnTcp(io, "http://127.0.0.1:9480");
//   auto socket = ListenForRecords("/run/fairlead/ipvs.sock");
//
// Threads: before the io_context runs.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <string>

#include "base/file_descriptor.h"
#include "base/result.h"
#include "control/api/listen_spec.h"

namespace fairlead::api {

// The directory is made, a stale socket replaced; nobody can open it before it has its group and
// its mode.
Result<boost::asio::local::stream_protocol::acceptor> ListenOnPath(boost::asio::io_context& io,
                                                                   const ListenSpec& spec);
// http:// on a loopback address, https:// on any; port 0 takes a free one.
Result<boost::asio::ip::tcp::acceptor> ListenOnTcp(boost::asio::io_context& io,
                                                   const std::string& where);

// The same as ListenOnPath for the key `api.ipvs_socket`, whose path `where` is: its connections
// keep the bounds of what is sent (SOCK_SEQPACKET). Non-blocking.
Result<FileDescriptor> ListenForRecords(const ListenSpec& spec);

// The group that the socket of `api.ipvs_socket` is to be given to: there is one of that name, or
// none is named.
Status CheckRecordsGroup(const ListenSpec& spec);

// What the director before has listened on there, passed on by it. Error: it is no such socket.
Result<boost::asio::local::stream_protocol::acceptor> AdoptPath(boost::asio::io_context& io,
                                                                const ListenSpec& spec,
                                                                FileDescriptor passed);
Result<boost::asio::ip::tcp::acceptor> AdoptTcp(boost::asio::io_context& io,
                                                const std::string& where, FileDescriptor passed);
Result<FileDescriptor> AdoptRecords(const ListenSpec& spec, FileDescriptor passed);

}  // namespace fairlead::api
