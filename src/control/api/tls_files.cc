#include "control/api/tls_files.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <unistd.h>

#include <boost/asio/ssl/context.hpp>
#include <cerrno>
#include <cstring>

#include "base/log.h"
#include "base/private_file.h"

namespace fairlead::api {

namespace ssl = boost::asio::ssl;
using boost::system::error_code;

namespace {

constexpr size_t kMaxKeyBytes = 64 << 10;

Error Unusable(const std::string& what, const std::string& path, const error_code& error) {
  return {ErrorCode::kInvalid, "the " + what + " cannot be used: " + error.message(), path};
}

// What the system says of a file is more than what OpenSSL makes of that.
Status CheckThere(const std::string& what, const std::string& path) {
  if (::access(path.c_str(), R_OK) == 0) return Done{};
  return Error{ErrorCode::kInvalid, "the " + what + " cannot be used: " + std::strerror(errno),
               path};
}

void Restrict(SSL_CTX* raw) {
  SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(raw, "ECDHE+AESGCM:ECDHE+CHACHA20");  // of TLS 1.2
  SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
                               SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(raw, 0);
  SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS);
  // A chain of a client is a few certificates.
  SSL_CTX_set_max_cert_list(raw, 32 << 10);
}

}  // namespace

Result<TlsFiles> TlsFiles::Open(const ListenSpec& spec) {
  TlsFiles files(spec);
  files.stamp_ = files.Stamp();
  if (Status loaded = files.Load(); !loaded) return loaded.error();
  return files;
}

std::shared_ptr<ssl::context> TlsFiles::current() {
  if (std::string stamp = Stamp(); stamp != stamp_) {
    stamp_ = std::move(stamp);
    if (const Status loaded = Load(); loaded) {
      LogInfo("the API shows another certificate", {{"certificate", certificate_}});
    } else {
      LogError("the API keeps its certificate: the files have changed and cannot be used",
               {{"what", loaded.error().ToString()}});
    }
  }
  return context_;
}

std::string TlsFiles::Stamp() const {
  return StampOfFile(certificate_) + "\n" + StampOfFile(key_) +
         (client_ca_.empty() ? "" : "\n" + StampOfFile(client_ca_)) +
         (crl_.empty() ? "" : "\n" + StampOfFile(crl_));
}

Status TlsFiles::Load() {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  Restrict(context->native_handle());
  if (Status there = CheckThere("certificate", certificate_); !there) return there;
  if (Status there = client_ca_.empty() ? Status(Done{}) : CheckThere("client_ca", client_ca_);
      !there) {
    return there;
  }
  error_code ec;
  // Nobody is there to type a passphrase.
  context->set_password_callback([](size_t, ssl::context::password_purpose) { return ""; }, ec);
  context->use_certificate_chain_file(certificate_, ec);
  if (ec) return Unusable("certificate", certificate_, ec);
  auto key = ReadPrivateFile(key_, kMaxKeyBytes);
  if (!key) return key.error();
  context->use_private_key(boost::asio::buffer(*key), ssl::context::pem, ec);
  OPENSSL_cleanse(key->data(), key->size());
  if (ec) return Unusable("key", key_, ec);
  if (SSL_CTX_check_private_key(context->native_handle()) != 1) {
    return Error{ErrorCode::kInvalid, "the key is not that of " + certificate_, key_};
  }
  if (!client_ca_.empty()) {
    context->load_verify_file(client_ca_, ec);
    if (ec) return Unusable("client_ca", client_ca_, ec);
    STACK_OF(X509_NAME)* const names = SSL_load_client_CA_file(client_ca_.c_str());
    if (names != nullptr) SSL_CTX_set_client_CA_list(context->native_handle(), names);
    // Who shows none is asked for a token instead, or told that one is missing.
    context->set_verify_mode(ssl::verify_peer, ec);
    if (Status revoked = LoadRevoked(context.get()); !revoked) return revoked;
  }
  context_ = std::move(context);
  return Done{};
}

// Of the authority's list alone: those above it have none here, so only the client's own
// certificate is looked up.
Status TlsFiles::LoadRevoked(ssl::context* context) const {
  if (crl_.empty()) return Done{};
  if (Status there = CheckThere("crl", crl_); !there) return there;
  X509_STORE* const store = SSL_CTX_get_cert_store(context->native_handle());
  X509_LOOKUP* const lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());
  if (lookup == nullptr || X509_load_crl_file(lookup, crl_.c_str(), X509_FILETYPE_PEM) < 1) {
    ERR_clear_error();
    return Error{ErrorCode::kInvalid,
                 "the crl cannot be used: it holds no list of revoked certificates in PEM (openssl "
                 "crl -in FILE shows one)",
                 crl_};
  }
  X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK);
  return Done{};
}

bool TlsFiles::Admits(const ssl::context& context, const SSL* client) {
  X509* const certificate = SSL_get0_peer_certificate(client);
  if (certificate == nullptr) return true;  // it came in by something else
  const std::unique_ptr<X509_STORE_CTX, void (*)(X509_STORE_CTX*)> check(X509_STORE_CTX_new(),
                                                                         X509_STORE_CTX_free);
  X509_STORE* const store =
      SSL_CTX_get_cert_store(const_cast<ssl::context&>(context).native_handle());
  const bool is_admitted =
      check &&
      X509_STORE_CTX_init(check.get(), store, certificate, SSL_get_peer_cert_chain(client)) == 1 &&
      X509_STORE_CTX_set_default(check.get(), "ssl_client") == 1 &&
      X509_verify_cert(check.get()) == 1;
  ERR_clear_error();
  if (!is_admitted) {
    const int why = check ? X509_STORE_CTX_get_error(check.get()) : X509_V_ERR_OUT_OF_MEM;
    LogInfo("the API ends a connection: its certificate is no longer let in",
            {{"reason", X509_verify_cert_error_string(why)}});
  }
  return is_admitted;
}

std::string TlsFiles::WhyRefused(const SSL* client) {
  const long verified = SSL_get_verify_result(client);
  return verified == X509_V_OK ? "" : X509_verify_cert_error_string(verified);
}

}  // namespace fairlead::api
