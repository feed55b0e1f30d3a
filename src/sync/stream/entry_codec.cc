#include "sync/stream/entry_codec.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "base/forward_method.h"

namespace fairlead::sync {
namespace {

using Bytes = std::span<const uint8_t>;

constexpr uint8_t kKnownStreamFlags =
    static_cast<uint8_t>(StreamFlag::kAssured) | static_cast<uint8_t>(StreamFlag::kPinned);

constexpr uint8_t Bit(EntryShape shape) { return static_cast<uint8_t>(shape); }
bool HasFlag(uint32_t flags, SyncFlag flag) { return (flags & static_cast<uint32_t>(flag)) != 0; }
uint64_t Number64(const uint8_t* bytes) { return Be64::Load(bytes).host(); }
uint32_t Number32At(const uint8_t* bytes) { return Be32::Load(bytes).host(); }

void AppendAddress(std::vector<uint8_t>* to, const IpAddress& address, size_t length) {
  to->insert(to->end(), address.bytes().begin(), address.bytes().begin() + length);
}

void BeginOption(std::vector<uint8_t>* to, EntryOption type, bool is_critical, size_t length) {
  to->push_back(
      static_cast<uint8_t>(static_cast<uint8_t>(type) | (is_critical ? kCriticalEntryOption : 0)));
  to->push_back(static_cast<uint8_t>(length));
}

void AppendOptions(const StreamEntry& entry, std::vector<uint8_t>* to) {
  if (entry.to_real != SyncSequence{} || entry.to_client != SyncSequence{}) {
    BeginOption(to, EntryOption::kSequences, true, kSequencesOptionBytes);
    for (const SyncSequence& s : {entry.to_real, entry.to_client}) {
      Append32(to, s.initial);
      Append32(to, s.delta);
      Append32(to, s.previous_delta);
    }
  }
  if (entry.engine_length > 0) {
    BeginOption(to, EntryOption::kEngine, true, entry.engine_length);
    to->insert(to->end(), entry.engine_data.begin(),
               entry.engine_data.begin() + entry.engine_length);
  }
  if (entry.client_group != 0 || entry.service_group != 0) {
    BeginOption(to, EntryOption::kGroups, true, 16);
    Append64(to, entry.client_group);
    Append64(to, entry.service_group);
  }
  const auto number = [to](EntryOption type, bool is_critical, uint32_t value) {
    if (value == 0) return;
    BeginOption(to, type, is_critical, sizeof value);
    Append32(to, value);
  };
  number(EntryOption::kMark, true, entry.mark);
  number(EntryOption::kLifetime, false, entry.lifetime_left_ms);
  number(EntryOption::kPackets, false, entry.packets);
}

// Precondition: the type is known.
bool ReadKnownOption(EntryOption type, Bytes value, StreamEntry* entry) {
  const auto number = [&value](uint32_t* into) {
    if (value.size() != sizeof *into) return false;
    *into = Number32At(value.data());
    return true;
  };
  switch (type) {
    case EntryOption::kSequences:
      if (value.size() != kSequencesOptionBytes) return false;
      for (SyncSequence* s : {&entry->to_real, &entry->to_client}) {
        *s = {Number32At(value.data()), Number32At(value.data() + 4), Number32At(value.data() + 8)};
        value = value.subspan(sizeof *s);
      }
      return true;
    case EntryOption::kEngine:
      if (value.empty()) return false;
      entry->engine_length = static_cast<uint8_t>(value.size());
      std::memcpy(entry->engine_data.data(), value.data(), value.size());
      return true;
    case EntryOption::kGroups:
      if (value.size() != 16) return false;
      entry->client_group = Number64(value.data());
      entry->service_group = Number64(value.data() + 8);
      return true;
    case EntryOption::kMark:
      return number(&entry->mark);
    case EntryOption::kLifetime:
      return number(&entry->lifetime_left_ms);
    case EntryOption::kPackets:
      return number(&entry->packets);
  }
  return false;
}

bool ReadEntryOptions(Bytes options, StreamEntry* entry) {
  unsigned seen = 0;  // bit n: option n
  while (!options.empty()) {
    if (options.size() < kEntryOptionHeaderBytes) return false;
    const bool is_critical = (options[0] & kCriticalEntryOption) != 0;
    const uint8_t type = options[0] & static_cast<uint8_t>(~kCriticalEntryOption);
    const size_t length = options[1];
    options = options.subspan(kEntryOptionHeaderBytes);
    if (length > options.size()) return false;
    const bool is_known = type >= static_cast<uint8_t>(EntryOption::kSequences) &&
                          type <= static_cast<uint8_t>(EntryOption::kPackets);
    if (is_known) {
      if ((seen >> type & 1) != 0) return false;
      seen |= 1u << type;
      if (!ReadKnownOption(static_cast<EntryOption>(type), options.first(length), entry)) {
        return false;
      }
    } else if (is_critical) {
      return false;
    }
    options = options.subspan(length);
  }
  return true;
}

IpAddress AddressAt(const uint8_t* bytes, bool is_v4) {
  if (is_v4) return Ipv4Address::Load(bytes);
  return Ipv6Address::Load(bytes);
}

void ReadFixed(const uint8_t* bytes, StreamEntry* entry) {
  const uint8_t shape = bytes[2];
  const bool is_v4 = (shape & Bit(EntryShape::kIpv6)) == 0;
  entry->kind =
      (shape & Bit(EntryShape::kTemplate)) != 0 ? StreamKind::kTemplate : StreamKind::kConnection;
  entry->event = (shape & Bit(EntryShape::kGone)) != 0 ? StreamEvent::kGone : StreamEvent::kIs;
  entry->protocol = bytes[3];
  entry->state = bytes[4];
  entry->stream_flags = bytes[5] & kKnownStreamFlags;
  entry->client_bits = bytes[6];
  entry->scope = bytes[7];
  entry->flags = Number32At(bytes + 8);
  entry->client_port = Be16::Load(bytes + 12);
  entry->virtual_port = Be16::Load(bytes + 14);
  entry->real_port = Be16::Load(bytes + 16);
  entry->spread = bytes[18];
  entry->timeout_ms = Number32At(bytes + 20);
  entry->left_ms = Number32At(bytes + 24);
  entry->created_ms = Number64(bytes + 28);
  entry->creator = Number64(bytes + 36);
  const size_t length = is_v4 ? 4 : 16;
  entry->client = AddressAt(bytes + kEntryFixedBytes, is_v4);
  entry->virtual_address = AddressAt(bytes + kEntryFixedBytes + length,
                                     is_v4 || (shape & Bit(EntryShape::kVirtualIsIpv4)) != 0);
  entry->real = AddressAt(bytes + kEntryFixedBytes + 2 * length, is_v4);
}

bool IsKnownMethod(uint32_t flags) {
  return std::ranges::any_of(kForwardMethods, [flags](ForwardMethod method) {
    return TraitsOf(method).sync_number == (flags & kSyncMethodMask);
  });
}

bool IsClientOfKey(const StreamEntry& entry) {
  if (entry.kind == StreamKind::kConnection) {
    return entry.client_bits == 0 && entry.scope == 0 && entry.spread == 0 &&
           entry.client_group == 0 && entry.service_group == 0;
  }
  // Not whether its bits are masked so: a netmask need not be a prefix.
  return entry.client_bits <= entry.client.bit_length() && entry.client_port.is_zero();
}

// Whether the entry says something that there can be.
std::optional<StreamRefusal> Judge(const StreamEntry& entry) {
  const bool is_template = entry.kind == StreamKind::kTemplate;
  if (HasFlag(entry.flags, SyncFlag::kOnePacket)) return StreamRefusal::kFlags;
  if (is_template && HasFlag(entry.flags, SyncFlag::kNoClientPort)) return StreamRefusal::kFlags;
  if (!is_template && HasFlag(entry.flags, SyncFlag::kTemplate)) return StreamRefusal::kFlags;
  const bool is_mark = is_template && entry.protocol == kProtocolOfMarks;
  if (!is_mark && StatesOf(entry.protocol) == 0) return StreamRefusal::kProtocol;
  if (!is_template && entry.state >= StatesOf(entry.protocol)) return StreamRefusal::kState;
  if (entry.virtual_address.family() != entry.client.family() && !is_mark) {
    return StreamRefusal::kShape;
  }
  if (!IsKnownMethod(entry.flags)) return StreamRefusal::kMethod;
  if (!IsClientOfKey(entry)) return StreamRefusal::kKey;
  return std::nullopt;
}

}  // namespace

void EncodeEntry(const StreamEntry& entry, std::vector<uint8_t>* to) {
  const size_t begin = to->size();
  const bool is_v4 = entry.client.is_v4();
  Append16(to, 0);  // the size, below
  to->push_back(static_cast<uint8_t>(
      (is_v4 ? 0 : Bit(EntryShape::kIpv6)) |
      (entry.kind == StreamKind::kTemplate ? Bit(EntryShape::kTemplate) : 0) |
      (entry.event == StreamEvent::kGone ? Bit(EntryShape::kGone) : 0) |
      (!is_v4 && entry.virtual_address.is_v4() ? Bit(EntryShape::kVirtualIsIpv4) : 0)));
  to->push_back(entry.protocol);
  to->push_back(entry.state);
  to->push_back(entry.stream_flags & kKnownStreamFlags);
  to->push_back(entry.client_bits);
  to->push_back(entry.scope);
  Append32(to, entry.flags);
  for (const Be16 port : {entry.client_port, entry.virtual_port, entry.real_port}) {
    Append16(to, port.host());
  }
  to->push_back(entry.spread);
  to->push_back(0);
  Append32(to, entry.timeout_ms);
  Append32(to, entry.left_ms);
  Append64(to, entry.created_ms);
  Append64(to, entry.creator);
  for (const IpAddress* address : {&entry.client, &entry.virtual_address, &entry.real}) {
    AppendAddress(to, *address, is_v4 ? 4 : 16);
  }
  AppendOptions(entry, to);
  Be16::FromHost(static_cast<uint16_t>(to->size() - begin)).Store(to->data() + begin);
}

EntryStep EntryReader::Next(StreamEntry* entry) noexcept {
  if (bytes_.empty()) return EntryStep::kEnd;
  const auto stop = [this](EntryStep step, StreamRefusal why) {
    refusal_ = why;
    if (step == EntryStep::kBroken) bytes_ = {};
    return step;
  };
  if (bytes_.size() < kEntryFixedBytes) {
    return stop(EntryStep::kBroken, StreamRefusal::kEntrySize);
  }
  const size_t size = Be16::Load(bytes_.data()).host();
  const uint8_t shape = bytes_[2];
  const size_t fixed = kEntryFixedBytes + ((shape & Bit(EntryShape::kIpv6)) != 0 ? 48 : 12);
  if (size < fixed || size > bytes_.size()) {
    return stop(EntryStep::kBroken, StreamRefusal::kEntrySize);
  }
  const Bytes all = bytes_.first(size);
  bytes_ = bytes_.subspan(size);
  *entry = {};
  if ((shape & ~kKnownShapes) != 0) return stop(EntryStep::kLeftOut, StreamRefusal::kShape);
  ReadFixed(all.data(), entry);
  if (!ReadEntryOptions(all.subspan(fixed), entry)) {
    return stop(EntryStep::kLeftOut, StreamRefusal::kEntryOption);
  }
  if (const auto why = Judge(*entry)) return stop(EntryStep::kLeftOut, *why);
  return EntryStep::kTaken;
}

}  // namespace fairlead::sync
