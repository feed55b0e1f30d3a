#include "control/survival/stored_intent.h"

#include <chrono>

#include "control/config/read_file.h"
#include "control/config/yaml_tree.h"
#include "control/survival/bytes.h"
#include "control/survival/stored_file.h"
#include "control/survival/stored_names.h"

namespace fairlead::control {
namespace {

using Pair = StoredIntent::Pair;
using RealKey = StoredIntent::RealKey;

constexpr size_t kLeastService = 25;  // bytes
constexpr size_t kLeastAuthor = 8;
constexpr uint32_t kWithoutAuthors = 2;  // a version

void Put(const Pair& pair, ByteWriter* out) {
  out->Text(pair.file);
  out->Text(pair.running);
}

Pair TakePair(ByteReader* in) {
  Pair pair;
  pair.file = in->Text();
  pair.running = in->Text();
  return pair;
}

void Put(const RealKey& key, ByteWriter* out) {
  control::Put(key.first, out);
  control::Put(key.second, out);
}

RealKey TakeKey(ByteReader* in) {
  RealKey key;
  key.first = TakeService(in);
  key.second = TakeReal(in);
  return key;
}

void Put(const DrainPlan& plan, ByteWriter* out) {
  out->Flag(plan.until.has_value());
  if (plan.until) out->U64(static_cast<uint64_t>(plan.until->time_since_epoch().count()));
  out->Flag(plan.then_remove);
  out->Flag(plan.waits_for_all);
  out->Flag(plan.is_over);
}

DrainPlan TakePlan(ByteReader* in) {
  DrainPlan plan;
  if (in->Flag()) {
    plan.until = TimePoint(TimePoint::duration(static_cast<TimePoint::rep>(in->U64())));
  }
  plan.then_remove = in->Flag();
  plan.waits_for_all = in->Flag();
  plan.is_over = in->Flag();
  return plan;
}

}  // namespace

FileMark MarkOf(const std::string& path) {
  const Result<std::string> text = ReadFile(path, kMaxYamlBytes);
  if (!text) return {};
  return {text->size(), ChecksumOf(*text)};
}

std::string EncodeIntent(const StoredIntent& intent) {
  ByteWriter out;
  out.Text(intent.boot);
  out.Text(intent.start_path);
  out.Text(intent.path);
  out.U64(intent.start_mark.bytes);
  out.U32(intent.start_mark.checksum);
  out.U32(intent.file_services);
  out.U32(static_cast<uint32_t>(intent.services.size()));
  for (const StoredIntent::Service& service : intent.services) {
    Put(service.key, &out);
    out.U32(service.place);
    Put(service.text, &out);
  }
  Put(intent.timeouts, &out);
  Put(intent.policy, &out);
  Put(intent.ipvs_sync, &out);
  out.U32(static_cast<uint32_t>(intent.last_weights.size()));
  for (const auto& [key, weight] : intent.last_weights) {
    Put(key, &out);
    out.U32(static_cast<uint32_t>(weight));
  }
  out.U32(static_cast<uint32_t>(intent.drains.size()));
  for (const auto& [key, plan] : intent.drains) {
    Put(key, &out);
    Put(plan, &out);
  }
  if (intent.authors.empty()) return out.Take();
  out.U32(static_cast<uint32_t>(intent.authors.size()));
  for (const auto& [service, author] : intent.authors) {
    out.Text(service);
    out.Text(author);
  }
  return out.Take();
}

StoredKind KindOf(const StoredIntent& intent) {
  StoredKind kind = kIntentFile;
  if (intent.authors.empty()) kind.version = kWithoutAuthors;
  return kind;
}

Result<StoredIntent> DecodeIntent(std::string_view contents, uint32_t version) {
  ByteReader in(contents);
  StoredIntent intent;
  intent.boot = in.Text();
  intent.start_path = in.Text();
  intent.path = in.Text();
  intent.start_mark.bytes = in.U64();
  intent.start_mark.checksum = in.U32();
  intent.file_services = in.U32();
  intent.services.resize(in.Count(kLeastService));
  for (StoredIntent::Service& service : intent.services) {
    service.key = TakeService(&in);
    service.place = in.U32();
    service.text = TakePair(&in);
  }
  intent.timeouts = TakePair(&in);
  intent.policy = TakePair(&in);
  if (version >= 2) intent.ipvs_sync = TakePair(&in);
  intent.last_weights.resize(in.Count(kLeastRealKey));
  for (auto& [key, weight] : intent.last_weights) {
    key = TakeKey(&in);
    weight = static_cast<int32_t>(in.U32());
  }
  intent.drains.resize(in.Count(kLeastRealKey));
  for (auto& [key, plan] : intent.drains) {
    key = TakeKey(&in);
    plan = TakePlan(&in);
  }
  if (version > kWithoutAuthors && !in.is_done()) {
    for (size_t left = in.Count(kLeastAuthor); left > 0; --left) {
      std::string service = in.Text();
      intent.authors[std::move(service)] = in.Text();
    }
  }
  if (in.is_done()) return intent;
  return Error{ErrorCode::kInvalid, "the contents are not those of changes by hand", "intent"};
}

}  // namespace fairlead::control
