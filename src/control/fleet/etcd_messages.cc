#include "control/fleet/etcd_messages.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <optional>
#include <utility>

#include "control/config/problems.h"
#include "control/fleet/base64.h"

namespace fairlead::control {
namespace {

namespace json = boost::json;

Error NotUnderstood(const std::string& what) {
  return {ErrorCode::kInvalid,
          "the answer of etcd cannot be understood: " + what +
              "; is this etcd 3.4 or later, with its JSON gateway?",
          ""};
}

Result<json::object> ParseObject(std::string_view text) {
  json::parse_options options;
  options.max_depth = kMostJsonDepth;
  json::error_code error;
  json::value value = json::parse(text, error, {}, options);
  if (error) return NotUnderstood("it is no JSON (" + error.message() + ")");
  if (!value.is_object()) return NotUnderstood("it is no object");
  return std::move(value.as_object());
}

// Null: it is left out, or null.
const json::value* Member(const json::object& object, std::string_view key) {
  const json::value* const value = object.if_contains(key);
  return value == nullptr || value->is_null() ? nullptr : value;
}

// Left out: 0. Nothing: it is something else.
std::optional<uint64_t> NumberOf(const json::object& object, std::string_view key) {
  const json::value* const value = Member(object, key);
  if (value == nullptr) return 0;
  if (value->is_int64()) {
    return value->get_int64() >= 0 ? std::optional<uint64_t>(value->get_int64()) : std::nullopt;
  }
  if (value->is_uint64()) return value->get_uint64();
  if (!value->is_string()) return std::nullopt;
  const json::string& text = value->get_string();
  uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return number;
}

// Left out: empty. Nothing: it is no text.
std::optional<std::string> TextOf(const json::object& object, std::string_view key) {
  const json::value* const value = Member(object, key);
  if (value == nullptr) return std::string();
  if (!value->is_string()) return std::nullopt;
  return std::string(value->get_string());
}

std::optional<std::string> BytesOf(const json::object& object, std::string_view key) {
  const auto text = TextOf(object, key);
  return text ? FromBase64(*text) : std::nullopt;
}

bool FlagOf(const json::object& object, std::string_view key) {
  const json::value* const value = Member(object, key);
  return value != nullptr && value->is_bool() && value->get_bool();
}

Result<EtcdPair> ReadPair(const json::value& value) {
  const json::object* const object = value.if_object();
  if (object == nullptr) return NotUnderstood("a pair of key and value is no object");
  const auto key = BytesOf(*object, "key");
  const auto bytes = BytesOf(*object, "value");
  const auto revision = NumberOf(*object, "mod_revision");
  if (!key || key->empty() || !bytes) return NotUnderstood("a key or a value is no base64");
  if (!revision) return NotUnderstood("mod_revision is no number");
  return EtcdPair{*key, *bytes, *revision};
}

Result<std::vector<EtcdPair>> ReadPairs(const json::object& range) {
  std::vector<EtcdPair> pairs;
  const json::value* const list = Member(range, "kvs");
  if (list == nullptr) return pairs;
  if (!list->is_array()) return NotUnderstood("kvs is no list");
  if (list->get_array().size() > kMostPairs) {
    return NotUnderstood("more than " + std::to_string(kMostPairs) + " keys");
  }
  for (const json::value& item : list->get_array()) {
    auto pair = ReadPair(item);
    if (!pair) return pair.error();
    pairs.push_back(*std::move(pair));
  }
  return pairs;
}

// What a stream says in its `result`; an error that stands in its place is that.
Result<json::object> ResultOf(std::string_view line) {
  auto object = ParseObject(line);
  if (!object) return object.error();
  if (const json::value* error = Member(*object, "error")) {
    const json::object* const inner = error->if_object();
    const auto sentence = inner ? TextOf(*inner, "message") : TextOf(*object, "error");
    return Error{ErrorCode::kUnavailable, "etcd says: " + Quote(sentence.value_or(""), 200), ""};
  }
  json::value* const result = object->if_contains("result");
  if (result == nullptr || !result->is_object()) return NotUnderstood("it has no result");
  return std::move(result->as_object());
}

// The first key that is behind all that begin with `prefix`; it ends with "/".
std::string EndOf(std::string prefix) {
  ++prefix.back();
  return prefix;
}

json::object RangeOf(const std::string& key) { return {{"key", ToBase64(key)}}; }

json::object RangeBelow(const std::string& prefix) {
  return {{"key", ToBase64(prefix)}, {"range_end", ToBase64(EndOf(prefix))}};
}

}  // namespace

// ---- requests

std::string AuthenticateRequest(const std::string& user, const std::string& password) {
  return json::serialize(json::object{{"name", user}, {"password", password}});
}

std::string ReadKeysRequest(const std::vector<std::string>& keys) {
  json::array operations;
  for (const std::string& key : keys)
    operations.push_back(json::object{{"request_range", RangeOf(key)}});
  return json::serialize(json::object{{"success", std::move(operations)}});
}

std::string RangeRequest(const std::string& prefix, uint64_t revision) {
  json::object range = RangeBelow(prefix);
  range["limit"] = std::to_string(kMostPairs);
  range["revision"] = std::to_string(revision);
  return json::serialize(range);
}

std::string WatchRequest(const std::string& prefix, uint64_t from_revision) {
  json::object create = RangeBelow(prefix);
  create["start_revision"] = std::to_string(from_revision);
  create["progress_notify"] = true;
  return json::serialize(json::object{{"create_request", std::move(create)}});
}

std::string LeaseRequest(uint64_t seconds) {
  return json::serialize(json::object{{"TTL", std::to_string(seconds)}});
}

std::string KeepAliveRequest(const std::string& lease) {
  return json::serialize(json::object{{"ID", lease}});
}

std::string PutRequest(const std::string& key, const std::string& value, const std::string& lease) {
  return json::serialize(
      json::object{{"key", ToBase64(key)}, {"value", ToBase64(value)}, {"lease", lease}});
}

// ---- answers

Result<std::string> ReadToken(std::string_view body) {
  const auto object = ParseObject(body);
  if (!object) return object.error();
  const auto token = TextOf(*object, "token");
  const bool is_word = token && !token->empty() && token->size() <= 4096 &&
                       token->find_first_of(" \r\n") == std::string::npos;
  if (!is_word) return NotUnderstood("it has no token");
  return *token;
}

Result<EtcdSnapshot> ReadSnapshot(std::string_view body, const std::vector<std::string>& keys) {
  const auto object = ParseObject(body);
  if (!object) return object.error();
  EtcdSnapshot snapshot;
  const json::value* const header = Member(*object, "header");
  const json::value* const responses = Member(*object, "responses");
  if (header == nullptr || !header->is_object()) return NotUnderstood("it has no header");
  const auto revision = NumberOf(header->get_object(), "revision");
  if (!revision || *revision == 0) return NotUnderstood("it has no revision");
  snapshot.revision = *revision;
  if (responses == nullptr || !responses->is_array() ||
      responses->get_array().size() != keys.size()) {
    return NotUnderstood("it does not answer all questions");
  }
  for (const json::value& response : responses->get_array()) {
    const json::object* const outer = response.if_object();
    const json::value* const range = outer ? Member(*outer, "response_range") : nullptr;
    if (range == nullptr || !range->is_object()) return NotUnderstood("it has no response_range");
    auto pairs = ReadPairs(range->get_object());
    if (!pairs) return pairs.error();
    const std::string& key = keys[snapshot.pairs.size()];
    if (pairs->empty()) {
      snapshot.pairs.emplace_back();
    } else if (pairs->size() == 1 && pairs->front().key == key) {
      snapshot.pairs.emplace_back(std::move(pairs->front()));
    } else {
      return NotUnderstood("it has another key than " + key);
    }
  }
  return snapshot;
}

Result<std::vector<EtcdPair>> ReadRange(std::string_view body, const std::string& prefix) {
  const auto object = ParseObject(body);
  if (!object) return object.error();
  auto pairs = ReadPairs(*object);
  if (!pairs) return pairs;
  for (const EtcdPair& pair : *pairs) {
    if (pair.key.size() <= prefix.size() || !pair.key.starts_with(prefix)) {
      return NotUnderstood("it has a key that is not below " + prefix);
    }
  }
  return pairs;
}

Result<WatchNews> ReadWatchNews(std::string_view line) {
  const auto result = ResultOf(line);
  if (!result) return result.error();
  WatchNews news;
  news.is_created = FlagOf(*result, "created");
  news.is_canceled = FlagOf(*result, "canceled");
  news.reason = TextOf(*result, "cancel_reason").value_or("");
  const auto compacted = NumberOf(*result, "compact_revision");
  if (!compacted) return NotUnderstood("compact_revision is no number");
  news.compact_revision = *compacted;
  const json::value* const events = Member(*result, "events");
  if (events == nullptr) return news;
  if (!events->is_array() || events->get_array().size() > kMostPairs) {
    return NotUnderstood("events is no list, or too long");
  }
  for (const json::value& item : events->get_array()) {
    const json::object* const event = item.if_object();
    const json::value* const pair = event ? Member(*event, "kv") : nullptr;
    if (pair == nullptr) return NotUnderstood("an event has no kv");
    auto read = ReadPair(*pair);
    if (!read) return read.error();
    const auto type = TextOf(*event, "type");
    if (!type || (!type->empty() && *type != "PUT" && *type != "DELETE")) {
      return NotUnderstood("an event of another type");
    }
    news.events.push_back({*type == "DELETE", *std::move(read)});
  }
  return news;
}

Result<std::string> ReadLease(std::string_view body) {
  const auto object = ParseObject(body);
  if (!object) return object.error();
  const auto id = NumberOf(*object, "ID");
  if (!id || *id == 0) return NotUnderstood("it has no lease");
  return std::to_string(*id);
}

Result<uint64_t> ReadTimeToLive(std::string_view body) {
  const auto result = ResultOf(body.substr(0, body.find('\n')));
  if (!result) return result.error();
  const auto left = NumberOf(*result, "TTL");
  if (!left) return NotUnderstood("TTL is no number");
  return *left;
}

bool SaysStaleToken(std::string_view said) {
  return said.find("invalid auth token") != std::string_view::npos ||
         said.find("revision of auth store is old") != std::string_view::npos;
}

EtcdRefusal ReadRefusal(unsigned status, std::string_view body, const std::string& local_file) {
  EtcdRefusal refusal;
  std::string said;
  if (const auto object = ParseObject(body)) {
    said = TextOf(*object, "error").value_or("");
    if (said.empty()) said = TextOf(*object, "message").value_or("");
  }
  const auto says = [&said](std::string_view words) {
    return said.find(words) != std::string::npos;
  };
  refusal.is_lease_gone = says("lease not found");
  if (SaysStaleToken(said)) {
    refusal.is_token_stale = true;
    refusal.sentence = "etcd does not know this director's login any more; it logs in again";
  } else if (says("invalid user ID or password")) {
    refusal.is_about_rights = true;
    refusal.sentence = "etcd refuses the user or the password; correct them in " + local_file;
  } else if (says("user name is empty") || says("user name not found")) {
    refusal.is_about_rights = true;
    refusal.sentence = "etcd wants a user; write \"user\" and \"password\" into " + local_file;
  } else if (says("permission denied")) {
    refusal.is_about_rights = true;
    refusal.sentence =
        "etcd denies this user the keys; grant it a role that may read the prefix and write "
        "PREFIX/members/";
  } else if (says("authentication is not enabled")) {
    refusal.is_about_rights = true;
    refusal.sentence =
        "etcd asks nobody who he is (auth is not enabled); enable it, or take \"user\" and "
        "\"password\" out of " +
        local_file;
  } else if (!said.empty()) {
    refusal.sentence = "etcd answers " + Quote(said, 200);
  } else {
    refusal.sentence = "the server answers with HTTP status " + std::to_string(status) +
                       " and does not seem to be etcd";
  }
  return refusal;
}

}  // namespace fairlead::control
