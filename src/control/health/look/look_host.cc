#include "control/health/look/look_host.h"

#include <sys/resource.h>

#include <algorithm>

#include "control/health/look/look.h"

namespace fairlead::control {
namespace {

constexpr size_t kMostAtOnce = 4096;
constexpr size_t kFewestAtOnce = 16;

// The rest of the descriptors is for the API, the ports and the files.
size_t RoomInDescriptors() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return kFewestAtOnce;
  const size_t most = std::min<rlim_t>(limit.rlim_cur, 4 * kMostAtOnce);
  return std::clamp(most / 4 * 3, kFewestAtOnce, kMostAtOnce);
}

}  // namespace

LookHost::LookHost(boost::asio::io_context& io)
    : io_(io), timer_(io), capacity_(RoomInDescriptors()) {}

void LookHost::NoteOpened() {
  if (open_++ > 0) return;
  clock_.Resume(std::chrono::steady_clock::now());
  Tick();
}

void LookHost::NoteClosed() {
  if (--open_ == 0) timer_.cancel();
}

void LookHost::Tick() {
  timer_.expires_after(ProbeClock::kStep);
  timer_.async_wait([this](boost::system::error_code error) {
    if (error || open_ == 0) return;
    Tick();  // first: whatever a look's callback does, the clock goes on
    clock_.Advance(std::chrono::steady_clock::now());
    while (!deadlines_.empty() && deadlines_.begin()->first <= clock_.elapsed()) {
      // A look clears its deadline as it closes. One that is gone has been thrown out of a handler,
      // for want of memory, and has not.
      const std::shared_ptr<Look> look = deadlines_.begin()->second.lock();
      if (look == nullptr) {
        deadlines_.erase(deadlines_.begin());
        NoteClosed();
      } else {
        look->OnDeadline();
      }
    }
  });
}

}  // namespace fairlead::control
