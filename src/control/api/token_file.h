// Who may use the API with which token: a file that may be replaced while the director runs.
//
//   auto tokens = TokenFile::Open("/etc/fairlead/tokens");
//   if (!tokens) return tokens.error();                 // which line, and what is wrong with it
//   if (const TokenFile::Holder* who = tokens->Find("s3cr3t…")) …who->role, who->name…
//
// A line is ROLE:TOKEN NAME or ROLE:sha256=HEX NAME; blank ones and those that begin with # do not
// count. Find looks whether the file has changed, so a token that was taken out is refused at once.
// At the start every line must be right; later a wrong one is left out and the log names it, and
// when the file cannot be read nobody is let in. Only hashes are kept in memory, and a token is
// compared with all of them in constant time. Threads: one.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "control/api/http.h"

namespace fairlead::api {

class TokenFile {
 public:
  struct Holder {
    Role role = Role::kNone;
    std::string name;
  };

  static constexpr size_t kMaxBytes = 64 << 10;
  static constexpr size_t kMaxTokens = 256;
  static constexpr size_t kMinTokenBytes = 16, kMaxTokenBytes = 256;

  static Result<TokenFile> Open(std::string path);
  // Null: nobody's. Valid until the next Find.
  const Holder* Find(std::string_view token);

 private:
  using Hash = std::array<uint8_t, 32>;
  struct Entry {
    Hash hash;
    Holder holder;
  };

  explicit TokenFile(std::string path) : path_(std::move(path)) {}
  // What is wrong with the lines; the others are taken.
  std::vector<Error> Read();
  Status ReadLine(std::string_view line);

  std::string path_, stamp_;
  std::vector<Entry> entries_;
};

}  // namespace fairlead::api
