#include "control/mail/mailer.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/secret.h"

namespace fairlead::control {
namespace {

std::string DrawnMessageId() {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::array<uint8_t, 16> bytes;
  DrawSecret(bytes);
  std::string id;
  for (const uint8_t byte : bytes) id.append({kHex[byte >> 4], kHex[byte & 15]});
  return id;
}

}  // namespace

void Mailer::Note(const MailConfig& mail, const std::string& director, MailedChange change) {
  if (mail_ == nullptr || *mail_ != mail) mail_ = std::make_shared<const MailConfig>(mail);
  director_ = director;
  if (waiting_.size() < kMostWaiting) {
    waiting_.push_back(std::move(change));
  } else {
    ++unnamed_;
  }
  if (!is_sending_) SendNext();
}

void Mailer::Refill(Clock::time_point now) {
  while (tokens_ < pace_.burst && next_token_ <= now) {
    ++tokens_;
    next_token_ += pace_.pace;
  }
}

void Mailer::WakeAt(Clock::time_point when) {
  timer_.expires_at(when);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error && !is_sending_) SendNext();
  });
}

void Mailer::SendNext() {
  if (waiting_.empty()) return;
  const Clock::time_point now = Clock::now();
  if (now < not_before_) return WakeAt(not_before_);
  Refill(now);
  if (tokens_ == 0) {
    is_summary_ = true;
    return WakeAt(next_token_);
  }
  if (tokens_ == pace_.burst) next_token_ = now + pace_.pace;
  --tokens_;
  const size_t count = is_summary_ || unnamed_ > 0 ? waiting_.size() : 1;
  is_summary_ = false;
  const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(count);
  under_way_.assign(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(end));
  waiting_.erase(waiting_.begin(), end);
  unnamed_under_way_ = std::exchange(unnamed_, 0);
  is_sending_ = true;
  const std::vector<MailedChange> changes(under_way_.begin(), under_way_.end());
  SendMail(io_, mail_,
           MailText(*mail_, director_, changes, unnamed_under_way_,
                    std::chrono::system_clock::now(), DrawnMessageId()),
           [this](const MailEnd& how) { OnEnd(how); });
}

void Mailer::OnEnd(const MailEnd& end) {
  is_sending_ = false;
  const uint64_t changes = under_way_.size() + std::exchange(unnamed_under_way_, 0);
  if (end.is_taken) {
    sent_.fetch_add(1, std::memory_order_relaxed);
    next_retry_ = {};
    if (std::exchange(is_failing_, false)) {
      LogInfo("mail is taken again", {{"server", mail_->server.ToString()}, {"changes", changes}});
    }
    if (!end.detail.empty()) {
      LogWarning("the mail server refuses a recipient",
                 {{"server", mail_->server.ToString()}, {"reason", end.detail}});
    }
    return SendNext();
  }
  failed_.fetch_add(1, std::memory_order_relaxed);
  if (!std::exchange(is_failing_, true)) {
    LogWarning("mail cannot be sent; changes wait for it, 256 at the most",
               {{"server", mail_->server.ToString()},
                {"reason", end.detail},
                {"remedy", end.is_permanent ? "correct the section mail, or the mail server"
                                            : "look at the mail server, and the way to it"}});
  }
  if (end.is_permanent) {
    dropped_.fetch_add(changes, std::memory_order_relaxed);
  } else {
    // Before what has come since; what has no room then is only counted.
    waiting_.insert(waiting_.begin(), std::make_move_iterator(under_way_.begin()),
                    std::make_move_iterator(under_way_.end()));
    unnamed_ += changes - under_way_.size();
    if (waiting_.size() > kMostWaiting) {
      unnamed_ += waiting_.size() - kMostWaiting;
      waiting_.resize(kMostWaiting);
    }
  }
  under_way_.clear();
  is_summary_ = true;
  next_retry_ = std::clamp(next_retry_ * 2, pace_.retry, pace_.most_retry);
  not_before_ = Clock::now() + next_retry_;
  SendNext();
}

}  // namespace fairlead::control
