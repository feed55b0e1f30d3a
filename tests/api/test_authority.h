// An authority that gives out certificates, each with its key in one PEM file that others cannot
// read.
//
//   const TestAuthority authority(folder, "ours");
//   spec.certificate = spec.key = authority.Issue("127.0.0.1", 86400);    // for a day
//   spec.client_ca = authority.file();
//
//   spec.crl = authority.Revoke({certificate});
//
// Threads: one.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace fairlead::testing {

class TestAuthority {
 public:
  TestAuthority(std::string folder, std::string name)
      : folder_(std::move(folder)), name_(std::move(name)), key_(EVP_EC_gen("P-256"), Free) {
    Make(name_, key_.get(), 86400, file());
  }

  // `seconds`: until it ends, from now; it began an hour before that or before now.
  [[nodiscard]] std::string Issue(const std::string& name, long seconds) const {
    const Key key(EVP_EC_gen("P-256"), Free);
    const std::string path = folder_ + "/" + name_ + "-" + name + ".pem";
    Make(name, key.get(), seconds, path);
    return path;
  }
  // A list of those of these certificates that are no longer good, until so many seconds from now.
  std::string Revoke(const std::vector<std::string>& certificates, long seconds = 86400) const {
    X509_CRL* const list = X509_CRL_new();
    X509_CRL_set_version(list, 1);
    X509_NAME* const issuer = X509_NAME_new();
    Call(issuer, name_);
    X509_CRL_set_issuer_name(list, issuer);
    X509_NAME_free(issuer);
    ASN1_TIME* const now = X509_gmtime_adj(nullptr, seconds < 0 ? seconds - 3600 : -3600);
    ASN1_TIME* const end = X509_gmtime_adj(nullptr, seconds);
    X509_CRL_set1_lastUpdate(list, now);
    X509_CRL_set1_nextUpdate(list, end);
    for (const std::string& certificate : certificates) {
      std::FILE* const in = std::fopen(certificate.c_str(), "r");
      X509* const x = PEM_read_X509(in, nullptr, nullptr, nullptr);
      std::fclose(in);
      X509_REVOKED* const entry = X509_REVOKED_new();
      X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(x));
      X509_REVOKED_set_revocationDate(entry, now);
      X509_CRL_add0_revoked(list, entry);
      X509_free(x);
    }
    ASN1_TIME_free(now);
    ASN1_TIME_free(end);
    X509_CRL_sort(list);
    X509_CRL_sign(list, key_.get(), EVP_sha256());
    const std::string path = folder_ + "/" + name_ + ".crl";
    std::FILE* const out = std::fopen((path + "~").c_str(), "w");
    PEM_write_X509_CRL(out, list);
    std::fclose(out);
    X509_CRL_free(list);
    std::rename((path + "~").c_str(), path.c_str());
    return path;
  }
  [[nodiscard]] std::string file() const { return folder_ + "/" + name_ + ".pem"; }

 private:
  using Key = std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)>;
  static void Free(EVP_PKEY* key) { EVP_PKEY_free(key); }

  static void Extend(X509* x, int kind, const std::string& value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str());
    X509_add_ext(x, extension, -1);
    X509_EXTENSION_free(extension);
  }

  void Make(const std::string& name, EVP_PKEY* key, long seconds, const std::string& path) const {
    X509* const x = X509_new();
    const bool is_own = key == key_.get();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), is_own ? 1 : ++serial_);
    X509_gmtime_adj(X509_getm_notBefore(x), seconds < 0 ? seconds - 3600 : -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), seconds);
    X509_set_pubkey(x, key);
    Call(X509_get_subject_name(x), name);
    Call(X509_get_issuer_name(x), name_);
    Extend(x, NID_basic_constraints, is_own ? "critical,CA:TRUE" : "CA:FALSE");
    if (!is_own && name.find_first_not_of("0123456789.") == std::string::npos) {
      Extend(x, NID_subject_alt_name, "IP:" + name);
    }
    X509_sign(x, key_.get(), EVP_sha256());
    std::FILE* const out = std::fopen(path.c_str(), "w");
    ::chmod(path.c_str(), 0600);
    PEM_write_X509(out, x);
    if (!is_own) PEM_write_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(out);
    X509_free(x);
  }
  static void Call(X509_NAME* name, const std::string& text) {
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(text.c_str()), -1, -1, 0);
  }

  const std::string folder_, name_;
  const Key key_;
  mutable long serial_ = 1;
};

}  // namespace fairlead::testing
