#include "control/api/token_file.h"

#include <openssl/crypto.h>

#include "base/log.h"
#include "base/private_file.h"

namespace fairlead::api {

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
  if (token.size() < control::kMinTokenBytes || token.size() > control::kMaxTokenBytes) {
    return nullptr;
  }
  const control::TokenHash hash = control::HashOfToken(token);
  const Holder* found = nullptr;
  for (const Entry& entry : entries_) {  // all of them: the time must not tell which
    if (CRYPTO_memcmp(entry.hash.data(), hash.data(), hash.size()) == 0) found = &entry.holder;
  }
  return found;
}

std::vector<Error> TokenFile::Read() {
  entries_.clear();
  stamp_ = StampOfFile(path_);  // before: what changes meanwhile is read next time
  control::TokenLines lines = control::ReadTokenLines(path_);
  for (control::TokenLine& line : lines.good) {
    const Role role = line.is_admin ? Role::kAdmin : Role::kRead;
    entries_.push_back({line.hash, {role, std::move(line.name)}});
  }
  return std::move(lines.errors);
}

}  // namespace fairlead::api
