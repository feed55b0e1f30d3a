#include "control/config/listener_files.h"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <memory>

#include "base/private_file.h"
#include "control/config/token_lines.h"

namespace fairlead::control {
namespace {

constexpr size_t kMaxListenerKeyBytes = 64 << 10;
// Of a file of tokens: more of them are counted.
constexpr size_t kMostFaultsOfFile = 16;

template <typename T, void (*kFree)(T*)>
struct Freed {
  void operator()(T* object) const { kFree(object); }
};
using TlsContext = std::unique_ptr<SSL_CTX, Freed<SSL_CTX, SSL_CTX_free>>;
using PrivateKey = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY, EVP_PKEY_free>>;

int GiveNoPassphrase(char*, int, int, void*) { return 0; }

class ListenerLook {
 public:
  explicit ListenerLook(const ListenerFiles& files) : files_(files) {}

  std::vector<FileFault> Run() {
    Certificates();
    Tokens();
    if (std::string fault = FaultOfGroup(files_.group); !fault.empty()) Add("group", fault);
    ERR_clear_error();
    return std::move(faults_);
  }

 private:
  void Add(std::string_view key, std::string sentence) {
    faults_.push_back({key, std::move(sentence)});
  }
  // False: not named, or not to be read, which is said.
  bool IsThere(std::string_view key, const std::string& path) {
    if (path.empty()) return false;
    const std::string fault = FaultOfPlainFile(path);
    if (!fault.empty()) Add(key, fault + RemedyFor(path));
    return fault.empty();
  }

  void Certificates() {
    const TlsContext context(SSL_CTX_new(TLS_server_method()));
    if (context == nullptr) return;
    SSL_CTX* const raw = context.get();
    SSL_CTX_set_default_passwd_cb(raw, GiveNoPassphrase);
    bool has_certificate = IsThere("certificate", files_.certificate);
    if (has_certificate &&
        SSL_CTX_use_certificate_chain_file(raw, files_.certificate.c_str()) != 1) {
      has_certificate = false;
      Add("certificate", files_.certificate +
                             " has no certificate in PEM (openssl x509 -in FILE -noout shows "
                             "what is wrong)");
    }
    Key(has_certificate ? raw : nullptr);
    if (IsThere("client_ca", files_.client_ca) &&
        SSL_CTX_load_verify_file(raw, files_.client_ca.c_str()) != 1) {
      Add("client_ca", files_.client_ca + " has no certificates in PEM");
    }
    if (!IsThere("crl", files_.crl)) return;
    X509_LOOKUP* const lookup =
        X509_STORE_add_lookup(SSL_CTX_get_cert_store(raw), X509_LOOKUP_file());
    if (lookup == nullptr || X509_load_crl_file(lookup, files_.crl.c_str(), X509_FILETYPE_PEM) < 1)
      Add("crl", files_.crl +
                     " holds no list of revoked certificates in PEM (openssl crl -in FILE "
                     "shows one)");
  }

  // `context`: has the certificate; null: there is none to compare with.
  void Key(SSL_CTX* context) {
    if (files_.key.empty()) return;
    auto text = ReadPrivateFile(files_.key, kMaxListenerKeyBytes);
    if (!text) return Add("key", text.error().ToString() + RemedyFor(files_.key));
    const std::unique_ptr<BIO, Freed<BIO, BIO_free_all>> bytes(
        BIO_new_mem_buf(text->data(), static_cast<int>(text->size())));
    const PrivateKey key(
        bytes ? PEM_read_bio_PrivateKey(bytes.get(), nullptr, GiveNoPassphrase, nullptr) : nullptr);
    OPENSSL_cleanse(text->data(), text->size());
    if (key == nullptr) {
      return Add("key", files_.key + " has no key in PEM that can be read without a passphrase");
    }
    if (context != nullptr && SSL_CTX_use_PrivateKey(context, key.get()) != 1) {
      Add("key", files_.key + " is not the key of the certificate " + files_.certificate);
    }
  }

  void Tokens() {
    if (files_.tokens.empty()) return;
    const std::vector<Error> errors = ReadTokenLines(files_.tokens).errors;
    const std::string remedy = RemedyFor(files_.tokens);
    for (size_t i = 0; i < std::min(errors.size(), kMostFaultsOfFile); ++i) {
      Add("tokens", errors[i].ToString() + remedy);
    }
    if (errors.size() > kMostFaultsOfFile) {
      Add("tokens", files_.tokens + " has " + std::to_string(errors.size() - kMostFaultsOfFile) +
                        " more lines that are wrong");
    }
  }

  const ListenerFiles& files_;
  std::vector<FileFault> faults_;
};

}  // namespace

std::vector<FileFault> FaultsOfListener(const ListenerFiles& files) {
  return ListenerLook(files).Run();
}

}  // namespace fairlead::control
