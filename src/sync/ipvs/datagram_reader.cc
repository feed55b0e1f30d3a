#include "sync/ipvs/datagram_reader.h"

#include "sync/ipvs/wire.h"

namespace fairlead::sync {
namespace {

uint16_t Number16(const uint8_t* bytes) noexcept { return Be16::Load(bytes).host(); }
uint32_t Number32(const uint8_t* bytes) noexcept { return Be32::Load(bytes).host(); }

std::string_view TextOf(std::span<const uint8_t> bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

SyncSequence SequenceAt(const uint8_t* bytes) noexcept {
  return {.initial = Number32(bytes),
          .delta = Number32(bytes + 4),
          .previous_delta = Number32(bytes + 8)};
}

void ReadSequences(const uint8_t* bytes, SyncEntry* entry) noexcept {
  entry->has_sequences = true;
  entry->to_real = SequenceAt(bytes);
  entry->to_client = SequenceAt(bytes + sizeof(SyncSequence));
}

template <typename Address>
void ReadAddresses(const uint8_t* bytes, SyncEntry* entry) noexcept {
  entry->client = Address::Load(bytes);
  entry->virtual_address = Address::Load(bytes + sizeof(Address));
  entry->real = Address::Load(bytes + 2 * sizeof(Address));
}

void ReadPorts(const uint8_t* bytes, SyncEntry* entry) noexcept {
  entry->client_port = Be16::Load(bytes);
  entry->virtual_port = Be16::Load(bytes + 2);
  entry->real_port = Be16::Load(bytes + 4);
}

// Version 1 has nothing in its first byte and in its last two, version 0 the number of its entries
// in the first.
bool IsVersion1(std::span<const uint8_t> payload) noexcept {
  return payload.size() >= kHeader1Bytes && payload[0] == 0 && payload[5] == 1 &&
         Number16(payload.data() + 6) == 0;
}

}  // namespace

DatagramReader::DatagramReader(std::span<const uint8_t> payload, uint8_t syncid) noexcept
    : payload_(payload) {
  if (payload.size() < kHeader0Bytes) {
    Refuse(SyncRefusal::kShort);
  } else if (Number16(payload.data() + 2) != payload.size()) {
    Refuse(SyncRefusal::kSize);
  } else if (syncid != kAnySyncid && payload[1] != syncid) {
    Refuse(SyncRefusal::kSyncid);
  } else {
    is_version_0_ = !IsVersion1(payload);
    at_ = is_version_0_ ? kHeader0Bytes : kHeader1Bytes;
    entries_left_ = is_version_0_ ? payload[0] : payload[4];
  }
}

bool DatagramReader::Next(SyncEntry* entry) noexcept {
  while (entries_left_ > 0) {
    --entries_left_;
    *entry = {};
    const Step step = is_version_0_ ? ReadVersion0(entry) : ReadVersion1(entry);
    if (step == Step::kTaken) return true;
    if (step == Step::kEnd) return false;
  }
  return false;
}

DatagramReader::Step DatagramReader::ReadVersion0(SyncEntry* entry) noexcept {
  if (bytes_left() < kEntry0Bytes) return End(SyncRefusal::kTruncated);
  const uint8_t* bytes = payload_.data() + at_;
  at_ += kEntry0Bytes;
  entry->protocol = bytes[1];
  ReadPorts(bytes + 2, entry);
  ReadAddresses<Ipv4Address>(bytes + 8, entry);
  entry->flags = Number16(bytes + 20);
  entry->state = Number16(bytes + 22);
  if ((entry->flags & kSequenceFlags) != 0) {
    if (bytes_left() < kSequencesBytes) return End(SyncRefusal::kTruncated);
    ReadSequences(payload_.data() + at_, entry);
    at_ += kSequencesBytes;
  }
  return Judge(*entry);
}

DatagramReader::Step DatagramReader::ReadVersion1(SyncEntry* entry) noexcept {
  at_ = (at_ + 3) / 4 * 4;
  if (at_ > payload_.size() || bytes_left() < 4) return End(SyncRefusal::kTruncated);
  const uint8_t* bytes = payload_.data() + at_;
  const bool is_v6 = bytes[0] == 1;
  if (bytes[0] > 1) return End(SyncRefusal::kFamily);
  const uint16_t version_and_size = Number16(bytes + 2);
  if ((version_and_size >> 12) != 0) return End(SyncRefusal::kEntryVersion);
  const size_t size = version_and_size & 0x0fff;
  const size_t fixed = is_v6 ? kEntry1Ipv6Bytes : kEntry1Ipv4Bytes;
  if (size < fixed) return End(SyncRefusal::kEntrySize);
  if (size > bytes_left()) return End(SyncRefusal::kTruncated);
  at_ += size;
  entry->protocol = bytes[1];
  entry->flags = Number32(bytes + 4);
  entry->state = Number16(bytes + 8);
  ReadPorts(bytes + 10, entry);
  entry->mark = Number32(bytes + 16);
  entry->timeout_seconds = Number32(bytes + 20);
  is_v6 ? ReadAddresses<Ipv6Address>(bytes + 24, entry)
        : ReadAddresses<Ipv4Address>(bytes + 24, entry);
  if (!ReadOptions({bytes + fixed, size - fixed}, entry)) {
    entries_left_ = 0;
    return Step::kEnd;
  }
  return Judge(*entry);
}

bool DatagramReader::ReadOptions(std::span<const uint8_t> options, SyncEntry* entry) noexcept {
  unsigned seen = 0;  // bit n: option n
  while (!options.empty()) {
    if (options.size() < kOptionHeaderBytes) return RefuseOption();
    const uint8_t type = options[0];
    const size_t length = options[1];
    options = options.subspan(kOptionHeaderBytes);
    if (length == 0 || length > options.size()) return RefuseOption();
    if (type < 8) {
      if ((seen >> type & 1) != 0) return RefuseOption();
      seen |= 1u << type;
    }
    if (!ReadOption(type, options.first(length), entry)) return false;
    options = options.subspan(length);
  }
  if (entry->engine_data.empty()) {
    entry->engine_name = {};
    return true;
  }
  if (entry->engine_name == kEngineSip) return true;
  Refuse(SyncRefusal::kEngine);
  return false;
}

bool DatagramReader::ReadOption(uint8_t type, std::span<const uint8_t> value,
                                SyncEntry* entry) noexcept {
  switch (static_cast<OptionType>(type)) {
    case OptionType::kSequences:
      if (value.size() != kSequencesBytes) break;
      ReadSequences(value.data(), entry);
      return true;
    case OptionType::kEngineData:
      entry->engine_data = TextOf(value);
      return true;
    case OptionType::kEngineName:
      if (value.size() > kMostEngineNameBytes) break;
      entry->engine_name = TextOf(value);
      // A sender may end the name as C does.
      while (entry->engine_name.ends_with('\0')) entry->engine_name.remove_suffix(1);
      return true;
    default:
      if ((type & kSkippableOption) != 0) return true;
      break;
  }
  return RefuseOption();
}

// The entry's bytes make sense; whether it says something that there can be.
DatagramReader::Step DatagramReader::Judge(const SyncEntry& entry) noexcept {
  const auto leave_out = [this](SyncRefusal why) {
    Refuse(why);
    return Step::kLeftOut;
  };
  if (entry.Has(SyncFlag::kOnePacket)) return leave_out(SyncRefusal::kFlags);
  if (entry.is_template()) {
    if (entry.Has(SyncFlag::kNoClientPort)) return leave_out(SyncRefusal::kFlags);
    const bool is_known = entry.protocol == kProtocolOfMarks || StatesOf(entry.protocol) > 0;
    return is_known ? Step::kTaken : leave_out(SyncRefusal::kProtocol);
  }
  if (StatesOf(entry.protocol) == 0) return leave_out(SyncRefusal::kProtocol);
  if (entry.state >= StatesOf(entry.protocol)) return leave_out(SyncRefusal::kState);
  return Step::kTaken;
}

}  // namespace fairlead::sync
