#include "main/open_files.h"

#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/log.h"

namespace fairlead {
namespace {

constexpr rlim_t kEnough = 1 << 20;  // where the hard limit is higher, or there is none

}  // namespace

void RaiseDescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return LogWarning("cannot read the limit of open files", {{"error", std::strerror(errno)}});
  }
  const rlim_t before = limit.rlim_cur;
  const rlim_t wanted = std::min(limit.rlim_max, kEnough);
  if (before >= wanted) return;
  limit.rlim_cur = wanted;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
    LogWarning("cannot raise the limit of open files; raise LimitNOFILE of the unit",
               {{"limit", before}, {"wanted", wanted}, {"error", std::strerror(errno)}});
  }
}

}  // namespace fairlead
