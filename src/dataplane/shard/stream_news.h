// What a worker tells of a record in the stream between Fairlead directors, on its way to the
// thread that sends it.
//
//   outbox.Push(write);                  // the worker's; a full ring marks the record's range
//   StreamNewsReader reader;             // the control core's
//   while (outbox.ring.Pop(&news)) if (reader.Add(news, &entry)) …entry…
//
// 128 bytes: an entry of the stream without an engine's data, of which pieces follow in the ring.
// Threads: values. An outbox has one writer, its worker, and one reader, the control core; the bits
// of ranges are set by one and taken by the other.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

#include "base/spsc_ring.h"
#include "dataplane/tables/template_record.h"
#include "sync/stream/range.h"

namespace fairlead::dataplane {

// A template's key stands in it as it is; of an engine's key the service's own address.
struct StreamNewsBody {
  uint8_t kind = 0;  // sync::StreamKind
  sync::StreamEvent event = sync::StreamEvent::kIs;
  uint8_t protocol = 0;
  uint8_t state = 0;
  std::array<uint8_t, 16> client{}, virtual_address{}, real{};  // IPv4: the first four bytes
  Be16 client_port, virtual_port, real_port;
  Family family = Family::kIpv4;       // of the client
  Family real_family = Family::kIpv4;  // of the real server
  uint8_t stream_flags = 0;
  uint8_t scope = 0;
  uint8_t spread = 0;
  uint8_t client_bits = 0;
  // ---- second line
  uint32_t flags = 0;
  uint32_t mark = 0;
  TickCount timeout = 0, left = 0;  // or kForever
  TickCount lifetime_left = 0;
  uint32_t packets = 0;
  uint64_t created_ms = 0;
  uint32_t creator = 0;
  uint8_t text_bytes = 0;  // of an engine's data, in the pieces that follow
  sync::SyncSequence to_real, to_client;
};

struct StreamNewsText {
  static constexpr uint8_t kKind = 0xff;
  static constexpr size_t kBytes = 126;
  uint8_t kind = kKind;
  uint8_t length = 0;
  std::array<char, kBytes> text{};
};

union alignas(64) StreamNews {
  StreamNewsBody body;
  StreamNewsText text;

  StreamNews() : body() {}
  [[nodiscard]] bool is_text() const noexcept {
    return body.kind == StreamNewsText::kKind;  // the first byte of both
  }
};
static_assert(sizeof(StreamNewsBody) <= 128 && sizeof(StreamNews) == 128);
static_assert(std::is_trivially_copyable_v<StreamNews>);
static_assert(std::is_standard_layout_v<StreamNewsBody> &&
              std::is_standard_layout_v<StreamNewsText>);

inline IpAddress AddressIn(const std::array<uint8_t, 16>& bytes, Family family) noexcept {
  if (family == Family::kIpv4) return Ipv4Address::Load(bytes.data());
  return Ipv6Address{bytes};
}

// The addresses as an entry has them: none where the key has a group.
inline IpAddress ClientOf(const StreamNewsBody& news) noexcept {
  const bool is_group = (news.scope & static_cast<uint8_t>(TemplateScope::kClientGroup)) != 0;
  return AddressIn(is_group ? std::array<uint8_t, 16>{} : news.client, news.family);
}
inline IpAddress VirtualAddressOf(const StreamNewsBody& news) noexcept {
  if ((news.scope & static_cast<uint8_t>(TemplateScope::kServiceGroup)) != 0) {
    return AddressIn({}, news.family);
  }
  const bool is_mark =
      static_cast<sync::StreamKind>(news.kind) == sync::StreamKind::kTemplate && news.protocol == 0;
  return AddressIn(news.virtual_address, is_mark ? Family::kIpv4 : news.family);
}

inline uint32_t RangeOf(const StreamNewsBody& news) noexcept {
  return sync::RangeOf(static_cast<sync::StreamKind>(news.kind), news.protocol, ClientOf(news),
                       news.client_port, VirtualAddressOf(news), news.virtual_port);
}

// What digests add up: endpoints, real server, method. No timer, no counter, no state.
uint64_t DigestOf(const StreamNewsBody& news, std::string_view text) noexcept;

// As an entry of the stream; its engine's data are the caller's.
sync::StreamEntry EntryOf(const StreamNewsBody& news) noexcept;

// The beginning of the text, as long as a piece may be.
StreamNews PieceOf(std::string_view text) noexcept;

// Puts a body and the pieces behind it together again.
class StreamNewsReader {
 public:
  // True: `*entry` is whole. A body whose pieces were lost is forgotten, its range is marked.
  bool Add(const StreamNews& news, sync::StreamEntry* entry) noexcept;

 private:
  sync::StreamEntry pending_;
  size_t missing_ = 0;  // bytes of the engine's data; 0: nothing is pending
};

// A body and its pieces.
inline constexpr size_t kMostRowsOfRecord =
    1 + (sync::kMostEngineDataBytes + StreamNewsText::kBytes - 1) / StreamNewsText::kBytes;

// That a worker may be ahead: with 200,000 new clients a second, each with a template, the control
// core may be away for 50 ms.
inline constexpr size_t kStreamNews = 32768;

struct StreamOutbox {
  SpscRing<StreamNews> ring{kStreamNews};
  // By range: something of it could not be told.
  std::array<std::atomic<uint64_t>, sync::kStreamRanges / 64> lost{};

  // The worker's. write(&news) writes every member, where the news will lie, and returns the
  // engine's data. False: the ring was full, and the range is marked.
  template <typename Write>
  bool Push(const Write& write) noexcept {
    std::string_view text;
    bool is_whole = ring.PushFilled([&](StreamNews* news) { text = write(news); });
    if (is_whole && !text.empty()) [[unlikely]]
      is_whole = PushText(text);
    if (!is_whole) [[unlikely]] {
      StreamNews untold;
      write(&untold);
      MarkLost(RangeOf(untold.body));
    }
    return is_whole;
  }
  void MarkLost(uint32_t range) noexcept {
    const uint64_t bit = uint64_t{1} << range % 64;
    std::atomic<uint64_t>& word = lost[range / 64];
    if ((word.load(std::memory_order_relaxed) & bit) == 0) {
      word.fetch_or(bit, std::memory_order_relaxed);
    }
  }

 private:
  bool PushText(std::string_view text) noexcept;
};

}  // namespace fairlead::dataplane
