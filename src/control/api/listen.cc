#include "control/api/listen.h"

#include <sys/socket.h>
#include <sys/stat.h>

#include <filesystem>
#include <utility>

#include "base/ip_address.h"

namespace fairlead::api {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

Error SystemError(const std::string& where, const std::string& what, const std::string& remedy) {
  return {ErrorCode::kSystem, "The API cannot listen: " + what + "; " + remedy,
          "api.listen " + where};
}

// Nobody listens there any more: a director that was killed leaves its socket.
bool IsStale(asio::io_context& io, const std::string& path) {
  asio::local::stream_protocol::socket probe(io);
  error_code ec;
  probe.connect(asio::local::stream_protocol::endpoint(path), ec);
  return ec == asio::error::connection_refused;
}

Status PrepareSocketPath(asio::io_context& io, const std::string& where, const std::string& path) {
  if (path.empty() || path.front() != '/' || path.size() > 107) {
    return Error{ErrorCode::kInvalid,
                 "A Unix socket needs an absolute path of at most 107 bytes, for instance "
                 "unix:/run/fairlead/api.sock",
                 "api.listen " + where};
  }
  std::error_code ec;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ec);
  if (ec) {
    return SystemError(where, "cannot make the directory (" + ec.message() + ")",
                       "make it, or name a socket in a directory you may write");
  }
  const auto status = std::filesystem::status(path, ec);
  if (status.type() == std::filesystem::file_type::not_found) return Done{};
  if (status.type() != std::filesystem::file_type::socket) {
    return SystemError(where, "the path exists and is not a socket", "remove it or name another");
  }
  if (!IsStale(io, path)) {
    return SystemError(where, "another program answers on this socket",
                       "stop the other director, or give this one its own api.listen");
  }
  std::filesystem::remove(path, ec);
  return Done{};
}

template <typename Protocol>
Result<typename Protocol::acceptor> Bind(asio::io_context& io,
                                         const typename Protocol::endpoint& endpoint,
                                         const std::string& where, mode_t mask) {
  typename Protocol::acceptor acceptor(io);
  error_code ec;
  acceptor.open(endpoint.protocol(), ec);
  if constexpr (std::is_same_v<Protocol, asio::ip::tcp>) {
    if (!ec) acceptor.set_option(asio::socket_base::reuse_address(true), ec);
  }
  const mode_t before = ::umask(mask);
  if (!ec) acceptor.bind(endpoint, ec);
  ::umask(before);
  if (!ec) acceptor.listen(asio::socket_base::max_listen_connections, ec);
  if (ec) return SystemError(where, ec.message(), "free it, or change api.listen");
  return acceptor;
}

// The family of a socket that listens; AF_UNSPEC: it is none.
int FamilyOf(const FileDescriptor& socket) {
  int family = AF_UNSPEC, listens = 0;
  socklen_t length = sizeof family;
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) != 0)
    return AF_UNSPEC;
  length = sizeof family;
  if (listens == 0 || ::getsockopt(socket.get(), SOL_SOCKET, SO_DOMAIN, &family, &length) != 0) {
    return AF_UNSPEC;
  }
  return family;
}

template <typename Protocol>
Result<typename Protocol::acceptor> Adopt(asio::io_context& io, const Protocol& protocol,
                                          const std::string& where, FileDescriptor passed) {
  typename Protocol::acceptor acceptor(io);
  error_code ec;
  acceptor.assign(protocol, passed.get(), ec);
  if (ec) return SystemError(where, ec.message(), "restart instead of an upgrade");
  (void)passed.Release();  // the acceptor's now
  return acceptor;
}

Error NotListening(const std::string& where) {
  return SystemError(where, "what the director before has passed on does not listen there",
                     "restart instead of an upgrade");
}

}  // namespace

Result<asio::local::stream_protocol::acceptor> AdoptPath(asio::io_context& io,
                                                         const std::string& where,
                                                         FileDescriptor passed) {
  if (FamilyOf(passed) != AF_UNIX) return NotListening(where);
  return Adopt(io, asio::local::stream_protocol(), where, std::move(passed));
}

Result<asio::ip::tcp::acceptor> AdoptLoopback(asio::io_context& io, const std::string& where,
                                              FileDescriptor passed) {
  const int family = FamilyOf(passed);
  if (family != AF_INET && family != AF_INET6) return NotListening(where);
  const auto protocol = family == AF_INET ? asio::ip::tcp::v4() : asio::ip::tcp::v6();
  return Adopt(io, protocol, where, std::move(passed));
}

Result<asio::local::stream_protocol::acceptor> ListenOnPath(asio::io_context& io,
                                                            const std::string& where) {
  using Local = asio::local::stream_protocol;
  const std::string path = where.substr(where.find(':') + 1);
  if (Status prepared = PrepareSocketPath(io, where, path); !prepared) return prepared.error();
  return Bind<Local>(io, Local::endpoint(path), where, 0117);  // mode 0660
}

Result<asio::ip::tcp::acceptor> ListenOnLoopback(asio::io_context& io, const std::string& where) {
  constexpr std::string_view kHttp = "http://";
  std::string host = where.starts_with(kHttp) ? where.substr(kHttp.size()) : "";
  if (host.ends_with('/')) host.pop_back();
  if (host.starts_with("localhost:")) host.replace(0, 9, "127.0.0.1");
  const auto endpoint = Endpoint::Parse(host);
  error_code ec;
  const auto address =
      asio::ip::make_address(endpoint ? endpoint->address.ToString() : "invalid", ec);
  if (ec || !address.is_loopback()) {
    return Error{ErrorCode::kInvalid,
                 "The API listens on unix:/PATH or on a loopback address, for instance "
                 "http://127.0.0.1:9480; put a proxy with authentication in front to reach it from "
                 "elsewhere",
                 "api.listen " + where};
  }
  using Tcp = asio::ip::tcp;
  return Bind<Tcp>(io, Tcp::endpoint(address, endpoint->port.host()), where, 0022);
}

}  // namespace fairlead::api
