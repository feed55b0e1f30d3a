#include "control/api/service_health_json.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <string>

#include "control/api/figures.h"
#include "control/api/json_views.h"
#include "control/config/names.h"
#include "control/view.h"

namespace fairlead::api {

namespace json = boost::json;

namespace {

constexpr size_t kMostListed = 32;

// One that clients may be given to.
bool IsServer(const control::RealInfo& real) { return !real.is_ghost; }
bool IsCounted(const control::RealInfo& real) { return IsServer(real) && !real.is_fallback; }

// Why nobody takes new clients of it; empty: somebody does.
std::string WhyIdle(const control::ServiceInfo& service) {
  size_t reals = 0, down = 0;
  for (const control::RealInfo& real : service.reals) {
    if (!IsServer(real)) continue;
    if (real.effective_weight > 0) return "";
    if (real.is_fallback) continue;
    ++reals;
    down += IsUp(real) ? 0u : 1u;
  }
  if (reals == 0) return "it has none";
  if (!service.has_quorum) return "its quorum is lost";
  if (down == reals) return "all are down";
  return down == 0 ? "the weight of all is 0" : "each is down or has weight 0";
}

json::object DownToJson(const control::ServiceInfo& service, const control::RealInfo& real) {
  const bool is_disabled = real.admin == control::AdminState::kDown;
  return {{"service", service.name},
          {"real", real.name},
          {"since", is_disabled ? json::value(nullptr) : HealthSince(real)},
          {"detail",
           is_disabled ? std::string("disabled by hand or by the file") : real.health_detail}};
}

}  // namespace

void AddServiceHealth(const control::ControlView& view, json::object* object) {
  size_t reals = 0, up = 0, unchecked = 0;
  json::array down, idle;
  for (const control::ServiceInfo& service : view.services) {
    for (const control::RealInfo& real : service.reals) {
      if (!IsCounted(real)) continue;
      ++reals;
      if (IsUp(real)) {
        ++up;
        unchecked += real.health == control::HealthState::kUnchecked ? 1u : 0u;
      } else if (down.size() < kMostListed) {
        down.push_back(DownToJson(service, real));
      }
    }
    if (idle.size() == kMostListed) continue;
    if (const std::string why = WhyIdle(service); !why.empty()) {
      idle.push_back(json::object{
          {"service", service.name},
          {"sentence",
           "Service " + service.name + ": no real server takes new clients (" + why + ")"}});
    }
  }
  (*object)["services"] = view.services.size();
  (*object)["reals"] = reals;
  (*object)["reals_up"] = up;
  (*object)["reals_unchecked"] = unchecked;
  (*object)["reals_down"] = std::move(down);
  (*object)["idle_services"] = std::move(idle);
}

}  // namespace fairlead::api
