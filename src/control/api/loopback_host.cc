#include "control/api/loopback_host.h"

#include <boost/url/authority_view.hpp>
#include <boost/url/grammar/ci_string.hpp>
#include <boost/url/parse.hpp>

namespace fairlead::api {

namespace urls = boost::urls;

bool IsLoopbackHost(std::string_view host) {
  const auto authority = urls::parse_authority({host.data(), host.size()});
  if (!authority || authority->has_userinfo()) return false;
  if (!authority->port().empty() && authority->port_number() == 0) return false;  // above 65535
  switch (authority->host_type()) {
    case urls::host_type::name:
      return urls::grammar::ci_is_equal(authority->encoded_host(), "localhost");
    case urls::host_type::ipv4:
      return authority->host_ipv4_address().is_loopback();
    case urls::host_type::ipv6:
      return authority->host_ipv6_address().is_loopback();
    default:
      return false;
  }
}

bool IsLoopbackOrigin(std::string_view origin) {
  constexpr std::string_view kScheme = "http://";
  return origin.starts_with(kScheme) && IsLoopbackHost(origin.substr(kScheme.size()));
}

}  // namespace fairlead::api
