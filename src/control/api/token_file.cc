#include "control/api/token_file.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>

#include "base/log.h"
#include "base/private_file.h"

namespace fairlead::api {

namespace {

constexpr std::string_view kHashed = "sha256=";
constexpr std::string_view kLetters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

bool HasOnly(std::string_view text, std::string_view others) {
  return std::ranges::all_of(text, [&](char c) {
    return kLetters.find(c) != kLetters.npos || others.find(c) != others.npos;
  });
}

std::array<uint8_t, 32> HashOf(std::string_view token) {
  std::array<uint8_t, 32> hash;
  SHA256(reinterpret_cast<const unsigned char*>(token.data()), token.size(), hash.data());
  return hash;
}

int DigitOf(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool ParseHash(std::string_view hex, std::array<uint8_t, 32>* hash) {
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

// Never with a part of the line: it may be a token.
Error Wrong(const char* why) { return {ErrorCode::kInvalid, why, ""}; }

}  // namespace

Result<TokenFile> TokenFile::Open(std::string path) {
  TokenFile file(std::move(path));
  const auto errors = file.Read();
  if (!errors.empty()) return errors.front();
  return file;
}

const TokenFile::Holder* TokenFile::Find(std::string_view token) {
  if (StampOfFile(path_) != stamp_) {
    for (const Error& error : Read()) {
      LogError("the file of API tokens is not as it should be", {{"what", error.ToString()}});
    }
  }
  if (token.size() < kMinTokenBytes || token.size() > kMaxTokenBytes) return nullptr;
  const Hash hash = HashOf(token);
  const Holder* found = nullptr;
  for (const Entry& entry : entries_) {  // all of them: the time must not tell which
    if (CRYPTO_memcmp(entry.hash.data(), hash.data(), hash.size()) == 0) found = &entry.holder;
  }
  return found;
}

std::vector<Error> TokenFile::Read() {
  entries_.clear();
  stamp_ = StampOfFile(path_);  // before: what changes meanwhile is read next time
  auto text = ReadPrivateFile(path_, kMaxBytes);
  if (!text) return {text.error()};
  std::vector<Error> errors;
  size_t number = 0;
  for (size_t at = 0; at < text->size();) {
    const size_t end = std::min(text->find('\n', at), text->size());
    const std::string_view line = Trimmed(std::string_view(*text).substr(at, end - at));
    at = end + 1;
    ++number;
    if (line.empty() || line.front() == '#') continue;
    if (Status read = ReadLine(line); !read) {
      Error error = read.error();
      error.place = path_ + ":" + std::to_string(number);
      errors.push_back(std::move(error));
    }
  }
  OPENSSL_cleanse(text->data(), text->size());
  return errors;
}

Status TokenFile::ReadLine(std::string_view line) {
  const size_t colon = line.find(':'), blank = line.find_first_of(" \t");
  if (colon == line.npos || blank == line.npos || blank < colon) {
    return Wrong("a line must be ROLE:TOKEN NAME, for instance read:sha256=… prometheus");
  }
  const std::string_view role = line.substr(0, colon);
  const std::string_view secret = line.substr(colon + 1, blank - colon - 1);
  const std::string_view name = Trimmed(line.substr(blank));
  Entry entry;
  if (role != "read" && role != "admin") return Wrong("the role must be read or admin");
  entry.holder.role = role == "admin" ? Role::kAdmin : Role::kRead;
  if (name.empty() || name.size() > 63 || !HasOnly(name, "._@-")) {
    return Wrong("the name behind the token must have 1 to 63 letters, digits and . _ @ -");
  }
  entry.holder.name = name;
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
    entry.hash = HashOf(secret);
  }
  const auto is_same = [&](const Entry& other) { return other.hash == entry.hash; };
  if (std::ranges::any_of(entries_, is_same)) return Wrong("the token is that of a line above");
  if (entries_.size() == kMaxTokens) return Wrong("more than 256 tokens");
  entries_.push_back(std::move(entry));
  return Done{};
}

}  // namespace fairlead::api
