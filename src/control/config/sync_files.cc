#include "control/config/sync_files.h"

#include <openssl/crypto.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/private_file.h"
#include "control/config/listener_files.h"

namespace fairlead::control {
namespace {

constexpr size_t kLeastSharedKeyBytes = 16;
constexpr size_t kMostSharedKeyBytes = 4096;

// Whoever checks need not be who may read it: reader_rights.h asks that of the director's user.
bool IsHiddenFromUs(const std::string& path) {
  return access(path.c_str(), R_OK) != 0 && errno == EACCES;
}

}  // namespace

Result<std::string> ReadSharedKey(const std::string& path) {
  auto key = ReadPrivateFile(path, kMostSharedKeyBytes);
  if (!key) return key;
  while (key->ends_with('\n') || key->ends_with('\r')) key->pop_back();
  if (key->size() >= kLeastSharedKeyBytes) return key;
  OPENSSL_cleanse(key->data(), key->size());
  return Error{ErrorCode::kInvalid,
               "has less than 16 bytes; make one with \"openssl rand -hex 32\"", path};
}

std::vector<FileFault> FaultsOfSync(const StreamConfig& stream) {
  if (!stream.key_file.empty()) {
    if (IsHiddenFromUs(stream.key_file)) return {};
    auto key = ReadSharedKey(stream.key_file);
    if (!key) return {FileFault{"key_file", key.error().ToString() + RemedyFor(stream.key_file)}};
    OPENSSL_cleanse(key->data(), key->size());
    return {};
  }
  if (stream.certificate.empty() || IsHiddenFromUs(stream.key)) return {};
  // As a listener of the API has them; a peer is what a client is there.
  ListenerFiles files;
  files.certificate = stream.certificate;
  files.key = stream.key;
  files.client_ca = stream.ca;
  std::vector<FileFault> faults = FaultsOfListener(files);
  for (FileFault& fault : faults) {
    if (fault.key == "client_ca") fault.key = "ca";
  }
  return faults;
}

std::vector<Error> WarningsOfSyncFiles(const ConfigModel& model) {
  std::vector<Error> warnings;
  for (const FileFault& fault : FaultsOfSync(model.sync.stream)) {
    warnings.push_back({ErrorCode::kInvalid, "cannot be used on this machine: " + fault.sentence,
                        "sync." + std::string(fault.key)});
  }
  return warnings;
}

}  // namespace fairlead::control
