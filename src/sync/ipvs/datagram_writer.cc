#include "sync/ipvs/datagram_writer.h"

#include <algorithm>
#include <cstring>

#include "sync/ipvs/wire.h"

namespace fairlead::sync {
namespace {

constexpr size_t kMostEntryBytes = kEntry1Ipv6Bytes + 3 * kOptionHeaderBytes + kSequencesBytes +
                                   kMostEngineDataBytes + kMostEngineNameBytes;

void Put16(uint8_t* to, size_t number) noexcept {
  Be16::FromHost(static_cast<uint16_t>(number)).Store(to);
}
void Put32(uint8_t* to, uint32_t number) noexcept { Be32::FromHost(number).Store(to); }

void PutSequences(uint8_t* to, const SyncEntry& entry) noexcept {
  for (const SyncSequence& sequence : {entry.to_real, entry.to_client}) {
    Put32(to, sequence.initial);
    Put32(to + 4, sequence.delta);
    Put32(to + 8, sequence.previous_delta);
    to += sizeof(SyncSequence);
  }
}

void PutPorts(uint8_t* to, const SyncEntry& entry) noexcept {
  entry.client_port.Store(to);
  entry.virtual_port.Store(to + 2);
  entry.real_port.Store(to + 4);
}

void PutAddresses(uint8_t* to, const SyncEntry& entry) noexcept {
  const size_t length = entry.client.is_v4() ? 4 : 16;
  for (const IpAddress* address : {&entry.client, &entry.virtual_address, &entry.real}) {
    std::memcpy(to, address->bytes().data(), length);
    to += length;
  }
}

uint8_t* PutOption(uint8_t* to, OptionType type, std::string_view value) noexcept {
  to[0] = static_cast<uint8_t>(type);
  to[1] = static_cast<uint8_t>(value.size());
  std::memcpy(to + kOptionHeaderBytes, value.data(), value.size());
  return to + kOptionHeaderBytes + value.size();
}

}  // namespace

DatagramWriter::DatagramWriter(const DatagramFormat& format) : format_(format) {
  bytes_.reserve(std::max<size_t>(format.most_bytes, kHeader1Bytes + kMostEntryBytes));
  bytes_.assign(HeaderBytes(), 0);
}

size_t DatagramWriter::HeaderBytes() const noexcept {
  return format_.version == 0 ? kHeader0Bytes : kHeader1Bytes;
}

size_t DatagramWriter::SizeOf(const SyncEntry& entry) const noexcept {
  if (format_.version == 0) {
    return kEntry0Bytes + ((entry.flags & kSequenceFlags) != 0 ? kSequencesBytes : 0);
  }
  size_t size = entry.client.is_v4() ? kEntry1Ipv4Bytes : kEntry1Ipv6Bytes;
  if (entry.has_sequences) size += kOptionHeaderBytes + kSequencesBytes;
  if (!entry.engine_data.empty()) {
    size += 2 * kOptionHeaderBytes + entry.engine_data.size() + entry.engine_name.size();
  }
  return size;
}

bool DatagramWriter::CanSay(const SyncEntry& entry) const noexcept {
  if (format_.version == 0 && !(entry.client.is_v4() && entry.engine_data.empty())) return false;
  return entry.engine_data.size() <= kMostEngineDataBytes &&
         entry.engine_name.size() <= kMostEngineNameBytes;
}

bool DatagramWriter::Fits(const SyncEntry& entry) const noexcept {
  if (is_empty()) return true;
  const size_t begin = format_.version == 0 ? bytes_.size() : (bytes_.size() + 3) / 4 * 4;
  return count_ < kMostEntries && begin + SizeOf(entry) <= format_.most_bytes;
}

uint8_t* DatagramWriter::Extend(size_t count) {
  const size_t begin = format_.version == 0 ? bytes_.size() : (bytes_.size() + 3) / 4 * 4;
  bytes_.resize(begin + count, 0);
  return bytes_.data() + begin;
}

void DatagramWriter::Add(const SyncEntry& entry) {
  if (count_ == 0) bytes_.assign(HeaderBytes(), 0);
  format_.version == 0 ? AddVersion0(entry) : AddVersion1(entry);
  ++count_;
}

void DatagramWriter::AddVersion0(const SyncEntry& entry) {
  uint8_t* bytes = Extend(SizeOf(entry));
  bytes[1] = entry.protocol;
  PutPorts(bytes + 2, entry);
  PutAddresses(bytes + 8, entry);
  Put16(bytes + 20, entry.flags & 0xffff);
  Put16(bytes + 22, entry.state);
  if ((entry.flags & kSequenceFlags) != 0) PutSequences(bytes + kEntry0Bytes, entry);
}

void DatagramWriter::AddVersion1(const SyncEntry& entry) {
  const bool is_v4 = entry.client.is_v4();
  uint8_t* bytes = Extend(SizeOf(entry));
  bytes[0] = is_v4 ? 0 : 1;
  bytes[1] = entry.protocol;
  Put16(bytes + 2, SizeOf(entry));
  Put32(bytes + 4, entry.flags);
  Put16(bytes + 8, entry.state);
  PutPorts(bytes + 10, entry);
  Put32(bytes + 16, entry.mark);
  Put32(bytes + 20, entry.timeout_seconds);
  PutAddresses(bytes + 24, entry);
  uint8_t* option = bytes + (is_v4 ? kEntry1Ipv4Bytes : kEntry1Ipv6Bytes);
  if (entry.has_sequences) {
    option[0] = static_cast<uint8_t>(OptionType::kSequences);
    option[1] = kSequencesBytes;
    PutSequences(option + kOptionHeaderBytes, entry);
    option += kOptionHeaderBytes + kSequencesBytes;
  }
  if (!entry.engine_data.empty()) {
    option = PutOption(option, OptionType::kEngineData, entry.engine_data);
    PutOption(option, OptionType::kEngineName, entry.engine_name);
  }
}

std::span<const uint8_t> DatagramWriter::Take() noexcept {
  if (format_.version == 0) {
    bytes_[0] = static_cast<uint8_t>(count_);
  } else {
    bytes_[4] = static_cast<uint8_t>(count_);
    bytes_[5] = 1;
  }
  bytes_[1] = format_.syncid;
  Put16(bytes_.data() + 2, bytes_.size());
  count_ = 0;
  return bytes_;
}

}  // namespace fairlead::sync
