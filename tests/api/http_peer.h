// A plain-sockets HTTP client for tests: it sees exactly what comes over the wire.
//
//   HttpPeer peer("unix:/tmp/x/api.sock");
//   Answer a = peer.Ask("GET /v1/status");
//   a.status; a.header("content-type"); a.body; a.json();
//
// One connection for all Asks, so keep-alive is tested by use. "https://…" speaks TLS: TlsClient
// says what it trusts and what it shows.
#pragma once

#include <openssl/types.h>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <map>
#include <string>

namespace fairlead::testing {

struct Answer {
  int status = 0;                              // 0: the peer closed without an answer
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;

  [[nodiscard]] std::string header(const std::string& name) const {
    const auto it = headers.find(name);
    return it == headers.end() ? "" : it->second;
  }
  [[nodiscard]] boost::json::object json() const { return boost::json::parse(body).as_object(); }
};

struct TlsClient {
  std::string ca{};           // PEM files
  std::string certificate{};  // with its key; empty: none
  int version = 0;            // the highest that it speaks, for instance TLS1_1_VERSION
};

class HttpPeer {
 public:
  // Throws when nobody is there, or when there is no agreement on TLS.
  explicit HttpPeer(const std::string& address, const TlsClient& tls = {});
  ~HttpPeer();
  HttpPeer(const HttpPeer&) = delete;
  HttpPeer& operator=(const HttpPeer&) = delete;

  // `line`: "METHOD TARGET". `headers`: "Name: value\r\n" lines.
  Answer Ask(const std::string& line, const std::string& body = "",
             const std::string& headers = "Host: localhost\r\n");
  void Send(const std::string& bytes);
  // What has come, as it is; waits for it. Empty: the other end has closed.
  std::string ReadSome();
  // Whether the other end has not closed; takes nothing that was sent.
  [[nodiscard]] bool IsOpen() const;
  // Bytes as they are; then one answer.
  Answer Raw(const std::string& bytes, bool is_head = false);

 private:
  bool ReadMore();
  void ShakeHands(const TlsClient& tls);

  int fd_;
  SSL* tls_ = nullptr;
  std::string buffer_;
};

}  // namespace fairlead::testing
