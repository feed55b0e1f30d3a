// Messages about changes, as they go to a mail server.
//
//   std::string message = MailText(mail, "edge-1", changes, 0, wall_now, "8f3c…");
//   // "Date: …\r\nFrom: …\r\nSubject: [edge-1] real server 10.0.0.11:80 of web is down\r\n…"
//
// Pure. Invariants: ASCII, lines of at most 998 bytes that end with CR LF, no line begins with a
// dot that is not doubled.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>

#include "control/config/mail_config.h"

namespace fairlead::control {

struct MailedChange {
  std::chrono::system_clock::time_point at{};
  std::string title{};   // "real server 10.0.0.11:80 of web is down"
  std::string detail{};  // "connection refused"; may be empty
};

// `unnamed`: how many more changes there were than are kept.
std::string MailText(const MailConfig& mail, const std::string& director,
                     std::span<const MailedChange> changes, uint64_t unnamed,
                     std::chrono::system_clock::time_point now, const std::string& id);

}  // namespace fairlead::control
