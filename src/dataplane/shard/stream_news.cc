#include "dataplane/shard/stream_news.h"

#include <algorithm>

namespace fairlead::dataplane {
namespace {

uint32_t MillisecondsOf(TickCount ticks) noexcept {
  return ticks == kForever ? 0xffff'ffff : ticks * (1000 / kTicksPerSecond);
}

uint64_t Word(const std::array<uint8_t, 16>& bytes, size_t at) noexcept {
  return Be64::Load(bytes.data() + at).host();
}

}  // namespace

// Every director computes the same of the same record: no secret, and it never changes.
uint64_t DigestOf(const StreamNewsBody& news, std::string_view text) noexcept {
  uint64_t hash = 0x9e37'79b9'7f4a'7c15;
  const auto mix = [&](uint64_t a, uint64_t b) {
    hash = MixMultiply(hash ^ a, b ^ 0xc2b2'ae3d'27d4'eb4f) + 0x1656'67b1'9e37'79f9;
  };
  for (const auto* address : {&news.client, &news.virtual_address, &news.real}) {
    mix(Word(*address, 0), Word(*address, 8));
  }
  mix(uint64_t{news.client_port.host()} << 32 | uint64_t{news.virtual_port.host()} << 16 |
          news.real_port.host(),
      uint64_t{news.kind} << 48 | uint64_t{news.protocol} << 40 |
          uint64_t{static_cast<uint8_t>(news.family)} << 32 | uint64_t{news.scope} << 24 |
          uint64_t{news.spread} << 16 | (news.flags & sync::kSyncMethodMask));
  for (; !text.empty(); text.remove_prefix(std::min<size_t>(8, text.size()))) {
    std::array<uint8_t, 8> piece{};
    std::memcpy(piece.data(), text.data(), std::min<size_t>(8, text.size()));
    mix(Be64::Load(piece.data()).host(), text.size());
  }
  return hash;
}

sync::StreamEntry EntryOf(const StreamNewsBody& news) noexcept {
  sync::StreamEntry entry;
  entry.kind = static_cast<sync::StreamKind>(news.kind);
  entry.event = news.event;
  entry.protocol = news.protocol;
  entry.state = news.state;
  entry.flags = news.flags;
  entry.stream_flags = news.stream_flags;
  entry.scope = news.scope;
  entry.spread = news.spread;
  entry.client_bits = news.client_bits;
  entry.client = ClientOf(news);
  entry.virtual_address = VirtualAddressOf(news);
  entry.real = AddressIn(news.real, news.real_family);
  entry.client_port = news.client_port;
  entry.virtual_port = news.virtual_port;
  entry.real_port = news.real_port;
  entry.mark = news.mark;
  TemplateKey key;
  key.client = news.client;
  key.virtual_address = news.virtual_address;
  key.scope = news.scope;
  entry.client_group = key.client_group().value;
  entry.service_group = key.service_group().value;
  entry.timeout_ms = MillisecondsOf(news.timeout);
  entry.left_ms = MillisecondsOf(news.left);
  entry.lifetime_left_ms = MillisecondsOf(news.lifetime_left);
  entry.packets = news.packets;
  entry.created_ms = news.created_ms;
  entry.creator = news.creator;
  entry.to_real = news.to_real;
  entry.to_client = news.to_client;
  return entry;
}

StreamNews PieceOf(std::string_view text) noexcept {
  StreamNews piece;
  piece.text = {};
  piece.text.length = static_cast<uint8_t>(std::min(text.size(), StreamNewsText::kBytes));
  std::memcpy(piece.text.text.data(), text.data(), piece.text.length);
  return piece;
}

bool StreamNewsReader::Add(const StreamNews& news, sync::StreamEntry* entry) noexcept {
  if (!news.is_text()) {
    pending_ = EntryOf(news.body);
    missing_ = news.body.text_bytes;
  } else {
    const size_t bytes = std::min<size_t>(news.text.length, missing_);
    std::memcpy(pending_.engine_data.data() + pending_.engine_length, news.text.text.data(), bytes);
    pending_.engine_length = static_cast<uint8_t>(pending_.engine_length + bytes);
    missing_ -= bytes;
    if (bytes == 0) return false;  // its body was lost
  }
  if (missing_ > 0) return false;
  *entry = pending_;
  return true;
}

bool StreamOutbox::PushText(std::string_view text) noexcept {
  bool is_whole = true;
  while (is_whole && !text.empty()) {
    const StreamNews piece = PieceOf(text);
    text.remove_prefix(piece.text.length);
    is_whole = ring.Stage(piece);
  }
  ring.Publish();
  return is_whole;
}

}  // namespace fairlead::dataplane
