#include "control/survival/stored_health.h"

#include "control/survival/bytes.h"
#include "control/survival/stored_names.h"

namespace fairlead::control {
namespace {

constexpr size_t kLeastCheck = 21, kLeastServiceKey = 13;  // bytes
constexpr uint8_t kAdminStates = 4;

void PutMaybe(const std::optional<uint32_t>& value, ByteWriter* out) {
  out->Flag(value.has_value());
  if (value) out->U32(*value);
}

std::optional<uint32_t> TakeMaybe(ByteReader* in) {
  if (!in->Flag()) return std::nullopt;
  return in->U32();
}

// What files of earlier versions do not have; they end before it.
void PutMore(const KnownHealth& known, ByteWriter* out) {
  for (const KnownCheck& check : known.checks) {
    out->Flag(check.is_proven);
    out->Flag(check.is_back);
    out->U64(check.since_ms);
    out->U32(check.downs);
    out->U64(check.downtime_ms);
    PutMaybe(check.weight, out);
    PutMaybe(check.percent, out);
    out->U8(check.wanted);
  }
  out->U32(static_cast<uint32_t>(known.lost_quorums.size()));
  for (const ServiceIdentity& service : known.lost_quorums) Put(service, out);
}

void TakeMore(ByteReader* in, KnownHealth* known) {
  for (KnownCheck& check : known->checks) {
    check.is_proven = in->Flag();
    check.is_back = in->Flag();
    check.since_ms = in->U64();
    check.downs = in->U32();
    check.downtime_ms = in->U64();
    check.weight = TakeMaybe(in);
    check.percent = TakeMaybe(in);
    check.wanted = in->Below(kAdminStates);
  }
  known->lost_quorums.resize(in->Count(kLeastServiceKey));
  for (ServiceIdentity& service : known->lost_quorums) service = TakeService(in);
}

}  // namespace

std::string EncodeHealth(const KnownHealth& known) {
  const std::vector<KnownCheck>& checks = known.checks;
  ByteWriter out;
  out.U32(static_cast<uint32_t>(checks.size()));
  for (const KnownCheck& check : checks) {
    out.Text(check.key);
    out.Text(check.question);
    out.U32(static_cast<uint32_t>(check.reals.size()));
    for (const auto& [service, real] : check.reals) {
      Put(service, &out);
      Put(real, &out);
    }
    out.Flag(check.is_down);
    out.U32(check.streak);
    out.Text(check.detail);
  }
  PutMore(known, &out);
  return out.Take();
}

Result<KnownHealth> DecodeHealth(std::string_view contents) {
  ByteReader in(contents);
  KnownHealth known{.checks = std::vector<KnownCheck>(in.Count(kLeastCheck))};
  for (KnownCheck& check : known.checks) {
    check.key = in.Text();
    check.question = in.Text();
    check.reals.resize(in.Count(kLeastRealKey));
    for (auto& [service, real] : check.reals) {
      service = TakeService(&in);
      real = TakeReal(&in);
    }
    check.is_down = in.Flag();
    check.streak = in.U32();
    check.detail = in.Text();
  }
  if (in.is_good() && !in.is_done()) TakeMore(&in, &known);
  if (in.is_done()) return known;
  return Error{ErrorCode::kInvalid, "the contents are not those of health checks", "health"};
}

}  // namespace fairlead::control
