// Who a request comes from, and what that one may do: the decision of one listener.
//
//   auto access = Access::Open(spec);
//   Caller caller = access->CallerOf(peer, header, certificate);     // of each request
//   if (auto refusal = Refuse(caller, Needs::kAdmin)) return respond(*refusal);
//
// A Unix socket lets in whoever may open it, plain http on a loopback address whoever is on this
// machine, unless it has tokens. Over TLS a certificate of client_ca lets in, with the role of the
// listener, or a token, with its own role; nobody may do more than the role of the listener.
// Threads: one.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "control/api/http.h"
#include "control/api/listen_spec.h"
#include "control/api/token_file.h"

namespace fairlead::api {

// Who is at the other end of a connection.
struct HttpPeer {
  std::string budget;        // what the listener counts connections by: "198.51.100.7", "uid 1000"
  std::string from;          // "198.51.100.7:40312", "unix"
  std::optional<User> user;  // of a Unix socket
};

class Access {
 public:
  static Result<Access> Open(const ListenSpec& spec);

  // `authorization`: the header, or empty; `certificate`: the subject of one that was verified.
  Caller CallerOf(const HttpPeer& peer, std::string_view authorization,
                  const std::string& certificate);

 private:
  explicit Access(const ListenSpec& spec)
      : role_(spec.role), asks_(!spec.tokens.empty() || !spec.client_ca.empty()) {}

  Role role_;
  bool asks_;
  std::optional<TokenFile> tokens_;
};

// The problem document for a caller who may not do this: 401, or 403.
std::optional<HttpResponse> Refuse(const Caller& caller, Needs needs);

}  // namespace fairlead::api
