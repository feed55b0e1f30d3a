#include "control/fleet/etcd_place.h"

#include <boost/url/authority_view.hpp>
#include <boost/url/parse.hpp>
#include <charconv>

#include "base/loopback.h"
#include "control/config/problems.h"

namespace fairlead::control {
namespace {

Error Wrong(std::string_view url, const std::string& why) {
  return {ErrorCode::kInvalid,
          why + "; write etcd://HOST:2379/PREFIX, or several HOST:PORT with commas between",
          Quote(url, kWhole)};
}

Result<EtcdServer> ParseServer(std::string_view text, std::string_view url) {
  const auto authority = boost::urls::parse_authority(text);
  if (!authority || authority->host().empty()) {
    return Wrong(url, Quote(text) + " is no HOST or HOST:PORT");
  }
  if (authority->has_userinfo()) {
    return Wrong(url,
                 "a user and a password must not be here, where everybody sees them: write "
                 "them into the file that --fleet names");
  }
  EtcdServer server{authority->host_address(), kEtcdPort};
  if (authority->has_port()) {
    const std::string_view digits = authority->port();
    uint32_t port = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (port == 0 || port > UINT16_MAX) {
      return Wrong(url, Quote(text) + " has no port from 1 to 65535");
    }
    server.port = static_cast<uint16_t>(port);
  }
  return server;
}

// What is safe in a key of etcd, in an error and on a terminal.
bool IsPrefix(std::string_view prefix) {
  if (prefix.size() < 2 || prefix.size() > 200) return false;
  for (const char c : prefix.substr(1)) {
    const bool is_letter =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!is_letter && std::string_view("/._-").find(c) == std::string_view::npos) return false;
  }
  return prefix.find("//") == std::string_view::npos;
}

}  // namespace

std::string EtcdServer::ToString() const {
  const bool is_v6 = host.find(':') != std::string::npos;
  return (is_v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<EtcdPlace> ParseEtcdPlace(std::string_view url) {
  if (!IsEtcdPlace(url)) return Wrong(url, "does not begin with etcd://");
  std::string_view rest = url.substr(kEtcdScheme.size());
  const size_t slash = rest.find('/');
  if (slash == std::string_view::npos) return Wrong(url, "has no prefix of keys");
  EtcdPlace place;
  place.url = url;
  place.prefix = rest.substr(slash);
  while (place.prefix.ends_with('/')) place.prefix.pop_back();
  if (!IsPrefix(place.prefix)) {
    return Wrong(url, "the prefix must have letters, digits and . _ - /, 200 at the most");
  }
  for (rest = rest.substr(0, slash);;) {
    const size_t comma = rest.find(',');
    auto server = ParseServer(rest.substr(0, comma), url);
    if (!server) return server.error();
    if (place.servers.size() == EtcdPlace::kMostServers)
      return Wrong(url, "names too many servers");
    place.servers.push_back(*std::move(server));
    if (comma == std::string_view::npos) return place;
    rest = rest.substr(comma + 1);
  }
}

Status CheckEncryption(const EtcdPlace& place, const LocalFile& local) {
  if (local.uses_tls()) return Done{};
  for (const EtcdServer& server : place.servers) {
    const auto address = IpAddress::Parse(server.host);
    if (server.host == "localhost" || (address && IsLoopback(*address))) continue;
    return Error{
        ErrorCode::kInvalid,
        "etcd at " + server.ToString() +
            " would be asked without encryption, which only a loopback address may be; use "
            "https: write \"ca: FILE\", or \"ca: system\", into " +
            local.path,
        place.url};
  }
  return Done{};
}

}  // namespace fairlead::control
