#include "base/secret.h"

#include <sys/random.h>

#include <cerrno>
#include <system_error>

namespace fairlead {

void DrawSecret(std::span<uint8_t> secret) {
  while (!secret.empty()) {
    const ssize_t got = getrandom(secret.data(), secret.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw std::system_error(errno, std::generic_category(), "getrandom");
    secret = secret.subspan(static_cast<size_t>(got));
  }
}

}  // namespace fairlead
