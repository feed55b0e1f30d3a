#include "sync/stream/messages.h"

#include <algorithm>
#include <cstring>

#include "sync/stream/frame.h"

namespace fairlead::sync {
namespace {

constexpr size_t kMostGoodbyeBytes = 64;

void AppendHelloOption(std::vector<uint8_t>* to, HelloOption type, std::span<const uint8_t> value) {
  Append16(to, static_cast<uint16_t>(type) | kCriticalHelloOption);
  Append16(to, value.size());
  to->insert(to->end(), value.begin(), value.end());
}

template <typename Int>
void AppendHelloNumber(std::vector<uint8_t>* to, HelloOption type, Int number) {
  const auto value = BigEndian<Int>::FromHost(number);
  uint8_t bytes[sizeof value];
  value.Store(bytes);
  AppendHelloOption(to, type, bytes);
}

template <typename Int>
bool ReadHelloNumber(std::span<const uint8_t> value, Int* into) {
  if (value.size() != sizeof(Int)) return false;
  *into = BigEndian<Int>::Load(value.data()).host();
  return true;
}

// Precondition: the type is known.
bool ReadHelloOption(HelloOption type, std::span<const uint8_t> value, Hello* hello) {
  switch (type) {
    case HelloOption::kName:
      if (value.empty() || value.size() > kMostNameBytes) return false;
      hello->name.assign(value.begin(), value.end());
      return true;
    case HelloOption::kIncarnation:
      return ReadHelloNumber(value, &hello->incarnation);
    case HelloOption::kFirstSequence:
      return ReadHelloNumber(value, &hello->first_sequence);
    case HelloOption::kRanges:
      return ReadHelloNumber(value, &hello->ranges);
    case HelloOption::kDigestKinds:
      return ReadHelloNumber(value, &hello->digest_kinds);
    case HelloOption::kWindow:
      return ReadHelloNumber(value, &hello->window);
  }
  return false;
}

constexpr unsigned kAllHelloOptions = 0x7e;  // bit n: option n

bool ReadHelloOptions(std::span<const uint8_t> options, Hello* hello) {
  unsigned seen = 0;
  while (!options.empty()) {
    if (options.size() < kHelloOptionHeaderBytes) return false;
    const uint16_t word = Be16::Load(options.data()).host();
    const size_t length = Be16::Load(options.data() + 2).host();
    options = options.subspan(kHelloOptionHeaderBytes);
    if (length > options.size()) return false;
    const uint16_t type = word & static_cast<uint16_t>(~kCriticalHelloOption);
    if (type < 16 && (kAllHelloOptions >> type & 1) != 0) {
      if ((seen >> type & 1) != 0) return false;
      seen |= 1u << type;
      if (!ReadHelloOption(static_cast<HelloOption>(type), options.first(length), hello)) {
        return false;
      }
    } else if ((word & kCriticalHelloOption) != 0) {
      return false;
    }
    options = options.subspan(length);
  }
  return seen == kAllHelloOptions;
}

}  // namespace

void EncodeHello(const Hello& hello, std::vector<uint8_t>* out) {
  const size_t begin = BeginFrame(FrameType::kHello, out);
  out->insert(out->end(), std::begin(kStreamMagic), std::end(kStreamMagic));
  out->push_back(hello.version);
  out->push_back(hello.least_version);
  Append16(out, 0);
  AppendHelloOption(out, HelloOption::kName,
                    {reinterpret_cast<const uint8_t*>(hello.name.data()), hello.name.size()});
  AppendHelloNumber(out, HelloOption::kIncarnation, hello.incarnation);
  AppendHelloNumber(out, HelloOption::kFirstSequence, hello.first_sequence);
  AppendHelloNumber(out, HelloOption::kRanges, hello.ranges);
  AppendHelloNumber(out, HelloOption::kDigestKinds, hello.digest_kinds);
  AppendHelloNumber(out, HelloOption::kWindow, hello.window);
  EndFrame(begin, out);
}

MaybeRefusal DecodeHello(std::span<const uint8_t> body, Hello* hello) {
  if (body.size() < kHelloFixedBytes ||
      std::memcmp(body.data(), kStreamMagic, sizeof kStreamMagic) != 0) {
    return StreamRefusal::kMagic;
  }
  *hello = {};
  hello->version = body[4];
  hello->least_version = body[5];
  // Before the options: those of a version that is not spoken here may be anything.
  if (CommonVersion(*hello, Hello{}) == 0) return StreamRefusal::kVersion;
  if (!ReadHelloOptions(body.subspan(kHelloFixedBytes), hello)) return StreamRefusal::kHelloOption;
  return std::nullopt;
}

uint8_t CommonVersion(const Hello& one, const Hello& other) noexcept {
  const uint8_t version = std::min(one.version, other.version);
  return version >= std::max(one.least_version, other.least_version) ? version : 0;
}

size_t BeginEntries(std::vector<uint8_t>* out) {
  const size_t begin = BeginFrame(FrameType::kEntries, out);
  out->resize(out->size() + kEntriesFixedBytes);
  return begin;
}

void EndEntries(size_t begin, const EntriesHeader& header, std::vector<uint8_t>* out) {
  uint8_t* body = out->data() + begin + kFrameHeaderBytes;
  Be64::FromHost(header.sequence).Store(body);
  Be16::FromHost(header.count).Store(body + 8);
  body[10] = static_cast<uint8_t>((header.is_bulk ? kOfBulk : 0) |
                                  (header.is_last_of_bulk ? kLastOfBulk : 0));
  EndFrame(begin, out);
}

MaybeRefusal DecodeEntries(std::span<const uint8_t> body, EntriesHeader* header,
                           std::span<const uint8_t>* entries) noexcept {
  if (body.size() < kEntriesFixedBytes) return StreamRefusal::kFrameSize;
  header->sequence = Be64::Load(body.data()).host();
  header->count = Be16::Load(body.data() + 8).host();
  header->is_bulk = (body[10] & kOfBulk) != 0;
  header->is_last_of_bulk = (body[10] & kLastOfBulk) != 0;
  if (header->count > kMostEntriesOfFrame) return StreamRefusal::kFrameSize;
  *entries = body.subspan(kEntriesFixedBytes);
  return std::nullopt;
}

void EncodeAcknowledge(uint64_t sequence, std::vector<uint8_t>* out) {
  const size_t begin = BeginFrame(FrameType::kAcknowledge, out);
  Append64(out, sequence);
  EndFrame(begin, out);
}

MaybeRefusal DecodeAcknowledge(std::span<const uint8_t> body, uint64_t* sequence) noexcept {
  if (body.size() < 8) return StreamRefusal::kFrameSize;
  *sequence = Be64::Load(body.data()).host();
  return std::nullopt;
}

void EncodeDigests(std::span<const RangeDigest> digests, std::vector<uint8_t>* out) {
  for (size_t first = 0; first < digests.size(); first += kMostDigestsOfFrame) {
    const size_t count = std::min(kMostDigestsOfFrame, digests.size() - first);
    const size_t begin = BeginFrame(FrameType::kDigests, out);
    Append16(out, first);
    Append16(out, count);
    for (const RangeDigest& digest : digests.subspan(first, count)) {
      Append64(out, digest.sum);
      Append32(out, digest.records);
    }
    EndFrame(begin, out);
  }
}

MaybeRefusal DecodeDigests(std::span<const uint8_t> body, std::vector<RangeDigest>* digests) {
  if (body.size() < kDigestsFixedBytes) return StreamRefusal::kFrameSize;
  const size_t first = Be16::Load(body.data()).host();
  const size_t count = Be16::Load(body.data() + 2).host();
  body = body.subspan(kDigestsFixedBytes);
  if (count * kDigestBytes > body.size() || count > kMostDigestsOfFrame) {
    return StreamRefusal::kFrameSize;
  }
  if (first != digests->size() || first + count > kStreamRanges) return StreamRefusal::kOrder;
  for (size_t i = 0; i < count; ++i) {
    const uint8_t* bytes = body.data() + i * kDigestBytes;
    digests->push_back({Be64::Load(bytes).host(), Be32::Load(bytes + 8).host()});
  }
  return std::nullopt;
}

void EncodeHeartbeat(const Heartbeat& heartbeat, std::vector<uint8_t>* out) {
  const size_t begin = BeginFrame(FrameType::kHeartbeat, out);
  Append32(out, heartbeat.lag_ms);
  Append32(out, heartbeat.ranges_left);
  EndFrame(begin, out);
}

MaybeRefusal DecodeHeartbeat(std::span<const uint8_t> body, Heartbeat* heartbeat) noexcept {
  if (body.size() < 8) return StreamRefusal::kFrameSize;
  *heartbeat = {Be32::Load(body.data()).host(), Be32::Load(body.data() + 4).host()};
  return std::nullopt;
}

void EncodeGoodbye(std::string_view why, std::vector<uint8_t>* out) {
  const size_t begin = BeginFrame(FrameType::kGoodbye, out);
  out->insert(out->end(), why.begin(), why.end());
  EndFrame(begin, out);
}

std::string DecodeGoodbye(std::span<const uint8_t> body) {
  std::string why;
  for (const uint8_t byte : body.first(std::min(body.size(), kMostGoodbyeBytes))) {
    const char c = static_cast<char>(byte);
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    why += is_plain ? c : '?';
  }
  return why;
}

}  // namespace fairlead::sync
