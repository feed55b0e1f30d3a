#include "control/api/ipvs/settings.h"

#include <algorithm>
#include <array>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <cerrno>
#include <charconv>

#include "control/config/model.h"

namespace fairlead::ipvs {

namespace {

namespace json = boost::json;

using control::PolicyConfig;
using control::ServicePolicy;

template <auto kMember>
long OfService(const PolicyConfig& policy) {
  return static_cast<long>(policy.service.*kMember);
}
template <auto kMember>
long OfDirector(const PolicyConfig& policy) {
  return static_cast<long>(policy.*kMember);
}
template <auto kMember>
long WholeSeconds(const PolicyConfig& policy) {
  return std::chrono::duration_cast<std::chrono::seconds>(policy.service.*kMember).count();
}

constexpr long kDay = 86'400;

template <auto kMember>
constexpr Setting Flag(std::string_view name) {
  return {.name = name, .most = 1, .read = OfService<kMember>};
}
template <auto kMember>
constexpr Setting Expiration(std::string_view name) {
  return {.name = name,
          .least = 1,
          .most = 31 * kDay,
          .unit = Setting::Unit::kSeconds,
          .read = WholeSeconds<kMember>};
}
constexpr Setting Fixed(std::string_view name, std::string_view value) {
  return {.name = name, .fixed = value};
}

// By name. A mode that is written as 2 (automatic, and now in force) is automatic.
constexpr std::array kSettings = {
    Setting{
        .name = "am_droprate", .most = 1'000'000, .read = OfDirector<&PolicyConfig::am_droprate>},
    // Percent of a worker's table; the kernel counts pages.
    Setting{.name = "amemthresh",
            .least = 1,
            .most = 100,
            .read = OfDirector<&PolicyConfig::amemthresh>},
    Fixed("backup_only", "0"),
    Flag<&ServicePolicy::cache_bypass>("cache_bypass"),
    Setting{
        .name = "conn_reuse_mode", .most = 3, .read = OfService<&ServicePolicy::conn_reuse_mode>},
    Fixed("conntrack", "0"),
    Setting{.name = "drop_entry", .most = 3, .read = OfDirector<&PolicyConfig::drop_entry>},
    Setting{.name = "drop_packet", .most = 3, .read = OfService<&ServicePolicy::drop_packet>},
    Flag<&ServicePolicy::expire_nodest_conn>("expire_nodest_conn"),
    Flag<&ServicePolicy::expire_quiescent_template>("expire_quiescent_template"),
    Fixed("ignore_tunneled", "0"),
    Expiration<&ServicePolicy::lblc_expiration>("lblc_expiration"),
    Expiration<&ServicePolicy::lblcr_expiration>("lblcr_expiration"),
    Flag<&ServicePolicy::nat_icmp_send>("nat_icmp_send"),
    Flag<&ServicePolicy::pmtu_disc>("pmtu_disc"),
    Fixed("run_estimation", "1"),
    Flag<&ServicePolicy::schedule_icmp>("schedule_icmp"),
    Setting{.name = "secure_tcp", .most = 3, .read = OfService<&ServicePolicy::secure_tcp>},
    Fixed("sloppy_sctp", "0"),
    Flag<&ServicePolicy::sloppy_tcp>("sloppy_tcp"),
    Fixed("snat_reroute", "1"),
    Fixed("sync_persist_mode", "0"),
    Fixed("sync_ports", "1"),
    Fixed("sync_qlen_max", "0"),
    Fixed("sync_refresh_period", "0"),
    Fixed("sync_retries", "0"),
    Fixed("sync_sock_size", "0"),
    Fixed("sync_threshold", "3\t50"),
    Fixed("sync_version", "1"),
};
static_assert(std::ranges::is_sorted(kSettings, {}, &Setting::name));

constexpr std::string_view kSpace = " \t\n\r\v\f";

// Without what stands around it; a program may send the zero of its string too.
std::string_view Trimmed(std::string_view text) {
  text = text.substr(0, text.find('\0'));
  const size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

// Whether both are the same numbers with whatever space between.
bool AreSame(std::string_view a, std::string_view b) {
  for (;;) {
    a = Trimmed(a);
    b = Trimmed(b);
    const size_t end = std::min(a.find_first_of(kSpace), a.size());
    if (a.substr(0, end) != b.substr(0, std::min(b.find_first_of(kSpace), b.size()))) return false;
    if (a.empty()) return true;
    a.remove_prefix(end);
    b.remove_prefix(end);
  }
}

bool IsNumbers(std::string_view text) {
  return !text.empty() && text.find_first_not_of("-0123456789 \t") == std::string_view::npos;
}

}  // namespace

std::string Setting::Text(const PolicyConfig& policy) const {
  return (read == nullptr ? std::string(fixed) : std::to_string(read(policy))) + "\n";
}

SettingChange Setting::Parse(std::string_view text) const {
  const std::string_view value = Trimmed(text);
  const auto refuse = [&](int error, const std::string& must) {
    return SettingChange{.fault = {error, std::string(name) + " is " + must + ", and not " +
                                              json::serialize(json::string(value))}};
  };
  if (read == nullptr) {
    const std::string must = std::string(fixed) + ", always: the director has no other";
    if (!IsNumbers(value)) return refuse(EINVAL, must);
    return AreSame(value, fixed) ? SettingChange{} : refuse(EPERM, must);
  }
  long number = 0;
  const auto [end, ec] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (ec != std::errc() || end != value.data() + value.size() || number < least || number > most) {
    return refuse(EINVAL,
                  "a whole number from " + std::to_string(least) + " to " + std::to_string(most));
  }
  const bool is_flag = least == 0 && most == 1;
  const std::string written = is_flag                  ? (number != 0 ? "true" : "false")
                              : unit == Unit::kSeconds ? "\"" + std::to_string(number) + "s\""
                                                       : std::to_string(number);
  return {.patch = "{\"" + std::string(name) + "\": " + written + "}"};
}

std::span<const Setting> Settings() { return kSettings; }

const Setting* FindSetting(std::string_view name) {
  const auto found = std::ranges::lower_bound(kSettings, name, {}, &Setting::name);
  return found != kSettings.end() && found->name == name ? &*found : nullptr;
}

}  // namespace fairlead::ipvs
