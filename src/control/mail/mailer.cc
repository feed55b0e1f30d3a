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

void Mailer::Follow(const std::optional<MailConfig>& mail) {
  if (!mail) {
    mail_ = nullptr;
    return DropWaiting();
  }
  if (mail_ != nullptr && *mail_ == *mail) return;
  mail_ = std::make_shared<const MailConfig>(*mail);
  // What the old one has failed with says nothing about this one.
  not_before_ = {};
  next_retry_ = {};
  said_ = Trouble::kNone;
  is_refusal_said_ = false;
  if (!is_sending_) SendNext();
}

void Mailer::Note(const MailConfig& mail, const std::string& director, MailedChange change) {
  director_ = director;
  if (waiting_.size() < kMostWaiting) {
    waiting_.push_back(std::move(change));
  } else {
    ++unnamed_;
  }
  if (mail_ == nullptr || *mail_ != mail) return Follow(mail);
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
  if (waiting_.empty() || mail_ == nullptr) return;
  const Clock::time_point now = Clock::now();
  if (now < not_before_) return WakeAt(not_before_);
  Refill(now);
  if (tokens_ == 0) {
    is_summary_ = true;
    return WakeAt(next_token_);
  }
  const size_t count = is_summary_ || unnamed_ > 0 ? waiting_.size() : 1;
  const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(count);
  std::vector<MailedChange> changes(waiting_.begin(), end);
  SendMail(io_, contexts_, mail_,
           MailText(*mail_, director_, changes, unnamed_, std::chrono::system_clock::now(),
                    DrawnMessageId()),
           [this, attempt = ++attempts_](const MailEnd& how) {
             // One that SendMail has thrown out of was never under way.
             if (is_sending_ && attempt == attempts_) OnEnd(how);
           });
  // It is on its way; nothing from here on throws.
  is_sending_ = true;
  if (tokens_ == pace_.burst) next_token_ = now + pace_.pace;
  --tokens_;
  is_summary_ = false;
  under_way_ = std::move(changes);
  under_way_by_ = mail_;
  waiting_.erase(waiting_.begin(), end);
  unnamed_under_way_ = std::exchange(unnamed_, 0);
}

void Mailer::OnEnd(const MailEnd& end) {
  is_sending_ = false;
  const uint64_t changes = under_way_.size() + unnamed_under_way_;
  if (end.is_taken) return OnTaken(end.detail, changes);
  failed_.fetch_add(1, std::memory_order_relaxed);
  // Another server may take what this one has refused for good.
  const bool is_replaced = under_way_by_ != mail_;
  const bool is_permanent = end.is_permanent && !is_replaced;
  if (!is_replaced) SayFailure(end, is_permanent);
  if (is_permanent) {
    dropped_.fetch_add(changes, std::memory_order_relaxed);
  } else {
    KeepForLater();
  }
  under_way_.clear();
  unnamed_under_way_ = 0;
  if (mail_ == nullptr) return DropWaiting();
  if (is_permanent && end.is_of_message) {
    next_retry_ = {};  // the server is there for the next one
    return SendNext();
  }
  is_summary_ = true;
  if (!is_replaced) {
    next_retry_ = std::clamp(next_retry_ * 2, pace_.retry, pace_.most_retry);
    not_before_ = Clock::now() + next_retry_;
  }
  SendNext();
}

void Mailer::OnTaken(const std::string& refused, uint64_t changes) {
  sent_.fetch_add(1, std::memory_order_relaxed);
  next_retry_ = {};
  said_ = Trouble::kNone;
  under_way_.clear();
  unnamed_under_way_ = 0;
  const std::string server = under_way_by_->server.ToString();
  if (std::exchange(is_failing_, false)) {
    LogInfo("mail is taken again", {{"server", server}, {"changes", changes}});
  }
  if (!refused.empty() && !std::exchange(is_refusal_said_, true)) {
    LogWarning("the mail server refuses a recipient; the others have the mail",
               {{"server", server},
                {"reason", refused},
                {"remedy", "correct mail.to, or the mail server"}});
  }
  is_refusal_said_ = is_refusal_said_ && !refused.empty();
  SendNext();
}

void Mailer::SayFailure(const MailEnd& end, bool is_permanent) {
  is_failing_ = true;
  const Trouble trouble = is_permanent ? Trouble::kForGood : Trouble::kLater;
  if (std::exchange(said_, trouble) == trouble) return;
  const std::string server = mail_->server.ToString();
  if (is_permanent) {
    LogWarning("the mail server refuses mail for good; the changes in it are lost",
               {{"server", server},
                {"reason", end.detail},
                {"remedy", "correct the section mail, or the mail server"}});
  } else {
    LogWarning("mail cannot be sent; changes wait for it, 256 at the most",
               {{"server", server},
                {"reason", end.detail},
                {"remedy", "look at the mail server, and the way to it"}});
  }
}

// Before what has come since; what has no room then is only counted.
void Mailer::KeepForLater() {
  waiting_.insert(waiting_.begin(), std::make_move_iterator(under_way_.begin()),
                  std::make_move_iterator(under_way_.end()));
  unnamed_ += unnamed_under_way_;
  if (waiting_.size() > kMostWaiting) {
    unnamed_ += waiting_.size() - kMostWaiting;
    waiting_.resize(kMostWaiting);
  }
}

void Mailer::DropWaiting() {
  dropped_.fetch_add(waiting_.size() + std::exchange(unnamed_, 0), std::memory_order_relaxed);
  waiting_.clear();
}

}  // namespace fairlead::control
