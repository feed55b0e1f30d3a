#include "control/api/ipvs/session.h"

#include <sys/socket.h>

#include <boost/asio/post.hpp>
#include <chrono>

#include "control/api/ipvs/server.h"
#include "control/api/ipvs/wire.h"

namespace fairlead::ipvs {

namespace asio = boost::asio;
using boost::system::error_code;

void Session::Begin(std::shared_ptr<Shared> shared, Socket socket, Peer peer) {
  const auto session =
      std::make_shared<Session>(std::move(shared), std::move(socket), std::move(peer));
  session->shared_->open.insert(session.get());
  session->shared_->budget.Add(&session->seat_);
  session->Read();
}

Session::Session(std::shared_ptr<Shared> shared, Socket socket, Peer peer)
    : shared_(std::move(shared)),
      socket_(std::move(socket)),
      peer_(std::move(peer)),
      seat_{"uid " + std::to_string(peer_.uid), [this] { Close(); }},
      stall_(socket_.get_executor()),
      record_(kMostRequestBytes) {}

Session::~Session() {
  shared_->budget.Remove(&seat_);
  shared_->open.erase(this);
}

void Session::Close() {
  error_code ignored;
  stall_.cancel();
  socket_.shutdown(Socket::shutdown_both, ignored);
  socket_.close(ignored);
}

void Session::Read() {
  reader_.reset();
  seat_.waits_since = std::chrono::steady_clock::now();
  auto flags = std::make_shared<asio::socket_base::message_flags>(0);
  socket_.async_receive(asio::buffer(record_), *flags,
                        [self = shared_from_this(), flags](error_code ec, size_t bytes) {
                          self->OnRead(ec, bytes, *flags);
                        });
}

void Session::OnRead(error_code ec, size_t bytes, int flags) {
  // Nothing at all is how the end looks.
  if (ec || bytes == 0 || (flags & MSG_TRUNC) != 0) return Close();
  seat_.waits_since.reset();
  reader_.emplace(Bytes(record_).first(bytes));
  HandleNext();
}

void Session::HandleNext() {
  if (!socket_.is_open()) return;
  const auto message = reader_->Next();
  if (!message) return Read();
  shared_->dispatcher.Handle(*message, peer_,
                             [self = shared_from_this()](std::unique_ptr<Answer> answer) {
                               self->answer_ = std::move(answer);
                               // Not from here: many short requests in one record would stand on
                               // each other on the stack, and others wait for their turn.
                               asio::post(self->socket_.get_executor(), [self] {
                                 if (self->answer_ == nullptr) return self->HandleNext();
                                 self->Pump();
                               });
                             });
}

void Session::Pump() {
  if (!socket_.is_open()) return;
  answer_->Next([self = shared_from_this()](Record record, bool is_last) {
    self->OnAnswer(std::move(record), is_last);
  });
}

void Session::OnAnswer(Record record, bool is_last) {
  if (!record.empty()) return Write(std::move(record), is_last);
  asio::post(socket_.get_executor(), [self = shared_from_this(), is_last] {
    if (!is_last) return self->Pump();
    self->answer_.reset();
    self->HandleNext();
  });
}

void Session::Write(Record record, bool is_last) {
  if (!socket_.is_open()) return;
  sent_ = std::move(record);
  seat_.waits_since = std::chrono::steady_clock::now();
  WatchForStall();
  socket_.async_send(asio::buffer(sent_), MSG_NOSIGNAL,
                     [self = shared_from_this(), is_last](error_code ec, size_t) {
                       self->stall_.cancel();
                       self->seat_.waits_since.reset();
                       if (ec) return self->Close();
                       if (!is_last) return self->Pump();
                       self->answer_.reset();
                       self->HandleNext();
                     });
}

void Session::WatchForStall() {
  stall_.expires_after(std::chrono::seconds(kStallSeconds));
  stall_.async_wait([weak = weak_from_this()](error_code ec) {
    if (const auto self = weak.lock(); self && !ec) self->Close();
  });
}

}  // namespace fairlead::ipvs
