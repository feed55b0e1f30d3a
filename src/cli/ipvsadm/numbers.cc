#include "cli/ipvsadm/numbers.h"

#include <fmt/format.h>

namespace fairlead::cli::ipvsadm {

std::string Counter(uint64_t value, bool is_exact) {
  if (is_exact || value < 100'000'000) return fmt::format(" {:>8}", value);
  if (value < 1'000'000'000) return fmt::format("{:>8}K", value / 1'000);
  if (value < 100'000'000'000) return fmt::format("{:>8}M", value / 1'000'000);
  if (value < 100'000'000'000'000) return fmt::format("{:>8}G", value / 1'000'000'000);
  return fmt::format("{:>8}T", value / 1'000'000'000'000);
}

}  // namespace fairlead::cli::ipvsadm
