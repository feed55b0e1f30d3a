// Which addresses the ports' networks and the routes of a configuration lead to.
//
//   const Reach reach(model);
//   if (!reach.Contains(real.address)) …no port's network and no route leads there…
//   if (const auto port = reach.PortFor(real.address)) model.ports[*port].name;
//
// A look-up costs one for each length of prefix there is: there may be as many routes as reals.
// Routes of the kernel are not known here. Threads: a value.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>

#include "control/config/model.h"

namespace fairlead::control {

class Reach {
 public:
  explicit Reach(const ConfigModel& model);

  [[nodiscard]] bool Contains(const IpAddress& address) const;
  // Index of a port, by the longest prefix; none: no port leads there.
  [[nodiscard]] std::optional<size_t> PortFor(const IpAddress& address) const {
    return Find(networks_, address);
  }

 private:
  using Port = std::optional<size_t>;
  using Networks = std::map<std::pair<Family, int>, std::unordered_map<IpAddress, Port>>;

  void Add(const Prefix& prefix, Port port);
  static Port Find(const Networks& networks, const IpAddress& address);

  Networks networks_;
};

}  // namespace fairlead::control
