// A plain-sockets HTTP client for tests: it sees exactly what comes over the wire.
//
//   HttpPeer peer("unix:/tmp/x/api.sock");
//   Answer a = peer.Ask("GET /v1/status");
//   a.status; a.header("content-type"); a.body; a.json();
//
// One connection for all Asks, so keep-alive is tested by use.
#pragma once

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

class HttpPeer {
 public:
  explicit HttpPeer(const std::string& address);
  ~HttpPeer();
  HttpPeer(const HttpPeer&) = delete;
  HttpPeer& operator=(const HttpPeer&) = delete;

  // `line`: "METHOD TARGET". `headers`: "Name: value\r\n" lines.
  Answer Ask(const std::string& line, const std::string& body = "",
             const std::string& headers = "Host: localhost\r\n");
  void Send(const std::string& bytes);
  // Whether the other end has not closed; takes nothing that was sent.
  [[nodiscard]] bool IsOpen() const;
  // Bytes as they are; then one answer.
  Answer Raw(const std::string& bytes, bool is_head = false);

 private:
  bool ReadMore();

  int fd_;
  std::string buffer_;
};

}  // namespace fairlead::testing
