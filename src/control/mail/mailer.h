// Mail about changes of real servers and services: one message for each, bounded in all ways.
//
//   Mailer mailer(io);
//   mailer.Note(mail, "edge-1", {wall_now, "real server 10.0.0.11:80 of web is down", "refused"});
//   mailer.counts().sent;
//
// One message is under way at a time. kMailBurst may go at once and one each kMailPace after that;
// what happens meanwhile waits and goes in one message, and so does what could not be sent, which
// is tried again after kMailRetry, twice as long each time up to kMostMailRetry. kMostWaiting
// changes wait at the most; more are counted. A failure is said once until mail goes again.
// Nothing waits here: a mail server that is slow or gone costs nothing but the mail. Threads: the
// one that runs the io; counts() from any.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "control/mail/mail_counts.h"
#include "control/mail/mail_session.h"
#include "control/mail/mail_text.h"

namespace fairlead::control {

inline constexpr size_t kMostWaiting = 256;

struct MailPace {
  uint32_t burst = 10;
  std::chrono::milliseconds pace{std::chrono::minutes{1}};
  std::chrono::milliseconds retry{std::chrono::minutes{1}};
  std::chrono::milliseconds most_retry{std::chrono::minutes{16}};
};

class Mailer {
 public:
  explicit Mailer(boost::asio::io_context& io, MailPace pace = {})
      : io_(io), pace_(pace), tokens_(pace.burst), timer_(io) {}

  void Note(const MailConfig& mail, const std::string& director, MailedChange change);
  [[nodiscard]] MailCounts counts() const {
    return {sent_.load(std::memory_order_relaxed), failed_.load(std::memory_order_relaxed),
            dropped_.load(std::memory_order_relaxed)};
  }

 private:
  using Clock = std::chrono::steady_clock;

  void SendNext();
  void OnEnd(const MailEnd& end);
  void Refill(Clock::time_point now);
  void WakeAt(Clock::time_point when);

  boost::asio::io_context& io_;
  const MailPace pace_;
  std::shared_ptr<const MailConfig> mail_;
  std::string director_;
  std::deque<MailedChange> waiting_;
  uint64_t unnamed_ = 0;                // more that have no room
  std::deque<MailedChange> under_way_;  // in the message that is being sent
  uint64_t unnamed_under_way_ = 0;
  uint32_t tokens_;
  Clock::time_point next_token_{};
  Clock::time_point not_before_{};  // after a failure
  std::chrono::milliseconds next_retry_{};
  bool is_sending_ = false;
  bool is_summary_ = false;  // what waits goes in one message
  bool is_failing_ = false;  // as last said
  std::atomic<uint64_t> sent_{0}, failed_{0}, dropped_{0};
  boost::asio::steady_timer timer_;
};

}  // namespace fairlead::control
