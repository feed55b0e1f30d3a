// What a MySQL client answers to a server's scramble, so that its password never travels.
//
//   MysqlAnswer("mysql_native_password", "secret", scramble);   // 20 bytes
//   MysqlAnswer("caching_sha2_password", "secret", scramble);   // 32 bytes
//   MysqlAnswer("sha256_password", "secret", scramble);         // nullopt: needs TLS or a key
//
// Empty for an empty password. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace fairlead::control {

std::optional<std::string> MysqlAnswer(std::string_view plugin, std::string_view password,
                                       std::string_view scramble);

}  // namespace fairlead::control
