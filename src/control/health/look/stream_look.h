// A look over TCP, and over TLS where the target wants it.
//
// Its end is orderly where that is cheap: what the server still sends after the verdict is read, up
// to kMostLeftoverBytes or kMostLeftoverTime, so that its connection ends without a RST.
#pragma once

#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <optional>
#include <string>

#include "control/health/look/look.h"

namespace fairlead::control {

class StreamLook final : public Look {
 public:
  static constexpr size_t kMostLeftoverBytes = 1 << 20;
  static constexpr std::chrono::milliseconds kMostLeftoverTime{500};

  StreamLook(LookHost& host, LookTask task)
      : Look(host, std::move(task), Way::kTcp), socket_(host.io()) {}

 private:
  using ErrorCode = boost::system::error_code;
  using Tls = boost::asio::ssl::stream<boost::asio::ip::tcp::socket&>;

  int Open() override;
  void AwaitOpen() override;
  void CloseSocket() override;
  [[nodiscard]] std::string MissingPart() const override;

  void OnWritable();
  void ShakeHands();
  // False: what TLS needs here is not to be had, and the look is over.
  bool PrepareTls();
  void OnHandshake(ErrorCode error);
  void Talk();
  // Sends and reads as far as the dialogue wants; its verdict ends that.
  void Proceed();
  void Write();
  void Read();
  void OnRead(ErrorCode error, size_t count);
  void Finish();
  void SayGoodbye();
  void ReadLeftovers();

  std::shared_ptr<StreamLook> self() {
    return std::static_pointer_cast<StreamLook>(shared_from_this());
  }

  boost::asio::ip::tcp::socket socket_;
  std::shared_ptr<boost::asio::ssl::context> context_;
  std::optional<Tls> tls_;
  std::string output_;  // being written
  std::array<char, 4096> chunk_;
  size_t leftover_bytes_ = 0;
  bool is_shaking_hands_ = false;
  bool is_writing_ = false;
  bool is_write_broken_ = false;
  bool is_write_reset_ = false;  // by a RST: reading sees a plain end then
};

}  // namespace fairlead::control
