// What the director puts into packets to tell a real server of its client, and the shifting of
// numbers that comes of it: any TCP options and data, and datagrams.
//
// Input: a byte of switches (bit 0: IPv6 packet, bit 1: IPv6 client, bit 2: the checksum is wrong,
// bit 3: PROXY version 1, bit 4: SACK is hidden, bit 5: UDP, bit 6: of IPv4, without a checksum),
// the bytes of options in words of four (UDP: the bytes behind the datagram), the TCP flags, the
// room in front and behind, six numbers of four bytes (three of each direction's shift), a
// timestamp shift; then options and data.
// Checked: no read or write behind the frame, a right checksum stays right and a wrong one wrong,
// what is refused is unchanged, and what was shifted to the real comes back as it was.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "dataplane/wire/ip_header.h"
#include "dataplane/wire/proxy_header.h"
#include "dataplane/wire/sequence_shift.h"
#include "dataplane/wire/toa.h"

namespace fairlead::dataplane {
namespace {

constexpr Ipv4Address kFrom4 = Ipv4Address::FromHost(0xcb007101);
constexpr Ipv4Address kTo4 = Ipv4Address::FromHost(0xc000020a);
constexpr Ipv6Address kFrom6{{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7}};
constexpr Ipv6Address kTo6{{0x20, 1, 0xd, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10}};

void Require(bool claim) {
  if (!claim) std::abort();
}

// A packet whose room is known to the byte.
class TightPacket {
 public:
  TightPacket(const std::vector<uint8_t>& frame, uint32_t before, uint32_t behind)
      : size_(before + static_cast<uint32_t>(frame.size()) + behind),
        bytes_(std::make_unique<uint8_t[]>(size_)),
        start_(before),
        length_(static_cast<uint32_t>(frame.size())) {
    if (!frame.empty()) std::memcpy(data(), frame.data(), frame.size());
  }
  uint8_t* data() noexcept { return bytes_.get() + start_; }
  [[nodiscard]] const uint8_t* data() const noexcept { return bytes_.get() + start_; }
  [[nodiscard]] uint32_t length() const noexcept { return length_; }
  uint8_t* Prepend(uint32_t n) noexcept {
    if (n > start_) return nullptr;
    start_ -= n;
    length_ += n;
    return data();
  }
  void TrimFront(uint32_t n) noexcept {
    start_ += n;
    length_ -= n;
  }
  bool Resize(uint32_t n) noexcept {
    if (start_ + n > size_) return false;
    length_ = n;
    return true;
  }
  PacketMeta& meta() noexcept { return meta_; }
  void Prefetch() noexcept {}
  [[nodiscard]] std::vector<uint8_t> frame() const { return {data(), data() + length_}; }

