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

// A local user, as the kernel knows it, and the process that has connected.
struct User {
  uint32_t uid = 0, gid = 0;
  int32_t pid = 0;
};

// What somebody may do: nothing, look, or also change. In this order.
enum class Role : uint8_t { kNone, kRead, kAdmin };

// What a route asks for: kScrape is for metrics and health, which a listener with the role read
// gives to everybody.
enum class Needs : uint8_t { kScrape, kRead, kAdmin };

// Who sends a request (access.h).
struct Caller {
  Role role = Role::kNone;
  std::string name{};  // "uid 0 pid 4711", "token prometheus", "certificate CN=ops", "anybody"
  std::string from{};  // "198.51.100.7:40312", "unix"
  bool may_scrape = false;
  bool takes_token = false;  // the listener does
  bool has_token = false;    // and one was given, the right one or not
};

struct HttpRequest {
  Method method = Method::kGet;       // HEAD arrives as GET; the server drops the body
  std::string path;                   // as sent, without the query
  std::vector<std::string> segments;  // of the path, percent-decoded
  std::vector<std::pair<std::string, std::string>> query;  // decoded, in order
  bool is_dry_run = false;  // say what would be, and do nothing; the router reads it of the query
  std::string if_match;     // header, or empty
  std::string body;
  // Who sent it over a Unix socket, and so was allowed to open it; none: it came over TCP.
  std::optional<User> user;
  Caller caller;

  [[nodiscard]] const std::string* FindQuery(std::string_view key) const {
    for (const auto& [name, value] : query) {
      if (name == key) return &value;
    }
    return nullptr;
  }
};

// What becomes of a piece of an answer that goes on. An empty piece asks whether anybody is there.
enum class Pushed : uint8_t { kTaken, kTooSlow, kGone };
using Push = std::function<Pushed(std::string_view)>;

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body{};
  std::vector<std::pair<std::string, std::string>> headers{};  // further ones: Allow, ETag
  // Set: there is no `body`; what follows the headers comes through what this is called with, until
  // the peer goes. HEAD does not call it. False: there is nothing to come, and the answer ends.
  std::function<bool(Push)> stream{};
  std::string problem{};  // the last word of its type, when the body is a problem document
};

using Responder = std::function<void(HttpResponse)>;
using HttpHandler = std::function<void(HttpRequest, Responder)>;

}  // namespace fairlead::api
