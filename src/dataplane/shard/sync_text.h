// The data of an engine's template (a Call-ID) on its way to directors of the kernel: in the ring
// of news, behind the template's, in pieces of the size that news have anyway.
//
//   SetTextBytes(text.size(), &news);                                      // the worker
//   bool is_told = ring.Push(news);
//   for (; is_told && !text.empty(); text.remove_prefix(PieceBytes(text))) {
//     is_told = ring.Push(TextPieceOf(text));
//   }
//   SyncTextReader reader;                                                 // who sends
//   if (reader.Add(news, is_template)) Send(reader.news(), reader.text());
//
// A piece has its bytes in the place of the three addresses. Few templates are an engine's, so all
// other news pay nothing for it. A template or piece that found the ring full is the last of its
// text, so that no reader adds the pieces of one to another; what is unfinished is forgotten with
// the next news. Threads: values.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <string_view>

#include "dataplane/shard/sync_news.h"

namespace fairlead::dataplane {

inline constexpr uint8_t kProtocolOfPieces = 0xff;  // no balanced protocol has the number
inline constexpr size_t kBytesOfPiece = 48;

// A template's port of the client is always 0 in what is sent.
inline void SetTextBytes(size_t bytes, SyncNews* news) noexcept {
  news->client_port = Be16::FromHost(static_cast<uint16_t>(bytes));
}
inline size_t PieceBytes(std::string_view text) noexcept {
  return std::min(text.size(), kBytesOfPiece);
}
// The beginning of the text, as long as a piece may be.
inline SyncNews TextPieceOf(std::string_view text) noexcept {
  std::array<uint8_t, kBytesOfPiece> bytes{};
  std::memcpy(bytes.data(), text.data(), PieceBytes(text));
  SyncNews piece;
  piece.protocol = kProtocolOfPieces;
  piece.state = static_cast<uint8_t>(PieceBytes(text));
  piece.client = Ipv6Address::Load(bytes.data());
  piece.virtual_address = Ipv6Address::Load(bytes.data() + 16);
  piece.real = Ipv6Address::Load(bytes.data() + 32);
  return piece;
}

// Puts a template and the pieces behind it together again.
class SyncTextReader {
 public:
  // `is_template`: as the flags of `news` say. True: news() and text() are whole.
  bool Add(const SyncNews& news, bool is_template) {
    if (news.protocol == kProtocolOfPieces) return AddPiece(news);
    news_ = news;
    text_.clear();
    wanted_ = is_template ? news.client_port.host() : 0;
    if (is_template) news_.client_port = Be16{};
    return wanted_ == 0;
  }
  [[nodiscard]] const SyncNews& news() const { return news_; }
  [[nodiscard]] std::string_view text() const { return text_; }

 private:
  bool AddPiece(const SyncNews& piece) {
    if (text_.size() >= wanted_) return false;  // its template was lost
    std::array<char, kBytesOfPiece> bytes{};
    piece.client.v6().Store(bytes.data());
    piece.virtual_address.v6().Store(bytes.data() + 16);
    piece.real.v6().Store(bytes.data() + 32);
    text_.append(bytes.data(), std::min<size_t>(piece.state, kBytesOfPiece));
    return text_.size() >= wanted_;
  }

  SyncNews news_;
  std::string text_;
  size_t wanted_ = 0;
};

}  // namespace fairlead::dataplane
