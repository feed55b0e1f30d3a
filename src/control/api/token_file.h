// Who may use the API with which token: a file that may be replaced while the director runs.
//
//   auto tokens = TokenFile::Open("/etc/fairlead/tokens");
//   if (!tokens) return tokens.error();                 // which line, and what is wrong with it
//   if (const TokenFile::Holder* who = tokens->Find("s3cr3t…")) …who->role, who->name…
//
// What a line is control/config/token_lines.h says. Find looks whether the file has changed, so a
// token that was taken out is refused at once. At the start every line must be right; later a wrong
// one is left out and the log names it, and when the file cannot be read nobody is let in. Only
// hashes are kept in memory, and a token is compared with all of them in constant time. Threads:
// one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "control/api/http.h"
#include "control/config/token_lines.h"

namespace fairlead::api {

class TokenFile {
 public:
  struct Holder {
    Role role = Role::kNone;
    std::string name;
  };

  static Result<TokenFile> Open(std::string path);
  // Null: nobody's. Valid until the next Find.
  const Holder* Find(std::string_view token);

 private:
  struct Entry {
    control::TokenHash hash;
    Holder holder;
  };

  explicit TokenFile(std::string path) : path_(std::move(path)) {}
  // What is wrong with the lines; the others are taken.
  std::vector<Error> Read();

  std::string path_, stamp_;
  std::vector<Entry> entries_;
};

}  // namespace fairlead::api
