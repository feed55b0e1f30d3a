// One request to the director, one answer back. The only other file that sees Beast is
// api_client.cc.
//
//   ApiClient client("unix:/run/fairlead/api.sock", credentials);
//   Result<Reply> reply = client.Send("GET", "/v1/status", "");
//   if (!reply) …kUnavailable: nobody there, or no answer in time; kInvalid: the address is wrong…
//   if (reply->status >= 400) …a problem document…
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/credentials.h"
#include "cli/director_api.h"

namespace fairlead::cli {

// How long a director may keep somebody waiting, before that is an error: until there is a
// connection or an agreement on TLS, and then for more of the answer. A reload may have to wait for
// workers.
struct Patience {
  std::chrono::milliseconds connection{10'000}, answer{120'000};
};

class ApiClient : public DirectorApi {
 public:
  ApiClient(std::string address, Credentials own, Patience patience = {})
      : address_(std::move(address)), own_(std::move(own)), patience_(patience) {}

  [[nodiscard]] Result<Reply> Send(std::string_view method, const std::string& target,
                                   const std::string& body) override;
  [[nodiscard]] const std::string& address() const { return address_; }

 private:
  std::string address_;
  Credentials own_;
  Patience patience_;
};

}  // namespace fairlead::cli
