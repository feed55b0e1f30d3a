#include "kernel/twin.h"

#include <string_view>
#include <utility>

namespace fairlead::kernel {
namespace {

constexpr std::string_view kMark = "fairlead: kernel twin of director ";

}  // namespace

std::string TwinAlias(const std::string& director) { return std::string(kMark) + director; }

Result<std::vector<Twin>> ListTwins(Netlink& netlink) {
  Result<std::vector<Link>> links = ListLinks(netlink);
  if (!links) return links.error();
  std::vector<Twin> twins;
  for (Link& link : *links) {
    if (!link.is_tap || link.alias.rfind(kMark, 0) != 0) continue;
    std::string director = link.alias.substr(kMark.size());
    twins.push_back({std::move(link), std::move(director)});
  }
  return twins;
}

}  // namespace fairlead::kernel
