#include "control/api/ipvs/server.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/seq_packet_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>

#include "base/log.h"
#include "base/log_pace.h"
#include "control/api/ipvs/peer.h"
#include "control/api/ipvs/session.h"
#include "control/api/listen.h"

namespace fairlead::ipvs {

namespace asio = boost::asio;
using boost::system::error_code;
using Protocol = asio::generic::seq_packet_protocol;

struct Server::Impl : std::enable_shared_from_this<Server::Impl> {
  Impl(asio::io_context& io, Dispatcher& dispatcher)
      : acceptor(io), retry(io), shared(std::make_shared<Session::Shared>(dispatcher)) {}

  void Accept() {
    acceptor.async_accept([weak = weak_from_this()](error_code ec, Protocol::socket socket) {
      const auto self = weak.lock();
      if (self && ec != asio::error::operation_aborted) self->OnAccept(ec, std::move(socket));
    });
  }

  void OnAccept(error_code ec, Protocol::socket socket) {
    if (ec) {  // out of file descriptors, most likely: do not spin on it
      if (const uint64_t times = pace.Note(std::chrono::steady_clock::now())) {
        LogWarning("the socket of ipvs cannot accept connections; it goes on trying",
                   {{"path", path}, {"error", ec.message()}, {"times", times}});
      }
      retry.expires_after(std::chrono::milliseconds(100));
      retry.async_wait([weak = weak_from_this()](error_code waited) {
        if (const auto self = weak.lock(); self && !waited) self->Accept();
      });
      return;
    }
    Accept();  // first: no memory for this session must not be the end of the listener
    auto peer = PeerOf(socket.native_handle(), group);
    if (peer && shared->budget.MakeRoom("uid " + std::to_string(peer->uid))) {
      Session::Begin(shared, std::move(socket), std::move(*peer));
    }
  }

  // Removes the socket, unless somebody has put another in its place.
  void Unlink() {
    struct stat s;
    if (inode != 0 && ::stat(path.c_str(), &s) == 0 && s.st_ino == inode) ::unlink(path.c_str());
    inode = 0;
  }

  void CloseSessions() {
    const std::set<Session*> closing = shared->open;  // one takes itself out when it goes
    for (Session* session : closing) session->Close();
  }

  asio::basic_socket_acceptor<Protocol> acceptor;
  asio::steady_timer retry;
  const std::shared_ptr<Session::Shared> shared;
  LogPace pace;  // of failures to accept
  std::string path;
  ino_t inode = 0;
  gid_t group = 0;
};

Server::Server(asio::io_context& io, Dispatcher& dispatcher)
    : impl_(std::make_shared<Impl>(io, dispatcher)) {}

Server::~Server() { Close(); }

Status Server::Listen(const api::ListenSpec& spec, FileDescriptor passed) {
  const std::string& path = spec.where;
  Result<FileDescriptor> socket =
      passed ? api::AdoptRecords(spec, std::move(passed)) : api::ListenForRecords(spec);
  if (!socket) return socket.error();
  error_code ec;
  impl_->acceptor.assign(Protocol(AF_UNIX, 0), socket->get(), ec);
  if (ec) {
    return Error{ErrorCode::kSystem, "The socket cannot be used: " + ec.message(),
                 "api.ipvs_socket " + path};
  }
  (void)socket->Release();  // the acceptor's now
  impl_->path = path;
  struct stat s;
  if (::stat(path.c_str(), &s) == 0) {
    impl_->inode = s.st_ino;
    impl_->group = s.st_gid;
  }
  impl_->Accept();
  return Done{};
}

void Server::Close() {
  error_code ignored;
  impl_->acceptor.close(ignored);
  impl_->retry.cancel();
  impl_->Unlink();
  impl_->CloseSessions();
}

FileDescriptor Server::Release() {
  impl_->retry.cancel();
  impl_->inode = 0;  // it keeps its name
  error_code failed;
  FileDescriptor released;
  if (impl_->acceptor.is_open()) {
    const auto socket = impl_->acceptor.release(failed);
    if (!failed) released = FileDescriptor(socket);
  }
  impl_->CloseSessions();
  return released;
}

size_t Server::sessions() const { return impl_->shared->open.size(); }

}  // namespace fairlead::ipvs
