#include <algorithm>

#include "base/ids.h"
#include "control/config/section_readers.h"

namespace fairlead::control {
namespace {

constexpr size_t kMaxListeners = 64;

// Records. The least is one bucket's worth a worker; the most is what 32-bit slots can name.
constexpr uint64_t kMinCapacity = 1u << 10;
constexpr uint64_t kMaxCapacity = 1u << 30;
constexpr uint64_t kMaxCpu = 1023;  // as many as a cpu_set_t knows

Result<uint64_t> ReadCapacity(const YamlNode& node) {
  return ReadSize(node, kMinCapacity, kMaxCapacity);
}

void ReadWorkers(MapReader& reader, WorkersConfig& workers) {
  const YamlNode* const node = reader.Find("workers");
  if (node == nullptr) return;
  if (node->is_scalar() && node->text == "auto") return;
  if (!node->is_list()) {
    workers.kind = WorkersConfig::Kind::kCount;
    if (node->is_scalar() && node->text.find_first_not_of("0123456789") == std::string::npos)
      reader.Number("workers", &workers.count, 1, kMaxWorkers);
    else
      reader.problems().Add(reader.PathOf("workers"),
                            WrongValue(*node, "auto, a number or a list of cores").message);
    return;
  }
  workers.kind = WorkersConfig::Kind::kCores;
  reader.ReadOneOrMany("workers", &workers.cores,
                       [](const YamlNode& n) { return ReadNumber(n, 0, kMaxCpu); });
  auto sorted = workers.cores;
  std::sort(sorted.begin(), sorted.end());
  if (const auto twice = std::adjacent_find(sorted.begin(), sorted.end()); twice != sorted.end())
    reader.problems().Add(reader.PathOf("workers"),
                          "core " + std::to_string(*twice) + " is listed twice");
  if (sorted.size() > kMaxWorkers)
    reader.problems().Add(reader.PathOf("workers"),
                          "at most " + std::to_string(kMaxWorkers) + " workers are possible");
}

Result<std::string> ReadArena(const YamlNode& node) {
  if (node.is_scalar() && (node.text == "auto" || node.text == "none" || node.text[0] == '/'))
    return ReadText(node);
  return WrongValue(node, "auto, none or an absolute path");
}

// As useradd takes it. Whether there is such a user is for the machine that runs the commands.
Result<std::string> ReadUser(const YamlNode& node) {
  auto text = ReadText(node);
  if (!text) return text;
  const bool is_name = text->size() <= 32 && (*text)[0] != '-' &&
                       text->find_first_not_of(
                           "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWX"
                           "YZ0123456789_.-") == std::string::npos;
  if (!is_name) return WrongValue(node, "the name of a user");
  return text;
}

// "http://127.0.0.1:9480" without the scheme.
Result<Endpoint> ParseHttpAuthority(const std::string& authority, const std::string& whole) {
  const auto endpoint = Endpoint::Parse(authority);
  if (!endpoint || endpoint->port.is_zero()) {
    return Error{ErrorCode::kInvalid,
                 Quote(whole) + " must name an address and a port, as in http://127.0.0.1:9480",
                 ""};
  }
  const bool is_loopback = endpoint->address.is_v4() ? endpoint->address.bytes()[0] == 127
                                                     : endpoint->address == IpAddress::Parse("::1");
  if (!is_loopback) {
    return Error{ErrorCode::kInvalid,
                 Quote(whole) +
                     " is not a loopback address; without tokens, which this version "
                     "does not have, the API listens on 127.0.0.1, ::1 or a Unix socket",
                 ""};
  }
  return *endpoint;
}

constexpr size_t kMaxSocketPath = 107;  // sockaddr_un.sun_path with its zero

Result<ApiListen> ReadListen(const YamlNode& node) {
  auto text = ReadText(node);
  if (!text) return text.error();
  ApiListen listen;
  if (text->starts_with("unix:/")) {
    listen.path = text->substr(5);
    if (listen.path.size() > kMaxSocketPath)
      return Error{ErrorCode::kInvalid, "the socket path is longer than 107 bytes", ""};
    return listen;
  }
  if (text->starts_with("https://"))
    return Error{ErrorCode::kInvalid, "https:// is not supported by this version", ""};
  if (!text->starts_with("http://")) return WrongValue(node, "unix:/PATH or http://ADDRESS:PORT");
  listen.kind = ApiListen::Kind::kHttp;
  auto endpoint = ParseHttpAuthority(text->substr(7), *text);
  if (!endpoint) return endpoint.error();
  listen.endpoint = *endpoint;
  return listen;
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

// Beside the first Unix socket, so that a second director with its own has its own here too.
std::string IpvsSocketBeside(const std::vector<ApiListen>& listeners) {
  for (const ApiListen& listen : listeners) {
    if (listen.kind != ApiListen::Kind::kUnix) continue;
    const std::string path = listen.path.substr(0, listen.path.rfind('/')) + "/ipvs.sock";
    if (path.size() <= kMaxSocketPath && path != listen.path) return path;
  }
  return "";
}

void ReadListeners(MapReader& reader, ApiConfig& api) {
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
    auto listen = ReadListen(item);
    if (!listen)
      reader.problems().Add(path, listen.error().message);
    else if (std::find(api.listen.begin(), api.listen.end(), *listen) != api.listen.end())
      reader.problems().Add(path, "is listed twice");
    else
      api.listen.push_back(*listen);
  });
}

}  // namespace

void ReadDirector(MapReader reader, DirectorConfig& director) {
  reader.Read("name", &director.name, ReadName);
  ReadWorkers(reader, director.workers);
  reader.Word("idle", &director.idle);
  reader.Read("connections", &director.connections, ReadCapacity);
  director.connections6 = std::max(director.connections / 4, kMinCapacity);
  director.templates = std::max(director.connections / 4, kMinCapacity);
  director.side_records = std::max(director.connections / 4, kMinCapacity);
  reader.Read("connections6", &director.connections6, ReadCapacity);
  reader.Read("templates", &director.templates, ReadCapacity);
  reader.Read("side_records", &director.side_records, ReadCapacity);
  reader.Read("arena", &director.arena, ReadArena);
  reader.Word("hugepages", &director.hugepages);
  reader.ForEach("eal", [&](const YamlNode& item, const std::string& path) {
    if (item.kind == YamlNode::Kind::kBroken) return;
    auto argument = ReadText(item);
    if (argument)
      director.eal.push_back(*argument);
    else
      reader.problems().Add(path, item.mark, argument.error().message);
  });
  reader.Read("script_user", &director.script_user, ReadUser);
  reader.ForEach("scripts", [&](const YamlNode& item, const std::string& path) {
    if (item.kind == YamlNode::Kind::kBroken) return;
    if (item.is_scalar() && IsCommandPath(item.text))
      director.scripts.push_back(item.text);
    else
      reader.problems().Add(path, item.mark, WrongValue(item, kCommandPathForm).message);
  });
}

void ReadApi(MapReader reader, ApiConfig& api) {
  ReadListeners(reader, api);
  api.ipvs_socket = IpvsSocketBeside(api.listen);
  reader.Read("ipvs_socket", &api.ipvs_socket, ReadIpvsSocket);
  reader.Word("on_reload", &api.on_reload);
}

void ReadLog(MapReader reader, LogConfig& log) { reader.Word("level", &log.level); }

}  // namespace fairlead::control
