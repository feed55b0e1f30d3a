// How the command line shows who it is, and by what it knows the director: paths of files.
//
//   fairlead --api https://edge-1:9480 --ca ca.pem --token-file ~/.fairlead-token status
//
// Each may stand in the environment instead. A token is never a word of the command line or of the
// environment itself: other users of the machine can read those.
#pragma once

#include <map>
#include <string>

namespace CLI {
class App;
}

namespace fairlead::cli {

struct Credentials {
  std::string ca;                // empty: what the system trusts
  std::string token_file;        // its first line is the token
  std::string certificate, key;  // of the client; the key may be in the same file
};

void AddCredentialOptions(CLI::App* app, Credentials* into);
// What was not given, from FAIRLEAD_CA, FAIRLEAD_TOKEN_FILE, FAIRLEAD_CERTIFICATE, FAIRLEAD_KEY.
void FillInCredentials(Credentials* into);
// What stands in a line that was not parsed: options and their values.
void TakeCredentials(const std::map<std::string, std::string>& given, Credentials* into);

}  // namespace fairlead::cli
