// What the looks of one prober share: the clock that stands still while nobody listens, deadlines,
// room for descriptors, TLS contexts, and a place for what is read and forgotten.
//
//   host.NoteOpened();
//   deadline_ = host.SetDeadline(host.In(timeout), weak_from_this());   // OnDeadline() then
//   host.ClearDeadline(deadline_);
//   host.NoteClosed();
//
// Deadlines are in the clock's own time (probe_clock.h). Threads: the one that runs `io`.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <map>
#include <memory>

#include "control/health/look/tls_contexts.h"
#include "control/health/probe_clock.h"

namespace fairlead::control {

class Look;

class LookHost {
 public:
  using Deadlines = std::multimap<TimePoint::duration, std::weak_ptr<Look>>;

  explicit LookHost(boost::asio::io_context& io);

  boost::asio::io_context& io() { return io_; }
  TlsContexts& tls() { return tls_; }
  std::array<char, 65536>& leftovers() { return leftovers_; }
  [[nodiscard]] size_t capacity() const { return capacity_; }
  [[nodiscard]] bool has_room() const { return open_ < capacity_; }

  // Never early: the clock has last been set up to two steps ago.
  [[nodiscard]] TimePoint::duration In(std::chrono::milliseconds time) const {
    return clock_.elapsed() + time + 2 * ProbeClock::kStep;
  }
  Deadlines::iterator SetDeadline(TimePoint::duration at, std::weak_ptr<Look> look) {
    return deadlines_.emplace(at, std::move(look));
  }
  void ClearDeadline(Deadlines::iterator deadline) { deadlines_.erase(deadline); }
  void NoteOpened();
  void NoteClosed();

 private:
  void Tick();

  boost::asio::io_context& io_;
  boost::asio::steady_timer timer_;  // of the clock; runs while a look is open
  ProbeClock clock_;
  Deadlines deadlines_;
  TlsContexts tls_;
  const size_t capacity_;
  size_t open_ = 0;
  std::array<char, 65536> leftovers_;
};

}  // namespace fairlead::control
