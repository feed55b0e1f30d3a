#include "control/health/dialogue/mysql_auth.h"

#include <openssl/evp.h>

#include <array>
#include <new>

namespace fairlead::control {
namespace {

std::string Digest(const EVP_MD* kind, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned length = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &length, kind, nullptr) != 1) {
    throw std::bad_alloc();
  }
  return {digest.begin(), digest.begin() + length};
}

std::string Xor(std::string a, std::string_view b) {
  for (size_t i = 0; i < a.size(); ++i) a[i] = static_cast<char>(a[i] ^ b[i]);
  return a;
}

}  // namespace

std::optional<std::string> MysqlAnswer(std::string_view plugin, std::string_view password,
                                       std::string_view scramble) {
  const bool is_native = plugin == "mysql_native_password";
  if (!is_native && plugin != "caching_sha2_password") return std::nullopt;
  if (password.empty()) return "";
  const EVP_MD* kind = is_native ? EVP_sha1() : EVP_sha256();
  const std::string once = Digest(kind, password);
  const std::string twice = Digest(kind, once);
  // The two put the same parts together in another order.
  const std::string salted =
      is_native ? std::string(scramble) + twice : twice + std::string(scramble);
  return Xor(once, Digest(kind, salted));
}

}  // namespace fairlead::control
