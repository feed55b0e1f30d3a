// What a word of keepalived.conf, ldirectord.cf or haproxy.cfg is called here.
//
//   ForeignWordHint("delay_loop");   // "keepalived's delay_loop is here \"interval\" of health"
//   ForeignWordHint("shceduler");    // "": no word of theirs
//
// For people who write their first file from the old one: each word of a check, and those that
// stand around checks. docs/health.md has the differences. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace fairlead::control {

// Capital and small letters are the same.
std::string ForeignWordHint(std::string_view word);

// The same for a value of a key that takes one of `words`: ipvsadm's, HAProxy's, Linux's bonds',
// other loggers'. "masq" among nat, dr and tun gives "ipvsadm's masq is here \"nat\"".
std::string ForeignValueHint(std::string_view value, std::span<const std::string_view> words);

}  // namespace fairlead::control
