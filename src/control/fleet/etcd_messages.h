// The JSON gateway of etcd v3 as texts: what is asked, and what the answers say.
//
//   transport.Post("/v3/kv/txn", ReadKeysRequest({common, own}), …)
//   Result<EtcdSnapshot> all = ReadSnapshot(body, {common, own});
//   transport.Stream("/v3/watch", WatchRequest(prefix, all->revision + 1), …)
//   Result<WatchNews> news = ReadWatchNews(line);
//
// Numbers of 64 bits are strings in this JSON, zeros are left out, keys and values are base64: both
// forms are taken. What is missing or of another kind is an error, never a guess. Sizes are bounded
// by whoever reads from the network (etcd_client.h); depth by the parser. Threads: pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace fairlead::control {

inline constexpr size_t kMostJsonDepth = 16;
// More members than a fleet can have.
inline constexpr size_t kMostPairs = 4096;

struct EtcdPair {
  std::string key, value;
  uint64_t mod_revision = 0;
  friend bool operator==(const EtcdPair&, const EtcdPair&) = default;
};

// What stood in the store at one moment.
struct EtcdSnapshot {
  uint64_t revision = 0;                       // of the store
  std::vector<std::optional<EtcdPair>> pairs;  // in the order in which they were asked for
};

struct WatchEvent {
  bool is_gone = false;
  EtcdPair pair;  // without a value when it is gone
};

struct WatchNews {
  bool is_created = false;
  bool is_canceled = false;
  std::string reason{};           // of a watch that was canceled
  uint64_t compact_revision = 0;  // not 0: what was asked for is not kept any more
  std::vector<WatchEvent> events{};
};

// ---- requests

std::string AuthenticateRequest(const std::string& user, const std::string& password);
// All at one moment.
std::string ReadKeysRequest(const std::vector<std::string>& keys);
// Up to kMostPairs below `prefix`, as they were at `revision`.
std::string RangeRequest(const std::string& prefix, uint64_t revision);
std::string WatchRequest(const std::string& prefix, uint64_t from_revision);
std::string LeaseRequest(uint64_t seconds);
std::string KeepAliveRequest(const std::string& lease);  // also of a revocation
std::string PutRequest(const std::string& key, const std::string& value, const std::string& lease);

// ---- answers

Result<std::string> ReadToken(std::string_view body);
// `keys`: which were asked for; another key in the answer is an error.
Result<EtcdSnapshot> ReadSnapshot(std::string_view body, const std::vector<std::string>& keys);
// Keys that do not begin with `prefix`, or are no longer than it, are an error.
Result<std::vector<EtcdPair>> ReadRange(std::string_view body, const std::string& prefix);
// One message of the stream.
Result<WatchNews> ReadWatchNews(std::string_view line);
Result<std::string> ReadLease(std::string_view body);
// Seconds left; 0: the lease has ended.
Result<uint64_t> ReadTimeToLive(std::string_view body);

// What an answer with an HTTP status other than 200 says, with what to do about it.
// `is_about_rights` of it: waiting does not help.
struct EtcdRefusal {
  std::string sentence{};
  bool is_about_rights = false;
  bool is_token_stale = false;  // a new one helps
  bool is_lease_gone = false;   // a new one helps
};
// Of what etcd says: the login is none any more, or was made before rights were changed.
bool SaysStaleToken(std::string_view said);
EtcdRefusal ReadRefusal(unsigned status, std::string_view body, const std::string& local_file);

}  // namespace fairlead::control
