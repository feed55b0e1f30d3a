#include "tunnel_lines.h"

#include <algorithm>

namespace fairlead::golden::wire {
namespace tunnel_lines {
namespace {

using Bytes = std::vector<uint8_t>;
constexpr uint8_t kIcmp = 1, kIpip = 4, kUdp = 17, kIpv6 = 41, kGre = 47, kIcmpv6 = 58;
constexpr unsigned kGuePort = 6080;

unsigned Word(const Bytes& b, size_t at) { return unsigned{b[at]} << 8 | b[at + 1]; }

uint32_t Sum(const Bytes& b, size_t from, size_t to, uint32_t sum) {
  for (size_t i = from; i < to; ++i) sum += (i - from) % 2 == 0 ? uint32_t{b[i]} << 8 : b[i];
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}

class Reader {
 public:
  Reader(const WirePacket& packet, bool hides_source)
      : ip_(packet.ip),
        is_v4_(ip_[0] >> 4 == 4),
        cut_(CutOf(ip_)),
        header_(is_v4_ ? (ip_[0] & 15u) * 4 : (ip_[6] == 44 ? 48 : 40)),
        hides_source_(hides_source) {
    line_.text = packet.port + " to " + packet.to + " ";
  }

  TunnelLine Read() {
    if (is_v4_ && Sum(ip_, 0, header_, 0) != 0xffff) Complain("wrong IP sum");
    if (is_v4_ && IsMade()) Blank(4, 2);
    if (is_v4_) Blank(10, 2);
    if (!is_v4_ && header_ == 48) Blank(44, 4);
    if (cut_.offset == 0) ReadTransport();
    static constexpr char kDigits[] = "0123456789abcdef";
    for (const uint8_t byte : ip_) line_.text += {kDigits[byte >> 4], kDigits[byte & 15]};
    return std::move(line_);
  }

 private:
  void Complain(const std::string& what) {
    line_.problem += (line_.problem.empty() ? "" : ", ") + what;
  }
  void Blank(size_t at, size_t bytes) {
    std::fill_n(ip_.begin() + static_cast<long>(at), bytes, uint8_t{0});
  }
  // The director's own header, going by what is in it.
  [[nodiscard]] bool IsMade() const {
    const uint8_t p = cut_.protocol;
    return p == kIpip || p == kIpv6 || p == kGre || p == kIcmp || IsGue() ||
           (p == kUdp && cut_.offset != 0);
  }
  [[nodiscard]] bool IsGue() const {
    return cut_.protocol == kUdp && cut_.offset == 0 && ip_.size() > header_ + 12 &&
           Word(ip_, header_ + 2) == kGuePort;
  }
  void ReadTransport() {
    if (IsGue()) return ReadGue();
    if (cut_.protocol == kGre) return ReadGre();
    const bool is_error =
        (is_v4_ && cut_.protocol == kIcmp) || (!is_v4_ && cut_.protocol == kIcmpv6);
    if (!is_v4_ && (is_error || cut_.protocol == 6)) {
      ip_[1] &= 0xf0;  // the flow label
      Blank(2, 2);
    }
    if (!is_error || !hides_source_) return;
    Blank(is_v4_ ? 12 : 8, is_v4_ ? 4 : 16);
    if (is_v4_) Blank(6, 2);  // DF
    Blank(header_ + 2, 2);
    const size_t quoted = header_ + 8;
    if (ip_.size() < quoted + 20) return;
    const bool quotes_v4 = ip_[quoted] >> 4 == 4;
    Blank(quoted + (quotes_v4 ? 8 : 7), 1);
    if (quotes_v4) Blank(quoted + 10, 2);
  }
  void ReadGue() {
    line_.source_port = static_cast<uint16_t>(Word(ip_, header_));
    const bool has_sum = Word(ip_, header_ + 6) != 0;
    if (has_sum && !cut_.is_fragment) {
      uint32_t pseudo = kUdp + static_cast<uint32_t>(ip_.size() - header_);
      pseudo = Sum(ip_, is_v4_ ? 12 : 8, is_v4_ ? 20 : 40, pseudo);
      if (Sum(ip_, header_, ip_.size(), pseudo) != 0xffff) Complain("wrong UDP sum");
    }
    line_.text += has_sum ? "with a sum " : "without a sum ";
    Blank(header_, 2);
    Blank(header_ + 6, 2);
  }
  void ReadGre() {
    const bool has_sum = (ip_[header_] & 0x80) != 0;
    if (has_sum && !cut_.is_fragment && Sum(ip_, header_, ip_.size(), 0) != 0xffff) {
      Complain("wrong GRE sum");
    }
  }

  Bytes ip_;
  const bool is_v4_;
  const WireCut cut_;
  const size_t header_;
  const bool hides_source_;
  TunnelLine line_;
};

}  // namespace
}  // namespace tunnel_lines

TunnelLine LineOfTunnel(const WirePacket& packet, bool hides_source) {
  return tunnel_lines::Reader(packet, hides_source).Read();
}

}  // namespace fairlead::golden::wire
