#include "control/sync/stream/stream_tls.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cstring>
#include <string_view>

#include "base/private_file.h"
#include "control/config/sync_files.h"

namespace fairlead::control {

namespace ssl = boost::asio::ssl;
using boost::system::error_code;

namespace {

// Also what the secret of the handshake is made with: a key that serves another purpose as well is
// not given away here.
constexpr std::string_view kPurpose = "fairlead sync stream 1";
constexpr size_t kMostKeyFileBytes = 64 << 10;
// TLS_AES_128_GCM_SHA256, of RFC 8446: the cipher that goes with a key of SHA-256.
constexpr unsigned char kCipherId[2] = {0x13, 0x01};
constexpr unsigned char kContextId[4] = {'s', 'y', 'n', 'c'};

Error FileProblem(std::string_view what, const std::string& path, const std::string& why) {
  return {ErrorCode::kInvalid, "the " + std::string(what) + " of sync cannot be used: " + why,
          path};
}

// Index 0 is Asio's.
int SecretIndex() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

// The external key as OpenSSL wants it. The caller has it to free.
SSL_SESSION* SessionOf(SSL* ssl) {
  const auto* secret =
      static_cast<const unsigned char*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), SecretIndex()));
  const SSL_CIPHER* const cipher = SSL_CIPHER_find(ssl, kCipherId);
  SSL_SESSION* const session = SSL_SESSION_new();
  if (cipher != nullptr && session != nullptr &&
      SSL_SESSION_set1_master_key(session, secret, 32) == 1 &&
      SSL_SESSION_set_cipher(session, cipher) == 1 &&
      SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION) == 1 &&
      SSL_SESSION_set1_id_context(session, kContextId, sizeof kContextId) == 1) {
    return session;
  }
  SSL_SESSION_free(session);
  return nullptr;
}

int UseKey(SSL* ssl, const EVP_MD* hash, const unsigned char** id, size_t* id_length,
           SSL_SESSION** session) {
  *session = nullptr;
  // A second hello of ours may be for another hash; then the key has no use.
  if (hash != nullptr && EVP_MD_get_type(hash) != NID_sha256) return 1;
  *session = SessionOf(ssl);
  *id = reinterpret_cast<const unsigned char*>(kPurpose.data());
  *id_length = kPurpose.size();
  return *session != nullptr ? 1 : 0;
}

int FindKey(SSL* ssl, const unsigned char* id, size_t id_length, SSL_SESSION** session) {
  const bool is_ours =
      id_length == kPurpose.size() && std::memcmp(id, kPurpose.data(), id_length) == 0;
  *session = is_ours ? SessionOf(ssl) : nullptr;
  return 1;
}

}  // namespace

StreamTls::StreamTls() : context_(ssl::context::tls) {
  SSL_CTX* raw = context_.native_handle();
  SSL_CTX_set_min_proto_version(raw, TLS1_3_VERSION);
  SSL_CTX_set_options(raw, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(raw, 0);
  // OpenSSL wants one beside a key where certificates are asked for.
  SSL_CTX_set_session_id_context(raw, kContextId, sizeof kContextId);
  SSL_CTX_set_max_cert_list(raw, 32 << 10);
  // Without authorities no certificate passes: with a shared key none is to.
  error_code ignored;
  context_.set_verify_mode(ssl::verify_peer | ssl::verify_fail_if_no_peer_cert, ignored);
}

StreamTls::~StreamTls() { OPENSSL_cleanse(secret_, sizeof secret_); }

std::string StreamTls::StampOf(const Spec& spec) {
  std::string stamp;
  for (const std::string* path : {&spec.key_file, &spec.certificate, &spec.key, &spec.ca}) {
    if (!path->empty()) stamp += StampOfFile(*path) + "\n";
  }
  return stamp;
}

Result<std::shared_ptr<const StreamTls>> StreamTls::Make(const Spec& spec) {
  const std::shared_ptr<StreamTls> tls(new StreamTls);
  const Status made =
      spec.key_file.empty() ? tls->UseCertificates(spec) : tls->UseSharedKey(spec.key_file);
  if (!made) return made.error();
  return std::shared_ptr<const StreamTls>(tls);
}

Status StreamTls::UseSharedKey(const std::string& path) {
  auto key = ReadSharedKey(path);
  if (!key) return FileProblem("key", path, key.error().message);
  unsigned length = 0;
  HMAC(EVP_sha256(), key->data(), static_cast<int>(key->size()),
       reinterpret_cast<const unsigned char*>(kPurpose.data()), kPurpose.size(), secret_, &length);
  OPENSSL_cleanse(key->data(), key->size());
  SSL_CTX* raw = context_.native_handle();
  if (length != sizeof secret_ || SSL_CTX_set_ciphersuites(raw, "TLS_AES_128_GCM_SHA256") != 1 ||
      SSL_CTX_set_ex_data(raw, SecretIndex(), secret_) != 1) {
    return FileProblem("key", path, "OpenSSL does not take it");
  }
  SSL_CTX_set_psk_use_session_callback(raw, UseKey);
  SSL_CTX_set_psk_find_session_callback(raw, FindKey);
  has_shared_key_ = true;
  return Done{};
}

Status StreamTls::UseCertificates(const Spec& spec) {
  error_code ec;
  // Nobody is there to type a passphrase.
  context_.set_password_callback([](size_t, ssl::context::password_purpose) { return ""; }, ec);
  context_.use_certificate_chain_file(spec.certificate, ec);
  if (ec) return FileProblem("certificate", spec.certificate, ec.message());
  auto key = ReadPrivateFile(spec.key, kMostKeyFileBytes);
  if (!key) return FileProblem("key", spec.key, key.error().message);
  context_.use_private_key(boost::asio::buffer(*key), ssl::context::pem, ec);
  OPENSSL_cleanse(key->data(), key->size());
  if (ec) return FileProblem("key", spec.key, ec.message());
  if (SSL_CTX_check_private_key(context_.native_handle()) != 1) {
    return FileProblem("key", spec.key, "it is not that of " + spec.certificate);
  }
  context_.load_verify_file(spec.ca, ec);
  if (ec) return FileProblem("ca", spec.ca, ec.message());
  return Done{};
}

Status StreamTls::CheckPeer(SSL* ssl, const std::string& name) const {
  if (has_shared_key_) {
    // A handshake with a certificate would have failed; this says so once more.
    if (SSL_session_reused(ssl) == 1) return Done{};
    return Error{ErrorCode::kInvalid, "the peer has not shown that it has the key", ""};
  }
  const std::unique_ptr<X509, void (*)(X509*)> certificate(SSL_get1_peer_certificate(ssl),
                                                           X509_free);
  if (certificate != nullptr && SSL_get_verify_result(ssl) == X509_V_OK &&
      X509_check_host(certificate.get(), name.data(), name.size(), 0, nullptr) == 1) {
    return Done{};
  }
  return Error{ErrorCode::kInvalid,
               "the peer's certificate is not of the name \"" + name +
                   "\"; give it one with that name, or correct the name in sync.peers",
               ""};
}

}  // namespace fairlead::control
