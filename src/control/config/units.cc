#include "control/config/units.h"

#include <array>
#include <charconv>
#include <limits>
#include <utility>

namespace fairlead::control {
namespace {

constexpr uint64_t kMaxNumber = std::numeric_limits<int64_t>::max();

// Largest first.
constexpr std::array<std::pair<std::string_view, uint64_t>, 5> kDurationUnits{
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
constexpr std::array<std::pair<std::string_view, uint64_t>, 4> kSizeUnits{
    {{"G", 1u << 30}, {"M", 1u << 20}, {"k", 1u << 10}, {"", 1}}};

template <size_t N>
std::optional<uint64_t> ParseWithUnit(
    std::string_view text, const std::array<std::pair<std::string_view, uint64_t>, N>& units) {
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto number = ParseDigits(text.substr(0, digits));
  if (!number) return std::nullopt;
  for (const auto& [unit, factor] : units) {
    if (text.substr(digits) != unit) continue;
    if (*number > kMaxNumber / factor) return std::nullopt;
    return *number * factor;
  }
  return std::nullopt;
}

template <size_t N>
std::string FormatWithUnit(uint64_t value,
                           const std::array<std::pair<std::string_view, uint64_t>, N>& units) {
  for (const auto& [unit, factor] : units) {
    if (value >= factor && value % factor == 0)
      return std::to_string(value / factor) + std::string(unit);
  }
  return std::string("0").append(units[N - 1].first);
}

}  // namespace

std::optional<uint64_t> ParseDigits(std::string_view text) {
  if (text.empty() || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  uint64_t value = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value);
  if (error != std::errc{} || end != last || value > kMaxNumber) return std::nullopt;
  return value;
}

std::optional<Duration> ParseDuration(std::string_view text) {
  const auto value = ParseWithUnit(text, kDurationUnits);
  if (!value) return std::nullopt;
  return Duration(static_cast<int64_t>(*value));
}

std::string FormatDuration(Duration duration) {
  return FormatWithUnit(static_cast<uint64_t>(duration.count()), kDurationUnits);
}

std::optional<uint64_t> ParseSize(std::string_view text) { return ParseWithUnit(text, kSizeUnits); }

std::string FormatSize(uint64_t size) { return FormatWithUnit(size, kSizeUnits); }

}  // namespace fairlead::control
