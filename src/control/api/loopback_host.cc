#include "control/api/loopback_host.h"

#include <boost/url/authority_view.hpp>
#include <boost/url/grammar/ci_string.hpp>
#include <boost/url/parse.hpp>
#include <charconv>
#include <cstdint>

namespace fairlead::api {

namespace urls = boost::urls;

namespace {

// Empty is one too: "localhost:".
bool IsPort(std::string_view text) {
  uint16_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [after, error] = std::from_chars(text.data(), end, number);
  return text.empty() || (error == std::errc{} && after == end);
}

}  // namespace

bool IsLoopbackHost(std::string_view host) {
  const auto authority = urls::parse_authority({host.data(), host.size()});
  if (!authority || authority->has_userinfo()) return false;
  if (!IsPort(authority->port())) return false;
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
