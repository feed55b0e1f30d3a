// The only file of the command line that includes Beast.
#include "cli/api_client.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <cstdint>
#include <limits>

namespace fairlead::cli {

namespace asio = boost::asio;
namespace bhttp = boost::beast::http;
using boost::system::error_code;

namespace {

constexpr std::string_view kUnix = "unix:";
constexpr std::string_view kHttp = "http://";

Error Unreachable(const std::string& address, const std::string& why) {
  return {ErrorCode::kUnavailable,
          "The director cannot be reached at " + address + ": " + why +
              ". Is fairleadd running? Name another address with --api unix:PATH or --api "
              "http://HOST:PORT, or set FAIRLEAD_API",
          ""};
}

Error BadAddress(const std::string& address) {
  return {ErrorCode::kInvalid,
          "\"" + address + "\" is not an API address; give unix:/PATH or http://HOST:PORT", ""};
}

template <typename Socket>
Result<Reply> Exchange(Socket& socket, const std::string& address, std::string_view method,
                       const std::string& host, const std::string& target,
                       const std::string& body) {
  bhttp::request<bhttp::string_body> request;
  request.version(11);
  request.method_string({method.data(), method.size()});
  request.target(target);
  request.set(bhttp::field::host, host);
  request.set(bhttp::field::user_agent, "fairlead/" FAIRLEAD_VERSION);
  request.keep_alive(false);
  if (!body.empty()) {
    request.set(bhttp::field::content_type, "application/json");
    request.body() = body;
  }
  request.prepare_payload();
  error_code ec;
  bhttp::write(socket, request, ec);
  if (ec) return Unreachable(address, ec.message());
  boost::beast::flat_buffer buffer;
  bhttp::response_parser<bhttp::string_body> parser;
  parser.body_limit(std::numeric_limits<uint32_t>::max());
  bhttp::read(socket, buffer, parser, ec);
  if (ec)
    return Unreachable(address, "what answers there does not speak HTTP (" + ec.message() + ")");
  return Reply{static_cast<int>(parser.get().result_int()), std::move(parser.get().body())};
}

}  // namespace

Result<Reply> ApiClient::Send(std::string_view method, const std::string& target,
                              const std::string& body) {
  asio::io_context io;
  error_code ec;
  if (address_.starts_with(kUnix) && address_.size() > kUnix.size()) {
    const std::string path = address_.substr(kUnix.size());
    if (path.size() > 107) return BadAddress(address_);
    asio::local::stream_protocol::socket socket(io);
    socket.connect(asio::local::stream_protocol::endpoint(path), ec);
    if (ec == asio::error::access_denied) {
      return Unreachable(address_, "permission denied (the socket is for root and its group)");
    }
    if (ec) return Unreachable(address_, ec.message());
    return Exchange(socket, address_, method, "localhost", target, body);
  }
  if (!address_.starts_with(kHttp)) return BadAddress(address_);
  std::string host = address_.substr(kHttp.size());
  while (host.ends_with('/')) host.pop_back();
  const size_t colon = host.rfind(':');
  const bool has_port = colon != host.npos && host.find(']', colon) == host.npos;
  std::string name = has_port ? host.substr(0, colon) : host;
  if (name.starts_with('[') && name.ends_with(']')) name = name.substr(1, name.size() - 2);
  const std::string port = has_port ? host.substr(colon + 1) : "80";
  if (name.empty() || port.empty()) return BadAddress(address_);
  asio::ip::tcp::resolver resolver(io);
  const auto results = resolver.resolve(name, port, ec);
  if (ec) return Unreachable(address_, ec.message());
  asio::ip::tcp::socket socket(io);
  asio::connect(socket, results, ec);
  if (ec) return Unreachable(address_, ec.message());
  return Exchange(socket, address_, method, host, target, body);
}

}  // namespace fairlead::cli
