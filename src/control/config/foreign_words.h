// What a word of keepalived.conf or ldirectord.cf is called here.
//
//   ForeignWordHint("delay_loop");   // "keepalived's delay_loop is here \"interval\" of health"
//   ForeignWordHint("shceduler");    // "": no word of theirs
//
// For people who write their first file from the old one: each word of a check, and those that
// stand around checks. docs/health.md has the differences. Pure.
#pragma once

#include <string>
#include <string_view>

namespace fairlead::control {

// Capital and small letters are the same.
std::string ForeignWordHint(std::string_view word);

}  // namespace fairlead::control
