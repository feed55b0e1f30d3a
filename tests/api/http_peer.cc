#include "http_peer.h"

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "base/ip_address.h"

namespace fairlead::testing {

HttpPeer::HttpPeer(const std::string& address, const TlsClient& tls) {
  int connected = -1;
  if (address.starts_with("unix:")) {
    sockaddr_un where{};
    where.sun_family = AF_UNIX;
    address.copy(where.sun_path, sizeof where.sun_path - 1, 5);
    fd_ = ::socket(AF_UNIX, SOCK_STREAM, 0);
    connected = ::connect(fd_, reinterpret_cast<sockaddr*>(&where), sizeof where);
  } else {
    const auto endpoint = Endpoint::Parse(address.substr(address.find("//") + 2));
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = endpoint->port.raw();
    std::memcpy(&where.sin_addr, endpoint->address.bytes().data(), 4);
    fd_ = ::socket(AF_INET, SOCK_STREAM, 0);
    connected = ::connect(fd_, reinterpret_cast<sockaddr*>(&where), sizeof where);
  }
  if (connected != 0) throw std::runtime_error("cannot connect to " + address);
  if (address.starts_with("https:")) ShakeHands(tls);
}

HttpPeer::~HttpPeer() {
  SSL_free(tls_);
  ::close(fd_);
}

void HttpPeer::ShakeHands(const TlsClient& tls) {
  SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_load_verify_locations(context, tls.ca.c_str(), nullptr);
  if (tls.version != 0) {
    SSL_CTX_set_min_proto_version(context, 0);
    SSL_CTX_set_max_proto_version(context, tls.version);
    SSL_CTX_set_security_level(context, 0);
  }
  if (!tls.certificate.empty()) {
    SSL_CTX_use_certificate_file(context, tls.certificate.c_str(), SSL_FILETYPE_PEM);
    SSL_CTX_use_PrivateKey_file(context, tls.certificate.c_str(), SSL_FILETYPE_PEM);
  }
  tls_ = SSL_new(context);
  SSL_CTX_free(context);
  SSL_set_fd(tls_, fd_);
  if (SSL_connect(tls_) == 1) return;
  SSL_free(tls_);
  ::close(fd_);
  throw std::runtime_error("no agreement on TLS");
}

Answer HttpPeer::Ask(const std::string& line, const std::string& body, const std::string& headers) {
  std::string text = line + " HTTP/1.1\r\n" + headers;
  if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  return Raw(text + "\r\n" + body, line.starts_with("HEAD"));
}

bool HttpPeer::ReadMore() {
  char chunk[4096];
  const ssize_t n =
      tls_ != nullptr ? SSL_read(tls_, chunk, sizeof chunk) : ::read(fd_, chunk, sizeof chunk);
  if (n > 0) buffer_.append(chunk, static_cast<size_t>(n));
  return n > 0;
}

bool HttpPeer::IsOpen() const {
  char byte;
  const ssize_t n = ::recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return n > 0 || (n < 0 && errno == EAGAIN);
}

std::string HttpPeer::ReadSome() {
  if (buffer_.empty()) ReadMore();
  return std::exchange(buffer_, {});
}

void HttpPeer::Send(const std::string& bytes) {
  for (size_t sent = 0; sent < bytes.size();) {
    const char* const rest = bytes.data() + sent;
    const size_t size = bytes.size() - sent;
    const ssize_t n = tls_ != nullptr ? SSL_write(tls_, rest, static_cast<int>(size))
                                      : ::send(fd_, rest, size, MSG_NOSIGNAL);
    if (n <= 0) break;
    sent += static_cast<size_t>(n);
  }
}

Answer HttpPeer::Raw(const std::string& bytes, bool is_head) {
  Send(bytes);
  Answer answer;
  size_t end = 0;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (!ReadMore()) return answer;
  }
  std::string head = buffer_.substr(0, end + 2);
  buffer_.erase(0, end + 4);
  answer.status = std::stoi(head.substr(head.find(' ') + 1));
  for (size_t at = head.find("\r\n") + 2; at < head.size();) {
    const size_t colon = head.find(": ", at), stop = head.find("\r\n", at);
    std::string name = head.substr(at, colon - at);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    answer.headers[name] = head.substr(colon + 2, stop - colon - 2);
    at = stop + 2;
  }
  const size_t length = is_head ? 0 : std::stoul("0" + answer.header("content-length"));
  while (buffer_.size() < length && ReadMore()) {
  }
  answer.body = buffer_.substr(0, length);
  buffer_.erase(0, length);
  return answer;
}

}  // namespace fairlead::testing
