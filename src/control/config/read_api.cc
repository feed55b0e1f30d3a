// The section `api`: where the API listens, and whom it lets in there.
#include <algorithm>

#include "base/loopback.h"
#include "control/config/section_readers.h"

namespace fairlead::control {
namespace {

constexpr size_t kMaxListeners = 64;
constexpr size_t kMaxSocketPath = 107;  // sockaddr_un.sun_path with its zero

// "127.0.0.1:9480" of "http://127.0.0.1:9480".
Result<Endpoint> ParseAuthority(const std::string& authority, const std::string& whole) {
  const auto endpoint = Endpoint::Parse(authority);
  if (endpoint && !endpoint->port.is_zero()) return *endpoint;
  return Error{ErrorCode::kInvalid,
               Quote(whole) + " must name an address and a port, as in " +
                   whole.substr(0, whole.find("//")) + "//127.0.0.1:9480",
               ""};
}

// What listens, without who may use it.
Result<ApiListen> ReadListenAddress(const YamlNode& node) {
  auto text = ReadText(node);
  if (!text) return text.error();
  ApiListen listen;
  if (text->starts_with("unix:/")) {
    listen.path = text->substr(5);
    if (listen.path.size() > kMaxSocketPath)
      return Error{ErrorCode::kInvalid, "the socket path is longer than 107 bytes", ""};
    return listen;
  }
  const bool is_https = text->starts_with("https://");
  if (!is_https && !text->starts_with("http://")) {
    return WrongValue(node, "unix:/PATH, http://ADDRESS:PORT or https://ADDRESS:PORT");
  }
  listen.kind = is_https ? ApiListen::Kind::kHttps : ApiListen::Kind::kHttp;
  auto endpoint = ParseAuthority(text->substr(is_https ? 8 : 7), *text);
  if (!endpoint) return endpoint.error();
  listen.endpoint = *endpoint;
  if (!is_https && !IsLoopback(endpoint->address)) {
    return Error{ErrorCode::kInvalid,
                 Quote(*text) +
                     " is not a loopback address, and whoever is on the way could read and change "
                     "what plain http carries; write https:// with certificate, key, and tokens or "
                     "client_ca, or listen on 127.0.0.1, ::1 or a Unix socket",
                 ""};
  }
  return listen;
}

// Octal, as chmod takes it, in quotes or not.
Result<uint16_t> ReadMode(const YamlNode& node) {
  const auto wrong = [&] { return WrongValue(node, "an octal mode such as 0660, at most 0777"); };
  if (!node.is_scalar() || node.text.size() < 3 || node.text.size() > 4) return wrong();
  if (node.text.find_first_not_of("01234567") != std::string::npos) return wrong();
  const unsigned long mode = std::stoul(node.text, nullptr, 8);
  if (mode > 0777) return wrong();
  return static_cast<uint16_t>(mode);
}

void ReadTlsFiles(MapReader& reader, ApiListen* listen) {
  ReadFilePath(reader, "certificate", &listen->certificate);
  ReadFilePath(reader, "key", &listen->key);
  ReadFilePath(reader, "client_ca", &listen->client_ca);
  ReadFilePath(reader, "crl", &listen->crl);
}

// A key that this kind of listener does not have.
void RefuseKeys(MapReader& reader, std::initializer_list<std::string_view> keys,
                const std::string& why) {
  for (const std::string_view key : keys) {
    if (reader.Has(key)) reader.problems().Add(reader.PathOf(key), why);
  }
}

// A listener that is written as a map. False: without an address that can be used.
bool ReadListenMap(MapReader reader, ApiListen* listen) {
  if (!reader.Require("address")) return false;
  ApiListen found;
  if (!reader.Read("address", &found, ReadListenAddress)) return false;
  *listen = found;
  reader.Word("role", &listen->role);
  reader.Read("group", &listen->group,
              [](const YamlNode& n) { return ReadAccountName(n, "the name of a group"); });
  reader.Read("mode", &listen->mode, ReadMode);
  ReadTlsFiles(reader, listen);
  ReadFilePath(reader, "tokens", &listen->tokens);
  if (listen->kind == ApiListen::Kind::kUnix) {
    RefuseKeys(reader, {"certificate", "key", "client_ca", "crl", "tokens"},
               "is for http:// and https://; a Unix socket is guarded by its group and mode");
  } else {
    RefuseKeys(reader, {"group", "mode"}, "is for a Unix socket");
  }
  if (listen->kind == ApiListen::Kind::kHttp) {
    RefuseKeys(reader, {"certificate", "key", "client_ca", "crl"}, "is for https://");
  }
  return true;
}

// What a listener over TLS does not say itself stands beside the list. Then it must be whole.
void FillIn(const ApiListen& inherited, const std::string& path, Problems& problems,
            ApiListen* listen) {
  if (listen->kind != ApiListen::Kind::kHttps) return;
  const bool has_own = !listen->tokens.empty() || !listen->client_ca.empty();
  if (listen->certificate.empty() && listen->key.empty()) {
    listen->certificate = inherited.certificate;
    listen->key = inherited.key;
  }
  if (!has_own) {  // its own way in is not widened by the others'
    listen->tokens = inherited.tokens;
    listen->client_ca = inherited.client_ca;
  }
  if (listen->crl.empty() && listen->client_ca == inherited.client_ca) listen->crl = inherited.crl;
  if (!listen->crl.empty() && listen->client_ca.empty()) {
    problems.Add(path,
                 "crl names certificates that client_ca lets in no longer, and there is none");
  }
  if (listen->certificate.empty() || listen->key.empty()) {
    problems.Add(path,
                 "https:// needs a certificate and a key, here or as api.certificate and api.key");
  }
  if (listen->tokens.empty() && listen->client_ca.empty()) {
    problems.Add(path,
                 "https:// needs tokens or a client_ca, here or as api.token_file and "
                 "api.client_ca; without them whoever reaches it could change everything");
  }
}

// "none": not served, which is an empty path.
Result<std::string> ReadIpvsSocket(const YamlNode& node) {
  auto text = ReadText(node);
  if (!text) return text.error();
  if (*text == "none") return std::string();
  if (!text->starts_with("/")) return WrongValue(node, "an absolute path, or none");
  if (text->size() > kMaxSocketPath)
    return Error{ErrorCode::kInvalid, "the socket path is longer than 107 bytes", ""};
  return *text;
}

// A path alone, or a map with one.
void ReadIpvsSocketKey(MapReader& reader, IpvsSocketConfig* socket) {
  const YamlNode* const node = reader.Find("ipvs_socket");
  if (node == nullptr || !node->is_map()) {
    reader.Read("ipvs_socket", &socket->path, ReadIpvsSocket);
    return;
  }
  MapReader map(reader.problems(), *node, reader.PathOf("ipvs_socket"), kIpvsSocketSection);
  if (!map.Require("path")) return;
  map.Read("path", &socket->path, ReadIpvsSocket);
  map.Read("group", &socket->group,
           [](const YamlNode& n) { return ReadAccountName(n, "the name of a group"); });
  map.Read("mode", &socket->mode, ReadMode);
  if (socket->path.empty()) {
    RefuseKeys(map, {"group", "mode"}, "is for a socket, and path: none means that there is none");
  }
}

// Beside the first Unix socket, so that a second director with its own has its own here too.
std::string IpvsSocketBeside(const std::vector<ApiListen>& listeners) {
  for (const ApiListen& listen : listeners) {
    if (listen.kind != ApiListen::Kind::kUnix) continue;
    const std::string path = listen.path.substr(0, listen.path.rfind('/')) + "/ipvs.sock";
    if (path.size() <= kMaxSocketPath && path != listen.path) return path;
  }
  return "";
}

// An address, or a map with one.
bool ReadListener(Problems& problems, const YamlNode& item, const std::string& path,
                  ApiListen* listen) {
  if (item.is_map()) return ReadListenMap(MapReader(problems, item, path, kListenSection), listen);
  auto read = ReadListenAddress(item);
  if (!read) {
    problems.Add(path, read.error().message);
    return false;
  }
  *listen = *std::move(read);
  return true;
}

void ReadListeners(MapReader& reader, const ApiListen& inherited, ApiConfig& api) {
  if (!reader.Has("listen")) return;
  api.listen.clear();
  const YamlNode* const list = reader.Find("listen");
  if (list != nullptr && list->items.size() > kMaxListeners) {
    reader.problems().Add(reader.PathOf("listen"), list->mark,
                          "at most " + std::to_string(kMaxListeners) + " listeners are possible");
    return;
  }
  reader.ForEach("listen", [&](const YamlNode& item, const std::string& path) {
    if (item.kind == YamlNode::Kind::kBroken) return;
    reader.problems().Note(path, item.mark);
    ApiListen listen;
    if (!ReadListener(reader.problems(), item, path, &listen)) return;
    FillIn(inherited, path, reader.problems(), &listen);
    const auto is_same = [&](const ApiListen& other) {
      return other.kind == listen.kind && other.path == listen.path &&
             other.endpoint == listen.endpoint;
    };
    if (std::ranges::any_of(api.listen, is_same)) {
      reader.problems().Add(path, "is listed twice");
    } else {
      api.listen.push_back(std::move(listen));
    }
  });
}

}  // namespace

void ReadApi(MapReader reader, ApiConfig& api) {
  ApiListen inherited;
  ReadTlsFiles(reader, &inherited);
  ReadFilePath(reader, "token_file", &inherited.tokens);
  ReadListeners(reader, inherited, api);
  api.ipvs_socket.path = IpvsSocketBeside(api.listen);
  ReadIpvsSocketKey(reader, &api.ipvs_socket);
  reader.Word("on_reload", &api.on_reload);
}

}  // namespace fairlead::control
