#include "control/survival/stored_names.h"

#include <set>

#include "control/survival/bytes.h"

namespace fairlead::control {
namespace {

using dataplane::TrafficSum;

constexpr size_t kLeastRecord = 21;  // bytes of a service or real
constexpr uint8_t kNoWord = 0xff;
constexpr uint8_t kUnknown = 2;  // instead of who removed it: no configuration has named it
constexpr uint32_t kOnRemoves = static_cast<uint32_t>(OnRemove::kReset) + 1;

constexpr uint64_t TrafficSum::*const kSums[] = {&TrafficSum::connections, &TrafficSum::in_packets,
                                                 &TrafficSum::out_packets, &TrafficSum::in_bytes,
                                                 &TrafficSum::out_bytes};

// Most are 0, so a byte says which are not.
void Put(const TrafficSum& sum, ByteWriter* out) {
  uint8_t which = 0;
  for (size_t i = 0; i < std::size(kSums); ++i) which |= sum.*kSums[i] != 0 ? 1u << i : 0u;
  out->U8(which);
  for (const auto member : kSums) {
    if (sum.*member != 0) out->U64(sum.*member);
  }
}

TrafficSum TakeSum(ByteReader* in) {
  TrafficSum sum;
  const uint8_t which = in->Below(1u << std::size(kSums));
  for (size_t i = 0; i < std::size(kSums); ++i) {
    if ((which >> i & 1) != 0) sum.*kSums[i] = in->U64();
  }
  return sum;
}

void Put(const KeptReal& kept, bool is_unknown, ByteWriter* out) {
  out->U8(static_cast<uint8_t>(kept.method));
  out->U8(static_cast<uint8_t>(kept.tunnel.type));
  out->U8(static_cast<uint8_t>(kept.tunnel.checksum));
  out->U16(kept.tunnel.port);
  out->Flag(kept.is_draining);
  out->Flag(kept.is_drain_over);
  const uint8_t by_hand = kept.removed_by_hand ? (*kept.removed_by_hand ? 1 : 0) : kNoWord;
  out->U8(is_unknown ? kUnknown : by_hand);
}

Tunnel TakeTunnel(ByteReader* in) {
  Tunnel tunnel;
  tunnel.type = static_cast<TunnelType>(in->Below(kTunnelTypes.size()));
  tunnel.checksum = static_cast<TunnelChecksum>(in->Below(kTunnelChecksums.size()));
  tunnel.port = in->U16();
  return tunnel;
}

KeptReal TakeKept(ByteReader* in, uint32_t version, bool* is_unknown) {
  KeptReal kept;
  const uint8_t method = in->U8();
  if (TraitsOf(static_cast<ForwardMethod>(method)).word.empty()) in->Fail();
  kept.method = static_cast<ForwardMethod>(method);
  if (version >= 2) kept.tunnel = TakeTunnel(in);
  kept.is_draining = in->Flag();
  kept.is_drain_over = in->Flag();
  const uint8_t by_hand = in->U8();
  *is_unknown = by_hand == kUnknown;
  if (by_hand != kNoWord && !*is_unknown) kept.removed_by_hand = by_hand == 1;
  return kept;
}

Error Wrong(const std::string& what) { return {ErrorCode::kInvalid, what, "names"}; }

// Whether the ids are 0, 1, 2 and so on without a gap, each once.
template <typename Item, typename Identifier>
bool AreDense(const std::vector<Item>& used, const std::vector<Identifier>& free) {
  std::vector<bool> seen(used.size() + free.size());
  const auto is_new = [&seen](Identifier id) {
    if (id.index() >= seen.size() || seen[id.index()]) return false;
    seen[id.index()] = true;
    return true;
  };
  for (const Item& item : used) {
    if (!is_new(item.id)) return false;
  }
  for (const Identifier id : free) {
    if (!is_new(id)) return false;
  }
  return true;
}

Status Check(const StoredNames& names, uint32_t real_capacity) {
  if (!AreDense(names.services, names.free_services)) return Wrong("the ids of services have gaps");
  if (!AreDense(names.reals, names.free_reals)) return Wrong("the ids of reals have gaps");
  const size_t reals = names.reals.size() + names.free_reals.size();
  if (reals > real_capacity) {
    return Wrong("there are ids for " + std::to_string(reals) + " reals and room for " +
                 std::to_string(real_capacity));
  }
  std::vector<bool> is_service(names.services.size() + names.free_services.size());
  std::set<ServiceIdentity> service_keys;
  for (const StoredNames::Service& service : names.services) {
    is_service[service.id.index()] = true;
    if (!service_keys.insert(service.key).second) return Wrong("two services have one key");
  }
  std::set<std::pair<ServiceId, RealIdentity>> real_keys;
  for (const StoredNames::Real& real : names.reals) {
    if (real.service.index() >= is_service.size() || !is_service[real.service.index()]) {
      return Wrong("a real belongs to no service");
    }
    if (!real_keys.emplace(real.service, real.key).second) {
      return Wrong("two reals of a service have one key");
    }
  }
  return Done{};
}

}  // namespace

void Put(const ServiceIdentity& key, ByteWriter* out) {
  out->U32(key.mark);
  out->U8(static_cast<uint8_t>(key.family));
  out->U8(key.protocol);
  out->Address(key.address);
  out->U16(key.port);
}

void Put(const RealIdentity& key, ByteWriter* out) {
  out->Address(key.address);
  out->U16(key.port);
}

ServiceIdentity TakeService(ByteReader* in) {
  ServiceIdentity key;
  key.mark = in->U32();
  key.family = in->U8() == static_cast<uint8_t>(Family::kIpv6) ? Family::kIpv6 : Family::kIpv4;
  key.protocol = in->U8();
  key.address = in->Address();
  key.port = in->U16();
  return key;
}

RealIdentity TakeReal(ByteReader* in) {
  RealIdentity key;
  key.address = in->Address();
  key.port = in->U16();
  return key;
}

std::string EncodeNames(const StoredNames& names) {
  ByteWriter out;
  out.U32(static_cast<uint32_t>(names.services.size()));
  for (const StoredNames::Service& service : names.services) {
    out.U32(service.id.value());
    Put(service.key, &out);
    out.Flag(service.is_configured);
    out.U8(service.on_remove ? static_cast<uint8_t>(*service.on_remove) : kNoWord);
    Put(service.retired, &out);
    Put(service.zero, &out);
  }
  out.U32(static_cast<uint32_t>(names.reals.size()));
  for (const StoredNames::Real& real : names.reals) {
    out.U32(real.id.value());
    out.U32(real.service.value());
    Put(real.key, &out);
    Put(real.kept, real.is_unknown, &out);
    Put(real.baseline, &out);
    Put(real.zero, &out);
  }
  out.U32(static_cast<uint32_t>(names.free_services.size()));
  for (const ServiceId id : names.free_services) out.U32(id.value());
  out.U32(static_cast<uint32_t>(names.free_reals.size()));
  for (const RealId id : names.free_reals) out.U32(id.value());
  Put(names.total_zero, &out);
  return out.Take();
}

Result<StoredNames> DecodeNames(std::string_view contents, uint32_t real_capacity,
                                uint32_t version) {
  ByteReader in(contents);
  StoredNames names;
  names.services.resize(in.Count(kLeastRecord));
  for (StoredNames::Service& service : names.services) {
    service.id = ServiceId{in.U32()};
    service.key = TakeService(&in);
    service.is_configured = in.Flag();
    const uint8_t on_remove = in.U8();
    if (on_remove < kOnRemoves) service.on_remove = static_cast<OnRemove>(on_remove);
    service.retired = TakeSum(&in);
    service.zero = TakeSum(&in);
  }
  names.reals.resize(in.Count(kLeastRecord));
  for (StoredNames::Real& real : names.reals) {
    real.id = RealId{in.U32()};
    real.service = ServiceId{in.U32()};
    real.key = TakeReal(&in);
    real.kept = TakeKept(&in, version, &real.is_unknown);
    real.baseline = TakeSum(&in);
    real.zero = TakeSum(&in);
  }
  names.free_services.resize(in.Count(sizeof(uint32_t)));
  for (ServiceId& id : names.free_services) id = ServiceId{in.U32()};
  names.free_reals.resize(in.Count(sizeof(uint32_t)));
  for (RealId& id : names.free_reals) id = RealId{in.U32()};
  names.total_zero = TakeSum(&in);
  if (!in.is_done()) return Wrong("the contents are not those of a list of names");
  if (Status s = Check(names, real_capacity); !s) return s.error();
  return names;
}

}  // namespace fairlead::control
