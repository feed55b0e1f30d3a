#include "cli/credentials.h"

#include <CLI/CLI.hpp>
#include <cstdlib>

namespace fairlead::cli {

namespace {

struct Option {
  const char *name, *variable, *what;
  std::string Credentials::*value;
};

constexpr Option kOptions[] = {
    {"--ca", "FAIRLEAD_CA", "PEM file of the authority of an https:// director's certificate",
     &Credentials::ca},
    {"--token-file", "FAIRLEAD_TOKEN_FILE", "File whose first line is the token to show",
     &Credentials::token_file},
    {"--certificate", "FAIRLEAD_CERTIFICATE", "PEM file of the certificate to show",
     &Credentials::certificate},
    {"--key", "FAIRLEAD_KEY", "PEM file of its key; by default in the same file",
     &Credentials::key},
};

}  // namespace

void AddCredentialOptions(CLI::App* app, Credentials* into) {
  for (const Option& option : kOptions) {
    app->add_option(option.name, into->*option.value,
                    std::string(option.what) + "\n(environment: " + option.variable + ")")
        ->type_name("FILE");
  }
}

void FillInCredentials(Credentials* into) {
  for (const Option& option : kOptions) {
    const char* const set = std::getenv(option.variable);
    if ((into->*option.value).empty() && set != nullptr) into->*option.value = set;
  }
}

void TakeCredentials(const std::map<std::string, std::string>& given, Credentials* into) {
  for (const Option& option : kOptions) {
    if (const auto its = given.find(option.name); its != given.end()) {
      into->*option.value = its->second;
    }
  }
}

}  // namespace fairlead::cli
