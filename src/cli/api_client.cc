// The only file of the command line that includes Beast.
#include "cli/api_client.h"

#include <fmt/format.h>
#include <grp.h>
#include <openssl/ssl.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <limits>

#include "base/private_file.h"

namespace fairlead::cli {

namespace asio = boost::asio;
namespace ssl = asio::ssl;
namespace bhttp = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::string_view kUnix = "unix:";
constexpr std::string_view kHttp = "http://";
constexpr std::string_view kHttps = "https://";

Error Unreachable(const std::string& address, const std::string& why) {
  return {ErrorCode::kUnavailable,
          "The director cannot be reached at " + address + ": " + why +
              ". Is fairleadd running? Name another address with --api unix:PATH or --api "
              "http://HOST:PORT, or set FAIRLEAD_API",
          ""};
}

// The socket is a group's, and whoever asks is not in it.
Error NotAllowed(const std::string& address, const std::string& path) {
  struct stat is {};
  const group* const owner = ::stat(path.c_str(), &is) == 0 ? ::getgrgid(is.st_gid) : nullptr;
  const passwd* const user = ::getpwuid(::geteuid());
  const bool has_group = owner != nullptr && is.st_gid != 0;
  return {ErrorCode::kUnavailable,
          fmt::format("Permission denied at {}: the socket is for root and its group. Use sudo; or "
                      "let root do usermod -aG {} {}, then log in again",
                      address, has_group ? owner->gr_name : "fairlead",
                      user != nullptr ? user->pw_name : "USER"),
          ""};
}

// What answers a question that is no HTTP, at a TCP address.
std::string OtherScheme(const std::string& address) {
  if (!address.starts_with(kHttp)) return "";
  return "; if it speaks TLS, give " + std::string(kHttps) + address.substr(kHttp.size());
}

Error NotTrusted(const std::string& address, const std::string& why) {
  return {ErrorCode::kUnavailable, "No TLS connection to " + address + ": " + why, ""};
}

Error BadAddress(const std::string& address) {
  return {ErrorCode::kInvalid,
          "\"" + address +
              "\" is not an API address; give unix:/PATH, http://HOST:PORT or https://HOST:PORT",
          ""};
}

Error BadFile(const std::string& option, const std::string& why) {
  return {ErrorCode::kInvalid, "The file of " + option + " cannot be used: " + why, ""};
}

Status CheckThere(const std::string& option, const std::string& path) {
  if (::access(path.c_str(), R_OK) == 0) return Done{};
  return BadFile(option, path + ": " + std::strerror(errno));
}

// Lets what `begin` has begun run to its end, or for as long as it may take. After a timeout the
// io_context must not run again: what has not ended refers to what its caller has.
template <typename Begin>
error_code Within(asio::io_context& io, std::chrono::milliseconds limit, Begin begin) {
  error_code outcome = asio::error::timed_out;
  begin([&outcome](error_code ec, auto&&...) { outcome = ec; });
  io.restart();
  io.run_for(limit);
  return outcome;
}

// Asio takes a full queue for a connection, so this asks the kernel itself.
error_code ConnectLocal(asio::local::stream_protocol::socket& socket, const std::string& path,
                        std::chrono::milliseconds limit) {
  const asio::local::stream_protocol::endpoint endpoint(path);
  error_code ec;
  socket.open(asio::local::stream_protocol(), ec);
  if (ec) return ec;
  const timeval most{limit.count() / 1000, limit.count() % 1000 * 1000};
  (void)::setsockopt(socket.native_handle(), SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most);
  if (::connect(socket.native_handle(), endpoint.data(), static_cast<socklen_t>(endpoint.size())) ==
      0) {
    return {};
  }
  return errno == EAGAIN ? error_code(asio::error::timed_out)
                         : error_code(errno, boost::system::system_category());
}

Error Silent(const std::string& address, std::chrono::milliseconds limit) {
  return {
      ErrorCode::kUnavailable,
      fmt::format("The director at {} has not answered for {} seconds: it is busy, or it hangs; "
                  "look at its log before you ask again",
                  address, std::chrono::duration<double>(limit).count()),
      ""};
}

struct Question {
  std::string_view method;
  const std::string& target;
  const std::string& body;
  Patience patience;
  std::string host, token{};
};

template <typename Stream>
Result<Reply> Exchange(asio::io_context& io, Stream& stream, const std::string& address,
                       const Question& question) {
  const auto limit = question.patience.answer;
  bhttp::request<bhttp::string_body> request;
  request.version(11);
  request.method_string({question.method.data(), question.method.size()});
  request.target(question.target);
  request.set(bhttp::field::host, question.host);
  request.set(bhttp::field::user_agent, "fairlead/" FAIRLEAD_VERSION);
  if (!question.token.empty()) {
    request.set(bhttp::field::authorization, "Bearer " + question.token);
  }
  request.keep_alive(false);
  if (!question.body.empty()) {
    request.set(bhttp::field::content_type, "application/json");
    request.body() = question.body;
  }
  request.prepare_payload();
  error_code ec =
      Within(io, limit, [&](auto done) { bhttp::async_write(stream, request, std::move(done)); });
  if (ec == asio::error::timed_out) return Silent(address, limit);
  if (ec) return Unreachable(address, ec.message());
  boost::beast::flat_buffer buffer;
  bhttp::response_parser<bhttp::string_body> parser;
  parser.body_limit(std::numeric_limits<uint32_t>::max());
  parser.eager(true);
  while (!ec && !parser.is_done()) {
    ec = Within(io, limit, [&](auto done) {
      bhttp::async_read_some(stream, buffer, parser, std::move(done));
    });
  }
  if (ec == asio::error::timed_out) return Silent(address, limit);
  // With TLS 1.3 this is where a client learns what the other end thinks of its certificate.
  if (ec.category() == asio::error::get_ssl_category()) {
    return NotTrusted(
        address, "the director ended it (" + ec.message() + "); look at --certificate and --key");
  }
  if (ec)
    return Unreachable(address, "what answers there does not speak HTTP (" + ec.message() + ")" +
                                    OtherScheme(address));
  return Reply{static_cast<int>(parser.get().result_int()), std::move(parser.get().body())};
}

// "edge-1:9480" in its parts; false when it has none.
struct Authority {
  std::string host, name, port;

