// FULLNAT that is allowed and will hardly do what was meant, and the side records that it needs.
#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

#include "control/config/local_addresses.h"
#include "control/config/machine_warnings.h"
#include "control/config/reach.h"
#include "control/config/units.h"
#include "control/config/validate_util.h"

namespace fairlead::control {
namespace {

// What is forwarded to by FULLNAT: real servers and fallbacks, by the family of their addresses.
template <typename Visit>
void ForEachUse(const ServiceConfig& service, const Visit& visit) {
  for (size_t r = 0; r < service.reals.size(); ++r) {
    const RealConfig& real = service.reals[r];
    if (HasLocalAddresses(real.forward.method)) visit(real.address, real.forward, r);
  }
  const auto& fallback = service.fallback;
  if (fallback && HasLocalAddresses(fallback->forward.method)) {
    visit(fallback->address, fallback->forward, service.reals.size());
  }
}

std::string PathOfUse(const ServiceConfig& service, size_t service_place, size_t use) {
  const std::string path = ItemPath("services", service_place);
  if (use == service.reals.size()) return path + ".fallback";
  return ItemPath(path + ".reals", use);
}

// Warns once of each list and port.
class LocalWarner {
 public:
  LocalWarner(const ConfigModel& model, const Reach& reach, const AddWarning& add)
      : model_(model), reach_(reach), add_(add) {}

  void Look(const IpAddress& real, const Forwarding& forward, const ServiceConfig& service,
            size_t service_place, size_t use) {
    const auto port = reach_.PortFor(real);
    if (!port) return;  // which is warned of by itself
    const size_t asked = *port * 2 + (real.is_v4() ? 0 : 1);
    if (!known_[forward.local_addresses].insert(asked).second) return;
    const PortConfig& out = model_.ports[*port];
    if (out.role == PortRole::kOutside) {
      return add_(PathOfUse(service, service_place, use) + ".address",
                  "is reached by port " + Quote(out.name) +
                      ", whose role is outside, where nobody is answered who looks for a local "
                      "address: give the port the role both, or reach the real server by another");
    }
    for (const IpAddress& local :
         ExpandLocalAddresses(model_.prefix_sets, forward.local_addresses)) {
      if (local.family() != real.family() || IsOnLink(out, local)) continue;
      return add_(PathOfUse(service, service_place, use) + ".forward.local_addresses",
                  "has " + local.ToString() + ", which is in no network of port " +
                      Quote(out.name) + ", by which " + real.ToString() +
                      " is reached: a route there must lead to it by this director, or no answer "
                      "comes back");
    }
  }

 private:
  static bool IsOnLink(const PortConfig& port, const IpAddress& address) {
    return std::ranges::any_of(port.addresses,
                               [&](const Prefix& own) { return own.Contains(address); });
  }

  const ConfigModel& model_;
  const Reach& reach_;
  const AddWarning& add_;
  std::unordered_map<LocalAddresses, std::set<size_t>, LocalAddressesHash> known_;
};

}  // namespace

uint64_t SideRecordsFor(const DirectorConfig& director, const SharedList<ServiceConfig>& services) {
  uint64_t most4 = 0, most6 = 0;
  for (const ServiceConfig& service : services) {
    ForEachUse(service, [&](const IpAddress&, const Forwarding&, size_t) {
      (service.family == Family::kIpv4 ? most4 : most6) =
          service.family == Family::kIpv4 ? director.connections : director.connections6;
    });
  }
  return most4 + most6;
}

std::string WordsOfFewSideRecords(const ConfigModel& model, const ServiceConfig& service) {
  SharedList<ServiceConfig> alone;
  alone.push_back(service);
  const uint64_t wanted = SideRecordsFor(model.director, alone);
  if (model.director.side_records >= wanted) return "";
  return "a FULLNAT connection takes a side record, and director.side_records has room for " +
         FormatSize(model.director.side_records) + " of up to " + FormatSize(wanted) +
         " connections; a start with this service in the file makes room for all";
}

void WarnOfFullnat(const ConfigModel& model, const Reach& reach, const AddWarning& add) {
  LocalWarner warner(model, reach, add);
  bool is_any = false;
  for (size_t i = 0; i < model.services.size(); ++i) {
    const ServiceConfig& service = model.services[i];
    ForEachUse(service, [&](const IpAddress& real, const Forwarding& forward, size_t use) {
      is_any = true;
      warner.Look(real, forward, service, i, use);
    });
  }
  if (!is_any) return;
  constexpr const char* kNotTold =
      "is not told of connections by FULLNAT, since nobody else has the port that a real server "
      "answers to: when another director takes over, they end. Clients' templates are told, "
      "but those of real servers of the other IP version";
  if (model.sync.stream.has_peers()) add("sync.peers", kNotTold);
  if (model.sync.ipvs) add("sync.ipvs", kNotTold);
}

}  // namespace fairlead::control
