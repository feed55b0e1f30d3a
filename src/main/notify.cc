#include "main/notify.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <optional>

#include "base/log.h"

namespace fairlead {
namespace {

// A decimal number that fits, and nothing else.
std::optional<int64_t> NumberIn(const char* variable) {
  const char* text = std::getenv(variable);
  if (text == nullptr) return std::nullopt;
  const char* end = text + std::strlen(text);
  int64_t number = 0;
  const auto [rest, error] = std::from_chars(text, end, number);
  if (error != std::errc{} || rest != end) return std::nullopt;
  return number;
}

}  // namespace

bool NotifyServiceManager(std::string_view state) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr || (path[0] != '/' && path[0] != '@')) return true;
  sockaddr_un to{};
  const size_t length = std::strlen(path);
  if (length >= sizeof to.sun_path) return true;
  to.sun_family = AF_UNIX;
  std::memcpy(to.sun_path, path, length);
  if (path[0] == '@') to.sun_path[0] = '\0';  // an abstract address
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    LogWarning("cannot notify the service manager", {{"error", std::strerror(errno)}});
    return true;
  }
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
  const ssize_t sent = sendto(fd, state.data(), state.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                              reinterpret_cast<const sockaddr*>(&to), size);
  const int error = errno;
  close(fd);
  if (sent >= 0) return true;
  if (error == EAGAIN) return false;
  LogWarning("cannot notify the service manager", {{"error", std::strerror(error)}});
  return true;
}

std::chrono::microseconds WatchdogPeriod() {
  const bool is_for_us =
      std::getenv("WATCHDOG_PID") == nullptr || NumberIn("WATCHDOG_PID") == getpid();
  if (!is_for_us || std::getenv("WATCHDOG_USEC") == nullptr) return {};
  // Turned into nanoseconds by whoever compares it with a clock.
  constexpr int64_t kLongest = std::numeric_limits<int64_t>::max() / 1000;
  const std::optional<int64_t> period = NumberIn("WATCHDOG_USEC");
  if (period && *period > 0 && *period <= kLongest) return std::chrono::microseconds(*period);
  LogWarning("WATCHDOG_USEC is no time: the watchdog of the service manager is not answered",
             {{"value", std::getenv("WATCHDOG_USEC")}});
  return {};
}

}  // namespace fairlead
