// One connection between two directors: TCP, encrypted unless it is over loopback.
//
//   auto link = std::make_shared<StreamLink>(std::move(socket), tls, StreamLink::Side::kDialer);
//   link->Begin({.opened = …, .received = …, .closed = …});
//   if (!link->is_sending()) link->Send(session.TakeOutput());
//   link->Refill();                // each turn: so many bytes more may be read
//   link->CloseWhenSent();
//
// Nothing here waits. A peer that sends faster than kBytesATurn waits in its socket, one that reads
// slowly makes nobody else wait: only one output is taken at a time. Callbacks come from the io's
// handlers, never from a call, and none after `closed`, Close or CloseWhenSent. Threads: that of
// the io.
#pragma once

#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "control/sync/stream/stream_tls.h"

namespace fairlead::control {

class StreamLink : public std::enable_shared_from_this<StreamLink> {
 public:
  static constexpr size_t kBytesATurn = 256 << 10;
  static constexpr std::chrono::seconds kGoodbyeTime{1};
  enum class Side { kDialer, kListener };
  struct Events {
    std::function<void()> opened;
    std::function<void(std::span<const uint8_t>)> received;
    std::function<void(const std::string& why)> closed;  // empty: the peer has closed it
  };

  // Without `tls`: in the clear.
  StreamLink(boost::asio::ip::tcp::socket socket, std::shared_ptr<const StreamTls> tls, Side side);

  // Of an open socket; a dialer's connects first.
  void Begin(Events events);
  void Dial(const boost::asio::ip::tcp::endpoint& to, Events events);

  // Of whom it is from now on, as a guest that has said who it is. Also from a callback.
  void Rebind(Events events) { events_ = std::move(events); }

  // Precondition: !is_sending().
  void Send(std::vector<uint8_t> bytes);
  [[nodiscard]] bool is_sending() const { return is_writing_; }
  void Refill();
  void Close();
  // At the latest in kGoodbyeTime.
  void CloseWhenSent();
  [[nodiscard]] bool is_closed() const { return is_closed_; }
  // Null: in the clear.
  [[nodiscard]] const std::shared_ptr<const StreamTls>& tls() const { return tls_context_; }
  [[nodiscard]] bool is_open() const { return is_open_ && !is_closed_; }
  // After `opened`: whether the other side is that director.
  [[nodiscard]] Status CheckPeer(const std::string& name);

 private:
  using ErrorCode = boost::system::error_code;
  using Tls = boost::asio::ssl::stream<boost::asio::ip::tcp::socket&>;

  void ShakeHands();
  void Open();
  void Read();
  void OnRead(ErrorCode error, size_t count);
  void Fail(const std::string& why);
  [[nodiscard]] std::string HandshakeProblem(const ErrorCode& error);

  boost::asio::ip::tcp::socket socket_;
  std::shared_ptr<const StreamTls> tls_context_;
  std::optional<Tls> tls_;
  std::optional<boost::asio::steady_timer> goodbye_;
  const Side side_;
  Events events_;
  std::vector<uint8_t> output_;  // being written
  std::array<uint8_t, 64 << 10> chunk_;
  size_t budget_ = kBytesATurn;
  bool is_open_ = false;
  bool is_reading_ = false, is_writing_ = false;
  bool is_closing_ = false, is_closed_ = false;
};

}  // namespace fairlead::control
