// A key and a certificate that signs itself, in files of a folder of their own.
//
//   const TestCertificate good("shop.example", 30 * 86400);   // for a month from now
//   tls.ca_file = good.file();                                // both in one PEM file
//
// Threads: any.
#pragma once

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

namespace fairlead::control {

class TestCertificate {
 public:
  // `seconds`: until it ends, from now; it has begun an hour before that or before now.
  TestCertificate(const std::string& name, long seconds) {
    std::string folder = std::filesystem::temp_directory_path() / "fairlead-tls-XXXXXX";
    if (::mkdtemp(folder.data()) == nullptr) ADD_FAILURE() << folder;
    folder_ = folder;
    const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
    const std::unique_ptr<X509, void (*)(X509*)> certificate(X509_new(), X509_free);
    X509* x = certificate.get();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    const long from = seconds < 0 ? seconds - 3600 : -3600;
    X509_gmtime_adj(X509_getm_notBefore(x), from);
    X509_gmtime_adj(X509_getm_notAfter(x), seconds);
    expires_ = std::chrono::system_clock::now() + std::chrono::seconds{seconds};
    X509_set_pubkey(x, key.get());
    X509_NAME* subject = X509_get_subject_name(x);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    X509_set_issuer_name(x, subject);
    const std::string names = "DNS:" + name;
    X509_EXTENSION* extension =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str());
    X509_add_ext(x, extension, -1);
    X509_EXTENSION_free(extension);
    X509_sign(x, key.get(), EVP_sha256());
    std::FILE* out = std::fopen(file().c_str(), "w");
    PEM_write_X509(out, x);
    PEM_write_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(out);
  }
  ~TestCertificate() { std::filesystem::remove_all(folder_); }
  TestCertificate(const TestCertificate&) = delete;
  TestCertificate& operator=(const TestCertificate&) = delete;

  [[nodiscard]] std::string file() const { return folder_ / "both.pem"; }
  [[nodiscard]] std::chrono::system_clock::time_point expires() const { return expires_; }

 private:
  std::filesystem::path folder_;
  std::chrono::system_clock::time_point expires_;
};

}  // namespace fairlead::control
