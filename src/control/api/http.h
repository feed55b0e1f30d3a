// A request and an answer as plain values, so that only http_session.cc knows Beast.
//
//   server.handler = [](HttpRequest request, Responder respond) {
//     respond(JsonResponse(200, {{"hello", request.segments[0]}}));
//   };
//
// Threads: values; a Responder is called exactly once, on the API thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fairlead::api {

enum class Method : uint8_t { kGet, kPost, kPut, kPatch, kDelete, kOther };

constexpr std::string_view NameOf(Method method) {
  constexpr std::string_view kNames[] = {"GET", "POST", "PUT", "PATCH", "DELETE", "OTHER"};
  return kNames[static_cast<size_t>(method)];
}

// A local user, as the kernel knows it.
struct User {
  uint32_t uid = 0, gid = 0;
};

struct HttpRequest {
  Method method = Method::kGet;       // HEAD arrives as GET; the server drops the body
  std::string path;                   // as sent, without the query
  std::vector<std::string> segments;  // of the path, percent-decoded
  std::vector<std::pair<std::string, std::string>> query;  // decoded, in order
  std::string if_match;                                    // header, or empty
  std::string body;
  // Who sent it over a Unix socket, and so was allowed to open it; none: any local user.
  std::optional<User> user;

  [[nodiscard]] const std::string* FindQuery(std::string_view key) const {
    for (const auto& [name, value] : query) {
      if (name == key) return &value;
    }
    return nullptr;
  }
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;  // further ones: Allow, ETag
};

using Responder = std::function<void(HttpResponse)>;
using HttpHandler = std::function<void(HttpRequest, Responder)>;

}  // namespace fairlead::api
