// One request to the director, one answer back: what verbs need to know of the API.
//
//   Result<Reply> reply = api.Send("GET", "/v1/status", "");
//   if (!reply) …kUnavailable: nobody there; kInvalid: the address is wrong…
//   if (reply->status >= 400) …a problem document…
//
// The command line speaks over a socket (api_client.h); a test may answer in the same process.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace fairlead::cli {

struct Reply {
  int status = 0;
  std::string body;
};

class DirectorApi {
 public:
  virtual ~DirectorApi() = default;
  // `body` is JSON, or empty for none.
  [[nodiscard]] virtual Result<Reply> Send(std::string_view method, const std::string& target,
                                           const std::string& body) = 0;
};

// Percent-encodes one path segment or query value.
std::string Encode(std::string_view text);
// "/v1/services/shop"
std::string ServicePath(std::string_view name);

}  // namespace fairlead::cli
