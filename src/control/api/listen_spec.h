// One listener of the API: where, and who may do what there. docs/configuration.md says what each
// part means; the loader has looked at what belongs together.
//
//   ListenSpec spec("https://0.0.0.0:9480");
//   spec.certificate = "/etc/fairlead/edge-1.pem";
//
// Threads: a value.
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>

#include "control/api/http.h"

namespace fairlead::api {

struct ListenSpec {
  ListenSpec(std::string address) : where(std::move(address)) {}  // NOLINT
  ListenSpec(const char* address) : where(address) {}             // NOLINT

  [[nodiscard]] bool is_unix() const { return where.starts_with("unix:"); }
  [[nodiscard]] bool is_https() const { return where.starts_with("https://"); }

  std::string where;  // "unix:/run/fairlead/api.sock", "http://127.0.0.1:9480"
  Role role = Role::kAdmin;
  std::string group;  // of a Unix socket; empty: the director's own
  mode_t mode = 0660;
  std::string certificate, key, client_ca, crl, tokens;  // paths; empty: none
};

}  // namespace fairlead::api
