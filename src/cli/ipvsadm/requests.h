// A command that changes something as the one request of the director's API that does it.
//
//   Request request = RequestOf(command);     // -e: {"PATCH", "/v1/services/tcp-…/reals/…", "{…}"}
//
// Services are named as the director names those without a name of their own, which finds named
// ones too. An edit says every key that ipvsadm knows, so that what was not given goes back to its
// default; keys of the configuration that ipvsadm has no word for stay as they are. Pure.
#pragma once

#include <string>
#include <vector>

#include "cli/ipvsadm/options.h"

namespace fairlead::cli::ipvsadm {

struct Request {
  std::string method;
  std::string target;
  std::string body;  // JSON, or empty
};

// Precondition: the command changes something: not a listing or -R.
Request RequestOf(const Command& command);

// A new service with its servers at once. Preconditions: -A, and -a of that service.
Request RequestOf(const Command& service, const std::vector<Command>& servers);

// "tcp-192.0.2.10-80", "mark-7-v4".
std::string NameOf(const ServiceKey& key);

}  // namespace fairlead::cli::ipvsadm
