#include "control/api/http_server.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <optional>

#include "base/log.h"
#include "base/log_pace.h"
#include "control/api/door.h"
#include "control/api/http_session.h"
#include "control/api/listen.h"

namespace fairlead::api {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

// Whoever has a network of IPv6 has as many addresses as he wants.
std::string BudgetOf(const asio::ip::address& address) {
  if (!address.is_v6() || address.to_v6().is_v4_mapped()) return address.to_string();
  auto bytes = address.to_v6().to_bytes();
  std::fill(bytes.begin() + 8, bytes.end(), 0);
  return asio::ip::address_v6(bytes).to_string() + "/64";
}

// Nothing when it has gone already.
std::optional<HttpPeer> PeerOf(const asio::ip::tcp::socket& socket) {
  error_code ec;
  const auto endpoint = socket.remote_endpoint(ec);
  if (ec) return std::nullopt;
  const std::string address = endpoint.address().to_string();
  const std::string from = endpoint.address().is_v6() ? "[" + address + "]" : address;
  return HttpPeer{BudgetOf(endpoint.address()), from + ":" + std::to_string(endpoint.port()),
                  std::nullopt};
}

std::optional<HttpPeer> PeerOf(asio::local::stream_protocol::socket& socket) {
  ucred who{};
  socklen_t length = sizeof who;
  if (::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &who, &length) != 0) {
    return std::nullopt;
  }
  return HttpPeer{"uid " + std::to_string(who.uid), "unix", User{who.uid, who.gid, who.pid}};
}

}  // namespace

// A listening socket of either kind: Protocol is ip::tcp or local::stream_protocol.
class HttpServer::Listener {
 public:
  Listener(std::string where, std::string bound, std::string path)
      : wanted(std::move(where)), address(std::move(bound)), path_(std::move(path)) {}
  virtual ~Listener() { Unlink(); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  virtual void Close() = 0;
  // The socket goes on listening, and keeps its name.
  virtual FileDescriptor Release() = 0;

  template <typename Protocol>
  class Of;

  const std::string wanted;   // as Listen was told
  const std::string address;  // with the real port

 protected:
  // Removes the socket, unless somebody has put another in its place.
  void RememberInode() {
    struct stat s;
    if (!path_.empty() && ::stat(path_.c_str(), &s) == 0) inode_ = s.st_ino;
  }
  void KeepName() { inode_ = 0; }
  void Unlink() {
    struct stat s;
    if (inode_ != 0 && ::stat(path_.c_str(), &s) == 0 && s.st_ino == inode_) {
      ::unlink(path_.c_str());
    }
    inode_ = 0;
  }

 private:
  std::string path_;
  ino_t inode_ = 0;
};

template <typename Protocol>
class HttpServer::Listener::Of : public Listener,
                                 public std::enable_shared_from_this<Of<Protocol>> {
 public:
  Of(asio::io_context& io, std::shared_ptr<HttpSessions> sessions, std::shared_ptr<Door> door,
     typename Protocol::acceptor acceptor, std::string where, std::string bound, std::string path)
      : Listener(std::move(where), std::move(bound), std::move(path)),
        sessions_(std::move(sessions)),
        door_(std::move(door)),
        acceptor_(std::move(acceptor)),
        retry_(io) {
    RememberInode();
  }

  void Accept() {
    acceptor_.async_accept(
        [weak = this->weak_from_this()](error_code ec, typename Protocol::socket socket) {
          const auto self = weak.lock();
          if (!self || ec == asio::error::operation_aborted) return;
          self->OnAccept(ec, std::move(socket));
        });
  }

  void Close() override {
    error_code ignored;
    acceptor_.close(ignored);
    retry_.cancel();
    Unlink();
  }

  FileDescriptor Release() override {
    retry_.cancel();
    KeepName();
    error_code failed;
    const auto socket = acceptor_.release(failed);
    return failed ? FileDescriptor() : FileDescriptor(socket);
  }

 private:
  void OnAccept(error_code ec, typename Protocol::socket socket) {
    if (ec) {  // out of file descriptors, most likely: do not spin on it
      if (const uint64_t times = pace_.Note(std::chrono::steady_clock::now())) {
        LogWarning("the API cannot accept connections; it goes on trying",
                   {{"listen", address}, {"error", ec.message()}, {"times", times}});
      }
      retry_.expires_after(std::chrono::milliseconds(100));
      retry_.async_wait([weak = this->weak_from_this()](error_code waited) {
        if (const auto self = weak.lock(); self && !waited) self->Accept();
      });
      return;
    }
    Accept();  // first: no memory for this session must not be the end of the listener
    if (auto peer = PeerOf(socket); peer && door_->MakeRoom(peer->budget)) {
      HttpSessions::Begin(sessions_, door_, std::move(socket), std::move(*peer));
    }
  }

  const std::shared_ptr<HttpSessions> sessions_;
  const std::shared_ptr<Door> door_;
  typename Protocol::acceptor acceptor_;
  asio::steady_timer retry_;
  LogPace pace_;  // of failures to accept
};

HttpServer::HttpServer(asio::io_context& io, HttpHandler handler)
    : io_(io), sessions_(std::make_shared<HttpSessions>(std::move(handler))) {}

HttpServer::~HttpServer() { Close(); }

Status HttpServer::Listen(const ListenSpec& spec, FileDescriptor passed) {
  const std::string& where = spec.where;
  auto door = Door::Open(spec);
  if (!door) return door.error();
  if (spec.is_unix()) {
    auto acceptor = passed ? AdoptPath(io_, spec, std::move(passed)) : ListenOnPath(io_, spec);
    if (!acceptor) return acceptor.error();
    Start<asio::local::stream_protocol>(std::move(*acceptor), *std::move(door), where, where,
                                        where.substr(5));
    return Done{};
  }
  auto acceptor = passed ? AdoptTcp(io_, where, std::move(passed)) : ListenOnTcp(io_, where);
  if (!acceptor) return acceptor.error();
  error_code ec;
  const auto bound = acceptor->local_endpoint(ec);
  const std::string host = bound.address().is_v6() ? "[" + bound.address().to_string() + "]"
                                                   : bound.address().to_string();
  Start<asio::ip::tcp>(
      std::move(*acceptor), *std::move(door), where,
      (spec.is_https() ? "https://" : "http://") + host + ":" + std::to_string(bound.port()), "");
  return Done{};
}

template <typename Protocol>
void HttpServer::Start(typename Protocol::acceptor acceptor, std::shared_ptr<Door> door,
                       const std::string& where, const std::string& address,
                       const std::string& path) {
  auto listener = std::make_shared<Listener::Of<Protocol>>(
      io_, sessions_, std::move(door), std::move(acceptor), where, address, path);
  listener->Accept();
  listeners_.push_back(std::move(listener));
}

std::vector<std::string> HttpServer::addresses() const {
  std::vector<std::string> list;
  for (const auto& listener : listeners_) list.push_back(listener->address);
  return list;
}

void HttpServer::Close() {
  for (const auto& listener : listeners_) listener->Close();
  listeners_.clear();
  sessions_->CloseAll();
}

std::vector<NamedDescriptor> HttpServer::Release() {
  std::vector<NamedDescriptor> released;
  for (const auto& listener : listeners_) {
    released.push_back({listener->wanted, listener->Release()});
  }
  listeners_.clear();
  sessions_->CloseAll();
  return released;
}

}  // namespace fairlead::api
