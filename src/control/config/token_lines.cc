#include "control/config/token_lines.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>

#include "base/private_file.h"

namespace fairlead::control {
namespace {

constexpr std::string_view kHashed = "sha256=";
constexpr std::string_view kLetters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

bool HasOnly(std::string_view text, std::string_view others) {
  return std::ranges::all_of(text, [&](char c) {
    return kLetters.find(c) != kLetters.npos || others.find(c) != others.npos;
  });
}

int DigitOf(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool ParseHash(std::string_view hex, TokenHash* hash) {
  if (hex.size() != 2 * hash->size()) return false;
  for (size_t i = 0; i < hash->size(); ++i) {
    const int high = DigitOf(hex[2 * i]), low = DigitOf(hex[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    (*hash)[i] = static_cast<uint8_t>(high << 4 | low);
  }
  return true;
}

std::string_view Trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

Error Wrong(const char* why) { return {ErrorCode::kInvalid, why, ""}; }

Status ReadLine(std::string_view line, std::vector<TokenLine>* lines) {
  const size_t colon = line.find(':'), blank = line.find_first_of(" \t");
  if (colon == line.npos || blank == line.npos || blank < colon) {
    return Wrong("a line must be ROLE:TOKEN NAME, for instance read:sha256=… prometheus");
  }
  const std::string_view role = line.substr(0, colon);
  const std::string_view secret = line.substr(colon + 1, blank - colon - 1);
  const std::string_view name = Trimmed(line.substr(blank));
  TokenLine entry;
  if (role != "read" && role != "admin") return Wrong("the role must be read or admin");
  entry.is_admin = role == "admin";
  if (name.empty() || name.size() > 63 || !HasOnly(name, "._@-")) {
    return Wrong("the name behind the token must have 1 to 63 letters, digits and . _ @ -");
  }
  entry.name = name;
  if (secret.starts_with(kHashed)) {
    if (!ParseHash(secret.substr(kHashed.size()), &entry.hash)) {
      return Wrong("behind sha256= must be 64 hexadecimal digits, as sha256sum prints them");
    }
  } else {
    if (secret.size() < kMinTokenBytes || secret.size() > kMaxTokenBytes ||
        !HasOnly(secret, "-._~+/=")) {
      return Wrong(
          "a token must have 16 to 256 letters, digits and - . _ ~ + / =, for instance of openssl "
          "rand -hex 32");
    }
    entry.hash = HashOfToken(secret);
  }
  const auto is_same = [&](const TokenLine& other) { return other.hash == entry.hash; };
  if (std::ranges::any_of(*lines, is_same)) return Wrong("the token is that of a line above");
  if (lines->size() == kMaxTokens) return Wrong("more than 256 tokens");
  lines->push_back(std::move(entry));
  return Done{};
}

}  // namespace

TokenHash HashOfToken(std::string_view token) {
  TokenHash hash;
  SHA256(reinterpret_cast<const unsigned char*>(token.data()), token.size(), hash.data());
  return hash;
}

TokenLines ReadTokenLines(const std::string& path) {
  TokenLines lines;
  auto text = ReadPrivateFile(path, kMaxTokenFileBytes);
  if (!text) {
    lines.errors.push_back(text.error());
    return lines;
  }
  size_t number = 0;
  for (size_t at = 0; at < text->size();) {
    const size_t end = std::min(text->find('\n', at), text->size());
    const std::string_view line = Trimmed(std::string_view(*text).substr(at, end - at));
    at = end + 1;
    ++number;
    if (line.empty() || line.front() == '#') continue;
    if (Status read = ReadLine(line, &lines.good); !read) {
      Error error = read.error();
      error.place = path + ":" + std::to_string(number);
      lines.errors.push_back(std::move(error));
    }
  }
  OPENSSL_cleanse(text->data(), text->size());
  return lines;
}

}  // namespace fairlead::control
