// Mail about changes of real servers and services: one message for each, bounded in all ways.
//
//   Mailer mailer(io);
//   mailer.Note(mail, "edge-1", {wall_now, "real server 10.0.0.11:80 of web is down", "refused"});
//   mailer.Follow(model.mail);   // after a reload
//   mailer.counts().sent;
//
// One message is under way at a time. kMailBurst may go at once and one each kMailPace after that;
// what happens meanwhile waits and goes in one message, and so does what could not be sent, which
// is tried again after kMailRetry, twice as long each time up to kMostMailRetry. What the server
// refuses for good is dropped. kMostWaiting changes wait at the most; more are counted. Another
// configuration ends all waiting: what waits goes to the new server at once. A failure is said once
// until its kind changes or mail goes again.
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
#include <optional>
#include <string>
#include <vector>

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

  // The configuration that holds from now on; none drops what waits.
  void Follow(const std::optional<MailConfig>& mail);
  // Follows `mail` as well.
  void Note(const MailConfig& mail, const std::string& director, MailedChange change);
  [[nodiscard]] MailCounts counts() const {
    return {sent_.load(std::memory_order_relaxed), failed_.load(std::memory_order_relaxed),
            dropped_.load(std::memory_order_relaxed)};
  }

 private:
  using Clock = std::chrono::steady_clock;

  // What was said last of mail that does not go.
  enum class Trouble : uint8_t { kNone, kLater, kForGood };

  void SendNext();
  void OnEnd(const MailEnd& end);
  void OnTaken(const std::string& refused, uint64_t changes);
  void SayFailure(const MailEnd& end, bool is_permanent);
  void KeepForLater();
  void DropWaiting();
  void Refill(Clock::time_point now);
  void WakeAt(Clock::time_point when);

  boost::asio::io_context& io_;
  const MailPace pace_;
  // Kept from one mail to the next: to read the authorities of a system takes long.
  const std::shared_ptr<TlsContexts> contexts_ = std::make_shared<TlsContexts>();
  std::shared_ptr<const MailConfig> mail_;          // none: no mail is sent
  std::shared_ptr<const MailConfig> under_way_by_;  // of the message that is being sent
  std::string director_;
  std::deque<MailedChange> waiting_;
  uint64_t unnamed_ = 0;                 // more that have no room
  std::vector<MailedChange> under_way_;  // in the message that is being sent
  uint64_t unnamed_under_way_ = 0;
  uint32_t tokens_;
  Clock::time_point next_token_{};
  Clock::time_point not_before_{};  // after a failure
  std::chrono::milliseconds next_retry_{};
  uint64_t attempts_ = 0;
  bool is_sending_ = false;
  bool is_summary_ = false;       // what waits goes in one message
  bool is_failing_ = false;       // since mail was taken last
  bool is_refusal_said_ = false;  // of a recipient
  Trouble said_ = Trouble::kNone;
  std::atomic<uint64_t> sent_{0}, failed_{0}, dropped_{0};
  boost::asio::steady_timer timer_;
};

}  // namespace fairlead::control
