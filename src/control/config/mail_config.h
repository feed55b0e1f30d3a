// Where mail about changes of real servers and services goes (docs/health.md, mail).
//
//   if (model.mail) mailer.Note(*model.mail, …);
//
// Threads: a value.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ip_address.h"

namespace fairlead::control {

enum class MailTls : uint8_t { kNone, kStarttls, kImplicit };

struct MailConfig {
  Endpoint server{};
  std::string from{};
  std::vector<std::string> to{};
  std::string helo = "fairlead";
  MailTls tls = MailTls::kNone;
  std::string sni{};  // TLS: the name in the server's certificate; empty: its address
  bool verify = true;
  std::string ca{};             // PEM; empty: the system's
  std::string user{};           // empty: no login
  std::string password_file{};  // its first line is the password
  friend bool operator==(const MailConfig&, const MailConfig&) = default;
};

}  // namespace fairlead::control
