#include "control/config/check_files.h"

#include <grp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

namespace fairlead::control {
namespace {

constexpr off_t kMostFileBytes = 1 << 20;

// Nobody is there to be asked for the passphrase of a key.
int NoPassphrase(char*, int, int, void*) { return 0; }

using Context = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;

}  // namespace

std::string FaultOfPlainFile(const std::string& path) {
  struct stat about {};
  if (stat(path.c_str(), &about) != 0 || access(path.c_str(), R_OK) != 0) {
    return path + ": " + std::strerror(errno);
  }
  if (!S_ISREG(about.st_mode)) return path + " is not a regular file";
  if (about.st_size > kMostFileBytes) return path + " is larger than 1 MiB";
  return "";
}

std::string RemedyFor(const std::string& path) {
  if (access(path.c_str(), R_OK) == 0) return "";
  if (errno == EACCES) {
    return "; let the director's group read it: chgrp fairlead " + path + " && chmod 640 " + path;
  }
  return errno == ENOENT ? "; write it, or name another" : "";
}

std::string FaultOfGroup(const std::string& name) {
  if (name.empty()) return "";
  std::vector<char> room(64 << 10);
  group entry{};
  group* found = nullptr;
  if (getgrnam_r(name.c_str(), &entry, room.data(), room.size(), &found) == 0 && found != nullptr) {
    return "";
  }
  return "there is no group " + name + "; make it (groupadd --system " + name +
         "), or name another";
}

std::optional<FileFault> FaultOfTlsFiles(const NamedTlsFiles& files) {
  const std::pair<std::string_view, const std::string&> named[] = {
      {"ca", files.ca}, {"certificate", files.certificate}, {"key", files.key}};
  for (const auto& [key, path] : named) {
    if (path.empty()) continue;
    if (std::string fault = FaultOfPlainFile(path); !fault.empty()) return FileFault{key, fault};
  }
  const Context context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  if (context == nullptr) return std::nullopt;
  SSL_CTX* const raw = context.get();
  SSL_CTX_set_default_passwd_cb(raw, NoPassphrase);
  const auto look = [&]() -> std::optional<FileFault> {
    if (!files.ca.empty() && SSL_CTX_load_verify_file(raw, files.ca.c_str()) != 1) {
      return FileFault{"ca", files.ca + " has no certificates in PEM"};
    }
    if (files.certificate.empty()) return std::nullopt;
    if (SSL_CTX_use_certificate_chain_file(raw, files.certificate.c_str()) != 1) {
      return FileFault{"certificate", files.certificate + " has no certificate in PEM"};
    }
    const bool has_own_key = !files.key.empty();
    const std::string& key = has_own_key ? files.key : files.certificate;
    // Which of the two it is, SSL_CTX_use_PrivateKey_file tells by the error alone.
    ERR_clear_error();
    if (SSL_CTX_use_PrivateKey_file(raw, key.c_str(), SSL_FILETYPE_PEM) == 1) return std::nullopt;
    if (ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH) {
      return FileFault{
          has_own_key ? "key" : "certificate",
          "the key in " + key + " is not that of the certificate " + files.certificate};
    }
    if (!has_own_key) {
      return FileFault{"certificate",
                       key + " has no key in it; name the file of the key as \"key\""};
    }
    return FileFault{"key", key + " has no key in PEM that can be read without a passphrase"};
  };
  std::optional<FileFault> fault = look();
  ERR_clear_error();
  return fault;
}

}  // namespace fairlead::control