  static bool Parse(std::string text, const char* default_port, Authority* into) {
    while (text.ends_with('/')) text.pop_back();
    const size_t colon = text.rfind(':');
    const bool has_port = colon != text.npos && text.find(']', colon) == text.npos;
    std::string name = has_port ? text.substr(0, colon) : text;
    if (name.starts_with('[') && name.ends_with(']')) name = name.substr(1, name.size() - 2);
    *into = {text, name, has_port ? text.substr(colon + 1) : default_port};
    return !into->name.empty() && !into->port.empty();
  }
  [[nodiscard]] bool is_loopback() const {
    error_code ec;
    const auto address = asio::ip::make_address(name, ec);
    return ec ? name == "localhost" : address.is_loopback();
  }
};

Result<std::string> ReadToken(const std::string& path) {
  if (path.empty()) return std::string();
  auto text = ReadPrivateFile(path, 4096);
  if (!text) return BadFile("--token-file", text.error().ToString());
  const std::string token = text->substr(0, text->find_first_of(" \t\r\n"));
  if (token.empty()) return BadFile("--token-file", path + ": its first line is no token");
  for (const char c : token) {
    if (c <= ' ' || c > '~') return BadFile("--token-file", path + ": its first line is no token");
  }
  return token;
}

Status Prepare(const Credentials& own, ssl::context* context) {
  SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  context->set_verify_mode(ssl::verify_peer);
  error_code ec;
  if (own.ca.empty()) {
    context->set_default_verify_paths(ec);
  } else {
    if (Status there = CheckThere("--ca", own.ca); !there) return there;
    context->load_verify_file(own.ca, ec);
    if (ec) return BadFile("--ca", own.ca + ": " + ec.message());
  }
  if (own.certificate.empty()) {
    return own.key.empty() ? Status(Done{}) : BadFile("--key", "it needs --certificate too");
  }
  if (Status there = CheckThere("--certificate", own.certificate); !there) return there;
  context->use_certificate_chain_file(own.certificate, ec);
  if (ec) return BadFile("--certificate", own.certificate + ": " + ec.message());
  const std::string& key = own.key.empty() ? own.certificate : own.key;
  if (Status checked = CheckPrivateFile(key); !checked) {
    return BadFile("--key", checked.error().ToString());
  }
  context->use_private_key_file(key, ssl::context::pem, ec);
  if (ec) return BadFile("--key", key + ": " + ec.message());
  return Done{};
}

Result<Reply> ExchangeOverTls(asio::io_context& io, tcp::socket socket, const std::string& address,
                              const Authority& authority, const Credentials& own,
                              const Question& question) {
  ssl::context context(ssl::context::tls_client);
  if (Status prepared = Prepare(own, &context); !prepared) return prepared.error();
  ssl::stream<tcp::socket> stream(std::move(socket), context);
  stream.set_verify_callback(ssl::host_name_verification(authority.name));
  error_code ec;
  (void)asio::ip::make_address(authority.name, ec);
  if (ec) {  // a name, so that one address may have several
    std::string name = authority.name;
    SSL_ctrl(stream.native_handle(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
             name.data());
  }
  ec = Within(io, question.patience.connection, [&](auto done) {
    stream.async_handshake(ssl::stream_base::client, std::move(done));
  });
  if (!ec) return Exchange(io, stream, address, question);
  if (ec == asio::error::timed_out) return Silent(address, question.patience.connection);
  const long verdict = SSL_get_verify_result(stream.native_handle());
  if (verdict == X509_V_OK) {
    const bool is_plain = ec.message().find("wrong version number") != std::string::npos;
    return NotTrusted(address, ec.message() + (is_plain ? "; if it speaks plain HTTP, give " +
                                                              std::string(kHttp) + authority.host
                                                        : ""));
  }
  return NotTrusted(address, "its certificate cannot be trusted (" +
                                 std::string(X509_verify_cert_error_string(verdict)) +
                                 "); name its authority with --ca FILE, and the director as the "
                                 "certificate does");
}

}  // namespace

Result<Reply> ApiClient::Send(std::string_view method, const std::string& target,
                              const std::string& body) {
  asio::io_context io;
  error_code ec;
  Question question{method, target, body, patience_, "localhost"};
  if (address_.starts_with(kUnix) && address_.size() > kUnix.size()) {
    const std::string path = address_.substr(kUnix.size());
    if (path.size() > 107) return BadAddress(address_);
    asio::local::stream_protocol::socket socket(io);
    ec = ConnectLocal(socket, path, patience_.connection);
    if (ec == asio::error::timed_out) return Silent(address_, patience_.connection);
    if (ec == asio::error::access_denied) {
      return NotAllowed(address_, path);
    }
    if (ec) return Unreachable(address_, ec.message());
    return Exchange(io, socket, address_, question);
  }
  const bool is_https = address_.starts_with(kHttps);
  if (!is_https && !address_.starts_with(kHttp)) return BadAddress(address_);
  Authority authority;
  if (!Authority::Parse(address_.substr((is_https ? kHttps : kHttp).size()),
                        is_https ? "443" : "80", &authority)) {
    return BadAddress(address_);
  }
  if (!is_https && !own_.token_file.empty() && !authority.is_loopback()) {
    return Error{ErrorCode::kInvalid,
                 "The token could be read on the way to " + address_ + "; give an https:// address",
                 ""};
  }
  auto token = ReadToken(own_.token_file);
  if (!token) return token.error();
  question.host = authority.host;
  question.token = *std::move(token);
  tcp::resolver resolver(io);
  const auto results = resolver.resolve(authority.name, authority.port, ec);
  if (ec) return Unreachable(address_, ec.message());
  tcp::socket socket(io);
  ec = Within(io, patience_.connection,
              [&](auto done) { asio::async_connect(socket, results, std::move(done)); });
  if (ec == asio::error::timed_out) return Silent(address_, patience_.connection);
  if (ec) return Unreachable(address_, ec.message());
  if (is_https) return ExchangeOverTls(io, std::move(socket), address_, authority, own_, question);
  return Exchange(io, socket, address_, question);
}

}  // namespace fairlead::cli