 private:
  uint32_t size_;
  std::unique_ptr<uint8_t[]> bytes_;
  uint32_t start_, length_;
  PacketMeta meta_;
};
static_assert(Packet<TightPacket>);

const UdpHeader& UdpOf(const uint8_t* frame, const ParsedPacket& parsed) {
  return *HeaderAt<UdpHeader>(frame, parsed.l4_offset);
}

template <typename Address>
bool HasGoodSum(const uint8_t* frame, const ParsedPacket& parsed) {
  const bool is_udp = parsed.protocol == kProtocolUdp;
  const uint32_t length = is_udp ? UdpOf(frame, parsed).length.get().host() : parsed.l4_length();
  const uint64_t pseudo = PseudoHeaderSum(
      parsed.Source<Address>(frame), parsed.Destination<Address>(frame), parsed.protocol, length);
  return Checksum(frame + parsed.l4_offset, length, pseudo).is_zero();
}

// Everything about the packet is as it says, and its checksum as right as it was.
template <typename Address>
void Check(TightPacket& packet, const ParsedPacket& parsed, bool is_good) {
  ParsedPacket again;
  Require(ParseFrame(packet.data(), packet.length(), false, &again).kind == PacketKind::kFlow);
  Require(again == parsed);
  Require(HasGoodSum<Address>(packet.data(), parsed) == is_good);
}

struct Input {
  uint8_t switches, option_words, flags, before, behind;
  FlowShifts shifts;
  const uint8_t* rest;
  size_t size;
};

template <typename Address>
std::vector<uint8_t> FrameOf(const Address& from, const Address& to, const Input& in) {
  const uint32_t l4 = kEthernetHeaderLength + sizeof(IpHeader<Address>);
  const uint32_t options =
      std::min<uint32_t>(in.option_words % 11u * 4u, static_cast<uint32_t>(in.size & ~size_t{3}));
  const auto length = static_cast<uint32_t>(sizeof(TcpHeader) + in.size);
  std::vector<uint8_t> frame(l4 + length);
  WriteEthernet(frame.data(), {}, {}, EtherTypeOf(Address::kFamily));
  IpFields fields;
  fields.protocol = kProtocolTcp;
  fields.payload_length = length;
  WriteIpHeader(frame.data() + kEthernetHeaderLength, from, to, fields);
  auto* tcp = HeaderAt<TcpHeader>(frame.data(), l4);
  tcp->source_port = Be16::FromHost(1025);
  tcp->destination_port = Be16::FromHost(80);
  tcp->sequence = Be32::FromHost(in.shifts.to_real.initial + 1);
  tcp->data_offset = static_cast<uint8_t>((sizeof(TcpHeader) + options) / 4 << 4);
  tcp->flags = in.flags;
  if (in.size > 0) std::memcpy(tcp + 1, in.rest, in.size);
  tcp->checksum = Checksum(tcp, length, PseudoHeaderSum(from, to, kProtocolTcp, length));
  if ((in.switches & 4) != 0) tcp->window = Be16::FromHost(1);  // the checksum is wrong now
  return frame;
}

template <typename Address>
void Shifting(const std::vector<uint8_t>& frame, const Input& in, bool is_good) {
  TightPacket packet(frame, 0, 0);
  ParsedPacket parsed;
  ParseFrame(packet.data(), packet.length(), false, &parsed);
  ShiftToReal(packet.data(), parsed, in.shifts);
  Check<Address>(packet, parsed, is_good);
  ShiftToClient(packet.data(), parsed, in.shifts);
  Check<Address>(packet, parsed, is_good);
  LowerMss(packet.data(), parsed, 20);
  BlankOption(packet.data(), parsed, kTcpOptionToa);
  Check<Address>(packet, parsed, is_good);
  ForEachTcpOption(packet.data(), parsed,
                   [](const TcpOption& option) { Require(option.kind != kTcpOptionToa); });
  const SequenceShift& shift = in.shifts.to_real;
  if (shift.delta - shift.previous_delta < 0x10000) {
    Require(ShiftedBack(shift, Shifted(shift, shift.initial + 1)) == shift.initial + 1);
    Require(ShiftedBack(shift, Shifted(shift, shift.initial)) == shift.initial);
  }
}

template <typename Address, typename Client>
void Telling(const std::vector<uint8_t>& frame, const Input& in, const Client& client,
             bool is_good) {
  TightPacket packet(frame, in.before, in.behind);
  ParsedPacket parsed;
  ParseFrame(packet.data(), packet.length(), false, &parsed);
  const ParsedPacket before = parsed;
  if (AddToa(packet, &parsed, client, Be16::FromHost(4000), 1500) == ToaOutcome::kAdded) {
    Require(parsed.ip_length == before.ip_length + kToaBytes<Client>);
    Check<Address>(packet, parsed, is_good);
  } else {
    Require(packet.frame() == frame && parsed == before);
  }
  const std::vector<uint8_t> whole = packet.frame();
  TightPacket front({}, 0, in.behind + 100u);
  ParsedPacket fields;
  if (!CopyWithoutData(packet, parsed, front, &fields)) return;
  Require(packet.frame() == whole);
  Check<Address>(front, fields, is_good);
  CutData(packet, &parsed);
  Require(packet.frame() == front.frame() && parsed == fields);
  ProxyHeader header;
  const auto version = (in.switches & 8) != 0 ? ProxyVersion::k1 : ProxyVersion::k2;
  const Endpoint endpoint{client, Be16::FromHost(in.before)};
  MakeProxyHeader(version, Transport::kTcp, endpoint, endpoint, &header);
  Require(header.length() <= ProxyHeader::kMostBytes);
  if (PutData(front, &fields, header.bytes())) Check<Address>(front, fields, is_good);
}

// ---- datagrams

template <typename Address>
std::vector<uint8_t> DatagramOf(const Address& from, const Address& to, const Input& in) {
  const uint32_t l4 = kEthernetHeaderLength + sizeof(IpHeader<Address>);
  const auto behind = std::min<uint32_t>(in.option_words, static_cast<uint32_t>(in.size));
  const auto length = static_cast<uint32_t>(sizeof(UdpHeader) + in.size);
  std::vector<uint8_t> frame(l4 + length);
  WriteEthernet(frame.data(), {}, {}, EtherTypeOf(Address::kFamily));
  IpFields fields;
  fields.protocol = kProtocolUdp;
  fields.payload_length = length;
  WriteIpHeader(frame.data() + kEthernetHeaderLength, from, to, fields);
  auto* udp = HeaderAt<UdpHeader>(frame.data(), l4);
  udp->source_port = Be16::FromHost(1025);
  udp->destination_port = Be16::FromHost(53);
  udp->length = Be16::FromHost(static_cast<uint16_t>(length - behind));
  if (in.size > 0) std::memcpy(udp + 1, in.rest, in.size);
  if (Address::kFamily == Family::kIpv4 && (in.switches & 64) != 0) return frame;
  const uint64_t pseudo = PseudoHeaderSum(from, to, kProtocolUdp, length - behind);
  const Be16 sum = Checksum(udp, length - behind, pseudo);
  udp->checksum = sum.is_zero() ? Be16::FromHost(0xffff) : sum;
  if ((in.switches & 4) != 0) udp->source_port = Be16::FromHost(1026);
  return frame;
}

// The header stands in front of the data, what was behind the datagram stays there, and a checksum
// is as right as it was; where there was none, there is none.
template <typename Address, typename Client>
void TellingDatagram(const std::vector<uint8_t>& frame, const Input& in, const Client& client) {
  TightPacket packet(frame, in.before, in.behind);
  ParsedPacket parsed;
  if (ParseFrame(packet.data(), packet.length(), false, &parsed).kind != PacketKind::kFlow) return;
  const ParsedPacket before = parsed;
  const UdpHeader old = UdpOf(frame.data(), parsed);
  const bool is_good = HasGoodSum<Address>(frame.data(), parsed);
  ProxyHeader header;
  const Endpoint endpoint{client, Be16::FromHost(in.behind)};
  MakeProxyHeader(ProxyVersion::k2, Transport::kUdp, endpoint, endpoint, &header);
  const auto bytes = header.bytes();
  if (!PutBeforeDatagram(packet, &parsed, bytes)) {
    Require(in.before < bytes.size() && packet.frame() == frame && parsed == before);
    return;
  }
  ParsedPacket again;
  Require(ParseFrame(packet.data(), packet.length(), false, &again).kind == PacketKind::kFlow);
  Require(again == parsed && parsed.ip_length == before.ip_length + bytes.size());
  std::vector<uint8_t> data(bytes.begin(), bytes.end());
  data.insert(data.end(), frame.begin() + before.payload_offset, frame.end());
  const std::vector<uint8_t> now = packet.frame();
  Require(std::vector<uint8_t>(now.begin() + parsed.payload_offset, now.end()) == data);
  const UdpHeader& udp = UdpOf(packet.data(), parsed);
  Require(udp.length.get().host() == old.length.get().host() + bytes.size());
  Require(udp.source_port.get() == old.source_port.get());
  if (old.checksum.get().is_zero()) {
    Require(udp.checksum.get().is_zero());
  } else {
    Require(!udp.checksum.get().is_zero());
    Require(HasGoodSum<Address>(packet.data(), parsed) == is_good);
  }
}

template <typename Address>
void RunDatagram(const Address& from, const Address& to, const Input& in) {
  const std::vector<uint8_t> frame = DatagramOf(from, to, in);
  if ((in.switches & 2) != 0) {
    TellingDatagram<Address>(frame, in, kFrom6);
  } else {
    TellingDatagram<Address>(frame, in, kFrom4);
  }
}

template <typename Address>
void Run(const Address& from, const Address& to, const Input& in) {
  if ((in.switches & 32) != 0) return RunDatagram(from, to, in);
  const std::vector<uint8_t> frame = FrameOf(from, to, in);
  ParsedPacket parsed;
  if (ParseFrame(frame.data(), static_cast<uint32_t>(frame.size()), false, &parsed).kind !=
      PacketKind::kFlow) {
    return;
  }
  const bool is_good = HasGoodSum<Address>(frame.data(), parsed);
  Shifting<Address>(frame, in, is_good);
  if ((in.switches & 2) != 0) {
    Telling<Address>(frame, in, kFrom6, is_good);
  } else {
    Telling<Address>(frame, in, kFrom4, is_good);
  }
}

}  // namespace
}  // namespace fairlead::dataplane

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fairlead::dataplane;
  constexpr size_t kHead = 5 + 7 * 4;
  if (size < kHead || size > 1500) return 0;
  uint32_t numbers[7];
  std::memcpy(numbers, data + 5, sizeof numbers);
  const Input in{.switches = data[0],
                 .option_words = data[1],
                 .flags = data[2],
                 .before = data[3],
                 .behind = data[4],
                 .shifts = {.to_real = {numbers[0], numbers[1], numbers[2]},
                            .to_client = {numbers[3], numbers[4], numbers[5]},
                            .timestamp_shift = numbers[6],
                            .hides_sack_from_client = (data[0] & 16) != 0},
                 .rest = data + kHead,
                 .size = size - kHead};
  if ((data[0] & 1) == 0) {
    Run(kFrom4, kTo4, in);
  } else {
    Run(kFrom6, kTo6, in);
  }
  return 0;
}
