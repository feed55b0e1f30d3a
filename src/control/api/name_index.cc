#include "control/api/name_index.h"

#include <algorithm>
#include <utility>

#include "control/api/json_views.h"
#include "control/config/suggest.h"
#include "control/view.h"

namespace fairlead::api {

namespace {

// "; did you mean "shop"?", or a few of the names there are.
std::string NearestOf(std::string_view wanted, const std::vector<std::string_view>& names) {
  if (names.empty()) return "; there is none at all";
  const std::string_view nearest = control::Suggest(wanted, names);
  if (!nearest.empty()) return "; did you mean \"" + std::string(nearest) + "\"?";
  std::string list = "; there are ";
  for (size_t i = 0; i < names.size() && i < 8; ++i) {
    list += (i > 0 ? ", " : "") + std::string(names[i]);
  }
  return names.size() > 8 ? list + " and more" : list;
}

// What the service would be called without a name of its own: "tcp-192.0.2.10-80", "mark-2-v4".
std::string KeyName(const control::ServiceInfo& service) {
  if (service.mark != 0) {
    return "mark-" + std::to_string(service.mark) +
           (service.family == Family::kIpv4 ? "-v4" : "-v6");
  }
  return WordOfProtocol(service.protocol) + "-" + service.address.ToString() + "-" +
         std::to_string(service.port.host());
}

bool IsNamed(const control::RealInfo& real, std::string_view name) {
  if (real.name == name) return true;
  const auto endpoint = Endpoint::Parse(name);
  return endpoint && *endpoint == real.endpoint;
}

}  // namespace

void NameIndex::IndexIds() const {
  if (std::exchange(is_indexed_, true)) return;
  for (const auto& service : view_.services) {
    services_[service.id.value()] = &service;
    for (const auto& real : service.reals) reals_[real.id.value()] = {&service, &real};
  }
}

std::string NameIndex::Group(dataplane::GroupNumber group) const {
  const auto it = std::ranges::find(view_.groups, group, &control::GroupInfo::number);
  return it == view_.groups.end() ? "(removed group)" : it->name;
}

std::optional<dataplane::GroupNumber> NameIndex::FindGroup(std::string_view name) const {
  const auto it = std::ranges::find(view_.groups, name, &control::GroupInfo::name);
  if (it == view_.groups.end()) return std::nullopt;
  return it->number;
}

const control::ServiceInfo* NameIndex::service(ServiceId id) const {
  IndexIds();
  const auto it = services_.find(id.value());
  return it == services_.end() ? nullptr : it->second;
}

const NamedReal* NameIndex::real(RealId id) const {
  IndexIds();
  const auto it = reals_.find(id.value());
  return it == reals_.end() ? nullptr : &it->second;
}

Result<const control::ServiceInfo*> NameIndex::FindService(std::string_view name) const {
  std::vector<std::string_view> names;
  for (const auto& service : view_.services) {
    if (service.name == name) return &service;
    names.push_back(service.name);
  }
  for (const auto& service : view_.services) {
    if (KeyName(service) == name) return &service;
  }
  return Error{ErrorCode::kNotFound,
               "There is no service \"" + std::string(name) + "\"" + NearestOf(name, names), ""};
}

Result<std::vector<NamedReal>> NameIndex::FindReals(std::string_view service,
                                                    std::string_view real) const {
  const control::ServiceInfo* only = nullptr;
  if (!service.empty()) {
    const auto found = FindService(service);
    if (!found) return found.error();
    only = *found;
  }
  std::vector<NamedReal> exact, by_address;
  std::vector<std::string_view> names;
  const auto address = IpAddress::Parse(real);
  for (const auto& s : view_.services) {
    if (only != nullptr && &s != only) continue;
    for (const auto& r : s.reals) {
      if (IsNamed(r, real)) exact.push_back({&s, &r});
      if (address && r.endpoint.address == *address) by_address.push_back({&s, &r});
      if (!r.is_ghost) names.push_back(r.name);
    }
  }
  if (!exact.empty()) return exact;
  // Without a service, an address means all of its reals: a filter. In a service it must be one.
  const auto is_live = [](const NamedReal& n) { return !n.info->is_ghost; };
  if (!by_address.empty() &&
      (service.empty() || std::count_if(by_address.begin(), by_address.end(), is_live) <= 1)) {
    return by_address;
  }
  const std::string where = service.empty() ? "" : " in service \"" + std::string(service) + "\"";
  if (!by_address.empty()) {
    return Error{ErrorCode::kInvalid,
                 "\"" + std::string(real) + "\" means more than one real" + where +
                     "; add the port, for instance " + by_address.front().info->name,
                 ""};
  }
  return Error{ErrorCode::kNotFound,
               "There is no real \"" + std::string(real) + "\"" + where + NearestOf(real, names),
               ""};
}

}  // namespace fairlead::api
